//! Breakpoints and watchpoints: that they stop the core, that removed ones do not, and every error.

use std::time::Duration;

use openocd::{
    Breakpoint, BreakpointError, BreakpointKind, Error, HaltReason, Result, Session, TargetError, TargetState,
    TargetStatus, TimeoutError, WatchedValue, WatchpointAccess,
};
use virtual_chip::firmware::{CALL, COUNTER_ADDRESS, LOOP, MAIN, STORE, WORK};
use virtual_chip::{CoreState, VirtualChip};

use crate::board::Board;

const HALTS: Duration = Duration::from_secs(10);
/// Long enough for the firmware to go round its loop many times.
const RUNS_ON: Duration = Duration::from_millis(100);

/// `movs r0, #1`, `movs r0, #2`, `ldr r1, [r2]`, `b` to the start.
const PROGRAM: [u16; 4] = [0x2001, 0x2002, 0x6811, 0xe7fb];
const PROGRAM_ADDRESS: u32 = 0x2000_0100;
const SECOND: u64 = PROGRAM_ADDRESS as u64 + 2;
/// The instruction that OpenOCD writes: `bkpt 0x11`.
const BKPT: u16 = 0xbe11;

const COUNTER: u64 = COUNTER_ADDRESS as u64;

impl Board {
    /// Halted, with a program in RAM that is about to run.
    fn with_program() -> Board {
        let board = Board::halted();
        write_program(&board.chip);
        board.session.registers().write("pc", PROGRAM_ADDRESS).unwrap();
        board
    }

    fn run_until_halted(&self) -> TargetStatus {
        self.session.target().resume(None).expect("the target resumes");
        self.session.target().wait_halt(HALTS).expect("the target runs into something")
    }

    /// That nothing stops the core; it runs afterwards.
    fn assert_runs_on(&self) {
        let waited = self.session.target().wait_halt(RUNS_ON);
        assert!(matches!(waited, Err(Error::Timeout(TimeoutError::Halt { .. }))), "{waited:?}");
    }

    fn command(&self, command: &str) -> String {
        self.session.command(command).expect("OpenOCD takes the command")
    }
}

fn write_program(chip: &VirtualChip) {
    let bytes: Vec<u8> = PROGRAM.iter().flat_map(|half_word| half_word.to_le_bytes()).collect();
    chip.write_memory(PROGRAM_ADDRESS, &bytes).unwrap();
}

fn half_word(chip: &VirtualChip, address: u64) -> u16 {
    let mut bytes = [0; 2];
    chip.read_memory(address.try_into().unwrap(), &mut bytes).unwrap();
    u16::from_le_bytes(bytes)
}

#[track_caller]
fn breakpoint_error<T: std::fmt::Debug>(result: Result<T>) -> BreakpointError {
    match result {
        Err(Error::Breakpoint(error)) => error,
        other => panic!("no breakpoint error: {other:?}"),
    }
}

#[track_caller]
fn assert_not_halted<T: std::fmt::Debug>(result: Result<T>, expected: TargetState) {
    match result {
        Err(Error::Target(TargetError::NotHalted { state, .. })) => assert_eq!(state, expected),
        other => panic!("no NotHalted: {other:?}"),
    }
}

/// Mainline OpenOCD lists what was set last at the end, Espressif's build at the beginning.
fn listed(session: &Session) -> Vec<Breakpoint> {
    let mut breakpoints = session.breakpoints().list().unwrap();
    breakpoints.sort_by_key(|breakpoint| breakpoint.address);
    breakpoints
}

fn addresses(session: &Session) -> Vec<u64> {
    listed(session).iter().map(|breakpoint| breakpoint.address).collect()
}

// What stops the core.

#[test]
fn a_hardware_breakpoint_stops_the_core_each_time_it_comes_by() {
    let board = Board::halted();
    board.session.breakpoints().add(WORK.into(), BreakpointKind::Hardware).unwrap();
    let mut counts = Vec::new();
    for _ in 0..3 {
        let status = board.run_until_halted();
        assert_eq!((status.pc, status.halt_reason), (Some(WORK.into()), Some(HaltReason::Breakpoint)));
        counts.push(board.chip.read_u32(COUNTER_ADDRESS).unwrap());
    }
    assert_eq!(counts[1..], [counts[0] + 1, counts[0] + 2], "once around for each stop");
}

