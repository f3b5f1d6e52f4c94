//! Run control on the chip, and each failure that the error table promises.

use std::thread;
use std::time::{Duration, Instant};

use openocd::{
    BreakpointKind, Error, HaltReason, OnClose, OpenOcdProcess, Redirected, ResetMode, Session, TargetError,
    TargetState, TimeoutError,
};
use virtual_chip::{CoreState, Model, VirtualBoard, VirtualChip, firmware};

use crate::board::{Board, INSTALL, PATIENCE, transport};

/// Two chips on one JTAG chain: the targets `chip1.cpu` and `chip0.cpu`, of which the last is the
/// current one.
fn chain() -> VirtualBoard {
    VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).expect("a free port")
}

fn two_chips(chips: &VirtualBoard) -> Session {
    Session::start(chips.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"))
}

#[test]
fn halt_stops_the_core_and_reports_its_pc() {
    let board = Board::start();
    let status = board.session.target().halt().unwrap();
    assert_eq!((&*status.name, status.state), ("stm32f1x.cpu", TargetState::Halted));
    assert_eq!(status.halt_reason, Some(HaltReason::DebugRequest));
    assert_eq!(status.pc, Some(u64::from(board.chip.register(virtual_chip::Register::Pc))));
    assert_eq!(board.chip.state(), CoreState::Halted);
}

#[test]
fn halting_a_halted_target_succeeds() {
    let board = Board::halted();
    let before = board.session.target().status().unwrap();
    assert_eq!(board.session.target().halt().unwrap(), before);
}

#[test]
fn resume_runs_from_the_pc_or_from_an_address() {
    let board = Board::halted();
    let counter = || board.chip.read_u32(firmware::COUNTER_ADDRESS).unwrap();
    let before = counter();
    board.session.target().resume().unwrap();
    assert_eq!(board.chip.state(), CoreState::Running);
    while counter() == before {
        thread::yield_now();
    }
    board.session.target().halt().unwrap();
    board.session.target().resume_at(u64::from(firmware::STOP)).unwrap();
    assert_eq!(board.session.target().halt().unwrap().pc, Some(u64::from(firmware::STOP)));
}

#[test]
fn step_executes_one_instruction() {
    let board = Board::halted();
    let status = board.session.target().step_at(u64::from(firmware::LOOP)).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(u64::from(firmware::STORE)), Some(HaltReason::SingleStep)));
    assert_eq!(board.session.target().step().unwrap().pc, Some(u64::from(firmware::CALL)));
}

#[test]
fn the_thumb_bit_of_a_code_address_is_masked() {
    let board = Board::halted();
    let target = board.session.target();
    let odd = |address: u32| u64::from(address) | 1;
    assert_eq!(target.step_at(odd(firmware::LOOP)).unwrap().pc, Some(u64::from(firmware::STORE)));
    target.resume_at(odd(firmware::STOP)).unwrap();
    assert_eq!(target.halt().unwrap().pc, Some(u64::from(firmware::STOP)));
    board.session.registers().write("pc", odd(firmware::LOOP)).unwrap();
    assert_eq!(board.session.registers().pc().unwrap(), u64::from(firmware::LOOP));
    let mut batch = board.session.batch();
    let written = batch.registers().write("pc", odd(firmware::STORE));
    batch.run().unwrap();
    written.result().unwrap();
    assert_eq!(board.session.registers().pc().unwrap(), u64::from(firmware::STORE));
    assert_eq!(target.step().unwrap().pc, Some(u64::from(firmware::CALL)));
    // Other registers keep theirs.
    board.session.registers().write("r0", 3).unwrap();
    assert_eq!(board.session.registers().read_u64("r0").unwrap(), 3);
}

#[test]
fn resume_and_step_of_a_running_target_are_not_halted() {
    let board = Board::halted();
    board.session.target().resume().unwrap();
    for error in [board.session.target().resume().unwrap_err(), board.session.target().step().unwrap_err()] {
        let Error::Target(TargetError::NotHalted { target, state, .. }) = &error else { panic!("{error:?}") };
        assert_eq!((&**target, *state), ("stm32f1x.cpu", TargetState::Running));
    }
    assert_eq!(board.chip.state(), CoreState::Running);
}

