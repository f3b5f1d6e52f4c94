#![doc = include_str!("front_page.md")]

mod batch;
mod breakpoints;
mod command;
mod error;
mod events;
mod frame;
mod memory;
mod parse;
mod process;
mod registers;
mod rtt;
mod run_until;
mod semihosting;
mod session;
pub mod svd;
mod target;
mod tcl;
mod text;
mod transport;
mod version;

/// What the benches measure: no part of the interface, may change at any time.
#[doc(hidden)]
pub mod bench {
    /// Reads the answer of `read_memory` for 32-bit values.
    pub fn decode_u32(text: &[u8], values: &mut [u32]) -> Option<()> {
        crate::parse::memory::decode(text, values)
    }
}

pub use batch::{Batch, BatchMemory, BatchRegisters, Handle};
pub use breakpoints::{
    Breakpoint, BreakpointKind, Breakpoints, ScopedBreakpoint, WatchedValue, Watchpoint, WatchpointAccess,
};
pub use command::Execution;
pub use error::{
    BreakpointError, CommandError, ConnectionError, Error, Failure, ProcessError, ProcessReport, Result, RttError,
    SemihostingError, SvdError, TargetError, TimeoutError,
};
pub use events::{Event, EventIter, Events, Listener, TargetEvent};
pub use memory::{Memory, Sample, Samples};
pub use process::{LOG_TAIL_LINES, OpenOcdBuilder, OpenOcdProcess};
pub use registers::{Register, RegisterDump, RegisterValue, Registers};
pub use rtt::{Rtt, RttChannel, RttChannelInfo, RttChannels, RttLines};
pub use run_until::{RunOutcome, RunUntil, Verdict};
pub use semihosting::{Redirected, Semihosting, SemihostingStream};
pub use session::{Session, SessionBuilder};
pub use svd::Svd;
pub use target::{HaltReason, ResetMode, Target, TargetInfo, TargetState, TargetStatus};
pub use tcl::quote;
pub use version::Version;
