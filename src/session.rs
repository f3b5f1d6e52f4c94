//! A session: a connection to an OpenOCD, and its process if the session started one.

mod builder;
mod requests;
mod server_file;
mod sockets;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use builder::SessionBuilder;
pub(crate) use requests::Unanswered;
pub(crate) use server_file::{FileData, ServerFile};

use crate::command::version::Version;
use crate::command::{Execution, FairLock, Interrupt, Link, Request};
use crate::error::Result;
use crate::process::OpenOcdProcess;
use crate::wire::{Deadline, Endpoint};

/// A connection to an OpenOCD, through which a program drives its targets.
///
/// [`connect`](Self::connect) talks to an OpenOCD that is running; [`start`](Self::start) starts
/// one and ends it with the session. [`builder`](Self::builder) sets limits for either. Views such
/// as [`target`](Self::target), [`memory`](Self::memory) and [`registers`](Self::registers) give
/// access to what OpenOCD can do. They borrow the session, cost nothing and hold no state.
///
/// # Handles and threads
/// A session is a handle: a clone is another handle of the same session. The last handle ends the
/// session. A session is `Send` and `Sync`, so threads may share it. Each call has the connection
/// to itself from its command to its reply, so each thread gets its own replies. Calls get their
/// turn in the order in which they come.
///
/// # Timeouts and lost connections
/// OpenOCD has a time limit to answer each command ([`SessionBuilder::timeout`]), however many
/// reads the reply takes. The time begins when the call has its turn. A call with a timeout of its
/// own, such as [`command_within`](Self::command_within), ends by that timeout, and the wait for
/// its turn counts.
///
/// After a timeout the session replaces the connection before the next command, so a late reply is
/// never taken for the reply to another command. When OpenOCD closes the connection, every call
/// fails at once with a [`ConnectionError`](crate::ConnectionError) until
/// [`reconnect`](Self::reconnect) is called.
///
/// OpenOCD's default target is the current target of a new connection. Views of a [named
/// target](Self::target_named) do not depend on that.
///
/// ```no_run
/// use openocd::Session;
///
/// let session = Session::start("-f interface/cmsis-dap.cfg -f target/stm32f1x.cfg")?;
/// session.target().halt()?;
/// session.memory().write_u32(0x2000_0000, 0xcafe_f00d)?;
/// assert_eq!(session.memory().read_u32(0x2000_0000)?, 0xcafe_f00d);
/// session.close()?;
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

/// What all handles of a session share. The connection ends before the process does.
struct Shared {
    link: FairLock<Link>,
    interrupt: Arc<Interrupt>,
    process: Option<OpenOcdProcess>,
    timeout: Option<Duration>,
    flash_timeout: Duration,
    reply_limit: usize,
    stream_ports: Option<RangeInclusive<u16>>,
    /// Where the session connected to, as it was given.
    address: String,
    /// The state that subsystems keep for the session, one value of each type.
    state: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Session {
    /// Connects to the TCL port of an OpenOCD that is running, such as `"localhost:6666"`, with the
    /// default limits.
    ///
    /// Tries every address that the name resolves to. The session leaves that OpenOCD running when
    /// it ends.
    ///
    /// # Errors
    /// [`ConnectionError::Resolve`](crate::ConnectionError::Resolve) for an address without a port,
    /// [`Unreachable`](crate::ConnectionError::Unreachable) with host and port if nothing listens
    /// there, [`NotOpenOcd`](crate::ConnectionError::NotOpenOcd) if it is no TCL port, and
    /// [`Error::Timeout`](crate::Error::Timeout) if nothing answers.
    ///
    /// ```no_run
    /// let session = openocd::Session::connect("localhost:6666")?;
    /// println!("{}", session.command("targets")?);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn connect(address: impl Endpoint) -> Result<Session> {
        Session::builder().connect(address)
    }

