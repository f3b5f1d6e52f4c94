//! What a call in a batch gives back at once, and its result later.

use std::fmt;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::command::{Reply, Request};
use crate::error::{CommandError, Result};

/// The result of a call in a [`Batch`](crate::Batch), once that has run.
#[must_use = "the result of the call, or its error, is in here"]
// A panic leaves nothing half done behind the mutex.
pub struct Handle<T>(AssertUnwindSafe<Arc<dyn Results<T>>>);

/// What takes the reply of a call. The batch has it, and the handle too.
pub(super) struct Call<T, F> {
    command: String,
    state: Mutex<State<T, F>>,
}

enum State<T, F> {
    /// What reads the reply.
    Waiting(F),
    Done(Result<T>),
    Taken,
}

/// A call as the batch sees it.
pub(super) trait Pending: Send + Sync {
    /// Takes the reply to the request, or the reason why there is none, and says whether the call succeeded.
    fn settle(&self, outcome: Result<(&Request<'_>, &Reply<'_>), &'static str>) -> bool;
}

/// A call as its handle sees it.
trait Results<T>: Send + Sync {
    fn command(&self) -> &str;

    fn take(&self) -> Result<T>;
}

impl<T: Send + 'static> Handle<T> {
    /// That of a call, to be put into a batch too.
    pub(super) fn of<F>(call: Arc<Call<T, F>>) -> Self
    where
        F: FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send + 'static,
    {
        Handle(AssertUnwindSafe(call))
    }

    /// Of a call that need not be sent, or was refused before.
    pub(super) fn settled(request: &Request<'_>, result: Result<T>) -> Self {
        type NoReader<T> = fn(&Request<'_>, &Reply<'_>) -> Result<T>;
        let (command, state) = (request.name().to_owned(), Mutex::new(State::Done(result)));
        Handle(AssertUnwindSafe(Arc::new(Call::<T, NoReader<T>> { command, state })))
    }
}

impl<T> Handle<T> {
    /// What the call gave.
    ///
    /// # Errors
    /// Those that the call has outside of a batch, and [`CommandError::NotRun`] if it was not run: because [`run`](crate::Batch::run) was not called, ended early, or
    /// stopped at another call's error.
    pub fn result(self) -> Result<T> {
        self.0.take()
    }
}

impl<T, F> Call<T, F> {
    pub(super) fn new(request: &Request<'_>, read: F) -> Self {
        Call { command: request.name().to_owned(), state: Mutex::new(State::Waiting(read)) }
    }

    fn state(&self) -> MutexGuard<'_, State<T, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn not_run(&self, why: &'static str) -> Result<T> {
        Err(CommandError::NotRun { command: self.command.clone(), why }.into())
    }
}

impl<T, F> Pending for Call<T, F>
where
    T: Send,
    F: FnOnce(&Request<'_>, &Reply<'_>) -> Result<T> + Send,
{
    fn settle(&self, outcome: Result<(&Request<'_>, &Reply<'_>), &'static str>) -> bool {
        let mut state = self.state();
        let State::Waiting(read) = mem::replace(&mut *state, State::Taken) else { return false };
        let result = match outcome {
            Ok((request, reply)) => read(request, reply),
            Err(why) => self.not_run(why),
        };
        let is_ok = result.is_ok();
        *state = State::Done(result);
        is_ok
    }
}

impl<T, F> Results<T> for Call<T, F>
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
                // Its batch may run yet, and judge by it whether to go on.
                *state = other;
                self.not_run("its batch was not run")
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
