//! Signals and endings.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use virtual_chip::CoreState;

use crate::bench::Bench;
use crate::running::{Running, eventually, exists};

/// OpenOCD is deaf while it sleeps.
const BUSY: [&str; 2] = ["cmd", "echo begin; sleep 100000"];

/// Waits until the command is under way.
fn busy(bench: &Bench, arguments: &[&str]) -> (Running, u32) {
    let running = Running::start(&mut bench.board_command(&[arguments, &BUSY].concat()));
    let openocd = running.openocd();
    // The command begins when OpenOCD is ready.
    std::thread::sleep(Duration::from_secs(2));
    assert!(exists(openocd));
    (running, openocd)
}

#[test]
fn signal_ends_a_busy_command_and_its_openocd() {
    let bench = Bench::new();
    for (signal, status) in [("INT", 130), ("TERM", 143), ("HUP", 143)] {
        let (mut running, openocd) = busy(&bench, &[]);
        running.signal(signal);
        let ran = running.end().expect(status);
        assert!(!exists(openocd), "{signal}");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "error: interrupted\n"));
    }
    let (mut running, _) = busy(&bench, &["--json"]);
    running.signal("INT");
    assert_eq!(running.end().expect(130).error()["id"], "ocd.interrupted");
}

#[test]
fn on_exit_is_honoured_at_a_signal() {
    let bench = Bench::new();
    bench.ocd(&["halt"]).expect(0);
    let mut running = Running::start(&mut bench.board_command(&["step", "1000000000", "--on-exit", "resume"]));
    let openocd = running.openocd();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(bench.chip.state(), CoreState::Halted);
    running.signal("INT");
    running.end().expect(130);
    assert!(!exists(openocd));
    assert_eq!(bench.chip.state(), CoreState::Running);
}

#[test]
fn second_signal_ends_at_once() {
    // To honour --on-exit, ocd waits for an OpenOCD that is deaf.
    let bench = Bench::new();
    let (mut running, openocd) = busy(&bench, &["--on-exit", "halt"]);
    running.signal("INT");
    std::thread::sleep(Duration::from_secs(3));
    assert!(running.is_running());
    let begin = Instant::now();
    running.signal("INT");
    running.end().expect(130);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    eventually("the end of OpenOCD", || !exists(openocd));
}

#[test]
fn signal_ends_a_start_that_hangs() {
    let bench = Bench::new();
    bench.chip.faults().stop_answering(true);
    let mut running = Running::start(&mut bench.board_command(&["status"]));
    let openocd = running.openocd();
    std::thread::sleep(Duration::from_millis(500));
    running.signal("INT");
    let begin = Instant::now();
    let ran = running.end().expect(130);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(!exists(openocd));
    assert_eq!(ran.stderr, "error: interrupted\n");
}

#[test]
fn openocd_ends_when_ocd_is_killed() {
    let bench = Bench::new();
    for telnet in [&[][..], &["--telnet-port", "0"]] {
        let arguments = [&["server", "--tcl-port", "0", "--gdb-port", "0"], telnet].concat();
        let mut running = Running::start(&mut bench.board_command(&arguments));
        running.line_with("tcl localhost:");
        let openocd = running.openocd();
        running.signal("KILL");
        running.end().expect(-1);
        eventually("the end of OpenOCD", || !exists(openocd));
    }
}

#[test]
fn closed_pipe_ends_quietly() {
    let bench = Bench::new();
    let long = "set text {}; for {set i 0} {$i < 100000} {incr i} {append text {a line\\n}}; set text";
    for arguments in [&["completions", "bash"][..], &["cmd", long], &["--json", "cmd", long]] {
        let mut command = bench.board_command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(141), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stderr, b"", "{arguments:?}");
    }
    // As it is used.
    let line = format!("{} completions bash | head -1", env!("CARGO_BIN_EXE_ocd"));
    let ended = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert_eq!((ended.stdout.as_slice(), ended.stderr.as_slice()), (&b"_ocd() {\n"[..], &b""[..]));
}

#[test]
fn openocd_that_is_killed_has_no_invented_cause() {
    let bench = Bench::new();
    for (words, cause) in [("{xPSR: 0x61000000}", "signal: 9 (SIGKILL)"), ("{Error: no power}", "signal: 9 (SIGKILL)")]
    {
        let config = format!("{} -c 'init; echo {words}'", bench.config());
        let mut running = Running::start(bench.board_command(&["wait-halt"]).env("OCD_CONFIG", config));
        let openocd = running.openocd();
        std::thread::sleep(Duration::from_secs(2));
        Command::new("kill").args(["-KILL", &openocd.to_string()]).status().expect("kill is installed");
        let ran = running.end().expect(76);
        let lines: Vec<_> = ran.stderr.lines().collect();
        assert_eq!(lines[..2], ["error: OpenOCD ended", &format!("  cause: {cause}")], "{ran:?}");
        assert_eq!(ran.stderr.contains("OpenOCD says: no power"), words.contains("Error"), "{ran:?}");
        assert!(!ran.stderr.contains("xPSR"), "{ran:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_terminal_ends_nothing_that_ignores_it() {
    let bench = Bench::new();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_ocd")]);
    command.args(["server", "--tcl-port", "0", "--gdb-port", "0"]).env("OCD_CONFIG", bench.config());
    let mut running = Running::start(&mut command);
    running.line_with("tcl ");
    running.signal("HUP");
    std::thread::sleep(Duration::from_secs(1));
    running.signal("INT");
    running.end().expect(130);
}
