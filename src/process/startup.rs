//! Starts an OpenOCD and waits until it has answered.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::arguments::END;
use super::child::{OwnedChild, Running, STOP_GRACE};
use super::command_line::{CommandLine, shell_line};
use super::log_callback::{LogCallback, LogQueue};
use super::log_reader::{drain_stderr, drain_stdout};
use super::log_tail::LogTail;
use super::reply_echo::EchoFilter;
use super::temporary::{self, TemporaryFiles};
use super::{OpenOcdBuilder, OpenOcdProcess};
use crate::command::{Link, OwnServer, Request, Settings, Token};
use crate::error::{ConnectionError, Error, ProcessError, Result, TimeoutError};
use crate::platform::{self, SharedEnd};
use crate::wire::{Address, Deadline};

/// How long OpenOCD may take to end after its log has closed or it has closed the connection.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// How long an OpenOCD may take to end that was not ready in time.
const NOT_READY_GRACE: Duration = Duration::from_millis(200);

/// How long a line that OpenOCD has written may take to be read, on a busy machine.
const LINE_GRACE: Duration = Duration::from_secs(1);

/// How long OpenOCD may take to accept a connection and answer a command that asks it to end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// How often to check whether OpenOCD has ended while its log is open.
///
/// A program that OpenOCD has started can hold the log open after OpenOCD has ended.
const EXIT_POLL: Duration = Duration::from_millis(20);

pub(super) fn spawn(
    mut builder: OpenOcdBuilder,
    program: &Path,
    arguments: &CommandLine,
    files: TemporaryFiles,
) -> Result<OpenOcdProcess> {
    let deadline = Deadline::after(builder.ready_timeout);
    let callback = builder.on_log.take();
    let process = launch(program, arguments, files, callback)?;
    let Some(flag) = &builder.cancel_flag else { return wait_until_ready(process, deadline) };
    let child = Arc::clone(&process.child);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                if flag.load(Ordering::Relaxed) {
                    // Ends whatever the other thread waits for. It fails if OpenOCD has ended.
                    let _ = child.end(0, NOT_READY_GRACE);
                    return;
                }
                thread::park_timeout(EXIT_POLL);
            }
        });
        let ready = wait_until_ready(process, deadline);
        is_over.store(true, Ordering::Release);
        watcher.thread().unpark();
        if flag.load(Ordering::Relaxed) { Err(ProcessError::Cancelled.into()) } else { ready }
    })
}

/// Waits until OpenOCD answers a command.
fn wait_until_ready(mut process: OpenOcdProcess, deadline: Deadline) -> Result<OpenOcdProcess> {
    temporary::remove_abandoned();
    let port = loop {
        let left = deadline.remaining();
        let step = left.map_or(EXIT_POLL, |left| left.min(EXIT_POLL));
        process.child.log.wait_until_listening(Instant::now() + step);
        if let Some(port) = process.child.log.tcl_port() {
            break port;
        }
        if process.child.log.is_closed() || !process.is_running() {
            return Err(ended(&process));
        }
        if left == Some(Duration::ZERO) {
            return Err(not_ready(&process, deadline));
        }
    };
    process.tcl_port = port;
    match open(port, process.own_server(), deadline.remaining()) {
        Ok(_) => {}
        Err(Error::Connection(ConnectionError::ForeignServer { .. })) => {
            return Err(ProcessError::ForeignServer { port, report: Box::new(process.report()) }.into());
        }
        Err(Error::Timeout(_)) => return Err(not_ready(&process, deadline)),
        // OpenOCD listens before `init`, and when that fails it drops its clients and ends.
        Err(_) if process.wait_for_end(EXIT_GRACE).is_some() => return Err(ended(&process)),
        Err(error) => return Err(error),
    }
    log::debug!(target: "openocd::process", "OpenOCD (process {}) answers on port {port}", process.pid());
    // GDB ports may be announced after the TCL port, but before the line that tells of our
    // connection.
    process.child.log.wait_until_visited(Instant::now() + LINE_GRACE);
    if process.child.log.is_port_unavailable() {
        // OpenOCD 0.12.0 goes on without the port; newer OpenOCD ends by itself.
        process.child.end(process.tcl_port, STOP_GRACE)?;
        return Err(ended(&process));
    }
    (process.gdb_targets, process.gdb_ports) = process.child.log.gdb_ports().into_iter().unzip();
    process.telnet_port = process.child.log.telnet_port();
    process.start_warnings = process.child.log.take_start_warnings();
    for warning in &process.start_warnings {
        log::warn!(target: "openocd::process", "{warning}");
    }
    Ok(process)
}

