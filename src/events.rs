//! Events that OpenOCD reports, on a separate connection.

mod event;
mod feed;
mod listener;
mod notification;
mod poller;
mod queue;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use event::{Event, TargetEvent};
pub use listener::Listener;

use crate::command::{Link, Request, Script};
use crate::error::{CommandError, ConnectionError, Error, Result, TimeoutError, UnexpectedReply};
use crate::session::Session;
use crate::wire::Deadline;
use feed::Feed;

/// The events of all targets, from [`Session::events`].
///
/// Events arrive on a separate connection, so commands and events do not wait for each other. A
/// thread reads the socket, because OpenOCD stops when its notifications are not read. A queue
/// holds up to 16 MiB, which is about 250 000 events. When it is full the newest events are
/// dropped, and an [`Event::Lost`] takes their place.
///
/// OpenOCD does not report the target of an event. If OpenOCD has only one target,
/// [`target`](Self::target) names it. With several, [`Session::status_all`] after an event tells
/// which are halted by then. OpenOCD notices that a target halted by itself at its next poll, every
/// 100 ms by default, or at the next [`Target::status`](crate::Target::status) or
/// [`wait_halt`](crate::Target::wait_halt). [`poll_every`](Self::poll_every) makes OpenOCD poll
/// more often.
///
/// Only OpenOCD's own resets are an [`Event::Reset`]. A press of the reset button, a watchdog and a
/// reset by the firmware are none; OpenOCD at most logs them.
///
/// The value owns a handle of its session, and can be moved into another thread. Dropping the value
/// and its iterators closes the connection and ends the thread. [`Session::close`] does so too:
/// after the events that arrived before, every call fails with [`ConnectionError::SessionClosed`].
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
/// session.target().step()?;
/// for event in events.timeout_iter(Duration::from_millis(200)) {
///     println!("{}", event?); // step-start, resumed, …, step-end
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Events {
    session: Session,
    feed: Arc<Feed>,
}

impl Session {
    /// Opens a separate connection for events and turns notifications on (OpenOCD:
    /// `tcl_notifications on`).
    ///
    /// The result has every event that happens after this call returned. The session's timeouts
    /// apply to opening; later calls have no limit of their own.
    ///
    /// # Errors
    /// [`Error::Connection`] if the connection cannot be opened, [`Error::Timeout`] if OpenOCD does
    /// not answer there, and [`CommandError::Failed`] if OpenOCD refuses to notify, as it
    /// does before `init`.
    pub fn events(&self) -> Result<Events> {
        self.open_events(false)
    }

    /// Opens events like [`events`](Self::events), with the bytes of the trace port as
    /// [`Event::Trace`] (OpenOCD: `tcl_trace on`).
    ///
    /// OpenOCD sends them while it captures trace with an adapter that supports this
    /// (`NAME.tpiu configure -output -`, `tpiu enable`).
    ///
    /// # Errors
    /// The same as [`events`](Self::events).
    pub fn events_with_trace(&self) -> Result<Events> {
        self.open_events(true)
    }

    fn open_events(&self, trace: bool) -> Result<Events> {
        let open = || {
            refuse_closed(self)?;
            let (address, settings) = self.reach();
            let mut link = Link::open(address, settings)?;
            let request = Request::new(Script::call("notify").flag(trace)).shown("tcl_notifications on");
            link.run(&request, |reply| match reply.success(&request).map_err(CommandError::Failed)? {
                b"1" => Ok(()),
                answer => Err(CommandError::from(UnexpectedReply::new(request.name(), "that they are on", answer))),
            })??;
            let feed = Feed::read(link.into_connection()?)?;
            self.shut_down_at_close(&feed.socket);
            Ok(Events { session: self.clone(), feed: Arc::new(feed) })
        };
        open().map_err(|error| self.explain(error))
    }
}

/// A socket that is made after [`Session::close`] would serve a session that has ended.
fn refuse_closed(session: &Session) -> Result<()> {
    if session.is_closed() { Err(ConnectionError::SessionClosed.into()) } else { Ok(()) }
}

impl Events {
    /// Returns the name of the target that all events are of, if OpenOCD has one target only.
    ///
    /// # Errors
    /// The same as [`Session::targets`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert_eq!(session.events()?.target()?.as_deref(), Some("stm32f1x.cpu"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn target(&self) -> Result<Option<String>> {
        let mut targets = self.session.targets()?;
        Ok(if targets.len() == 1 { targets.pop().map(|target| target.name) } else { None })
    }

    /// Iterates over the events, and waits for each without a limit.
    ///
    /// Ends when the connection is lost, after an [`Error::Connection`].
    pub fn iter(&self) -> EventIter {
        EventIter { events: self.share(), timeout: None, ended: false }
    }

    /// Iterates over the events, and ends when none arrives within `timeout`.
    ///
    /// It also ends when the connection is lost, after an [`Error::Connection`].
    pub fn timeout_iter(&self, timeout: Duration) -> EventIter {
        EventIter { events: self.share(), timeout: Some(timeout), ended: false }
    }

    /// Returns the next event if one has arrived, without waiting.
    ///
    /// # Errors
    /// [`Error::Connection`] if there is none and the connection is lost.
    pub fn try_next(&self) -> Result<Option<Event>> {
        self.next_before(Deadline::after(Some(Duration::ZERO)))
    }

    /// Waits for the first event that `wanted` accepts, and returns it. Earlier events are dropped.
    ///
    /// # Errors
    /// [`TimeoutError::Event`], with the number of lost events, if none arrived in time, and
    /// [`Error::Connection`] if the connection is lost.
    pub fn wait_for(&self, mut wanted: impl FnMut(&Event) -> bool, timeout: Duration) -> Result<Event> {
        let deadline = Deadline::after(Some(timeout));
        let mut lost = 0_u64;
        loop {
            match self.next_before(deadline)? {
                Some(event) if wanted(&event) => return Ok(event),
                // Even if events come faster than they are looked at.
                _ if deadline.has_passed() => return Err(TimeoutError::Event { after: timeout, lost }.into()),
                Some(Event::Lost { count }) => lost = lost.saturating_add(count),
                Some(_) | None => {}
            }
        }
    }

    fn share(&self) -> Events {
        Events { session: self.session.clone(), feed: Arc::clone(&self.feed) }
    }

    fn next_before(&self, deadline: Deadline) -> Result<Option<Event>> {
        let closed = || Err(ConnectionError::SessionClosed.into());
        match self.feed.next(deadline) {
            // The thread that reads may not have noticed yet.
            Ok(None) | Err(Error::Connection(_)) if self.session.is_closed() => closed(),
            next => next,
        }
    }
}

/// `Events(127.0.0.1:6666)`
impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events({})", self.feed.peer)
    }
}

impl IntoIterator for &Events {
    type Item = Result<Event>;
    type IntoIter = EventIter;

    fn into_iter(self) -> EventIter {
        self.iter()
    }
}

impl IntoIterator for Events {
    type Item = Result<Event>;
    type IntoIter = EventIter;

    fn into_iter(self) -> EventIter {
        EventIter { events: self, timeout: None, ended: false }
    }
}

/// Iterator over events, from [`Events::iter`] and [`Events::timeout_iter`]. It shares the events
/// with the [`Events`] that it was made of: each event goes to the first that takes it.
#[derive(Debug)]
pub struct EventIter {
    events: Events,
    timeout: Option<Duration>,
    ended: bool,
}

impl Iterator for EventIter {
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

const _: () = {
    const fn is_sent<T: Send + 'static>() {}
    is_sent::<Events>();
    is_sent::<EventIter>();
    is_sent::<Listener>();
};
