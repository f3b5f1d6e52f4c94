//! Polls of the targets between OpenOCD's own.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Events;
use crate::command::{Link, Request, Script};
use crate::error::{ConnectionError, Result};
use crate::session::Session;

/// A shorter period would leave OpenOCD little time for others.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// How long until the poll after one that failed. OpenOCD logs each failure, and its own polls find
/// out what has become of the target.
const PERIOD_AFTER_FAILURE: Duration = Duration::from_millis(100);

impl Events {
    /// Makes OpenOCD poll all its targets every `period`, so that the event of what a target does
    /// by itself, such as a halt at a breakpoint, comes sooner.
    ///
    /// The polls have a thread and a connection of their own, which end with the events, or with
    /// the [`Listener`](super::Listener) made of them. The next poll comes `period` after the
    /// answer to the last, so a slow probe never has polls waiting; a period below 1 ms counts as 1
    /// ms. A poll costs OpenOCD one short command, and the probe the traffic for each examined
    /// target. Other calls wait for the poll. After a poll that failed, the next one comes after
    /// 100 ms at the earliest. During a [pause of polling](crate::Session::pause_polling), of
    /// whatever client, there are no polls.
    ///
    /// If the connection of the polls is lost, the loss is logged, and events come as they do
    /// without these polls. A second call replaces the period.
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection) if no connection or thread can be created,
    /// or the session was closed. [`Error::Timeout`](crate::Error::Timeout) if OpenOCD does not
    /// answer.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.target().halt()?;
    /// use std::time::Duration;
    /// use openocd::{BreakpointKind, Event};
    ///
    /// let events = session.events()?.poll_every(Duration::from_millis(5))?;
    /// session.breakpoints().add(0x0800_004e, BreakpointKind::Hardware)?;
    /// session.target().resume()?;
    /// events.wait_for(Event::is_halt, Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll_every(self, period: Duration) -> Result<Events> {
        self.feed.set_poller(None);
        let poller = Poller::start(&self.session, period.max(SHORTEST_PERIOD));
        self.feed.set_poller(Some(poller.map_err(|error| self.session.explain(error))?));
        Ok(self)
    }
}

/// The thread that polls; dropping this ends it. It owns no handle of the session.
#[derive(Debug)]
pub(super) struct Poller {
    /// Dropped, it tells the thread to end.
    running: Option<Sender<()>>,
    socket: Arc<TcpStream>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    fn start(session: &Session, period: Duration) -> Result<Poller> {
        super::refuse_closed(session)?;
        let (address, settings) = session.reach();
        let link = Link::open(address, settings)?;
        let peer = link.peer();
        let failed = |source| ConnectionError::Io { peer, doing: "starting to poll the targets", source };
        let socket = Arc::new(link.handle().map_err(failed)?);
        session.shut_down_at_close(&socket);
        let (running, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("openocd poller".into());
        let thread = thread.spawn(move || poll(link, period, &ended)).map_err(failed)?;
        Ok(Poller { running: Some(running), socket, thread: Some(thread) })
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.running = None;
        // It may wait for an answer. The connection may be closed already, which is what is wanted.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // It runs none of the caller's code and does not panic.
            let _ = thread.join();
        }
    }
}

/// Polls until the other end of `ended` is gone, or the connection.
fn poll(mut link: Link, period: Duration, ended: &Receiver<()>) {
    // Without a limit: after a timeout a new connection would ask for the next poll while OpenOCD
    // is still at this one.
    let request = Request::new(Script::call("poll_all")).shown("arp_poll").within(Duration::MAX);
    let (mut pause, mut was_paused) = (period, false);
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        match link.run(&request, |reply| reply.success(&request).map_or(Vec::new(), <[u8]>::to_vec)) {
            Ok(answer) => {
                let is_paused = answer == b"paused";
                if is_paused && !was_paused {
                    log::info!(target: "openocd::events", "polling is paused, so the targets are not polled for events");
                }
                was_paused = is_paused;
                pause = if is_paused || answer == b"done" { period } else { period.max(PERIOD_AFTER_FAILURE) };
            }
            Err(error) => {
                if ended.try_recv() == Err(TryRecvError::Empty) {
                    log::warn!(target: "openocd::events", "the targets are no longer polled for events: {error}");
                }
                return;
            }
        }
    }
}
