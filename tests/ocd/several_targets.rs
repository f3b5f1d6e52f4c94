//! A board with several targets: a reset of one resets all.

use openocd::{Session, TargetState};
use virtual_chip::{CoreState, Model, VirtualBoard};

use crate::bench::{Bench, Ran};
use crate::run::firmware;

const HARTS: [&str; 2] = ["pair0.cpu0", "pair0.cpu1"];

/// Two harts, and a chip that has flash. The session ends first.
struct Several {
    session: Session,
    board: VirtualBoard,
    bench: Bench,
}

impl Several {
    fn start() -> Several {
        let board = VirtualBoard::start(&[Model::RiscvPair, Model::Stm32f103]).expect("a free port");
        let session = Session::start(board.openocd_config()).expect("OpenOCD is installed");
        let several = Several { session, board, bench: Bench::new() };
        assert_eq!(several.states(), [TargetState::Running; 3]);
        several
    }

    fn ocd(&self, arguments: &[&str]) -> Ran {
        self.bench.ocd_on(&self.session, arguments)
    }

    fn states(&self) -> [TargetState; 3] {
        [HARTS[0], HARTS[1], "chip0.cpu"].map(|name| self.session.target_named(name).unwrap().status().unwrap().state)
    }
}

#[test]
fn target_without_flash_is_refused_before_anything_is_reset() {
    let several = Several::start();
    let resets = several.board.chips()[0].reset_count();
    several.bench.file("some.bin", [1; 64]);
    for arguments in [&["erase", "--all"][..], &["erase", "0x08000000", "0x400"], &["flash", "some.bin@0x08000000"]] {
        let arguments = [&["--target", "pair0.cpu1", "--json"], arguments].concat();
        let error = several.ocd(&arguments).expect(64).error();
        assert_eq!(error["id"], "flash.no_bank", "{error}");
        assert_eq!(error["message"], "the target has no flash bank: pair0.cpu1", "{error}");
        assert_eq!(several.states(), [TargetState::Running; 3], "{arguments:?}");
        assert_eq!(several.board.chips()[0].reset_count(), resets, "{arguments:?}");
    }
}

#[test]
fn bank_of_another_target_than_the_one_that_is_named_is_refused() {
    let several = Several::start();
    let resets = several.board.chips()[0].reset_count();
    for command in
        [&["erase", "--bank", "0", "100", "101"][..], &["erase", "--bank", "0", "--all"], &["protect", "0", "3"]]
    {
        let ran = several.ocd(&[&["--target", HARTS[0]], command].concat()).expect(64);
        assert!(ran.stderr.contains("belongs to chip0.cpu, not to pair0.cpu0"), "{ran:#?}");
    }
    assert_eq!(several.board.chips()[0].reset_count(), resets);
    assert_eq!(several.states(), [TargetState::Running; 3]);
    // The bank says which target is meant: it is that one which is halted.
    let ran = several.ocd(&["erase", "--bank", "0", "100", "101", "--json"]).expect(0);
    assert_eq!(ran.result()["status"]["name"], "chip0.cpu", "{ran:#?}");
    several.session.resume_all().unwrap();
    several.ocd(&["protect", "0", "3"]).expect(0);
    assert_eq!(several.states(), [TargetState::Running; 3]);
}

#[test]
fn gdb_gets_the_port_of_the_target_that_is_named() {
    let board = VirtualBoard::start(&[Model::RiscvPair, Model::Stm32f103]).expect("a free port");
    let bench = Bench::new();
    let config = format!("{} -c \"{} configure -gdb-port disabled\"", board.openocd_config(), HARTS[0]);
    let gdb = |target: &str, expression: &str| {
        let expression = format!("p/x {expression}");
        let words = ["--config", &config, "--target", target, "gdb", "--", "-batch", "-nx", "-ex", &expression];
        bench.ocd_alone(&words)
    };
    // The newer OpenOCD aborts when a GDB comes to one of several harts.
    if Session::start(board.openocd_config()).unwrap().version().as_str() == "Open On-Chip Debugger 0.12.0" {
        let ran = gdb(HARTS[1], "$mhartid").expect(0);
        assert!(ran.stdout.contains("= 0x1"), "{ran:#?}");
    }
    let ran = gdb("chip0.cpu", "*(int*)0xe000ed00").expect(0);
    assert!(ran.stdout.contains("0x411fc231"), "{ran:#?}");
    let ran = gdb(HARTS[0], "$pc").expect(71);
    assert!(ran.stderr.contains("no GDB port for the target"), "{ran:#?}");
}

