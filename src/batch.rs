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
use handle::{Pending, Slot, Unsettled};
pub use memory::BatchMemory;
pub use registers::BatchRegisters;

use crate::command::{Reply, Request, SHORT_REPLY, refuse_forbidden};
use crate::error::{CommandError, Error, Result, UnexpectedReply};
use crate::session::{Session, Unanswered};
use crate::target::Target;
use crate::wire::Deadline;

/// How many bytes of commands go in one message, unless one alone takes more. Quoting can double
/// them, and OpenOCD takes 4 MiB.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// Calls that are collected and then run together: one message to OpenOCD and one reply, in place
/// of a round trip for each.
///
/// Each call gives a [`Handle`], which after [`run`](Self::run) gives that call's own result, or
/// its own error with code and log. A call that fails does not affect the others, unless
/// [`stop_at_first_error`](Self::stop_at_first_error) says so. The calls run in the order in which
/// they were made.
///
/// [`Session::batch`] makes one for the current target, [`Target::batch`] one for a named target. A
/// batch that is too large for one message, or whose replies are too large for one, is sent in
/// several messages. Other threads may use the session between them.
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
    slot: Arc<dyn Pending>,
    /// Whether the reply may hold a failure where OpenOCD's number says success.
    reply_may_hide_failure: bool,
    /// A call before it was refused.
    after_refusal: bool,
}

/// What a message came to.
enum Sent {
    /// All of its calls were run that should be.
    Done,
    /// A call failed that stops the rest.
    Stopped,
}

impl Session {
    /// Collects calls for the current target, to run them together; short for
    /// `session.target().batch()`.
    pub fn batch(&self) -> Batch<'_> {
        self.target().batch()
    }
}

impl<'a> Target<'a> {
    /// Collects calls for this target, to run them together.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut batch = session.target().batch();
    /// let word = batch.memory().read_u32(0x2000_0000);
    /// batch.run()?;
    /// println!("{:#x}", word.result()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn batch(self) -> Batch<'a> {
        Batch { target: self, entries: VecDeque::new(), stop_at_failure: false, refused: false, timeout: None }
    }
}