#[test]
fn a_breakpoint_in_the_upper_half_of_a_word_and_one_on_a_32_bit_instruction() {
    let board = Board::halted();
    for address in [STORE, CALL] {
        let breakpoint =
            board.session.breakpoints().add_with_length(address.into(), 3, BreakpointKind::Hardware).unwrap();
        assert_eq!(breakpoint.length, 2);
        assert_eq!(board.run_until_halted().pc, Some(address.into()));
        board.session.breakpoints().remove(address.into()).unwrap();
    }
}

#[test]
fn a_software_breakpoint_stops_the_core_and_gives_the_instruction_back() {
    let board = Board::with_program();
    let set = board.session.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    assert_eq!((set.address, set.length, set.comparator), (SECOND, 2, None));
    assert_eq!(half_word(&board.chip, SECOND), BKPT);
    for _ in 0..2 {
        let status = board.run_until_halted();
        assert_eq!((status.pc, status.halt_reason), (Some(SECOND), Some(HaltReason::Breakpoint)));
    }
    board.session.breakpoints().remove(SECOND).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), PROGRAM[1]);
    board.session.target().resume(None).unwrap();
    board.assert_runs_on();
}

#[test]
fn watchpoints_stop_at_the_accesses_they_watch_and_at_no_others() {
    use WatchpointAccess::{Access, Read, Write};
    // The firmware writes the counter and never reads it.
    for (access, stops) in [(Write, true), (Access, true), (Read, false)] {
        let board = Board::halted();
        board.session.breakpoints().add_watchpoint(COUNTER, 4, access).unwrap();
        if stops {
            let status = board.run_until_halted();
            assert_eq!(status.halt_reason, Some(HaltReason::Watchpoint), "{access}");
            assert_eq!(board.chip.register(virtual_chip::Register::Pc), CALL, "after the store");
        } else {
            board.session.target().resume(None).unwrap();
            board.assert_runs_on();
        }
    }
}

#[test]
fn a_read_watchpoint_stops_at_reads() {
    let board = Board::with_program();
    board.session.registers().write("r2", COUNTER_ADDRESS).unwrap();
    board.session.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Read).unwrap();
    let status = board.run_until_halted();
    assert_eq!((status.pc, status.halt_reason), (Some(SECOND + 4), Some(HaltReason::Watchpoint)));
}

#[test]
fn a_watchpoint_covers_its_whole_length() {
    let board = Board::halted();
    board.session.breakpoints().add_watchpoint(COUNTER - 32, 64, WatchpointAccess::Write).unwrap_err();
    board.session.breakpoints().add_watchpoint(COUNTER, 64, WatchpointAccess::Write).unwrap();
    assert_eq!(board.run_until_halted().halt_reason, Some(HaltReason::Watchpoint));
}

#[test]
fn a_watchpoint_works_from_the_next_resume_on() {
    let board = Board::halted();
    board.session.target().resume(u64::from(MAIN)).unwrap();
    board.session.target().halt().unwrap();
    board.session.registers().write("pc", STORE).unwrap();
    board.session.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    let status = board.session.target().step(None).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(CALL.into()), Some(HaltReason::SingleStep)), "as documented");
    assert_eq!(board.run_until_halted().halt_reason, Some(HaltReason::Watchpoint));
}

// What does not stop the core.

#[test]
fn removed_breakpoints_and_watchpoints_do_not_stop_the_core() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(LOOP.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    board.run_until_halted();
    breakpoints.remove(LOOP.into()).unwrap();
    breakpoints.remove_watchpoint(COUNTER).unwrap();
    assert_eq!(breakpoints.list().unwrap(), []);
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
    board.session.target().resume(None).unwrap();
    board.assert_runs_on();
    assert_eq!(board.chip.state(), CoreState::Running);
}

