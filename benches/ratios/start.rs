//! From nothing to the first answer.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use openocd::Session;
use virtual_chip::VirtualChip;

use crate::measure::{Goal, Table};

pub(crate) fn run(table: &mut Table) {
    let dummy = r#"-c "adapter driver dummy" -c noinit"#;
    compare(table, "start to first answer, noinit", 20, dummy, &["-c", "adapter driver dummy", "-c", "noinit"]);
    let chip = VirtualChip::start().expect("a free port");
    let arguments = chip.openocd_args();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    compare(table, "start to first answer, virtual chip", 20, &chip.openocd_config(), &arguments);
}

/// Only the start is timed, not the end of the OpenOCD.
fn compare(table: &mut Table, case: &str, rounds: usize, config: &str, arguments: &[&str]) {
    if !table.wants(case) {
        return;
    }
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let begin = Instant::now();
        let session = Session::start(config).expect("OpenOCD starts");
        assert!(session.command("version").expect("an answer").contains("Open On-Chip Debugger"));
        ours.push(begin.elapsed());
        session.close().expect("OpenOCD ends");

        let begin = Instant::now();
        let mut bare = Bare::start(arguments);
        bare.ask();
        baseline.push(begin.elapsed());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    table.durations(case, Goal::AtMost(1.5), median(&mut ours), median(&mut baseline));
}

/// What anybody would write in an hour: spawn, read the port, connect.
struct Bare {
    child: Child,
    // OpenOCD ends if it can't write its log any more.
    _log: Lines<BufReader<ChildStderr>>,
    stream: TcpStream,
}

impl Bare {
    fn start(arguments: &[&str]) -> Bare {
        let program = std::env::var("OPENOCD").unwrap_or("openocd".to_owned());
        let mut child = Command::new(program)
            .args(["-c", "tcl_port 0; gdb_port disabled; telnet_port disabled"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openocd is installed");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let port = log.by_ref().map_while(Result::ok).find_map(|line| {
            line.split_once("istening on port ")?.1.strip_suffix(" for tcl connections")?.parse::<u16>().ok()
        });
        let stream = TcpStream::connect(("127.0.0.1", port.expect("a port"))).expect("a connection");
        stream.set_nodelay(true).expect("an open socket");
        Bare { child, _log: log, stream }
    }

    fn ask(&mut self) {
        self.stream.write_all(b"version\x1a").expect("an open socket");
        let mut reply = Vec::new();
        let mut piece = [0; 4096];
        while reply.last() != Some(&0x1a) {
            let read = self.stream.read(&mut piece).expect("an open socket");
            assert_ne!(read, 0, "OpenOCD ended");
            reply.extend_from_slice(&piece[..read]);
        }
        assert!(reply.starts_with(b"Open On-Chip Debugger"));
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
