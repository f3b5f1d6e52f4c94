//! The error tree: one enum per subsystem under [`Error`]. A caller can match as broadly or as
//! narrowly as needed.

mod adapter;
mod breakpoint;
mod command;
mod connection;
mod dap;
mod debug;
mod failure;
mod flash;
#[cfg(feature = "serde")]
pub(crate) mod form;
mod image;
mod jtag;
mod near;
mod process;
mod rtt;
mod semihosting;
mod shared;
#[cfg(feature = "svd")]
mod svd;
mod target;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod timeout;

pub use adapter::AdapterError;
pub use breakpoint::BreakpointError;
pub use command::CommandError;
pub use connection::ConnectionError;
pub use dap::DapError;
pub use failure::Failure;
#[cfg(test)]
pub(crate) use failure::NO_TEMPORARY_FILE;
pub use flash::FlashError;
pub use image::ImageError;
pub use jtag::JtagError;
pub(crate) use near::near_names;
pub use process::{ProcessError, ProcessReport};
pub use rtt::{RejectedBlock, RttError};
pub use semihosting::SemihostingError;
pub(crate) use shared::Subsystem;
pub use shared::{InvalidArgument, Refused, UnexpectedReply};
#[cfg(feature = "svd")]
pub use svd::SvdError;
pub use target::TargetError;
pub use timeout::TimeoutError;

use crate::types::{Phase, TargetState};

