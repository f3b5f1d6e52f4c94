//! The error tree: one enum per layer under [`Error`], so that a caller can match as broadly or as narrowly as needed.

mod adapter;
mod breakpoint;
mod command;
mod connection;
mod dap;
mod failure;
mod flash;
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
pub(crate) mod text;
mod timeout;

pub use adapter::AdapterError;
pub use breakpoint::BreakpointError;
pub use command::CommandError;
pub use connection::ConnectionError;
pub use dap::DapError;
pub use failure::Failure;
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
/// Match as narrowly as you need: a single condition, a whole subsystem, or everything. Where OpenOCD refused a command,
/// the text of the error holds OpenOCD's own message. An error of the operating system is the
/// [`source`](std::error::Error::source), and not part of the text. The parts of such a refusal
/// are at [`failure`](Error::failure), and at [`command`](Error::command), [`code`](Error::code), [`message`](Error::message),
/// [`log`](Error::log) for short.
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
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The TCP connection to OpenOCD could not be made, broke, or carried what OpenOCD never sends.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// Something did not happen in its time.
    #[error(transparent)]
    Timeout(#[from] TimeoutError),
    /// Run control, memory or registers: the target, or OpenOCD on its behalf, refused.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Flash could not be programmed, erased, protected, read or understood.
    #[error(transparent)]
    Flash(#[from] FlashError),
    /// A firmware image could not be read or understood.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The progress callback stopped the call. What was done is done.
    #[error("cancelled while {phase}: {done} of {total} bytes are done, up to {address:#010x}")]
    Cancelled {
        /// What was under way.
        phase: Phase,
        /// How many bytes of this phase were done.
        done: u64,
        /// How many bytes this phase was about.
        total: u64,
        /// The first address that was not dealt with in this phase.
        address: u64,
    },
    /// A breakpoint or a watchpoint could not be set or removed.
    #[error(transparent)]
    Breakpoint(#[from] BreakpointError),
    /// The debug adapter lacks what was asked of it, or refused.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// A device description (SVD) could not be loaded, does not know what was asked for, or forbids it.
    #[cfg(feature = "svd")]
    #[error(transparent)]
    Svd(#[from] SvdError),
    /// A JTAG operation failed: a scan, a walk through the states, an SVF file, the chain itself.
    #[error(transparent)]
    Jtag(#[from] JtagError),
    /// A debug access port could not be accessed, or is not there.
    #[error(transparent)]
    Dap(#[from] DapError),
    /// Real-time transfer through the target's memory could not be set up, or lost something.
    #[error(transparent)]
    Rtt(#[from] RttError),
    /// Semihosting could not be set up, or a call of the firmware could not be served.
    #[error(transparent)]
    Semihosting(#[from] SemihostingError),
    /// The OpenOCD process could not be started, or ended when it should not.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A command of [`Session::command`](crate::Session::command) failed, or could not be sent as it is.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Error {
    /// The error for a refused command: not halted or no target wherever OpenOCD says so, otherwise what `specific` makes
    /// of it.
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

    /// The error for a refused command that concerns no subsystem.
    pub(crate) fn from_failure(failure: Box<Failure>) -> Error {
        CommandError::Failed(failure).into()
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
    /// OpenOCD 0.12.0 has no number for some commands (`read_memory`, `get_reg`, everything written in Tcl): they give 1.
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

/// Whether a refusal means that OpenOCD has no targets. The first text is that of the procedure `current` in
/// `src/procedures/target.tcl`. OpenOCD itself defines these commands with the first target (`target_create` in
/// `src/target/target.c`), and names the current target with no text.
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
