//! An OpenOCD that goes on after `ocd` ends, and that serves others, too.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use openocd::{Session, VectorCatch};

use crate::bench::{Bench, Ran};
use crate::run::firmware;
use crate::running::Running;

/// Runs `ocd` until it has printed a line that nobody reads any more.
fn closed_after_a_line(bench: &Bench, session: &Session, arguments: &[&str]) -> Ran {
    let address = session.process().unwrap().tcl_address().to_string();
    let mut command = bench.command(arguments);
    command.args(["--connect", &address]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = Vec::new();
    assert_ne!(output.read_until(b'\n', &mut line).unwrap(), 0, "{arguments:?}");
    drop(output);
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn a_run_whose_output_nobody_reads_restores_vector_catch() {
    let bench = Bench::new();
    let session = bench.session();
    let target = session.target();
    target.set_vector_catch(&[]).unwrap();
    let file = firmware("hangs");
    for options in [&[][..], &["--json"]] {
        let arguments = [&["run", &file, "--timeout", "60"], options].concat();
        closed_after_a_line(&bench, &session, &arguments).expect(141);
        assert_eq!(target.vector_catch().unwrap(), [], "{options:?}");
    }
}

#[test]
fn named_exceptions_alone_end_a_run_whatever_openocd_catches_otherwise() {
    let bench = Bench::new();
    let session = bench.session();
    let target = session.target();
    let file = firmware("faults");
    let of_others = [VectorCatch::BusFault, VectorCatch::HardFault];
    for (options, status) in [
        (&["--catch", "none"][..], 124),
        (&["--catch", "usage-fault"], 124),
        (&["--catch", "bus-fault"], 134),
        (&[], 134),
    ] {
        target.set_vector_catch(&of_others).unwrap();
        bench.ocd_on(&session, &[&["run", &file, "--timeout", "2"], options].concat()).expect(status);
        assert_eq!(target.vector_catch().unwrap(), of_others, "{options:?}");
    }
    // Without --catch a HardFault counts.
    target.set_vector_catch(&[]).unwrap();
    bench.ocd_on(&session, &["run", &file]).expect(134);
    assert_eq!(target.vector_catch().unwrap(), []);
}

#[test]
fn what_watches_leaves_openocd_as_it_was_when_nobody_reads_it() {
    let bench = Bench::new();
    let session = bench.session();
    bench.ocd_on(&session, &["flash", &firmware("hangs")]).expect(0);
    let target = session.target();
    target.set_vector_catch(&[]).unwrap();
    let interval = target.rtt().polling_interval().unwrap();
    let file = firmware("hangs");
    for arguments in [
        &["attach", &file, "--timeout", "60"][..],
        &["rtt", "--elf", &file, "--timeout", "60"],
        &["watch", "0x2000_0000:u32", "--timeout", "60"],
    ] {
        closed_after_a_line(&bench, &session, arguments).expect(141);
        assert_eq!(target.vector_catch().unwrap(), [], "{arguments:?}");
        assert_eq!(target.rtt().polling_interval().unwrap(), interval, "{arguments:?}");
        assert!(!target.status().unwrap().to_string().contains("halted"), "{arguments:?}");
    }
}

#[test]
fn a_program_that_faults_at_its_start_is_no_success() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().set_vector_catch(&[VectorCatch::HardFault]).unwrap();
    let ran = bench.ocd_on(&session, &["flash", &firmware("faults")]).expect(134);
    assert!(ran.stderr.contains("error: flash is written, but the target crashed when it was started"), "{ran:#?}");
    let ran = bench.ocd_on(&session, &["flash", &firmware("faults"), "--json"]).expect(134);
    assert_eq!(ran.error()["id"], "ocd.flash.crash");
    // A halt at the reset is none in a fault.
    session.target().set_vector_catch(&[VectorCatch::Reset]).unwrap();
    bench.ocd_on(&session, &["flash", &firmware("hello")]).expect(0);
}

#[test]
fn breakpoint_of_another_client_is_told_as_the_end_of_a_run() {
    let bench = Bench::new();
    let session = bench.session();
    let main = openocd::Image::open(firmware("exits")).unwrap().symbol("main").unwrap().address;
    bench.ocd_on(&session, &["halt"]).expect(0);
    // Behind its first instruction, where the run waits for RTT.
    bench.ocd_on(&session, &["bp", "add", &format!("{:#x}", main + 2)]).expect(0);
    let ran = bench.ocd_on(&session, &["run", &firmware("exits"), "--timeout", "60"]).expect(70);
    assert!(ran.stderr.contains("OpenOCD has a breakpoint there, which is not of this run"), "{ran:#?}");
    assert!(ran.stderr.contains("ocd bp list") && ran.stderr.contains("ocd bp remove --all"), "{ran:#?}");
    // At it, too.
    bench.ocd_on(&session, &["bp", "remove", "--all"]).expect(0);
    bench.ocd_on(&session, &["bp", "add", "main", "--elf", &firmware("hangs")]).expect(0);
    let ran = bench.ocd_on(&session, &["run", &firmware("hangs"), "--timeout", "1"]).expect(70);
    assert!(ran.stderr.contains("in main (breakpoint) (exit status 70, of ocd)"), "{ran:#?}");
    assert!(ran.stderr.contains("OpenOCD has a breakpoint there, which is not of this run"), "{ran:#?}");
    // It is still there, but is no end that --until asks for by itself.
    let ran = bench.ocd_on(&session, &["run", &firmware("hangs"), "--until", "main", "--timeout", "1"]).expect(0);
    assert!(ran.stderr.contains("the firmware reached 0x"), "{ran:#?}");
    assert_eq!(session.breakpoints().list().unwrap().len(), 1);
}

/// Forwards a port of another address of this machine.
fn forward(listener: TcpListener, to: String) {
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(&to) else { return };
            let copy = |mut from: TcpStream, mut to: TcpStream| {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            };
            copy(near.try_clone().unwrap(), far.try_clone().unwrap());
            copy(far, near);
        }
    });
}

