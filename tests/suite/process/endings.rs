//! How OpenOCD ends, and what is left behind.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openocd::{Error, OpenOcdProcess, ProcessError};

use super::{PATIENCE, eventually, exists};
use crate::board::{Board, dummy};

#[test]
fn stop_and_drop_leave_no_process_behind() {
    let stopped = dummy().command("noinit").spawn().unwrap();
    let pid = stopped.pid();
    assert!(exists(pid));
    assert!(stopped.stop().unwrap().success());
    assert!(!exists(pid));

    let dropped = dummy().command("noinit").spawn().unwrap();
    let pid = dropped.pid();
    drop(dropped);
    assert!(!exists(pid));

    let board = Board::start();
    let pid = board.session.process().unwrap().pid();
    board.session.close().unwrap();
    assert!(!exists(pid));
}

#[test]
fn openocd_that_hangs_is_killed() {
    let board = Board::start();
    let pid = board.session.process().unwrap().pid();
    board.chip.faults().stop_answering(true);
    // OpenOCD waits for its adapter for ever, and reads neither its socket nor its pipe.
    assert!(board.session.command_within("halt", Duration::from_millis(300)).is_err());
    board.session.close().unwrap();
    assert!(!exists(pid));
}

#[test]
fn openocd_with_a_telnet_port_can_be_stopped() {
    let process = dummy().command("noinit").telnet_port(0).spawn().unwrap();
    let pid = process.pid();
    assert_ne!(process.telnet_port().unwrap(), 0);
    // Asked, not killed.
    assert!(process.stop().unwrap().success());
    assert!(!exists(pid));
}

#[test]
fn start_that_hangs_can_be_cancelled() {
    let chip = virtual_chip::VirtualChip::start().unwrap();
    // `init` waits for its adapter for ever.
    chip.faults().stop_answering(true);
    let flag = Arc::new(AtomicBool::new(false));
    let (sender, pids) = std::sync::mpsc::channel();
    let openocd = OpenOcdProcess::builder().command("puts stderr \"is [pid]\"").config(crate::board::config(&chip));
    let openocd = openocd.on_log(move |line| {
        if let Some(pid) = line.strip_prefix("is ") {
            sender.send(pid.parse::<u32>().unwrap()).unwrap();
        }
    });
    let handler = Arc::clone(&flag);
    let cancelling = std::thread::spawn(move || {
        let pid = pids.recv_timeout(PATIENCE).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        assert!(exists(pid));
        handler.store(true, Ordering::Relaxed);
        pid
    });
    let started = openocd.ready_timeout(None).cancel_flag(flag).spawn();
    assert!(matches!(started, Err(Error::Process(ProcessError::Cancelled))), "{started:?}");
    assert!(!exists(cancelling.join().unwrap()));
}

#[cfg(target_os = "linux")]
#[test]
fn openocd_is_in_a_process_group_of_its_own() {
    let process = dummy().command("noinit").spawn().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
    // After the name in parentheses: state, parent, group.
    let group = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(2).unwrap();
    assert_eq!(group, process.pid().to_string(), "{stat}");
}

const CHILD: &str = "OPENOCD_SUITE_CHILD";

#[test]
fn openocd_ends_when_this_program_is_killed() {
    if std::env::var_os(CHILD).is_some() {
        // The program that is killed.
        let process = dummy().command("noinit").spawn().unwrap();
        let with_telnet = dummy().command("noinit").telnet_port(0).spawn().unwrap();
        println!("children of {} {}", process.pid(), with_telnet.pid());
        std::thread::sleep(PATIENCE);
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::endings::openocd_ends_when_this_program_is_killed", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let line = lines.map_while(Result::ok).find(|line| line.contains("children of ")).unwrap();
    let pids: Vec<u32> =
        line.split_once("children of ").unwrap().1.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| exists(*pid)));
    // SIGKILL: nothing of ours runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the end of both", || !pids.iter().any(|pid| exists(*pid)));
}

#[test]
fn files_of_a_program_that_was_killed_are_deleted_at_the_next_start() {
    if std::env::var_os(CHILD).is_some() {
        // A program that starts an OpenOCD for the first time.
        drop(dummy().command("noinit").spawn().unwrap());
        return;
    }
    let session = crate::board::interpreter();
    let template = session.command("set _openocd_rs_temporary").unwrap();
    let alive = std::path::PathBuf::from(session.command("file tempfile $_openocd_rs_temporary").unwrap());
    // Linux has no process with this number: it is above the highest.
    let gone = template.replace(&format!("openocd-rs-{}-", std::process::id()), "openocd-rs-1073741824-");
    let gone = std::path::PathBuf::from(gone);
    std::fs::write(&gone, "").unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::endings::files_of_a_program_that_was_killed_are_deleted_at_the_next_start"])
        .env(CHILD, "1")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(!gone.exists() && alive.exists());
    std::fs::remove_file(alive).unwrap();
}
