//! Writing to the target: into the ring of a down-channel, in its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::ring::{Ring, RingState};
use super::{GRACE, Rtt, SEARCH_GRACE};
use crate::command::Script;
use crate::error::{Error, Failure, Result, RttError};
use crate::session::Session;
use crate::stop_token::StopTokens;
use crate::types::RttDirection;
use crate::wire::Deadline;

/// After so long without a byte or a control block, a read or a write checks whether the transfer
/// is alive.
pub(super) const CHECK_PERIOD: Duration = Duration::from_millis(250);
/// How often a write asks whether the target has room.
const ROOM_POLL: Duration = Duration::from_millis(2);
/// How many bytes one command writes at most.
const LARGEST_PUT: usize = 4096;

/// How often a session restarted RTT by itself.
#[derive(Debug, Default)]
pub(super) struct Restarts(AtomicU32);

impl Restarts {
    fn of(session: &Session) -> Arc<Restarts> {
        session.state(Restarts::default)
    }

    pub(super) fn count(session: &Session) -> u32 {
        Restarts::of(session).0.load(Ordering::Acquire)
    }
}

/// The same error, of the command that failed. A write to memory is preceded by reads of the
/// control block.
pub(super) fn of_failed_access(error: Error) -> Error {
    match error {
        Error::Rtt(RttError::Refused(mut refused)) if is_of_a_read(&refused.failure) => {
            refused.failure = Box::new(refused.failure.of_command("read_memory".to_owned()));
            Error::Rtt(RttError::Refused(refused))
        }
        error => error,
    }
}

fn is_of_a_read(failure: &Failure) -> bool {
    // OpenOCD 0.12.0 begins the message with the name of the command, newer OpenOCD does not.
    let is_of_a_read = |line: &str| line.starts_with("read_memory: ") || line == "failed to read memory";
    failure.message().lines().any(|line| is_of_a_read(line.trim_start_matches("Error: ").trim_end()))
}

impl Rtt<'_> {
    /// Puts all bytes into a down-channel before the deadline.
    pub(super) fn put_all(&self, number: u32, bytes: &[u8], deadline: Deadline) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if rest.len() < bytes.len() && deadline.has_passed() {
                let (taken, length) = (bytes.len() - rest.len(), bytes.len());
                return Err(RttError::NotTaken { channel: number, taken, length, after: deadline.span() }.into());
            }
            match self.put(number, rest, deadline) {
                Ok(taken) => rest = &rest[taken..],
                Err(Error::Rtt(RttError::NotTaken { channel, after, .. })) => {
                    let taken = bytes.len() - rest.len();
                    return Err(RttError::NotTaken { channel, taken, length: bytes.len(), after }.into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts as many bytes into a down-channel as it has room for, once it has any, and returns how
    /// many.
    pub(super) fn put(&self, number: u32, bytes: &[u8], deadline: Deadline) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let hard_deadline = deadline.extended_by(GRACE);
        let mut checked = Instant::now();
        loop {
            let (count, ring) = self.put_once(number, bytes, hard_deadline)?;
            if count > 0 {
                return Ok(count);
            }
            let is_over = deadline.has_passed();
            // Firmware that is just starting gets some time. At the deadline a restart is for the
            // next write.
            if ring.state == RingState::Lost && (is_over || checked.elapsed() >= CHECK_PERIOD) {
                self.revive(deadline.extended_by(SEARCH_GRACE), &StopTokens::default())?;
                checked = Instant::now();
            }
            if is_over {
                let (channel, length, after) = (number, bytes.len(), deadline.span());
                return Err(RttError::NotTaken { channel, taken: 0, length, after }.into());
            }
            std::thread::sleep(deadline.remaining().unwrap_or(ROOM_POLL).min(ROOM_POLL));
        }
    }

    /// Puts as many bytes into a down-channel as it has room for now, and returns how many. None if
    /// the control block is not there.
    pub(super) fn put_now(&self, number: u32, bytes: &[u8]) -> Result<usize> {
        self.put_once(number, bytes, Deadline::NEVER).map(|(count, _)| count)
    }

    /// Puts as many bytes into a down-channel as it has room for now. Returns how many, and the
    /// ring before.
    fn put_once(&self, number: u32, bytes: &[u8], deadline: Deadline) -> Result<(usize, Ring)> {
        let piece = &bytes[..bytes.len().min(LARGEST_PUT)];
        let script = Script::call("rtt_put").number(number).hex_list(piece.iter().copied());
        let request = self.request(script).shown("write_memory").to("write to the RTT ring");
        let request = request.before(deadline).expecting("how many bytes the target took");
        let answer = self.ask(&request, |answer| Ring::parse_put(answer, piece.len()));
        let (count, ring) = answer.map_err(of_failed_access)??;
        if ring.state == RingState::None {
            return Err(ring.no_channel(RttDirection::Down, number).into());
        }
        Ok((count, ring))
    }

    /// Restarts a transfer that does not go on by itself, if the control block is there.
    pub(super) fn revive(&self, deadline: Deadline, stops: &StopTokens) -> Result<()> {
        match self.start_before(deadline, true, stops) {
            Ok(block) => {
                log::warn!(
                    target: "openocd::rtt",
                    "restarted the transfer: control block at {block:#010x}; what was in the rings before a reset is lost"
                );
                Restarts::of(self.session()).0.fetch_add(1, Ordering::AcqRel);
                Ok(())
            }
            Err(error @ Error::Connection(_)) => Err(error),
            Err(error) => {
                log::debug!(target: "openocd::rtt", "cannot restart the transfer yet: {error}");
                Ok(())
            }
        }
    }
}
