//! Errors of a start that fails.

use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use openocd::{Error, OpenOcdProcess, ProcessError, Session, StartFailure, TimeoutError};
use virtual_chip::{Transport, VirtualChip};

use super::{exists, startup_failure};
use crate::board::dummy;
use crate::directory::Directory;

#[test]
fn missing_binary_is_an_error_with_the_places_searched() {
    let error = dummy().binary("/nonexistent/openocd").spawn().unwrap_err();
    assert!(matches!(error, Error::Process(ProcessError::BinaryNotFound { .. })), "{error:?}");
    assert!(error.to_string().contains("/nonexistent/openocd"), "{error}");
}

#[test]
fn file_that_is_no_program_is_a_process_error() {
    let directory = Directory::new();
    let file = directory.path().join("openocd");
    std::fs::write(&file, "not a program").unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&file).status().unwrap().success());
    let error = dummy().binary(&file).spawn().unwrap_err();
    assert!(matches!(error, Error::Process(ProcessError::Spawn { .. })), "{error:?}");
}

#[test]
#[cfg(unix)]
fn file_that_may_not_be_executed_is_not_called_missing() {
    let directory = Directory::new();
    let file = directory.path().join("openocd");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    for path in [file.as_path(), directory.path()] {
        let error = dummy().binary(path).spawn().unwrap_err();
        assert!(matches!(error, Error::Process(ProcessError::Spawn { .. })), "{error:?}");
        assert!(error.to_string().contains("Permission denied"), "{error}");
    }
}

#[test]
fn missing_configuration_file_is_named() {
    let (text, report) = startup_failure(Session::start("no/such.cfg").unwrap_err());
    assert!(text.starts_with("OpenOCD ended before it was ready: Can't find no/such.cfg; exit status: 1\n"), "{text}");
    assert!(text.contains("openocd -f no/such.cfg\n"), "what can be tried by hand: {text}");
    assert_eq!(report.exit_status.unwrap().code(), Some(1));
}

#[test]
fn bad_command_is_named() {
    let (text, _) = startup_failure(OpenOcdProcess::builder().command("no_such_command").spawn().unwrap_err());
    assert!(text.contains("invalid command name \"no_such_command\""), "{text}");
}

#[test]
fn missing_adapter_is_reported_though_openocd_listens_first() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "-c 'adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; remote_bitbang port {port}' -c 'if {{[string match *bitbang*swd* [adapter list]]}} {{transport select jtag}}' -f target/stm32f1x.cfg"
    );
    let (text, report) = startup_failure(Session::start(config).unwrap_err());
    assert!(text.contains("ailed to connect"), "{text}");
    assert_eq!(report.exit_status.unwrap().code(), Some(1));
}

