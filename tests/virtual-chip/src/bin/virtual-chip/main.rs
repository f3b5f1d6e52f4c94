//! `virtual-chip`: serves virtual chips to an OpenOCD, for programs in any language.
//!
//! The README of the crate documents the command line and the control socket.

mod arguments;
mod control;
mod name;
mod number;

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use arguments::{Arguments, HELP, Serve};
use name::Core;
use virtual_chip::{Transport, VirtualBoard};

/// The exit status for a command line that is wrong.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => return fail(USAGE, format!("{error}\nTry `virtual-chip --help`.")),
    };
    let outcome = match arguments {
        Arguments::Help => print(HELP),
        Arguments::Version => print(concat!("virtual-chip ", env!("CARGO_PKG_VERSION"), "\n")),
        Arguments::Svd => print(virtual_chip::SVD),
        Arguments::Serve(options) => serve(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error),
    }
}

fn fail(status: u8, error: impl Display) -> ExitCode {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(io::stderr(), "virtual-chip: {error}");
    ExitCode::from(status)
}

fn print(text: &str) -> Result<(), String> {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| format!("cannot write to standard output: {error}"))
}

/// Serves chips until the process is ended.
fn serve(options: &Serve) -> Result<(), String> {
    let board = VirtualBoard::start_on_port(&options.models, options.port)
        .map_err(|error| format!("cannot listen on port {}: {error}", options.port))?;
    for (core, file) in &options.firmware {
        Core::find(&board, core)?.load_file(file)?;
    }
    let control = options.control.map(|port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .and_then(|listener| Ok((listener.local_addr()?.port(), listener)))
            .map_err(|error| format!("cannot listen on control port {port}: {error}"))
    });
    let control = control.transpose()?;
    let control_line = control.as_ref().map(|(port, _)| format!("control {port}\n")).unwrap_or_default();
    print(&format!("port {}\n{control_line}openocd {}\n", board.port(), openocd_config(&board, options)))?;
    if options.exit_with_stdin {
        std::thread::spawn(exit_with_stdin);
    }
    if let Some((_, listener)) = control {
        control::serve(&listener, &Arc::new(board));
    }
    loop {
        std::thread::park();
    }
}

fn openocd_config(board: &VirtualBoard, options: &Serve) -> String {
    match board.chips() {
        _ if options.smp => board.openocd_config_smp(),
        [chip] if board.harts().is_empty() => chip.openocd_config_over(options.transport.unwrap_or(Transport::Jtag)),
        _ => board.openocd_config(),
    }
}

/// Ends the process when standard input ends, which it does when the parent process is gone.
fn exit_with_stdin() {
    let mut buffer = [0; 256];
    let mut input = io::stdin().lock();
    loop {
        match input.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => std::process::exit(0),
            Ok(_) => {}
        }
    }
}
