//! An OpenOCD that does not answer: every command that has a time ends by it, and never as if it
//! knew.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::run::firmware as prebuilt;
use crate::running::{PATIENCE, Running, exists};

/// How much longer than its time a command may take, on a busy machine.
const LATE: Duration = Duration::from_secs(4);

fn send(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// A server that stays, its address and its OpenOCD.
fn server(bench: &Bench) -> (Running, String, u32) {
    let arguments = ["server", "--tcl-port", "0", "--gdb-port", "0"];
    let mut server = Running::start(&mut bench.board_command(&arguments));
    let address = server.line_with("tcl ").split_once(' ').unwrap().1.to_owned();
    let openocd = server.openocd();
    (server, address, openocd)
}

#[test]
fn command_ends_by_its_time_when_openocd_hangs_from_the_beginning() {
    let bench = Bench::new();
    let (_server, address, openocd) = server(&bench);
    send("-STOP", openocd);
    let hello = prebuilt("hello");
    for command in [&["events"][..], &["watch", "0x2000_0000:u32"], &["attach", &hello], &["run", &hello, "--no-flash"]]
    {
        let begin = Instant::now();
        let ran = bench.ocd_alone(&[command, &["--connect", &address, "--timeout", "3", "--json"]].concat());
        assert!(begin.elapsed() < Duration::from_secs(3) + LATE, "{command:?}: {:?}", begin.elapsed());
        assert_eq!(ran.expect(76).error()["id"], "ocd.silent", "{command:?}");
    }
    send("-CONT", openocd);
}

#[test]
fn command_ends_by_its_time_when_openocd_begins_to_hang() {
    let bench = Bench::new();
    bench.ocd(&["flash", &prebuilt("hangs")]).expect(0);
    let endless = prebuilt("hangs");
    for command in [
        &["events"][..],
        &["watch", "0x2000_0000:u32", "--period", "50ms"],
        &["attach", &endless],
        &["run", &endless, "--no-flash"],
        &["wait-halt"],
    ] {
        let (_server, address, openocd) = server(&bench);
        bench.ocd_alone(&["--connect", &address, "resume"]);
        let begin = Instant::now();
        let arguments = [command, &["--connect", &address, "--timeout", "6"]].concat();
        let mut running = Running::start(&mut bench.command(&arguments));
        std::thread::sleep(Duration::from_secs(3));
        send("-STOP", openocd);
        let ran = running.end();
        send("-CONT", openocd);
        assert!(begin.elapsed() < (Duration::from_secs(6) + LATE).min(PATIENCE), "{command:?}: {:?}", begin.elapsed());
        assert_eq!(ran.status, 76, "{command:?}: {ran:#?}");
    }
}

#[test]
fn start_of_openocd_ends_by_the_time_of_the_command() {
    let bench = Bench::new();
    bench.chip.faults().stop_answering(true);
    for command in [&["status"][..], &["wait-halt"]] {
        let begin = Instant::now();
        let ran = bench.ocd(&[command, &["--timeout", "3s", "--json"]].concat());
        assert!(begin.elapsed() < Duration::from_secs(3) + LATE, "{command:?}: {:?}", begin.elapsed());
        let error = ran.expect(76).error();
        assert_eq!(error["id"], "timeout.ready", "{command:?}: {error}");
        assert!(error["message"].as_str().unwrap().contains("3s"), "{command:?}: {error}");
    }
}

/// How long an end may take that waits for no answer: it is checked that OpenOCD is silent.
const PROMPT: Duration = Duration::from_millis(500 + 2000);

/// The time of one answer, for which `--on-exit` waits, and `run`, which halts the target.
const ANSWER: Duration = Duration::from_secs(10);

#[test]
fn ctrl_c_ends_a_command_whose_openocd_is_silent() {
    let endless = prebuilt("hangs");
    let commands: [(&[&str], Duration); 6] = [
        (&["watch", "0x2000_0000:u32", "--period", "50ms"], PROMPT),
        // As JSON: its bytes are no text.
        (&["rtt", "--ram", "0x2000_0000+20K", "--json"], PROMPT),
        (&["wait-halt"], PROMPT),
        (&["attach", &endless], PROMPT),
        (&["run", &endless, "--no-flash"], PROMPT + ANSWER),
        (&["run", &endless, "--no-flash", "--on-exit", "leave"], PROMPT + ANSWER),
    ];
    let running = commands.map(|(command, time)| {
        let bench = Bench::new();
        bench.ocd(&["flash", &endless]).expect(0);
        let (server, address, openocd) = server(&bench);
        bench.ocd_alone(&["--connect", &address, "resume"]);
        let running = Running::start(&mut bench.command(&[command, &["--connect", &address]].concat()));
        (bench, server, openocd, running, command, time)
    });
    std::thread::sleep(Duration::from_secs(3));
    for (.., openocd, _, _, _) in &running {
        send("-STOP", *openocd);
    }
    // A call is under way.
    std::thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    for (.., running, _, _) in &running {
        running.signal("INT");
    }
    for (_bench, _server, openocd, mut running, command, time) in running {
        let ran = running.end();
        assert!(begin.elapsed() < time + LATE, "{command:?}: {:?}, {ran:#?}", begin.elapsed());
        assert_eq!(ran.status, 130, "{command:?}: {ran:#?}");
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(told.contains("interrupted"), "{command:?}: {ran:#?}");
        send("-CONT", openocd);
    }
}

#[test]
fn ctrl_c_ends_a_run_and_kills_its_silent_openocd() {
    let bench = Bench::new();
    bench.ocd(&["flash", &prebuilt("hangs")]).expect(0);
    let mut running = Running::start(&mut bench.board_command(&["run", &prebuilt("hangs"), "--no-flash"]));
    let openocd = running.openocd();
    std::thread::sleep(Duration::from_secs(4));
    send("-STOP", openocd);
    running.signal("INT");
    let begin = Instant::now();
    let ran = running.end().expect(130);
    let killed = Duration::from_secs(2);
    assert!(begin.elapsed() < PROMPT + ANSWER + killed + LATE, "{:?}: {ran:#?}", begin.elapsed());
    assert!(ran.stderr.contains("OpenOCD does not answer"), "{ran:#?}");
    assert!(!exists(openocd));
}

#[test]
fn consequence_of_a_killed_openocd_is_not_told_as_its_cause() {
    let bench = Bench::new();
    bench.ocd(&["flash", &prebuilt("hangs")]).expect(0);
    let run = ["run", &prebuilt("hangs"), "--no-flash"];
    let (_server, address, openocd) = server(&bench);
    let mut shared = Running::start(&mut bench.command(&[&run[..], &["--connect", &address]].concat()));
    std::thread::sleep(Duration::from_secs(4));
    send("-KILL", openocd);
    let shared = shared.end().expect(76);
    let mut own = Running::start(&mut bench.board_command(&run));
    std::thread::sleep(Duration::from_secs(4));
    send("-KILL", own.openocd());
    let own = own.end().expect(76);
    for ran in [shared, own] {
        let lines: Vec<&str> = ran.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect();
        let left = lines.iter().position(|line| line.contains("was not left as it should be"));
        assert!(left.is_none_or(|at| lines[at].starts_with("  note: ")), "{ran:#?}");
        assert!(!lines.iter().any(|line| line.starts_with("  cause: the target was not left")), "{ran:#?}");
    }
}
