//! How long the end of a run may take.

use std::time::Duration;

use crate::error::Result;
use crate::wire::Deadline;

/// How long what must be done after a run may take.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// When the end of a run is over that begins now.
pub(super) fn beginning_now(end: Deadline) -> Deadline {
    end.sooner(Deadline::after(Some(GRACE)))
}

/// When the end of a run is over after one of its steps. Once OpenOCD has left a request
/// unanswered, all further steps share one time: waiting for each of them would add up.
pub(super) fn after_step<T>(end: Deadline, step: &Result<T>) -> Deadline {
    match step {
        Err(error) if error.is_timeout() => beginning_now(end),
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::error::{Error, RttError, TimeoutError};

    #[test]
    fn steps_after_an_unanswered_request_share_one_time() {
        let (peer, after) = (SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), Duration::from_secs(10));
        let silent: Result<()> = Err(TimeoutError::Reply { peer, command: "halt".to_owned(), after }.into());
        let first = after_step(Deadline::NEVER, &silent);
        assert!(first.remaining().is_some_and(|left| left <= GRACE));
        std::thread::sleep(Duration::from_millis(2));
        let second = after_step(first, &silent);
        assert!(first.remaining() >= second.remaining());
        let refused: Result<()> = Err(Error::from(RttError::NotStarted));
        assert_eq!(after_step(Deadline::NEVER, &refused).remaining(), None);
        assert_eq!(after_step(Deadline::NEVER, &Ok(())).remaining(), None);
    }
}