#[test]
fn reset_leaves_the_target_as_asked() {
    let board = Board::halted();
    let resets = board.chip.reset_count();
    for mode in [ResetMode::Halt, ResetMode::Init] {
        let status = board.session.target().reset(mode).unwrap();
        assert_eq!((status.state, status.pc), (TargetState::Halted, Some(u64::from(firmware::MAIN))));
    }
    board.session.target().reset(ResetMode::Run).unwrap();
    assert!(board.chip.reset_count() >= resets + 3, "{} after {resets}", board.chip.reset_count());
    assert_eq!(board.chip.state(), CoreState::Running);
}

#[test]
fn a_target_that_will_not_halt_is_a_target_error() {
    let board = Board::start();
    board.chip.faults().refuse_halt(true);
    let error = board.session.target().halt().unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Halt(_))), "{error:?}");
    assert_eq!(error.command(), Some("halt"));
    board.chip.faults().refuse_halt(false);
    board.session.target().halt().unwrap();
}

#[test]
fn wait_halt_waits_until_its_timeout() {
    let board = Board::halted();
    board.session.target().resume().unwrap();
    let error = board.session.target().wait_halt(Duration::from_millis(50)).unwrap_err();
    let Error::Timeout(TimeoutError::Halt { target, state, after }) = &error else { panic!("{error:?}") };
    assert_eq!((&**target, *state, *after), ("stm32f1x.cpu", TargetState::Running, Duration::from_millis(50)));

    let status = thread::scope(|scope| {
        let waiting = scope.spawn(|| board.session.target().wait_halt(Duration::from_secs(30)));
        thread::sleep(Duration::from_millis(30));
        // The session is free for others meanwhile.
        board.session.memory().write_u32(0x2000_0000, 1).unwrap();
        board.session.command("halt").unwrap();
        waiting.join().unwrap().unwrap()
    });
    assert_eq!(status.state, TargetState::Halted);
    assert_eq!(board.session.target().wait_halt(Duration::ZERO).unwrap().state, TargetState::Halted);
}

#[test]
fn wait_halt_sees_a_breakpoint() {
    let board = Board::halted();
    board.session.command(&format!("bp {:#x} 2 hw", firmware::WORK)).unwrap();
    board.session.target().resume().unwrap();
    let status = board.session.target().wait_halt(Duration::from_secs(30)).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(u64::from(firmware::WORK)), Some(HaltReason::Breakpoint)));
}

#[test]
fn a_chip_without_power_is_an_error_everywhere() {
    let board = Board::halted();
    board.chip.faults().power_off();
    let target = board.session.target();
    let results = [
        target.status().map(drop),
        target.wait_halt(Duration::from_secs(1)).map(drop),
        target.step().map(drop),
        target.resume(),
        target.reset(ResetMode::Halt).map(drop),
        board.session.registers().forced().read("r0").map(drop),
        board.session.memory().read_u32(0x2000_0000).map(drop),
        board.session.memory().write_u32(0x2000_0000, 1),
    ];
    for (call, result) in results.iter().enumerate() {
        assert!(matches!(result, Err(Error::Target(_))), "call {call}: {result:?}");
    }
    board.chip.faults().power_on();
    board.session.target().reset(ResetMode::Halt).unwrap();
    board.session.memory().write_u32(0x2000_0000, 1).unwrap();
    // It woke up with JTAG.
    assert_eq!(board.chip.transport(), transport());
}

#[test]
fn a_session_survives_a_chip_that_stops_answering() {
    let board = Board::start_with(Session::builder().timeout(Duration::from_secs(3)), |openocd| openocd);
    board.session.target().halt().unwrap();
    board.chip.faults().stop_answering(true);
    let error = board.session.memory().read_u32(0x2000_0000).unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Reply { .. })), "{error:?}");
    board.chip.faults().stop_answering(false);
    board.chip.write_u32(0x2000_0000, 0x1234_5678).unwrap();
    assert_eq!(board.session.memory().read_u32(0x2000_0000).unwrap(), 0x1234_5678);
}

