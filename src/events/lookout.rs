//! Looks at the targets between OpenOCD's own polls.

use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Events;
use crate::command::{Link, Request, Settings};
use crate::error::{ConnectionError, Result};
use crate::wire::Address;

/// Looking more often than this would leave OpenOCD little time for others.
const SHORTEST: Duration = Duration::from_millis(1);

/// How long until the next look after one that failed: OpenOCD logs each, and its own polls find out what has become of the target.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

impl Events {
    /// Has OpenOCD look at all its targets every `period`, so that what one does by itself (it runs into a breakpoint) is an event that much
    /// sooner, and not only when OpenOCD looks of its own accord.
    ///
    /// Works on a thread and a connection of its own, which end with this value, or with the [`Listener`](super::Listener) made of it. The next look
    /// comes `period` after the answer to the last, so a slow probe never has looks waiting; a period below 1 ms counts as 1 ms. A look costs OpenOCD
    /// one short command, and the probe what a poll of each examined target does; other calls wait for one that is under way. After a look that
    /// failed, the next comes after 100 ms at the earliest. There are no looks while
    /// [`Session::pause_polling`](crate::Session::pause_polling) holds polling off.
    ///
    /// If the connection of the looks is lost, that is logged, and events come as they do without them. Called again, it replaces the period.
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection) if the connection or the thread can't be had, [`Error::Timeout`](crate::Error::Timeout) if
    /// OpenOCD does not answer there.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.target().halt()?;
    /// use std::time::Duration;
    /// use openocd::{BreakpointKind, Event};
    ///
    /// let events = session.events()?.look_every(Duration::from_millis(5))?;
    /// session.breakpoints().add(0x0800_004e, BreakpointKind::Hardware)?;
    /// session.target().resume()?;
    /// events.wait_for(Event::is_halt, Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn look_every(mut self, period: Duration) -> Result<Events> {
        self.lookout = None;
        self.lookout = Some(Lookout::start(self.reach.clone(), period.max(SHORTEST))?);
        Ok(self)
    }
}

/// The thread that looks; dropping this ends it.
#[derive(Debug)]
pub(super) struct Lookout {
    /// Dropped, it tells the thread to end.
    running: Option<Sender<()>>,
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    fn start((address, settings): (Address, Settings), period: Duration) -> Result<Lookout> {
        let link = Link::open(address, settings)?;
        let peer = link.peer();
        let failed = |source| ConnectionError::Io { peer, doing: "starting to look at the targets", source };
        let stream = link.handle().map_err(failed)?;
        let (running, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("openocd lookout".into());
        let thread = thread.spawn(move || look(link, period, &ended)).map_err(failed)?;
        Ok(Lookout { running: Some(running), stream, thread: Some(thread) })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.running = None;
        // It may wait for an answer. The connection may be closed already, which is what is wanted.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // It runs none of the caller's code and does not panic.
            let _ = thread.join();
        }
    }
}

/// Looks until the other end of `ended` is gone, or the connection.
fn look(mut link: Link, period: Duration, ended: &Receiver<()>) {
    // Without a limit: after a timeout a new connection would ask for the next look while OpenOCD is still at this one.
    let request = Request::new("_openocd_rs_1_look_at_all").shown("arp_poll").within(Duration::MAX);
    let mut pause = period;
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        match link.run(&request, |reply| reply.success(&request).is_ok_and(|failed| failed == b"0")) {
            Ok(true) => pause = period,
            Ok(false) => pause = period.max(AFTER_FAILURE),
            Err(error) => {
                if ended.try_recv() == Err(TryRecvError::Empty) {
                    log::warn!(target: "openocd::events", "no more looks at the targets between OpenOCD's own: {error}");
                }
                return;
            }
        }
    }
}
