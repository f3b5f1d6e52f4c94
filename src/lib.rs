#![doc = include_str!("front_page.md")]

// First, so that the documentation of `Session` begins with how to get one.
mod session;

mod abandoned;
mod adapter;
mod batch;
mod breakpoints;
mod command;
mod core_dump;
pub mod crash;
mod dap;
mod error;
mod events;
mod file_kind;
mod flash;
pub mod guide;
mod image;
mod jtag;
mod leave;
mod memory;
mod new_file;
mod platform;
mod procedures;
mod process;
mod progress;
mod ram_program;
mod registers;
mod renewal;
mod riscv;
mod rtt;
mod run_until;
mod semihosting;
#[cfg(feature = "serde")]
mod serialize;
mod stop_token;
#[cfg(feature = "svd")]
pub mod svd;
mod target;
mod types;
mod vector_catch;
mod wire;

/// What the benches measure: no part of the interface, may change at any time.
#[doc(hidden)]
pub mod bench {
    /// Reads the answer of `read_memory` for 32-bit values.
    pub fn decode_u32(text: &[u8], values: &mut [u32]) -> Option<()> {
        crate::memory::numbers::decode(text, values)
    }

    /// Reads the answer of `mdw`.
    pub fn decode_mdw(text: &[u8], address: u64, values: &mut [u32]) -> Option<()> {
        crate::memory::display::decode(text, address, values)
    }
}

/// The program in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use adapter::{Adapter, AdapterDriver};
pub use batch::{Batch, BatchFlash, BatchMemory, BatchRegisters, Handle};
pub use breakpoints::{
    Breakpoint, BreakpointKind, Breakpoints, ScopedBreakpoint, ScopedWatchpoint, WatchedValue, Watchpoint,
    WatchpointAccess,
};
pub use command::Execution;
pub use command::version::Version;
pub use crash::CrashReport;
pub use dap::{
    AccessPort, AccessPortClass, AccessPortId, AccessPortInfo, Component, ComponentClass, Dap, DapInfo, DebugPortId,
    Jep106, RomEntry, TargetId,
};
#[cfg(feature = "svd")]
pub use error::SvdError;
pub use error::{
    AdapterError, BreakpointError, CommandError, ConnectionError, DapError, Error, Failure, FlashError, ImageError,
    InvalidArgument, JtagError, ProcessError, ProcessReport, Refused, RejectedBlock, Result, RttError,
    SemihostingError, TargetError, TimeoutError, UnexpectedReply,
};
pub use events::{Event, EventIter, Events, Listener, TargetEvent};
pub use flash::{
    BankId, Flash, FlashBank, FlashInfo, ImageSource, ProgramOptions, ProgramReport, ProtectionBlock, Sector,
    WriteOptions, WriteReport,
};
#[cfg(feature = "debuginfo")]
pub use image::CodeLocation;
pub use image::{ElfParts, Image, ImageOptions, Segment};
pub use jtag::{Bits, Jtag, NewTap, SvfFile, SvfMismatch, SvfReport, Tap, XsvfFile};
pub use memory::{
    Memory, RamFault, RamTest, RamTestStep, Sample, SampleCsv, SampleValue, Samples, Variable, VariableType,
};
pub use process::{LOG_TAIL_LINES, OpenOcdBuilder, OpenOcdProcess, StartFailure};
pub use progress::{IntoControlFlow, NoProgress, Progress, ProgressCallback, ProgressReport};
pub use ram_program::RamStart;
pub use registers::{Register, RegisterDump, Registers};
pub use riscv::Riscv;
pub use rtt::{Rtt, RttChannel, RttChannelInfo, RttChannels, RttLines, RttMode};
pub use run_until::{
    FirstOutcome, OutputSource, RunChannel, RunGroup, RunInput, RunLine, RunOutcome, RunOutput, RunUntil, Verdict,
};
pub use semihosting::{
    ConsoleOptions, Redirected, Semihosting, SemihostingConsole, SemihostingExit, SemihostingStream,
};
pub use session::{Session, SessionBuilder};
pub use stop_token::StopToken;
#[cfg(feature = "svd")]
pub use svd::Svd;
pub use target::polling::PollingPause;
pub use target::{Target, TargetInfo, TargetStatus};
pub use types::{
    EndState, Evidence, HaltReason, ImageFormat, Mismatch, NotRunReason, OnClose, PathEnd, Phase, RegisterValue,
    ResetMode, ResetSignal, RttDirection, RttWait, SectorKind, StopPoint, Symbol, SymbolKind, TapState, TargetState,
    VectorCatch,
};
pub use wire::Endpoint;
pub use wire::tcl::quote;