#[test]
fn remove_all_removes_every_kind() {
    let board = Board::with_program();
    let breakpoints = board.session.breakpoints();
    for address in [LOOP, STORE, WORK] {
        breakpoints.add(address.into(), BreakpointKind::Hardware).unwrap();
    }
    breakpoints.add(SECOND, BreakpointKind::Software).unwrap();
    for offset in 0..3 {
        breakpoints.add_watchpoint(COUNTER + 4 * offset, 4, WatchpointAccess::Access).unwrap();
    }
    breakpoints.remove_all().unwrap();
    assert_eq!(breakpoints.list().unwrap(), []);
    assert_eq!(half_word(&board.chip, SECOND), PROGRAM[1]);
    assert_eq!(breakpoints.list_watchpoints().unwrap().len(), 3, "watchpoints are no breakpoints");
    breakpoints.remove_all_watchpoints().unwrap();
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
    board.session.target().resume(u64::from(MAIN)).unwrap();
    board.assert_runs_on();
    // Nothing to remove is no failure.
    board.session.target().halt().unwrap();
    breakpoints.remove_all().unwrap();
    breakpoints.remove_all_watchpoints().unwrap();
}

#[test]
fn a_comparator_that_was_given_back_is_free_again() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    for round in 0..8_u64 {
        breakpoints.add(0x0800_0100 + 2 * round, BreakpointKind::Hardware).unwrap();
        breakpoints.remove(0x0800_0100 + 2 * round).unwrap();
        breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
        board.run_until_halted();
        breakpoints.remove_watchpoint(COUNTER).unwrap();
    }
}

// Listings.

#[test]
fn the_listing_is_what_was_set() {
    let board = Board::with_program();
    let breakpoints = board.session.breakpoints();
    let set = [
        breakpoints.add(LOOP.into(), BreakpointKind::Hardware).unwrap(),
        breakpoints.add(SECOND, BreakpointKind::Software).unwrap(),
        breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap(),
    ];
    assert_eq!(listed(&board.session), [set[0], set[2], set[1]]);
    let expected = [
        (u64::from(LOOP), 2, BreakpointKind::Hardware, Some(0)),
        (SECOND, 2, BreakpointKind::Software, None),
        (u64::from(WORK), 2, BreakpointKind::Hardware, Some(1)),
    ];
    let fields =
        |breakpoint: Breakpoint| (breakpoint.address, breakpoint.length, breakpoint.kind, breakpoint.comparator);
    assert_eq!(set.map(fields), expected);
    // 0.12.0 prints the wrong bits of it.
    let original = set[1].original_instruction;
    let prints_it = board.command("bp").contains("orig_instr=");
    assert_eq!(original, prints_it.then_some(u64::from(PROGRAM[1])));
}

#[test]
fn the_listing_of_watchpoints_is_what_was_set() {
    use WatchpointAccess::{Access, Read, Write};
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    let wanted = [(COUNTER, 4, Read), (COUNTER + 4, 1, Write), (COUNTER + 0x40, 0x40, Access)];
    let set = wanted.map(|(address, length, access)| breakpoints.add_watchpoint(address, length, access).unwrap());
    assert_eq!(set.map(|watchpoint| (watchpoint.address, watchpoint.length, watchpoint.access)), wanted);
    assert!(set.iter().all(|watchpoint| watchpoint.value.is_none()));
    let mut listed = breakpoints.list_watchpoints().unwrap();
    listed.sort_by_key(|watchpoint| watchpoint.address);
    assert_eq!(listed, set);
}

#[test]
fn listing_needs_no_halted_target() {
    let board = Board::start();
    assert_eq!(board.session.breakpoints().list().unwrap(), []);
    assert_eq!(board.session.breakpoints().list_watchpoints().unwrap(), []);
}

// Errors.

#[test]
fn there_is_none_to_remove() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(LOOP.into(), BreakpointKind::Hardware).unwrap();
    let error = breakpoint_error(breakpoints.remove(WORK.into()));
    assert!(matches!(error, BreakpointError::NoneAt { what: "breakpoint", address, .. } if address == u64::from(WORK)));
    assert_eq!(error.to_string(), "stm32f1x.cpu has no breakpoint at 0x0800004e");
    let error = breakpoint_error(breakpoints.remove_watchpoint(LOOP.into()));
    assert_eq!(error.to_string(), "stm32f1x.cpu has no watchpoint at 0x08000044");
    let error = breakpoint_error(breakpoints.remove_context(7));
    assert_eq!(error.to_string(), "stm32f1x.cpu has no context breakpoint at 0x00000007");
    assert_eq!(addresses(&board.session), [u64::from(LOOP)]);
}

