//! The handle that a call in a batch returns at once, and the slot where its result arrives.

use std::fmt;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::command::{Reply, Request};
use crate::error::{CommandError, Result};
use crate::types::NotRunReason;

/// The result of a call in a [`Batch`](crate::Batch), once the batch has run.
#[must_use = "the result of the call, or its error, is in here"]
// A panic leaves nothing half done behind the mutex.
pub struct Handle<T>(AssertUnwindSafe<Arc<dyn Results<T>>>);

/// Where the reply of a call arrives. The batch and the handle share it.
pub(super) struct Slot<T, F> {
    command: String,
    state: Mutex<State<T, F>>,
}

enum State<T, F> {
    /// What reads the reply.
    Waiting(F),
    Done(Result<T>),
    Taken,
}

/// Why a call has no reply.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unsettled {
    /// It was sent, and no reply came.
    NoReply,
    /// It was not sent, because a message before it failed or its own could not be sent.
    MessageFailed,
    /// It was not run, because a call before it failed.
    CallFailed,
    /// Its batch has not been run.
    BatchNotRun,
}

/// A slot as the batch sees it.
pub(super) trait Pending: Send + Sync {
    /// Takes the reply to the request, or the reason why there is none, and returns whether the
    /// call succeeded.
    fn settle(&self, outcome: Result<(&Request<'_>, &Reply<'_>), Unsettled>) -> bool;
}

/// A slot as its handle sees it.
trait Results<T>: Send + Sync {
    fn command(&self) -> &str;

    fn take(&self) -> Result<T>;
}

impl<T: Send + 'static> Handle<T> {
    /// The handle of a call that a batch will run.
    pub(super) fn of<F>(slot: Arc<Slot<T, F>>) -> Self
    where
        F: FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send + 'static,
    {
        Handle(AssertUnwindSafe(slot))
    }

    /// The handle of a call that need not be sent, or was refused before.
    pub(super) fn settled(request: &Request<'_>, result: Result<T>) -> Self {
        type NoReader<T> = fn(&Request<'_>, &Reply<'_>) -> Result<T>;
        let (command, state) = (request.name().to_owned(), Mutex::new(State::Done(result)));
        Handle(AssertUnwindSafe(Arc::new(Slot::<T, NoReader<T>> { command, state })))
    }
}

impl<T> Handle<T> {
    /// Returns the result of the call.
    ///
    /// # Errors
    /// Those that the call has outside of a batch. [`CommandError::NotRun`] if it was not run,
    /// because [`run`](crate::Batch::run) was not called, ended early or stopped at another call's
    /// error. [`CommandError::OutcomeUnknown`] if it was sent and no reply came.
    pub fn result(self) -> Result<T> {
        self.0.take()
    }
}

impl<T, F> Slot<T, F> {
    pub(super) fn new(request: &Request<'_>, read: F) -> Self {
        Slot { command: request.name().to_owned(), state: Mutex::new(State::Waiting(read)) }
    }

    fn state(&self) -> MutexGuard<'_, State<T, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn without_reply(&self, why: Unsettled) -> CommandError {
        let command = self.command.clone();
        let reason = match why {
            Unsettled::NoReply => return CommandError::OutcomeUnknown { command },
            Unsettled::MessageFailed => NotRunReason::BatchBroken,
            Unsettled::CallFailed => NotRunReason::EarlierCallFailed,
            Unsettled::BatchNotRun => NotRunReason::BatchNotRun,
        };
        CommandError::NotRun { command, reason }
    }
}

impl<T, F> Pending for Slot<T, F>
where
    T: Send,
    F: FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send,
{
    fn settle(&self, outcome: Result<(&Request<'_>, &Reply<'_>), Unsettled>) -> bool {
        let mut state = self.state();
        let State::Waiting(read) = mem::replace(&mut *state, State::Taken) else { return false };
        let result = match outcome {
            Ok((request, reply)) => read(request, reply),
            Err(why) => Err(self.without_reply(why).into()),
        };
        let is_ok = result.is_ok();
        *state = State::Done(result);
        is_ok
    }
}

impl<T, F> Results<T> for Slot<T, F>
where
    T: Send,
    F: Send,
{
    fn command(&self) -> &str {
        &self.command
    }

    fn take(&self) -> Result<T> {
        let mut state = self.state();
        match mem::replace(&mut *state, State::Taken) {
            State::Done(result) => result,
            other => {
                // Its batch may still run, and needs the reader to know whether to go on.
                *state = other;
                Err(self.without_reply(Unsettled::BatchNotRun).into())
            }
        }
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("command", &self.0.command()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{RefUnwindSafe, UnwindSafe};

    use super::*;

    #[test]
    fn handles_go_where_their_results_may() {
        fn check<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
        check::<Handle<String>>();
    }
}
