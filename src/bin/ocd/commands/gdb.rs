//! `ocd gdb`: GDB on the board, with an OpenOCD that ends with it or one that runs already.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use openocd::{Image, OnClose, TargetState, quote};
use serde::Serialize;

use crate::board::Board;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::file::check_readable;
use crate::output::{Done, Whose};
use crate::platform;
use crate::settings::Key;
use crate::signals::POLL;

/// The GDBs that are looked for, unless $GDB names one.
const NAMES: [&str; 3] = ["gdb-multiarch", "arm-none-eabi-gdb", "gdb"];

#[derive(Debug, Args)]
pub(crate) struct GdbArgs {
    /// The firmware's ELF file [default: the one of --elf].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Arguments for GDB, such as -ex "break main".
    #[arg(last = true, value_name = "GDB ARGUMENTS")]
    arguments: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    #[serde(serialize_with = "crate::output::path::lossy")]
    gdb: PathBuf,
    port: u16,
    status: u8,
}

impl fmt::Display for Report {
    /// GDB has told people enough.
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

pub(crate) fn run(context: &Context, arguments: &GdbArgs) -> Outcome<u8> {
    let gdb = find()?;
    let settings = context.settings()?;
    let of_settings = || settings.first().and_then(|settings| settings.value(Key::Elf)).map(PathBuf::from);
    let file = arguments.file.clone().or_else(of_settings);
    if let Some(file) = &file {
        check_readable(file)?;
    }
    let board = context.one_board_with(|openocd| openocd.gdb_port(0))?;
    let ran = port(context, &board).and_then(|port| {
        if let Some(file) = &file {
            compare(context, &board, file)?;
        }
        let mut command = Command::new(&gdb);
        command
            .args(file.as_deref().map(no_option))
            .args(["-ex", &format!("target extended-remote {}:{port}", host(&board))]);
        command.args(&arguments.arguments);
        if context.output.is_json() {
            command.stdout(std::io::stderr());
        }
        if context.is_script {
            command.stdin(Stdio::null());
        }
        // GDB may be started for a target that does not answer.
        let before = board.target()?.status().ok().map(|status| status.state);
        let status = wait(context, &mut command)?;
        note_halt(context, &board, before)?;
        Ok((port, status))
    });
    // OpenOCD ends in any case.
    let closed = board.close(OnClose::AsIs);
    let (port, status) = ran?;
    closed?;
    // What GDB makes of a signal says nothing: it ends well.
    let signal = context.signals.caught();
    let whose = if signal.is_some() { Whose::Ocd } else { Whose::Gdb };
    let status = signal.unwrap_or(status);
    let done = Done { report: Report { gdb, port, status }, status, whose };
    context.output.done(None, &done)?;
    Ok(status)
}

/// Warns of a target that ran before GDB and is halted after it. Whether its user wants that, GDB
/// does not tell: it halts a target to attach to it, and detaching leaves it halted.
fn note_halt(context: &Context, board: &Board, before: Option<TargetState>) -> Outcome<()> {
    // OpenOCD may be gone, and GDB's status counts.
    let Ok(status) = board.target()?.status() else { return Ok(()) };
    let is_left_so = board.settings.value(Key::OnExit).is_none_or(|on_exit| on_exit == "keep");
    if before != Some(TargetState::Running) || status.state != TargetState::Halted || !is_left_so {
        return Ok(());
    }
    let text = format!("{} ran before GDB, and GDB left it halted; `ocd resume`, or --on-exit resume", status.name);
    context.output.warning(board.name(), &text)
}

/// The file, so that GDB does not take its name for an option.
fn no_option(file: &Path) -> PathBuf {
    if file.as_os_str().as_encoded_bytes().starts_with(b"-") { Path::new(".").join(file) } else { file.to_owned() }
}

fn find() -> Outcome<PathBuf> {
    let none = |message: String| {
        Failure::configuration(message)
            .help("install one (Debian: apt-get install gdb-multiarch), or name it in the environment variable GDB")
    };
    if let Some(name) = std::env::var_os("GDB").filter(|name| !name.is_empty()) {
        return which::which(&name).map_err(|error| {
            none(format!("cannot find the GDB that $GDB names, {}", name.to_string_lossy())).cause(error.to_string())
        });
    }
    let found = NAMES.iter().find_map(|name| which::which(name).ok());
    found.ok_or_else(|| none(format!("there is no GDB in PATH: looked for {}", NAMES.join(", "))))
}

/// Warns if flash holds other firmware than the file says: GDB takes names and lines from it. It is
/// no failure, as GDB may be started to `load` the file.
fn compare(context: &Context, board: &Board, file: &Path) -> Outcome<()> {
    let warning = match Image::open(file) {
        Ok(image) => {
            let other = super::run::other_firmware(context, board, &image, file, false);
            context.signals.unattend();
            other?.map(|other| format!("{other}; names and lines are of the file, until it is in flash"))
        }
        Err(error) => {
            let problem = Failure::from(error);
            Some(format!("nothing confirms that the chip holds {}: {problem}", file.display()))
        }
    };
    warning.map_or(Ok(()), |warning| context.output.warning(board.name(), &warning))
}

/// Where OpenOCD's GDB port is.
fn host(board: &Board) -> &str {
    let connected = board.settings.value(Key::Connect).filter(|_| board.session.process().is_none());
    connected.and_then(|address| address.rsplit_once(':')).map_or("localhost", |(host, _)| host)
}

/// Where GDB finds a target.
enum Port {
    Known(u16),
    /// The system chose it, for an OpenOCD that somebody else started.
    Untold,
    /// It is the one of the SMP group.
    OfGroup,
    None,
}

impl Port {
    fn of(context: &Context, board: &Board, target: &str) -> Outcome<Port> {
        // That of a repl is known to it alone.
        let process = context.of_repl.as_ref().unwrap_or(&board.session).process();
        if let Some(port) = process.and_then(|process| process.gdb_port_of(target)) {
            return Ok(Port::Known(port));
        }
        // A target that can have no port has no such option.
        let told = board.session.execute(&format!("{} cget -gdb-port", quote(target)))?;
        Ok(match told.text().trim() {
            _ if !told.is_success() => Port::None,
            "undefined" => Port::OfGroup,
            "0" => Port::Untold,
            port => port.parse().map_or(Port::None, Port::Known),
        })
    }
}

/// The GDB port of the target that is meant.
fn port(context: &Context, board: &Board) -> Outcome<u16> {
    let target = board.target()?.name()?;
    let mut port = Port::of(context, board, &target)?;
    if matches!(port, Port::OfGroup) && board.settings.value(Key::Target).is_none() {
        // OpenOCD does not tell who is in the group, so it is known if there is one port.
        let others = board.session.targets()?.into_iter().map(|other| Port::of(context, board, &other.name));
        let others: Vec<Port> = others.collect::<Outcome<_>>()?;
        let mut others = others.into_iter().filter(|port| matches!(port, Port::Known(_) | Port::Untold));
        if let (Some(only), None) = (others.next(), others.next()) {
            port = only;
        }
    }
    match port {
        Port::Known(port) => Ok(port),
        Port::Untold => Err(Failure::configuration("OpenOCD does not tell its GDB port: the system chose one")
            .help("start it with a port of its own, such as `ocd server --gdb-port 3333`")),
        Port::OfGroup | Port::None => {
            Err(Failure::configuration(format!("OpenOCD has no GDB port for the target {target}"))
                .help("the configuration may disable its port with `-gdb-port disabled`")
                .help("the targets of an SMP group have one port: name the first one with --target"))
        }
    }
}

/// How long GDB may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs GDB. Ctrl-C is for GDB meanwhile.
fn wait(context: &Context, command: &mut Command) -> Outcome<u8> {
    context.signals.attend();
    let _interrupt_is_for_gdb = context.signals.ignore_interrupt();
    let mut gdb = command.spawn().map_err(|error| {
        Failure::configuration(format!("cannot start {}", command.get_program().to_string_lossy()))
            .cause(error.to_string())
    })?;
    let failed = |error: std::io::Error| {
        Failure::new(exit_status::FAILED, "ocd.gdb", "cannot wait for GDB").cause(error.to_string())
    };
    let mut told = None;
    loop {
        if let Some(status) = gdb.try_wait().map_err(failed)? {
            return Ok(status_of(status));
        }
        match told {
            None if context.signals.caught().is_some() => {
                told = Some(Instant::now());
                platform::ask_to_end(&mut gdb);
            }
            // It waits for a command of its own, such as `shell sleep 100`.
            Some(when) if when.elapsed() > LAST_WORDS => gdb.kill().map_err(failed)?,
            _ => {}
        }
        std::thread::sleep(POLL);
    }
}

fn status_of(status: ExitStatus) -> u8 {
    if let Some(signal) = platform::signal_of(status) {
        return u8::try_from(128 + signal).unwrap_or(exit_status::FAILED);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit_status::FAILED)
}
