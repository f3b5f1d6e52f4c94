//! `server` and `gdb`: OpenOCD for other tools.

use std::net::TcpListener;
use std::time::Duration;

use openocd::{OpenOcdProcess, Session};
use serde_json::Value;
use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};
use crate::run::firmware;
use crate::running::{Running, exists};

const FREE: [&str; 5] = ["server", "--tcl-port", "0", "--gdb-port", "0"];
const ELF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");

/// A server, and the port of its line.
fn server(bench: &Bench, more: &[&str]) -> (Running, String) {
    let mut running = Running::start(&mut bench.board_command(&[&FREE, more].concat()));
    let address = running.line_with("tcl ").split_once(' ').unwrap().1.to_owned();
    (running, address)
}

#[test]
fn server_serves_other_tools_until_a_signal() {
    let bench = Bench::new();
    let (mut running, address) = server(&bench, &["--telnet-port", "0"]);
    assert!(running.line().starts_with("gdb localhost:"));
    assert!(running.line().starts_with("telnet localhost:"));
    let openocd = running.openocd();
    bench.ocd_alone(&["--connect", &address, "halt"]).expect(0);
    // It keeps the target as each of them leaves it.
    assert_eq!(bench.chip.state(), CoreState::Halted);
    bench.ocd_alone(&["--connect", &address, "resume"]).expect(0);
    running.signal("INT");
    let ran = running.end().expect(130);
    assert!(!exists(openocd));
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "OpenOCD is ready; Ctrl-C ends it\n"));
}

#[test]
fn server_ends_with_its_openocd() {
    let bench = Bench::new();
    let (mut running, address) = server(&bench, &[]);
    bench.ocd_alone(&["--connect", &address, "cmd", "shutdown"]).expect(0);
    running.end().expect(0);
    let (mut running, address) = server(&bench, &[]);
    let ran = bench.ocd_alone(&["--connect", &address, "cmd", "shutdown error"]).expect(0);
    assert_eq!(ran.stderr, "OpenOCD has ended\n");
    let ran = running.end().expect(76);
    assert!(ran.stderr.contains("error: OpenOCD ended: exit status: 1"), "{ran:?}");
}

#[test]
fn shutdown_succeeds_if_openocd_ended() {
    let bench = Bench::new();
    bench.ocd(&["cmd", "shutdown"]).expect(0);
    let result = bench.ocd(&["--json", "cmd", "shutdown"]).expect(0).result();
    assert_eq!(result["result"], "", "{result}");
    // What asks for something else, and fails, still does.
    bench.ocd(&["cmd", "shutdown_nonsense"]).expect(70);
    bench.ocd(&["cmd", "exit"]).expect(70);
}

#[test]
fn server_tells_its_ports_in_json() {
    let bench = Bench::new();
    let mut running = Running::start(&mut bench.board_command(&[&FREE[..], &["--json"]].concat()));
    let line: Value = serde_json::from_str(&running.line()).unwrap();
    assert_eq!((line["ocd"].as_u64(), line["type"].as_str()), (Some(1), Some("listening")), "{line}");
    let listening = &line["event"];
    assert_eq!(listening["pid"], running.openocd());
    assert!(listening["tcl_port"].as_u64().is_some_and(|port| port > 0), "{line}");
    assert_eq!((listening["gdb_ports"].as_array().map(Vec::len), &listening["telnet_port"]), (Some(1), &Value::Null));
    running.signal("TERM");
    assert_eq!(running.end().expect(143).result()["by"], "signal");
}

#[test]
fn port_that_is_taken_is_an_error_that_names_the_option() {
    let bench = Bench::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for option in ["--tcl-port", "--gdb-port", "--telnet-port"] {
        let mut arguments = FREE.to_vec();
        arguments.extend([option, &port]);
        if option != "--telnet-port" {
            let at = arguments.iter().position(|word| *word == option).unwrap();
            arguments.drain(at..at + 2);
        }
        let ran = bench.ocd(&arguments).expect(71);
        assert!(ran.stderr.starts_with("error: a port of OpenOCD is taken\n"), "{ran:?}");
        assert!(ran.stderr.contains(&format!("socket on port {port}")), "{ran:?}");
        assert!(ran.stderr.contains("--tcl-port, --gdb-port or --telnet-port"), "{ran:?}");
    }
}

#[test]
fn server_does_not_serve_an_openocd_that_runs() {
    let ran = Bench::new().ocd_alone(&["server", "--connect", "localhost:1"]).expect(64);
    assert!(ran.stderr.contains("`server` starts an OpenOCD, but --connect names one that runs"), "{ran:?}");
    let bench = Bench::new();
    bench.file("ocd.toml", "\nconnect = \"localhost:1\"\n");
    let ran = bench.ocd_alone(&["server"]).expect(64);
    let problem = "ocd.toml, line 2) names one that runs\n  help: describe the board with --config";
    assert!(ran.stderr.contains("but connect (") && ran.stderr.contains(problem), "{ran:?}");
}

