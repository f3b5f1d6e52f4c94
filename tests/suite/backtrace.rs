//! Backtraces of firmware with debug information, compared with GDB's of the same state.

mod calls;

use std::fs;

use openocd::crash::{Backtrace, BacktraceEnd};
use openocd::{Error, Image, TargetError, VectorCatch};
use virtual_chip::{Register, VirtualHart, firmware};

use crate::board::{Board, PATIENCE};
use crate::core_dump::{CRASH, RAM, crashed, gdb};
use crate::directory::Directory;

/// Function and line of each frame.
type Calls = Vec<(String, u32)>;

fn image() -> Image {
    Image::open(CRASH).unwrap()
}

fn calls(backtrace: &Backtrace) -> Calls {
    let frames = backtrace.frames.iter().flat_map(|frame| &frame.locations);
    frames.map(|location| (location.function.clone().unwrap(), location.line.unwrap())).collect()
}

/// The calls that GDB finds in a core file of the same state.
fn calls_of_gdb(board: &Board, program: &str) -> Calls {
    let directory = Directory::new();
    let core = directory.path().join("core");
    board.session.target().core_dump(&core, &[RAM]).unwrap();
    let text = gdb(Some(program), &core, &["echo calls\\n", "bt"]);
    let (_, listing) = text.split_once("calls\n").unwrap_or_else(|| panic!("{text}"));
    calls_in(listing)
}

/// The calls in what `bt` of GDB prints.
fn calls_in(listing: &str) -> Calls {
    let frames = listing.lines().filter(|line| line.starts_with('#') && line.contains(" at "));
    frames
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let name = if words[1].starts_with("0x") { words[3] } else { words[1] };
            (name.to_owned(), line.rsplit_once(':').unwrap().1.parse().unwrap())
        })
        .collect()
}

#[test]
fn calls_that_led_to_a_fault_are_those_of_gdb() {
    let board = crashed();
    let backtrace = board.session.target().backtrace(&image()).unwrap();
    assert_eq!(calls(&backtrace), calls_of_gdb(&board, CRASH), "{backtrace}");
    assert_eq!(calls(&backtrace).len(), 6);
    assert!(backtrace.frames[1].locations[0].is_inlined && !backtrace.frames[1].locations[1].is_inlined);
    assert_eq!(backtrace.end, BacktraceEnd::Outermost);
    let interrupted: Vec<_> = backtrace.frames.iter().map(|frame| frame.is_interrupted).collect();
    assert_eq!(interrupted, [false, true, false, false, false]);
    assert!(backtrace.frames.iter().all(|frame| !frame.is_guess));
}

#[test]
fn calls_are_those_of_gdb_after_each_instruction() {
    let board = crashed();
    board.session.target().reset(openocd::ResetMode::Halt).unwrap();
    let outer = image().symbol("outer").unwrap().address;
    board.session.command(&format!("bp {outer:#x} 2 hw")).unwrap();
    board.session.command("resume").unwrap();
    board.session.target().wait_halt(PATIENCE).unwrap();
    let mut deepest = 0;
    for _ in 0..14 {
        let backtrace = board.session.target().backtrace(&image()).unwrap();
        assert_eq!(calls(&backtrace), calls_of_gdb(&board, CRASH), "{backtrace}");
        deepest = deepest.max(backtrace.frames.len());
        board.session.command("step").unwrap();
    }
    assert!(deepest >= 4, "{deepest}");
}

#[test]
fn damaged_stack_ends_the_backtrace_with_a_reason() {
    let board = crashed();
    let report = board.session.target().crash_report().unwrap();
    let sp = match report.cortex_m().unwrap().stacked {
        openocd::crash::StackedState::Found(frame) => u64::from(frame.sp),
        other => panic!("{other:?}"),
    };
    // What the functions stored: R4 and return addresses.
    for fill in [0_u32, 0xffff_ffff, 0xffff_fff9, 0x0800_0025, 0x2000_0001, 0xdead_beef] {
        let words: Vec<u32> = vec![fill; ((RAM.end - sp) / 4) as usize];
        board.session.memory().write_u32_slice(sp, &words).unwrap();
        let backtrace = board.session.target().backtrace(&image()).unwrap();
        assert!(backtrace.frames.len() >= 2 && backtrace.frames.len() <= 256, "{fill:#x} {backtrace}");
        assert_eq!((calls(&backtrace)[1].0.as_str(), calls(&backtrace)[2].0.as_str()), ("touch", "inner"));
    }
}

