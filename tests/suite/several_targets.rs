//! Several targets on one chain: each by its name, whoever else uses them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use openocd::{BreakpointKind, Error, OpenOcdProcess, ResetMode, Session, TargetError, TargetState, WatchpointAccess};
use virtual_chip::{CoreState, Model, Transport, VirtualBoard, firmware};

use crate::board::{Board, INSTALL, PATIENCE};

const COUNTED: u32 = 4;

fn board(models: &[Model]) -> (Session, VirtualBoard) {
    let board = VirtualBoard::start(models).expect("a free port");
    let openocd = OpenOcdProcess::builder().config(board.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd);
    (session.unwrap_or_else(|error| panic!("{INSTALL}\n{error}")), board)
}

#[test]
fn targets_are_listed_with_all_that_is_known() {
    let (session, _board) = board(&[Model::Stm32f103, Model::RiscvHart]);
    // Newer OpenOCD knows the state of a target from the first look on only.
    for name in ["hart0.cpu", "chip0.cpu"] {
        session.target_named(name).unwrap().status().unwrap();
    }
    let targets = session.targets().unwrap();
    let listed: Vec<_> = targets.iter().map(|t| (&*t.name, &*t.kind, t.little_endian, &*t.tap, t.examined)).collect();
    assert_eq!(
        listed,
        [("hart0.cpu", "riscv", true, "hart0.cpu", true), ("chip0.cpu", "cortex_m", true, "chip0.cpu", true)]
    );
    assert!(targets.iter().all(|target| target.state == TargetState::Running), "{targets:?}");
    session.target_named("chip0.cpu").unwrap().halt().unwrap();
    let states: Vec<_> = session.targets().unwrap().into_iter().map(|target| target.state).collect();
    assert_eq!(states, [TargetState::Running, TargetState::Halted]);
}

/// What one thread does to its target, and to none but it: memory, registers, run control,
/// breakpoints.
fn exercise(session: &Session, name: &str, place: u64, registers: [&str; 2], code: u64, kind: BreakpointKind) {
    let target = session.target_named(name).unwrap();
    for round in 0..COUNTED {
        let value = u32::from_le_bytes([round as u8, place as u8, (place >> 8) as u8, name.as_bytes()[4]]);
        target.memory().write_u32(place, value).unwrap();
        assert_eq!(target.memory().read_u32(place).unwrap(), value, "{name} at {place:#x}");
        target.registers().write(registers[0], value).unwrap();
        assert_eq!(target.registers().read(registers[0]).unwrap().value.to_u64(), Some(value.into()), "{name}");
        assert!(target.registers().read(registers[1]).is_err(), "{name} has no {}", registers[1]);
        let set = target.breakpoints().add(code, kind).unwrap();
        assert!(target.breakpoints().list().unwrap().contains(&set));
        target.breakpoints().remove(code).unwrap();
        let status = target.status().unwrap();
        assert_eq!((&*status.name, status.state), (name, TargetState::Halted));
    }
}

/// Eight threads on two targets by name, while another client and a raw command of the same session
/// change what is current.
fn eight_threads(models: [Model; 2], names: [&str; 2]) {
    let (session, _board) = board(&models);
    for name in names {
        session.target_named(name).unwrap().halt().unwrap();
    }
    let other = Session::connect(session.process().unwrap().tcl_address()).unwrap();
    let current = session.command("target current").unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Another client.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for name in names {
                    other.command(&format!("targets {name}")).unwrap();
                    assert_eq!(other.command("target current").unwrap(), name, "a client's current target is its own");
                    other.target().status().unwrap();
                }
            }
        });
        // Another thread on the same connection.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(session.command("target current").unwrap(), current);
                assert_eq!(session.target().status().unwrap().name, current);
            }
        });
        let workers: Vec<_> = (0..8_u64)
            .map(|worker| {
                let (session, name) = (&session, names[worker as usize % 2]);
                scope.spawn(move || {
                    let lane = worker / 2;
                    if name.starts_with("hart") {
                        let registers = [["a2", "a3", "a4", "a5"][lane as usize], "r4"];
                        let (place, code) = (0x8000_1000 + 4 * worker, 0x8000_0100 + 4 * lane);
                        exercise(session, name, place, registers, code, BreakpointKind::Software);
                    } else {
                        let registers = [["r4", "r5", "r6", "r7"][lane as usize], "a0"];
                        let (place, code) = (0x2000_1000 + 4 * worker, 0x0800_0100 + 4 * lane);
                        exercise(session, name, place, registers, code, BreakpointKind::Hardware);
                    }
                })
            })
            .collect();
        let finished: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        for worker in finished {
            worker.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    assert_eq!(session.command("target current").unwrap(), current);
}

