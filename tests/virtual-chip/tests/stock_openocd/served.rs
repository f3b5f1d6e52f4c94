//! The binary `virtual-chip` and its control socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Far more than any reply takes; only a reply that never comes gets here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `virtual-chip serve` with a control socket; it ends when dropped.
pub(crate) struct Served {
    child: Child,
    /// Closing it ends the process.
    input: Option<ChildStdin>,
    pub(crate) port: u16,
    pub(crate) control_port: u16,
    pub(crate) openocd: String,
    control: BufReader<TcpStream>,
}

impl Served {
    /// Starts the binary with these further arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_virtual-chip"))
            .args(["serve", "--control", "0", "--exit-with-stdin"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut value = |name: &str| {
            let line = lines.next().unwrap_or_else(|| panic!("there is no line {name:?}")).expect("a line of text");
            line.strip_prefix(name).unwrap_or_else(|| panic!("{line:?} is not {name:?}")).trim().to_string()
        };
        let port = value("port ").parse().expect("a port");
        let control_port = value("control ").parse().expect("a port");
        let openocd = value("openocd ");
        let input = child.stdin.take();
        Self { child, input, port, control_port, openocd, control: connect(control_port) }
    }

    /// The arguments of the printed command line, as a shell splits them.
    pub(crate) fn openocd_args(&self) -> Vec<String> {
        let script = format!("printf '%s\\n' {}", self.openocd);
        let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_string).collect()
    }

    /// Sends a request and returns the whole reply.
    pub(crate) fn reply(&mut self, request: &str) -> String {
        self.control.get_mut().write_all(format!("{request}\n").as_bytes()).expect("the process reads");
        let mut line = String::new();
        self.control.read_line(&mut line).expect("a reply");
        line.strip_suffix('\n').unwrap_or_else(|| panic!("no reply to {request:?}")).to_string()
    }

    /// Sends a request that succeeds, and returns its value.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &str) -> String {
        let reply = self.reply(request);
        let value = reply.strip_prefix("ok").unwrap_or_else(|| panic!("{request:?}: {reply}"));
        value.trim_start().to_string()
    }

    /// Sends a request that fails, and returns the reason.
    #[track_caller]
    pub(crate) fn refusal(&mut self, request: &str) -> String {
        let reply = self.reply(request);
        reply.strip_prefix("error ").unwrap_or_else(|| panic!("{request:?}: {reply}")).to_string()
    }

    /// Waits until no OpenOCD is connected.
    pub(crate) fn wait_for_disconnection(&mut self, core: &str) {
        while self.ask(&format!("{core} connected")) != "no" {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Closes the standard input of the process, which ends it.
    pub(crate) fn close_stdin(&mut self) {
        self.input = None;
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child can be waited for")
    }

    /// Whether the control socket is closed, after everything it sent was read.
    pub(crate) fn rest_of_control(&mut self) -> String {
        let mut rest = String::new();
        // A reset means the same: nothing comes any more.
        let _ = self.control.read_to_string(&mut rest);
        rest
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn connect(port: u16) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the control socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    BufReader::new(stream)
}