#[test]
fn one_breakpoint_for_an_address() {
    let board = Board::with_program();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(SECOND, BreakpointKind::Software).unwrap();
    breakpoints.add(LOOP.into(), BreakpointKind::Hardware).unwrap();
    for (address, kind) in [
        (SECOND, BreakpointKind::Software),
        (SECOND, BreakpointKind::Hardware),
        (LOOP.into(), BreakpointKind::Hardware),
        (LOOP.into(), BreakpointKind::Software),
    ] {
        let error = breakpoint_error(breakpoints.add(address, kind));
        assert!(matches!(error, BreakpointError::Duplicate { address: at, .. } if at == address), "{error}");
        assert_eq!(error.to_string(), format!("stm32f1x.cpu has a breakpoint at {address:#010x} already"));
    }
    assert_eq!(addresses(&board.session), [LOOP.into(), SECOND]);
}

#[test]
fn one_watchpoint_for_an_address() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    // OpenOCD has code 0 for the first, -4 for the others.
    for (length, access) in [(4, WatchpointAccess::Write), (4, WatchpointAccess::Read), (2, WatchpointAccess::Write)] {
        let error = breakpoint_error(breakpoints.add_watchpoint(COUNTER, length, access));
        assert!(matches!(error, BreakpointError::Duplicate { what: "watchpoint", address: COUNTER, .. }), "{error}");
    }
    assert_eq!(breakpoints.list_watchpoints().unwrap().len(), 1);
}

