//! An unmodified OpenOCD on chips of the binary `virtual-chip`, and the control socket beside it.

use std::io::{BufRead, ErrorKind, Write};
use std::process::{Command, Stdio};

use virtual_chip::{SVD, VirtualBoard, firmware, firmware::newlib};

use crate::openocd::{Run, run_with, run_with_input};
use crate::served::{Served, connect};

/// Runs OpenOCD as the printed command line says.
fn run(served: &mut Served, core: &str, commands: &[&str]) -> Run {
    let run = run_with(served.openocd_args(), commands);
    served.wait_for_disconnection(core);
    run
}

#[test]
fn openocd_and_the_control_socket_see_one_chip() {
    let mut served = Served::start(&[]);
    assert_eq!(served.ask("targets"), "stm32f1x.cpu");
    assert_eq!(served.ask("state"), "running");
    served.ask("write32 0x20001000 0xcafe_f00d");
    served.ask("register r7 0x77");
    let run = run(
        &mut served,
        "stm32f1x",
        &["halt", "echo word=[read_memory 0x20001000 32 1]", "mww 0x20001004 0x01020304", "reg r7"],
    );
    run.assert_clean();
    assert_eq!(run.number("word"), 0xcafe_f00d);
    run.assert_says("r7 (/32): 0x00000077");
    assert_eq!(served.ask("stm32f1x.cpu read 0x20001000 8"), "0df0feca04030201");
    assert_eq!(served.ask("stm32f1x register r7"), "0x00000077");
    assert_eq!(served.ask("state"), "halted");
    assert_eq!(served.ask("halt-reason"), "request");
    assert_eq!(served.ask("transport"), "jtag");
    served.ask("register pc 0x08000044");
    assert_eq!(served.ask("register pc"), "0x08000044");
    let resets = served.ask("resets").parse::<u32>().unwrap();
    served.ask("reset");
    assert_eq!(served.ask("resets").parse(), Ok(resets + 1));
    served.ask("run");
    assert_eq!(served.ask("state"), "running");
    served.ask("halt");
    assert_eq!((served.ask("state"), served.ask("halt-reason")), ("halted".into(), "request".into()));
}

#[test]
fn the_printed_command_line_for_swd_works() {
    let mut served = Served::start(&["--transport", "swd"]);
    let run = run(&mut served, "", &["halt", "mww 0x20001000 0x5a5a5a5a"]);
    if run.is_by_0_12_0() {
        // Its `remote_bitbang` knows JTAG only.
        run.assert_says("Can't change session's transport after the initial selection was made");
        assert_eq!(served.ask("read32 0x20001000"), "0x00000000");
    } else {
        run.assert_clean();
        run.assert_says("SWD DPIDR 0x1ba01477");
        assert_eq!(served.ask("read32 0x20001000"), "0x5a5a5a5a");
    }
}

#[test]
fn firmware_is_loaded_from_an_elf_file_at_the_start_and_later() {
    let folder = tempfile::tempdir().unwrap();
    let hello = folder.path().join("hello world.elf");
    std::fs::write(&hello, newlib::HELLO).unwrap();
    let echo = folder.path().join("load.elf");
    std::fs::write(&echo, newlib::ECHO).unwrap();

    let mut served = Served::start(&["stm32f103", "riscv", "--firmware", &format!("chip0={}", hello.display())]);
    let semihosting = ["targets chip0.cpu", "reset halt", "arm semihosting enable", "resume", "wait_halt 60000"];
    let run = run_with_input(served.openocd_args(), &semihosting, Stdio::null());
    run.assert_says(newlib::HELLO_OUTPUT);

    served.ask(&format!("chip0 load {}", echo.display()));
    let run = run_with_input(served.openocd_args(), &semihosting, Stdio::null());
    run.assert_says("name?");
    let refused = served.refusal(&format!("hart0 load {}", hello.display()));
    assert!(refused.contains("e_machine is 40"), "{refused}");
    assert!(served.refusal("chip0 load /no/such/file").starts_with("cannot load /no/such/file: "));
}

