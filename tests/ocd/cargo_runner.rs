//! `cargo run` and `cargo test` on a board: `runner = "ocd run"` in a project's cargo configuration.
//!
//! Only the compiler's last step is a stand-in: the linker puts a prebuilt firmware in place, because
//! a machine may lack the target for Cortex-M.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::bench::{Bench, Ran};
use crate::run::firmware;

/// A project with a binary for each firmware and a test binary.
fn project(bench: &Bench) {
    let host = Command::new("rustc").args(["-vV"]).output().expect("rustc is installed");
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    bench.file(
        "Cargo.toml",
        "[package]\nname = \"blinky\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[[test]]\nname = \"tests\"\nharness = false\n",
    );
    for name in ["hello", "fails", "panics", "hangs", "locks_up"] {
        bench.file(&format!("src/bin/{name}.rs"), "fn main() {}\n");
    }
    bench.file("tests/tests.rs", "fn main() {}\n");
    let config = format!("[target.{host}]\nrunner = \"ocd run\"\nlinker = \"./linker\"\n");
    bench.file(".cargo/config.toml", config);
    // `-o PATH/NAME-HASH` names the program.
    let prebuilt = firmware("NAME");
    let linker = format!(
        "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\nname=$(basename \"$2\" | sed 's/-[0-9a-f]*$//')\n\
         cp \"$(echo '{prebuilt}' | sed s/NAME/$name/)\" \"$2\"\n"
    );
    bench.file("linker", linker);
    std::fs::set_permissions(bench.folder().join("linker"), PermissionsExt::from_mode(0o755)).unwrap();
    bench.file("ocd.toml", format!("config = {:?}\n", bench.config()));
}

fn cargo(bench: &Bench, arguments: &[&str]) -> Ran {
    let tool = Path::new(env!("CARGO_BIN_EXE_ocd")).parent().expect("a file is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    for (name, _) in std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name.starts_with("OCD_") || (name.starts_with("CARGO_") && name != "CARGO_HOME")
    }) {
        command.env_remove(name);
    }
    command.env("PATH", format!("{}:{path}", tool.display())).env("XDG_CONFIG_HOME", bench.folder().join("user"));
    command.current_dir(bench.folder()).args(["--offline", "--quiet"]).args(arguments);
    Ran::of(&mut command)
}

#[test]
fn cargo_run_ends_as_the_firmware_does() {
    let bench = Bench::new();
    project(&bench);
    let ran = cargo(&bench, &["run", "--bin", "hello"]).expect(0);
    assert!(ran.stdout.contains("hello from the board"), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 5, "only the log is on standard output: {ran:?}");
    // Cargo ends with the runner's status.
    cargo(&bench, &["run", "--bin", "fails"]).expect(1);
    let ran = cargo(&bench, &["run", "--bin", "panics"]).expect(134);
    assert!(ran.stderr.contains("sum_up_to"), "{ran:?}");
    cargo(&bench, &["run", "--bin", "locks_up", "--", "--catch", "none"]).expect(134);
    let ran = cargo(&bench, &["run", "--bin", "hangs", "--", "--timeout", "2"]).expect(124);
    assert!(ran.stderr.contains("the time is over"), "{ran:?}");
}

#[test]
fn cargo_test_runs_the_tests_on_the_board() {
    let bench = Bench::new();
    project(&bench);
    let ran = cargo(&bench, &["test", "--test", "tests"]).expect(101);
    assert!(ran.stdout.contains("3 passed; 3 failed; 1 ignored"), "{ran:?}");
    let ran = cargo(&bench, &["test", "--test", "tests", "--", "offset", "--exact"]);
    assert!(ran.stdout.contains("0 passed; 0 failed"), "{ran:?}");
    let ran = cargo(&bench, &["test", "--test", "tests", "--", "offset"]).expect(0);
    assert!(ran.stdout.contains("1 passed; 0 failed"), "{ran:?}");
}
