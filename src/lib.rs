#![doc = include_str!("front_page.md")]

mod adapter;
mod batch;
mod breakpoints;
mod command;
mod error;
mod frame;
mod memory;
mod parse;
mod process;
mod registers;
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

pub use adapter::{Adapter, AdapterDriver, ResetSignal};
pub use batch::{Batch, BatchMemory, BatchRegisters, Handle};
pub use breakpoints::{
    Breakpoint, BreakpointKind, Breakpoints, ScopedBreakpoint, WatchedValue, Watchpoint, WatchpointAccess,
};
pub use command::Execution;
pub use error::{
    AdapterError, BreakpointError, CommandError, ConnectionError, Error, Failure, ProcessError, ProcessReport, Result,
    SvdError, TargetError, TimeoutError,
};
pub use memory::Memory;
pub use process::{LOG_TAIL_LINES, OpenOcdBuilder, OpenOcdProcess};
pub use registers::{Register, RegisterDump, RegisterValue, Registers};
pub use session::{Session, SessionBuilder};
pub use svd::Svd;
pub use target::{HaltReason, ResetMode, Target, TargetInfo, TargetState, TargetStatus};
pub use tcl::quote;
pub use version::Version;