#[test]
fn a_chain_of_chips_is_served_in_the_order_of_the_command_line() {
    let mut served = Served::start(&["stm32f103", "riscv", "stm32f103", "riscv-pair", "--smp"]);
    assert_eq!(served.ask("targets"), "chip0.cpu chip1.cpu hart0.cpu pair0.cpu0 pair0.cpu1");
    let run = run(
        &mut served,
        "chip0",
        &["echo [scan_chain]", "targets chip1.cpu", "halt", "targets hart0.cpu", "halt", "reg t2 0x22"],
    );
    assert!(run.success, "{run}");
    let taps: Vec<_> = run.log.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    let position = |tap: &str| taps.iter().position(|name| *name == tap).unwrap_or_else(|| panic!("no {tap}: {run}"));
    // OpenOCD lists the TAP next to TDO first.
    assert!(position("pair0.cpu") < position("chip1.cpu"), "{run}");
    assert!(position("chip1.cpu") < position("hart0.cpu"), "{run}");
    assert!(position("hart0.cpu") < position("chip0.cpu"), "{run}");
    assert_eq!(served.ask("chip0 state"), "running");
    assert_eq!(served.ask("chip1 state"), "halted");
    assert_eq!(served.ask("hart0 state"), "halted");
    assert_eq!(served.ask("hart0 halt-reason"), "request");
    assert_eq!(served.ask("hart0 register x7"), "0x00000022");
    assert_eq!(served.ask("pair0.cpu1 state"), "running");
    assert_eq!(served.refusal("pair0 state"), "\"pair0\" has several cores: pair0.cpu0 pair0.cpu1");
    assert!(served.refusal("state").contains("there is no core \"state\""));
    assert!(served.openocd.contains("target smp pair0.cpu0 pair0.cpu1"), "{}", served.openocd);
}

#[test]
fn the_cores_of_an_rp2040_are_served_by_their_names() {
    let mut served = Served::start(&["rp2040", "--smp"]);
    assert_eq!(served.ask("targets"), "rp2040.core0 rp2040.core1");
    assert!(!served.openocd.contains("USE_CORE"), "{}", served.openocd);
    assert_eq!(served.ask("rp2040.core1 read32 0xd0000000"), "0x00000001");
    assert_eq!(served.ask("rp2040.core1 halt"), "");
    assert_eq!(served.ask("rp2040.core1 halt-reason"), "request");
    // It sleeps while it waits for an answer of the other one, which it starts.
    assert!(["running", "sleeping"].contains(&&*served.ask("rp2040.core0 state")));
    served.ask("rp2040.core1 register r7 0x22");
    assert_eq!(served.ask("rp2040.core1 register r7"), "0x00000022");
    assert_eq!(served.refusal("rp2040.core1 register basepri"), "a Cortex-M0+ has no register \"basepri\"");
    served.ask("rp2040.core0 write32 0x20001000 7");
    assert_eq!(served.ask("rp2040.core1 read32 0x20001000"), "0x00000007");
    served.ask("rp2040.core0 fault refuse-halt on");
    served.ask("rp2040.core0 halt");
    assert_eq!(served.ask("rp2040.core0 halt-reason"), "none");
    served.ask("rp2040.core0 reset");
    assert_eq!(served.ask("rp2040.core1 resets"), "1");
    assert!(served.refusal("rp2040.core0 pin 0").contains("a core of an rp2040 knows no"));
}

#[test]
fn a_fault_appears_to_openocd_until_it_is_taken_back() {
    let mut served = Served::start(&[]);
    let read = ["halt", "echo code=[catch {read_memory 0x20001000 32 1}]"];
    served.ask("fault bus 0x20001000 4");
    assert_ne!(run(&mut served, "", &read).value("code"), "0");
    served.ask("fault clear");
    assert_eq!(run(&mut served, "", &read).value("code"), "0");

    let write = ["halt", "echo code=[catch {mww 0x20001000 1}]"];
    served.ask("fault bus-write 0x20001000 4");
    assert_ne!(run(&mut served, "", &write).value("code"), "0");
    assert_eq!(run(&mut served, "", &read).value("code"), "0");
    served.ask("fault clear");

    served.ask("run");
    served.ask("fault refuse-halt on");
    run(&mut served, "", &["echo code=[catch {halt 0; wait_halt 50}]"])
        .assert_says("timed out while waiting for target halted");
    served.ask("fault refuse-halt off");
    run(&mut served, "", &["halt"]).assert_clean();

    served.ask("fault power-off");
    assert_eq!(served.ask("state"), "off");
    run(&mut served, "", &[]).assert_says("JTAG scan chain interrogation failed: all ones");
    served.ask("fault power-on");
    run(&mut served, "", &["halt"]).assert_clean();
}

