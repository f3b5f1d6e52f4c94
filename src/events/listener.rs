//! Callbacks for events, each on a separate thread.

use std::fmt;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use super::feed::Feed;
use super::{Event, Events};
use crate::error::{ConnectionError, Error, Result};
use crate::session::Session;
use crate::types::ResetMode;
use crate::wire::Deadline;

/// Runs a callback for events until it is dropped.
///
/// Each callback has its own connection, thread and queue, so a slow callback delays neither
/// OpenOCD nor the session nor other callbacks. Events wait in the queue within the limits of
/// [`Events`]; events beyond that are counted by [`Event::Lost`] and [`lost`](Self::lost). A
/// callback that panics is called again for the next event; the panic is logged.
///
/// Dropping waits for a callback that is running, and discards the events that wait.
///
/// The listener owns a handle of its session; its thread does not. So a session ends when the
/// program has dropped its own handles and its listeners.
#[must_use = "the callback ends when this value is dropped"]
pub struct Listener {
    session: Session,
    stopped: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    feed: Arc<Feed>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Events {
    /// Calls `callback` for each event from now on, on a separate thread, until the returned value
    /// is dropped.
    ///
    /// # Errors
    /// [`ConnectionError::Io`] if the system cannot create a thread.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let listener = session.events()?.on(|event| println!("{event}"))?;
    /// session.target().halt()?;
    /// drop(listener);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on(self, mut callback: impl FnMut(&Event) + Send + 'static) -> Result<Listener> {
        super::refuse_closed(&self.session)?;
        let Events { session, feed } = self;
        let failed = |source| ConnectionError::Io { peer: feed.peer, doing: "starting a callback", source };
        let stopped = Arc::new(AtomicBool::new(false));
        let lost = Arc::new(AtomicU64::new(0));
        let run = {
            let (feed, stopped, lost) = (Arc::clone(&feed), Arc::clone(&stopped), Arc::clone(&lost));
            move || deliver(&feed, &stopped, &lost, &mut callback)
        };
        let thread = thread::Builder::new().name("openocd callback".into()).spawn(run).map_err(failed)?;
        Ok(Listener { session, stopped, lost, feed, thread: Some(thread) })
    }

    /// Calls `callback` whenever a target halts ([`Event::is_halt`]); otherwise like
    /// [`on`](Self::on).
    ///
    /// # Errors
    /// The same as [`on`](Self::on).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::sync::mpsc::channel;
    ///
    /// let (sender, halts) = channel();
    /// let listener = session.events()?.on_halt(move || drop(sender.send(())))?;
    /// session.target().halt()?;
    /// halts.recv()?;
    /// # drop(listener);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_halt(self, mut callback: impl FnMut() + Send + 'static) -> Result<Listener> {
        self.on(move |event| {
            if event.is_halt() {
                callback();
            }
        })
    }

    /// Calls `callback` whenever a target is resumed, also for a step ([`Event::is_resume`]);
    /// otherwise like [`on`](Self::on).
    ///
    /// # Errors
    /// The same as [`on`](Self::on).
    pub fn on_resume(self, mut callback: impl FnMut() + Send + 'static) -> Result<Listener> {
        self.on(move |event| {
            if event.is_resume() {
                callback();
            }
        })
    }

    /// Calls `callback` whenever a reset begins, with its mode ([`Event::Reset`]); otherwise like
    /// [`on`](Self::on).
    ///
    /// # Errors
    /// The same as [`on`](Self::on).
    pub fn on_reset(self, mut callback: impl FnMut(ResetMode) + Send + 'static) -> Result<Listener> {
        self.on(move |event| {
            if let Event::Reset(mode) = event {
                callback(*mode);
            }
        })
    }
}

/// Calls a callback for each event until the connection ends or the listener.
fn deliver(feed: &Feed, stopped: &AtomicBool, lost: &AtomicU64, callback: &mut dyn FnMut(&Event)) -> Result<()> {
    loop {
        let next = feed.next(Deadline::NEVER);
        if stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        let event = match next {
            Ok(Some(event)) => event,
            Ok(None) => continue,
            Err(error) => {
                log::warn!(target: "openocd::events", "a callback gets no more events: {error}");
                return Err(error);
            }
        };
        if let Event::Lost { count } = event {
            lost.fetch_add(count, Ordering::AcqRel);
        }
        // The callback is the caller's: after its panic it is called again, with whatever state it
        // left.
        if catch_unwind(AssertUnwindSafe(|| callback(&event))).is_err() {
            log::error!(target: "openocd::events", "a callback panicked at {event}");
        }
    }
}

impl Listener {
    /// Reports whether the callback still receives events: false once the connection is lost or the
    /// session closed.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Returns how many events were dropped because the callback was too slow, up to the last
    /// [`Event::Lost`] that it received.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Acquire)
    }

    /// Ends the callback, and waits for it if it is running. Call [`lost`](Self::lost) before to
    /// learn whether events were dropped.
    ///
    /// # Errors
    /// [`Error::Connection`] if the connection was lost before, or the session closed.
    pub fn stop(mut self) -> Result<()> {
        self.end().map_err(|error| match error {
            Error::Connection(_) if self.session.is_closed() => ConnectionError::SessionClosed.into(),
            error => error,
        })
    }

    fn end(&mut self) -> Result<()> {
        self.stopped.store(true, Ordering::Release);
        let lost_before = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
        // It may be closed already, which is what is wanted.
        let _ = self.feed.socket.shutdown(Shutdown::Both);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        if thread.thread().id() == thread::current().id() {
            // Dropped by its own callback, which cannot wait for itself; the thread ends when the
            // callback returns.
            return Ok(());
        }
        match thread.join() {
            Ok(result) if lost_before => result,
            // Its connection ended because this ended it.
            _ => Ok(()),
        }
    }
}

/// `Listener(127.0.0.1:6666)`
impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.feed.peer)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A lost connection has been logged when it was lost.
        let _ = self.end();
    }
}
