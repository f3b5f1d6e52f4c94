//! Events: what OpenOCD notifies of, on a connection of their own.

mod event;
mod listener;
mod lookout;
mod notification;
mod queue;

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

pub use event::{Event, TargetEvent};
pub use listener::Listener;

use crate::command::{Link, Request, Settings};
use crate::error::{CommandError, ConnectionError, Result, TimeoutError, UnexpectedReply};
use crate::session::Session;
use crate::wire::{Address, Connection, Deadline, TransferError};
use lookout::Lookout;
use queue::{Next, Queue};

/// How many bytes of events wait for somebody to take them; an event without trace data counts 64.
const ROOM: usize = 16 * 1024 * 1024;

/// The events of all targets, from [`Session::events`].
///
/// They come on a connection of their own, so commands and events do not wait for each other. A thread takes them from the socket, as OpenOCD stands still
/// when nobody reads its notifications. Up to 16 MiB wait here until they are taken, which is about 250 000 events; beyond that the newest are dropped, and an
/// [`Event::Lost`] stands where they are missing.
///
/// OpenOCD does not say of which target an event is. It notices that a target halted by itself when it next looks, every 100 ms by default, or at the next
/// [`Target::status`](crate::Target::status) or [`wait_halt`](crate::Target::wait_halt); [`look_every`](Self::look_every) has it look more often.
///
/// Dropping the value closes the connection and ends the thread.
///
/// Source: OpenOCD's `tcl_notifications` and `tcl_trace` (`src/server/tcl_server.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use std::time::Duration;
/// use openocd::Event;
///
/// let events = session.events()?;
/// session.target().halt()?;
/// events.wait_for(Event::is_halt, Duration::from_secs(5))?;
///
/// session.target().step(None)?;
/// for event in events.timeout_iter(Duration::from_millis(200)) {
///     println!("{}", event?); // step-start, resumed, …, step-end
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
    peer: SocketAddr,
    stream: TcpStream,
    reader: Option<JoinHandle<()>>,
    /// Where a connection for looks is to be had.
    reach: (Address, Settings),
    lookout: Option<Lookout>,
}

impl Session {
    /// Opens a connection of its own for events and turns notifications on (OpenOCD: `tcl_notifications on`).
    ///
    /// No event of what happens after this returned is missing. The session's timeouts apply to opening; afterwards there is no limit.
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection) if the connection can't be opened, [`Error::Timeout`](crate::Error::Timeout) if OpenOCD does not answer there, [`CommandError::Failed`]
    /// if OpenOCD refuses to notify.
    pub fn events(&self) -> Result<Events> {
        self.open_events(false)
    }

    /// Like [`events`](Self::events), with the bytes of the trace port as [`Event::Trace`] (OpenOCD: `tcl_trace on`).
    ///
    /// OpenOCD sends them while it captures trace from an adapter that can (`NAME.tpiu configure -output -`, `tpiu enable`).
    ///
    /// # Errors
    /// Those of [`events`](Self::events).
    pub fn events_with_trace(&self) -> Result<Events> {
        self.open_events(true)
    }

    fn open_events(&self, trace: bool) -> Result<Events> {
        let reach = self.reach();
        let open = || {
            let (address, settings) = reach.clone();
            let mut link = Link::open(address, settings)?;
            let request =
                Request::new(format!("_openocd_rs_1_notify {}", u8::from(trace))).shown("tcl_notifications on");
            link.run(&request, |reply| {
                let answer = reply.success(&request).map_err(CommandError::Failed)?;
                if answer == b"1" {
                    return Ok(());
                }
                let reply = String::from_utf8_lossy(answer).into_owned();
                Err(CommandError::UnexpectedReply(UnexpectedReply {
                    command: request.name().to_owned(),
                    expected: "that they are on",
                    reply,
                }))
            })??;
            link.into_connection()
        };
        let connection = open().map_err(|error| self.explain(error))?;
        Events::read(connection, reach)
    }
}

