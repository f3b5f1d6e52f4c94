//! Input for the firmware's console, held until OpenOCD waits for it.
//!
//! OpenOCD reads the socket of a redirection in two places: where it serves a call that reads
//! (`semihosting_redirect_read` in `src/target/semihosting_common.c`), for which it waits, and in
//! its server loop, which drops what comes at other times (`semihosting_service_input_handler`).
//! While it waits for input it answers nobody. That is how to know that it does.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::{ConnectionError, Result};
use crate::session::Session;
use crate::wire::frame::SEPARATOR;
use crate::wire::{ByteStream, Deadline, TransferError};

/// OpenOCD answers an empty command within this time, or it waits for input.
const DEAF_AFTER: Duration = Duration::from_millis(250);

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);

const DOING: &str = "writing to semihosting";

pub(super) struct Feeder {
    session: Session,
    /// OpenOCD's TCL port.
    tcl: SocketAddr,
    held: Arc<Held>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Held {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    is_ended: bool,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is held. `false` at the end.
    fn wait(&self) -> bool {
        let state = self.lock();
        let waits = |state: &mut State| state.bytes.is_empty() && !state.is_ended;
        !self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner).is_ended
    }
}

impl Feeder {
    pub(super) fn new(session: Session, tcl: SocketAddr) -> Self {
        Feeder { session, tcl, held: Arc::default(), thread: None }
    }

    /// Holds bytes for the firmware, and gives them to it when it asks.
    pub(super) fn feed(&mut self, stream: &ByteStream, bytes: &[u8]) -> Result<(), ConnectionError> {
        if self.thread.is_none() {
            self.thread = Some(self.start(stream)?);
        }
        let mut state = self.held.lock();
        if state.is_ended {
            return Err(ConnectionError::Closed { peer: stream.peer(), doing: DOING });
        }
        state.bytes.extend(bytes);
        self.held.changed.notify_all();
        Ok(())
    }

    /// Ends the thread, which takes it half a second at most.
    pub(super) fn end(&mut self) {
        self.held.lock().is_ended = true;
        self.held.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread runs none of the caller's code and does not panic.
            let _ = thread.join();
        }
    }

    fn start(&self, stream: &ByteStream) -> Result<JoinHandle<()>, ConnectionError> {
        let (session, tcl, held) = (self.session.clone(), self.tcl, Arc::clone(&self.held));
        let (peer, stream) = (stream.peer(), stream.clone());
        let run = move || {
            if let Err(error) = give_all(&session, tcl, &held, &stream) {
                log::debug!(target: "openocd::semihosting", "no more input can be given: {error:?}");
            }
            held.lock().is_ended = true;
        };
        let spawned = thread::Builder::new().name("openocd semihosting".into()).spawn(run);
        spawned.map_err(|source| ConnectionError::Io { peer, doing: DOING, source })
    }
}

/// Gives one byte at a time, each when OpenOCD waits for one. More than the firmware asks for would
/// be dropped.
fn give_all(session: &Session, tcl: SocketAddr, held: &Held, stream: &ByteStream) -> Result<(), TransferError> {
    let mut probe = None;
    while held.wait() {
        // OpenOCD does not answer either while it executes a long command of this session.
        let deaf = session.while_idle(PAUSE, || is_deaf(&mut probe, tcl));
        if !deaf.transpose()?.unwrap_or(false) {
            thread::sleep(PAUSE);
            continue;
        }
        let byte = held.lock().bytes.pop_front();
        if let (Some(byte), Some(probe)) = (byte, &probe) {
            stream.write(&[byte], Deadline::after(Some(DEAF_AFTER)), DOING)?;
            wait_for_answer(probe, held)?;
        }
    }
    Ok(())
}

/// Waits for the answer to the last question, which comes once OpenOCD has taken the byte.
fn wait_for_answer(probe: &ByteStream, held: &Held) -> Result<(), TransferError> {
    loop {
        match probe.read(&mut [0], Deadline::after(Some(DEAF_AFTER)), DOING) {
            Err(TransferError::DeadlinePassed) if !held.lock().is_ended => {}
            done => return done.map(drop),
        }
    }
}

/// Sends an empty command, and returns whether OpenOCD leaves it unanswered for now.
fn is_deaf(probe: &mut Option<ByteStream>, tcl: SocketAddr) -> Result<bool, TransferError> {
    let stream = if let Some(stream) = probe {
        stream
    } else {
        let deadline = Deadline::after(Some(Duration::from_secs(1)));
        let connected = ByteStream::connect(tcl, "OpenOCD", deadline);
        probe.insert(connected.map_err(|_| ConnectionError::Closed { peer: tcl, doing: DOING })?)
    };
    stream.write(&[SEPARATOR], Deadline::after(Some(DEAF_AFTER)), DOING)?;
    match stream.read(&mut [0], Deadline::after(Some(DEAF_AFTER)), DOING) {
        Ok(_) => Ok(false),
        Err(TransferError::DeadlinePassed) => Ok(true),
        Err(error) => Err(error),
    }
}
