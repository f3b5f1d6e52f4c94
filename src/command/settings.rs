//! What a session asks of its connections.

use std::time::Duration;

use super::link::Link;
use super::token::OwnServer;

/// What a session asks of its connections.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) reply_limit: usize,
    /// The OpenOCD at the other end, if this program started it: another one may have taken its
    /// port.
    pub(crate) own: Option<OwnServer>,
    /// The number of the OpenOCD at the other end, once it is known: another one may have taken its
    /// place. `Session::reconnect` takes whatever is there.
    pub(crate) birth: Option<String>,
}

impl Link {
    /// The number of the OpenOCD at the other end.
    pub(crate) fn birth(&self) -> Option<&str> {
        self.settings.birth.as_deref()
    }
}
