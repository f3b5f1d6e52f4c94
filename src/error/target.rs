//! Run control, memory and registers failed.

use std::path::{Path, PathBuf};

use crate::error::text::{self, excerpt, list_names};
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::{Mismatch, TargetState, VectorCatch};

/// Run control, memory or registers failed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The target must be halted for this call, and is not.
    #[error(
        "{} must be halted for this, and is {} (`{}`)",
        text::name(target), or_not(*state), excerpt(operation.as_bytes(), 120)
    )]
    NotHalted {
        /// The operation, as a command of OpenOCD's.
        operation: String,
        /// The target's name; "the target" where it is not known, as in a batch.
        target: String,
        /// Its last known state; `Unknown` where that is not known.
        state: TargetState,
        /// OpenOCD's refusal, if OpenOCD was asked.
        failure: Option<Box<Failure>>,
    },
    /// The target was halted at the start of this call and is halted now, but has run in between:
    /// another client resumed, stepped or reset it. What the call read does not belong to a single
    /// state of the target, and is discarded.
    #[error("{} was resumed during this call (`{operation}`), so its result means nothing", text::name(target))]
    Resumed {
        /// The call.
        operation: &'static str,
        /// The target's name.
        target: String,
    },
    /// No target has this name.
    #[error("no target is named \"{}\"; there {}", text::name(name), list_names(known, "no targets"))]
    Unknown {
        /// The requested name.
        name: String,
        /// The names of all targets.
        known: Vec<String>,
    },
    /// OpenOCD's configuration has no target.
    #[error("`{}` needs a target, but OpenOCD has no targets", excerpt(operation.as_bytes(), 120))]
    NoTarget {
        /// The operation, as a command of OpenOCD's.
        operation: String,
    },
    /// The target could not be halted.
    #[error("cannot halt: {0}")]
    Halt(Box<Failure>),
    /// The target could not be resumed.
    #[error("cannot resume: {0}")]
    Resume(Box<Failure>),
    /// The target could not be stepped.
    #[error("cannot step: {0}")]
    Step(Box<Failure>),
    /// The target could not be reset, or did not halt after the reset as asked.
    #[error("cannot reset: {0}")]
    Reset(Box<Failure>),
    /// The target's state could not be read: the target does not answer, was never examined, or
    /// lost power.
    #[error("cannot read the state of the target: {0}")]
    Poll(Box<Failure>),
    /// OpenOCD did not find the target: no power, a broken connection, or another chip than
    /// configured.
    #[error("cannot examine: {0}")]
    Examine(Box<Failure>),
    /// The operation was done, but one of its event handlers in OpenOCD's configuration failed.
    /// OpenOCD only logs this and reports success; the log is in the failure.
    #[error("the handler of event {} failed: {failure}", text::name(event))]
    EventHandler {
        /// The event, such as `reset-init`.
        event: String,
        /// The command during which the handler failed, with OpenOCD's log.
        failure: Box<Failure>,
    },
    /// OpenOCD reported success, but the target is not in the state that this call promises.
    #[error("OpenOCD reported `{operation}` as done, but {} is {state}", text::target(target))]
    WrongState {
        /// The operation, as a command of OpenOCD's.
        operation: &'static str,
        /// The target's name.
        target: String,
        /// The state it is in.
        state: TargetState,
    },
    /// Memory could not be read. The part before `address` could be read, but the call returns none
    /// of it.
    ///
    /// If [`Target::status`](crate::Target::status) is an error too, the target or the probe is
    /// gone; otherwise the address is wrong, or what is there does not answer.
    #[error("cannot read memory at {address:#010x}: {failure}")]
    MemoryRead {
        /// The address that failed, where the target reports it; otherwise the start of the block
        /// that failed.
        address: u64,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// Memory could not be written. Everything before `written_to` is written; what follows may be
    /// written in part.
    ///
    /// If [`Target::status`](crate::Target::status) is an error too, the target or the probe is
    /// gone, as for [`MemoryRead`](Self::MemoryRead).
    #[error("cannot write memory at {address:#010x} (everything before {written_to:#010x} is written): {failure}")]
    MemoryWrite {
        /// The address that failed, where the target reports it; otherwise the start of the block
        /// that failed.
        address: u64,
        /// Everything from the start of the transfer to here (exclusive) is written.
        written_to: u64,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// RAM does not hold what was loaded into it, though OpenOCD reported success. Nothing was
    /// started.
    #[error("the image was loaded, but {0}")]
    NotLoaded(Mismatch),
    /// A [test of RAM](crate::Memory::test_ram) ended early, and what the RAM held before could not
    /// be put back.
    #[error("the test of RAM ended, and {address:#010x}..{end:#010x} do not hold their former contents: {cause}")]
    NotRestored {
        /// The first address of the RAM.
        address: u64,
        /// The address behind it.
        end: u64,
        /// Why the test ended.
        cause: Box<crate::error::Error>,
    },
    /// The address is not a multiple of the width of the access. Nothing was sent.
    #[error("address {address:#010x} is not aligned to {width} bytes, as a {}-bit access requires", width * 8)]
    Misaligned {
        /// The address given.
        address: u64,
        /// The width of one access in bytes.
        width: u64,
    },
    /// The range ends beyond the target's address space. Nothing was read or written.
    #[error("{length:#x} bytes from {address:#010x} end beyond the {bits}-bit address space")]
    OutOfAddressSpace {
        /// Where the range begins.
        address: u64,
        /// Its length in bytes.
        length: u64,
        /// The width of an address, in bits.
        bits: u32,
    },
    /// The target has no register of this name.
    #[error("{} has no register \"{}\"{}", text::name(target), text::name(name), text::or_near(near))]
    UnknownRegister {
        /// The target's name.
        target: String,
        /// The requested name.
        name: String,
        /// Names of the target's registers that are similar.
        near: Vec<String>,
    },
    /// A register could not be read or written, though the target is halted. Or a value written to
    /// it earlier, which OpenOCD kept in its cache, did not reach the target when the target was
    /// resumed or stepped.
    #[error("cannot access register \"{}\": {failure}", text::name(name))]
    Register {
        /// The register's name.
        name: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// The value does not fit into the register. Nothing was written.
    #[error("{value} does not fit into the {bits} bits of register \"{}\"", text::name(name))]
    ValueTooWide {
        /// The register's name.
        name: String,
        /// The value given, in hexadecimal.
        value: String,
        /// The register's width in bits.
        bits: u32,
    },
    /// OpenOCD has no such function for targets of this type, or this crate does not support it.
    /// Nothing was changed.
    #[error("{} is a target of type {}, for which there is no {what}", text::name(target), text::name(kind))]
    Unsupported {
        /// What was asked for, such as `vector catch`.
        what: &'static str,
        /// The target's name.
        target: String,
        /// The target's type, such as `riscv`.
        kind: String,
    },
    /// The core cannot halt at these events. The vector catch is as it was before.
    #[error("{} has no vector catch for {}", text::name(target), missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    NoVectorCatch {
        /// The target's name.
        target: String,
        /// The events asked for that the core lacks.
        missing: Vec<VectorCatch>,
    },
    /// A file could not be created or written. Nothing of it remains.
    #[error("cannot write {}: {source}", excerpt(path.to_string_lossy().as_bytes(), 200))]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// An argument is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
    /// The file or stream that takes a dump, or gives what is to be loaded, failed.
    #[error("cannot {operation} memory at {address:#010x}{}, after {transferred} bytes: {}", at_path(path.as_deref()), excerpt(source.to_string().as_bytes(), 200))]
    Stream {
        /// What the call does: `dump` or `load`.
        operation: &'static str,
        /// Where the dump or the load begins in the target's memory.
        address: u64,
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// Number of bytes that the stream took or gave before it failed.
        transferred: u64,
        /// The stream's error.
        source: std::io::Error,
    },
    /// OpenOCD refused.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl TargetError {
    /// A stable code of the error, for reports.
    pub(crate) fn id(&self) -> &'static str {
        match self {
            TargetError::NotHalted { .. } => "target.not_halted",
            TargetError::Resumed { .. } => "target.resumed",
            TargetError::Unknown { .. } => "target.unknown",
            TargetError::NoTarget { .. } => "target.no_target",
            TargetError::Halt(_) => "target.halt",
            TargetError::Resume(_) => "target.resume",
            TargetError::Step(_) => "target.step",
            TargetError::Reset(_) => "target.reset",
            TargetError::Poll(_) => "target.poll",
            TargetError::Examine(_) => "target.examine",
            TargetError::EventHandler { .. } => "target.event_handler",
            TargetError::WrongState { .. } => "target.wrong_state",
            TargetError::MemoryRead { .. } => "target.memory_read",
            TargetError::MemoryWrite { .. } => "target.memory_write",
            TargetError::NotLoaded(_) => "target.not_loaded",
            TargetError::NotRestored { .. } => "target.not_restored",
            TargetError::Misaligned { .. } => "target.misaligned",
            TargetError::OutOfAddressSpace { .. } => "target.out_of_address_space",
            TargetError::UnknownRegister { .. } => "target.unknown_register",
            TargetError::Register { .. } => "target.register",
            TargetError::ValueTooWide { .. } => "target.value_too_wide",
            TargetError::Unsupported { .. } => "target.unsupported",
            TargetError::NoVectorCatch { .. } => "target.no_vector_catch",
            TargetError::File { .. } => "target.file",
            TargetError::InvalidArgument(_) => "target.invalid_argument",
            TargetError::UnexpectedReply(_) => "target.unexpected_reply",
            TargetError::Stream { .. } => "target.stream",
            TargetError::Refused(_) => "target.refused",
        }
    }

    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            TargetError::Halt(failure)
            | TargetError::Resume(failure)
            | TargetError::Step(failure)
            | TargetError::Reset(failure)
            | TargetError::Poll(failure)
            | TargetError::Examine(failure)
            | TargetError::MemoryRead { failure, .. }
            | TargetError::MemoryWrite { failure, .. }
            | TargetError::EventHandler { failure, .. }
            | TargetError::Register { failure, .. } => Some(failure),
            TargetError::NotHalted { failure, .. } => failure.as_deref(),
            TargetError::Refused(refused) => Some(&refused.failure),
            TargetError::NotRestored { cause, .. } => cause.failure(),
            _ => None,
        }
    }
}

/// `, file /tmp/ram.bin`
fn at_path(path: Option<&Path>) -> String {
    path.map(|path| format!(", file {}", excerpt(path.to_string_lossy().as_bytes(), 200))).unwrap_or_default()
}

fn or_not(state: TargetState) -> String {
    if state == TargetState::Unknown { "not".to_owned() } else { state.to_string() }
}
