//! The RP2040: two cores on one serial wire. Only a newer OpenOCD can drive it; 0.12.0 has to say
//! that it cannot.

use virtual_chip::firmware::rp2040 as program;
use virtual_chip::{CoreState, HaltReason, Model, Register, VirtualBoard, VirtualCore};

use crate::openocd::{Run, run_with, wait_until};

fn chip() -> VirtualBoard {
    VirtualBoard::start(&[Model::Rp2040]).unwrap()
}

/// Runs commands; none with OpenOCD 0.12.0, whose `remote_bitbang` knows JTAG only.
fn run(board: &VirtualBoard, arguments: Vec<String>, commands: &[&str]) -> Option<Run> {
    let run = run_with(arguments, commands);
    if run.is_by_0_12_0() {
        assert!(!run.success, "{run}");
        run.assert_says("Can't change session's transport after the initial selection was made");
        return None;
    }
    // What OpenOCD sent last, and needs no answer to, may still be on its way.
    wait_until(|| !board.is_connected());
    Some(run)
}

#[test]
fn the_stock_configuration_finds_both_cores_without_a_complaint() {
    let board = chip();
    for arguments in [board.openocd_args(), board.openocd_args_smp()] {
        let Some(run) = run(&board, arguments, &["echo transport=[transport select]", "echo [rp2040.dap1 info]"])
        else {
            return;
        };
        run.assert_clean();
        for line in [
            "SWD DPIDR 0x0bc12477, DLPIDR 0x00000001",
            "SWD DPIDR 0x0bc12477, DLPIDR 0x10000001",
            "[rp2040.core0] Cortex-M0+ r0p1 processor detected",
            "[rp2040.core1] target has 4 breakpoints, 2 watchpoints",
            "AP ID register 0x04770031",
            "Cortex-M0+ ROM",
            "BPU",
        ] {
            run.assert_says(line);
        }
        assert_eq!(run.value("transport"), "swd");
    }
}

#[test]
fn each_core_halts_alone_and_memory_is_shared() {
    let board = chip();
    let [first, second] = board.cores() else { panic!("there are two") };
    let commands = [
        "targets rp2040.core1",
        "poll",
        "halt",
        "reg r7 0x1111",
        // OpenOCD writes a register when it resumes the core.
        "step",
        "mww 0x20001000 0x5a5a5a5a",
        "echo id1=[read_memory 0xd0000000 32 1]",
        "targets rp2040.core0",
        "echo id0=[read_memory 0xd0000000 32 1]",
        "echo word=[read_memory 0x20001000 32 1]",
    ];
    let Some(run) = run(&board, board.openocd_args(), &commands) else { return };
    run.assert_clean();
    assert_eq!((run.number("id0"), run.number("id1"), run.number("word")), (0, 1, 0x5a5a_5a5a), "{run}");
    assert_eq!([first.state(), second.state()], [CoreState::Running, CoreState::Halted]);
    assert_eq!(second.register(Register::R(7)), 0x1111);
}

#[test]
fn as_a_group_the_cores_halt_and_resume_together() {
    let board = chip();
    let [first, second] = board.cores() else { panic!("there are two") };
    let Some(halted) = run(&board, board.openocd_args_smp(), &["halt", "sleep 50"]) else { return };
    assert!(halted.success, "{halted}");
    assert_eq!([first.state(), second.state()], [CoreState::Halted; 2], "{halted}");
    let resumed = run(&board, board.openocd_args_smp(), &["halt", "sleep 50", "resume", "sleep 50"]).unwrap();
    assert!(resumed.success, "{resumed}");
    assert_eq!([first.state(), second.state()], [CoreState::Running; 2], "{resumed}");
}

#[test]
fn each_core_has_breakpoints_watchpoints_and_steps_of_its_own() {
    let board = chip();
    let [first, second] = board.cores() else { panic!("there are two") };
    let commands = [
        "targets rp2040.core1",
        "poll",
        "halt",
        "bp 0x10000174 2 hw",
        "resume",
        "wait_halt 60000",
        "echo stopped=[lindex [reg pc] 2]",
        "rbp 0x10000174",
        "step",
        "echo stepped=[lindex [reg pc] 2]",
        "targets rp2040.core0",
        "halt",
        "wp 0x20002000 4 w",
        "resume",
        "wait_halt 60000",
    ];
    let Some(run) = run(&board, board.openocd_args(), &commands) else { return };
    run.assert_clean();
    assert_eq!((run.number("stopped"), run.number("stepped")), (program::STORE, program::CALL));
    assert_eq!(first.halt_reason(), Some(HaltReason::Watchpoint));
    assert_eq!(second.halt_reason(), Some(HaltReason::Request), "the end of the step");
}

#[test]
fn a_reset_reaches_both_cores_and_stops_in_the_boot_rom() {
    let board = chip();
    let Some(run) = run(&board, board.openocd_args(), &["reset halt"]) else { return };
    run.assert_clean();
    for core in board.cores() {
        assert_eq!((core.state(), core.halt_reason()), (CoreState::Halted, Some(HaltReason::VectorCatch)));
        assert_eq!((core.register(Register::Pc), core.reset_count()), (program::RESET, 1));
    }
}

/// SYSRESETREQ of a core resets this core only.
#[test]
fn core_0_can_be_reset_alone() {
    let board = chip();
    let commands = ["halt", "mww 0xe000ed0c 0x05fa0004", "sleep 10"];
    let Some(run) = run(&board, board.openocd_args(), &commands) else { return };
    assert!(run.success, "{run}");
    let resets: Vec<_> = board.cores().iter().map(VirtualCore::reset_count).collect();
    assert_eq!(resets, [1, 0]);
}

#[test]
fn vector_catch_halts_where_the_core_faults() {
    let board = chip();
    let commands = [
        "targets rp2040.core1",
        "rp2040.core1 cortex_m vector_catch hard_err",
        "mww 0x20002014 2",
        "wait_halt 60000",
        "echo exception=[expr {[lindex [reg xpsr] 2] & 0x3f}]",
    ];
    let Some(run) = run(&board, board.openocd_args(), &commands) else { return };
    run.assert_clean();
    assert_eq!(run.number("exception"), 3);
    let core = &board.cores()[1];
    assert_eq!((core.register(Register::Pc), core.halt_reason()), (program::HARD_FAULT, Some(HaltReason::VectorCatch)));
}

/// OpenOCD's flash driver calls functions of the boot ROM, which is not modelled.
#[test]
fn the_flash_bank_cannot_be_probed() {
    let board = chip();
    let Some(run) = run(&board, board.openocd_args(), &["halt", "echo code=[catch {flash probe 0}]"]) else { return };
    assert_eq!(run.value("code"), "1");
    run.assert_says("SYSINFO CHIP_ID read failed");
}

#[test]
fn an_rp2040_is_alone_on_its_board() {
    let error = VirtualBoard::start(&[Model::Rp2040, Model::Stm32f103]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
