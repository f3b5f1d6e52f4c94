//! A host and port, and what they resolve to.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};

use crate::error::{ConnectionError, Result};

/// Where the TCL port of an OpenOCD is: `"localhost:6666"`, `("localhost", 6666)`, a
/// [`SocketAddr`](std::net::SocketAddr), or several of them.
///
/// A type of your own can be one too.
pub trait Endpoint: ToSocketAddrs {
    /// The address as errors show it, such as `localhost:6666`.
    fn shown(&self) -> String;
}

macro_rules! endpoints {
    ($($type:ty),*) => {$(
        impl Endpoint for $type {
            fn shown(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

endpoints!(str, String, SocketAddr, SocketAddrV4, SocketAddrV6);

macro_rules! host_and_port {
    ($($host:ty),*) => {$(
        impl Endpoint for ($host, u16) {
            fn shown(&self) -> String {
                host_and_port(&self.0, self.1)
            }
        }
    )*};
}

host_and_port!(&str, String, IpAddr, Ipv4Addr, Ipv6Addr);

impl<T: Endpoint + ?Sized> Endpoint for &T {
    fn shown(&self) -> String {
        (**self).shown()
    }
}

impl Endpoint for &[SocketAddr] {
    fn shown(&self) -> String {
        self.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ")
    }
}

fn host_and_port(host: &impl fmt::Display, port: u16) -> String {
    let host = host.to_string();
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// An address as it was given, with the addresses that it resolves to. There is at least one.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    text: String,
    resolved: Vec<SocketAddr>,
}

impl Address {
    pub(crate) fn resolve(address: impl Endpoint) -> Result<Self> {
        let text = address.shown();
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
        self.resolved[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_as_host_and_port() {
        let [v4, v6]: [SocketAddr; 2] = ["127.0.0.1:6666", "[::1]:6666"].map(|text| text.parse().unwrap());
        assert_eq!("localhost:6666".shown(), "localhost:6666");
        assert_eq!(("localhost", 6666).shown(), "localhost:6666");
        assert_eq!(("::1", 6666).shown(), "[::1]:6666");
        assert_eq!((v6.ip(), 6666).shown(), "[::1]:6666");
        assert_eq!(v6.shown(), "[::1]:6666");
        assert_eq!((&[v4, v6][..]).shown(), "127.0.0.1:6666, [::1]:6666");
    }
}