impl Events {
    fn read(connection: Connection, reach: (Address, Settings)) -> Result<Events> {
        let peer = connection.peer();
        let failed = |source| ConnectionError::Io { peer, doing: "starting to read events", source };
        let stream = connection.handle().map_err(failed)?;
        let queue = Arc::new(Queue::new(ROOM));
        let for_reader = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("openocd events".into());
        let reader = thread.spawn(move || drain(connection, &for_reader)).map_err(failed)?;
        Ok(Events { queue, peer, stream, reader: Some(reader), reach, lookout: None })
    }

    /// The events as they come; waits for each without a limit.
    ///
    /// Ends when the connection is lost, after an [`Error::Connection`](crate::Error::Connection).
    pub fn iter(&self) -> EventIter<'_> {
        EventIter { events: self, timeout: None, ended: false }
    }

    /// The events as they come; ends when none comes within `timeout`.
    ///
    /// Ends also when the connection is lost, after an [`Error::Connection`](crate::Error::Connection).
    pub fn timeout_iter(&self, timeout: Duration) -> EventIter<'_> {
        EventIter { events: self, timeout: Some(timeout), ended: false }
    }

    /// The next event, if one is there.
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection) if there is none and the connection is lost.
    pub fn try_next(&self) -> Result<Option<Event>> {
        self.next_before(Deadline::after(Some(Duration::ZERO)))
    }

    /// Waits for the first event that `wanted` accepts, and returns it. Those before it are dropped.
    ///
    /// # Errors
    /// [`TimeoutError::Event`] if none came in time, which also says how many had no room to wait in, [`Error::Connection`](crate::Error::Connection) if the connection is lost.
    pub fn wait_for(&self, mut wanted: impl FnMut(&Event) -> bool, timeout: Duration) -> Result<Event> {
        let deadline = Deadline::after(Some(timeout));
        let mut lost = 0;
        loop {
            match self.next_before(deadline)? {
                Some(event) if wanted(&event) => return Ok(event),
                Some(Event::Lost { count }) => lost += count,
                Some(_) => {}
                None => return Err(TimeoutError::Event { after: timeout, lost }.into()),
            }
        }
    }

    fn next_before(&self, deadline: Deadline) -> Result<Option<Event>> {
        match self.queue.next(deadline) {
            Next::Event(event) => Ok(Some(event)),
            Next::DeadlinePassed => Ok(None),
            Next::Ended(error) => {
                Err(error.unwrap_or(ConnectionError::Closed { peer: self.peer, doing: "waiting for an event" }).into())
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // It may be closed already, which is what is wanted.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            // The thread runs none of the caller's code and does not panic.
            let _ = reader.join();
        }
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = Result<Event>;
    type IntoIter = EventIter<'a>;

    fn into_iter(self) -> EventIter<'a> {
        self.iter()
    }
}

/// Iterator of [`Events::iter`] and [`Events::timeout_iter`].
#[derive(Debug)]
pub struct EventIter<'a> {
    events: &'a Events,
    timeout: Option<Duration>,
    ended: bool,
}

impl Iterator for EventIter<'_> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Result<Event>> {
        if self.ended {
            return None;
        }
        let next = self.events.next_before(Deadline::after(self.timeout)).transpose();
        self.ended = matches!(next, Some(Err(_)));
        next
    }
}

/// Reads until the connection ends.
fn drain(mut connection: Connection, queue: &Queue) {
    let peer = connection.peer();
    loop {
        match connection.receive(Deadline::after(None)) {
            Ok(frame) => match crate::events::notification::event(connection.bytes(frame)) {
                Some(event) => queue.push(event),
                None => log::debug!(target: "openocd::events", "skipped a frame that is no notification"),
            },
            Err(TransferError::DeadlinePassed) => {}
            Err(TransferError::Connection(ConnectionError::Closed { .. })) => {
                return queue.end(ConnectionError::Closed { peer, doing: "waiting for an event" });
            }
            Err(TransferError::Connection(error)) => return queue.end(error),
        }
    }
}