#[test]
fn a_software_breakpoint_may_not_overlap_another() {
    let board = Board::with_program();
    board.command(&format!("bp {:#x} 2", SECOND + 1));
    let error = breakpoint_error(board.session.breakpoints().add(SECOND, BreakpointKind::Software));
    assert!(matches!(error, BreakpointError::Overlap { address: SECOND, length: 2, .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "a software breakpoint of 2 bytes at 0x20000102 overlaps the one of 2 bytes at 0x20000103"
    );
}

#[test]
fn no_comparator_is_left_for_a_seventh_breakpoint() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    for index in 0..6_u32 {
        let set = breakpoints.add(u64::from(LOOP + 2 * index), BreakpointKind::Hardware).unwrap();
        assert_eq!(set.comparator, Some(index));
    }
    let result = breakpoints.add(0x0800_0100, BreakpointKind::Hardware);
    assert_eq!(result.as_ref().unwrap_err().code(), Some(-308));
    let error = breakpoint_error(result);
    assert!(matches!(error, BreakpointError::NoComparator { address: 0x0800_0100, .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with(
            "stm32f1x.cpu has no comparator left for a hardware breakpoint at 0x08000100: OpenOCD refused"
        ),
        "{text}"
    );
    assert_eq!(addresses(&board.session).len(), 6);
}

#[test]
fn no_comparator_is_left_for_a_fifth_watchpoint_which_is_known_at_once() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    for index in 0..4 {
        breakpoints.add_watchpoint(0x2000_3000 + 4 * index, 4, WatchpointAccess::Write).unwrap();
    }
    let result = breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write);
    assert_eq!(result.as_ref().unwrap_err().code(), Some(-308));
    let error = breakpoint_error(result);
    assert!(matches!(error, BreakpointError::NoComparator { what: "watchpoint", address: COUNTER, .. }), "{error}");
    assert_eq!(breakpoints.list_watchpoints().unwrap().len(), 4);
}

#[test]
fn the_breakpoint_unit_does_not_cover_ram() {
    let board = Board::with_program();
    let result = board.session.breakpoints().add(SECOND, BreakpointKind::Hardware);
    assert_eq!(result.as_ref().unwrap_err().code(), Some(-4));
    let error = breakpoint_error(result);
    assert!(matches!(error, BreakpointError::Refused { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("cannot set a hardware breakpoint at 0x20000102: OpenOCD refused `bp 0x20000102 2 hw`"),
        "{text}"
    );
    assert!(text.contains("cannot handle HW breakpoint above address 0x1FFFFFFE"), "{text}");
    assert_eq!(addresses(&board.session), []);
}

#[test]
fn a_software_breakpoint_in_flash_is_none() {
    let board = Board::halted();
    let error = breakpoint_error(board.session.breakpoints().add(WORK.into(), BreakpointKind::Software));
    assert!(matches!(error, BreakpointError::NotInEffect { what: "software breakpoint", .. }), "{error}");
    assert!(error.to_string().contains("use a hardware breakpoint"), "{error}");
    assert_eq!(addresses(&board.session), []);
    board.session.target().resume(None).unwrap();
    board.assert_runs_on();
}

#[test]
fn a_software_breakpoint_where_no_memory_is() {
    let board = Board::halted();
    let error = breakpoint_error(board.session.breakpoints().add(0x6000_0000, BreakpointKind::Software));
    assert!(matches!(error, BreakpointError::Refused { .. }), "{error}");
    assert_eq!(addresses(&board.session), []);
}

#[test]
fn a_breakpoint_instruction_that_is_there_already_stops_the_core() {
    let board = Board::with_program();
    board.chip.write_memory(SECOND as u32, &BKPT.to_le_bytes()).unwrap();
    board.session.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    assert_eq!(board.run_until_halted().pc, Some(SECOND));
}

#[test]
fn a_program_that_was_written_anew_holds_no_breakpoint_to_remove() {
    let board = Board::with_program();
    board.session.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    write_program(&board.chip);
    board.session.breakpoints().remove(SECOND).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), PROGRAM[1]);
}

#[test]
fn a_comparator_that_cannot_be_written_is_no_breakpoint() {
    let board = Board::halted();
    board.chip.faults().bus_fault_at(0xe000_2008..0xe000_2028);
    let error = breakpoint_error(board.session.breakpoints().add(WORK.into(), BreakpointKind::Hardware));
    assert!(matches!(error, BreakpointError::NotInEffect { what: "hardware breakpoint", .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "OpenOCD reports a hardware breakpoint at 0x0800004e as set, but the breakpoint unit of the core does not have its \
         comparator enabled"
    );
    assert_eq!(addresses(&board.session), []);
    board.chip.faults().clear();
}

#[test]
fn a_breakpoint_instruction_that_stays_in_memory_is_not_removed() {
    let board = Board::halted();
    // In flash, which takes neither the breakpoint instruction from OpenOCD nor the original one.
    board.command(&format!("bp {WORK:#x} 2"));
    board.chip.write_memory(WORK, &BKPT.to_le_bytes()).unwrap();
    let error = breakpoint_error(board.session.breakpoints().remove(WORK.into()));
    assert!(matches!(error, BreakpointError::NotRemoved { what: "software breakpoint", .. }), "{error}");
    assert!(error.to_string().ends_with("but the memory still holds the breakpoint instruction"), "{error}");
    assert_eq!(board.run_until_halted().pc, Some(WORK.into()), "the error tells the truth");
}

#[test]
fn a_comparator_that_stays_enabled_is_not_removed() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    // As if the core had not taken what OpenOCD wrote.
    board.command("rename rbp real_rbp; proc rbp {address} {real_rbp $address; mww 0xe0002008 0x8800004d}");
    board.command("rename rwp real_rwp; proc rwp {address} {real_rwp $address; mww 0xe0001028 6}");

    breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    board.run_until_halted();
    let error = breakpoint_error(breakpoints.remove_watchpoint(COUNTER));
    assert!(matches!(error, BreakpointError::NotRemoved { what: "watchpoint", .. }), "{error}");
    assert!(error.to_string().ends_with("but the watchpoint unit of the core still watches that address"), "{error}");
    assert_eq!(board.run_until_halted().halt_reason, Some(HaltReason::Watchpoint), "the error tells the truth");

    breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap();
    let error = breakpoint_error(breakpoints.remove(WORK.into()));
    assert!(matches!(error, BreakpointError::NotRemoved { what: "hardware breakpoint", .. }), "{error}");
    assert!(error.to_string().ends_with("the breakpoint unit of the core still has its comparator enabled"), "{error}");
    assert_eq!(board.run_until_halted().pc, Some(WORK.into()), "the error tells the truth");
}

#[test]
fn what_openocd_still_lists_is_not_removed() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    board.command("rename rbp real_rbp; proc rbp {address} {}; rename rwp real_rwp; proc rwp {address} {}");
    for error in
        [breakpoint_error(breakpoints.remove(WORK.into())), breakpoint_error(breakpoints.remove_watchpoint(COUNTER))]
    {
        assert!(matches!(error, BreakpointError::NotRemoved { evidence: "still lists it", .. }), "{error}");
    }
}

#[test]
fn a_running_target() {
    let board = Board::start();
    let breakpoints = board.session.breakpoints();
    let refused = breakpoints.add(0x2000_0100, BreakpointKind::Software);
    assert!(refused.as_ref().unwrap_err().failure().is_none(), "nothing is sent: {refused:?}");
    assert_not_halted(refused, TargetState::Running);
    assert_not_halted(breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write), TargetState::Running);
    assert_eq!(breakpoints.list().unwrap(), []);
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
    // A Cortex-M takes a hardware breakpoint while it runs.
    breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap();
    let status = board.session.target().wait_halt(HALTS).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(WORK.into()), Some(HaltReason::Breakpoint)));
}