/// What the calls of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, sorted by what it concerns.
///
/// Match as narrowly as you need: a single condition, a whole subsystem, or everything.
/// [`is_timeout`](Error::is_timeout), [`is_disconnected`](Error::is_disconnected),
/// [`is_not_halted`](Error::is_not_halted) and [`is_transient`](Error::is_transient) answer the
/// usual questions, and [`id`](Error::id) is a short code for reports.
///
/// If OpenOCD refused a command, the text of the error contains OpenOCD's message.
/// [`failure`](Error::failure) gives the parts of the refusal; [`command`](Error::command),
/// [`code`](Error::code), [`message`](Error::message) and [`log`](Error::log) give one part each.
/// An error of the operating system is part of the text, so that `{error}` is all that a person
/// needs. It is the [`source`](std::error::Error::source) too, for its
/// [`kind`](std::io::Error::kind).
///
/// ```
/// use openocd::{Error, TargetError};
///
/// fn advice(error: &Error) -> &'static str {
///     match error {
///         Error::Target(TargetError::NotHalted { .. }) => "halt the target first",
///         Error::Target(_) => "the target refused",
///         Error::Connection(_) | Error::Process(_) => "OpenOCD is gone",
///         Error::Timeout(_) => "try again with more time",
///         _ => "see the message",
///     }
/// }
/// # let refused = openocd::Session::connect("127.0.0.1:1").unwrap_err();
/// # assert_eq!(advice(&refused), "OpenOCD is gone");
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The TCP connection to OpenOCD could not be made, was lost, or carried what OpenOCD never
    /// sends.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A deadline passed.
    #[error(transparent)]
    Timeout(#[from] TimeoutError),
    /// Run control or an access to memory or registers failed.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// An access to flash failed, or OpenOCD's description of it could not be understood.
    #[error(transparent)]
    Flash(#[from] FlashError),
    /// A firmware image could not be read or understood.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The progress callback stopped the call. What was done until then is not undone.
    #[error("cancelled while {phase}: {done} of {total} bytes are done, up to {address:#010x}")]
    Cancelled {
        /// What was under way.
        phase: Phase,
        /// Bytes of this phase that were done.
        done: u64,
        /// All bytes of this phase.
        total: u64,
        /// The first address that this phase did not reach.
        address: u64,
    },
    /// A breakpoint or a watchpoint could not be set or removed.
    #[error(transparent)]
    Breakpoint(#[from] BreakpointError),
    /// The debug adapter lacks the requested feature, or refused.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// A device description (SVD) could not be loaded, lacks the requested item, or forbids the
    /// access.
    #[cfg(feature = "svd")]
    #[error(transparent)]
    Svd(#[from] SvdError),
    /// A JTAG operation failed: a scan, a path through the states, an SVF file, the chain itself.
    #[error(transparent)]
    Jtag(#[from] JtagError),
    /// A debug access port could not be accessed, or does not exist.
    #[error(transparent)]
    Dap(#[from] DapError),
    /// Real-time transfer (RTT) could not be set up, or lost data.
    #[error(transparent)]
    Rtt(#[from] RttError),
    /// Semihosting could not be set up, or a semihosting call of the firmware could not be served.
    #[error(transparent)]
    Semihosting(#[from] SemihostingError),
    /// The OpenOCD process could not be started or stopped, or ended during start-up.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A command of [`Session::command`](crate::Session::command) failed, or could not be sent.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Error {
    /// The error for a refused command: not halted or no target wherever OpenOCD says so, otherwise
    /// what `specific` makes of it.
    pub(crate) fn refused(failure: Box<Failure>, specific: impl FnOnce(Box<Failure>) -> Error) -> Error {
        if says_no_target(failure.message()) {
            return TargetError::NoTarget { operation: failure.command().to_owned() }.into();
        }
        if !failure.is_not_halted() {
            return specific(failure);
        }
        let not_halted = TargetError::NotHalted {
            operation: failure.command().to_owned(),
            target: "the target".to_owned(),
            state: TargetState::Unknown,
            failure: Some(failure),
        };
        not_halted.into()
    }

    /// The error for a refused command that belongs to no subsystem.
    pub(crate) fn from_failure(failure: Box<Failure>) -> Error {
        CommandError::Failed(failure).into()
    }

    /// The error that made a long flash call stop, or this error itself.
    fn root(&self) -> &Error {
        match self {
            Error::Flash(error) => error.cause().map_or(self, Error::root),
            Error::Target(TargetError::NotRestored { cause, .. })
            | Error::Breakpoint(BreakpointError::Left { cause, .. }) => cause.root(),
            _ => self,
        }
    }

    /// Whether a deadline passed: every [`Error::Timeout`], and a flash call that stopped for one.
    pub fn is_timeout(&self) -> bool {
        matches!(self.root(), Error::Timeout(_))
    }

    /// Whether the session has no connection to OpenOCD, so that its next call fails too.
    ///
    /// True for [`ConnectionError::Unreachable`], [`Closed`](ConnectionError::Closed),
    /// [`Io`](ConnectionError::Io), [`ServerDied`](ConnectionError::ServerDied),
    /// [`ForeignServer`](ConnectionError::ForeignServer),
    /// [`SessionClosed`](ConnectionError::SessionClosed) and
    /// [`Interrupted`](ConnectionError::Interrupted), and for a flash call that stopped for one of
    /// them.
    ///
    /// An [RTT channel](crate::RttChannel) or another stream has a connection of its own. If
    /// OpenOCD closes that one alone, this is true of the stream's error too, and the session is as
    /// before.
    pub fn is_disconnected(&self) -> bool {
        match self.root() {
            Error::Connection(error) => match error {
                ConnectionError::Unreachable { .. }
                | ConnectionError::Closed { .. }
                | ConnectionError::Io { .. }
                | ConnectionError::ServerDied { .. }
                | ConnectionError::ForeignServer { .. }
                | ConnectionError::SessionClosed
                | ConnectionError::Interrupted => true,
                ConnectionError::Resolve { .. }
                | ConnectionError::StreamUnreachable { .. }
                | ConnectionError::ReplyTooLong { .. }
                | ConnectionError::NotOpenOcd { .. } => false,
            },
            _ => false,
        }
    }

    /// Whether the call needs a halted target and the target is running:
    /// [`TargetError::NotHalted`], and every refusal in which OpenOCD gives this reason, except
    /// that of a target whose state cannot be read ([`TargetError::Poll`]).
    pub fn is_not_halted(&self) -> bool {
        match self.root() {
            Error::Target(TargetError::NotHalted { .. }) => true,
            Error::Target(TargetError::Poll(_)) => false,
            _ => self.failure().is_some_and(Failure::is_not_halted),
        }
    }

    /// Whether the same call may succeed if it is repeated as it is: every [`Error::Timeout`], and
    /// [`ConnectionError::Unreachable`], which an OpenOCD that is still starting causes.
    ///
    /// OpenOCD may have executed a call that timed out, so repeat only what may be executed twice.
    pub fn is_transient(&self) -> bool {
        matches!(self.root(), Error::Timeout(_) | Error::Connection(ConnectionError::Unreachable { .. }))
    }

    /// A short code for this kind of error, for reports and statistics: the subsystem and the
    /// condition, such as `timeout.reply`. A code does not change between versions.
    ///
    /// ```
    /// let error = openocd::Session::connect("localhost").unwrap_err();
    /// assert_eq!(error.id(), "connection.resolve");
    /// ```
    pub fn id(&self) -> &'static str {
        match self {
            Error::Connection(error) => error.id(),
            Error::Timeout(error) => error.id(),
            Error::Target(error) => error.id(),
            Error::Flash(error) => error.id(),
            Error::Image(error) => error.id(),
            Error::Cancelled { .. } => "cancelled",
            Error::Breakpoint(error) => error.id(),
            Error::Adapter(error) => error.id(),
            #[cfg(feature = "svd")]
            Error::Svd(error) => error.id(),
            Error::Jtag(error) => error.id(),
            Error::Dap(error) => error.id(),
            Error::Rtt(error) => error.id(),
            Error::Semihosting(error) => error.id(),
            Error::Process(error) => error.id(),
            Error::Command(error) => error.id(),
        }
    }

    /// What OpenOCD reported, if this error is a command that OpenOCD refused.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Error::Target(error) => error.failure(),
            Error::Flash(error) => error.failure(),
            Error::Breakpoint(error) => error.failure(),
            Error::Jtag(error) => error.failure(),
            Error::Dap(error) => error.failure(),
            Error::Adapter(error) => error.failure(),
            Error::Rtt(error) => error.failure(),
            Error::Semihosting(error) => error.failure(),
            Error::Command(CommandError::Failed(failure)) => Some(failure),
            _ => None,
        }
    }

    /// The command that OpenOCD refused, if that is what happened.
    pub fn command(&self) -> Option<&str> {
        self.failure().map(Failure::command)
    }

    /// OpenOCD's error number, such as -304 for "target not halted", if OpenOCD refused a command.
    ///
    /// OpenOCD 0.12.0 has no number for some commands (`read_memory`, `get_reg`, everything written
    /// in Tcl): they give 1.
    pub fn code(&self) -> Option<i32> {
        self.failure().map(Failure::code)
    }

    /// OpenOCD's message, if OpenOCD refused a command.
    pub fn message(&self) -> Option<&str> {
        self.failure().map(Failure::message)
    }

    /// Everything that OpenOCD logged while it ran the command it refused.
    pub fn log(&self) -> Option<&str> {
        self.failure().map(Failure::log)
    }
}

/// Whether a refusal means that OpenOCD has no targets. The first text is that of the procedure
/// `current` in `src/procedures/target.tcl`. OpenOCD itself defines these commands with the first
/// target (`target_create` in `src/target/target.c`), and names the current target with no text.
fn says_no_target(message: &str) -> bool {
    const COMMANDS: [&str; 26] = [
        "",
        "bp",
        "dump_image",
        "halt",
        "load_image",
        "mdb",
        "mdd",
        "mdh",
        "mdw",
        "mwb",
        "mwd",
        "mwh",
        "mww",
        "poll",
        "rbp",
        "read_memory",
        "reg",
        "resume",
        "rwp",
        "step",
        "test_image",
        "verify_image",
        "virt2phys",
        "wait_halt",
        "wp",
        "write_memory",
    ];
    let unknown = message.trim().strip_prefix("invalid command name \"").and_then(|rest| rest.split_once('"'));
    message.contains("no target is configured") || unknown.is_some_and(|(name, _)| COMMANDS.contains(&name))
}
