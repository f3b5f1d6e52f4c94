//! Every condition that is an error.

use openocd::{
    BreakpointError, BreakpointKind, Error, HaltReason, Refused, Session, StopPoint, TargetError, TargetState,
    WatchedValue, WatchpointAccess,
};
use virtual_chip::firmware::{LOOP, MAIN, WORK};
use virtual_chip::{CoreState, VirtualHart};

use super::{COUNTER, HALTS, SECOND, addresses, assert_not_halted, breakpoint_error, half_word};
use crate::board::Board;

#[test]
fn there_is_none_to_remove() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(LOOP.into(), BreakpointKind::Hardware).unwrap();
    let error = breakpoint_error(breakpoints.remove(WORK.into()));
    assert!(
        matches!(error, BreakpointError::NoneAt { what: StopPoint::Breakpoint, address, .. } if address == u64::from(WORK))
    );
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
        assert!(
            matches!(error, BreakpointError::Duplicate { what: StopPoint::Watchpoint, address: COUNTER, .. }),
            "{error}"
        );
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
    assert!(
        matches!(error, BreakpointError::NoComparator { what: StopPoint::Watchpoint, address: COUNTER, .. }),
        "{error}"
    );
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
fn a_running_target_is_refused_where_it_must_be_halted() {
    let board = Board::start();
    let breakpoints = board.session.breakpoints();
    let refused = breakpoints.add(0x2000_0100, BreakpointKind::Software);
    assert!(refused.as_ref().unwrap_err().failure().is_none(), "nothing is sent: {refused:?}");
    assert_not_halted(refused, TargetState::Running);
    assert_not_halted(breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write), TargetState::Running);
    assert_eq!(breakpoints.list().unwrap(), []);
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
    // Halting would not help: the breakpoint unit does not cover RAM.
    let error = breakpoint_error(breakpoints.add(0x2000_0100, BreakpointKind::Hardware));
    let BreakpointError::Refused(Refused { failure, .. }) = &error else { panic!("{error:?}") };
    assert!(failure.log().contains("cannot handle HW breakpoint above address 0x1FFFFFFE"), "{error}");
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
    board.session.target().resume_at(u64::from(MAIN)).unwrap();
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
fn invalid_arguments_are_refused_before_anything_is_set() {
    use BreakpointKind::{Context, Hardware, Hybrid, Software};
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    for (address, length, kind, text) in [
        (0x0800_0044, 4, Hardware, "invalid length of a breakpoint: expected 2 or 3 on a Cortex-M, got 4"),
        (0x0800_0044, 0, Hardware, "invalid length of a breakpoint: expected at least 1, got 0"),
        (0, 4, Context { asid: 0 }, "invalid address space identifier: expected at least 1"),
        (0x100, 4, Hybrid { asid: 0 }, "invalid address space identifier: expected at least 1"),
        (
            0x100,
            4,
            Context { asid: 1 },
            "invalid address of a context breakpoint: expected 0: it has none, got 0x00000100",
        ),
        (0, 4, Hybrid { asid: 1 }, "invalid address of a hybrid breakpoint: expected another than 0"),
    ] {
        let error = breakpoint_error(breakpoints.add_with_length(address, length, kind));
        assert!(matches!(error, BreakpointError::InvalidArgument { .. }), "{error}");
        assert!(error.to_string().starts_with(text), "{error}");
    }
    for (address, length, text) in [
        (COUNTER, 0, "invalid length of a watchpoint: expected at least 1, got 0"),
        (COUNTER, 3, "invalid length of a watchpoint: expected a power of two up to 32768 on a Cortex-M, got 3"),
        (
            0x2000_0000,
            0x1_0000,
            "invalid length of a watchpoint: expected a power of two up to 32768 on a Cortex-M, got 65536",
        ),
        (
            COUNTER + 2,
            4,
            "invalid address of a watchpoint: expected a multiple of the watchpoint's length on a Cortex-M, got 0x20002002 with length 4",
        ),
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
        assert!(error.to_string().ends_with("OpenOCD has them on Arm Cortex-A and Cortex-R cores only"), "{error}");
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
            "stm32f1x.cpu does not support a watchpoint on a value: OpenOCD has only ARM7 and ARM9 cores compare values"
        );
    }
    for (value, mask, text) in [
        (
            0x1_0000_0000,
            0,
            "invalid value to watch for: expected one that fits into the watched bytes, got 0x100000000",
        ),
        (0, 0xffff_ffff, "invalid mask of the value to watch for: expected one that leaves bits"),
        (0, u64::MAX, "invalid mask of the value to watch for: "),
    ] {
        let error = watch(value, mask);
        assert!(error.to_string().starts_with(text), "{error}");
    }
    assert_eq!(breakpoints.list_watchpoints().unwrap(), []);
}

#[test]
fn values_are_what_openocd_itself_does_not_compare_on_a_cortex_m() {
    // On both generations, so the refusal of the crate takes nothing away.
    let board = Board::halted();
    for command in ["wp 0x20002000 4 w 42 0", "wp 0x20002000 4 w 42 0xffffff00"] {
        assert_eq!(board.session.execute(command).unwrap().code(), -308, "{command}");
    }
}

#[test]
fn a_risc_v_hart_has_no_contexts() {
    let hart = VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap();
    session.target().halt().unwrap();
    for (address, kind) in [(0, BreakpointKind::Context { asid: 7 }), (0x100, BreakpointKind::Hybrid { asid: 7 })] {
        let error = breakpoint_error(session.breakpoints().add(address, kind));
        assert!(matches!(error, BreakpointError::Unsupported { .. }), "{error}");
    }
    assert_eq!(session.breakpoints().list().unwrap(), []);
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
        assert_eq!(
            error.to_string(),
            format!("memory does not support a {what}: OpenOCD has none for targets of its type")
        );
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
    let text =
        "unexpected reply to `bp; wp`: expected lists of breakpoints and watchpoints, got `stm32f1x.cpu cortex_m";
    assert!(error.to_string().starts_with(text) && error.to_string().contains("Quantum"), "{error}");
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
    for (call, result) in [
        ("hardware", breakpoints.add(LOOP.into(), BreakpointKind::Hardware).map(drop)),
        ("software", breakpoints.add(0x2000_0100, BreakpointKind::Software).map(drop)),
        ("watchpoint", breakpoints.add_watchpoint(COUNTER, 4, WatchpointAccess::Write).map(drop)),
        ("remove", breakpoints.remove(WORK.into())),
    ] {
        let error = result.expect_err(call);
        let of_the_target = matches!(error, Error::Breakpoint(_) | Error::Target(TargetError::NotHalted { .. }));
        assert!(of_the_target, "{error}");
    }
    board.chip.faults().power_on();
}
