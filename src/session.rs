//! A session: a connection to an OpenOCD, and the process behind it where the session started one.

mod builder;
mod requests;
mod sockets;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::net::ToSocketAddrs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use builder::SessionBuilder;

use crate::command::version::Version;
use crate::command::{Execution, FairLock, Link, Request};
use crate::error::Result;
use crate::process::OpenOcdProcess;

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
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

/// What all handles of a session share. The connection ends before the process does.
struct Shared {
    link: FairLock<Link>,
    process: Option<OpenOcdProcess>,
    timeout: Option<Duration>,
    flash_timeout: Duration,
    reply_limit: usize,
    /// Where it connected to, as it was given.
    address: String,
    /// What subsystems keep for the session, one value of a type.
    state: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
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
        Session::builder().start(config.into())
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
        self.shared.process.as_ref()
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
    /// This ends the session for all of its handles: their next call is a
    /// [`ConnectionError::SessionClosed`](crate::ConnectionError::SessionClosed). A call that another thread has under way
    /// is waited for. Dropping the last handle does the same, but logs what goes wrong where this returns it. The
    /// target is left as it is.
    ///
    /// # Errors
    /// [`ProcessError::Stop`](crate::ProcessError::Stop) if the OpenOCD process can't be waited for.
    ///
    /// ```
    /// use openocd::{ConnectionError, Error, Session};
    ///
    /// let session = Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// let other = session.clone();
    /// session.close()?;
    /// let refused = other.command("version");
    /// assert!(matches!(refused, Err(Error::Connection(ConnectionError::SessionClosed))));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn close(self) -> Result<()> {
        self.shut_down_sockets();
        self.link().close();
        match &self.shared.process {
            Some(process) => process.end().map(drop),
            None => Ok(()),
        }
    }
}

/// `Session(127.0.0.1:6666)`, or with the process that it started `Session(127.0.0.1:40113, OpenOCD 4711)`
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shared.process {
            Some(process) => write!(f, "Session({}, OpenOCD {})", process.tcl_address(), process.pid()),
            None => write!(f, "Session({})", self.shared.address),
        }
    }
}

const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Session>();
};
