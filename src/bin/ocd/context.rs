//! What every command needs: its boards, the output, signals.

use std::fmt;

use clap::ArgMatches;
use clap::parser::ValueSource;
use openocd::{OnClose, OpenOcdBuilder, Session};
use serde::Serialize;

use crate::arguments::BoardArgs;
use crate::board::Board;
use crate::failure::{Failure, Outcome};
use crate::identity::Effect;
use crate::output::{Done, Output, last_line, room};
use crate::settings::{Key, Origin, Settings, Sources};
use crate::signals::Signals;
use crate::{distinct, exit_status};

pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) signals: Signals,
    pub(crate) sources: Sources,
    /// The boards that were chosen by name; empty for the one that needs no name.
    names: Vec<String>,
    does: Does,
    /// Whether standard input has the lines of the repl to which the command belongs.
    pub(crate) is_script: bool,
    /// The session of that repl.
    pub(crate) of_repl: Option<Session>,
}

/// What the command does.
#[derive(Clone, Copy)]
pub(crate) struct Does {
    /// Whether `--timeout` limits the command as a whole.
    pub(crate) takes_time: bool,
    /// What it does to its boards.
    pub(crate) effect: Effect,
}

impl Context {
    /// `chosen` are the boards of the command line that `matches` has in full.
    pub(crate) fn new(
        chosen: &BoardArgs,
        matches: &ArgMatches,
        does: Does,
        mut output: Output,
        signals: Signals,
    ) -> Outcome<Context> {
        // That of a repl's line before counts no more.
        room::limit(None);
        let sources = Sources::collect(matches)?;
        // What is typed comes before the environment.
        let has_typed_board = matches.value_source("board") == Some(ValueSource::CommandLine);
        if chosen.all_boards && has_typed_board {
            return Err(Failure::usage("--all-boards and --board exclude each other"));
        }
        let names = match chosen.all_boards {
            true => sources.board_names().into_iter().collect(),
            // The environment variable may be empty.
            false if chosen.board == [""] => Vec::new(),
            false => chosen.board.clone(),
        };
        if chosen.all_boards && names.is_empty() {
            return Err(Failure::configuration("there are no boards: no ocd.toml names any"));
        }
        // Settings that cannot be read are told when they are needed.
        let nameless = || sources.settings(None).ok().and_then(|settings| settings.board);
        output.set_board(
            match &names[..] {
                [] => nameless(),
                [one] => Some(one.clone()),
                _ => None,
            }
            .as_deref(),
        );
        output.several_boards = names.len() > 1;
        last_line::expect(&output, &names);
        Ok(Context { output, signals, sources, names, does, is_script: false, of_repl: None })
    }

    /// The settings of each chosen board.
    pub(crate) fn settings(&self) -> Outcome<Vec<Settings>> {
        match &self.names[..] {
            [] => Ok(vec![self.sources.settings(None)?]),
            names => names.iter().map(|name| self.sources.settings(Some(name))).collect(),
        }
    }

    /// The settings of each chosen board. If none is chosen, those that hold without a name, if
    /// they are enough for a command, and those of all boards. Settings of one board that
    /// contradict each other are no failure of the others.
    pub(crate) fn settings_of_all(&self) -> Vec<(Option<String>, Outcome<Settings>)> {
        let named = |name: String| {
            let settings = self.sources.settings(Some(&name));
            (Some(name), settings)
        };
        if !self.names.is_empty() {
            return self.names.iter().cloned().map(named).collect();
        }
        let nameless = match self.sources.is_undecided() {
            Ok(true) => None,
            // The only board may be the one that is meant without a name.
            Ok(false) => self.sources.settings(None).ok().filter(|settings| settings.board.is_none()).map(Ok),
            Err(failure) => Some(Err(failure)),
        };
        nameless
            .map(|settings| (None, settings))
            .into_iter()
            .chain(self.sources.board_names().into_iter().map(named))
            .collect()
    }

    /// Opens the board, for a command that works with one.
    pub(crate) fn one_board(&self) -> Outcome<Board> {
        self.one_board_with(|openocd| openocd)
    }

    /// The same, with changes to the OpenOCD that is started.
    pub(crate) fn one_board_with(&self, tune: impl FnOnce(OpenOcdBuilder) -> OpenOcdBuilder) -> Outcome<Board> {
        let settings = self.one_settings()?;
        self.note_unused(&settings);
        self.checked(Board::open(settings, self.does.takes_time, tune)?)
    }

    /// The board, if it is the one that is meant. Nothing is changed on another one, at the end
    /// either.
    fn checked(&self, board: Board) -> Outcome<Board> {
        self.note_start(&board)?;
        // What is done at the end counts, too.
        let is_left = board.settings.value(Key::OnExit).is_none_or(|on_exit| on_exit == "keep");
        board.check_identity(if is_left { self.does.effect } else { self.does.effect.max(Effect::ChangesTarget) })?;
        Ok(board)
    }

