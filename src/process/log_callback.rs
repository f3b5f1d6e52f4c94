//! The caller's callback for the log, on a thread of its own: it may be slow, and the draining of OpenOCD's pipe must not wait for it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use super::log_reader::LogTail;

/// How many lines may wait for the callback.
const LOG_QUEUE_LINES: usize = 4096;

/// Called with each line of OpenOCD's log.
pub(super) type LogCallback = Box<dyn FnMut(&str) + Send>;

/// The lines on their way to the callback.
#[derive(Debug)]
pub(super) struct LogQueue {
    /// `None` once the callback has panicked.
    lines: Option<SyncSender<String>>,
    left_out: usize,
}

impl LogQueue {
    /// Starts the thread; the tail knows when it has ended.
    pub(super) fn start(thread: thread::Builder, tail: &Arc<LogTail>, mut callback: LogCallback) -> io::Result<Self> {
        let (send, lines) = sync_channel::<String>(LOG_QUEUE_LINES);
        let tail = Arc::clone(tail);
        tail.set_hearing(true);
        thread.spawn(move || {
            // It is dropped in here too: that is the caller's code as well.
            if catch_unwind(AssertUnwindSafe(move || lines.iter().for_each(|line| callback(&line)))).is_err() {
                log::error!(target: "openocd::process", "the log callback panicked; it is not called any more");
            }
            tail.set_hearing(false);
        })?;
        Ok(LogQueue { lines: Some(send), left_out: 0 })
    }

    /// Never waits: leaves the line out if there is no room for it.
    pub(super) fn push(&mut self, line: &str) {
        let Some(lines) = &self.lines else { return };
        match lines.try_send(line.to_owned()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                if self.left_out == 0 {
                    log::warn!(
                        target: "openocd::process",
                        "the log callback is slower than OpenOCD, and {LOG_QUEUE_LINES} lines wait for it; it does not get all of them"
                    );
                }
                self.left_out += 1;
            }
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
    }
}

impl Drop for LogQueue {
    fn drop(&mut self) {
        if self.left_out > 0 {
            log::debug!(target: "openocd::process", "{} lines were left out for the log callback", self.left_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    use super::*;

    fn start(callback: LogCallback) -> (LogQueue, Arc<LogTail>) {
        let tail = Arc::new(LogTail::default());
        let queue = LogQueue::start(thread::Builder::new(), &tail, callback).unwrap();
        tail.close();
        (queue, tail)
    }

    fn wait(tail: &LogTail) {
        let begin = Instant::now();
        tail.wait_until_closed(begin + Duration::from_secs(60));
        assert!(begin.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn lines_that_a_slow_callback_has_no_room_for_are_left_out() {
        let (open, gate) = channel::<()>();
        let (heard, lines) = channel();
        let (mut queue, tail) = start(Box::new(move |line| {
            let _ = gate.recv();
            let _ = heard.send(line.to_owned());
        }));
        for n in 0..LOG_QUEUE_LINES + 10 {
            queue.push(&n.to_string());
        }
        // One more than the queue holds may be with the callback.
        assert!(matches!(queue.left_out, 9..=10), "{}", queue.left_out);
        let left_out = queue.left_out;
        drop((open, queue));
        wait(&tail);
        let lines: Vec<_> = lines.iter().collect();
        assert_eq!(lines, (0..LOG_QUEUE_LINES + 10 - left_out).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_callback_that_panics_is_not_called_again() {
        let (called, calls) = channel();
        let (mut queue, tail) = start(Box::new(move |_| {
            let _ = called.send(());
            panic!("on purpose");
        }));
        queue.push("one");
        wait(&tail);
        queue.push("two");
        queue.push("three");
        assert!(queue.lines.is_none());
        assert_eq!(calls.iter().count(), 1);
    }
}
