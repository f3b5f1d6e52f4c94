//! `ocd server`: an OpenOCD for other tools.

use std::fmt;
use std::process::ExitStatus;

use clap::Args;
use openocd::{OnClose, OpenOcdProcess};
use serde::Serialize;

use crate::board::Board;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;
use crate::settings::Key;
use crate::signals::POLL;

#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the names are the options'")]
pub(crate) struct ServerArgs {
    /// The TCL port, to which `ocd --connect` connects. 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 6666, value_parser = number::number_u16)]
    tcl_port: u16,
    /// The GDB port of the first target; further targets have the next ones. 0 takes free ones.
    #[arg(long, value_name = "PORT", default_value_t = 3333, value_parser = number::number_u16)]
    gdb_port: u16,
    /// Open a telnet port too. 0 takes a free one.
    #[arg(long, value_name = "PORT", value_parser = number::number_u16)]
    telnet_port: Option<u16>,
}

/// Where the server listens, on the loopback interface.
#[derive(Serialize)]
struct Listening {
    pid: u32,
    tcl_port: u16,
    gdb_ports: Vec<u16>,
    telnet_port: Option<u16>,
    command_line: String,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tcl localhost:{}", self.tcl_port)?;
        for port in &self.gdb_ports {
            writeln!(f, "gdb localhost:{port}")?;
        }
        if let Some(port) = self.telnet_port {
            writeln!(f, "telnet localhost:{port}")?;
        }
        Ok(())
    }
}

/// Why the server ended.
#[derive(Serialize)]
struct Ended {
    by: By,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum By {
    Signal,
    /// A client sent `shutdown`.
    Client,
}

impl fmt::Display for Ended {
    /// People know.
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

pub(crate) fn run(context: &Context, arguments: &ServerArgs) -> Outcome<u8> {
    let &ServerArgs { tcl_port, gdb_port, telnet_port } = arguments;
    if let Some(connect) = context.settings()?.iter().find_map(|settings| settings.get(Key::Connect)) {
        let connect = connect.origin.of(Key::Connect);
        return Err(Failure::usage(format!("`server` starts an OpenOCD, but {connect} names one that runs"))
            .help("describe the board with --config, or choose another one with --board"));
    }
    context.signals.attend();
    let board = context.one_board_with(|openocd| {
        let openocd = openocd.tcl_port(tcl_port).gdb_port(gdb_port);
        match telnet_port {
            Some(port) => openocd.telnet_port(port),
            None => openocd,
        }
    })?;
    let done = serve(context, &board);
    match done {
        Ok(done) => {
            board.close(OnClose::AsIs)?;
            context.output.done(None, &done)?;
            Ok(done.status)
        }
        Err(failure) => {
            // The failure counts.
            let _ = board.close(OnClose::AsIs);
            Err(failure)
        }
    }
}

/// Waits for a signal, or for the end of OpenOCD.
fn serve(context: &Context, board: &Board) -> Outcome<Done<Ended>> {
    let Some(process) = board.session.process() else {
        return Err(Failure::usage("`server` starts an OpenOCD, but this one runs already"));
    };
    let listening = Listening {
        pid: process.pid(),
        tcl_port: process.tcl_port(),
        gdb_ports: process.gdb_ports().to_vec(),
        telnet_port: process.telnet_port(),
        command_line: process.command_line().to_owned(),
    };
    context.output.news(board.name(), "listening", &listening)?;
    context.output.note(board.name(), "OpenOCD is ready; Ctrl-C ends it");
    loop {
        if let Some(status) = context.signals.caught() {
            return Ok(Done::with(Ended { by: By::Signal }, status));
        }
        if let Some(status) = process.exit_status() {
            return ended(process, status);
        }
        context.signals.wait(POLL);
    }
}

fn ended(process: &OpenOcdProcess, status: ExitStatus) -> Outcome<Done<Ended>> {
    if status.success() {
        return Ok(Done::from(Ended { by: By::Client }));
    }
    let mut failure = Failure::new(exit_status::CONNECTION, "ocd.server_ended", format!("OpenOCD ended: {status}"));
    failure.log = process.log_tail();
    failure.causes.extend(failure.log.iter().rev().find(|line| line.starts_with("Error: ")).cloned());
    Err(failure)
}
