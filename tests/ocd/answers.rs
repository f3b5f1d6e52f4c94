//! One answer a command, and its status is the exit status: also after a signal, and when the end of
//! the session fails.

use std::time::Duration;

use virtual_chip::firmware;

use crate::bench::Bench;
use crate::run::firmware as prebuilt;
use crate::running::Running;

#[test]
fn the_answer_has_the_exit_status_whenever_a_signal_comes() {
    let bench = Bench::new();
    let mut answers = 0;
    for delay in (0..24).map(|step| Duration::from_millis(25 * step)) {
        let mut running = Running::start(&mut bench.board_command(&["verify", "--json", &prebuilt("hello")]));
        // On a busy machine it may end unseen.
        while running.children().is_empty() && running.is_running() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(delay);
        if running.is_running() {
            running.signal("INT");
        }
        let ran = running.end();
        let ends = ran.lines().iter().filter(|line| line.get("status").is_some()).count();
        // A signal may be the end of a command that has nothing to tell.
        assert!(ends == 1 || (ends == 0 && ran.status == 130), "{ran:#?}");
        if let Some(last) = ran.lines().last().filter(|_| ends == 1) {
            answers += 1;
            assert_eq!(last["status"], ran.status, "{ran:#?}");
        }
    }
    assert!(answers > 0);
}

#[test]
fn command_that_is_interrupted_at_once_tells_so() {
    let bench = Bench::new();
    for step in 0..40 {
        let running = Running::start(&mut bench.board_command(&["verify", "--json", &prebuilt("hello")]));
        running.caught_signals();
        std::thread::sleep(Duration::from_millis(step * step / 4));
        running.signal("INT");
        let mut running = running;
        let ran = running.end();
        let ends = ran.lines().iter().filter(|line| line.get("status").is_some()).count();
        assert_eq!(ends, 1, "after {step}: {ran:#?}");
        assert_eq!(ran.lines().last().unwrap()["status"], ran.status, "{ran:#?}");
    }
}

#[test]
fn failed_end_of_the_session_is_the_only_answer() {
    let bench = Bench::new();
    bench.chip.load_firmware(firmware::rtt::IMAGE);
    bench.chip.faults().refuse_halt(true);
    // One that answers at its end, and one that has told its values by then. OpenOCD waits five seconds
    // for each.
    for arguments in [&["read", "0x0800_0000", "16", "flash.bin"][..], &["watch", "0x2000_0000:u32", "-n", "1"]] {
        let ran = bench.ocd(&[arguments, &["--json", "--on-exit", "halt"]].concat());
        let ends: Vec<_> = ran.lines().into_iter().filter(|line| line.get("status").is_some()).collect();
        assert_eq!(ends.len(), 1, "{arguments:?}: {ran:#?}");
        assert!(ends[0]["type"] == "error" && ran.status != 0, "{arguments:?}: {ran:#?}");
    }
}

#[test]
fn what_openocd_logs_during_a_command_is_told() {
    let bench = Bench::new();
    let ran = bench.ocd(&["cmd", "echo hello; expr {6 * 7}"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("42\n", "hello\n"));
    let result = bench.ocd(&["--json", "cmd", "echo hello; expr {6 * 7}"]).expect(0).result();
    assert_eq!((&result["result"], &result["log"]), (&"42".into(), &"hello".into()));
}

#[test]
fn help_is_a_command_too() {
    let bench = Bench::new();
    let help = bench.ocd_alone(&["help"]).expect(0);
    assert!(help.stdout.contains("Exit status:"), "{help:?}");
    assert_eq!(
        bench.ocd_alone(&["help", "flash"]).expect(0).stdout,
        bench.ocd_alone(&["flash", "--help"]).expect(0).stdout
    );
}
