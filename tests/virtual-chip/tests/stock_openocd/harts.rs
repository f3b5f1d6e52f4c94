//! Two RISC-V harts that share their RAM.

use virtual_chip::{CoreState, HartHaltCause, Model, VirtualBoard, firmware::harts};

use crate::openocd::{run_with, wait_until};

fn pair() -> VirtualBoard {
    VirtualBoard::start(&[Model::RiscvPair]).unwrap()
}

#[test]
fn both_harts_are_examined_and_run() {
    let board = pair();
    let [first, second] = board.harts() else { panic!("there are two") };
    assert_eq!([first.target_name(), second.target_name()], ["pair0.cpu0", "pair0.cpu1"]);
    run_with(board.openocd_args(), &["targets"]).assert_clean();
    for (hart, address) in [first, second].into_iter().zip(harts::COUNTER_ADDRESSES) {
        let left = second.read_u32(address).unwrap();
        wait_until(|| hart.read_u32(address).unwrap() > left);
    }
}

#[test]
fn each_hart_has_its_own_registers_and_state_over_one_memory() {
    let board = pair();
    let [first, second] = board.harts() else { panic!("there are two") };
    let run = run_with(
        board.openocd_args(),
        &[
            "targets pair0.cpu1",
            "halt",
            "reg a0 0x1111",
            "mww 0x80001000 0x5a5a5a5a",
            "echo id1=[lindex [reg mhartid] 2]",
            "targets pair0.cpu0",
            "echo word=[read_memory 0x80001000 32 1]",
            "halt",
            "reg a0 0x2222",
            "echo id0=[lindex [reg mhartid] 2]",
            "resume",
            "sleep 1",
        ],
    );
    assert!(run.success, "{run}");
    assert_eq!((run.number("id0"), run.number("id1"), run.number("word")), (0, 1, 0x5a5a_5a5a), "{run}");
    assert_eq!([first.state(), second.state()], [CoreState::Running, CoreState::Halted], "{run}");
    assert_eq!([first.x(10), second.x(10)], [0x2222, 0x1111]);
}

/// Both targets save the instruction at the address and restore it: the second saves the EBREAK of
/// the first.
#[test]
fn without_smp_software_breakpoints_of_both_harts_leave_an_ebreak_behind() {
    let board = pair();
    let hart = &board.harts()[0];
    let original = hart.read_u32(harts::LOOP).unwrap();
    let run = run_with(
        board.openocd_args(),
        &[
            "targets pair0.cpu0",
            "halt",
            "targets pair0.cpu1",
            "halt",
            "targets pair0.cpu0",
            "bp 0x80000014 4",
            "targets pair0.cpu1",
            "bp 0x80000014 4",
            "targets pair0.cpu0",
            "rbp 0x80000014",
            "targets pair0.cpu1",
            "rbp 0x80000014",
        ],
    );
    assert!(run.success, "{run}");
    let left = hart.read_u32(harts::LOOP).unwrap();
    assert_ne!(left, original);
    assert!(left == 0x0010_0073 || left & 0xffff == 0x9002, "{left:#010x} is an EBREAK");
}

#[test]
fn a_hardware_breakpoint_halts_only_its_hart() {
    let board = pair();
    let [first, second] = board.harts() else { panic!("there are two") };
    let run = run_with(
        board.openocd_args(),
        &["targets pair0.cpu1", "halt", "bp 0x80000018 4 hw", "resume", "wait_halt 60000", "rbp 0x80000018"],
    );
    assert!(run.success, "{run}");
    assert_eq!((second.pc(), second.halt_cause()), (harts::STORE, Some(HartHaltCause::Trigger)));
    assert_eq!((first.state(), first.halt_cause()), (CoreState::Running, None));
}

#[test]
fn with_smp_a_halt_and_a_breakpoint_reach_both_harts() {
    let board = pair();
    let [first, second] = board.harts() else { panic!("there are two") };
    let halted = run_with(board.openocd_args_smp(), &["halt", "sleep 50"]);
    assert!(halted.success, "{halted}");
    assert_eq!([first.state(), second.state()], [CoreState::Halted; 2], "{halted}");
    let resumed = run_with(board.openocd_args_smp(), &["halt", "resume", "sleep 50"]);
    assert!(resumed.success, "{resumed}");
    assert_eq!([first.state(), second.state()], [CoreState::Running; 2], "{resumed}");
    let commands = ["halt", "bp 0x80000018 4 hw", "resume", "wait_halt 60000", "sleep 50", "poll"];
    let broken = run_with(board.openocd_args_smp(), &commands);
    assert!(broken.success, "{broken}");
    assert_eq!([first.state(), second.state()], [CoreState::Halted; 2], "{broken}");
    assert!([first, second].iter().any(|hart| hart.halt_cause() == Some(HartHaltCause::Trigger)), "{broken}");
}

#[test]
fn a_reset_reaches_both_harts() {
    let board = pair();
    let [first, second] = board.harts() else { panic!("there are two") };
    let run = run_with(board.openocd_args_smp(), &["reset halt"]);
    assert!(run.success, "{run}");
    assert_eq!([first.state(), second.state()], [CoreState::Halted; 2], "{run}");
    assert_eq!([first.pc(), second.pc()], [harts::START; 2]);
}