#[test]
fn targets_are_listed_as_configured() {
    let board = Board::halted();
    let targets = board.session.targets().unwrap();
    let [target] = &targets[..] else { panic!("{targets:?}") };
    assert_eq!((&*target.name, &*target.kind, &*target.tap), ("stm32f1x.cpu", "cortex_m", "stm32f1x.cpu"));
    assert!(target.little_endian && target.examined);
    assert_eq!(target.state, TargetState::Halted);
}

#[test]
fn the_name_of_the_current_target_is_known() {
    let chips = chain();
    let session = two_chips(&chips);
    assert_eq!(session.target().name().unwrap(), "chip0.cpu");
    session.command("targets chip1.cpu").unwrap();
    assert_eq!(session.target().name().unwrap(), "chip1.cpu");
    assert_eq!(session.target_named("chip0.cpu").unwrap().name().unwrap(), "chip0.cpu");
    assert_eq!(
        format!("{:?} {:?}", session.target(), session.target_named("chip0.cpu").unwrap()),
        "Target(current) Target(chip0.cpu)"
    );
}

#[test]
fn a_named_target_neither_uses_nor_changes_the_current_one() {
    let chips = chain();
    let session = two_chips(&chips);
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
    let a = session.target_named("chip1.cpu").unwrap();
    assert_eq!((&*a.name().unwrap(), &*a.status().unwrap().name), ("chip1.cpu", "chip1.cpu"));
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
    assert_eq!(session.target().status().unwrap().name, "chip0.cpu");
    thread::scope(|scope| {
        for name in ["chip1.cpu", "chip0.cpu", "chip1.cpu", "chip0.cpu"] {
            let session = &session;
            scope.spawn(move || {
                for _ in 0..50 {
                    assert_eq!(session.target_named(name).unwrap().status().unwrap().name, name);
                }
            });
        }
        for _ in 0..50 {
            assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
        }
    });
}

#[test]
fn a_named_target_that_fails_leaves_the_current_one() {
    let chips = chain();
    let session = two_chips(&chips);
    let a = session.target_named("chip1.cpu").unwrap();
    let error = a.memory().read_u32(0x6000_0000).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryRead { .. })), "{error:?}");
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
}

#[test]
fn an_unknown_target_is_an_error_with_all_names() {
    let chips = chain();
    let session = two_chips(&chips);
    for name in ["chip2.cpu", "", "chip1.cpu chip0.cpu", "[exit]"] {
        let error = session.target_named(name).unwrap_err();
        let Error::Target(TargetError::Unknown { known, .. }) = &error else { panic!("{error:?}") };
        assert_eq!(known, &["chip1.cpu", "chip0.cpu"]);
    }
}

#[test]
fn without_any_target_every_call_says_so() {
    // The adapter and its TAPs, without `target/stm32f1x.cfg`.
    let chip = VirtualChip::start().unwrap();
    let adapter = chip.openocd_config().replace("-f target/stm32f1x.cfg", "");
    let taps = "jtag newtap x cpu -irlen 4 -expected-id 0x3ba00477; jtag newtap x bs -irlen 5 -expected-id 0x16410041";
    let session = Session::builder().start(OpenOcdProcess::builder().config(adapter).command(taps)).unwrap();
    assert!(session.targets().unwrap().is_empty());
    let (target, memory) = (session.target(), session.memory());
    for result in [
        target.name().map(drop),
        target.status().map(drop),
        target.wait_halt(Duration::ZERO).map(drop),
        target.halt().map(drop),
        target.resume(),
        target.step_at(0).map(drop),
        target.reset(ResetMode::Run).map(drop),
        target.examined().map(drop),
        target.reexamine().map(drop),
        session.reset_all(ResetMode::Halt).map(drop),
        session.registers().pc().map(drop),
        session.registers().read_all().map(drop),
        session.registers().write("pc", 0),
        memory.read_u8(0).map(drop),
        memory.read_bytes(0, 100).map(drop),
        memory.write_u8(0, 1),
        memory.write_bytes(0, &[0; 100]),
        session.breakpoints().list().map(drop),
        session.breakpoints().add(0, BreakpointKind::Hardware).map(drop),
        session.riscv().dmi_read(0x11).map(drop),
        session.rtt().setup(0x2000_0000, 0x100, "SEGGER RTT"),
        session.semihosting().is_enabled().map(drop),
        session.semihosting().enable(),
        session.semihosting().serve().map(drop),
        session.semihosting().redirect(Redirected::All).map(drop),
        session.flash().read(0x0800_0000, 4).map(drop),
        session.flash().write(0x0800_0000, &[0; 4]),
        session.flash().erase_address(0x0800_0000, 4),
        target.crash_report().map(drop),
        target.is_crashed().map(drop),
        target.leave(),
        target.vector_catch().map(drop),
        memory.test_ram(0x2000_0000..0x2000_0100).map(drop),
        session.command("halt").map(drop),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::NoTarget { .. })), "{error:?}");
        assert!(error.to_string().contains("OpenOCD has no targets"), "{error}");
    }
    // There is nothing to leave.
    session.close_with(OnClose::Leave).unwrap();
}

