//! A host and port, and what they resolve to.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::error::{ConnectionError, Result};

/// A host and port, with the addresses that they resolve to.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    text: String,
    resolved: Vec<SocketAddr>,
}

impl Address {
    pub(crate) fn resolve(address: impl ToSocketAddrs + fmt::Debug) -> Result<Self> {
        let text = readable(&address);
        let failed = |source| ConnectionError::Resolve { address: text.clone(), source };
        let resolved: Vec<_> = address.to_socket_addrs().map_err(failed)?.collect();
        if resolved.is_empty() {
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")).into());
        }
        Ok(Address { text, resolved })
    }

    /// The address as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn resolved(&self) -> &[SocketAddr] {
        &self.resolved
    }

    /// The address that is tried first.
    pub(crate) fn first(&self) -> SocketAddr {
        // There is one: `resolve` sees to that.
        self.resolved[0]
    }
}

/// `"localhost:6666"` and `("localhost", 6666)` both become `localhost:6666`.
fn readable(address: &impl fmt::Debug) -> String {
    format!("{address:?}").replace(", ", ":").replace(['"', '(', ')'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_host_and_port() {
        assert_eq!(readable(&"localhost:6666"), "localhost:6666");
        assert_eq!(readable(&("localhost", 6666)), "localhost:6666");
        assert_eq!(readable(&"[::1]:6666".parse::<SocketAddr>().unwrap()), "[::1]:6666");
    }
}
