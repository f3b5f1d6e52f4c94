//! The core's registers after flash calls, in the core itself and not only in OpenOCD's copy.

use std::thread;
use std::time::Instant;

use openocd::{OnClose, Session};
use virtual_chip::firmware::{COUNTER_ADDRESS, IMAGE};
use virtual_chip::{CoreState, Register, VirtualChip};

use super::BASE;
use crate::board::{Board, PATIENCE, config};
use crate::random::Random;

type Call = (&'static str, fn(&Session));

/// Flash calls, each of which runs a program in the core, and others that do.
const CALLS: [Call; 6] = [
    ("verify", |session| assert!(!session.flash().verify(BASE + 0x4000, &[0; 5000]).unwrap())),
    ("erase_sector", |session| session.flash().erase_sector(0, 100, 101).unwrap()),
    ("write", |session| session.flash().write(BASE + 0x1_9000, &[1; 2048]).unwrap()),
    ("unchanged", |session| {
        let image = openocd::Image::bin(BASE, IMAGE).unwrap();
        let options = openocd::WriteOptions::new().skip_unchanged(true);
        assert_eq!(session.flash().write_image_with(&image, options).unwrap().written, 0);
    }),
    ("layout", |session| drop(session.flash().info(0).unwrap())),
    ("test_ram", |session| drop(session.memory().test_ram(0x2000_1000..0x2000_1400).unwrap())),
];

fn registers(chip: &VirtualChip) -> Vec<u32> {
    let general = (0..13).map(Register::R);
    general.chain([Register::Sp, Register::Lr, Register::Pc]).map(|register| chip.register(register)).collect()
}

/// Halts the chip with random values in registers that its program does not use.
fn halted(chip: &VirtualChip) -> Vec<u32> {
    let session = Session::start(config(chip)).unwrap();
    session.target().halt().unwrap();
    let mut random = Random::new(91);
    for number in 4..13 {
        let value = u32::from_le_bytes(random.bytes(4).try_into().unwrap());
        session.registers().write(&format!("r{number}"), value).unwrap();
    }
    session.target().step().unwrap();
    session.close().unwrap();
    assert_eq!(chip.state(), CoreState::Halted);
    registers(chip)
}

#[test]
fn core_that_was_halted_before_the_session_keeps_its_registers() {
    for (name, call) in CALLS {
        let chip = VirtualChip::start().unwrap();
        let before = halted(&chip);
        let session = Session::start(config(&chip)).unwrap();
        call(&session);
        session.close().unwrap();
        assert_eq!(registers(&chip), before, "{name}");
        assert_eq!(chip.state(), CoreState::Halted, "{name}");
        // The firmware goes on, also with its status register.
        let session = Session::start(config(&chip)).unwrap();
        let count = chip.read_u32(COUNTER_ADDRESS).unwrap();
        session.close_with(OnClose::Resume).unwrap();
        let begin = std::time::Instant::now();
        while chip.read_u32(COUNTER_ADDRESS).unwrap() == count {
            assert!(begin.elapsed().as_secs() < 20, "{name}: the firmware goes on");
        }
    }
}

#[test]
fn values_that_only_openocd_has_reach_the_core_at_the_end_of_its_session() {
    for ends_orderly in [true, false] {
        let chip = VirtualChip::start().unwrap();
        let session = Session::start(config(&chip)).unwrap();
        session.target().halt().unwrap();
        for (name, value) in [("r4", 0x1234_5678_u32), ("lr", 0x0800_0055), ("msp", 0x2000_4000), ("primask", 1)] {
            session.registers().write(name, value).unwrap();
        }
        if ends_orderly {
            session.close().unwrap();
        } else {
            drop(session);
        }
        assert_eq!(chip.register(Register::R(4)), 0x1234_5678);
        assert_eq!(chip.register(Register::Lr), 0x0800_0055);
        assert_eq!(chip.register(Register::Sp), 0x2000_4000);
        let session = Session::start(config(&chip)).unwrap();
        session.target().halt().unwrap();
        assert_eq!(session.registers().read_u64("primask").unwrap(), 1);
    }
}

#[test]
fn comparing_flash_of_a_running_chip_writes_nothing() {
    let board = Board::start();
    let data = Random::new(92).bytes(6000);
    board.chip.write_memory(u32::try_from(BASE + 0x4000).unwrap(), &data).unwrap();
    board.chip.watch_accesses(VirtualChip::RAM);
    assert!(board.session.flash().verify(BASE + 0x4000, &data).unwrap());
    assert_eq!(board.session.flash().verify_at(BASE + 0x4001, &data).unwrap().unwrap().address, BASE + 0x4001);
    let accesses = board.chip.take_accesses();
    // The firmware itself writes its counter.
    let foreign = accesses.iter().filter(|access| access.address != COUNTER_ADDRESS);
    assert_eq!(foreign.collect::<Vec<_>>(), Vec::<&virtual_chip::BusAccess>::new());
}

#[test]
fn values_are_written_back_at_once_when_asked() {
    let board = Board::halted();
    let registers = board.session.registers();
    for number in 0..13 {
        registers.write(&format!("r{number}"), 0x1000 + number).unwrap();
    }
    registers.write("pc", 0x0800_0044_u32).unwrap();
    registers.write_back().unwrap();
    let held = |register| board.chip.register(register);
    assert_eq!(
        (0..13).map(|number| held(Register::R(number))).collect::<Vec<_>>(),
        (0x1000..0x100d).collect::<Vec<_>>()
    );
    assert_eq!(held(Register::Pc), 0x0800_0044);
    assert!(registers.read("r7").unwrap().dirty);
    board.session.target().resume().unwrap();
    let error = registers.write_back().unwrap_err();
    assert!(error.is_not_halted(), "{error:?}");
    assert_eq!(error.to_string(), "stm32f1x.cpu must be halted for this, and is running (`reg`)");
}

#[test]
fn what_openocd_has_not_read_and_what_a_reset_has_undone_is_not_written_at_the_end() {
    let chip = VirtualChip::start().unwrap();
    let session = Session::start(config(&chip)).unwrap();
    session.target().halt().unwrap();
    for (name, value) in [("basepri", 0x20), ("control", 2), ("psp", 0x2000_4800_u32)] {
        session.registers().write(name, value).unwrap();
    }
    session.close().unwrap();
    let session = Session::start(config(&chip)).unwrap();
    session.registers().write("primask", 1).unwrap();
    session.close().unwrap();
    assert_eq!(chip.register(Register::Sp), 0x2000_4800);
    let session = Session::start(config(&chip)).unwrap();
    session.target().halt().unwrap();
    for (name, value) in [("primask", 1), ("basepri", 0x20), ("control", 2)] {
        assert_eq!(session.registers().read_u64(name).unwrap(), value, "{name}");
    }
    // OpenOCD does not look, and the core is reset and halted at its first instruction.
    session.registers().write("r4", 0x5555).unwrap();
    session.command("poll off").unwrap();
    chip.reset();
    chip.halt();
    session.close().unwrap();
    assert_ne!(chip.register(Register::R(4)), 0x5555);
}

#[test]
fn resume_at_a_breakpoint_instruction_after_a_flash_call_executes_nothing_before_it() {
    let board = Board::halted();
    // adds r6, #1; nop; bkpt 1
    board.session.memory().write_u16_slice(0x2000_3000, &[0x3601, 0xbf00, 0xbe01]).unwrap();
    for (register, value) in [("pc", 0x2000_3000_u32), ("r6", 0)] {
        board.session.registers().write(register, value).unwrap();
    }
    board.session.flash().info(0).unwrap();
    board.session.target().resume_at(0x2000_3004).unwrap();
    let status = board.session.target().wait_halt(std::time::Duration::from_secs(20)).unwrap();
    assert_eq!(status.pc, Some(0x2000_3004));
    assert_eq!(board.chip.register(Register::R(6)), 0);
}

/// Everything that OpenOCD has logged, if it is not more than it keeps.
fn log_of(session: &Session) -> String {
    session.command("echo {the log ends here}").unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        let log = session.process().unwrap().log_tail().join("\n");
        if log.contains("the log ends here") {
            return log;
        }
        assert!(Instant::now() < end, "{log}");
        thread::yield_now();
    }
}

#[test]
fn a_stack_pointer_that_points_at_no_stack_is_no_error() {
    // That of an erased chip, those of programs that never set it, at nothing, and in RAM that the
    // chip does not have.
    for sp in [0xffff_fffc, 0x5a5a_59ec, 0x4000_4408, 0x2100_0000, 0] {
        let board = Board::halted();
        let session = &board.session;
        for name in ["sp", "msp", "psp"] {
            session.registers().write(name, sp).unwrap();
        }
        session.flash().info(0).unwrap();
        session.flash().erase_sector(0, 100, 101).unwrap();
        session.flash().write(BASE + 0x1_9000, &[1; 2048]).unwrap();
        assert!(session.flash().verify(BASE + 0x1_9000, &[1; 2048]).unwrap());
        assert_eq!(session.registers().read_u64("sp").unwrap(), sp);
        let log = log_of(session);
        assert!(!log.contains("Error") && !log.contains("Failed"), "sp {sp:#x}: {log}");
    }
}
