//! What is behind the events of one connection: the connection, the thread that reads it, and the
//! queue.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::Event;
use super::notification;
use super::poller::Poller;
use super::queue::{Next, Queue};
use crate::error::{ConnectionError, Error, Result};
use crate::wire::{Connection, Deadline, TransferError};

/// How many bytes of events wait for somebody to take them; an event without text or trace data
/// counts 64.
const ROOM: usize = 16 * 1024 * 1024;

pub(super) const WAITING: &str = "waiting for an event";

/// Dropping this closes the connection and ends the threads. It owns no handle of the session: a
/// thread that holds a feed keeps no session open.
#[derive(Debug)]
pub(super) struct Feed {
    queue: Arc<Queue>,
    pub(super) peer: SocketAddr,
    pub(super) socket: Arc<TcpStream>,
    reader: Option<JoinHandle<()>>,
    poller: Mutex<Option<Poller>>,
}

impl Feed {
    pub(super) fn read(connection: Connection) -> Result<Feed, ConnectionError> {
        let peer = connection.peer();
        let failed = |source| ConnectionError::Io { peer, doing: "starting to read events", source };
        let socket = Arc::new(connection.handle().map_err(failed)?);
        let queue = Arc::new(Queue::new(ROOM));
        let for_reader = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("openocd events".into());
        let reader = thread.spawn(move || read_events(connection, &for_reader)).map_err(failed)?;
        Ok(Feed { queue, peer, socket, reader: Some(reader), poller: Mutex::default() })
    }

    pub(super) fn set_poller(&self, poller: Option<Poller>) {
        *self.poller.lock().unwrap_or_else(PoisonError::into_inner) = poller;
    }

    pub(super) fn next(&self, deadline: Deadline) -> Result<Option<Event>> {
        match self.queue.next(deadline) {
            Next::Event(event) => Ok(Some(event)),
            Next::DeadlinePassed => Ok(None),
            Next::Ended(error) => {
                Err(Error::from(error.unwrap_or(ConnectionError::Closed { peer: self.peer, doing: WAITING })))
            }
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // It may be closed already, which is what is wanted.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            // The thread runs none of the caller's code and does not panic.
            let _ = reader.join();
        }
    }
}

/// Reads until the connection ends.
fn read_events(mut connection: Connection, queue: &Queue) {
    let peer = connection.peer();
    loop {
        match connection.receive(Deadline::NEVER) {
            Ok(frame) => match notification::event(connection.bytes(frame)) {
                Some(event) => queue.push(event),
                None => log::debug!(target: "openocd::events", "skipped a frame that is no notification"),
            },
            Err(TransferError::DeadlinePassed) => {}
            Err(TransferError::Connection(ConnectionError::Closed { .. })) => {
                return queue.end(ConnectionError::Closed { peer, doing: WAITING });
            }
            Err(TransferError::Connection(error)) => return queue.end(error),
        }
    }
}
