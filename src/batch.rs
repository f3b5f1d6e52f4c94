//! Many calls in one round trip.

mod flash;
mod handle;
mod memory;
mod registers;
mod replies;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use flash::BatchFlash;
pub use handle::Handle;
use handle::{Call, Pending};
pub use memory::BatchMemory;
pub use registers::BatchRegisters;

use crate::command::{Reply, Request, SHORT_REPLY, refuse_forbidden};
use crate::error::{CommandError, Error, Result, UnexpectedReply};
use crate::session::Session;
use crate::target::Target;

/// How many bytes of commands go in one message, unless one alone takes more. Quoting can double them, and OpenOCD takes 4 MiB.
const MESSAGE: usize = 1024 * 1024;

const STOPPED: &str = "an earlier call of the batch failed";
const BROKEN_OFF: &str = "the batch was broken off before it";

/// Calls that are collected and then run together: one message to OpenOCD and one reply, in place of a round trip for each.
///
/// Each call gives a [`Handle`], which after [`run`](Self::run) gives that call's own result, or its own error with code and log. One
/// that fails does not harm the others, unless [`stop_at_first_error`](Self::stop_at_first_error) says so. The calls run in the order in
/// which they were made.
///
/// [`Session::batch`] gives one for the current target, [`Target::batch`] for a named one. A batch that is too large for one message, or whose
/// replies are too large for one, is sent in several, one after the other; other threads may get their turn between them.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// session.target().halt()?;
///
/// let mut batch = session.batch();
/// batch.memory().write_u32(0x2000_0000, 0xcafe_f00d);
/// let word = batch.memory().read_u32(0x2000_0000);
/// let pc = batch.registers().read("pc");
/// let name = batch.command("adapter name");
/// let nothing_there = batch.memory().read_u32(0x6000_0000);
/// batch.run()?;
///
/// assert_eq!(word.result()?, 0xcafe_f00d);
/// println!("{} at pc {}", name.result()?, pc.result()?.value);
/// assert!(nothing_there.result().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is sent before `run`"]
pub struct Batch<'a> {
    target: Target<'a>,
    entries: VecDeque<Entry>,
    stop_at_failure: bool,
    /// A call has been refused before it was put in.
    refused: bool,
    timeout: Option<Duration>,
}

/// A call that waits to be sent.
struct Entry {
    request: Request<'static>,
    call: Arc<dyn Pending>,
    /// Whether it failed is not told by OpenOCD's number alone.
    is_judged_here: bool,
    /// A call before it was refused.
    after_refusal: bool,
}

impl Session {
    /// Collects calls for the current target, to run them together; short for `session.target().batch()`.
    pub fn batch(&self) -> Batch<'_> {
        self.target().batch()
    }
}

impl<'a> Target<'a> {
    /// Collects calls for this target, to run them together.
    pub fn batch(self) -> Batch<'a> {
        Batch { target: self, entries: VecDeque::new(), stop_at_failure: false, refused: false, timeout: None }
    }
}

impl<'a> Batch<'a> {
    /// Runs nothing after the first call that fails or is refused. The handles of the rest then give [`CommandError::NotRun`].
    ///
    /// Accesses of registers and questions about flash then take a round trip each, as OpenOCD's own number does not tell whether they failed. What only
    /// shows when a reply is read, such as a result that is no text, is too late to stop the calls that were sent along.
    pub fn stop_at_first_error(mut self) -> Self {
        self.stop_at_failure = true;
        self
    }

    /// How long each message with its reply may take; the session's own timeout by default, which may be short for many slow calls.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How many calls wait to be sent.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// No call waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory accesses, put into the batch.
    pub fn memory(&mut self) -> BatchMemory<'_, 'a> {
        BatchMemory::of(self)
    }

    /// Register accesses, put into the batch.
    pub fn registers(&mut self) -> BatchRegisters<'_, 'a> {
        BatchRegisters::of(self)
    }

    /// Questions about flash, put into the batch.
    pub fn flash(&mut self) -> BatchFlash<'_, 'a> {
        BatchFlash::of(self)
    }

    /// Any command, as [`Session::command`] runs it.
    ///
    /// # Errors
    /// The handle gives those of [`Session::command`].
    pub fn command(&mut self, command: &str) -> Handle<String> {
        self.put(Request::new(command.to_owned()), |request, reply| reply.text(request))
    }

