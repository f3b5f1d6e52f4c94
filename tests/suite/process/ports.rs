//! The ports that OpenOCD opens.

use openocd::{Error, OpenOcdProcess, ProcessError, Session};
use virtual_chip::VirtualChip;

use super::{PATIENCE, listening_address, startup_failure};
use crate::board::{config, dummy};

#[test]
fn tcl_port_that_is_taken_is_an_error() {
    let first = dummy().command("noinit").spawn().unwrap();
    let port = first.tcl_port();
    let error = dummy().command("noinit").tcl_port(port).spawn().unwrap_err();
    let (text, report) = startup_failure(error);
    assert!(text.contains(&port.to_string()) && text.contains("Address already in use"), "{text}");
    assert!(!report.exit_status.unwrap().success());
    assert!(first.is_running());
}

#[test]
fn tcl_port_that_is_free_is_used() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = dummy().command("noinit").tcl_port(port).spawn().unwrap();
    assert_eq!(process.tcl_port(), port);
}

#[test]
fn configuration_cannot_open_other_ports() {
    let ports = "if {[llength [info commands {gdb port}]]} {gdb port 0; tcl port 6666; telnet port 0} else {gdb_port 0; tcl_port 6666; telnet_port 0}";
    let chip = VirtualChip::start().unwrap();
    let process = OpenOcdProcess::builder().config(config(&chip)).command(ports).spawn().unwrap();
    assert!(process.gdb_ports().is_empty());
    assert_ne!(process.tcl_port(), 6666);
    let listening: Vec<_> = process.log_tail().into_iter().filter(|line| line.contains("Listening on port")).collect();
    assert_eq!(listening.len(), 1, "{listening:?}");
}

#[test]
fn configuration_that_calls_init_gets_the_same_ports() {
    let ports =
        "if {[llength [info commands {gdb port}]]} {gdb port 0; tcl port 6666} else {gdb_port 0; tcl_port 6666}";
    let chip = VirtualChip::start().unwrap();
    let process = OpenOcdProcess::builder()
        .config(config(&chip))
        .command(format!("{ports}; bindto 0.0.0.0; debug_level 0; init; halt"))
        .gdb_port(0)
        .ready_timeout(PATIENCE)
        .spawn()
        .unwrap();
    assert_ne!(process.tcl_port(), 6666);
    let [gdb] = process.gdb_ports() else { panic!("{:?}", process.log_tail()) };
    for port in [process.tcl_port(), *gdb] {
        assert_eq!(listening_address(port), "127.0.0.1", "port {port}");
    }
    let session = Session::connect(process.tcl_address()).unwrap();
    assert!(session.command("init").is_ok(), "OpenOCD's own `init` is there again, and does nothing the second time");
}

#[test]
fn gdb_port_is_opened_and_read_back() {
    let chip = VirtualChip::start().unwrap();
    let process = OpenOcdProcess::builder().config(config(&chip)).gdb_port(0).spawn().unwrap();
    let [port] = process.gdb_ports() else { panic!("{:?}", process.gdb_ports()) };
    assert!(std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok());
}

#[test]
fn gdb_ports_of_all_targets_are_read_back() {
    let chip = VirtualChip::start().unwrap();
    let second = "target create second mem_ap -dap stm32f1x.dap -ap-num 0 -gdb-port 0";
    // They are announced after the TCL port: a race against the thread that reads the log.
    for _ in 0..10 {
        let process = OpenOcdProcess::builder().config(config(&chip)).command(second).gdb_port(0).spawn().unwrap();
        assert_eq!(process.gdb_ports().len(), 2, "{:?}", process.log_tail());
    }
}

#[test]
fn ports_listen_on_loopback_only() {
    let process = dummy().command("noinit").spawn().unwrap();
    assert_eq!(listening_address(process.tcl_port()), "127.0.0.1");
}

#[test]
fn port_of_another_openocd_is_an_error() {
    let other = dummy().command("noinit").spawn().unwrap();
    let port = other.tcl_port();
    // Printed before OpenOCD opens its own.
    let line = format!("Info : Listening on port {port} for tcl connections");
    let error = dummy().command(format!("echo {{{line}}}; noinit")).spawn().unwrap_err();
    let text = error.to_string();
    let Error::Process(ProcessError::ForeignServer { port: told, report }) = error else { panic!("{error:?}") };
    assert_eq!(told, port);
    assert!(report.log_tail.contains(&line) && text.contains(&port.to_string()), "{text}");
    assert!(other.is_running());
}

#[test]
fn quiet_configuration_does_not_hide_the_port() {
    let process = dummy().command("debug_level 0; noinit").spawn().unwrap();
    assert_ne!(process.tcl_port(), 0);
}

#[test]
fn verbose_log_does_not_hide_the_port() {
    assert_ne!(dummy().arg("-d3").command("noinit").spawn().unwrap().tcl_port(), 0);
}

#[test]
fn gdb_or_telnet_port_that_is_taken_is_an_error() {
    let chip = VirtualChip::start().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let second = "target create second mem_ap -dap stm32f1x.dap -ap-num 0";
    for openocd in [
        OpenOcdProcess::builder().config(config(&chip)).gdb_port(port),
        OpenOcdProcess::builder().config(config(&chip)).command(format!("{second} -gdb-port {port}")).gdb_port(0),
        OpenOcdProcess::builder().config(config(&chip)).telnet_port(port),
    ] {
        let (text, report) = startup_failure(openocd.spawn().unwrap_err());
        assert!(text.contains(&format!("socket on port {port}: Address already in use")), "{text}");
        assert!(report.exit_status.is_some());
    }
}
