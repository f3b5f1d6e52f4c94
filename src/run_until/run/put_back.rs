//! What a run changes in OpenOCD, and puts back whatever ends the run.

use std::panic::{self, AssertUnwindSafe};

use super::Run;
use crate::error::{Error, Result};
use crate::run_until::outcome::Verdict;
use crate::target::TargetStatus;

impl Run<'_, '_> {
    /// The run, with OpenOCD's semihosting disabled and RTT set up, and then put back: also after a
    /// handler that panics. Returns its end, and the channels that the firmware lacked.
    pub(super) fn with_all_put_back(&mut self) -> Result<((Verdict, TargetStatus), Vec<u32>)> {
        if self.serves_calls {
            self.server = Some(self.target.take_over_calls()?);
        }
        let ended = panic::catch_unwind(AssertUnwindSafe(|| self.with_breakpoints()));
        match &ended {
            Ok(ended) => self.hurry_after(ended),
            Err(_) => self.collector.silence(),
        }
        // An OpenOCD that does not answer is not asked once more: the claim ends by itself.
        let is_silent = ended.as_ref().is_ok_and(|ended| ended.as_ref().is_err_and(Error::is_timeout));
        let server = self.server.take().filter(|_| !is_silent);
        let put_back = server.map_or(Ok(()), |server| server.release(false));
        self.hurry_after(&put_back);
        let missing_channels = self.channels.missing();
        let closed = panic::catch_unwind(AssertUnwindSafe(|| self.close_channels()));
        if closed.is_err() {
            // What was not closed then.
            self.collector.silence();
            log_failure(&self.close_channels());
        }
        let ended = ended.unwrap_or_else(|payload| {
            log_failure(&put_back);
            if let Ok(closed) = &closed {
                log_failure(closed);
            }
            panic::resume_unwind(payload)
        });
        let closed = closed.unwrap_or_else(|payload| panic::resume_unwind(payload));
        // Why a run failed says more than what failed after it.
        let ended = ended?;
        put_back?;
        closed?;
        Ok((ended, missing_channels))
    }

    fn close_channels(&mut self) -> Result<()> {
        self.channels.close(self.target, self.end, &mut self.collector)
    }
}

/// After a panic, which nothing else must hide.
fn log_failure(step: &Result<()>) {
    if let Err(error) = step {
        log::warn!(target: "openocd::run_until", "after a handler panicked: {error}");
    }
}
