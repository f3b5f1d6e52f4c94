//! Ends the command that another thread has under way.

use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::ConnectionError;
use crate::wire::Connection;

/// Whether a link is interrupted, and the socket to shut down then.
#[derive(Debug, Default)]
pub(crate) struct Interrupt(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_set: bool,
    socket: Option<TcpStream>,
}

impl Interrupt {
    /// Ends the wait for a reply, and makes every command fail until [`clear`](Self::clear).
    pub(crate) fn set(&self) {
        let mut state = self.lock();
        state.is_set = true;
        if let Some(socket) = state.socket.take() {
            // It may be closed already, which is what is wanted.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn clear(&self) {
        self.lock().is_set = false;
    }

    /// Fails if it is set.
    pub(super) fn check(&self) -> Result<(), ConnectionError> {
        if self.is_set() { Err(ConnectionError::Interrupted) } else { Ok(()) }
    }

    pub(super) fn is_set(&self) -> bool {
        self.lock().is_set
    }

    /// Makes [`set`](Self::set) end the waits of this connection from now on.
    pub(super) fn cover(&self, connection: &Connection) -> Result<(), ConnectionError> {
        let mut state = self.lock();
        if state.is_set {
            return Err(ConnectionError::Interrupted);
        }
        // Without a second handle, the wait ends at its deadline.
        state.socket = connection.handle().ok();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