#[test]
fn wrong_stack_pointer_ends_the_backtrace() {
    let board = crashed();
    board.chip.set_register(Register::Msp, 0x1000_0000);
    board.session.command("reg sp 0x10000000").unwrap();
    let backtrace = board.session.target().backtrace(&image()).unwrap();
    assert_eq!(backtrace.frames.len(), 1);
    assert_eq!(backtrace.end, BacktraceEnd::UnreadableStack { address: 0x1000_0000 });
    assert!(backtrace.to_string().ends_with("the stack at 0x10000000 cannot be read"), "{backtrace}");
}

#[test]
fn code_without_unwind_information_makes_its_caller_a_guess() {
    let board = crashed();
    let middle = image().symbol("middle").unwrap().address;
    board.session.memory().write_u16(0x2000_0400, 0xe7fe).unwrap();
    board.session.command("reg pc 0x20000400").unwrap();
    board.session.command(&format!("reg lr {:#x}", middle + 9)).unwrap();
    let backtrace = board.session.target().backtrace(&image()).unwrap();
    assert!(backtrace.frames[0].locations.is_empty());
    assert!(backtrace.frames[1].is_guess, "{backtrace}");
    assert_eq!(backtrace.frames[1].locations[0].function.as_deref(), Some("middle"));
}

#[test]
fn firmware_without_debug_information_still_has_a_first_frame() {
    let board = Board::halted();
    let image = Image::bin(0x0800_0000, vec![0; 4]).unwrap();
    // Behind the call in the loop, where LR still holds the same address.
    board.session.command(&format!("reg pc {:#x}", firmware::CALL + 4)).unwrap();
    board.session.command(&format!("reg lr {:#x}", firmware::CALL + 5)).unwrap();
    let backtrace = board.session.target().backtrace(&image).unwrap();
    assert_eq!(backtrace.frames[0].pc, board.session.registers().pc().unwrap());
    assert_eq!(backtrace.end, BacktraceEnd::NoUnwindInfo { pc: u64::from(firmware::CALL) + 4 }, "{backtrace}");
}

#[test]
fn running_target_and_riscv_hart_are_refused() {
    let board = Board::start();
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    let error = board.session.target().backtrace(&image()).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
    let hart = VirtualHart::start().unwrap();
    let session = openocd::Session::start(hart.openocd_config()).unwrap();
    session.target().halt().unwrap();
    let error = session.target().backtrace(&image()).unwrap_err();
    assert_eq!(error.to_string(), "hart0.cpu is a target of type riscv, for which there is no backtrace");
}

#[test]
fn location_is_that_of_the_sources() {
    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/crash/crash.c")).unwrap();
    let read = 1 + source.lines().position(|line| line.contains("return *address")).unwrap();
    let board = crashed();
    let pc = board.session.target().crash_report().unwrap().fault_pc().unwrap();
    let locations = image().location(pc).unwrap();
    assert_eq!((locations[0].function.as_deref(), locations[0].line), (Some("touch"), Some(read as u32)));
    assert_eq!(locations[1].function.as_deref(), Some("inner"));
    assert_eq!(locations.iter().map(|location| location.is_inlined).collect::<Vec<_>>(), [true, false]);
    for address in [0x2000_0000, u64::MAX] {
        assert_eq!(image().location(address).unwrap(), []);
    }
    let counter = Image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf")).unwrap();
    let error = counter.location(0x0800_0040).unwrap_err();
    assert!(error.to_string().contains("has no debug information"), "{error}");
}