#[test]
fn eight_threads_use_two_equal_chips_by_name() {
    eight_threads([Model::Stm32f103, Model::Stm32f103], ["chip0.cpu", "chip1.cpu"]);
}

#[test]
fn eight_threads_use_a_chip_and_a_hart_by_name() {
    eight_threads([Model::Stm32f103, Model::RiscvHart], ["chip0.cpu", "hart0.cpu"]);
}

#[test]
fn each_of_two_chips_gets_its_own_commands() {
    let (session, board) = board(&[Model::Stm32f103, Model::Stm32f103]);
    let [first, second] = board.chips() else { panic!("there are two") };
    let (a, b) = (session.target_named("chip0.cpu").unwrap(), session.target_named("chip1.cpu").unwrap());
    a.halt().unwrap();
    assert_eq!((first.state(), second.state()), (CoreState::Halted, CoreState::Running));
    a.memory().write_u32(0x2000_0000, 0xaaaa_aaaa).unwrap();
    b.memory().write_u32(0x2000_0000, 0xbbbb_bbbb).unwrap();
    assert_eq!((first.read_u32(0x2000_0000), second.read_u32(0x2000_0000)), (Ok(0xaaaa_aaaa), Ok(0xbbbb_bbbb)));
    assert!(matches!(b.registers().pc(), Err(Error::Target(TargetError::NotHalted { .. }))));
    a.breakpoints().add(u64::from(firmware::WORK), BreakpointKind::Hardware).unwrap();
    assert!(b.breakpoints().list().unwrap().is_empty());
    a.resume().unwrap();
    assert_eq!(a.wait_halt(PATIENCE).unwrap().pc, Some(u64::from(firmware::WORK)));
    assert_eq!(second.state(), CoreState::Running);
}

#[test]
fn a_scope_ends_on_the_target_that_it_began_on() {
    let (session, _board) = board(&[Model::Stm32f103, Model::Stm32f103]);
    session.reset_all(ResetMode::Halt).unwrap();
    let (a, b) = (session.target_named("chip0.cpu").unwrap(), session.target_named("chip1.cpu").unwrap());
    let (code, data) = (u64::from(firmware::WORK), 0x2000_2000);
    let kept = b.breakpoints().add(code, BreakpointKind::Hardware).unwrap();
    let watched = b.breakpoints().add_watchpoint(data, 4, WatchpointAccess::Write).unwrap();
    session.command("targets chip0.cpu").unwrap();
    let breakpoint = session.breakpoints().scoped(code, BreakpointKind::Hardware).unwrap();
    let watchpoint = session.breakpoints().scoped_watchpoint(data, 4, WatchpointAccess::Write).unwrap();
    session.command("targets chip1.cpu").unwrap();
    drop(breakpoint);
    watchpoint.remove().unwrap();
    assert_eq!((a.breakpoints().list().unwrap(), b.breakpoints().list().unwrap()), (vec![], vec![kept]));
    let watchpoints = [a, b].map(|target| target.breakpoints().list_watchpoints().unwrap());
    assert_eq!(watchpoints, [vec![], vec![watched]]);
    assert_eq!(session.command("target current").unwrap(), "chip1.cpu");
}

#[test]
fn a_reset_of_all_reports_every_target() {
    let (session, board) = board(&[Model::Stm32f103, Model::Stm32f103]);
    let statuses = session.reset_all(ResetMode::Halt).unwrap();
    let names: Vec<_> = statuses.iter().map(|status| (&*status.name, status.state)).collect();
    assert_eq!(names, [("chip1.cpu", TargetState::Halted), ("chip0.cpu", TargetState::Halted)]);
    assert!(board.chips().iter().all(|chip| chip.state() == CoreState::Halted));
    session.reset_all(ResetMode::Run).unwrap();
    assert!(board.chips().iter().all(|chip| chip.state() == CoreState::Running));
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
    board.chips()[1].faults().power_off();
    let error = session.reset_all(ResetMode::Halt).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Reset(_))), "{error:?}");
}

const CPUID: Range<u32> = 0xe000_ed00..0xe000_ed04;

/// Two chips, of which OpenOCD cannot examine some: it does not learn which core they have.
fn board_with_dark_chips(dark: &[usize]) -> (Session, VirtualBoard) {
    let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).expect("a free port");
    for &number in dark {
        board.chips()[number].faults().bus_fault_at(CPUID);
    }
    let openocd = OpenOcdProcess::builder().config(board.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    session.command("targets chip0.cpu").unwrap();
    (session, board)
}