#[test]
fn faults_of_the_flash_appear_to_openocd() {
    let mut served = Served::start(&[]);
    served.ask("write32 0x08002000 0");
    served.ask("fault unerasable-page 8");
    run(&mut served, "", &["reset halt", "flash erase_sector 0 8 9", "flash erase_check 0"])
        .assert_says("#  8: 0x00002000 (0x400 1kB) not erased");
    served.ask("fault clear");

    served.ask("fault stuck-bits 0x2400 0x0080");
    run(&mut served, "", &["reset halt", "flash fillw 0x08002400 0 1"]);
    assert_eq!(served.ask("read 0x08002400 4"), "80000000");
    served.ask("fault clear");

    served.ask("fault power-fails-after 10");
    run(&mut served, "", &["reset halt", "catch {flash fillw 0x08003000 0 20}"]);
    assert_eq!(served.ask("state"), "off");
    served.ask("fault clear");
    assert_eq!(served.ask("read 0x08003000 22"), format!("{}ffff", "00".repeat(20)));

    served.ask("fault read-protect on");
    let run = run(&mut served, "", &["reset halt", "echo code=[catch {mdw 0x08000000}]"]);
    assert_ne!(run.value("code"), "0");
}

#[test]
fn a_silent_chip_and_a_dropped_connection_are_the_clients_to_handle() {
    let mut served = Served::start(&[]);
    served.ask("fault silence on");
    let arguments = served.openocd_args();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| run_with(arguments, &["halt"]));
        while served.ask("connected") != "yes" {}
        served.ask("fault disconnect");
        assert!(!waiting.join().unwrap().success);
    });
    assert_eq!(served.ask("state"), "running");
    served.ask("fault silence off");
    run(&mut served, "", &["halt"]).assert_clean();
}

#[test]
fn pins_and_ports_have_the_levels_that_were_set() {
    let mut served = Served::start(&[]);
    served.ask("pin 7 1");
    served.ask("port A 0x1234");
    assert_eq!((served.ask("pin 7"), served.ask("pin 8")), ("1".to_string(), "0".to_string()));
    let shift = "drscan stm32f1x.bs 32 0x00000082";
    let run = run(
        &mut served,
        "",
        &[
            "echo port=[read_memory 0x40010808 32 1]",
            "poll off",
            "irscan stm32f1x.bs 2",
            &format!("echo pins=0x[{shift}]"),
            &format!("irscan stm32f1x.bs 2; drscan stm32f1x.bs 232 0x{}82; irscan stm32f1x.bs 0", "0".repeat(56)),
        ],
    );
    run.assert_clean();
    assert_eq!(run.number("port"), 0x1234);
    assert_eq!(run.number("pins"), 0x80);
    assert_eq!((served.ask("driven 1"), served.ask("driven 2")), ("1".to_string(), "0".to_string()));
    served.ask("fault power-off");
    served.ask("fault power-on");
    assert_eq!(served.ask("driven 1"), "none");
}

#[test]
fn frames_go_through_usart1_in_both_directions() {
    let mut served = Served::start(&[]);
    let run = run(
        &mut served,
        "",
        &["halt", "mww 0x40021018 0x4000", "mww 0x4001380c 0x200c", "mww 0x40013804 0x55", "sleep 20"],
    );
    run.assert_clean();
    assert_eq!(served.ask("usart1 sent"), "0x55");
    served.ask("usart1 send 0x41");
    assert_eq!(served.ask("read32 0x40013804"), "0x00000041");
}

