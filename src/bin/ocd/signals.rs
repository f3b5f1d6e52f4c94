//! Ctrl-C, SIGTERM and a closed terminal: the first one asks the command to end, the second one
//! ends `ocd` at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::exit_status;

/// What the operating system asked for.
#[derive(Clone)]
pub(crate) struct Signals {
    caught: Arc<AtomicUsize>,
    attended: Arc<AtomicBool>,
}

/// How often a waiting command looks.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// How long a command that does not attend to signals has to end by itself.
const GRACE: Duration = Duration::from_millis(300);

impl Signals {
    /// Begins to catch signals. OpenOCD ends with this program, however it ends: it holds the other
    /// end of OpenOCD's standard input.
    pub(crate) fn install() -> std::io::Result<Signals> {
        use signal_hook::consts::{SIGINT, SIGTERM};
        let signals = Signals { caught: Arc::default(), attended: Arc::default() };
        let again = Arc::new(AtomicBool::new(false));
        let mut wanted = vec![SIGINT, SIGTERM];
        #[cfg(unix)]
        wanted.push(signal_hook::consts::SIGHUP);
        for signal in wanted {
            let status = if signal == SIGINT { exit_status::INTERRUPTED } else { exit_status::TERMINATED };
            // In this order: only the second one ends the program at once.
            signal_hook::flag::register_conditional_shutdown(signal, status.into(), Arc::clone(&again))?;
            signal_hook::flag::register(signal, Arc::clone(&again))?;
            signal_hook::flag::register_usize(signal, Arc::clone(&signals.caught), status.into())?;
        }
        signals.end_unattended();
        Ok(signals)
    }

    /// The exit status of the signal that was caught.
    pub(crate) fn caught(&self) -> Option<u8> {
        match self.caught.load(Ordering::Relaxed) {
            0 => None,
            status => u8::try_from(status).ok(),
        }
    }

    /// The command looks at [`caught`](Self::caught) by itself from now on, and ends in order.
    pub(crate) fn attend(&self) {
        self.attended.store(true, Ordering::Relaxed);
    }

    /// Waits for `time`, or until a signal.
    pub(crate) fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while self.caught().is_none() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(POLL));
        }
    }

    /// Ends the program at a signal that the command does not attend to: it waits for OpenOCD.
    fn end_unattended(&self) {
        let signals = self.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(POLL);
                if let Some(status) = signals.caught() {
                    std::thread::sleep(GRACE);
                    if !signals.attended.load(Ordering::Relaxed) {
                        std::process::exit(status.into());
                    }
                    return;
                }
            }
        });
    }
}