/// Fails with this text, and has left the current target as it was.
#[track_caller]
fn assert_reset_fails(session: &Session, mode: ResetMode, text: &str) {
    let error = session.reset_all(mode).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Reset(_))) && error.to_string().contains(text), "{error:?}");
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
}

/// Has a script answer for a target from the end of the next reset on.
fn after_reset(session: &Session, target: &str, script: &str) {
    let replace = format!("rename {target} real; proc {target} {{args}} {{{script}}}");
    session.command(&format!("{target} configure -event reset-end {{{replace}}}")).unwrap();
}

#[test]
fn a_reset_of_all_lists_what_was_not_examined() {
    let (session, _board) = board_with_dark_chips(&[1]);
    let statuses = session.reset_all(ResetMode::Run).unwrap();
    let [dark, lit] = &statuses[..] else { panic!("{statuses:?}") };
    assert_eq!((&*dark.name, dark.state), ("chip1.cpu", TargetState::Unknown));
    // A look right after a reset finds that there was one.
    assert!(matches!(lit.state, TargetState::Running | TargetState::Reset), "{lit}");
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
    // Where they are to halt OpenOCD itself wants all.
    assert_reset_fails(&session, ResetMode::Halt, "chip1.cpu");
}

#[test]
fn a_reset_of_all_after_which_none_answers_or_one_is_lost_fails() {
    let (session, _board) = board_with_dark_chips(&[0, 1]);
    assert_reset_fails(&session, ResetMode::Run, "chip1.cpu is not examined");

    let (session, _board) = board_with_dark_chips(&[]);
    after_reset(&session, "chip1.cpu", "if {$args eq {was_examined}} {return 0}; return running");
    assert_reset_fails(&session, ResetMode::Run, "chip1.cpu is not examined");
}

#[test]
fn a_look_that_fails_after_a_reset_of_all_leaves_the_current_target() {
    let (session, _board) = board(&[Model::Stm32f103, Model::Stm32f103]);
    session.command("targets chip0.cpu").unwrap();
    after_reset(
        &session,
        "chip1.cpu",
        "if {$args eq {was_examined}} {return 1}; if {$args eq {arp_poll}} {error gone}; return running",
    );
    assert_reset_fails(&session, ResetMode::Run, "gone");
}

/// OpenOCD makes no target of a disabled TAP current, so what is current could not be restored.
#[test]
fn a_current_target_of_a_disabled_tap_is_kept() {
    let session = Session::builder().timeout(Duration::from_secs(5));
    let board = Board::over(Transport::Jtag, session, |openocd| {
        openocd
            .command("jtag newtap off cpu -irlen 4 -disable")
            .command("target create off.cpu testee -chain-position off.cpu")
    });
    let session = &board.session;
    assert_eq!(session.command("target current").unwrap(), "off.cpu");
    let named = session.target_named("stm32f1x.cpu").unwrap();
    let mut batch = named.batch();
    let _read = batch.memory().read_u32(0x2000_0000);
    let in_a_batch = batch.run().unwrap_err();
    for error in [named.halt().unwrap_err(), named.memory().write_u32(0x2000_0000, 1).unwrap_err(), in_a_batch] {
        assert!(error.to_string().contains("off.cpu is current, but its TAP is disabled"), "{error}");
    }
    assert_eq!(session.command("target current").unwrap(), "off.cpu");
    session.command("targets stm32f1x.cpu").unwrap();
    named.halt().unwrap();
    let [lit, off] = &session.reset_all(ResetMode::Halt).unwrap()[..] else { panic!("two targets") };
    assert_eq!((lit.state, &*off.name, off.state), (TargetState::Halted, "off.cpu", TargetState::TapDisabled));
    assert_eq!(session.command("target current").unwrap(), "stm32f1x.cpu");
}

#[test]
fn a_listing_of_breakpoints_that_fails_leaves_the_current_target() {
    let (session, _board) = board(&[Model::Stm32f103, Model::Stm32f103]);
    session.command("targets chip0.cpu").unwrap();
    session
        .command(
            "rename bp real_bp; proc bp {args} {if {[target current] ne {chip0.cpu}} {error gone}; real_bp {*}$args}",
        )
        .unwrap();
    let error = session.breakpoints().add(u64::from(firmware::WORK), BreakpointKind::Hardware).unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
}

#[test]
fn a_target_is_examined_when_it_has_power() {
    let board = Board::start_with(Session::builder().timeout(PATIENCE), |openocd| {
        openocd.command("stm32f1x.cpu configure -defer-examine")
    });
    let target = board.session.target();
    assert!(!target.examined().unwrap());
    assert_eq!(board.session.targets().unwrap()[0].state, TargetState::ExamineDeferred);
    let status = target.reexamine().unwrap();
    assert_eq!(status.name, "stm32f1x.cpu");
    assert!(target.examined().unwrap());
    target.halt().unwrap();

    board.chip.faults().power_off();
    let error = target.reexamine().unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Examine(_))), "{error:?}");
    assert!(!target.examined().unwrap());
    board.chip.faults().power_on();
    target.reexamine().unwrap();
    target.halt().unwrap();
}

