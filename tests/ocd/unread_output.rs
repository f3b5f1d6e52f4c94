//! Standard output that nobody reads, and that is full: a pager that waits.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};
use crate::run::firmware;

/// Runs `ocd` with a pipe that is full. Sends it a signal after a while, if wanted.
fn unread(bench: &Bench, address: &str, arguments: &[&str], signal: Option<&str>, joins: bool) -> Ran {
    let like = bench.command(&[]);
    let mut command = Command::new("sh");
    // As much as a pipe holds.
    let join = if joins { "2>&1" } else { "" };
    command.args(["-c", &format!("head -c 65536 /dev/zero; exec \"$0\" \"$@\" {join}"), env!("CARGO_BIN_EXE_ocd")]);
    command.args(["--connect", address]).args(arguments).current_dir(bench.folder());
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    let mut is_signalled = signal.is_none();
    while child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(50));
        if !is_signalled && begin.elapsed() > Duration::from_secs(4) {
            is_signalled = true;
            let signal = format!("-{}", signal.unwrap_or_default());
            assert!(Command::new("kill").args([&*signal, &child.id().to_string()]).status().unwrap().success());
        }
        if begin.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
        }
    }
    // Now it is read.
    let mut output = child.wait_with_output().unwrap();
    output.stdout.drain(..65536);
    Ran::from(output)
}

fn address(session: &openocd::Session) -> String {
    session.process().unwrap().tcl_address().to_string()
}

#[test]
fn output_that_nobody_reads_delays_no_end_in_time() {
    let bench = Bench::new();
    let session = bench.session();
    let address = address(&session);
    for watch in [&["watch", "0x20000000"][..], &["watch", "0x20000000", "--json"]] {
        let ran = unread(&bench, &address, &[watch, &["--timeout", "2"]].concat(), None, false).expect(124);
        assert!(ran.stderr.contains("the time is over"), "{ran:#?}");
    }
    unread(&bench, &address, &["run", &firmware("hangs"), "--timeout", "2"], None, false).expect(124);
}

#[test]
fn output_that_nobody_reads_delays_no_end_at_a_signal() {
    let bench = Bench::new();
    let session = bench.session();
    let address = address(&session);
    unread(&bench, &address, &["watch", "0x20000000"], Some("INT"), true).expect(130);
    unread(&bench, &address, &["mem", "dump", "0x08000000", "0x4000", "-"], Some("TERM"), false).expect(143);
}

#[test]
fn events_that_nobody_reads_delay_no_end() {
    let bench = Bench::new();
    let session = bench.session();
    let address = address(&session);
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| unread(&bench, &address, &["events", "--json", "--timeout", "4"], None, true));
        std::thread::sleep(Duration::from_secs(2));
        session.target().halt().unwrap();
        ran.join().unwrap().expect(124);
    });
}

#[test]
fn run_whose_output_nobody_reads_ends_in_order_at_a_signal() {
    let bench = Bench::new();
    let session = bench.session();
    let address = address(&session);
    for joins in [false, true] {
        unread(&bench, &address, &["run", &firmware("hangs")], Some("TERM"), joins).expect(143);
        assert_eq!(session.breakpoints().list().unwrap(), []);
        assert_eq!(bench.chip.state(), CoreState::Halted);
    }
}