#[test]
fn a_request_that_cannot_be_done_says_why_and_changes_nothing() {
    let mut served = Served::start(&[]);
    for (request, reason) in [
        ("", "the request is empty"),
        ("chip0 state", "an stm32f103 knows no `chip0 state`"),
        ("stm32f1x", "a command for an stm32f103 is missing"),
        ("read 0x60000000 4", "nothing on the virtual chip answers at 0x60000000"),
        ("read 0 0x20001", "a read of 131073 bytes exceeds 131072 bytes"),
        ("read32 -1", "\"-1\" is not a number"),
        ("write 0x20000000 123", "not a row of bytes"),
        ("write32 0x60000000 0", "nothing on the virtual chip answers at 0x60000000"),
        ("register r13", "there is no register \"r13\""),
        ("pin 232 1", "there is no boundary cell 232: there are 232"),
        ("pin 1 2", "knows no `pin 1 2`"),
        ("port F 0", "there is no GPIO port \"F\""),
        ("port A 0x10000", "0x10000 is out of range"),
        ("usart1 send 0x200", "the frame 0x200 exceeds nine bits"),
        ("fault flood", "there is no fault `flood`"),
        ("fault unerasable-page 128", "there is no page 128: there are 128"),
        ("fault stuck-bits 0x20000 1", "there is no offset in the flash 131072"),
        ("fault bus 0xffffffff 2", "2 bytes at 0xffffffff exceed the address space"),
        ("fault bus 0 0", "a range of 0 bytes"),
        ("fault silence", "there is no fault `silence`"),
        ("fault silence yes", "expected on or off, got \"yes\""),
    ] {
        let refused = served.refusal(request);
        assert!(refused.contains(reason), "{request:?}: {refused}");
    }
    assert!(served.ask("help").contains("unerasable-page PAGE"));
}

#[test]
fn a_request_that_is_too_long_or_not_ended_is_not_obeyed() {
    let mut served = Served::start(&[]);
    let mut other = connect(served.control_port);
    other.get_mut().write_all(&vec![b'x'; 600 * 1024]).ok();
    let mut line = String::new();
    match other.read_line(&mut line) {
        Ok(_) => assert_eq!(line, "error a request exceeds 524288 bytes\n"),
        // Closing a socket with unread bytes resets it, and the reply may be lost.
        Err(error) => assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}"),
    }
    let cut = connect(served.control_port);
    cut.get_ref().write_all(b"halt").unwrap();
    drop(cut);
    let mut binary = connect(served.control_port);
    binary.get_mut().write_all(b"\xff\n").unwrap();
    line.clear();
    binary.read_line(&mut line).unwrap();
    assert_eq!(line, "error the request is not UTF-8\n");
    assert_eq!(served.ask("state"), "running");
}

#[test]
fn the_process_ends_when_asked_and_when_its_parent_is_gone() {
    let mut asked = Served::start(&[]);
    assert_eq!(asked.ask("shutdown"), "");
    assert!(asked.wait().success());
    assert_eq!(asked.rest_of_control(), "");
    let mut orphan = Served::start(&[]);
    orphan.close_stdin();
    assert!(orphan.wait().success());
}

/// Runs the binary until it ends: its exit status and what it prints to both outputs. Its input
/// has no bytes.
fn end(arguments: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_virtual-chip")).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_start_that_fails_says_why_and_has_a_status() {
    let board = VirtualBoard::start(&[]).unwrap();
    let port = board.port().to_string();
    for option in ["--port", "--control"] {
        let (status, output, error) = end(&["serve", "--exit-with-stdin", option, &port]);
        assert_eq!((status, output.as_str()), (1, ""), "{error}");
        assert!(error.contains(&format!("port {port}: ")), "{error}");
    }
    let (status, _, error) = end(&["serve", "--exit-with-stdin", "--firmware", "/no/such/file"]);
    assert_eq!(status, 1, "{error}");
    assert!(error.starts_with("virtual-chip: cannot load /no/such/file: "), "{error}");
    let (status, _, error) = end(&["serve", "--exit-with-stdin", "stm32"]);
    assert_eq!(status, 2, "{error}");
    assert!(error.contains("unknown model \"stm32\""), "{error}");
}

#[test]
fn help_version_and_svd_are_printed() {
    assert!(end(&["--help"]).1.contains("--exit-with-stdin"));
    assert_eq!(
        end(&["--version"]),
        (0, concat!("virtual-chip ", env!("CARGO_PKG_VERSION"), "\n").into(), String::new())
    );
    assert_eq!(end(&["svd"]).1, SVD);
}

#[test]
fn a_chosen_port_is_used() {
    let free = VirtualBoard::start(&[]).unwrap().port();
    let mut served = Served::start(&["--port", &free.to_string()]);
    assert_eq!(served.port, free);
    run(&mut served, "", &["halt"]).assert_clean();
    assert_eq!(served.ask("read32 0x08000000"), format!("{:#010x}", firmware::INITIAL_SP));
}
