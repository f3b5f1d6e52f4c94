//! `ocd repl`: OpenOCD's commands and ours, line by line, on one session.

mod complete;
mod editor;
mod line;
mod source;

use std::cell::{Cell, OnceCell};
use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal as _;

use clap::Args;
use openocd::{Execution, OnClose, Session};
use serde::Serialize;

use crate::board::Board;
use crate::command_line;
use crate::commands;
use crate::commands::Command;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::Done;
use crate::platform;
use crate::settings::{Key, Origin};
use editor::{Editor, Typed};
use line::Line;
use source::Source;

#[derive(Debug, Args)]
#[command(
    after_help = "A line is a command of OpenOCD, such as `targets`. A line that begins with `ocd` is a command of\n\
                        this program, such as `ocd mem read counter 4`. `exit` ends. On a terminal, Tab completes, Ctrl-C\n\
                        ends a command, Ctrl-D ends. From a pipe, the exit status is that of the first failure.\n\
                        Standard input has the lines then: `ocd run --input -` is refused, and `ocd rtt`,\n\
                        `ocd semihosting` and `ocd gdb` find the end of their input."
)]
pub(crate) struct ReplArgs {
    /// Run this line, or these lines, and end. May be repeated.
    #[arg(short = 'c', long = "command", value_name = "LINE", allow_hyphen_values = true)]
    commands: Vec<String>,
}

/// What a command of OpenOCD gave.
#[derive(Serialize)]
struct Report {
    line: String,
    result: String,
    log: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.result)
    }
}

/// What the loop does next.
enum Next {
    Line(u8),
    /// The end, by a line that came to this status.
    End(u8),
}

pub(crate) fn run(context: &Context, arguments: &ReplArgs) -> Outcome<u8> {
    // Its commands may start a GDB.
    let board = context.one_board_with(|openocd| openocd.gdb_port(0))?;
    let is_script = arguments.commands.is_empty() && !std::io::stdin().is_terminal();
    let has_told = Cell::new(false);
    let repl = Repl { context, board: &board, options: options(&board), is_script, has_told };
    let result = if is_script {
        repl.lines(Source::input())
    } else if !arguments.commands.is_empty() {
        repl.lines(Source::arguments(&arguments.commands))
    } else {
        repl.converse()
    };
    let result = match (result, repl.has_told.get() || context.signals.caught().is_some()) {
        // JSON ends with a result, also of a script that has no line to run.
        (Ok(exit_status::DONE), false) => repl.done("", String::new(), String::new()).map(|()| exit_status::DONE),
        (result, _) => result,
    };
    // OpenOCD may have ended by `shutdown`.
    let is_gone = board.session.process().is_some_and(|process| !process.is_running());
    let closed = if is_gone { Ok(()) } else { board.close(OnClose::AsIs) };
    let status = result?;
    closed?;
    Ok(context.signals.caught().unwrap_or(status))
}

struct Repl<'a> {
    context: &'a Context,
    board: &'a Board,
    /// What our own commands are given, so that they use this OpenOCD and these settings: the name
    /// of each option, and its value.
    options: Vec<(&'static str, String)>,
    /// Whether standard input has the lines.
    is_script: bool,
    /// Whether a line has told how it ended.
    has_told: Cell<bool>,
}

