//! What OpenOCD keeps for this program, and takes for abandoned unless it is renewed: OpenOCD cannot
//! tell whether a client still lives.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{ConnectionError, Error, Result};

/// A name that nobody else has, of whatever client.
pub(crate) fn new_holder() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-{}", std::process::id(), now.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A thread that renews something. Dropping this ends the thread, and does not wait for that.
#[derive(Debug)]
pub(crate) struct Renewal {
    ends: Sender<()>,
    /// Returns the last error, if that was a timeout.
    thread: JoinHandle<Option<Error>>,
}

impl Renewal {
    /// Starts to call `renew` once in a while, until this ends or the session is closed. `renew`
    /// returns whether there is still something to renew.
    pub(crate) fn start(
        name: &str,
        period: Duration,
        mut renew: impl FnMut() -> Result<bool> + Send + 'static,
    ) -> io::Result<Renewal> {
        let (ends, ended) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut silence = None;
            while ended.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                match renew() {
                    Ok(true) => silence = None,
                    Ok(false)
                    | Err(Error::Connection(ConnectionError::SessionClosed | ConnectionError::ServerDied { .. })) => {
                        return None;
                    }
                    // The connection may come back by `Session::reconnect`.
                    Err(error) => {
                        log::debug!(target: "openocd::command", "cannot renew: {error}");
                        silence = Some(error).filter(Error::is_timeout);
                    }
                }
            }
            silence
        })?;
        Ok(Renewal { ends, thread })
    }

    /// Ends it, and waits until the thread has ended. Fails if OpenOCD did not answer it: then it is
    /// no use to wait for another answer.
    pub(crate) fn end(self) -> Result<()> {
        drop(self.ends);
        // The thread runs none of the caller's code and does not panic.
        self.thread.join().ok().flatten().map_or(Ok(()), Err)
    }
}
