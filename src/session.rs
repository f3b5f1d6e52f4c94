//! A session: a connection to an OpenOCD, and the process behind it where the session started one.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::command::version::Version;
use crate::command::{ALREADY_CLOSED, Execution, Link, Reply, Request, Settings};
use crate::error::{ConnectionError, Error, Result};
use crate::memory::Pace;
use crate::process::{OpenOcdBuilder, OpenOcdProcess};
use crate::svd::Loaded;
use crate::wire::Address;

/// How long a started OpenOCD may take to end after it has closed the connection.
const END_IS_DUE: Duration = Duration::from_secs(1);

/// A connection to an OpenOCD, through which a program drives its targets.
///
/// [`connect`](Self::connect) talks to an OpenOCD that runs already; [`start`](Self::start) starts one and ends it with the session.
/// [`builder`](Self::builder) sets limits for either. From there, views such as [`target`](Self::target), [`memory`](Self::memory) and
/// [`registers`](Self::registers) give access to what OpenOCD can do; they borrow the session, cost nothing and hold no state.
///
/// # Threads
/// A session is `Send` and `Sync`. Threads may share one: each call has the connection to itself from its command to
/// its reply, so each thread gets its own replies. A call waits for its turn without a limit; its timeout begins when its command is sent.
///
/// # Timeouts and lost connections
/// Each command has one deadline, however many reads its reply takes ([`SessionBuilder::timeout`]). After a timeout
/// the session replaces the connection before the next command, so a late reply is never taken for another's. When OpenOCD closes the
/// connection, every call fails at once with a [`ConnectionError`] until [`reconnect`](Self::reconnect) is called.
///
/// A new connection begins with OpenOCD's default target as its current one. Views of a
/// [named target](Self::target_named) don't depend on that.
///
/// ```
/// # use virtual_chip::VirtualChip;
/// # let chip = VirtualChip::start()?;
/// # let config = chip.openocd_config();
/// use openocd::Session;
///
/// // let config = "interface/cmsis-dap.cfg -f target/stm32f1x.cfg";
/// let session = Session::start(config)?;
/// session.target().halt()?;
/// session.memory().write_u32(0x2000_0000, 0xcafe_f00d)?;
/// assert_eq!(session.memory().read_u32(0x2000_0000)?, 0xcafe_f00d);
/// session.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    link: Mutex<Link>,
    process: Option<OpenOcdProcess>,
    flash_timeout: Duration,
    reply_limit: usize,
    pub(crate) pace: Pace,
    pub(crate) svd: Loaded,
    /// How often this session restarted RTT by itself.
    pub(crate) rtt_restarts: AtomicU32,
}

