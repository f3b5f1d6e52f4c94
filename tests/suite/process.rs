//! Starting and stopping OpenOCD, and what is told when that fails.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use openocd::{Error, OpenOcdProcess, ProcessError, Session, TimeoutError};
use virtual_chip::VirtualChip;

use crate::board::{Board, config, dummy};
use crate::directory::Directory;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn exists(pid: u32) -> bool {
    // A zombie is gone: only its parent has not looked yet.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The address that a port listens on.
fn listening_address(port: u16) -> String {
    // /proc/net/tcp lists local addresses as hexadecimal, the host in reverse: 0100007F is 127.0.0.1. State 0A is LISTEN.
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let here = format!(":{port:04X} ");
    let line = table.lines().find(|line| line.contains(&here) && line.contains(" 0A ")).expect("the port listens");
    let (host, _) = line.split_once(": ").unwrap().1.split_once(':').unwrap();
    u32::from_str_radix(host, 16).map(|host| std::net::Ipv4Addr::from(host.swap_bytes()).to_string()).unwrap()
}

fn startup_failure(error: Error) -> (String, openocd::ProcessReport) {
    let text = error.to_string();
    match error {
        Error::Process(ProcessError::ExitedDuringStartup { report }) => (text, *report),
        other => panic!("{other:?}"),
    }
}

#[test]
fn ready_means_that_init_is_through() {
    let chip = VirtualChip::start().unwrap();
    let process = OpenOcdProcess::builder().config(config(&chip)).spawn().unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    assert_eq!(session.command("command mode").unwrap(), "exec");
    assert!(session.targets().unwrap()[0].examined);
    assert!(process.command_line().contains("target/stm32f1x.cfg"), "{}", process.command_line());
}

#[test]
fn any_number_of_boards_run_side_by_side() {
    let boards: Vec<_> = (0..4).map(|_| Board::start()).collect();
    for (n, board) in boards.iter().enumerate() {
        board.session.memory().write_u32(0x2000_0000, n as u32).unwrap();
    }
    for (n, board) in boards.iter().enumerate() {
        assert_eq!(board.chip.read_u32(0x2000_0000).unwrap(), n as u32);
    }
}

#[test]
fn a_fixed_port_that_is_taken_is_an_error() {
    let first = dummy().command("noinit").spawn().unwrap();
    let port = first.tcl_port();
    let error = dummy().command("noinit").tcl_port(port).spawn().unwrap_err();
    let (text, report) = startup_failure(error);
    assert!(text.contains(&port.to_string()) && text.contains("Address already in use"), "{text}");
    assert!(!report.exit_status.unwrap().success());
    assert!(first.is_running());
}

#[test]
fn a_fixed_port_is_taken_if_free() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = dummy().command("noinit").tcl_port(port).spawn().unwrap();
    assert_eq!(process.tcl_port(), port);
}

#[test]
fn the_configuration_cannot_open_ports_that_were_not_asked_for() {
    let ports = "if {[llength [info commands {gdb port}]]} {gdb port 0; tcl port 6666; telnet port 0} else {gdb_port 0; tcl_port 6666; telnet_port 0}";
    let chip = VirtualChip::start().unwrap();
    let process = OpenOcdProcess::builder().config(config(&chip)).command(ports).spawn().unwrap();
    assert!(process.gdb_ports().is_empty());
    assert_ne!(process.tcl_port(), 6666);
    let listening: Vec<_> = process.log_tail().into_iter().filter(|line| line.contains("Listening on port")).collect();
    assert_eq!(listening.len(), 1, "{listening:?}");
}

