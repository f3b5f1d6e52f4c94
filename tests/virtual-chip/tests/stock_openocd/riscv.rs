//! The RISC-V hart.

use virtual_chip::{CoreState, HartHaltCause, VirtualHart, firmware};

use crate::openocd::{Run, run_with, wait_until};

fn run(hart: &VirtualHart, commands: &[&str]) -> Run {
    run_with(hart.openocd_args(), commands)
}

#[test]
fn the_hart_is_examined() {
    let hart = VirtualHart::start().unwrap();
    let run = run(&hart, &[]);
    run.assert_clean();
    run.assert_says("XLEN=32, misa=0x40000100");
    let counter = || hart.read_u32(firmware::hart::COUNTER_ADDRESS).unwrap();
    let left = counter();
    wait_until(|| counter() > left);
}

#[test]
fn it_halts_steps_and_resumes() {
    let hart = VirtualHart::start().unwrap();
    let stepped = run(&hart, &["halt", "reg pc 0x80000008", "reg t1 41", "step", "echo pc=[lindex [reg pc] 2]"]);
    stepped.assert_clean();
    assert_eq!(stepped.number("pc"), firmware::hart::STORE);
    assert_eq!((hart.pc(), hart.x(6)), (firmware::hart::STORE, 42));
    assert_eq!((hart.state(), hart.halt_cause()), (CoreState::Halted, Some(HartHaltCause::Step)));
    run(&hart, &["halt", "resume"]).assert_clean();
    assert_eq!((hart.state(), hart.halt_cause()), (CoreState::Running, None));
}

#[test]
fn registers_and_memory_go_both_ways() {
    let hart = VirtualHart::start().unwrap();
    hart.halt();
    hart.set_x(8, 0x1234_5678);
    hart.write_u32(0x8000_1000, 0x8765_4321).unwrap();
    let run = run(
        &hart,
        &[
            "halt",
            "echo s0=[lindex [reg fp] 2]",
            "reg a0 0xcafe",
            "echo word=[read_memory 0x80001000 32 1]",
            "echo half=[read_memory 0x80001002 16 1]",
            "mwb 0x80001005 0x42 3",
            "mww 0x80001010 0x5a5a5a5a 40",
            "echo last=[lindex [read_memory 0x80001010 32 40] 39]",
            "echo fault=[catch {read_memory 0x10000000 32 1}]",
            "resume",
            "halt",
        ],
    );
    assert!(run.success, "{run}");
    assert_eq!(
        (run.number("s0"), run.number("word"), run.number("half"), run.number("last")),
        (0x1234_5678, 0x8765_4321, 0x8765, 0x5a5a_5a5a)
    );
    assert_ne!(run.value("fault"), "0", "{run}");
    assert_eq!(hart.x(10), 0xcafe);
    assert_eq!(hart.read_u32(0x8000_1004), Ok(0x4242_4200));
}

#[test]
fn resets_run_and_halt() {
    let hart = VirtualHart::start().unwrap();
    let halted = run(&hart, &["reset halt", "echo pc=[lindex [reg pc] 2]"]);
    assert!(halted.success, "{halted}");
    assert_eq!(halted.number("pc"), firmware::hart::START);
    assert_eq!((hart.state(), hart.reset_count()), (CoreState::Halted, 1));
    let running = run(&hart, &["reset run"]);
    assert!(running.success, "{running}");
    assert_eq!((hart.state(), hart.reset_count()), (CoreState::Running, 2));
}

#[test]
fn breakpoints_and_a_watchpoint_halt() {
    let hart = VirtualHart::start().unwrap();
    let by_instruction = run(&hart, &["halt", "bp 0x8000000c 4", "resume", "wait_halt 60000", "rbp 0x8000000c"]);
    by_instruction.assert_clean();
    assert_eq!((hart.pc(), hart.halt_cause()), (firmware::hart::STORE, Some(HartHaltCause::Ebreak)));
    let by_trigger = run(&hart, &["halt", "bp 0x80000008 4 hw", "resume", "wait_halt 60000", "rbp 0x80000008"]);
    by_trigger.assert_clean();
    assert_eq!((hart.pc(), hart.halt_cause()), (firmware::hart::LOOP, Some(HartHaltCause::Trigger)));
    let watched = run(&hart, &["halt", "wp 0x80002000 4 w", "resume", "wait_halt 60000", "rwp 0x80002000"]);
    assert!(watched.success, "{watched}");
    assert_eq!((hart.pc(), hart.halt_cause()), (firmware::hart::STORE, Some(HartHaltCause::Trigger)));
}
