//! Output files of a program that was killed while it wrote them.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::bench::Bench;

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Kills `ocd` as soon as it has a file in the folder.
fn killed(bench: &Bench, folder: &Path, arguments: &[&str]) {
    let session = bench.session();
    let address = format!("localhost:{}", session.process().unwrap().tcl_port());
    let mut command = bench.command(&[arguments, &["--connect", &address]].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while names(folder).is_empty() && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = names(folder);
    assert!(matches!(&left[..], [one] if one.starts_with(".openocd-rs-")), "{left:?}");
}

#[test]
fn files_that_a_killed_program_left_go_with_the_next_one() {
    let bench = Bench::new();
    for (number, arguments) in [
        &["mem", "dump", "0x08000000", "128K", "FILE"][..],
        &["read", "0x08000000", "128K", "FILE"],
        &["core", "FILE", "0x08000000..+128K"],
    ]
    .iter()
    .enumerate()
    {
        bench.chip.halt();
        let folder = bench.folder().join(format!("output-{number}"));
        std::fs::create_dir(&folder).unwrap();
        let with_file = |name: &str| -> Vec<String> {
            let path = folder.join(name).display().to_string();
            arguments.iter().map(|word| word.replace("FILE", &path)).collect()
        };
        let (first, next) = (with_file("first"), with_file("next"));
        killed(&bench, &folder, &first.iter().map(String::as_str).collect::<Vec<_>>());
        bench.ocd(&next.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
        assert_eq!(names(&folder), ["next"], "{arguments:?}");
    }
}