/// Starts the process and the threads that drain its pipes.
fn launch(
    program: &Path,
    arguments: &CommandLine,
    files: TemporaryFiles,
    callback: Option<LogCallback>,
) -> Result<OpenOcdProcess> {
    let failed = |source| ProcessError::Spawn { program: program.display().to_string(), source };
    let command_line = shell_line(program.as_os_str(), &arguments.readable);
    log::debug!(target: "openocd::process", "starting {command_line}");
    let mut command = Command::new(program);
    platform::keep_interrupt_from(&mut command);
    let mut child = command
        .args(&arguments.words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let pid = child.id();
    let shared_end = SharedEnd::of(&child)
        .inspect_err(|error| log::debug!(target: "openocd::process", "OpenOCD may outlive this program: {error}"))
        .ok();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let token = Token::random();
    let echo = EchoFilter::new(&token);
    let log = Arc::new(LogTail::default());
    let running = Mutex::new(Running { child, stdin, ended: None });
    let child = OwnedChild { running, pid, command_line, token, files, log: Arc::clone(&log), _shared_end: shared_end };
    // From here on, dropping the value ends the process.
    let process = OpenOcdProcess {
        child: Arc::new(child),
        tcl_port: 0,
        gdb_ports: Vec::new(),
        gdb_targets: Vec::new(),
        telnet_port: None,
        start_warnings: Vec::new(),
    };
    process.child.send_token();
    let named = |name: &str| thread::Builder::new().name(format!("openocd {pid} {name}"));
    if let Some(stderr) = stderr {
        let callback = callback.map(|callback| LogQueue::start(named("log callback"), &log, callback));
        let callback = callback.transpose().map_err(failed)?;
        let log = Arc::clone(&log);
        named("stderr").spawn(move || drain_stderr(stderr, &log, &echo, callback)).map_err(failed)?;
    }
    if let Some(stdout) = stdout {
        named("stdout").spawn(move || drain_stdout(stdout, &log)).map_err(failed)?;
    }
    Ok(process)
}

/// Ends it by a command, for an OpenOCD that does not watch its standard input.
pub(super) fn ask_to_end(port: u16, own: OwnServer) -> Result<()> {
    open(port, own, Some(SHUTDOWN_GRACE))?.raw(&Request::new(END)).map(drop)
}

/// Returns once the OpenOCD on this port answers, if it is ours.
fn open(port: u16, own: OwnServer, limit: Option<Duration>) -> Result<Link> {
    let settings =
        Settings { connect_timeout: limit, timeout: limit, reply_limit: 1 << 20, own: Some(own), birth: None };
    Link::open(Address::resolve((Ipv4Addr::LOCALHOST, port))?, settings)
}

fn ended(process: &OpenOcdProcess) -> Error {
    process.wait_for_end(EXIT_GRACE);
    ProcessError::ExitedDuringStartup { report: Box::new(process.report()) }.into()
}

fn not_ready(process: &OpenOcdProcess, deadline: Deadline) -> Error {
    let report = Box::new(process.report());
    if let Err(error) = process.child.end(process.tcl_port, NOT_READY_GRACE) {
        log::warn!(target: "openocd::process", "{error}");
    }
    TimeoutError::Ready { after: deadline.span(), report }.into()
}
