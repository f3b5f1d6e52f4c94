//! Limits of a session, chosen before it is made.

use std::fmt;
use std::net::ToSocketAddrs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Session, Shared};
use crate::command::{FairLock, Link, Settings};
use crate::error::Result;
use crate::process::{OpenOcdBuilder, OpenOcdProcess};
use crate::wire::Address;

/// Limits of a [`Session`]; [`connect`](Self::connect) or [`start`](Self::start) makes it.
///
/// ```
/// use std::time::Duration;
/// use openocd::{OpenOcdProcess, Session};
///
/// let session = Session::builder()
///     .timeout(Duration::from_secs(3))
///     .start(OpenOcdProcess::builder().command("adapter driver dummy").command("noinit"))?;
/// # session.close()?;
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `connect` or `start`"]
pub struct SessionBuilder {
    settings: Settings,
    flash_timeout: Option<Duration>,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        SessionBuilder {
            settings: Settings {
                connect_timeout: Some(Duration::from_secs(5)),
                timeout: Some(Duration::from_secs(10)),
                reply_limit: 10 * 1024 * 1024,
                own: None,
            },
            flash_timeout: Some(Duration::from_secs(60)),
        }
    }
}

impl SessionBuilder {
    /// How long connecting may take, for all addresses together; `None` leaves it to the operating system. 5 s by default. The name is
    /// resolved before, and that is not limited.
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.connect_timeout = timeout.into();
        self
    }

    /// How long OpenOCD may take to answer a command, from the moment it is sent; `None` waits for ever. 10 s by default.
    ///
    /// A call that needs several commands, such as reading a megabyte, grants it to each of them.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.timeout = timeout.into();
        self
    }

    /// How long OpenOCD may take to answer a command of the calls on [`Flash`](crate::Flash), and of those that load, verify and dump images in RAM, in
    /// place of [`timeout`](Self::timeout); `None` waits for ever. 60 s by default.
    ///
    /// Long calls are made of many commands, sized to take about a second each once the speed is known; the first moves 64 KiB. An erase of a whole bank is one.
    pub fn flash_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.flash_timeout = timeout.into();
        self
    }

    /// The longest reply that is accepted, in bytes. 10 MiB by default. A longer one is a
    /// [`ConnectionError::ReplyTooLong`] error.
    pub fn reply_limit(mut self, bytes: usize) -> Self {
        self.settings.reply_limit = bytes;
        self
    }

    /// Connects to an OpenOCD that is running; see [`Session::connect`].
    ///
    /// # Errors
    /// Those of [`Session::connect`].
    pub fn connect(self, address: impl ToSocketAddrs + fmt::Debug) -> Result<Session> {
        self.open(address, None)
    }

    fn open(self, address: impl ToSocketAddrs + fmt::Debug, process: Option<OpenOcdProcess>) -> Result<Session> {
        let (timeout, reply_limit) = (self.settings.timeout, self.settings.reply_limit);
        let address = Address::resolve(address)?;
        let text = address.text().to_owned();
        let link = FairLock::new(Link::open(address, self.settings)?);
        let flash_timeout = self.flash_timeout.unwrap_or(Duration::MAX);
        let state = Mutex::default();
        let shared = Shared { link, process, timeout, flash_timeout, reply_limit, address: text, state };
        Ok(Session { shared: Arc::new(shared) })
    }

    /// Starts an OpenOCD and connects to it; see [`Session::start`]. Takes a configuration such as
    /// `"board/st_nucleo_f4.cfg"`, or an [`OpenOcdBuilder`] for everything else that can be chosen.
    ///
    /// # Errors
    /// Those of [`OpenOcdBuilder::spawn`] and of [`Session::connect`].
    pub fn start(mut self, openocd: impl Into<OpenOcdBuilder>) -> Result<Session> {
        let process = openocd.into().spawn()?;
        self.settings.own = Some(process.own_server());
        self.open(process.tcl_address(), Some(process))
    }
}
