//! The session in the README is what `ocd` does.

use std::process::Command;

use crate::bench::Bench;
use crate::running::Running;

/// The commands of the session, each with its output.
fn session() -> Vec<(&'static str, String)> {
    let readme = include_str!("../../README.md");
    let (_, session) = readme.split_once("```text\n$ ocd --virtual server ").expect("the session");
    let (session, _) = session.split_once("```").expect("its end");
    let commands = session.split("\n$ ").skip(1);
    commands
        .map(|command| {
            command
                .split_once('\n')
                .map_or((command, String::new()), |(line, output)| (line, output.trim_end().to_owned()))
        })
        .collect()
}

/// Times and places differ from run to run.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        let character = if character.is_ascii_hexdigit() && !character.is_ascii_alphabetic() { '0' } else { character };
        if !(character == '0' && shown.ends_with('0')) {
            shown.push(character);
        }
    }
    // A digit of an address may be a letter.
    let places = shown.split_inclusive("0x").map(|piece| piece.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    places.collect::<Vec<_>>().join(" ")
}

#[test]
fn session_of_the_readme_is_true() {
    let bench = Bench::new();
    let mut server = Running::start(&mut bench.board_command(&["server", "--tcl-port", "0", "--gdb-port", "0"]));
    let address = server.line_with("tcl ").split_once(' ').unwrap().1.to_owned();
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_ocd")).parent().unwrap();
    let path = std::env::join_paths(
        [folder.into()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let commands = session();
    assert_eq!(commands.len(), 9);
    for (line, output) in &commands[1..] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{{ {line}; }} 2>&1")]).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.env("PATH", &path).env("OCD_CONNECT", &address).env("OCD_PROGRESS", "none").env_remove("OCD_CONFIG");
        let ran = command.output().unwrap();
        let shown = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(without_numbers(shown.trim_end()), without_numbers(output), "{line}: {shown}");
    }
    // The three commands of a newcomer: the clone, the installation, and this one.
    let ran = bench
        .ocd_alone(&[
            "--virtual",
            "run",
            concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/hello.elf"),
        ])
        .expect(0);
    assert!(ran.stdout.contains("hello from the board"), "{ran:?}");
}