#[test]
fn run_control_refuses_addresses_that_the_target_cannot_have() {
    let board = Board::halted();
    let before = board.session.target().status().unwrap();
    for error in [
        board.session.target().step_at(0x1_0800_0060).unwrap_err(),
        board.session.target().resume_at(0x1_0800_0060).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Target(TargetError::OutOfAddressSpace { bits: 32, .. })), "{error:?}");
    }
    assert_eq!(board.session.target().status().unwrap(), before);
}

#[test]
fn a_target_that_openocd_lost_has_no_state() {
    let board = Board::halted();
    board.chip.faults().power_off();
    // OpenOCD's own polling finds out. Newer ones then take the target for one that was never
    // examined, and keep its last state.
    let begin = Instant::now();
    let openocd = board.session.process().unwrap();
    while !openocd.log_tail().iter().any(|line| line.contains("trying to reexamine")) {
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", openocd.log_tail());
        thread::sleep(Duration::from_millis(1));
    }
    let target = board.session.target();
    for result in
        [target.status().map(drop), target.wait_halt(Duration::from_secs(1)).map(drop), target.halt().map(drop)]
    {
        assert!(matches!(result, Err(Error::Target(TargetError::Poll(_) | TargetError::Halt(_)))), "{result:?}");
    }
    assert!(matches!(target.step(), Err(Error::Target(_))));
    assert!(matches!(board.session.registers().forced().read("r0"), Err(Error::Target(_))));
    if !board.session.targets().unwrap()[0].examined {
        let error = target.status().unwrap_err();
        assert_eq!(error.code(), Some(-311));
        assert!(error.to_string().contains("stm32f1x.cpu is not examined: OpenOCD has lost it"), "{error}");
        assert!(error.to_string().contains("`Target::reexamine`"), "{error}");
    }
}

#[test]
fn a_core_that_has_reset_itself_runs() {
    let board = Board::halted();
    // AIRCR.SYSRESETREQ
    board.session.memory().write_u32(0xe000_ed0c, 0x05fa_0004).unwrap();
    assert_eq!(board.session.target().status().unwrap().state, TargetState::Running);
}

#[test]
fn the_error_of_a_running_target_names_it_and_says_nothing_twice() {
    let board = Board::halted();
    let session = &board.session;
    session.flash().banks().unwrap();
    session.target().resume().unwrap();
    let image = openocd::Image::bin(0x0800_4000, vec![1; 100]).unwrap();
    for (result, command) in [
        (session.flash().write_image(&image).map(drop), "flash erase_sector 0 16 16"),
        (session.flash().unprotect(0, 4..=4), "flash protect 0 4 4 off"),
        (session.registers().pc().map(drop), "reg pc"),
        (session.target().step().map(drop), "step"),
        (session.target().run_until(openocd::RunUntil::new(), PATIENCE).map(drop), "resume"),
        (session.command("flash erase_sector 0 16 16").map(drop), "flash erase_sector 0 16 16"),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), format!("stm32f1x.cpu must be halted for this, and is running (`{command}`)"));
    }
    // OpenOCD's refusal is in the error, if OpenOCD was asked.
    let error = session.flash().write_image(&image).unwrap_err();
    assert!(error.failure().is_some(), "{error:?}");
}