/// A port that is free now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The port to which `ocd gdb` connects GDB, on an OpenOCD of its own and on one that runs.
#[cfg(unix)]
fn gdb_port_on(config: &str) -> [Ran; 2] {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.file("gdb", "#!/bin/sh\necho \"${2##*:}\"\n");
    let gdb = bench.folder().join("gdb");
    std::fs::set_permissions(&gdb, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ours = Ran::of(bench.command(&["--config", config, "gdb"]).env("GDB", &gdb));
    let openocd = openocd::OpenOcdProcess::builder().config(config).gdb_port(free_port());
    let session = Session::builder().start(openocd).unwrap();
    let address = format!("localhost:{}", session.process().unwrap().tcl_port());
    [ours, Ran::of(bench.command(&["--connect", &address, "gdb"]).env("GDB", &gdb))]
}

#[cfg(unix)]
#[test]
fn gdb_gets_the_port_of_the_default_target() {
    let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).expect("a free port");
    let ports = [free_port(), free_port()];
    let own_port = |at: usize| format!("-c \"chip{at}.cpu configure -gdb-port {}\"", ports[at]);
    let own_ports = [board.openocd_config(), own_port(0), own_port(1)].join(" ");
    for (at, port) in ports.iter().enumerate() {
        for ran in gdb_port_on(&format!("{own_ports} -c \"targets chip{at}.cpu\"")) {
            assert_eq!((ran.status, ran.stdout.trim()), (0, &*port.to_string()), "{ran:#?}");
        }
    }
    // No other target takes the place of one without a port.
    for ran in gdb_port_on(&format!("{own_ports} -c \"chip1.cpu configure -gdb-port disabled; targets chip1.cpu\"")) {
        let told = "OpenOCD has no GDB port for the target";
        assert!(ran.status == 71 && ran.stderr.contains(told) && ran.stderr.contains("chip1.cpu"), "{ran:#?}");
    }
}

/// The first target of an SMP group has the port of all.
#[cfg(unix)]
#[test]
fn gdb_gets_the_port_of_the_group_of_the_default_target() {
    let pair = VirtualBoard::start(&[Model::RiscvPair]).expect("a free port");
    let port = free_port();
    let config = format!("{} -c \"{} configure -gdb-port {port}\"", pair.openocd_config_smp(), HARTS[0]);
    for ran in gdb_port_on(&format!("{config} -c \"targets {}\"", HARTS[1])) {
        assert_eq!((ran.status, ran.stdout.trim()), (0, &*port.to_string()), "{ran:#?}");
    }
}

#[test]
fn other_targets_that_the_reset_has_halted_are_told() {
    let several = Several::start();
    let (hello, file) = (firmware("hello"), "some.bin@0x08008000");
    several.bench.file("some.bin", [1; 64]);
    for arguments in [
        &["erase", "0x0801fc00", "0x400"][..],
        &["flash", "--reset", "halt", file],
        &["run", &hello],
        &["run", "--no-flash", &hello],
    ] {
        several.session.resume_all().unwrap();
        let arguments = [&["--target", "chip0.cpu"], arguments].concat();
        let ran = several.ocd(&arguments).expect(0);
        let told = "warning: the reset halted other targets that ran before: pair0.cpu0, pair0.cpu1; `ocd --target pair0.cpu0 resume`\n";
        assert!(ran.stderr.contains(told), "{arguments:?}: {ran:#?}");
        assert_eq!(several.states(), [TargetState::Halted; 3], "{arguments:?}");
    }
    several.session.resume_all().unwrap();
    let lines = several.ocd(&["--target", "chip0.cpu", "--json", "erase", "0x0801fc00", "0x400"]).expect(0).lines();
    let warnings: Vec<_> = lines.iter().filter(|line| line["type"] == "warning").collect();
    assert_eq!(warnings.len(), 1, "{lines:#?}");
    // They were halted before.
    let ran = several.ocd(&["--target", "chip0.cpu", "erase", "0x0801fc00", "0x400"]).expect(0);
    assert!(!ran.stderr.contains("warning"), "{ran:#?}");
    // The reset at the end starts all.
    several.session.resume_all().unwrap();
    let ran = several.ocd(&["--target", "chip0.cpu", "flash", &hello]).expect(0);
    assert!(!ran.stderr.contains("warning"), "{ran:#?}");
    assert_eq!(several.states()[..2], [TargetState::Running; 2]);
}

/// Only an OpenOCD that is newer than 0.12.0 can drive the chip.
#[test]
fn reset_that_fails_before_flash_is_written_says_how_it_left_the_targets() {
    let board = VirtualBoard::start(&[Model::Rp2040]).expect("a free port");
    let Ok(session) = Session::start(board.openocd_config()) else { return };
    let bench = Bench::new();
    bench.file("some.bin", [1; 256]);
    for arguments in [&["erase", "--all"][..], &["flash", "some.bin@0x10000000"]] {
        session.resume_all().unwrap();
        let ran = bench.ocd_on(&session, arguments).expect(73);
        assert!(ran.stderr.contains("note: flash was not changed\n"), "{ran:#?}");
        for (number, core) in board.cores().iter().enumerate() {
            assert_eq!(core.state(), CoreState::Halted);
            assert!(ran.stderr.contains(&format!("note: rp2040.core{number} is halted at 0x")), "{ran:#?}");
        }
    }
}
