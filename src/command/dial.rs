//! Makes a connection to a TCL port that answers.
//!
//! OpenOCD listens with a backlog of 1 (`src/server/server.c`). If several clients connect at once,
//! the operating system drops some of the connections, and their clients wait for a second and
//! more. So one connection of this process at a time is made to an address, and a connection that
//! gets no answer is made again.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use super::FairLock;
use super::greeting::{self, Greeting};
use super::interrupt::Interrupt;
use super::request::Request;
use super::settings::Settings;
use crate::error::{ConnectionError, Error, Result, TimeoutError};
use crate::wire::{Address, Connection, Deadline, TransferError};

/// How long the newest connection may take to answer before another one is made beside it. The
/// pause doubles each time.
const FIRST_REDIAL: Duration = Duration::from_secs(1);

/// How many connections may wait for an answer. OpenOCD's backlog holds two, so more cannot help.
const CANDIDATES: usize = 3;

/// How long each of several connections is listened to in turn.
const SLICE: Duration = Duration::from_millis(20);

/// How long the beginning of an answer that no OpenOCD gives may take to arrive.
const BEGINNING: Duration = Duration::from_millis(100);

/// One lock for each address to which a connection is being made.
static DIALLING: LazyLock<Mutex<HashMap<SocketAddr, Arc<FairLock<()>>>>> = LazyLock::new(Mutex::default);

fn lock_of(peer: SocketAddr) -> Arc<FairLock<()>> {
    let mut locks = DIALLING.lock().unwrap_or_else(PoisonError::into_inner);
    // The table holds one reference; whoever uses a lock holds another.
    locks.retain(|_, lock| Arc::strong_count(lock) > 1);
    Arc::clone(locks.entry(peer).or_insert_with(|| Arc::new(FairLock::new(()))))
}

/// Connects to the first address that accepts, and returns the connection with the answer to the
/// greeting's question.
///
/// The waiting for other connections and the connecting take at most the connect timeout, and
/// everything together ends at the deadline, or when `interrupt` is set.
pub(super) fn dial(
    address: &Address,
    settings: &Settings,
    request: &Request<'_>,
    deadline: Deadline,
    interrupt: &Interrupt,
) -> Result<(Connection, Greeting)> {
    let connecting = Deadline::after(settings.connect_timeout).sooner(deadline);
    interrupt.check()?;
    let mut attempts = Vec::new();
    for (tried, &peer) in address.resolved().iter().enumerate() {
        let untried = u32::try_from(address.resolved().len() - tried).unwrap_or(u32::MAX);
        let share = Deadline::after(connecting.remaining().map(|left| left / untried));
        let lock = lock_of(peer);
        // The turn lasts until the answer is there: only then has OpenOCD accepted the connection.
        let connected = match lock.lock(share) {
            Some(turn) => Connection::open(peer, share, settings.reply_limit).map(|connection| (connection, turn)),
            None => Err(io::ErrorKind::TimedOut.into()),
        };
        match connected {
            Ok((connection, _turn)) => {
                log::debug!(target: "openocd::connection", "connected to {peer}");
                return answer(connection, settings, request, deadline, interrupt);
            }
            Err(error) => {
                log::debug!(target: "openocd::connection", "cannot connect to {peer}: {error}");
                attempts.push((peer, error));
            }
        }
    }
    let address = address.text().to_owned();
    if attempts.iter().all(|(_, error)| error.kind() == io::ErrorKind::TimedOut) {
        return Err(TimeoutError::Connect { address, after: connecting.span() }.into());
    }
    Err(ConnectionError::Unreachable { address, attempts }.into())
}

/// Sends the question and waits for the answer.
///
/// A connection that was dropped on its way never answers, and one to a busy OpenOCD answers late.
/// Nothing tells them apart, so further connections are made while the first one is kept. The first
/// answer counts.
fn answer(
    first: Connection,
    settings: &Settings,
    request: &Request<'_>,
    deadline: Deadline,
    interrupt: &Interrupt,
) -> Result<(Connection, Greeting)> {
    let peer = first.peer();
    let question = greeting::question();
    let mut candidates = vec![first];
    let mut newest_is_asked = false;
    let mut pause = FIRST_REDIAL;
    let mut redial = Deadline::after(Some(pause));
    loop {
        interrupt.check()?;
        if !newest_is_asked {
            let newest = candidates.last_mut().expect("a candidate is there");
            newest.send(&question, deadline).map_err(|error| error.into_error(|| late(peer, request, deadline)))?;
            newest_is_asked = true;
        }
        let mut at = 0;
        while at < candidates.len() {
            let alone = redial.sooner(Deadline::after(Some(SLICE * 10)));
            let slice = if candidates.len() == 1 { alone } else { Deadline::after(Some(SLICE)) };
            match listen(&mut candidates[at], slice.sooner(deadline)) {
                Ok(Some(greeting)) => return Ok((candidates.swap_remove(at), greeting)),
                Ok(None) => at += 1,
                // Another connection may have been accepted in place of this one.
                Err(Error::Connection(ConnectionError::Closed { .. })) if candidates.len() > 1 => {
                    drop(candidates.remove(at));
                }
                Err(error) => return Err(error),
            }
        }
        if deadline.has_passed() {
            return Err(late(peer, request, deadline).into());
        }
        if redial.has_passed() && candidates.len() < CANDIDATES {
            log::debug!(target: "openocd::connection", "{peer} does not answer: connecting once more");
            // A full backlog drops the attempt, which the system repeats after a second at the
            // earliest.
            let attempt = Deadline::after(Some(SLICE * 10)).sooner(deadline);
            if let Ok(connection) = Connection::open(peer, attempt, settings.reply_limit) {
                candidates.push(connection);
                newest_is_asked = false;
                pause *= 2;
            }
        }
        if redial.has_passed() {
            redial = Deadline::after(Some(pause));
        }
    }
}

/// Listens until the answer is there or the deadline passes. Whatever no OpenOCD says is an error
/// at once, also without the end of a frame.
fn listen(connection: &mut Connection, deadline: Deadline) -> Result<Option<Greeting>> {
    let peer = connection.peer();
    let not_openocd = |bytes: &[u8]| Error::from(ConnectionError::not_openocd(peer, bytes));
    let mut until = deadline;
    let mut is_other = false;
    loop {
        match connection.receive_some(until) {
            Ok(Some(frame)) => {
                let bytes = connection.bytes(frame);
                return greeting::greeting(bytes).map(Some).ok_or_else(|| not_openocd(bytes));
            }
            Ok(None) => {}
            Err(_) if is_other => return Err(not_openocd(connection.pending())),
            Err(TransferError::DeadlinePassed) => return Ok(None),
            Err(TransferError::Connection(error)) => return Err(error.into()),
        }
        if !is_other && !greeting::may_begin(connection.pending()) {
            is_other = true;
            until = Deadline::after(Some(BEGINNING));
        }
    }
}

fn late(peer: SocketAddr, request: &Request<'_>, deadline: Deadline) -> TimeoutError {
    reply_timeout(peer, request, deadline)
}

pub(super) fn reply_timeout(peer: SocketAddr, request: &Request<'_>, deadline: Deadline) -> TimeoutError {
    TimeoutError::Reply { peer, command: request.name().to_owned(), after: deadline.span() }
}