impl Session {
    /// Connects to the TCL port of an OpenOCD that is running, such as `"localhost:6666"`, with the default limits.
    ///
    /// Every address that the name resolves to is tried. The session leaves that OpenOCD running when it ends.
    ///
    /// # Errors
    /// [`ConnectionError::Resolve`] or [`Unreachable`](ConnectionError::Unreachable) with host and port,
    /// [`TimeoutError::Connect`](crate::TimeoutError::Connect), [`TimeoutError::Reply`](crate::TimeoutError::Reply) if something accepts the connection
    /// but says nothing, [`ConnectionError::NotOpenOcd`] if it is no TCL port.
    ///
    /// ```no_run
    /// let session = openocd::Session::connect("localhost:6666")?;
    /// println!("{}", session.command("targets")?);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn connect(address: impl ToSocketAddrs + fmt::Debug) -> Result<Session> {
        Session::builder().connect(address)
    }

    /// Starts an OpenOCD with a configuration as one would type it after `openocd`, such as
    /// `"interface/cmsis-dap.cfg -f target/stm32f1x.cfg"`, and connects to it.
    ///
    /// The OpenOCD ends with the session. See [`OpenOcdBuilder::config`] for how the string is read, and
    /// [`OpenOcdProcess::builder`] with [`SessionBuilder::start`] for everything else that can be chosen.
    ///
    /// # Errors
    /// Those of [`OpenOcdBuilder::spawn`] and of [`connect`](Self::connect).
    ///
    /// ```
    /// use openocd::Session;
    ///
    /// let session = Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// assert_eq!(session.command("expr {6 * 7}")?, "42");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn start(config: impl Into<String>) -> Result<Session> {
        Session::builder().start(OpenOcdProcess::builder().config(config))
    }

    /// Sets limits for a session before it is made.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// Runs an OpenOCD command and returns its result, byte for byte: leading and trailing white space survive.
    ///
    /// The command is Tcl, evaluated at OpenOCD's top level. Whatever comes from elsewhere (a path, a name) must be quoted with
    /// [`quote`](crate::quote): OpenOCD's Tcl can run programs.
    /// A result that contains the word "error" is a success; only the status that OpenOCD gives counts.
    ///
    /// # Errors
    /// [`CommandError::Failed`](crate::CommandError::Failed) if OpenOCD refuses it, [`TargetError::NotHalted`](crate::TargetError::NotHalted) if it
    /// does because the target runs. [`CommandError::ForbiddenByte`](crate::CommandError::ForbiddenByte) and [`TooLong`](crate::CommandError::TooLong) before anything is
    /// sent. [`CommandError::NotText`](crate::CommandError::NotText) for a result that is not UTF-8. [`Error::Timeout`] and [`Error::Connection`].
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// assert_eq!(session.command("adapter name")?.trim(), "dummy");
    ///
    /// let refused = session.command("no_such_command").unwrap_err();
    /// assert_eq!(refused.message(), Some("invalid command name \"no_such_command\""));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn command(&self, command: &str) -> Result<String> {
        self.text(&Request::new(command))
    }

    /// Like [`command`](Self::command), with a timeout of its own in place of the session's.
    ///
    /// # Errors
    /// Those of [`command`](Self::command).
    ///
    /// ```
    /// use std::time::Duration;
    /// use openocd::Error;
    ///
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// let slow = session.command_within("sleep 300; set done 1", Duration::from_millis(50));
    /// assert!(matches!(slow, Err(Error::Timeout(_))));
    /// assert_eq!(session.command("expr {1 + 1}")?, "2"); // never the late reply of the other
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn command_within(&self, command: &str, timeout: Duration) -> Result<String> {
        self.text(&Request::new(command).within(timeout))
    }

    /// Runs an OpenOCD command and returns code, result and log, also if OpenOCD refuses it.
    ///
    /// # Errors
    /// Those of [`command`](Self::command) that don't come from a refusal.
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// let refused = session.execute("error {out of luck}")?;
    /// assert_eq!((refused.code(), &*refused.text()), (1, "out of luck"));
    ///
    /// let logged = session.execute("echo hello; expr 1")?;
    /// assert_eq!((logged.code(), &*logged.text(), &*logged.log()), (0, "1", "hello\n"));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn execute(&self, command: &str) -> Result<Execution> {
        let request = Request::new(command);
        self.run(&request, |reply| Execution::new(&request, reply))
    }

    /// Sends a command untouched and returns the bare reply, of which OpenOCD does not say whether it is a result or an error.
    ///
    /// A way around this crate, for what [`execute`](Self::execute) cannot do, such as `shutdown`.
    /// Notifications that a command such as `tcl_notifications on` asked for come before the reply, each with the byte 0x1a after it.
    ///
    /// # Errors
    /// Those of [`command`](Self::command) that don't come from a refusal.
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// assert_eq!(session.raw("expr {2 + 2}")?, b"4");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn raw(&self, command: &str) -> Result<Vec<u8>> {
        let result = self.link().raw(command);
        result.map_err(|error| self.explain(error))
    }

    /// The version of the OpenOCD at the other end, as it was when the present connection was made.
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// let version = session.version();
    /// assert!(version.at_least(0, 12), "{version}");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn version(&self) -> Version {
        Version::parse(self.link().version())
    }

    /// The OpenOCD that this session started; `None` if it connected to one that ran already.
    pub fn process(&self) -> Option<&OpenOcdProcess> {
        self.process.as_ref()
    }

    /// Gives up the connection and makes a new one to the same address.
    ///
    /// For a connection that OpenOCD closed. After a timeout the session does it by itself.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect); [`ConnectionError::ServerDied`] if the OpenOCD that this session started has ended.
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// session.reconnect()?;
    /// assert_eq!(session.command("expr 1")?, "1");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn reconnect(&self) -> Result<()> {
        let result = self.link().reconnect();
        result.map_err(|error| self.explain(error))
    }

    /// Closes the connection and, if the session started an OpenOCD, ends that and waits for its end.
    ///
    /// Dropping a session does the same, but logs what goes wrong where this returns it. The target is left as it is.
    ///
    /// # Errors
    /// [`ProcessError::Stop`](crate::ProcessError::Stop) if the OpenOCD process can't be waited for.
    ///
    /// ```
    /// let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// session.close()?;
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn close(self) -> Result<()> {
        drop(self.link);
        if let Some(process) = self.process {
            process.stop()?;
        }
        Ok(())
    }

    /// Runs a request and hands its reply over, in whatever way it ended.
    pub(crate) fn run<T>(&self, request: &Request<'_>, read: impl FnOnce(&Reply<'_>) -> T) -> Result<T> {
        let result = self.link().run(request, read);
        result.map_err(|error| self.explain(error))
    }

    fn text(&self, request: &Request<'_>) -> Result<String> {
        self.run(request, |reply| reply.text(request))?
    }

    /// Runs commands together; see [`Link::run_batch`].
    pub(crate) fn run_batch<T>(
        &self,
        request: &Request<'_>,
        stop_at_failure: bool,
        commands: &[&Request<'_>],
        read: impl FnOnce(&Reply<'_>) -> T,
    ) -> Result<T> {
        let result = self.link().run_batch(request, stop_at_failure, commands, read);
        result.map_err(|error| self.explain(error))
    }

    /// Runs several requests that are one call; see [`Link::run_series`].
    pub(crate) fn run_series(
        &self,
        request: &Request<'_>,
        prepare: impl FnMut(&mut String) -> bool,
        read: impl FnMut(&Reply<'_>) -> Result<()>,
    ) -> Result<()> {
        let result = self.link().run_series(request, prepare, read);
        result.map_err(|error| self.explain(error))
    }

    pub(crate) fn reply_limit(&self) -> usize {
        self.reply_limit
    }

    /// How long a command of the flash and image calls may take.
    pub(crate) fn flash_timeout(&self) -> Duration {
        self.flash_timeout
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        // A panic in another thread leaves the link without its connection, which the next command then replaces.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where to connect to this OpenOCD once more, and with which limits.
    pub(crate) fn reach(&self) -> (Address, Settings) {
        self.link().reach()
    }

    /// The other end of the connection.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.link().peer()
    }

    /// Returns when OpenOCD has accepted the connections that were made so far to other ports of its.
    ///
    /// A connection is made before OpenOCD accepts it. The round of its loop that serves the first command here sees it waiting, and accepts it before or after
    /// that command; the second command is served in a later round (`src/server/server.c`: `server_loop`).
    pub(crate) fn let_openocd_accept(&self) -> Result<()> {
        for _ in 0..2 {
            self.run(&Request::new("list").shown("list"), |_| ())?;
        }
        Ok(())
    }

    /// A lost connection to an OpenOCD of our own is better explained by its end.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let doing = match &error {
            Error::Connection(ConnectionError::Closed { doing, .. } | ConnectionError::Io { doing, .. }) => doing,
            Error::Connection(ConnectionError::Unreachable { .. } | ConnectionError::ForeignServer { .. }) => {
                "connecting"
            }
            _ => return error,
        };
        // The end was waited for when the connection was lost.
        let patience = if doing == ALREADY_CLOSED { Duration::ZERO } else { END_IS_DUE };
        match &self.process {
            Some(process) if process.wait_for_end(patience).is_some() => {
                ConnectionError::ServerDied { doing, report: Box::new(process.report()) }.into()
            }
            _ => error,
        }
    }
}

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
                token: None,
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
        let reply_limit = self.settings.reply_limit;
        let pace = Pace::within(reply_limit);
        let link = Link::open(Address::resolve(address)?, self.settings)?;
        let flash_timeout = self.flash_timeout.unwrap_or(Duration::MAX);
        let (process, svd, rtt_restarts) = (None, Loaded::default(), AtomicU32::new(0));
        Ok(Session { link: Mutex::new(link), process, pace, svd, rtt_restarts, flash_timeout, reply_limit })
    }

    /// Starts an OpenOCD and connects to it; see [`Session::start`].
    ///
    /// # Errors
    /// Those of [`OpenOcdBuilder::spawn`] and of [`Session::connect`].
    pub fn start(mut self, openocd: OpenOcdBuilder) -> Result<Session> {
        let process = openocd.spawn()?;
        self.settings.token = Some(process.token().to_owned());
        let mut session = self.connect(process.tcl_address())?;
        session.process = Some(process);
        Ok(session)
    }
}

const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Session>();
};