#[test]
fn removing_from_a_running_target() {
    let board = Board::with_program();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(0x0800_0100, BreakpointKind::Hardware).unwrap();
    breakpoints.add(0x2000_0200, BreakpointKind::Software).unwrap();
    breakpoints.add_watchpoint(0x2000_3000, 4, WatchpointAccess::Write).unwrap();
    board.session.target().resume(u64::from(MAIN)).unwrap();
    // OpenOCD 0.12.0 would say yes, forget it and leave the core watching.
    assert_not_halted(breakpoints.remove_watchpoint(0x2000_3000), TargetState::Running);
    assert_not_halted(breakpoints.remove_all_watchpoints(), TargetState::Running);
    assert_eq!(breakpoints.list_watchpoints().unwrap().len(), 1);
    breakpoints.remove_all().unwrap();
    assert_eq!(breakpoints.list().unwrap(), []);
    assert_eq!(half_word(&board.chip, 0x2000_0200), 0);
    assert_eq!(board.chip.state(), CoreState::Running);
}

#[test]
fn arguments_that_cannot_be_meant_are_refused() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    use BreakpointKind::{Context, Hardware, Hybrid, Software};
    for (address, length, kind, text) in [
        (0x0800_0045, 2, Hardware, "the address of a breakpoint is 0x08000045, but must be even on a Cortex-M: bit 0"),
        (0x2000_0101, 2, Software, "the address of a breakpoint is 0x20000101, but must be even"),
        (0x0800_0044, 4, Hardware, "the length of a breakpoint is 4, but must be 2 or 3 on a Cortex-M"),
        (0x0800_0044, 0, Hardware, "the length of a breakpoint is 0, but must be at least 1"),
        (0, 4, Context { asid: 0 }, "the address space identifier is 0"),
        (0x100, 4, Hybrid { asid: 0 }, "the address space identifier is 0"),
        (0x100, 4, Context { asid: 1 }, "the address is 0x00000100, but must be 0 for a context breakpoint"),
        (0, 4, Hybrid { asid: 1 }, "the address is 0, but must be another for a hybrid breakpoint"),
    ] {
        let error = breakpoint_error(breakpoints.add_with_length(address, length, kind));
        assert!(matches!(error, BreakpointError::InvalidArgument { .. }), "{error}");
        assert!(error.to_string().starts_with(text), "{error}");
    }
    for (address, length, text) in [
        (COUNTER, 0, "the length of a watchpoint is 0, but must be at least 1"),
        (COUNTER, 3, "the length of a watchpoint is 3, but must be a power of two up to 32768 on a Cortex-M"),
        (0x2000_0000, 0x1_0000, "the length of a watchpoint is 65536, but must be a power of two"),
        (COUNTER + 2, 4, "the address of a watchpoint is 0x20002002 with length 4, but must be a multiple"),
    ] {
        let error = breakpoint_error(breakpoints.add_watchpoint(address, length, WatchpointAccess::Write));
        assert!(matches!(error, BreakpointError::InvalidArgument { .. }), "{error}");
        assert!(error.to_string().starts_with(text), "{error}");
    }
    for result in [
        breakpoints.add(0x1_0800_0044, Hardware).map(drop),
        breakpoints.add(0x1_2000_0100, Software).map(drop),
        breakpoints.add_watchpoint(0x1_2000_2000, 4, WatchpointAccess::Write).map(drop),
    ] {
        assert!(matches!(result, Err(Error::Target(TargetError::OutOfAddressSpace { bits: 32, .. }))), "{result:?}");
    }
    assert_eq!(breakpoints.list().unwrap(), []);
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
}

