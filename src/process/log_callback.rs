//! The caller's callback for the log.
//!
//! It runs on a thread of its own: it may be slow, and draining OpenOCD's pipe must not wait for
//! it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::log_tail::LogTail;

/// How many lines may wait for the callback.
const LOG_QUEUE_LINES: usize = 4096;

/// Called with each line of OpenOCD's log. Clones of a builder share it.
pub(super) type LogCallback = Arc<Mutex<dyn FnMut(&str) + Send>>;

/// Lines on their way to the callback.
#[derive(Debug)]
pub(super) struct LogQueue {
    /// `None` once the callback has panicked.
    lines: Option<SyncSender<String>>,
    dropped: usize,
}

impl LogQueue {
    /// Starts the thread; the tail knows when it has ended.
    pub(super) fn start(thread: thread::Builder, tail: &Arc<LogTail>, callback: LogCallback) -> io::Result<Self> {
        let (send, lines) = sync_channel::<String>(LOG_QUEUE_LINES);
        let tail = Arc::clone(tail);
        tail.set_callback_busy(true);
        thread.spawn(move || {
            let run = move || {
                for line in &lines {
                    // Poisoned: it has panicked for a clone of the builder.
                    let Ok(mut callback) = callback.lock() else { break };
                    callback(&line);
                }
                // The callback may be dropped here, which is the caller's code too.
            };
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                log::error!(target: "openocd::process", "the log callback panicked; it is not called any more");
            }
            tail.set_callback_busy(false);
        })?;
        Ok(LogQueue { lines: Some(send), dropped: 0 })
    }

    /// Never waits: drops the line if there is no room for it.
    pub(super) fn push(&mut self, line: &str) {
        let Some(lines) = &self.lines else { return };
        match lines.try_send(line.to_owned()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                if self.dropped == 0 {
                    log::warn!(
                        target: "openocd::process",
                        "the log callback is slower than OpenOCD: {LOG_QUEUE_LINES} lines wait for it, and further lines are dropped"
                    );
                }
                self.dropped += 1;
            }
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
    }
}

impl Drop for LogQueue {
    fn drop(&mut self) {
        if self.dropped > 0 {
            log::debug!(target: "openocd::process", "dropped {} lines that the log callback was too slow for", self.dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    use super::*;

    fn start(callback: impl FnMut(&str) + Send + 'static) -> (LogQueue, Arc<LogTail>) {
        let tail = Arc::new(LogTail::default());
        let queue = LogQueue::start(thread::Builder::new(), &tail, Arc::new(Mutex::new(callback))).unwrap();
        tail.close();
        (queue, tail)
    }

    fn wait(tail: &LogTail) {
        let begin = Instant::now();
        tail.wait_for_callback(begin + Duration::from_secs(60));
        assert!(begin.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn lines_that_a_slow_callback_has_no_room_for_are_dropped() {
        let (open, gate) = channel::<()>();
        let (heard, lines) = channel();
        let (mut queue, tail) = start(move |line| {
            let _ = gate.recv();
            let _ = heard.send(line.to_owned());
        });
        for n in 0..LOG_QUEUE_LINES + 10 {
            queue.push(&n.to_string());
        }
        // One more than the queue holds may be with the callback.
        assert!(matches!(queue.dropped, 9..=10), "{}", queue.dropped);
        let dropped = queue.dropped;
        drop((open, queue));
        wait(&tail);
        let lines: Vec<_> = lines.iter().collect();
        assert_eq!(lines, (0..LOG_QUEUE_LINES + 10 - dropped).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn callback_that_panics_is_not_called_again() {
        let (called, calls) = channel();
        let (mut queue, tail) = start(move |_| {
            let _ = called.send(());
            panic!("on purpose");
        });
        queue.push("one");
        wait(&tail);
        queue.push("two");
        queue.push("three");
        assert!(queue.lines.is_none());
        assert_eq!(calls.iter().count(), 1);
    }
}
