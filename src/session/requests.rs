//! How the rest of the crate asks OpenOCD through a session.

use std::any::{Any, TypeId};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Session;
use crate::command::{ALREADY_CLOSED, Link, Reply, Request, Script, Settings, Turn};
use crate::error::{ConnectionError, Error, Failure, InvalidArgument, Result, Subsystem, TargetError, TimeoutError};
use crate::types::TargetState;
use crate::wire::{Address, Deadline, tcl};

/// How long a started OpenOCD may take to end after it has closed the connection.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// Why a batch got no reply.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) error: Error,
    /// OpenOCD may have run the commands.
    pub(crate) was_sent: bool,
}

impl Session {
    /// Runs a request and hands its reply over, also that of a refusal.
    pub(crate) fn run<T>(&self, request: &Request<'_>, read: impl FnOnce(&Reply<'_>) -> T) -> Result<T> {
        let result = self.link_for(request)?.run(request, read);
        result.map_err(|error| self.explain(error))
    }

    /// Runs a request and reads its result: the one way from a request to a value or the
    /// subsystem's error.
    ///
    /// A refusal is [`TargetError::NotHalted`](crate::TargetError::NotHalted) where OpenOCD says
    /// so, otherwise `E`'s `Refused`. A result that `read` cannot read is `E`'s `UnexpectedReply`.
    pub(crate) fn ask<E: Subsystem, T>(
        &self,
        request: &Request<'_>,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T> {
        let result = self.run(request, |reply| reply.value::<E, T>(request, read))?;
        result.map_err(|error| self.name_target(request, error))
    }

    /// Like [`ask`](Self::ask), with an error of its own for a refusal.
    pub(crate) fn ask_or<E: Subsystem, T>(
        &self,
        request: &Request<'_>,
        refused: impl FnOnce(Box<Failure>) -> E,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T> {
        let result = self.run(request, |reply| reply.value_or(request, refused, read))?;
        result.map_err(|error| self.name_target(request, error))
    }

    /// Completes the error of a refusal because of a running target: OpenOCD does not say which
    /// target, and what it does instead. One more round trip.
    pub(crate) fn name_target(&self, request: &Request<'_>, mut error: Error) -> Error {
        let Error::Target(TargetError::NotHalted { target, state, failure, .. }) = &mut error else {
            return error;
        };
        if failure.is_none() || *state != TargetState::Unknown {
            return error;
        }
        let about = Request::new(Script::call("name_and_state")).on(request.target).shown("targets");
        let told = self.run(&about, |reply| tcl::strings::<2>(&reply.result).filter(|_| reply.code == 0));
        if let Ok(Some([name, now])) = told {
            if now == "lost" {
                if let Some(failure) = failure.take() {
                    return TargetError::Poll(failure).into();
                }
            }
            *target = name;
            // A target that has halted meanwhile was not halted then.
            *state = now.parse().ok().filter(|now| *now != TargetState::Halted).unwrap_or(TargetState::Unknown);
        }
        error
    }

    /// The state that a subsystem keeps for this session. `make` creates it at the first call; all
    /// handles share it.
    pub(crate) fn state<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let value = state.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(make()));
        Arc::clone(value).downcast().unwrap_or_else(|_| unreachable!("values are kept by their type"))
    }

    pub(super) fn text(&self, request: &Request<'_>) -> Result<String> {
        let result = self.run(request, |reply| reply.text(request))?;
        result.map_err(|error| self.name_target(request, error))
    }

    /// Runs commands together; see [`Link::run_batch`].
    pub(crate) fn run_batch<T>(
        &self,
        request: &Request<'_>,
        stop_at_failure: bool,
        commands: &[&Request<'_>],
        read: impl FnOnce(&Reply<'_>) -> T,
    ) -> Result<T, Unanswered> {
        let unsent = |error| Unanswered { error, was_sent: false };
        let mut link = self.link_for(request).map_err(unsent)?;
        link.run_batch(request, stop_at_failure, commands, read)
            .map_err(|error| Unanswered { error: self.explain(error), was_sent: link.was_sent() })
    }

    /// Runs several requests that are one call; see [`Link::run_series`].
    pub(crate) fn run_series(
        &self,
        request: &Request<'_>,
        prepare: impl FnMut(&mut String) -> bool,
        read: impl FnMut(&Reply<'_>) -> Result<()>,
    ) -> Result<()> {
        let result = self.link_for(request)?.run_series(request, prepare, read);
        result.map_err(|error| self.explain(error))
    }

    pub(crate) fn reply_limit(&self) -> usize {
        self.shared.reply_limit
    }

    /// How long a command may take; `None` for no limit.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.shared.timeout
    }

    /// How long OpenOCD may take to answer a command of the flash and image calls may take.
    /// The first and the last port on which OpenOCD may listen for channels and streams; 0 and 0
    /// for any.
    pub(crate) fn stream_ports(&self) -> Result<[u64; 2], InvalidArgument> {
        match &self.shared.stream_ports {
            None => Ok([0, 0]),
            Some(ports) if ports.is_empty() || *ports.start() == 0 => {
                Err(InvalidArgument::new("range of ports", "at least one port, and not 0", format!("{ports:?}")))
            }
            Some(ports) => Ok([*ports.start(), *ports.end()].map(u64::from)),
        }
    }

    /// The same number for all handles of a session.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    pub(crate) fn flash_timeout(&self) -> Duration {
        self.shared.flash_timeout
    }

    /// Waits for this call's turn, however long the calls before it take.
    pub(super) fn link(&self) -> Turn<'_, Link> {
        // A panic in another thread leaves the link without its connection, which the next command
        // then replaces.
        self.shared.link.lock(Deadline::NEVER).expect("a deadline that never passes")
    }

    /// Waits for the turn of a request, until its deadline.
    pub(super) fn link_for(&self, request: &Request<'_>) -> Result<Turn<'_, Link>> {
        let deadline = request.deadline();
        self.shared.link.lock(deadline).ok_or_else(|| {
            let (command, after) = (request.name().to_owned(), deadline.span());
            TimeoutError::Turn { command, after }.into()
        })
    }

    /// Runs `work` while no call of this session has a command under way. `None` if that is not so
    /// within `patience`.
    pub(crate) fn while_idle<T>(&self, patience: Duration, work: impl FnOnce() -> T) -> Option<T> {
        let _turn = self.shared.link.lock(Deadline::after(Some(patience)))?;
        Some(work())
    }

    /// Where to connect to this OpenOCD once more, and with which limits.
    pub(crate) fn reach(&self) -> (Address, Settings) {
        self.link().reach()
    }

    /// Returns when OpenOCD has accepted the connections that were made so far to its other ports.
    ///
    /// The operating system makes a connection before OpenOCD accepts it. The round of OpenOCD's
    /// loop that serves the first command here accepts the connection too; the second command is
    /// served in a later round (`server_loop` in `src/server/server.c`).
    pub(crate) fn let_openocd_accept(&self, deadline: Deadline) -> Result<()> {
        for _ in 0..2 {
            self.run(&Request::new("list").shown("list").before(deadline), |_| ())?;
        }
        Ok(())
    }

    /// The other end of the connection, and the limit for making one. Waits for the session until
    /// the deadline.
    pub(crate) fn endpoint(&self, deadline: Deadline) -> Result<(SocketAddr, Option<Duration>)> {
        let link = self.link_for(&Request::new("").shown("a connection to another port").before(deadline))?;
        Ok((link.peer(), link.reach().1.connect_timeout))
    }

    /// Tells the end of an OpenOCD of our own in place of the lost connection.
    pub(crate) fn explain(&self, error: Error) -> Error {
        if self.is_closed() && matches!(error, Error::Connection(ConnectionError::Closed { .. })) {
            return ConnectionError::SessionClosed.into();
        }
        let doing = match &error {
            Error::Connection(ConnectionError::Closed { doing, .. } | ConnectionError::Io { doing, .. }) => *doing,
            Error::Connection(
                ConnectionError::Unreachable { .. }
                | ConnectionError::StreamUnreachable { .. }
                | ConnectionError::ForeignServer { .. },
            ) => "connecting",
            _ => return error,
        };
        // The end was waited for when the connection was lost. No `reconnect` can help once the
        // process has ended.
        let (grace, doing) =
            if doing == ALREADY_CLOSED { (Duration::ZERO, "an earlier command ran") } else { (EXIT_GRACE, doing) };
        match &self.shared.process {
            Some(process) if process.wait_for_end(grace).is_some() => {
                ConnectionError::ServerDied { doing, report: Box::new(process.report()) }.into()
            }
            _ => error,
        }
    }
}