#[test]
fn gdb_is_connected_and_its_status_passed_on() {
    let bench = Bench::new();
    let ran = bench.ocd(&["gdb", ELF, "--", "-batch", "-ex", "info symbol $pc", "-ex", "quit 3"]).expect(3);
    assert!(ran.stdout.contains("in section .text"), "{ran:?}");
    let ran = bench.ocd(&["gdb", "--elf", ELF, "--json", "--", "-batch"]).expect(0);
    assert_eq!(ran.lines().last().unwrap()["whose"], "gdb");
    assert_eq!(ran.result()["status"], 0);
}

#[test]
fn name_of_a_file_is_no_option_of_gdb() {
    let bench = Bench::new();
    let name = "--eval-command=shell touch canary";
    std::fs::copy(ELF, bench.folder().join(name)).unwrap();
    let elf = format!("--elf={name}");
    let ran = bench.ocd(&[&elf, "gdb", "--", "-batch", "-ex", "info symbol $pc"]).expect(0);
    assert!(!bench.folder().join("canary").exists(), "{ran:?}");
    assert!(ran.stdout.contains("in section .text"), "{ran:?}");
}

#[test]
fn target_that_gdb_leaves_halted_is_told() {
    let bench = Bench::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let openocd = OpenOcdProcess::builder().config(bench.config()).gdb_port(free);
    let session = Session::builder().start(openocd).unwrap();
    let told = "stm32f1x.cpu ran before GDB, and GDB left it halted";
    let address = format!("localhost:{}", session.process().unwrap().tcl_port());
    let gdb = |options: &[&str]| {
        let arguments = [&["--connect", &address], options, &["gdb", ELF, "--", "-batch", "-ex", "p 1"]].concat();
        bench.ocd_alone(&arguments).expect(0)
    };
    let ran = gdb(&[]);
    assert_eq!(bench.chip.state(), CoreState::Halted);
    assert!(ran.stderr.contains(&format!("warning: {told}; `ocd resume`")), "{ran:#?}");
    // It was halted before.
    assert!(!gdb(&[]).stderr.contains("ran before"));
    session.target().resume().unwrap();
    let ran = gdb(&["--json"]);
    let messages = ran.lines().into_iter().map(|line| line["event"]["message"].to_string());
    assert_eq!(messages.filter(|message| message.contains(told)).count(), 1, "{ran:#?}");
    // It is resumed, so there is nothing to tell.
    session.target().resume().unwrap();
    assert!(!gdb(&["--on-exit", "resume"]).stderr.contains("ran before"));
    assert_eq!(bench.chip.state(), CoreState::Running);
}

