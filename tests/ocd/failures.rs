//! What `ocd` says of an OpenOCD that does not start: one cause, one thing to try.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::bench::{Bench, Ran};
use crate::running::Running;

/// Checks the form: what failed, why, what to try.
#[track_caller]
fn explained(ran: &Ran, what: &str) {
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{ran:#?}");
    assert_eq!(lines[0], format!("error: {what}"), "{ran:#?}");
    assert!(lines[1].starts_with("  cause: OpenOCD says: ") && lines[2].starts_with("  help: "), "{ran:#?}");
    assert_eq!(ran.stdout, "");
}

#[test]
fn probe_that_is_not_there_is_told() {
    let bench = Bench::new();
    for interface in ["cmsis-dap", "jlink", "stlink", "nulink", "xds110", "ftdi/olimex-arm-usb-ocd-h"] {
        let config = format!("interface/{interface}.cfg -f target/stm32f1x.cfg");
        let ran = bench.ocd_alone(&["status", "--config", &config]).expect(72);
        explained(&ran, "no debug probe was found");
        let error = bench.ocd_alone(&["status", "--config", &config, "--json"]).expect(72).error();
        assert_eq!(error["id"], "ocd.probe.none");
        assert!(error["log"].as_array().is_some_and(|lines| !lines.is_empty()), "{error}");
    }
}

/// A configuration whose probe is at a port.
fn remote(port: u16) -> String {
    format!(
        "-c 'adapter driver remote_bitbang; remote_bitbang host localhost; remote_bitbang port {port}; transport select jtag' \
         -f target/stm32f1x.cfg"
    )
}

#[test]
fn wrong_configurations_are_told() {
    let bench = Bench::new();
    let dummy = "-c 'adapter driver dummy'";
    for (config, what) in [
        ("target/nowhere.cfg".to_owned(), "OpenOCD's configuration names a file that is missing"),
        (format!("{dummy} -c 'foo bar'"), "OpenOCD's configuration has an unknown command"),
        ("target/stm32f1x.cfg".to_owned(), "OpenOCD's configuration names no debug probe"),
        ("-c 'adapter driver nonsense'".to_owned(), "this OpenOCD does not know the debug probe's driver"),
        (format!("{dummy} -c 'set x {{'"), "OpenOCD ended before it was ready"),
        (format!("{dummy} -c 'noinit; shutdown'"), "the configuration ends OpenOCD with `exit` or `shutdown`"),
    ] {
        explained(&bench.ocd_alone(&["status", "--config", &config]).expect(71), what);
    }
    explained(&bench.ocd_alone(&["status", "--config", &remote(1)]).expect(72), "the debug probe cannot be reached");
    let ran = bench.ocd_alone(&["status", "--config", &remote(1), "--transport", "swd"]);
    assert!(ran.status == 71 || ran.status == 72, "{ran:?}");
}

#[test]
fn path_without_quotes_is_told() {
    let bench = Bench::new();
    bench.file("my boards/one two.cfg", "adapter driver dummy\n");
    for config in ["-f my boards/one two.cfg", "-c 'adapter driver dummy' my boards/one two.cfg -d2"] {
        let ran = bench.ocd_alone(&["status", "--config", config]).expect(71);
        explained(&ran, "OpenOCD's configuration names a file that is missing");
        assert!(ran.stderr.contains("needs quotes within the configuration: -f 'my boards/one two.cfg'"), "{ran:?}");
    }
    bench.file("sub/ocd.toml", "config = \"-f a board.cfg\"\n");
    bench.file("sub/a board.cfg", "adapter driver dummy\n");
    let ran = Ran::of(bench.command(&["status"]).current_dir(bench.folder().join("sub"))).expect(71);
    assert!(ran.stderr.contains("-f 'a board.cfg'"), "{ran:?}");
    let ran = bench.ocd_alone(&["status", "--config", "-f my board.cfg"]).expect(71);
    assert!(!ran.stderr.contains("quotes"), "{ran:?}");
}

/// Passes one connection on to the chip.
fn forward(listener: &TcpListener, chip: u16) {
    let (near, _) = listener.accept().unwrap();
    let far = TcpStream::connect(("127.0.0.1", chip)).unwrap();
    for stream in [&near, &far] {
        stream.set_nodelay(true).unwrap();
    }
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    };
    let (from, to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    std::thread::spawn(move || copy(from, to));
    copy(far, near);
}

#[test]
fn wait_is_for_a_probe_that_comes_later() {
    let bench = Bench::new();
    // Below those that the system gives away, which another test could take in the meantime.
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let port = (first..32_000).find(|port| TcpListener::bind(("localhost", *port)).is_ok()).unwrap();
    let config = remote(port) + " -c 'set CHIPNAME stm32f1x'";
    let mut running = Running::start(&mut bench.command(&["status", "--config", &config, "--wait", "60"]));
    std::thread::sleep(Duration::from_secs(2));
    assert!(running.is_running());
    let listener = TcpListener::bind(("localhost", port)).unwrap();
    forward(&listener, bench.chip.port());
    let ran = running.end().expect(0);
    assert_eq!(ran.stdout, "stm32f1x.cpu is running");

    // Nothing else is waited for.
    let begin = Instant::now();
    bench.ocd_alone(&["status", "--config", "target/nowhere.cfg", "--wait", "60"]).expect(71);
    assert!(begin.elapsed() < Duration::from_secs(20));
    bench.ocd_alone(&["status", "--config", &remote(1), "--wait", "500ms"]).expect(72);
    bench.ocd_alone(&["status", "--connect", "localhost:1", "--wait", "500ms"]).expect(76);
    bench.ocd_alone(&["status", "--connect", "localhost:1", "--wait", "soon"]).expect(64);
}

#[test]
fn wait_ends_at_a_signal() {
    let bench = Bench::new();
    let mut running = Running::start(&mut bench.command(&["status", "--config", &remote(1), "--wait", "60"]));
    std::thread::sleep(Duration::from_secs(1));
    running.signal("INT");
    let begin = Instant::now();
    assert_eq!(running.end().expect(130).stderr, "error: interrupted\n");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn target_without_power_is_told_from_a_missing_probe() {
    let bench = Bench::new();
    bench.chip.faults().power_off();
    let ran = bench.ocd(&["halt"]).expect(73);
    assert!(ran.stderr.contains("help: check its power and the wiring"), "{ran:#?}");
}

#[test]
#[cfg(unix)]
fn probe_that_may_not_be_opened_is_named_with_its_path() {
    use std::os::unix::fs::PermissionsExt as _;
    // No OpenOCD here has a probe whose device belongs to somebody else.
    let bench = Bench::new();
    let says = "libusb: error [get_usbfs_fd] libusb couldn't open USB device /dev/bus/usb/001/004, errno=13";
    let error = "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS";
    bench.file("openocd", format!("#!/bin/sh\necho \"{says}\" >&2\necho \"{error}\" >&2\nexit 1\n"));
    let path = bench.folder().join("openocd");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = bench.ocd(&["status", "--openocd", path.to_str().unwrap()]).expect(72);
    explained(&ran, "you may not open the debug probe, /dev/bus/usb/001/004");
    assert!(ran.stderr.contains("udev rules"), "{ran:#?}");
}

#[test]
fn option_for_the_transport_is_named_only_if_there_is_one() {
    let bench = Bench::new();
    let twice = format!("{} -f target/rp2040.cfg", remote(bench.chip.port()).replace("-f target/stm32f1x.cfg", ""));
    let ran = bench.ocd_alone(&["status", "--config", &twice]).expect(71);
    explained(&ran, "the transport cannot be chosen");
    assert!(ran.stderr.contains("help: the configuration chooses a transport twice"), "{ran:#?}");
    assert!(!ran.stderr.contains("--transport"), "{ran:#?}");
    let once = remote(bench.chip.port());
    let option = bench.ocd_alone(&["status", "--config", &once, "--transport", "swd"]);
    let mut variable = bench.command(&["status", "--config", &once]);
    let variable = Ran::of(variable.env("OCD_TRANSPORT", "swd"));
    bench.file("ocd.toml", "transport = \"swd\"\n");
    let file = bench.ocd_alone(&["status", "--config", &once]);
    for (ran, name) in [(option, "--transport"), (variable, "OCD_TRANSPORT"), (file, "ocd.toml, line 1")] {
        let ran = ran.expect(71);
        explained(&ran, "the transport cannot be chosen");
        assert!(ran.stderr.contains(name), "{ran:#?}");
    }
}

#[test]
#[cfg(unix)]
fn openocd_that_is_killed_is_told_with_its_signal() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.file("openocd", "#!/bin/sh\nkill -9 $$\n");
    let path = bench.folder().join("openocd");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = bench.ocd(&["status", "--openocd", path.to_str().unwrap()]).expect(71);
    let wanted = "error: OpenOCD ended before it was ready\n  cause: signal: 9 (SIGKILL)\n  help: ";
    assert!(ran.stderr.starts_with(wanted), "{ran:#?}");
}

#[test]
fn fifo_in_place_of_a_file_is_refused_at_once() {
    let bench = Bench::new();
    let fifo = bench.folder().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    for words in [&["svf", "fifo"][..], &["xsvf", "fifo"], &["gdb", "fifo"], &["gdb", "--elf", "fifo"]] {
        let mut running = Running::start(bench.board_command(words).env("GDB", "true"));
        let ran = running.end().expect(71);
        assert!(ran.stderr.starts_with("error: cannot read fifo\n  cause: it is a FIFO"), "{words:?}: {ran:#?}");
    }
}
