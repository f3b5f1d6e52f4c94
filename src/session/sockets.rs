//! Sockets beside the session's own connection, such as those of RTT channels. They end with the
//! session.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Session;

#[derive(Debug, Default)]
struct Sockets(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    open: Vec<Weak<TcpStream>>,
}

impl Sockets {
    fn of(session: &Session) -> Arc<Sockets> {
        session.state(Sockets::default)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Has [`close`](Session::close) shut this socket down, which ends the waits of other threads.
    pub(crate) fn shut_down_at_close(&self, socket: &Arc<TcpStream>) {
        let sockets = Sockets::of(self);
        let mut state = sockets.lock();
        if state.is_closed {
            // It may be closed already, which is what is wanted.
            let _ = socket.shutdown(Shutdown::Both);
            return;
        }
        state.open.retain(|other| other.strong_count() > 0);
        state.open.push(Arc::downgrade(socket));
    }

    /// Whether [`close`](Session::close) was called, of whatever handle.
    pub(crate) fn is_closed(&self) -> bool {
        Sockets::of(self).lock().is_closed
    }

    pub(super) fn shut_down_sockets(&self) {
        let sockets = Sockets::of(self);
        let mut state = sockets.lock();
        state.is_closed = true;
        for socket in std::mem::take(&mut state.open).iter().filter_map(Weak::upgrade) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