/// A GDB of our own.
fn script(bench: &Bench, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    bench.file("my-gdb", format!("#!/bin/sh\n{text}\n"));
    let path = bench.folder().join("my-gdb");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn gdb_of_the_environment_gets_file_port_and_arguments() {
    let bench = Bench::new();
    let gdb = script(&bench, "for word; do echo \"$word\"; done; exit 7");
    let ran = Ran::of(bench.board_command(&["gdb", ELF, "--", "-ex", "break main"]).env("GDB", gdb)).expect(7);
    let words: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!([words[0], words[1], words[3], words[4]], [ELF, "-ex", "-ex", "break main"]);
    assert!(words[2].starts_with("target extended-remote localhost:"), "{ran:?}");
}

#[test]
fn gdb_with_the_file_of_other_firmware_is_warned() {
    let bench = Bench::new();
    let gdb = script(&bench, "exit 0");
    let of = |arguments: &[&str]| Ran::of(bench.board_command(arguments).env("GDB", &gdb));
    bench.chip.load_elf(&std::fs::read(ELF).unwrap());
    assert!(!of(&["gdb", ELF]).expect(0).stderr.contains("warning"));
    let other = firmware("hello");
    let ran = of(&["gdb", &other]).expect(0);
    let warning = format!("\nwarning: the chip holds other firmware than {other}: 0x0800");
    assert!(ran.stderr.contains(&warning), "{ran:?}");
    assert!(ran.stderr.contains("names and lines are of the file"), "{ran:?}");
    assert_eq!(bench.chip.state(), CoreState::Running, "only GDB halts it");
    let ran = of(&["gdb", "--elf", &other, "--json"]).expect(0);
    let types: Vec<Value> = ran.lines().iter().map(|line| line["type"].clone()).collect();
    assert_eq!(types[types.len() - 2..], ["warning", "result"], "{ran:?}");
    bench.file("raw.bin", "raw");
    let ran = of(&["gdb", "raw.bin"]).expect(0);
    assert!(ran.stderr.starts_with("warning: nothing confirms that the chip holds raw.bin: "), "{ran:?}");
}

#[test]
fn gdb_finds_the_port_of_an_openocd_that_runs() {
    let bench = Bench::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let arguments = ["server", "--tcl-port", "0", "--gdb-port", &free];
    let mut running = Running::start(&mut bench.board_command(&arguments));
    let address = running.line_with("tcl ").split_once(' ').unwrap().1.replace("localhost", "127.0.0.1");
    let gdb = script(&bench, "echo \"$3\"");
    let ran = Ran::of(bench.command(&["gdb", ELF]).env("OCD_CONNECT", &address).env("GDB", gdb)).expect(0);
    assert_eq!(ran.stdout, format!("target extended-remote 127.0.0.1:{free}\n"));
    let batch = ["--connect", &address, "gdb", ELF, "--", "-batch", "-ex", "info symbol $pc", "-ex", "quit 3"];
    let ran = bench.ocd_alone(&batch).expect(3);
    assert!(ran.stdout.contains("in section .text"), "{ran:?}");
    // It is not ours to end.
    assert!(running.is_running());
    bench.ocd_alone(&["--connect", &address, "status"]).expect(0);
    let ran = bench.ocd_alone(&["--connect", &address, "--target", "other.cpu", "gdb", ELF]).expect(71);
    assert!(ran.stderr.contains("other.cpu"), "{ran:?}");
    // A port that the system chose is nowhere to be asked.
    running.signal("TERM");
    running.end().expect(143);
    let (_free, address) = server(&bench, &[]);
    let ran = bench.ocd_alone(&["--connect", &address, "gdb", ELF]).expect(71);
    assert!(ran.stderr.contains("OpenOCD does not tell its GDB port") && ran.stderr.contains("--gdb-port"), "{ran:?}");
}

#[test]
fn ctrl_c_is_for_gdb_and_sigterm_for_both() {
    let bench = Bench::new();
    let gdb = script(&bench, "echo ready; exec sleep 100");
    let mut running = Running::start(bench.board_command(&["gdb"]).env("GDB", gdb));
    running.line_with("ready");
    let children = running.children();
    assert_eq!(children.len(), 2);
    running.signal("INT");
    running.signal("INT");
    std::thread::sleep(Duration::from_secs(1));
    assert!(running.is_running());
    running.signal("TERM");
    running.end().expect(143);
    assert!(!children.into_iter().any(exists));
}

#[test]
fn a_gdb_that_heeds_no_signal_is_ended_and_its_status_is_that_of_the_signal() {
    let bench = Bench::new();
    // A real GDB waits for the command of its `shell`, and ends well at a SIGTERM.
    let gdb =
        script(&bench, "trap '' TERM; trap '' HUP; echo ready; for _ in 1 2 3 4 5 6 7 8 9; do sleep 1; done; exit 0");
    let mut running = Running::start(bench.board_command(&["gdb", "--json"]).env("GDB", gdb));
    // It prints where people look.
    std::thread::sleep(Duration::from_secs(3));
    let begin = std::time::Instant::now();
    running.signal("TERM");
    let ran = running.end().expect(143);
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
    assert_eq!(ran.lines().last().unwrap()["whose"], "ocd", "{ran:?}");
}

#[test]
fn missing_gdb_or_file_is_found_before_openocd_starts() {
    let bench = Bench::new();
    let ran = Ran::of(bench.board_command(&["gdb"]).env("GDB", "/nowhere/gdb")).expect(71);
    assert!(
        ran.stderr.contains("cannot find the GDB that $GDB names") && ran.stderr.contains("help: install"),
        "{ran:?}"
    );
    let ran =
        Ran::of(bench.command(&["gdb", "--config", "x"]).env("PATH", bench.folder()).env_remove("GDB")).expect(71);
    assert!(ran.stderr.contains("gdb-multiarch, arm-none-eabi-gdb, gdb"), "{ran:?}");
    let ran = bench.ocd(&["gdb", "missing.elf"]).expect(71);
    assert!(ran.stderr.contains("cannot read missing.elf"), "{ran:?}");
}

#[test]
fn ctrl_c_ends_a_command_of_a_repl_after_gdb() {
    let bench = Bench::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let openocd = OpenOcdProcess::builder().config(bench.config()).gdb_port(free);
    let session = Session::builder().start(openocd).unwrap();
    let address = format!("localhost:{}", session.process().unwrap().tcl_port());
    let mut running = Running::start(&mut bench.command(&["repl", "--connect", &address]));
    running.write("ocd gdb -- -batch -nx -ex 'p 6*7'\nsleep 12000\necho end\n");
    running.line_with("$1 = 42");
    // GDB ends, and the next command begins.
    std::thread::sleep(Duration::from_secs(2));
    running.signal("INT");
    running.end().expect(130);
}
