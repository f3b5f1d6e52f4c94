//! A host and port, and what they resolve to.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};

use crate::error::text::name;
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
        let failed = |source| ConnectionError::Resolve { address: text.clone(), source: explain(&text, source) };
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

/// The resolver's error; for an address without a usable port, what is wrong with it.
fn explain(address: &str, source: io::Error) -> io::Error {
    // The last part of a bare IPv6 address passes for a port.
    let is_bare = address.parse::<IpAddr>().is_ok();
    if source.kind() != io::ErrorKind::InvalidInput && !is_bare {
        return source;
    }
    let port =
        address.rsplit_once(':').filter(|_| !is_bare).filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let problem = match port.map_or("", |(_, port)| port) {
        "" => "the port is missing; write it as in `localhost:6666`".to_owned(),
        port if port.parse::<u16>().is_ok() => return source,
        port if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("the port {} is out of range (0 to 65535)", name(port))
        }
        port => format!("the port \"{}\" is not a number; write it as in `localhost:6666`", name(port)),
    };
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole text, with the source, which says nothing more.
    fn refusal(address: &str) -> String {
        let error = Address::resolve(address).unwrap_err();
        let source = std::error::Error::source(&error).expect("the system's error").to_string();
        assert!(error.to_string().ends_with(&source), "{error}");
        error.to_string()
    }

    #[test]
    fn an_address_without_a_usable_port_is_told_what_is_wrong() {
        for address in ["localhost", "192.168.0.1", "::1", "fe80::1", "[::1]", "localhost:"] {
            let expected = format!("cannot resolve {address}: the port is missing; write it as in `localhost:6666`");
            assert_eq!(refusal(address), expected);
        }
        for address in ["localhost:66666", "[::1]:66666", "127.0.0.1:66666"] {
            let expected = format!("cannot resolve {address}: the port 66666 is out of range (0 to 65535)");
            assert_eq!(refusal(address), expected);
        }
        let expected =
            "cannot resolve localhost:tcl: the port \"tcl\" is not a number; write it as in `localhost:6666`";
        assert_eq!(refusal("localhost:tcl"), expected);
    }

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
