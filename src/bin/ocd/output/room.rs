//! Waits until standard output or error takes something: whoever reads it may have stopped to read,
//! as a pager does. A signal ends that wait, and so does the end of the command's time.

use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::platform::{self, Stream};
use crate::signals::{POLL, Signals};

/// How long the reader has after a signal, and after the time is over.
const GRACE: Duration = Duration::from_millis(500);

/// When the command must end.
static END: Mutex<Option<Instant>> = Mutex::new(None);

/// The command must end then.
pub(crate) fn limit(end: Option<Instant>) {
    *END.lock().unwrap_or_else(PoisonError::into_inner) = end;
}

/// Writes all of it to standard output.
pub(crate) fn print(bytes: &[u8]) -> Outcome<()> {
    let mut out = io::stdout().lock();
    // As much as a pipe takes at once, or not at all.
    for piece in bytes.chunks(platform::PIECE) {
        wait(Stream::Output)?;
        out.write_all(piece)?;
        out.flush()?;
    }
    Ok(())
}

/// Waits until the stream takes something.
pub(crate) fn wait(stream: Stream) -> Outcome<()> {
    let mut since = None;
    while !platform::wait_for_room(stream, POLL) {
        let signal = Signals::current().caught();
        let end = *END.lock().unwrap_or_else(PoisonError::into_inner);
        if signal.is_none() && end.is_none_or(|end| Instant::now() < end) {
            since = None;
            continue;
        }
        if since.get_or_insert_with(Instant::now).elapsed() >= GRACE {
            let failure = match signal {
                Some(status) => Failure::interrupted(status),
                None => Failure::new(exit_status::TIMEOUT, "ocd.timeout", "the time is over"),
            };
            return Err(failure.cause("nobody reads what is printed"));
        }
    }
    Ok(())
}