#[test]
fn reason_of_a_failed_start_is_recognized() {
    use StartFailure::{
        EndedByConfiguration, MissingFile, NoDriver, NoProbe, PortTaken, ProbeUnreachable, TransportRefused, Unknown,
        UnknownCommand, UnknownDriver,
    };

    let probe = "-c 'adapter driver dummy; adapter speed 1000'";
    for (config, expected) in [
        ("-f interface/cmsis-dap.cfg -c 'adapter serial no-such-probe' -f target/stm32f1x.cfg".to_owned(), NoProbe),
        ("-c 'adapter driver remote_bitbang; remote_bitbang port 1; remote_bitbang host localhost; adapter speed 1; jtag newtap a b -irlen 4'".to_owned(), ProbeUnreachable),
        ("-f no/such.cfg".to_owned(), MissingFile),
        ("-c no_such_command".to_owned(), UnknownCommand),
        ("-c 'adapter driver nonsense'".to_owned(), UnknownDriver),
        ("-c 'jtag newtap a b -irlen 4; init'".to_owned(), NoDriver),
        (format!("{probe} -c 'transport select jtag; transport select swd'"), TransportRefused),
        ("-c 'adapter driver cmsis-dap; transport select hla_swd'".to_owned(), TransportRefused),
        (format!("{probe} -c 'error oops'"), Unknown),
        (format!("{probe} -c 'noinit; shutdown'"), EndedByConfiguration),
    ] {
        let (_, report) = startup_failure(Session::start(&*config).unwrap_err());
        assert_eq!(report.start_failure(), expected, "{config}: {report}");
    }
    let chip = VirtualChip::start().unwrap();
    // The last one fails before it comes to its end.
    for (ends, expected) in [
        ("init; exit", EndedByConfiguration),
        ("init; shutdown", EndedByConfiguration),
        ("program absent.elf verify exit", Unknown),
    ] {
        let config = format!("{} -c '{ends}'", chip.openocd_config());
        let (_, report) = startup_failure(Session::start(config).unwrap_err());
        assert_eq!(report.start_failure(), expected, "{ends}: {report}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (_, report) = startup_failure(dummy().tcl_port(taken.local_addr().unwrap().port()).spawn().unwrap_err());
    assert_eq!(report.start_failure(), PortTaken, "{report}");
}

#[test]
fn start_without_power_is_a_silent_target() {
    let chip = VirtualChip::start().unwrap();
    chip.faults().power_off();
    let config = chip.openocd_config_over(Transport::Jtag);
    let (_, report) = startup_failure(Session::start(config).unwrap_err());
    assert_eq!(report.start_failure(), StartFailure::TargetSilent, "{report}");
}

#[test]
fn missing_probe_is_named() {
    // The newer OpenOCD tries CMSIS-DAP over TCP last, and 0.12.0 logs nothing else of ftdi's first
    // try.
    for (config, cause) in [
        ("-f interface/cmsis-dap.cfg", "unable to find a matching CMSIS-DAP device; "),
        ("-f interface/ftdi/olimex-arm-usb-ocd-h.cfg", "unable to open ftdi device with "),
        ("-f interface/xds110.cfg", "XDS110: failed to connect; "),
    ] {
        let config = format!("{config} -c 'adapter serial no-such-probe' -f target/stm32f1x.cfg");
        let (text, _) = startup_failure(Session::start(config).unwrap_err());
        assert!(text.starts_with(&format!("OpenOCD ended before it was ready: {cause}")), "{text}");
    }
}

#[test]
fn crash_during_start_up_is_reported() {
    let error = OpenOcdProcess::builder().command("puts hello; exec kill -SEGV [pid]; after 5000").spawn().unwrap_err();
    let (text, report) = startup_failure(error);
    assert!(text.contains("signal: 11"), "{text}");
    assert!(report.exit_status.unwrap().code().is_none());
}

#[test]
fn output_of_a_script_that_fails_is_in_the_error() {
    let (text, _) = startup_failure(
        OpenOcdProcess::builder().command("puts {checked the fuses}; error {fuse 3 is blown}").spawn().unwrap_err(),
    );
    assert!(text.contains("checked the fuses") && text.contains("fuse 3 is blown"), "{text}");
}

#[test]
fn openocd_that_is_not_ready_in_time_is_stopped() {
    let (send, lines) = mpsc::channel();
    let error = dummy()
        .command("echo [format {pid %d} [pid]]; noinit; sleep 60000")
        .ready_timeout(Duration::from_millis(500))
        .on_log(move |line| drop(send.send(line.to_owned())))
        .spawn()
        .unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Ready { .. })), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("still running") && text.contains("command line: "), "{text}");
    let pid = lines.iter().find_map(|line| line.strip_prefix("pid ")?.parse().ok()).unwrap();
    assert!(!exists(pid), "it was left behind");
}

#[test]
fn ready_timeout_is_kept_though_openocd_is_busy() {
    let begin = Instant::now();
    let error = dummy().command("noinit; sleep 60000").ready_timeout(Duration::from_millis(300)).spawn().unwrap_err();
    let elapsed = begin.elapsed();
    assert!(matches!(error, Error::Timeout(TimeoutError::Ready { .. })), "{error:?}");
    assert!(elapsed >= Duration::from_millis(300) && elapsed < Duration::from_millis(1500), "{elapsed:?}");
}

#[test]
fn program_that_openocd_leaves_behind_delays_no_error() {
    // The program holds OpenOCD's standard output and error open.
    let begin = Instant::now();
    let openocd = dummy().command("exec sleep 30 >@stdout 2>@stderr &; error {no such luck}").ready_timeout(None);
    let (text, report) = startup_failure(openocd.spawn().unwrap_err());
    assert!(text.contains("no such luck"), "{text}");
    assert_eq!(report.exit_status.unwrap().code(), Some(1));

    let process = dummy().command("exec sleep 30 >@stdout 2>@stderr &; noinit").spawn().unwrap();
    assert!(process.stop().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn builder_is_cloned_for_several_openocds() {
    let (send, lines) = mpsc::channel();
    let builder = dummy().command("echo {for both}; noinit").on_log(move |line| drop(send.send(line.to_owned())));
    let (one, two) = (builder.clone().spawn().unwrap(), builder.spawn().unwrap());
    assert_ne!(one.tcl_port(), two.tcl_port());
    drop((one, two));
    assert_eq!(lines.iter().filter(|line| line == "for both").count(), 2);
}

#[test]
fn debug_is_short_and_shows_nothing_of_this_crate() {
    let builder = OpenOcdProcess::builder().command("error {no \u{1b}[2J luck}");
    let process = dummy().command("noinit").spawn().unwrap();
    let error = builder.clone().spawn().unwrap_err();
    let texts = [format!("{builder:?}"), format!("{process:?}"), format!("{error:?}"), error.to_string()];
    for (text, limit) in texts.iter().zip([200, 200, 700, 700]) {
        assert!(text.len() < limit && !text.contains("_openocd_rs") && !text.contains('\u{1b}'), "{text}");
    }
    assert!(texts[2..].iter().all(|text| text.contains("luck")), "{texts:?}");
}