impl Repl<'_> {
    /// Runs all lines. Returns the status of the first failure.
    fn lines(&self, mut lines: Source) -> Outcome<u8> {
        let mut first = exit_status::DONE;
        let mut text = String::new();
        loop {
            let next = lines.next().map_err(|error| {
                Failure::new(exit_status::FAILED, "ocd.input", "cannot read standard input").cause(error.to_string())
            })?;
            let is_end = next.is_none();
            text.push_str(next.as_deref().unwrap_or_default());
            let unknown = OnceCell::new();
            if !is_end && !line::is_whole(&text, |tcl| self.is_complete(tcl, &unknown)) {
                text.push('\n');
                continue;
            }
            if let Some(failure) = unknown.into_inner() {
                // The lines after it may belong to it, or not.
                return Err(failure);
            }
            let line = std::mem::take(&mut text);
            let next = self.line(&line)?;
            let (Next::Line(status) | Next::End(status)) = next;
            let mut count = |status| {
                if first == exit_status::DONE {
                    first = status;
                }
            };
            count(status);
            if let Next::End(_) = next {
                count(self.not_run(line.trim(), &lines.left()));
                return Ok(first);
            }
            if is_end || self.context.signals.caught().is_some() {
                return Ok(first);
            }
        }
    }

    /// Whether Tcl has all of a command. `unknown` gets the failure if OpenOCD cannot say it: then
    /// nothing is to be run.
    fn is_complete(&self, tcl: &str, unknown: &OnceCell<Failure>) -> bool {
        is_complete(&self.board.session, tcl).unwrap_or_else(|error| {
            let failure = Failure::from(error).within("cannot tell where the command ends, and nothing of it was run");
            let _ = unknown.set(failure.after_signal(self.context.signals.caught()));
            true
        })
    }

    /// Tells of lines after the end, which a script surely meant to be run.
    fn not_run(&self, end: &str, left: &[String]) -> u8 {
        let (left, _) = line::commands(&left.join("\n"), |_| true);
        let mut left = left.iter().filter(|line| !matches!(Line::of(line), Line::Empty | Line::End));
        let Some(first) = left.next() else { return exit_status::DONE };
        let message = format!("lines after `{end}` were not run");
        let failure = Failure::new(exit_status::FAILED, "ocd.repl.not_run", message);
        self.context.output.failure(None, &failure.cause(format!("the first of them is `{}`", first.trim())))
    }

    /// Talks with a person, who sees the failures.
    fn converse(&self) -> Outcome<u8> {
        platform::save_terminal();
        self.context.signals.keep_at_interrupt();
        let version = self.board.session.version();
        self.context
            .output
            .note(None, format_args!("OpenOCD {version}; `ocd …` runs a command of this program; Ctrl-D ends"));
        let mut editor = Editor::new(&self.board.session, &self.context.signals)?;
        loop {
            let typed = editor.read()?;
            // A signal that came since the last command has nothing to end.
            self.recover();
            let text = match typed {
                Typed::Line(text) => text,
                Typed::Cancelled => continue,
                Typed::End => return Ok(exit_status::DONE),
            };
            // Several lines that were pasted are as many commands.
            let unknown = OnceCell::new();
            let (mut commands, _) = line::commands(&text, |tcl| self.is_complete(tcl, &unknown));
            if let Some(failure) = unknown.into_inner() {
                self.context.output.failure(None, &failure);
                commands.clear();
            }
            for command in commands {
                if let Next::End(status) = self.line(&command)? {
                    return Ok(status);
                }
                if self.recover() {
                    break;
                }
            }
        }
    }

    /// Makes the session usable again after Ctrl-C. Returns whether there was one.
    fn recover(&self) -> bool {
        let is_interrupted = self.context.signals.forget_interrupt();
        if is_interrupted {
            if let Err(error) = self.board.session.reconnect() {
                let failure =
                    Failure::new(exit_status::CONNECTION, error.id(), "OpenOCD is still busy with that command");
                self.context.output.failure(None, &failure.help("Ctrl-D ends it"));
            }
        }
        is_interrupted
    }

    /// Runs a line. Fails if nobody reads the results any more.
    fn line(&self, text: &str) -> Outcome<Next> {
        let failed = |failure: Failure| match failure.status {
            exit_status::BROKEN_PIPE => Err(failure),
            _ => Ok(Next::Line(self.context.output.failure(None, &failure))),
        };
        let line = Line::of(text);
        self.has_told.set(self.has_told.get() || !matches!(line, Line::Empty | Line::End));
        match line {
            Line::Empty => Ok(Next::Line(exit_status::DONE)),
            Line::End => Ok(Next::End(exit_status::DONE)),
            Line::Ours(words) => Ok(Next::Line(self.ours(&words))),
            Line::Wrong(problem) => failed(Failure::usage(problem)),
            Line::Tcl("shutdown") => match self.board.session.execute("shutdown") {
                Err(error) if error.is_timeout() => {
                    let failure = Failure::from(error).within("OpenOCD does not answer `shutdown`, and may run on");
                    Ok(Next::End(self.context.output.failure(None, &failure)))
                }
                // OpenOCD reports a failure, and ends.
                _ => self.done("shutdown", String::new(), String::new()).map(|()| Next::End(exit_status::DONE)),
            },
            Line::Tcl(command) => self.tcl(command).map_or_else(failed, |()| Ok(Next::Line(exit_status::DONE))),
        }
    }

    fn tcl(&self, command: &str) -> Outcome<()> {
        self.tell(command, self.board.session.execute(command)?)
    }

    fn tell(&self, command: &str, executed: Execution) -> Outcome<()> {
        let log = executed.log().trim_end().to_owned();
        let result = executed.into_result();
        if !self.context.output.is_json() && result.is_ok() {
            // What OpenOCD shows at its own prompt, such as why the target is halted.
            log.lines().for_each(|line| self.context.output.note(None, line));
        }
        self.done(command, result?, log)
    }

    fn done(&self, line: &str, result: String, log: String) -> Outcome<()> {
        let report = Report { line: line.to_owned(), result, log };
        self.context.output.done(self.board.name(), &Done::from(report))
    }

    /// Refuses options that mean another OpenOCD or another board than the repl's.
    fn check_same_board(&self, typed: &command_line::Line) -> Option<Failure> {
        let is_own = |names: &[String]| matches!((names, self.board.name()), ([one], Some(own)) if one == own);
        let option = match &typed.cli.board {
            board if board.all_boards => "--all-boards",
            board if typed.is_typed("board") && !is_own(&board.board) => "--board",
            _ => {
                let ways = Key::ALL.into_iter().filter(|key| key.is_source());
                let way = ways.into_iter().find(|key| typed.is_typed(&key.id()))?;
                return Some(other_board(&format!("--{}", way.name())));
            }
        };
        Some(other_board(option))
    }

    /// Runs a command of this program. It makes a connection of its own to this OpenOCD.
    fn ours(&self, words: &[String]) -> u8 {
        let typed = command_line::Line::read(&ours(&[], words)).ok();
        if let Some(failure) = typed.as_ref().and_then(|typed| self.check_same_board(typed)) {
            return self.context.output.failure(None, &failure);
        }
        // What is typed takes the place of the same option of the repl.
        let is_typed = |name: &str| typed.as_ref().is_some_and(|typed| typed.is_typed(&name.replace('-', "_")));
        let options: Vec<_> = self.options.iter().filter(|(name, _)| !is_typed(name)).cloned().collect();
        let all = ours(&options, words);
        let line = match command_line::Line::read(&all) {
            Ok(line) => line,
            Err(error) => {
                return command_line::answer(
                    &error,
                    &all,
                    self.context.output.is_json() || command_line::wants_json(&all),
                );
            }
        };
        let output = line.output_within(&self.context.output);
        let run = || {
            if let Command::Repl(_) = line.cli.command {
                return Err(Failure::usage("this is a repl already"));
            }
            if let Some(done) = commands::without_board(&line.cli.command, &output) {
                return done;
            }
            let (does, signals) = (line.cli.command.does(), self.context.signals.clone());
            let mut context = Context::new(&line.cli.board, &line.matches, does, output.clone(), signals)?;
            // It is for the end of the repl, which is still to come.
            context.sources.only_if_typed(Key::OnExit);
            context.is_script = self.is_script;
            context.of_repl = Some(self.board.session.clone());
            commands::run(line.cli.command, &context)
        };
        let signals = &self.context.signals;
        let status = run().unwrap_or_else(|failure| output.failure(None, &failure.after_signal(signals.caught())));
        self.context.signals.unattend();
        self.context.output.use_color();
        status
    }
}

