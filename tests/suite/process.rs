//! Starting and stopping OpenOCD, and the errors when that fails.

mod configuration;
mod endings;
mod failures;
mod logs;
// Windows allows few of them.
#[cfg(unix)]
mod names;
mod ports;
mod trust;
mod warnings;

use std::time::{Duration, Instant};

use openocd::{Error, ProcessError};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn exists(pid: u32) -> bool {
    // A zombie is gone: only its parent has not looked yet.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The address that a port listens on.
fn listening_address(port: u16) -> String {
    // /proc/net/tcp lists local addresses as hexadecimal, the host in reverse: 0100007F is
    // 127.0.0.1. State 0A is LISTEN.
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let here = format!(":{port:04X} ");
    let line = table.lines().find(|line| line.contains(&here) && line.contains(" 0A ")).expect("the port listens");
    let (host, _) = line.split_once(": ").unwrap().1.split_once(':').unwrap();
    u32::from_str_radix(host, 16).map(|host| std::net::Ipv4Addr::from(host.swap_bytes()).to_string()).unwrap()
}

fn startup_failure(error: Error) -> (String, openocd::ProcessReport) {
    let text = error.to_string();
    match error {
        Error::Process(ProcessError::ExitedDuringStartup { report }) => (text, *report),
        other => panic!("{other:?}"),
    }
}
