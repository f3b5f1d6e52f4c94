//! Reads lines from a terminal, with history and completion.

use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory as _;
use openocd::Session;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{FileHistory, History as _};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Helper};

use super::complete::{self, Completion};
use super::is_complete;
use super::line::commands;
use crate::command_line::Cli;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::platform;
use crate::signals::Signals;

/// How long OpenOCD may take to list its commands.
const LISTING: Duration = Duration::from_secs(5);

/// How many lines are kept.
const HISTORY: usize = 1000;

/// What a person typed.
pub(super) enum Typed {
    Line(String),
    Cancelled,
    End,
}

pub(super) struct Editor {
    /// One for all lines: it holds what was typed ahead.
    editor: rustyline::Editor<Completing, FileHistory>,
    file: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(session: &Session, signals: &Signals) -> Outcome<Editor> {
        let config = Config::builder().completion_type(CompletionType::List).max_history_size(HISTORY);
        let config =
            config.and_then(|config| config.history_ignore_dups(true)).map_err(|error| failed(&error))?.build();
        let mut history = FileHistory::with_config(&config);
        let file = directories::ProjectDirs::from("", "", "ocd").map(|folders| folders.data_dir().join("history"));
        if let Some(path) = &file {
            if let Some(folder) = path.parent() {
                // Without it there is no history, which is no reason to fail.
                let _ = std::fs::create_dir_all(folder);
            }
            let _ = history.load(path);
        }
        let mut editor = rustyline::Editor::with_history(config, history).map_err(|error| failed(&error))?;
        editor.set_helper(Some(Completing { session: session.clone(), cli: Cli::command() }));
        // It takes Ctrl-C for itself as long as it lives, also while a command runs.
        let signals = signals.clone();
        platform::take_interrupt(move || signals.interrupt()).map_err(|error| failed(&error))?;
        Ok(Editor { editor, file })
    }

    pub(super) fn read(&mut self) -> Outcome<Typed> {
        let line = match self.editor.readline("ocd> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => return Ok(Typed::Cancelled),
            Err(ReadlineError::Eof) => return Ok(Typed::End),
            Err(error) => return Err(failed(&error)),
        };
        if !line.trim().is_empty() {
            // As above.
            let _ = self.editor.history_mut().add(&line);
            if let Some(path) = &self.file {
                let _ = self.editor.history_mut().append(path);
            }
        }
        Ok(Typed::Line(line))
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(exit_status::FAILED, "ocd.terminal", "cannot read from the terminal").cause(error.to_string())
}

struct Completing {
    session: Session,
    cli: clap::Command,
}

impl Completer for Completing {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let line = &line[..at];
        if line.trim_start().starts_with("ocd ") {
            let Completion { start, words } = complete::ours(line, &self.cli);
            return Ok((start, words));
        }
        // OpenOCD has other commands at other times. If it is busy, there is no completion.
        let listing = self.session.command_within("join [info commands] \\n", LISTING).unwrap_or_default();
        let commands: Vec<&str> = listing.lines().filter(|name| !name.contains("openocd_rs")).chain(["ocd"]).collect();
        let Completion { start, words } = complete::tcl(line, &commands);
        Ok((start, words))
    }
}

impl Validator for Completing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        // If OpenOCD cannot say it, whoever runs the line tells why.
        let (_, is_whole) = commands(context.input(), |tcl| is_complete(&self.session, tcl).unwrap_or(true));
        Ok(if is_whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Hinter for Completing {
    type Hint = String;
}

impl Highlighter for Completing {}

impl Helper for Completing {}
