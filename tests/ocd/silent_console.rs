//! Consoles of a target that sends nothing, because it is halted or has crashed.

use std::time::Duration;

use openocd::{Session, VectorCatch};
use virtual_chip::firmware::rtt;

use crate::bench::Bench;
use crate::run::firmware;
use crate::running::Running;

const HALTED: &str = "warning: stm32f1x.cpu is halted at 0x";

/// A chip that is halted at the start of a firmware.
fn halted(name: &str) -> (Bench, Session) {
    let bench = Bench::new();
    bench.chip.load_elf(&std::fs::read(firmware(name)).expect("it is prebuilt"));
    let session = bench.session();
    session.target().set_vector_catch(&[]).unwrap();
    session.target().reset(openocd::ResetMode::Halt).unwrap();
    (bench, session)
}

fn console(bench: &Bench, session: &Session, arguments: &[&str]) -> Running {
    let address = session.process().unwrap().tcl_address().to_string();
    let running = Running::start(&mut bench.command(&[&["--connect", &address], arguments].concat()));
    running.caught_signals();
    std::thread::sleep(Duration::from_millis(1500));
    running
}

#[test]
fn halted_target_is_told() {
    let (bench, session) = halted("prints");
    let ran = console(&bench, &session, &["semihosting", "--timeout", "3"]).end().expect(124);
    assert_eq!(ran.stderr.matches(HALTED).count(), 1, "{ran:#?}");
    assert!(ran.stderr.contains("`ocd resume` lets it run"), "{ran:#?}");
    let mut running = console(&bench, &session, &["semihosting", "--timeout", "60", "--json"]);
    let line = running.line_with("is halted at 0x");
    assert!(line.contains("\"type\":\"warning\""), "{line}");
    // It ends nothing: the target may be resumed, and halted by another program's hand.
    session.target().resume().unwrap();
    running.line_with("hello over semihosting");
    running.write("some input\n");
    running.close_stdin();
    running.end().expect(0);

    bench.chip.load_firmware(rtt::IMAGE);
    session.target().reset(openocd::ResetMode::Run).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    session.target().halt().unwrap();
    let ran = console(&bench, &session, &["rtt", "--ram", "0x2000_0000+20K", "--timeout", "3"]).end().expect(124);
    assert_eq!(ran.stderr.matches(HALTED).count(), 1, "{ran:#?}");
}

#[test]
fn crash_ends_semihosting() {
    for name in ["locks_up", "faults"] {
        let (bench, session) = halted(name);
        if name == "faults" {
            session.target().set_vector_catch(&[VectorCatch::HardFault]).unwrap();
        }
        let mut running = console(&bench, &session, &["semihosting", "--timeout", "60"]);
        session.target().resume().unwrap();
        let ran = running.end().expect(134);
        let told = "error: the firmware crashed: ";
        assert!(ran.stderr.contains(told) && ran.stderr.contains("ocd crash"), "{ran:#?}");
        session.target().reset(openocd::ResetMode::Halt).unwrap();
        let mut running = console(&bench, &session, &["semihosting", "--timeout", "60", "--json"]);
        session.target().reset(openocd::ResetMode::Run).unwrap();
        assert_eq!(running.end().expect(134).error()["id"], "ocd.crash");
    }
}

#[test]
fn fault_handler_that_runs_for_ever_is_told() {
    let (bench, session) = halted("faults");
    let mut running = console(&bench, &session, &["semihosting", "--timeout", "6"]);
    session.target().resume().unwrap();
    let ran = running.end().expect(124);
    let told = "warning: stm32f1x.cpu runs in a fault handler, and may send nothing any more";
    assert_eq!(ran.stderr.matches(told).count(), 1, "{ran:#?}");
}