#[test]
fn what_a_cortex_m_does_not_have() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    for (address, kind) in [(0, BreakpointKind::Context { asid: 7 }), (0x100, BreakpointKind::Hybrid { asid: 7 })] {
        let error = breakpoint_error(breakpoints.add(address, kind));
        assert!(matches!(error, BreakpointError::Unsupported { .. }), "{error}");
        assert!(error.to_string().ends_with("a Cortex-M has no address space identifiers"), "{error}");
    }
    let watch = |value, mask| {
        breakpoint_error(breakpoints.add_value_watchpoint(
            COUNTER,
            4,
            WatchpointAccess::Write,
            WatchedValue { value, mask },
        ))
    };
    // On 0.12.0 `wp ... w 0 0xffffffff` is a watchpoint on any value.
    for (value, mask) in [(0, 0), (42, 0), (42, 0xffff_ff00)] {
        let error = watch(value, mask);
        assert_eq!(
            error.to_string(),
            "stm32f1x.cpu has no watchpoint on a value: OpenOCD has only ARM7 and ARM9 cores compare values"
        );
    }
    for (value, mask, text) in [
        (0x1_0000_0000, 0, "the value to watch for is 0x100000000, but must be one that fits"),
        (0, 0xffff_ffff, "the mask of the value to watch for is 0xffffffff, but must be one that leaves bits"),
        (0, u64::MAX, "the mask of the value to watch for is 0xffffffffffffffff"),
    ] {
        let error = watch(value, mask);
        assert!(error.to_string().starts_with(text), "{error}");
    }
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
}

#[test]
fn a_target_without_a_core() {
    // OpenOCD would crash.
    let board = Board::start_with(Session::builder(), |openocd| {
        openocd.command("target create memory mem_ap -dap stm32f1x.dap -ap-num 0; targets stm32f1x.cpu")
    });
    let memory = board.session.target_named("memory").unwrap();
    memory.halt().unwrap();
    for (error, what) in [
        (breakpoint_error(memory.breakpoints().add(0x2000_0100, BreakpointKind::Software)), "software breakpoint"),
        (breakpoint_error(memory.breakpoints().add(WORK.into(), BreakpointKind::Hardware)), "hardware breakpoint"),
        (breakpoint_error(memory.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Write)), "watchpoint"),
    ] {
        assert_eq!(error.to_string(), format!("memory has no {what}: OpenOCD has none for targets of its type"));
    }
    assert_eq!(memory.breakpoints().list().unwrap(), []);
}

#[test]
fn a_target_that_was_not_examined() {
    // 0.12.0 crashes when it is to set a hardware breakpoint there.
    let board =
        Board::start_with(Session::builder(), |openocd| openocd.command("stm32f1x.cpu configure -defer-examine"));
    let breakpoints = board.session.breakpoints();
    for result in [
        breakpoints.add(WORK.into(), BreakpointKind::Hardware).map(drop),
        breakpoints.add(0x2000_0100, BreakpointKind::Software).map(drop),
        breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).map(drop),
    ] {
        assert!(matches!(result, Err(Error::Target(TargetError::NotHalted { .. }))), "{result:?}");
    }
    assert_eq!(breakpoints.list().unwrap(), []);
}

#[test]
fn a_listing_that_cannot_be_understood() {
    let board = Board::halted();
    board.command("rename bp real_bp; proc bp {args} {return {Quantum breakpoint: 0x0, 0x2, 0}}");
    let breakpoints = board.session.breakpoints();
    let error = breakpoint_error(breakpoints.list());
    let text = "the answer to `bp` should be a list of breakpoints, but is Quantum breakpoint: 0x0, 0x2, 0";
    assert_eq!(error.to_string(), text);
    for error in [
        breakpoint_error(breakpoints.add(WORK.into(), BreakpointKind::Hardware)),
        breakpoint_error(breakpoints.remove(WORK.into())),
        breakpoint_error(breakpoints.remove_all()),
    ] {
        assert!(matches!(error, BreakpointError::UnexpectedReply { .. }), "{error}");
    }
}