    /// Notes options that change nothing on an OpenOCD that runs already.
    fn note_unused(&self, settings: &Settings) {
        if settings.value(Key::Connect).is_none() {
            return;
        }
        for key in [Key::Speed, Key::Transport, Key::Openocd] {
            if settings.get(key).is_some_and(|setting| setting.origin == Origin::Option) {
                let name = key.name();
                self.output.note(
                    settings.board.as_deref(),
                    format_args!("--{name} is for an OpenOCD that ocd starts, and changes nothing with --connect"),
                );
            }
        }
    }

    /// Tells what the start of OpenOCD says against what was asked for.
    fn note_start(&self, board: &Board) -> Outcome<()> {
        board.doubts().iter().try_for_each(|doubt| self.output.warning(board.name(), doubt))?;
        self.note_fixed_speed(board)
    }

    /// Notes a `--speed` for a probe whose speed is fixed: OpenOCD takes it in silence.
    fn note_fixed_speed(&self, board: &Board) -> Outcome<()> {
        let is_option = board.settings.get(Key::Speed).is_some_and(|speed| speed.origin == Origin::Option);
        // 0 is adaptive clocking, which has no number.
        if !is_option || board.settings.value(Key::Speed) == Some("0") || board.session.process().is_none() {
            return Ok(());
        }
        let adapter = board.session.adapter();
        if adapter.speed()?.is_none() {
            let driver = adapter.name()?;
            self.output.note(board.name(), format_args!("--speed changes nothing: the driver {driver} has no speed"));
        }
        Ok(())
    }

    /// The settings of the board, for a command that works with one.
    pub(crate) fn one_settings(&self) -> Outcome<Settings> {
        let mut settings = self.settings()?;
        match (settings.pop(), settings.is_empty()) {
            (Some(settings), true) => Ok(settings),
            _ => Err(Failure::usage("this command works with one board at a time")),
        }
    }

    /// Runs `command` on every chosen board, side by side, and prints each answer. The worst status
    /// counts.
    pub(crate) fn each_board<R>(&self, command: impl Fn(&Board) -> Outcome<R> + Sync) -> Outcome<u8>
    where
        R: Serialize + fmt::Display,
    {
        self.each_board_done(|board| command(board).map(Done::from))
    }

    /// The same, for answers with a status of their own.
    pub(crate) fn each_board_done<R>(&self, command: impl Fn(&Board) -> Outcome<Done<R>> + Sync) -> Outcome<u8>
    where
        R: Serialize + fmt::Display,
    {
        self.each_board_planned(|_| Ok(()), |board, ()| command(board))
    }

    /// The same, with what `plan` makes of the arguments and of a board's settings before any
    /// OpenOCD is started.
    pub(crate) fn each_board_planned<P, R>(
        &self,
        plan: impl Fn(&Settings) -> Outcome<P>,
        command: impl Fn(&Board, &P) -> Outcome<Done<R>> + Sync,
    ) -> Outcome<u8>
    where
        P: Send,
        R: Serialize + fmt::Display,
    {
        let settings = self.settings()?;
        distinct::check(&settings)?;
        let planned = settings.into_iter().map(|settings| plan(&settings).map(|plan| (settings, plan)));
        let planned: Vec<(Settings, P)> = planned.collect::<Outcome<_>>()?;
        let all = distinct::Opened::default();
        let one = |settings: Settings, plan: P| {
            let name = settings.board.clone();
            self.note_unused(&settings);
            let opened = Board::open(settings, self.does.takes_time, |openocd| openocd)
                .and_then(|board| all.add(&board).map(|()| board));
            let answer = opened.and_then(|board| self.checked(board)).and_then(|board| {
                // The target is left as it should be also after a failure, which then counts.
                let done = command(&board, &plan);
                let closed = board.close(OnClose::AsIs);
                done.and_then(|done| closed.map(|()| done))
            });
            // What is printed has the status with which the command ends: a signal counts if it
            // came before.
            let signal = self.signals.caught();
            let printed = answer.and_then(|mut done| {
                done.status = signal.unwrap_or(done.status);
                self.output.done(name.as_deref(), &done)?;
                Ok(done.status)
            });
            printed.unwrap_or_else(|mut failure| {
                failure.status = signal.unwrap_or(failure.status);
                self.output.failure(name.as_deref(), &failure)
            })
        };
        let statuses: Vec<u8> = std::thread::scope(|scope| {
            let one = &one;
            let threads = planned.into_iter().map(|(settings, plan)| scope.spawn(move || one(settings, plan)));
            let threads: Vec<_> = threads.collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(exit_status::FAILED)).collect()
        });
        self.sum_up(&statuses);
        Ok(statuses.into_iter().fold(exit_status::DONE, exit_status::worse))
    }

    /// Names the boards that failed, if there are several.
    fn sum_up(&self, statuses: &[u8]) {
        let all = self.names.iter().zip(statuses);
        let failed: Vec<String> = all
            .filter(|(_, status)| **status != exit_status::DONE)
            .map(|(name, status)| format!("{name} ({status})"))
            .collect();
        if self.output.several_boards && !failed.is_empty() {
            let (failed, all, names) = (failed.len(), statuses.len(), failed.join(", "));
            self.output.note(None, format_args!("{failed} of {all} boards failed, with exit status: {names}"));
        }
    }
}
