//! Reports about more than one fault: which cause belongs to the stored address, nobody can tell.

use openocd::{RunUntil, VectorCatch, Verdict};

use super::*;

/// Locks the core up: `code` faults, and then the `handler`.
fn locked_up(code: &[u16], handler: &[u16]) -> CrashReport {
    let board = board(code, UNMAPPED);
    handle_with(&board, handler);
    let target = board.session.target();
    board.session.registers().write("pc", CODE as u32).unwrap();
    let outcome = target.run_until(RunUntil::new(), PATIENCE).unwrap();
    assert_eq!(outcome.verdict, Verdict::Lockup);
    target.crash_report().unwrap()
}

#[test]
fn lockup_does_not_join_the_last_cause_with_the_first_address() {
    // The first fault is an undefined instruction, the last one a load; then the other way round,
    // and the same twice.
    let both = "a data access failed on the bus, to address 0x60000000; an undefined instruction was executed";
    let one = "an undefined instruction was executed";
    for (code, handler, causes) in [(&UDF, &LOAD, both), (&LOAD, &UDF, both), (&UDF, &UDF, one)] {
        let report = locked_up(code, handler);
        let expected =
            format!("locked up: {causes}; the first fault was at {CODE:#010x}, the address of the last is not known");
        assert_eq!(report.summary(), expected, "{report}");
        assert_eq!(report.fault_pc(), Some(CODE));
    }
}

#[test]
fn lockup_of_a_handler_that_no_fault_called_has_no_address_of_a_fault() {
    let board = board(&SVC, UNMAPPED);
    // cpsid f; ldr r1, [r0]
    handle_with(&board, &[0xb671, LOAD[0]]);
    let target = board.session.target();
    board.session.registers().write("pc", CODE as u32).unwrap();
    assert_eq!(target.run_until(RunUntil::new(), PATIENCE).unwrap().verdict, Verdict::Lockup);
    let report = target.crash_report().unwrap();
    // The SVC was at the stored address, and no fault.
    assert_eq!(frame(&report).pc, CODE as u32 + 2, "{report}");
    assert_eq!(report.fault_pc(), None, "{report}");
    assert_eq!(report.summary(), "locked up: a data access failed on the bus, to address 0x60000000");
}

#[test]
fn fault_in_the_handler_of_another_fault_names_the_causes_of_both() {
    let board = board(&LOAD, UNMAPPED);
    handle_with(&board, &UDF);
    // The bus fault has a handler of its own, and its undefined instruction becomes a HardFault.
    board.session.memory().write_u32(0xe000_ed24, 1 << 17).unwrap();
    board.session.target().set_vector_catch(&[VectorCatch::HardFault]).unwrap();
    run(&board);
    board.session.target().wait_halt(PATIENCE).unwrap();
    let report = board.session.target().crash_report().unwrap();
    assert_eq!(frame(&report).exception().to_string(), "BusFault", "{report}");
    assert_eq!(report.fault_pc(), Some(0x2000_0300));
    let expected = "HardFault, at 0x20000300, by one or more of: a data access failed on the bus, to address \
                    0x60000000; an undefined instruction was executed";
    assert_eq!(report.summary(), expected, "{report}");
}

#[test]
fn cause_of_an_earlier_fault_does_not_stand_for_that_of_this_one() {
    for (enabled, exception, is_sure) in [(1 << 17, "HardFault", false), (3 << 17, "UsageFault", true)] {
        let board = board(&[LOAD[0], UDF[0]], UNMAPPED);
        // The handler returns behind the load, and leaves the status bits:
        // ldr r2, [sp, #24]; adds r2, #2; str r2, [sp, #24]; bx lr
        handle_with(&board, &[0x9a06, 0x3202, 0x9206, 0x4770]);
        board.session.memory().write_u32(0xe000_ed24, enabled).unwrap();
        board.session.target().set_vector_catch(&[VectorCatch::HardFault, VectorCatch::StateError]).unwrap();
        run(&board);
        board.session.target().wait_halt(PATIENCE).unwrap();
        let report = board.session.target().crash_report().unwrap();
        assert_eq!(report.fault_pc(), Some(CODE + 2));
        let expected = if is_sure {
            format!("{exception}: an undefined instruction was executed, at 0x20000102")
        } else {
            format!(
                "{exception}, at 0x20000102, by one or more of: a data access failed on the bus, to address \
                 0x60000000; an undefined instruction was executed"
            )
        };
        assert_eq!(report.summary(), expected, "{report}");
    }
}