#[test]
fn a_configuration_that_calls_init_gets_the_same_ports() {
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
fn a_log_that_is_sent_elsewhere_is_an_error_at_once() {
    let directory = Directory::new();
    let file = directory.path().join("openocd.log");
    let command = format!("log_output {}", openocd::quote(file.to_str().unwrap()));
    let (text, _) = startup_failure(dummy().command(&command).command("noinit").spawn().unwrap_err());
    assert!(text.contains("log_output") && text.contains("reads its log"), "{text}");
    assert!(!file.exists());

    let process = dummy().command("log_output default").command("noinit").spawn().unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    session.command(&command).unwrap();
    assert!(file.exists(), "once OpenOCD is up, its log may go wherever the user likes");
}

#[test]
fn what_is_done_at_the_start_leaves_nothing_in_the_log() {
    let process = dummy().adapter_serial("A1").adapter_usb_location("1-2").command("noinit").spawn().unwrap();
    let log = process.log_tail();
    let stray =
        |line: &&String| ["_openocd_rs", "log_output", "adapter ", "init"].iter().any(|word| line.starts_with(word));
    assert_eq!(log.iter().find(stray), None, "{log:#?}");
}

#[test]
fn a_gdb_port_can_be_asked_for_and_read_back() {
    let chip = VirtualChip::start().unwrap();
    let process = OpenOcdProcess::builder().config(config(&chip)).gdb_port(0).spawn().unwrap();
    let [port] = process.gdb_ports() else { panic!("{:?}", process.gdb_ports()) };
    assert!(std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok());
}

#[test]
fn the_gdb_ports_of_all_targets_are_read_back() {
    let chip = VirtualChip::start().unwrap();
    let second = "target create second mem_ap -dap stm32f1x.dap -ap-num 0 -gdb-port 0";
    // They are announced after the TCL port: a race against the thread that reads the log.
    for _ in 0..10 {
        let process = OpenOcdProcess::builder().config(config(&chip)).command(second).gdb_port(0).spawn().unwrap();
        assert_eq!(process.gdb_ports().len(), 2, "{:?}", process.log_tail());
    }
}

#[test]
fn only_loopback_listens() {
    let process = dummy().command("noinit").spawn().unwrap();
    assert_eq!(listening_address(process.tcl_port()), "127.0.0.1");
}

#[test]
fn a_missing_binary_says_where_it_was_looked_for() {
    let error = dummy().binary("/nonexistent/openocd").spawn().unwrap_err();
    assert!(matches!(error, Error::Process(ProcessError::BinaryNotFound { .. })), "{error:?}");
    assert!(error.to_string().contains("/nonexistent/openocd"), "{error}");
}

#[test]
fn a_file_that_is_no_program_is_a_process_error() {
    let directory = Directory::new();
    let file = directory.path().join("openocd");
    std::fs::write(&file, "not a program").unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&file).status().unwrap().success());
    let error = dummy().binary(&file).spawn().unwrap_err();
    assert!(matches!(error, Error::Process(ProcessError::Spawn { .. })), "{error:?}");
}

#[test]
fn an_empty_configuration_is_a_process_error() {
    for error in [
        Session::start("").unwrap_err(),
        Session::start("  \t").unwrap_err(),
        OpenOcdProcess::builder().spawn().unwrap_err(),
        OpenOcdProcess::builder().command(" ").config_file("").spawn().unwrap_err(),
        dummy().arg("-lopenocd.log").spawn().unwrap_err(),
        Session::start("-f").unwrap_err(),
        Session::start("board.cfg 'open").unwrap_err(),
    ] {
        assert!(matches!(error, Error::Process(ProcessError::InvalidConfig { .. })), "{error:?}");
    }
}

#[test]
fn a_missing_configuration_file_is_told() {
    let (text, report) = startup_failure(Session::start("no/such.cfg").unwrap_err());
    assert!(text.starts_with("OpenOCD ended before it was ready: Can't find no/such.cfg; exit status: 1\n"), "{text}");
    assert!(text.contains("openocd -f no/such.cfg\n"), "what can be tried by hand: {text}");
    assert_eq!(report.exit_status.unwrap().code(), Some(1));
}

#[test]
fn a_bad_command_is_told() {
    let (text, _) = startup_failure(OpenOcdProcess::builder().command("no_such_command").spawn().unwrap_err());
    assert!(text.contains("invalid command name \"no_such_command\""), "{text}");
}

