//! What is printed. Standard output has data only: the answer, the target's own output, JSON.
//! Everything else is on standard error.

pub(crate) mod escape;
pub(crate) mod file;
pub(crate) mod last_line;
pub(crate) mod path;
pub(crate) mod progress;
pub(crate) mod room;
pub(crate) mod stream;
pub(crate) mod table;

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use anstream::ColorChoice;
use serde::Serialize;

use crate::arguments::{OutputArgs, ProgressStyle, When};
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::platform::Stream;

/// The version of the JSON form, which every line begins with.
const FORM: u32 = 1;

/// Whose exit status the command ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whose {
    Ocd,
    Firmware,
    Gdb,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Whose::Ocd => "of ocd",
            Whose::Firmware => "of the firmware",
            Whose::Gdb => "of GDB",
        })
    }
}

/// An answer of a command on one board.
pub(crate) struct Done<R> {
    pub(crate) report: R,
    pub(crate) status: u8,
    pub(crate) whose: Whose,
}

impl<R> Done<R> {
    pub(crate) fn with(report: R, status: u8) -> Self {
        Done { report, status, whose: Whose::Ocd }
    }
}

impl<R> From<R> for Done<R> {
    fn from(report: R) -> Self {
        Done::with(report, exit_status::DONE)
    }
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a, T: Serialize> {
    ocd: u32,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<&'a str>,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whose: Option<Whose>,
    #[serde(flatten)]
    content: Content<'a, T>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Content<'a, T: Serialize> {
    Result(&'a T),
    Error(&'a Failure),
    Event(&'a T),
}

/// A warning, as an event in JSON.
#[derive(Serialize)]
struct Warning<'a> {
    message: &'a str,
}

/// How this command prints.
#[derive(Clone)]
pub(crate) struct Output {
    command: Arc<str>,
    json: bool,
    /// The board of lines that name none: the only one that the command is about.
    board: Option<Arc<str>>,
    /// Lines tell which board they are about.
    pub(crate) several_boards: bool,
    progress: ProgressStyle,
    color: ColorChoice,
}

impl Output {
    pub(crate) fn new(command: &str, arguments: &OutputArgs) -> Self {
        let color = match arguments.color {
            // anstream takes a dumb terminal of a CI system for one with colours.
            When::Auto if std::env::var_os("TERM").is_some_and(|term| term == "dumb") => ColorChoice::Never,
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        };

        let bars_fit = io::stderr().is_terminal() && arguments.verbose == 0 && !arguments.json;
        let progress = match arguments.progress {
            ProgressStyle::Auto if !bars_fit => ProgressStyle::Plain,
            style => style,
        };
        let output = Output {
            command: command.into(),
            json: arguments.json,
            board: None,
            several_boards: false,
            progress,
            color,
        };
        output.use_color();
        output
    }

    /// From now on, lines that name no board are about this one.
    pub(crate) fn set_board(&mut self, board: Option<&str>) {
        self.board = board.map(Arc::from);
    }

    /// Prints as `outer` does, the repl whose line this command is, unless the line says otherwise.
    pub(crate) fn inherit(&mut self, outer: &Output, has_progress: bool, has_color: bool) {
        self.json |= outer.json;
        if !has_progress && outer.progress != ProgressStyle::Auto {
            self.progress = outer.progress;
        }
        if !has_color {
            self.color = outer.color;
            self.use_color();
        }
    }

    /// From now on, colour is as this command wants it.
    pub(crate) fn use_color(&self) {
        self.color.write_global();
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether standard output is a terminal where a table can be drawn anew.
    pub(crate) fn is_live(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Prints the answer.
    pub(crate) fn done<R: Serialize + fmt::Display>(&self, board: Option<&str>, done: &Done<R>) -> Outcome<()> {
        last_line::print(self.board(board), || self.print_done(board, done)).unwrap_or(Ok(()))
    }

    fn print_done<R: Serialize + fmt::Display>(&self, board: Option<&str>, done: &Done<R>) -> Outcome<()> {
        if self.json {
            let (status, whose) = (Some(done.status), Some(done.whose));
            return self.line(board, "result", status, whose, Content::Result(&done.report));
        }
        let text = done.report.to_string();
        let text = escape::escaped(&text);
        let board = self.prefix(board);
        // Standard output may be the terminal of the bars.
        progress::above_bars(|| {
            let lines: String = text.lines().flat_map(|line| [&*board, line, "\n"]).collect();
            room::print(lines.as_bytes())
        })
    }

    /// Prints something that happened while the command runs, in JSON only.
    pub(crate) fn event<T: Serialize>(&self, board: Option<&str>, kind: &str, event: &T) -> Outcome<()> {
        if !self.json {
            return Ok(());
        }
        self.line(board, kind, None, None, Content::Event(event))
    }

    /// Prints something that is data for people, and an event in JSON, while the command goes on.
    pub(crate) fn news<T: Serialize + fmt::Display>(&self, board: Option<&str>, kind: &str, news: &T) -> Outcome<()> {
        if self.json {
            return self.event(board, kind, news);
        }
        self.text(&news.to_string())
    }

    fn line<T: Serialize>(
        &self,
        board: Option<&str>,
        kind: &str,
        status: Option<u8>,
        whose: Option<Whose>,
        content: Content<'_, T>,
    ) -> Outcome<()> {
        let board = self.board(board);
        let line = Line { ocd: FORM, command: &self.command, board, r#type: kind, status, whose, content };
        let mut text = serde_json::to_string(&line).map_err(io::Error::other)?;
        text.push('\n');
        room::print(text.as_bytes())
    }

    /// Prints text, without what acts on a terminal.
    pub(crate) fn text(&self, text: &str) -> Outcome<()> {
        self.bytes(escape::escaped(text).as_bytes())
    }

    /// Prints bytes as they are: data, or what the target prints.
    #[allow(clippy::unused_self, reason = "as its neighbours: whoever prints has an output")]
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Outcome<()> {
        room::print(bytes)
    }

    /// Tells people something, on standard error. Not in JSON.
    pub(crate) fn note(&self, board: Option<&str>, text: impl fmt::Display) {
        if !self.json {
            let (board, text) = (self.prefix(board), text.to_string());
            progress::above_bars(|| {
                // Nobody to tell is no reason to fail.
                if room::wait(Stream::Error).is_err() {
                    return;
                }
                let _ = writeln!(anstream::stderr(), "{board}{}", escape::escaped(&text));
            });
        }
    }

    fn board<'a>(&'a self, board: Option<&'a str>) -> Option<&'a str> {
        board.or(self.board.as_deref())
    }

    /// The beginning of a line about a board.
    fn prefix(&self, board: Option<&str>) -> String {
        let board = board.filter(|_| self.several_boards);
        board.map(|board| format!("{}: ", escape::escaped_line(board))).unwrap_or_default()
    }

    /// Tells what is no failure, but may change what an answer is worth. An event in JSON.
    pub(crate) fn warning(&self, board: Option<&str>, text: &str) -> Outcome<()> {
        self.note(board, format_args!("warning: {text}"));
        self.event(board, "warning", &Warning { message: text })
    }

    /// Tells what failed. Returns the exit status.
    pub(crate) fn failure(&self, board: Option<&str>, failure: &Failure) -> u8 {
        last_line::print(self.board(board), || self.print_failure(board, failure)).unwrap_or(failure.status)
    }

    fn print_failure(&self, board: Option<&str>, failure: &Failure) -> u8 {
        if failure.status == exit_status::BROKEN_PIPE {
            return failure.status;
        }
        if self.json {
            let (status, whose) = (Some(failure.status), Some(Whose::Ocd));
            let printed = self.line(board, "error", status, whose, Content::<()>::Error(failure));
            return printed.map_or_else(|unwritten| unwritable(&unwritten), |()| failure.status);
        }
        let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
        let bold = anstyle::Style::new().bold();
        let prefix = self.prefix(board);
        let of_kind = |kind, texts: &[String]| {
            let line = |text: &String| format!("{prefix}  {bold}{kind}{bold:#}: {}\n", escape::escaped(text));
            texts.iter().map(line).collect::<String>()
        };
        let [causes, notes, help] =
            [("cause", &failure.causes), ("note", &failure.notes), ("help", &failure.help)].map(|(k, t)| of_kind(k, t));
        let message = escape::escaped(&failure.message);
        progress::above_bars(|| {
            let text = format!("{prefix}{red}error{red:#}: {message}\n{causes}{notes}{help}");
            // As above.
            if room::wait(Stream::Error).is_err() {
                return;
            }
            let _ = anstream::stderr().lock().write_all(text.as_bytes());
        });
        failure.status
    }
}

/// Tells on standard error that standard output cannot be written, unless nobody reads it any more.
/// Returns the exit status.
pub(crate) fn unwritable(failure: &Failure) -> u8 {
    if failure.status != exit_status::BROKEN_PIPE {
        // Nobody to tell is no reason for another status.
        if room::wait(Stream::Error).is_err() {
            return failure.status;
        }
        let _ = writeln!(anstream::stderr(), "error: {}", escape::escaped(&failure.message));
        for cause in &failure.causes {
            let _ = writeln!(anstream::stderr(), "  cause: {}", escape::escaped(cause));
        }
    }
    failure.status
}
