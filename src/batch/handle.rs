//! What a call in a batch gives back at once, and its result later.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::command::Request;
use crate::error::{CommandError, Result};

/// The result of a call in a [`Batch`](crate::Batch), once that has run.
#[must_use = "the result of the call, or its error, is in here"]
pub struct Handle<T> {
    command: String,
    slot: Arc<Slot<T>>,
}

/// Where the result goes.
pub(super) struct Slot<T>(Mutex<Option<Result<T>>>);

impl<T> Handle<T> {
    pub(super) fn new(request: &Request<'_>, slot: Arc<Slot<T>>) -> Self {
        Handle { command: request.name().to_owned(), slot }
    }

    /// Of a call that need not be sent, or was refused before.
    pub(super) fn settled(request: &Request<'_>, result: Result<T>) -> Self {
        Handle::new(request, Arc::new(Slot(Mutex::new(Some(result)))))
    }

    /// What the call gave.
    ///
    /// # Errors
    /// Those that the call has outside of a batch, and [`CommandError::NotRun`] if it was not run: because [`run`](crate::Batch::run) was not called, ended early, or
    /// stopped at another call's error.
    pub fn result(self) -> Result<T> {
        let result = self.slot.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let why = "its batch was not run";
        result.unwrap_or_else(|| Err(CommandError::NotRun { command: self.command, why }.into()))
    }
}

impl<T> Slot<T> {
    pub(super) fn fill(&self, result: Result<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot(Mutex::new(None))
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("command", &self.command).finish_non_exhaustive()
    }
}