    /// Starts an OpenOCD with a configuration as one would type it after `openocd`, such as
    /// `"-f interface/cmsis-dap.cfg -f target/stm32f1x.cfg"`, and connects to it.
    ///
    /// The OpenOCD ends with the session, and holds the probe until then: [`close`](Self::close) a
    /// session before another one is started on its probe, or drop all of its handles.
    /// [`OpenOcdBuilder::config`](crate::OpenOcdBuilder::config)
    /// says how the string is read. For everything else that can be chosen see
    /// [`OpenOcdProcess::builder`] with [`SessionBuilder::start`].
    ///
    /// OpenOCD often goes on although the configuration describes another chip.
    /// [`OpenOcdProcess::start_warnings`] reports this; [`process`](Self::process) gives access to
    /// it.
    ///
    /// # Errors
    /// The errors of [`OpenOcdBuilder::spawn`](crate::OpenOcdBuilder::spawn) and of
    /// [`connect`](Self::connect).
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

    /// Returns a builder, which sets limits before it makes the session.
    ///
    /// ```
    /// use std::time::Duration;
    /// use openocd::Session;
    ///
    /// let builder = Session::builder().timeout(Duration::from_secs(30));
    /// let session = builder.start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// Runs an OpenOCD command and returns its result, byte for byte: white space at both ends
    /// survives.
    ///
    /// OpenOCD evaluates the command as Tcl, at its top level. Quote whatever comes from elsewhere,
    /// such as a path or a name, with [`quote`](crate::quote): OpenOCD's Tcl can run programs. A
    /// result that contains the word "error" is a success; only OpenOCD's status counts.
    ///
    /// Over SWD OpenOCD does not notice that the last write of a command failed, such as that of
    /// `mww`. The log then says so ([`execute`](Self::execute) gives it), and the next call is not
    /// disturbed.
    ///
    /// # Errors
    /// [`CommandError::Failed`](crate::CommandError::Failed) if OpenOCD refuses the command, and
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted) if it refuses because the target
    /// runs. [`CommandError::ForbiddenByte`](crate::CommandError::ForbiddenByte) and
    /// [`TooLong`](crate::CommandError::TooLong) before anything is sent.
    /// [`CommandError::NotText`](crate::CommandError::NotText) for a result that is not UTF-8.
    /// [`Error::Timeout`](crate::Error::Timeout) and
    /// [`Error::Connection`](crate::Error::Connection).
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
        self.text(&Request::of_caller(command))
    }

    /// Runs an OpenOCD command like [`command`](Self::command), with a timeout in place of the
    /// session's.
    ///
    /// The whole call takes no longer: the wait for other calls of this session and a connection
    /// that must be made first count.
    ///
    /// # Errors
    /// The errors of [`command`](Self::command). [`TimeoutError::Turn`](crate::TimeoutError::Turn)
    /// if other calls keep the session busy; the command was not sent then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use openocd::Error;
    ///
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// let slow = session.command_within("sleep 300; set done 1", Duration::from_millis(50));
    /// assert!(matches!(slow, Err(Error::Timeout(_))));
    /// assert_eq!(session.command("expr {1 + 1}")?, "2"); // not the late reply to the other command
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn command_within(&self, command: &str, timeout: Duration) -> Result<String> {
        self.text(&Request::of_caller(command).within(timeout).before(Deadline::after(Some(timeout))))
    }

    /// Runs an OpenOCD command and returns its code, result and log, also if OpenOCD refuses it.
    ///
    /// # Errors
    /// The errors of [`command`](Self::command) that are not refusals.
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
        let request = Request::of_caller(command);
        self.run(&request, |reply| Execution::new(&request, reply))
    }

    /// Sends a command untouched and returns the bare reply. OpenOCD does not say whether that is a
    /// result or an error.
    ///
    /// This is for what [`execute`](Self::execute) cannot do, such as `shutdown`. If a command such
    /// as `tcl_notifications on` asked for notifications, they may precede the reply, each followed
    /// by the byte 0x1a.
    ///
    /// # Errors
    /// The errors of [`command`](Self::command) that are not refusals.
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// assert_eq!(session.raw("expr {2 + 2}")?, b"4");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn raw(&self, command: &str) -> Result<Vec<u8>> {
        let request = Request::new(command);
        let result = self.link_for(&request)?.raw(&request);
        result.map_err(|error| self.explain(error))
    }

    /// Returns the version of the OpenOCD at the other end, as it was when the connection was made.
    /// Waits for a call that another thread has under way.
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

    /// Returns the OpenOCD that this session started; `None` if the session connected to a running
    /// one.
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// if let Some(openocd) = session.process() {
    ///     println!("OpenOCD is process {}", openocd.pid());
    /// }
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn process(&self) -> Option<&OpenOcdProcess> {
        self.shared.process.as_ref()
    }

    /// Returns a text that identifies the OpenOCD: all sessions of one OpenOCD have the same text,
    /// whatever address each one used. Waits for a call of another thread that is under way.
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// # let port = session.process().unwrap().tcl_port();
    /// let other = openocd::Session::connect(("127.0.0.1", port))?;
    /// assert_eq!(session.openocd_id(), other.openocd_id());
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn openocd_id(&self) -> String {
        self.link().birth().unwrap_or_default().to_owned()
    }

    /// Drops the connection and makes a new one to the same address.
    ///
    /// This is for a connection that OpenOCD closed, and after [`interrupt`](Self::interrupt).
    /// After a timeout the session reconnects by itself. Waits for a call that another thread has
    /// under way.
    ///
    /// # Errors
    /// The errors of [`connect`](Self::connect);
    /// [`ConnectionError::ServerDied`](crate::ConnectionError::ServerDied) if the OpenOCD that this
    /// session started has ended.
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

    /// Ends the call that another thread has under way, which fails with
    /// [`ConnectionError::Interrupted`](crate::ConnectionError::Interrupted), and so does every
    /// later call until [`reconnect`](Self::reconnect).
    ///
    /// This drops the connection and returns at once. OpenOCD does not notice: it executes the
    /// command to its end. So a flash call leaves what it has written so far, and RAM that it uses
    /// is not restored. A [run](crate::Target::run_until) leaves its breakpoints and started RTT:
    /// [`Breakpoints::remove_all`](crate::Breakpoints::remove_all) and
    /// [`Rtt::stop`](crate::Rtt::stop) end these after [`reconnect`](Self::reconnect). It also
    /// leaves the target running. OpenOCD's semihosting, which it disabled, is put back by itself
    /// within about three seconds. A [`StopToken`](crate::StopToken) ends a run and leaves none of
    /// this. [`close`](Self::close) ends an OpenOCD of this session also while it executes a
    /// command: it kills OpenOCD after two seconds.
    ///
    /// For Ctrl-C handlers, which must not wait for a call.
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// use openocd::{ConnectionError, Error};
    ///
    /// let other = session.clone();
    /// let sleeper = std::thread::spawn(move || other.command("sleep 5000"));
    /// # std::thread::sleep(std::time::Duration::from_millis(200));
    /// session.interrupt();
    /// let ended = sleeper.join().unwrap();
    /// assert!(matches!(ended, Err(Error::Connection(ConnectionError::Interrupted))));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn interrupt(&self) {
        self.shared.interrupt.set();
    }

    /// Closes the connection and, if the session started an OpenOCD, ends that OpenOCD and waits
    /// for its end.
    ///
    /// This ends the session for all of its handles: their next call fails with
    /// [`ConnectionError::SessionClosed`](crate::ConnectionError::SessionClosed). `close` waits for
    /// a call that another thread has under way. Dropping the last handle does the same, but logs
    /// an error that `close` returns. The target's state does not change, and an OpenOCD that ends
    /// writes to halted Cortex-M what it alone held of their registers;
    /// [`close_with`](Self::close_with) can resume, halt or leave the targets.
    ///
    /// # Errors
    /// [`ProcessError::Stop`](crate::ProcessError::Stop) if the OpenOCD process cannot be waited
    /// for.
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

/// `Session(127.0.0.1:6666)`, or with a process `Session(127.0.0.1:40113, OpenOCD 4711)`.
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