#[test]
fn a_target_that_is_gone() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap();
    board.chip.faults().power_off();
    for result in [
        breakpoints.add(LOOP.into(), BreakpointKind::Hardware).map(drop),
        breakpoints.add(0x2000_0100, BreakpointKind::Software).map(drop),
        breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).map(drop),
        breakpoints.remove(WORK.into()),
        breakpoints.remove_all(),
    ] {
        let error = result.unwrap_err();
        let of_the_target = matches!(error, Error::Breakpoint(_) | Error::Target(TargetError::NotHalted { .. }));
        assert!(of_the_target, "{error}");
    }
    board.chip.faults().power_on();
}

// Scopes and targets.

#[test]
fn a_scoped_breakpoint_goes_with_its_scope() {
    let board = Board::halted();
    {
        let scoped = board.session.breakpoints().scoped(WORK.into(), BreakpointKind::Hardware).unwrap();
        assert_eq!(scoped.breakpoint().address, u64::from(WORK));
        assert_eq!(board.run_until_halted().pc, Some(WORK.into()));
        assert_eq!(addresses(&board.session), [u64::from(WORK)]);
    }
    assert_eq!(addresses(&board.session), []);
    board.session.target().resume(None).unwrap();
    board.assert_runs_on();
}

#[test]
fn a_scoped_breakpoint_that_is_removed_by_hand_or_by_someone_else() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    let scoped = breakpoints.scoped(WORK.into(), BreakpointKind::Hardware).unwrap();
    scoped.remove().unwrap();
    assert_eq!(addresses(&board.session), []);

    let scoped = breakpoints.scoped(WORK.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.remove_all().unwrap();
    assert!(matches!(breakpoint_error(scoped.remove()), BreakpointError::NoneAt { .. }));

    // Dropped after someone else has removed it: a warning in the log and no panic.
    let scoped = breakpoints.scoped(WORK.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.remove_all().unwrap();
    drop(scoped);
}

/// A board whose chip has, as OpenOCD is told, two cores; they are one.
fn two_targets(smp: bool) -> Board {
    Board::start_with(Session::builder(), |openocd| {
        let openocd = openocd.command("target create twin cortex_m -dap stm32f1x.dap; targets stm32f1x.cpu");
        if smp { openocd.command("target smp stm32f1x.cpu twin") } else { openocd }
    })
}

#[test]
fn a_named_target_has_its_own() {
    let board = two_targets(false);
    let twin = board.session.target_named("twin").unwrap();
    twin.halt().unwrap();
    twin.breakpoints().add(WORK.into(), BreakpointKind::Hardware).unwrap();
    twin.breakpoints().add_watchpoint(COUNTER, 4, WatchpointAccess::Write).unwrap();
    assert_eq!(twin.breakpoints().list().unwrap().len(), 1);
    assert_eq!(addresses(&board.session), []);
    assert_eq!(board.command("target current").trim(), "stm32f1x.cpu");
    let error = breakpoint_error(board.session.breakpoints().remove(WORK.into()));
    assert_eq!(error.to_string(), "stm32f1x.cpu has no hardware breakpoint at 0x0800004e");
    twin.breakpoints().remove_watchpoint(COUNTER).unwrap();
    twin.breakpoints().remove(WORK.into()).unwrap();
    assert_eq!(twin.breakpoints().list().unwrap(), []);
}

#[test]
fn a_software_breakpoint_in_an_smp_group() {
    let board = two_targets(true);
    let twin = board.session.target_named("twin").unwrap();
    board.session.target().halt().unwrap();
    twin.halt().unwrap();
    write_program(&board.chip);
    twin.breakpoints().add(SECOND, BreakpointKind::Software).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), BKPT);
    twin.breakpoints().remove(SECOND).unwrap();
    assert_eq!(half_word(&board.chip, SECOND), PROGRAM[1]);
}
