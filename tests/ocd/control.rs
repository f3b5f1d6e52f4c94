//! Run control.

use virtual_chip::CoreState;

use crate::bench::Bench;
use crate::run::firmware;

#[test]
fn halt_and_resume_change_the_target_and_stay_after_the_command() {
    let bench = Bench::new();
    let halted = bench.ocd(&["halt"]).expect(0);
    assert!(halted.stdout.starts_with("stm32f1x.cpu is halted at 0x"), "{halted:?}");
    assert_eq!(halted.stderr, "");
    assert_eq!(bench.chip.state(), CoreState::Halted);
    bench.ocd(&["resume"]).expect(0);
    assert_eq!(bench.chip.state(), CoreState::Running);
}

#[test]
fn a_step_of_a_running_target_is_refused_with_what_to_try() {
    let ran = Bench::new().ocd(&["step"]).expect(73);
    assert!(ran.stderr.contains("help: halt the target first: ocd halt"), "{ran:?}");
    assert_eq!(ran.stdout, "");
    let error = Bench::new().ocd(&["step", "--json"]).expect(73).error();
    assert_eq!(error["id"], "target.not_halted");
}

#[test]
fn resuming_a_running_target_says_that_it_runs() {
    let ran = Bench::new().ocd(&["resume"]).expect(73);
    assert_eq!(ran.stderr, "error: stm32f1x.cpu is running already\n");
    let ran = Bench::new().ocd(&["resume", "--at", "0x0800_0100"]).expect(73);
    assert!(ran.stderr.contains("help: halt the target first: ocd halt"), "{ran:?}");
}

#[test]
fn a_target_that_loops_in_the_handler_of_a_fault_is_no_success() {
    let bench = Bench::new();
    for name in ["faults", "panics"] {
        let firmware = format!("{}/examples/firmware/rust/prebuilt/{name}.elf", env!("CARGO_MANIFEST_DIR"));
        let error = bench.ocd(&["flash", &firmware, "--json"]).expect(134).error();
        assert_eq!(error["id"], "ocd.flash.crash", "{name}");
        assert!(error["help"][0].as_str().unwrap().contains("`ocd halt`, then `ocd crash`"), "{error}");
        let ran = bench.ocd(&["reset"]).expect(134);
        assert!(ran.stderr.starts_with("error: the target was reset, and crashed\n  cause: "), "{ran:?}");
    }
    let firmware = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/hello.elf");
    bench.ocd(&["flash", firmware]).expect(0);
    bench.ocd(&["reset"]).expect(0);
}

#[test]
fn a_target_that_locks_up_at_once_is_no_success() {
    let bench = Bench::new();
    bench.ocd(&["erase", "--all"]).expect(0);
    let ran = bench.ocd(&["reset"]).expect(134);
    assert!(ran.stderr.starts_with("error: the target was reset, and locked up\n  cause: stm32f1x.cpu is "), "{ran:?}");
    assert!(ran.stderr.contains("(lockup)") && ran.stderr.contains("`ocd halt`, then `ocd crash`"), "{ran:?}");
    assert_eq!(bench.ocd(&["reset", "--json"]).expect(134).error()["id"], "ocd.lockup");
    // It is not to run.
    bench.ocd(&["reset", "halt"]).expect(0);
    let session = bench.session();
    session.target().reset(openocd::ResetMode::Halt).unwrap();
    // To the library it did run.
    session.target().resume().unwrap();
    assert_eq!(session.target().status().unwrap().halt_reason, Some(openocd::HaltReason::Lockup));
    for arguments in [&["resume"][..], &["resume", "--at", "0x0800_0100"]] {
        session.target().reset(openocd::ResetMode::Halt).unwrap();
        let ran = bench.ocd_on(&session, arguments).expect(134);
        assert!(ran.stderr.starts_with("error: the target was resumed, and locked up\n"), "{ran:?}");
    }
}

#[test]
fn waiting_for_a_halt_ends_at_the_time_limit() {
    let bench = Bench::new();
    let error = bench.ocd(&["wait-halt", "--timeout", "200ms", "--json"]).expect(124).error();
    assert_eq!(error["id"], "ocd.timeout");
    bench.chip.halt();
    bench.ocd(&["wait-halt", "--timeout", "20s"]).expect(0);
}

#[test]
fn a_command_gives_its_result_or_its_refusal() {
    let bench = Bench::new();
    let ran = bench.ocd(&["cmd", "expr", "{6 * 7}"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("42\n", ""));
    let error = bench.ocd(&["--json", "cmd", "error nonsense"]).expect(70).error();
    assert_eq!(error["command"], "error nonsense");
}

#[test]
fn the_target_is_left_as_on_exit_says() {
    let bench = Bench::new();
    bench.ocd(&["status", "--on-exit", "halt"]).expect(0);
    assert_eq!(bench.chip.state(), CoreState::Halted);
    bench.ocd(&["status", "--on-exit", "resume"]).expect(0);
    assert_eq!(bench.chip.state(), CoreState::Running);
    // Also after a failure: the step is refused.
    bench.ocd(&["step", "--on-exit", "halt"]).expect(73);
    assert_eq!(bench.chip.state(), CoreState::Halted);
    bench.ocd(&["status", "--on-exit", "reboot"]).expect(64);
}

#[test]
fn the_log_goes_to_standard_error_or_into_a_file() {
    let bench = Bench::new();
    let ran = bench.ocd(&["status", "-v"]).expect(0);
    assert!(ran.stderr.contains("Cortex-M3") && !ran.stderr.contains("curstate"), "{ran:?}");
    assert_eq!(ran.stdout, "stm32f1x.cpu is running\n");
    let ran = bench.ocd(&["status", "--log-file", "ocd.log"]).expect(0);
    assert_eq!(ran.stderr, "");
    let log = std::fs::read_to_string(bench.folder().join("ocd.log")).unwrap();
    assert!(log.contains("Cortex-M3") && log.contains("TRACE"), "{log}");
    let ran = bench.ocd(&["status", "--log-file", "/dev/full"]).expect(0);
    assert_eq!(ran.stderr.matches("warning: the log in /dev/full is incomplete: ").count(), 1, "{ran:?}");
    let error = bench.ocd(&["status", "--log-file", "no/such/folder", "--json"]).expect(71).error();
    assert_eq!(error["id"], "ocd.file");
}

#[test]
fn halt_after_a_reset_has_its_own_reason_also_behind_a_step() {
    let bench = Bench::new();
    let session = bench.session();
    bench.ocd_on(&session, &["flash", "--reset", "halt", &firmware("exits")]).expect(0);
    bench.ocd_on(&session, &["step"]).expect(0);
    let stepped = bench.ocd_on(&session, &["step", "--json"]).expect(0).result();
    assert_eq!(stepped["halt_reason"], "single_step");
    let reset = bench.ocd_on(&session, &["reset", "--json"]).expect(0).result();
    assert_eq!((&reset["state"], &reset["halt_reason"]), (&"halted".into(), &"semihosting".into()), "{reset}");
    let status = bench.ocd_on(&session, &["status", "--json"]).expect(0).result();
    assert_eq!(status["halt_reason"], "semihosting", "{status}");
    // And a step from there is one.
    let halted = bench.ocd_on(&session, &["reset", "halt", "--json"]).expect(0).result();
    assert_eq!(halted["halt_reason"], "debug_request", "{halted}");
    assert_eq!(bench.ocd_on(&session, &["step", "--json"]).expect(0).result()["halt_reason"], "single_step");
}
