//! Standard output that takes no more: the same end for every command that writes bytes to it.

use std::io::Read as _;
use std::process::Stdio;

use crate::bench::{Bench, Ran};
use crate::run::firmware;

/// The commands that write raw bytes.
const COMMANDS: [&[&str]; 3] = [
    &["mem", "dump", "0x20000000", "16K", "-"],
    &["read", "0x08000000", "128K", "-"],
    &["mem", "read", "0x20000000", "16K", "--format", "bin"],
];

#[test]
fn reader_that_leaves_ends_a_command_quietly() {
    let bench = Bench::new();
    for arguments in COMMANDS {
        let mut command = bench.board_command(&[arguments, &["--progress", "none"]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        // Less than a pipe holds has come: the reader leaves before the rest.
        let mut first = [0];
        let _ = output.read(&mut first);
        drop(output);
        let ran = Ran::from(child.wait_with_output().unwrap());
        // All may have been in the pipe before it was closed.
        assert!([0, 141].contains(&ran.status), "{arguments:?}: {ran:?}");
        assert_eq!(ran.stderr, "", "{arguments:?}");
    }
    // The reader is gone before OpenOCD is there.
    for arguments in COMMANDS {
        let mut command = bench.board_command(&[arguments, &["--progress", "none"]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = Ran::from(child.wait_with_output().unwrap()).expect(141);
        assert_eq!(ran.stderr, "", "{arguments:?}");
    }
}

#[test]
fn full_device_is_one_failure_everywhere() {
    let bench = Bench::new();
    for arguments in COMMANDS {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = bench.board_command(&[arguments, &["--progress", "none"]].concat());
        let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap()).expect(70);
        assert!(ran.stderr.starts_with("error: cannot write to standard output\n  cause: No space"), "{ran:?}");
    }
}

#[test]
fn logfile_of_tests_that_is_full_is_named() {
    let bench = Bench::new();
    let ran = bench.ocd(&["run", &firmware("tests"), "offset", "--logfile", "/dev/full"]).expect(71);
    assert!(ran.stderr.contains("error: cannot write /dev/full\n  cause: No space left"), "{ran:#?}");
}

#[test]
fn logfile_of_tests_has_no_verdict_that_only_tells_of_standard_output() {
    let bench = Bench::new();
    let tests = firmware("tests");
    let words = ["run", &tests, "--logfile", "log"];
    let mut child = bench.board_command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let closed = Ran::from(child.wait_with_output().unwrap()).expect(141);
    assert!(!closed.stderr.contains("error"), "{closed:#?}");
    let log = || std::fs::read_to_string(bench.folder().join("log")).unwrap();
    assert!(log().contains("running 7 tests") && !log().contains("FAILED"), "{}", log());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = bench.board_command(&words).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let full = Ran::from(child.wait_with_output().unwrap()).expect(70);
    assert!(full.stderr.contains("error: cannot write to standard output\n  cause: No space"), "{full:#?}");
    assert!(!log().contains("FAILED"), "{}", log());
}