    /// Sends the calls and waits for their replies, which the handles then give.
    ///
    /// A call that OpenOCD refuses is no error here: its handle has it.
    ///
    /// # Errors
    /// [`Error::Timeout`] and [`Error::Connection`], after which the calls without a reply give [`CommandError::NotRun`], though
    /// OpenOCD may have executed them; [`CommandError::TooLong`] if a single call is longer than OpenOCD's line.
    pub fn run(mut self) -> Result<()> {
        let mut outcome = Ok(());
        let mut why = BROKEN_OFF;
        let after_refusal = self.entries.iter().position(|entry| entry.after_refusal && self.stop_at_failure);
        let stopped = after_refusal.map(|first| self.entries.split_off(first)).unwrap_or_default();
        while !self.entries.is_empty() {
            match self.run_message() {
                Ok(false) => {}
                Ok(true) => {
                    why = STOPPED;
                    break;
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        for (entries, why) in [(self.entries, why), (stopped, STOPPED)] {
            for entry in entries {
                entry.call.settle(Err(why));
            }
        }
        outcome
    }

    /// Sends as many calls as one message takes and takes those that were run; true if one failed that stops the rest.
    fn run_message(&mut self) -> Result<bool> {
        let mut length = 0;
        let mut ended = false;
        let fits = |entry: &&Entry| {
            length += entry.request.script.len();
            let fits = length <= MESSAGE && !ended;
            ended = self.stop_at_failure && entry.is_judged_here;
            fits
        };
        let most = self.target.session().reply_limit() / 4 / SHORT_REPLY;
        let count = self.entries.iter().take(most).take_while(fits).count().max(1);
        let commands: Vec<_> = self.entries.iter().take(count).map(|entry| &entry.request).collect();
        let shown = format!("a batch of {count} commands, the first of which is {}", commands[0].name());
        let mut request = self.target.request("").shown(shown);
        request.timeout = self.timeout;
        let (session, stop) = (self.target.session(), self.stop_at_failure);
        let (answered, failed) = session.run_batch(&request, stop, &commands, |reply| {
            // The procedure itself failed: the target's name, say, is not known any more.
            let list = reply.success(&request).map_err(|failure| Error::refused(failure, Error::from_failure))?;
            let replies = replies::parse(list, &reply.log).filter(|replies| (1..=count).contains(&replies.len()));
            let replies = replies.ok_or_else(|| unexpected(&request, reply))?;
            let mut failed = false;
            for (entry, reply) in self.entries.iter().zip(&replies) {
                failed |= !entry.call.settle(Ok((&entry.request, reply)));
            }
            Ok::<_, Error>((replies.len(), failed))
        })??;
        drop(self.entries.drain(..answered));
        Ok(failed && self.stop_at_failure)
    }

    /// Puts a call into the batch whose reply fails if OpenOCD's number says so.
    pub(crate) fn put<T: Send + 'static>(
        &mut self,
        request: Request<'static>,
        read: impl FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send + 'static,
    ) -> Handle<T> {
        self.put_judged(request, false, read)
    }

    /// Puts a call into the batch; `is_judged_here` if `read` may find a failure where OpenOCD saw none.
    fn put_judged<T: Send + 'static>(
        &mut self,
        request: Request<'static>,
        is_judged_here: bool,
        read: impl FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send + 'static,
    ) -> Handle<T> {
        if let Err(error) = refuse_forbidden(&request.script) {
            return self.settle(&request, Err(error.into()));
        }
        let call = Arc::new(Call::new(&request, read));
        let (handle, after_refusal) = (Handle::of(Arc::clone(&call)), self.refused);
        self.entries.push_back(Entry { request, call, is_judged_here, after_refusal });
        handle
    }

    /// The handle of a call that need not be sent, or is refused.
    fn settle<T: Send + 'static>(&mut self, request: &Request<'_>, result: Result<T>) -> Handle<T> {
        self.refused |= result.is_err();
        Handle::settled(request, result)
    }
}

fn unexpected(request: &Request<'_>, reply: &Reply<'_>) -> Error {
    let reply = [&reply.result, &reply.log].map(|list| String::from_utf8_lossy(list)).join("; ");
    let command = request.name().to_owned();
    CommandError::UnexpectedReply(UnexpectedReply { command, expected: "the result of each command", reply }).into()
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<_> = self.entries.iter().map(|entry| entry.request.name()).collect();
        f.debug_struct("Batch").field("target", &self.target).field("calls", &calls).finish_non_exhaustive()
    }
}
