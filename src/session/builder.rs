//! Limits of a session, chosen before it is made.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Session, Shared};
use crate::command::{FairLock, Link, Settings};
use crate::error::Result;
use crate::process::{OpenOcdBuilder, OpenOcdProcess};
use crate::wire::{Address, Endpoint};

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
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect` or `start`"]
pub struct SessionBuilder {
    settings: Settings,
    flash_timeout: Option<Duration>,
    stream_ports: Option<RangeInclusive<u16>>,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        SessionBuilder {
            settings: Settings {
                connect_timeout: Some(Duration::from_secs(5)),
                timeout: Some(Duration::from_secs(10)),
                reply_limit: 10 * 1024 * 1024,
                own: None,
                birth: None,
            },
            flash_timeout: Some(Duration::from_secs(60)),
            stream_ports: None,
        }
    }
}

impl SessionBuilder {
    /// Sets how long connecting may take, for all addresses together; `None` leaves it to the
    /// operating system. The default is 5 s. The name is resolved before that, without a limit.
    ///
    /// One connection of this process at a time is made to an address, because OpenOCD accepts few
    /// at once. The wait for other connections counts.
    ///
    /// ```
    /// use openocd::Session;
    /// use std::time::Duration;
    ///
    /// let builder = Session::builder().connect_timeout(Duration::from_secs(1));
    /// ```
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.connect_timeout = timeout.into();
        self
    }

    /// Sets how long OpenOCD may take to answer a command, from the moment it is sent; `None` waits
    /// for ever. The default is 10 s.
    ///
    /// If the connection is replaced before the command, that time counts towards the same limit. A
    /// call that needs several commands, such as reading a megabyte, has this time for each of
    /// them.
    ///
    /// ```
    /// use openocd::Session;
    /// use std::time::Duration;
    ///
    /// let builder = Session::builder().timeout(Duration::from_secs(30));
    /// ```
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.timeout = timeout.into();
        self
    }

    /// Sets how long OpenOCD may take to answer a command of the calls on [`Flash`](crate::Flash)
    /// and of those that load, verify and dump images in RAM, in place of
    /// [`timeout`](Self::timeout); `None` waits for ever. The default is 60 s.
    ///
    /// A long call consists of many commands. Each takes about a second once the speed is known;
    /// the first one moves 64 KiB. The erase of a whole bank is one command.
    ///
    /// ```
    /// use openocd::Session;
    /// use std::time::Duration;
    ///
    /// let builder = Session::builder().flash_timeout(Duration::from_secs(300));
    /// ```
    pub fn flash_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.flash_timeout = timeout.into();
        self
    }

    /// Sets the length of the longest reply that is accepted, in bytes. The default is 10 MiB. A
    /// longer reply is a [`ConnectionError::ReplyTooLong`](crate::ConnectionError::ReplyTooLong).
    /// The length includes the command's log and some bytes of this crate's own, so a session needs
    /// a limit of at least a few KiB.
    ///
    /// ```
    /// use openocd::Session;
    ///
    /// let builder = Session::builder().reply_limit(1024 * 1024);
    /// ```
    pub fn reply_limit(mut self, bytes: usize) -> Self {
        self.settings.reply_limit = bytes;
        self
    }

    /// Sets the ports on which OpenOCD may listen for [RTT channels](crate::Rtt::channel) and for
    /// [redirected semihosting](crate::Semihosting::redirect): one for each channel, and for each
    /// target that is redirected.
    /// By default the system chooses free ones.
    ///
    /// For an OpenOCD behind forwarded ports: with `9000..=9001` and
    /// `ssh -L 6666:localhost:6666 -L 9000:localhost:9000 -L 9001:localhost:9001 lab`, two channels
    /// can be open. The ports are those of OpenOCD's machine, and the session connects to the same
    /// numbers at the host of its own connection.
    ///
    /// Whatever answers there is taken for OpenOCD: forward a port before it is used.
    ///
    /// A range without a port, and one with port 0, is an invalid argument of the calls that would
    /// use it.
    ///
    /// ```
    /// use openocd::Session;
    ///
    /// let builder = Session::builder().stream_ports(9000..=9001);
    /// ```
    pub fn stream_ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.stream_ports = Some(ports);
        self
    }

    /// Connects to an OpenOCD that is running; see [`Session::connect`].
    ///
    /// # Errors
    /// The same as [`Session::connect`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let process = openocd::OpenOcdProcess::builder().config(chip.openocd_config()).spawn()?;
    /// # let address = process.tcl_address();
    /// use openocd::Session;
    /// use std::time::Duration;
    ///
    /// let session = Session::builder().timeout(Duration::from_secs(3)).connect(address)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect(self, address: impl Endpoint) -> Result<Session> {
        self.open(address, None)
    }

    fn open(self, address: impl Endpoint, process: Option<OpenOcdProcess>) -> Result<Session> {
        let (timeout, reply_limit) = (self.settings.timeout, self.settings.reply_limit);
        let address = Address::resolve(address)?;
        let text = address.text().to_owned();
        let link = Link::open(address, self.settings)?;
        let (interrupt, link) = (link.interrupt(), FairLock::new(link));
        let flash_timeout = self.flash_timeout.unwrap_or(Duration::MAX);
        let state = Mutex::default();
        let stream_ports = self.stream_ports;
        let address = text;
        let shared =
            Shared { link, interrupt, process, timeout, flash_timeout, reply_limit, stream_ports, address, state };
        Ok(Session { shared: Arc::new(shared) })
    }

    /// Starts an OpenOCD and connects to it; see [`Session::start`]. Takes a configuration such as
    /// `"board/st_nucleo_f4.cfg"`, or an [`OpenOcdBuilder`] for everything else that can be chosen.
    ///
    /// OpenOCD often goes on although the configuration describes another chip:
    /// [`OpenOcdProcess::start_warnings`].
    ///
    /// # Errors
    /// The errors of [`OpenOcdBuilder::spawn`] and of [`Session::connect`].
    ///
    /// ```
    /// use openocd::{OpenOcdProcess, Session};
    /// use std::time::Duration;
    ///
    /// let dummy = OpenOcdProcess::builder().command("adapter driver dummy").command("noinit");
    /// let session = Session::builder().timeout(Duration::from_secs(3)).start(dummy)?;
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn start(mut self, openocd: impl Into<OpenOcdBuilder>) -> Result<Session> {
        let process = openocd.into().spawn()?;
        self.settings.own = Some(process.own_server());
        self.open(process.tcl_address(), Some(process))
    }
}

/// `SessionBuilder { connect_timeout: Some(5s), timeout: Some(10s), flash_timeout: Some(60s),
/// reply_limit: 10485760, stream_ports: None }`
impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("connect_timeout", &self.settings.connect_timeout)
            .field("timeout", &self.settings.timeout)
            .field("flash_timeout", &self.flash_timeout)
            .field("reply_limit", &self.settings.reply_limit)
            .field("stream_ports", &self.stream_ports)
            .finish()
    }
}