#[test]
fn a_target_is_examined_at_the_first_attempt_after_a_failed_reset_and_a_loss_of_power() {
    let board = Board::halted();
    board.chip.faults().power_off();
    assert!(board.session.target().reset(ResetMode::Halt).is_err());
    board.chip.faults().power_on();
    let status = board.session.target().reexamine().unwrap();
    assert_eq!(status.name, "stm32f1x.cpu");
    board.session.target().halt().unwrap();
}

#[test]
fn all_targets_are_halted_and_resumed_together() {
    let (session, board) = board(&[Model::Stm32f103, Model::RiscvHart]);
    session.command("targets chip0.cpu").unwrap();
    let statuses = session.halt_all().unwrap();
    let seen: Vec<_> = statuses.iter().map(|status| (&*status.name, status.state, status.pc.is_some())).collect();
    assert_eq!(seen, [("hart0.cpu", TargetState::Halted, true), ("chip0.cpu", TargetState::Halted, true)]);
    assert_eq!((board.chips()[0].state(), board.harts()[0].state()), (CoreState::Halted, CoreState::Halted));
    // One runs already.
    session.target_named("hart0.cpu").unwrap().resume().unwrap();
    let statuses = session.status_all().unwrap();
    let states: Vec<_> = statuses.iter().map(|status| status.state).collect();
    assert_eq!(states, [TargetState::Running, TargetState::Halted]);
    assert_eq!(session.events().unwrap().target().unwrap(), None, "nobody can know");
    let statuses = session.resume_all().unwrap();
    assert!(statuses.iter().all(|status| status.state == TargetState::Running), "{statuses:?}");
    assert_eq!((board.chips()[0].state(), board.harts()[0].state()), (CoreState::Running, CoreState::Running));
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
}

#[test]
fn a_target_that_openocd_has_lost_is_an_error_for_all() {
    let (session, board) = board(&[Model::Stm32f103, Model::Stm32f103]);
    session.halt_all().unwrap();
    let lost = |what: &str, result: openocd::Result<Vec<openocd::TargetStatus>>| {
        let error = result.expect_err(what);
        assert!(error.to_string().contains("reexamine"), "{what}: {error}");
    };
    board.chips()[1].faults().power_off();
    session.reset_all(ResetMode::Halt).unwrap_err();
    board.chips()[1].faults().power_on();
    // OpenOCD 0.12.0 takes both for not examined then, and keeps their last states.
    let examined = || session.targets().unwrap().into_iter().map(|target| target.examined).collect::<Vec<_>>();
    session.target_named("chip1.cpu").unwrap().reexamine().unwrap();
    if session.version().as_str() != "Open On-Chip Debugger 0.12.0" {
        assert_eq!(examined(), [true, true]);
        session.halt_all().unwrap();
        return;
    }
    lost("halt_all", session.halt_all());
    lost("status_all", session.status_all());
    lost("resume_all", session.resume_all());
    session.target_named("chip0.cpu").unwrap().reexamine().unwrap();
    session.halt_all().unwrap();
}

#[test]
fn a_halt_of_all_that_reaches_none_is_an_error() {
    let (session, board) = board_with_dark_chips(&[]);
    board.chips().iter().for_each(|chip| chip.faults().power_off());
    // A newer OpenOCD notices in a poll, and forgets both.
    std::thread::sleep(std::time::Duration::from_millis(600));
    let error = session.halt_all().unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Halt(_))), "{error:?}");
}

#[test]
fn a_target_that_does_not_halt_keeps_no_other_from_it() {
    let (session, board) = board(&[Model::Stm32f103, Model::Stm32f103]);
    board.chips()[1].faults().refuse_halt(true);
    let error = session.halt_all().unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Halt(_))), "{error:?}");
    assert_eq!(board.chips()[0].state(), CoreState::Halted);
    assert_eq!(board.chips()[1].state(), CoreState::Running);
}

#[test]
fn a_halt_of_all_lists_what_was_not_examined() {
    let (session, board) = board_with_dark_chips(&[1]);
    let statuses = session.halt_all().unwrap();
    let states: Vec<_> = statuses.iter().map(|status| (&*status.name, status.state == TargetState::Halted)).collect();
    assert_eq!(states, [("chip1.cpu", false), ("chip0.cpu", true)]);
    assert_eq!(board.chips()[0].state(), CoreState::Halted);
}