#[test]
fn an_adapter_that_is_not_there_is_told_though_openocd_listens_first() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "-c 'adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; remote_bitbang port {port}' -c 'if {{[string match *bitbang*swd* [adapter list]]}} {{transport select jtag}}' -f target/stm32f1x.cfg"
    );
    let (text, report) = startup_failure(Session::start(config).unwrap_err());
    assert!(text.contains("ailed to connect"), "{text}");
    assert_eq!(report.exit_status.unwrap().code(), Some(1));
}

#[test]
fn a_crash_during_start_up_is_told() {
    let error = OpenOcdProcess::builder().command("puts hello; exec kill -SEGV [pid]; after 5000").spawn().unwrap_err();
    let (text, report) = startup_failure(error);
    assert!(text.contains("signal: 11"), "{text}");
    assert!(report.exit_status.unwrap().code().is_none());
}

#[test]
fn what_a_script_prints_before_it_fails_is_in_the_error() {
    let (text, _) = startup_failure(
        OpenOcdProcess::builder().command("puts {checked the fuses}; error {fuse 3 is blown}").spawn().unwrap_err(),
    );
    assert!(text.contains("checked the fuses") && text.contains("fuse 3 is blown"), "{text}");
}

#[test]
fn an_openocd_that_is_not_ready_in_time_is_stopped() {
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
fn stop_and_drop_leave_nobody_behind() {
    let stopped = dummy().command("noinit").spawn().unwrap();
    let pid = stopped.pid();
    assert!(exists(pid));
    assert!(stopped.stop().unwrap().success());
    assert!(!exists(pid));

    let dropped = dummy().command("noinit").spawn().unwrap();
    let pid = dropped.pid();
    drop(dropped);
    assert!(!exists(pid));

    let board = Board::start();
    let pid = board.session.process().unwrap().pid();
    board.session.close().unwrap();
    assert!(!exists(pid));
}

#[test]
fn an_openocd_that_hangs_is_killed() {
    let board = Board::start();
    let pid = board.session.process().unwrap().pid();
    board.chip.faults().stop_answering(true);
    // OpenOCD waits for its adapter for ever, and reads neither its socket nor its pipe.
    assert!(board.session.command_within("halt", Duration::from_millis(300)).is_err());
    board.session.close().unwrap();
    assert!(!exists(pid));
}

#[test]
fn openocd_with_a_telnet_port_can_be_stopped_too() {
    let process = dummy().command("noinit").telnet_port(0).spawn().unwrap();
    let pid = process.pid();
    // Asked, not killed.
    assert!(process.stop().unwrap().success());
    assert!(!exists(pid));
}

const CHILD: &str = "OPENOCD_SUITE_CHILD";

#[test]
fn openocd_ends_when_this_program_is_killed() {
    if std::env::var_os(CHILD).is_some() {
        // The program that is killed.
        let process = dummy().command("noinit").spawn().unwrap();
        println!("child of {}", process.pid());
        std::thread::sleep(PATIENCE);
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::openocd_ends_when_this_program_is_killed", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let pid = lines.map_while(Result::ok).find_map(|line| line.split_once("child of ")?.1.parse().ok()).unwrap();
    assert!(exists(pid));
    // SIGKILL: nothing of ours runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the end of OpenOCD", || !exists(pid));
}

#[test]
fn a_full_pipe_cannot_stall_openocd() {
    let process = dummy().command("noinit").spawn().unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    // OpenOCD writes each result to its log as well; a pipe holds 64 KiB.
    for _ in 0..20 {
        assert_eq!(session.command("string repeat x 200000").unwrap().len(), 200_000);
    }
    // Not more: master's `capture` copies the whole log for each line that it adds (4 s for 10000 lines, measured).
    session.command("for {set n 0} {$n < 3000} {incr n} {echo \"line $n of a long log\"}").unwrap();
    eventually("the last line", || process.log_tail().iter().any(|line| line.contains("line 2999 of")));
    assert!(process.log_tail().len() <= openocd::LOG_TAIL_LINES);
}

#[test]
fn the_log_reaches_a_callback() {
    let (send, lines) = mpsc::channel();
    let session = Session::builder()
        .start(dummy().command("noinit").on_log(move |line| drop(send.send(line.to_owned()))))
        .unwrap();
    session.command("echo {for the callback}").unwrap();
    assert!(lines.iter().any(|line| line == "for the callback"));
}

#[test]
fn a_callback_that_takes_its_time_holds_up_nobody() {
    let (open, gate) = mpsc::channel::<()>();
    let (send, lines) = mpsc::channel();
    let process = dummy()
        .command("noinit")
        .ready_timeout(PATIENCE)
        .on_log(move |line| {
            let _ = gate.recv();
            let _ = send.send(line.to_owned());
        })
        .spawn()
        .unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    // A pipe holds 64 KiB.
    for _ in 0..20 {
        assert_eq!(session.command("string repeat x 200000").unwrap().len(), 200_000);
    }
    session.command("echo {the last line}").unwrap();
    assert!(lines.try_recv().is_err());
    drop(open);
    process.stop().unwrap();
    // All of it has been heard when OpenOCD has ended, unless that takes seconds.
    let lines: Vec<_> = lines.try_iter().collect();
    assert!(lines[0].starts_with("Open On-Chip Debugger"), "{}", lines[0]);
    assert!(lines.iter().any(|line| line == "the last line"));
}

#[test]
fn a_callback_that_panics_stops_nothing() {
    let process = dummy().command("noinit").on_log(|_| panic!("on purpose")).spawn().unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    session.command("echo {the last line}").unwrap();
    eventually("the last line", || process.log_tail().iter().any(|line| line == "the last line"));
    process.stop().unwrap();
}

#[test]
fn a_port_of_another_openocd_is_told() {
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
fn a_quiet_configuration_does_not_hide_the_port() {
    let process = dummy().command("debug_level 0; noinit").spawn().unwrap();
    assert_ne!(process.tcl_port(), 0);
}

#[test]
fn verbose_logs_do_not_hide_the_port() {
    assert_ne!(dummy().arg("-d3").command("noinit").spawn().unwrap().tcl_port(), 0);
}

#[test]
fn search_directories_commands_and_files_keep_their_order() {
    let directory = Directory::new();
    std::fs::write(directory.path().join("my board [1] $x.cfg"), "lappend order file").unwrap();
    let process = dummy()
        .search_dir(directory.path())
        .command("set order first")
        .config_file("my board [1] $x.cfg")
        .config("-c 'lappend order \"third one\"' -c \"lappend order fourth\"")
        .command("noinit")
        .spawn()
        .unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    assert_eq!(session.command("join $order ,").unwrap(), "first,file,third one,fourth");
}

#[test]
fn the_choice_of_the_adapter_comes_where_openocd_takes_it() {
    let process = OpenOcdProcess::builder()
        .adapter_speed(123)
        .transport("jtag")
        .adapter_serial("A [B] $c")
        .adapter_usb_location("1-2.3")
        .command("adapter driver dummy")
        .command("jtag newtap a cpu -irlen 4")
        .command("proc keep {} {set ::seen [transport select]}; keep; noinit")
        .spawn()
        .unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    assert_eq!(session.command("set seen").unwrap().trim(), "jtag");
    assert!(session.command("adapter speed").unwrap().contains("123"));
    assert!(session.command("adapter usb location").unwrap().contains("1-2.3"));

    let with_driver =
        OpenOcdProcess::builder().adapter_driver("dummy").transport("jtag").command("noinit").spawn().unwrap();
    let session = Session::connect(with_driver.tcl_address()).unwrap();
    assert_eq!(session.command("adapter name").unwrap().trim(), "dummy");

    let error = OpenOcdProcess::builder().adapter_driver("dummy").transport("swim").command("noinit").spawn();
    startup_failure(error.unwrap_err());
}