/// A forwarder of OpenOCD's TCL port alone.
fn forwarded(session: &Session) -> String {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    forward(listener, session.process().unwrap().tcl_address().to_string());
    address
}

#[test]
fn rtt_comes_through_a_second_port_that_is_forwarded() {
    let bench = Bench::new();
    let session = bench.session();
    let address = forwarded(&session);
    let second = TcpListener::bind("127.0.0.2:0").unwrap();
    let port = second.local_addr().unwrap().port();
    forward(second, format!("127.0.0.1:{port}"));
    let run =
        ["run", &firmware("hello"), "--connect", &address, "--timeout", "60", "--stream-ports", &port.to_string()];
    let ran = bench.ocd_alone(&run).expect(0);
    assert!(ran.stdout.contains("hello from the board"), "{ran:#?}");
    bench.ocd_alone(&["status", "--connect", &address, "--stream-ports", "0"]).expect(64);
}

#[test]
fn rtt_that_is_not_forwarded_is_told() {
    let bench = Bench::new();
    let session = bench.session();
    let address = forwarded(&session);
    for name in ["hello", "tests"] {
        let ran = bench.ocd_alone(&["run", &firmware(name), "--connect", &address, "--timeout", "60"]).expect(76);
        assert!(
            ran.stderr.contains(
                "RTT needs a port of its own: forward a second one, such as 9000, and name it with --stream-ports 9000"
            ),
            "{ran:#?}"
        );
        assert!(!ran.stderr.contains("tcl_port") && !ran.stdout.contains("FAILED"), "{ran:#?}");
    }
}

#[test]
fn a_halt_by_another_client_is_told_even_if_the_target_runs_again() {
    let bench = Bench::new();
    let session = bench.session();
    let address = session.process().unwrap().tcl_address().to_string();
    let file = firmware("hangs");
    let mut running = Running::start(&mut bench.command(&["--connect", &address, "run", &file, "--timeout", "20s"]));
    running.line_with("count");
    session.target().halt().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    session.target().resume().unwrap();
    let ran = running.end().expect(70);
    assert!(ran.stderr.contains("the target halted at 0x") && !ran.stderr.contains("ocd halt"), "{ran:?}");
}