impl<'a> Batch<'a> {
    /// Runs nothing after the first call that fails or is refused. The handles of the rest then
    /// give [`CommandError::NotRun`].
    ///
    /// Each register access and each flash query is then the last call of its message, because
    /// OpenOCD's own code does not tell whether such a call failed. A result that is not text is
    /// found too late to stop the calls after it.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{CommandError, Error};
    ///
    /// let mut batch = session.batch().stop_at_first_error();
    /// let failing = batch.memory().write_u32(0x6000_0000, 1); // nothing is there
    /// let skipped = batch.memory().write_u32(0x2000_0000, 1);
    /// batch.run()?;
    /// assert!(failing.result().is_err());
    /// assert!(matches!(skipped.result(), Err(Error::Command(CommandError::NotRun { .. }))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop_at_first_error(mut self) -> Self {
        self.stop_at_failure = true;
        self
    }

    /// Limits how long [`run`](Self::run) may take, with all of its messages and the wait for other
    /// threads. By default each message has the session's own timeout.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// let mut batch = session.batch().timeout(Duration::from_secs(2));
    /// let name = batch.command("adapter name");
    /// batch.run()?;
    /// println!("{}", name.result()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Returns the number of calls that wait to be sent.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether no call waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory accesses, put into the batch.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut batch = session.batch();
    /// let words: Vec<_> = [0x2000_0000, 0x2000_1000].map(|address| batch.memory().read_u32(address)).into();
    /// batch.run()?;
    /// for word in words {
    ///     println!("{:#010x}", word.result()?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn memory(&mut self) -> BatchMemory<'_, 'a> {
        BatchMemory::of(self)
    }

    /// Register accesses, put into the batch.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let mut batch = session.batch();
    /// let written = batch.registers().write("r0", 5);
    /// let registers = batch.registers().read_many(&["r0", "pc"]);
    /// batch.run()?;
    /// written.result()?;
    /// assert_eq!(registers.result()?[0].value.to_u64(), Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn registers(&mut self) -> BatchRegisters<'_, 'a> {
        BatchRegisters::of(self)
    }

    /// Questions about flash, put into the batch.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut batch = session.batch();
    /// let banks = batch.flash().banks();
    /// batch.run()?;
    /// println!("{}", banks.result()?[0].name);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flash(&mut self) -> BatchFlash<'_, 'a> {
        BatchFlash::of(self)
    }

    /// Puts any command into the batch, to be run as [`Session::command`] runs it.
    ///
    /// # Errors
    /// The handle gives those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut batch = session.batch();
    /// let (name, transport) = (batch.command("adapter name"), batch.command("transport select"));
    /// batch.run()?;
    /// println!("{} over {}", name.result()?, transport.result()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn command(&mut self, command: &str) -> Handle<String> {
        self.put(Request::new(command.to_owned()), |request, reply| reply.text(request))
    }

    /// Sends the calls and waits for their replies, which the handles then give.
    ///
    /// A call that OpenOCD refuses is no error here: its handle has the error.
    ///
    /// # Errors
    /// [`Error::Timeout`] and [`Error::Connection`]. The calls of the message that got no reply
    /// then give [`CommandError::OutcomeUnknown`], because OpenOCD may have run them; those that
    /// were not sent give [`CommandError::NotRun`]. [`CommandError::TooLong`] if a single call is
    /// longer than OpenOCD's line.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut batch = session.batch();
    /// let written = batch.memory().write_u32(0x2000_0000, 7);
    /// batch.run()?;
    /// written.result()?; // whether this call succeeded
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(mut self) -> Result<()> {
        let deadline = self.timeout.map(|timeout| Deadline::after(Some(timeout)));
        let mut outcome = Ok(());
        let mut why = Unsettled::MessageFailed;
        let after_refusal = self.entries.iter().position(|entry| entry.after_refusal && self.stop_at_failure);
        let stopped = after_refusal.map(|first| self.entries.split_off(first)).unwrap_or_default();
        while !self.entries.is_empty() {
            match self.run_message(deadline) {
                Ok(Sent::Done) => {}
                Ok(Sent::Stopped) => {
                    why = Unsettled::CallFailed;
                    break;
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        for (entries, why) in [(self.entries, why), (stopped, Unsettled::CallFailed)] {
            for entry in entries {
                entry.slot.settle(Err(why));
            }
        }
        outcome
    }

    /// Sends as many calls as one message takes, and settles those that were run.
    fn run_message(&mut self, deadline: Option<Deadline>) -> Result<Sent> {
        let mut length = 0;
        let mut ended = false;
        let fits = |entry: &&Entry| {
            length += entry.request.script.len();
            let fits = length <= MESSAGE_BYTES && !ended;
            ended = self.stop_at_failure && entry.reply_may_hide_failure;
            fits
        };
        let most = self.target.session().reply_limit() / 4 / SHORT_REPLY;
        let count = self.entries.iter().take(most).take_while(fits).count().max(1);
        let commands: Vec<_> = self.entries.iter().take(count).map(|entry| &entry.request).collect();
        let shown = format!("a batch of {count} commands, the first of which is {}", commands[0].name());
        let mut request = self.target.request("").shown(shown).expecting("the result of each command");
        (request.timeout, request.deadline) = (self.timeout, deadline);
        let (session, stop) = (self.target.session(), self.stop_at_failure);
        let mut began = true;
        let outcome = session.run_batch(&request, stop, &commands, |reply| {
            if reply.code != 0 {
                // The procedure itself failed, for example because the target's name is unknown.
                // Its log tells whether it ran a command.
                began = *reply.log != *b"0";
                let failure = Reply { code: reply.code, result: reply.result.clone(), log: b""[..].into() };
                return Err(Error::refused(Box::new(failure.failure(&request)), Error::from_failure));
            }
            let replies = replies::parse(&reply.result, &reply.log);
            let replies = replies.filter(|replies| (1..=count).contains(&replies.len()));
            let replies = replies.ok_or_else(|| unexpected(&request, reply))?;
            let mut failed = false;
            for (entry, reply) in self.entries.iter().zip(&replies) {
                failed |= !entry.slot.settle(Ok((&entry.request, reply)));
            }
            Ok::<_, Error>((replies.len(), failed))
        });
        let (error, may_have_run) = match outcome {
            Ok(Ok((answered, failed))) => {
                drop(self.entries.drain(..answered));
                return Ok(if failed && self.stop_at_failure { Sent::Stopped } else { Sent::Done });
            }
            Ok(Err(error)) => (error, began),
            Err(Unanswered { error, was_sent }) => (error, was_sent),
        };
        if may_have_run {
            for entry in self.entries.drain(..count) {
                entry.slot.settle(Err(Unsettled::NoReply));
            }
        }
        Err(error)
    }

    /// Puts a call into the batch that failed only if OpenOCD's number says so.
    pub(crate) fn put<T: Send + 'static>(
        &mut self,
        request: Request<'static>,
        read: impl FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send + 'static,
    ) -> Handle<T> {
        self.put_entry(request, false, read)
    }

    /// Puts a call into the batch whose `read` may find a failure where OpenOCD's number says
    /// success.
    fn put_checked<T: Send + 'static>(
        &mut self,
        request: Request<'static>,
        read: impl FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send + 'static,
    ) -> Handle<T> {
        self.put_entry(request, true, read)
    }

    fn put_entry<T: Send + 'static>(
        &mut self,
        request: Request<'static>,
        reply_may_hide_failure: bool,
        read: impl FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send + 'static,
    ) -> Handle<T> {
        if let Err(error) = refuse_forbidden(&request.script) {
            return self.settle(&request, Err(error.into()));
        }
        let slot = Arc::new(Slot::new(&request, read));
        let (handle, after_refusal) = (Handle::of(Arc::clone(&slot)), self.refused);
        self.entries.push_back(Entry { request, slot, reply_may_hide_failure, after_refusal });
        handle
    }

    /// The handle of a call that need not be sent, or is refused.
    fn settle<T: Send + 'static>(&mut self, request: &Request<'_>, result: Result<T>) -> Handle<T> {
        self.refused |= result.is_err();
        Handle::settled(request, result)
    }
}

fn unexpected(request: &Request<'_>, reply: &Reply<'_>) -> Error {
    let reply = [&*reply.result, &*reply.log].join(&b"; "[..]);
    CommandError::from(UnexpectedReply::new(request.name(), request.expected, reply)).into()
}

/// "Batch(3 calls for stm32f1x.cpu)"
impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.chosen().unwrap_or("the current target");
        write!(f, "Batch({} calls for {target})", self.entries.len())
    }
}
