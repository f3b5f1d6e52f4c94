//! From a command line to an OpenOCD that has answered.

use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::command_line::{Line, shell_line};
use super::log_callback::LogQueue;
use super::log_reader::{LogTail, Progress, drain_stderr, drain_stdout};
use super::{OpenOcdBuilder, OpenOcdProcess, Running};
use crate::command::{Link, Settings};
use crate::error::{ConnectionError, Error, ProcessError, Result, TimeoutError};
use crate::wire::{Address, Deadline};

/// How long OpenOCD may take to end after its log has closed or it has closed the connection.
const END_IS_DUE: Duration = Duration::from_secs(1);

/// How long a line that OpenOCD has written may take to be read.
const LINE_IS_DUE: Duration = Duration::from_millis(100);

/// A word that no other OpenOCD knows: the answer to it proves that the port belongs to the process that was started.
pub(super) fn token() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

pub(super) fn spawn(builder: OpenOcdBuilder, program: &Path, arguments: &Line, token: &str) -> Result<OpenOcdProcess> {
    let deadline = Deadline::after(builder.ready_timeout);
    let mut process = launch(builder, program, arguments, token)?;
    let limit = deadline.remaining().map(|left| Instant::now() + left);
    let port = match process.log.wait_until_listening(limit) {
        Progress::Listening(port) => port,
        Progress::Closed => return Err(ended(&process)),
        Progress::DeadlinePassed => return Err(too_late(&process, deadline)),
    };
    match open(port, token, deadline.remaining()) {
        Ok(_) => {}
        Err(Error::Connection(ConnectionError::ForeignServer { .. })) => {
            return Err(ProcessError::ForeignServer { port, report: Box::new(process.report()) }.into());
        }
        Err(Error::Timeout(_)) => return Err(too_late(&process, deadline)),
        // OpenOCD listens before `init`, and when that fails it drops its clients and ends.
        Err(_) if process.wait_for_end(END_IS_DUE).is_some() => return Err(ended(&process)),
        Err(error) => return Err(error),
    }
    log::debug!(target: "openocd::process", "OpenOCD (process {}) answers on port {port}", process.pid);
    process.tcl_port = port;
    // GDB's ports may be announced after TCL's. All are before the line that tells of our connection, unless the log is silenced.
    process.log.wait_until_visited(Instant::now() + LINE_IS_DUE);
    process.gdb_ports = process.log.gdb_ports();
    Ok(process)
}

/// Starts the process and the threads that drain its pipes.
fn launch(builder: OpenOcdBuilder, program: &Path, arguments: &Line, token: &str) -> Result<OpenOcdProcess> {
    let failed = |source| ProcessError::Spawn { program: program.display().to_string(), source };
    let command_line = shell_line(program.as_os_str(), &arguments.words);
    let readable_line = shell_line(program.as_os_str(), &arguments.readable);
    log::debug!(target: "openocd::process", "starting {command_line}");
    let mut child = Command::new(program)
        .args(&arguments.words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let pid = child.id();
    let log = Arc::new(LogTail::default());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // From here on dropping the value stops the process.
    let process = OpenOcdProcess {
        child: Mutex::new(Running { child, stdin }),
        pid,
        command_line,
        readable_line,
        token: token.to_owned(),
        tcl_port: 0,
        gdb_ports: Vec::new(),
        log: Arc::clone(&log),
        watches_stdin: builder.watches_stdin(),
    };
    let named = |name: &str| thread::Builder::new().name(format!("openocd {pid} {name}"));
    if let Some(stderr) = stderr {
        let callback = builder.on_log.map(|callback| LogQueue::start(named("log callback"), &log, callback));
        let callback = callback.transpose().map_err(failed)?;
        let log = Arc::clone(&log);
        named("stderr").spawn(move || drain_stderr(stderr, &log, callback)).map_err(failed)?;
    }
    if let Some(stdout) = stdout {
        named("stdout").spawn(move || drain_stdout(stdout, &log)).map_err(failed)?;
    }
    Ok(process)
}

/// Sends `shutdown`, for an OpenOCD that does not watch its standard input.
pub(super) fn ask_to_end(port: u16, token: &str) -> Result<()> {
    open(port, token, Some(Duration::from_secs(1)))?.raw("shutdown").map(drop)
}

/// Returns once the OpenOCD on this port answers, if it is ours.
fn open(port: u16, token: &str, limit: Option<Duration>) -> Result<Link> {
    let token = Some(token.to_owned());
    let settings = Settings { connect_timeout: limit, timeout: limit, reply_limit: 1 << 20, token };
    Link::open(Address::resolve((Ipv4Addr::LOCALHOST, port))?, settings)
}

fn ended(process: &OpenOcdProcess) -> Error {
    process.wait_for_end(END_IS_DUE);
    ProcessError::ExitedDuringStartup { report: Box::new(process.report()) }.into()
}

fn too_late(process: &OpenOcdProcess, deadline: Deadline) -> Error {
    TimeoutError::Ready { after: deadline.span(), report: Box::new(process.report()) }.into()
}
