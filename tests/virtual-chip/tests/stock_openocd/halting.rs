//! Halt, step, resume, reset; breakpoints, watchpoints, vector catch.

use virtual_chip::{CoreState, HaltReason, Register, VirtualChip, firmware};

use crate::openocd::{run, wait_until};

#[test]
fn halt_step_and_resume() {
    let chip = VirtualChip::start().unwrap();
    let stepped = run(&chip, &["halt", "reg pc 0x08000044", "reg r1 41", "step", "echo pc=[lindex [reg pc] 2]"]);
    stepped.assert_clean();
    stepped.assert_says("halted due to single-step");
    assert_eq!(stepped.number("pc"), firmware::STORE);
    assert_eq!(chip.register(Register::Pc), firmware::STORE);
    assert_eq!(chip.register(Register::R(1)), 42);
    assert_eq!((chip.state(), chip.halt_reason()), (CoreState::Halted, Some(HaltReason::Request)));
    run(&chip, &["resume 0x0800004e", "wait_halt 1", "sleep 1"]);
    assert_eq!((chip.state(), chip.halt_reason()), (CoreState::Running, None));
}

#[test]
fn resets_run_halt_and_init() {
    let chip = VirtualChip::start().unwrap();
    let before = chip.reset_count();
    run(&chip, &["reset run"]).assert_clean();
    assert_eq!((chip.state(), chip.reset_count()), (CoreState::Running, before + 1));
    let halted = run(&chip, &["reset halt", "echo pc=[lindex [reg pc] 2]", "echo sp=[lindex [reg sp] 2]"]);
    halted.assert_clean();
    assert_eq!((halted.number("pc"), halted.number("sp")), (firmware::MAIN, firmware::INITIAL_SP));
    assert_eq!((chip.state(), chip.reset_count()), (CoreState::Halted, before + 2));
    run(&chip, &["reset init"]).assert_clean();
    assert_eq!((chip.state(), chip.reset_count()), (CoreState::Halted, before + 3));
    assert_eq!(chip.register(Register::Pc), firmware::MAIN);
}

#[test]
fn an_erased_chip_locks_up_and_is_still_halted_and_programmed() {
    let chip = VirtualChip::start().unwrap();
    chip.write_memory(firmware::START, &vec![0xff; firmware::IMAGE.len()]).unwrap();
    chip.reset();
    wait_until(|| chip.state() == CoreState::LockedUp);
    let halted = run(&chip, &["reset halt", "echo pc=[lindex [reg pc] 2]", "mww 0x20000000 1"]);
    assert!(halted.success, "{halted}");
    assert_eq!(halted.number("pc"), 0xffff_fffe);
    assert_eq!(chip.state(), CoreState::Halted);
    let programmed = run(&chip, &["halt", "flash fillw 0x08000000 0x20005000 1"]);
    assert!(programmed.success, "{programmed}");
    assert_eq!(chip.read_u32(firmware::START), Ok(0x2000_5000));
}

#[test]
fn a_comparator_halts_in_flash() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, &["reset halt", "bp 0x0800004e 2 hw", "resume", "wait_halt 60000", "rbp 0x0800004e"]);
    run.assert_clean();
    run.assert_says("halted due to breakpoint");
    assert_eq!(chip.register(Register::Pc), firmware::WORK);
    assert_eq!(chip.register(Register::R(1)), 1);
}

#[test]
fn six_comparators_and_no_more() {
    let chip = VirtualChip::start().unwrap();
    let run = run(
        &chip,
        &[
            "halt",
            "for {set i 0} {$i < 6} {incr i} {bp [expr {0x08000100 + 4 * $i}] 2 hw}",
            "echo seventh=[catch {bp 0x08000200 2 hw}]",
        ],
    );
    assert_ne!(run.value("seventh"), "0", "{run}");
}

#[test]
fn a_software_breakpoint_halts_in_ram_at_the_instruction() {
    let chip = VirtualChip::start().unwrap();
    chip.halt();
    // nop; nop; b .
    chip.write_memory(0x2000_1000, &[0x00, 0xbf, 0x00, 0xbf, 0xfe, 0xe7]).unwrap();
    let run = run(&chip, &["halt", "bp 0x20001002 2", "resume 0x20001000", "wait_halt 60000", "rbp 0x20001002"]);
    run.assert_clean();
    assert_eq!(chip.register(Register::Pc), 0x2000_1002);
    assert_eq!(chip.halt_reason(), Some(HaltReason::Breakpoint));
    assert_eq!(chip.read_u32(0x2000_1000), Ok(0xbf00_bf00), "the instruction is back");
}

#[test]
fn watchpoints_tell_reads_from_writes() {
    let chip = VirtualChip::start().unwrap();
    let written = run(&chip, &["reset halt", "wp 0x20002000 4 w", "resume", "wait_halt 60000", "rwp 0x20002000"]);
    written.assert_clean();
    written.assert_says("halted due to watchpoint");
    assert_eq!(chip.register(Register::Pc), firmware::CALL, "after the store");
    let read = run(&chip, &["reset halt", "wp 0x08000058 4 r", "resume", "wait_halt 60000", "rwp 0x08000058"]);
    read.assert_clean();
    assert_eq!(chip.register(Register::Pc), firmware::MAIN + 2, "after the load of the counter's address");
    let unread = run(&chip, &["reset halt", "wp 0x20002000 4 r", "resume", "sleep 20", "halt", "rwp 0x20002000"]);
    unread.assert_says("halted due to debug-request");
}

#[test]
fn a_hard_fault_is_caught_before_its_handler_runs() {
    let chip = VirtualChip::start().unwrap();
    let uncaught = run(&chip, &["reset halt", "reg pc 0x60000000", "resume", "sleep 20", "halt"]);
    uncaught.assert_clean();
    assert_eq!(chip.register(Register::Pc), firmware::STOP);
    let caught = run(
        &chip,
        &[
            "reset halt",
            "cortex_m vector_catch hard_err",
            "reg pc 0x60000000",
            "resume",
            "wait_halt 60000",
            "cortex_m vector_catch none",
        ],
    );
    assert!(caught.success, "{caught}");
    assert_eq!(chip.halt_reason(), Some(HaltReason::VectorCatch), "{caught}");
    assert_eq!(chip.register(Register::Pc), firmware::STOP);
    assert_eq!(chip.register(Register::Xpsr) & 0x1ff, 3, "in HardFault");
    let mut frame = [0; 32];
    chip.read_memory(chip.register(Register::Sp), &mut frame).unwrap();
    assert_eq!(frame[24..28], 0x6000_0000_u32.to_le_bytes(), "the stacked return address");
}
