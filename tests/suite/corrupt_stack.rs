//! Stack pointers that lead to peripherals: reading there would change them.

use openocd::crash::{Backtrace, ExcReturn};
use openocd::{CrashReport, Image};
use virtual_chip::Register;

use crate::board::Board;
use crate::core_dump::{CRASH, crashed};

/// USART1, whose data register takes the byte that waits out when it is read.
const USART1: u32 = 0x4001_3800;

/// The stack pointer of a handler; OpenOCD has both names in its copy.
const MAIN: [&str; 2] = ["sp", "msp"];

/// A chip that has crashed, whose firmware has lost a stack pointer.
fn with_stack_pointer(names: &[&str], value: u32) -> Board {
    let board = crashed();
    for name in names {
        board.session.registers().write(name, value).unwrap();
    }
    // Above code and RAM; the system's own space is at the end.
    board.chip.watch_accesses(0x4000_0000..0xe000_0000);
    board
}

fn report(board: &Board) -> CrashReport {
    let report = board.session.target().crash_report().unwrap();
    no_device_was_read(board);
    report
}

fn backtrace(board: &Board) -> Backtrace {
    let backtrace = board.session.target().backtrace(&Image::open(CRASH).unwrap()).unwrap();
    no_device_was_read(board);
    backtrace
}

fn no_device_was_read(board: &Board) {
    let mut accesses = board.chip.take_accesses();
    // External RAM.
    accesses.retain(|access| !(0x6000_0000..0xa000_0000).contains(&access.address));
    assert!(accesses.is_empty(), "{} accesses, the first of {:#010x}", accesses.len(), accesses[0].address);
}

#[test]
fn byte_that_waits_in_a_peripheral_stays_there() {
    let board = crashed();
    board.chip.write_u32(USART1 + 0xc, 0x2004).unwrap();
    board.chip.send_to_usart1(0x55);
    for name in MAIN {
        board.session.registers().write(name, USART1).unwrap();
    }
    board.session.target().crash_report().unwrap();
    board.session.target().backtrace(&Image::open(CRASH).unwrap()).unwrap();
    assert_eq!(board.chip.read_u32(USART1).unwrap() & 1 << 5, 1 << 5, "RXNE");
}

#[test]
fn nothing_is_read_where_no_stack_can_be() {
    for (sp, region) in [
        (USART1, "peripheral"),
        (0x5fff_fffc, "peripheral"),
        (0xa000_0000, "device"),
        (0xdfff_fffc, "device"),
        (0xe000_ed00, "system"),
        (0xffff_fffc, "system"),
    ] {
        let board = with_stack_pointer(&MAIN, sp);
        let report = report(&board);
        let text = report.to_string();
        let line = format!(
            "stored state: the stack pointer is wrong; {sp:#010x} is in the {region} region, where nothing was read\n"
        );
        assert!(text.contains(&line), "{text}");
        assert_eq!(report.fault_pc(), None);
        assert!(!report.cortex_m().unwrap().is_stack_overflow());
        let backtrace = backtrace(&board);
        let end = format!("the stack at {sp:#010x} is in the {region} region, and is not read");
        assert!(backtrace.to_string().ends_with(&end), "{backtrace}");
    }
}

#[test]
fn nothing_is_read_beyond_the_last_address_of_a_stack() {
    // There is no memory either.
    for sp in [0x3fff_fff0, 0x9fff_ff00_u32] {
        let board = with_stack_pointer(&MAIN, sp);
        let report = report(&board);
        let text = report.to_string();
        assert!(text.contains(&format!("memory at {sp:#010x} cannot be read\n")), "{text}");
        let end = format!("the stack at {sp:#010x} cannot be read");
        assert!(backtrace(&board).to_string().ends_with(&end));
    }
}

#[test]
fn process_stack_in_a_peripheral_is_not_read() {
    let board = with_stack_pointer(&["psp"], USART1 + 4);
    board.session.registers().write("lr", 0xffff_fffd_u32).unwrap();
    assert!(ExcReturn::new(0xffff_fffd).unwrap().uses_psp());
    let text = report(&board).to_string();
    assert!(text.contains("0x40013804 is in the peripheral region"), "{text}");
    let backtrace = backtrace(&board);
    assert!(backtrace.to_string().ends_with("the stack at 0x40013804 is in the peripheral region, and is not read"));
    assert_ne!(board.chip.register(Register::Msp), USART1);
}