/// A command line of this program.
fn ours(options: &[(&str, String)], words: &[String]) -> Vec<OsString> {
    let options = options.iter().map(|(name, value)| format!("--{name}={value}"));
    let all = ["ocd".to_owned()].into_iter().chain(options).chain(words.iter().cloned());
    all.map(OsString::from).collect()
}

fn other_board(option: &str) -> Failure {
    Failure::usage(format!("the lines of a repl use its own board, and {option} would mean another one"))
        .help("use another board from outside the repl")
}

/// Whether Tcl has all of a command.
fn is_complete(session: &Session, tcl: &str) -> openocd::Result<bool> {
    if !tcl.contains(['{', '[', '"', '\\']) {
        return Ok(true);
    }
    Ok(session.command(&format!("info complete {}", openocd::quote(tcl)))? != "0")
}

/// The options that make a command of ours use the same OpenOCD, board and settings.
fn options(board: &Board) -> Vec<(&'static str, String)> {
    let address = match board.session.process() {
        Some(process) => process.tcl_address().to_string(),
        None => board.settings.value(Key::Connect).unwrap_or_default().to_owned(),
    };
    // What an OpenOCD of ours was started with is done, and a command that connects cannot do it.
    let is_ours = board.session.process().is_some();
    let mut options = vec![("connect", address)];
    for (key, setting) in board.settings.iter() {
        let is_of_start = matches!(key, Key::UsbLocation | Key::Speed | Key::Transport | Key::Openocd);
        // The serial number has been compared.
        let is_known = matches!(key, Key::Connect | Key::Config | Key::Virtual | Key::Serial) || is_ours && is_of_start;
        let is_of_end = key == Key::OnExit;
        if setting.origin == Origin::Option && !is_known && !is_of_end {
            options.push((key.name(), setting.value.clone()));
        }
    }
    options.extend(board.name().map(|name| ("board", name.to_owned())));
    options
}
