//! The state that a Cortex-M stored on a stack when it entered an exception.

use std::fmt;

use super::exception::{ExcReturn, ExceptionNumber};
use super::memory_map::device_region;
use crate::types::Hex;
use crate::types::debug_in_hex;

/// How many words of a stack are searched for a frame.
pub(super) const SEARCHED_WORDS: u32 = 256;
/// Words of a frame without FPU state, and with it (ARM DDI 0403, B1.5.7).
const BASIC_WORDS: usize = 8;
const EXTENDED_WORDS: usize = 26;
/// Words with the signature and R4 to R11 that an Armv8-M core stores below the frame (ARM DDI
/// 0553, B3.19).
const CALLEE_WORDS: usize = 10;
/// The most words that are stored.
pub(super) const LONGEST: u32 = 10 + 26;
const THUMB: u32 = 1 << 24;
const ALIGNED: u32 = 1 << 9;
/// Bits of a stored xPSR that are 0: they are reserved.
const RESERVED: u32 = 0x00f0_0000;

/// How a frame was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum FrameSource {
    /// It is where the stack pointer points: the handler has not used its stack.
    StackPointer,
    /// The handler used its stack, so the frame was searched for above the stack pointer, by what a
    /// frame looks like. This is a guess.
    Search,
}

/// The registers of the interrupted program, which the core stored when it entered the exception.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StackedFrame {
    /// The address of the stored R0.
    pub address: u32,
    /// How it was found.
    pub source: FrameSource,
    /// R0.
    pub r0: u32,
    /// R1.
    pub r1: u32,
    /// R2.
    pub r2: u32,
    /// R3.
    pub r3: u32,
    /// R12.
    pub r12: u32,
    /// LR: most often the return address of the function that was interrupted.
    pub lr: u32,
    /// The return address: for a fault that the core reports at once, the address of the
    /// instruction that caused it.
    pub pc: u32,
    /// xPSR; in its lowest bits the exception that was interrupted.
    pub xpsr: u32,
    /// The stack pointer of the interrupted program.
    pub sp: u32,
    /// The registers of the FPU, if the frame has room for them and they could be read.
    pub fpu: Option<FpuState>,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for StackedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackedFrame")
            .field("address", &Hex(self.address.into()))
            .field("source", &self.source)
            .field("r0", &Hex(self.r0.into()))
            .field("r1", &Hex(self.r1.into()))
            .field("r2", &Hex(self.r2.into()))
            .field("r3", &Hex(self.r3.into()))
            .field("r12", &Hex(self.r12.into()))
            .field("lr", &Hex(self.lr.into()))
            .field("pc", &Hex(self.pc.into()))
            .field("xpsr", &Hex(self.xpsr.into()))
            .field("sp", &Hex(self.sp.into()))
            .field("fpu", &self.fpu)
            .finish()
    }
}

impl StackedFrame {
    /// The exception that was being handled when this one came; thread mode if none was.
    pub fn exception(&self) -> ExceptionNumber {
        ExceptionNumber::of(self.xpsr)
    }
}

/// The FPU's registers in a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FpuState {
    /// S0 to S15 as they are stored.
    pub s: [u32; 16],
    /// FPSCR as it is stored.
    pub fpscr: u32,
    /// The core has only reserved the room, and stores the registers when the handler first uses
    /// the FPU (`FPCCR.LSPACT`). Until then the values here mean nothing, and those in the FPU are
    /// the program's.
    pub is_pending: bool,
}

debug_in_hex!(FpuState { is_pending; s, fpscr });

/// What was found of a stored state.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StackedState {
    /// No exception is being handled, so nothing is stored.
    None,
    /// The stored state.
    Found(StackedFrame),
    /// The memory to which the stack pointer points could not be read: the stack pointer is wrong.
    Unreadable {
        /// Where it should be.
        address: u32,
    },
    /// The stack pointer leads to peripherals, devices or the system's registers, where no stack can
    /// be. Nothing was read there, as reading could change them.
    NotMemory {
        /// Where it should be.
        address: u32,
    },
    /// The memory was read, but nothing in it looks like a frame.
    NotFound {
        /// Where the search began.
        address: u32,
    },
}

/// Addresses in hexadecimal.
impl fmt::Debug for StackedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StackedState::None => f.write_str("None"),
            StackedState::Found(frame) => f.debug_tuple("Found").field(frame).finish(),
            StackedState::Unreadable { address } => write!(f, "Unreadable {{ address: {address:#x} }}"),
            StackedState::NotMemory { address } => write!(f, "NotMemory {{ address: {address:#x} }}"),
            StackedState::NotFound { address } => write!(f, "NotFound {{ address: {address:#x} }}"),
        }
    }
}

/// Words of a stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stack<'w> {
    pub(super) address: u32,
    pub(super) words: &'w [u32],
}

/// Finds the frame on the stack that the handler itself uses, where the stack pointer may have
/// moved since.
///
/// `lr` is `EXC_RETURN` if the handler has called nothing yet.
pub(super) fn search(stack: Stack<'_>, lr: Option<ExcReturn>, lazy: bool) -> StackedState {
    if stack.words.is_empty() {
        return unread(stack.address);
    }
    if let Some(frame) = lr.and_then(|lr| frame(stack, 0, lr, lazy, FrameSource::StackPointer)) {
        return StackedState::Found(frame);
    }
    // A handler that calls functions stores LR first, so it is right below the frame.
    let saved = (0..stack.words.len()).find_map(|at| {
        let value = ExcReturn::new(stack.words[at]).filter(|value| !value.uses_psp())?;
        frame(stack, at + 1, value, lazy, FrameSource::Search)
    });
    let above = || {
        let lr = lr?;
        (1..stack.words.len()).find_map(|at| frame(stack, at, lr, lazy, FrameSource::Search))
    };
    match saved.or_else(above) {
        Some(frame) => StackedState::Found(frame),
        None => StackedState::NotFound { address: stack.address },
    }
}

/// Finds the frame on the other stack, whose pointer no handler moves.
pub(super) fn at_pointer(stack: Stack<'_>, exc_return: ExcReturn, lazy: bool, source: FrameSource) -> StackedState {
    if stack.words.is_empty() {
        return unread(stack.address);
    }
    match frame(stack, 0, exc_return, lazy, source) {
        Some(frame) => StackedState::Found(frame),
        None => StackedState::NotFound { address: stack.address },
    }
}

/// A stack of which no word was read.
fn unread(address: u32) -> StackedState {
    match device_region(address) {
        Some(_) => StackedState::NotMemory { address },
        None => StackedState::Unreadable { address },
    }
}

/// The `EXC_RETURN` that a handler stored, if it says that the frame is on the process stack.
pub(super) fn saved_for_psp(words: &[u32]) -> Option<ExcReturn> {
    words.iter().find_map(|word| ExcReturn::new(*word)).filter(|value| value.uses_psp())
}

/// The frame that begins with the word of this number, if that looks like one.
#[allow(clippy::cast_possible_truncation, reason = "at most a few hundred words are read")]
fn frame(stack: Stack<'_>, at: usize, exc_return: ExcReturn, lazy: bool, source: FrameSource) -> Option<StackedFrame> {
    let begin = at + if exc_return.has_callee_registers() { CALLEE_WORDS } else { 0 };
    let words = stack.words.get(begin..)?;
    let &[r0, r1, r2, r3, r12, lr, pc, xpsr] = words.first_chunk()?;
    let exception = ExceptionNumber::of(xpsr);
    // INVSTATE faults have the Thumb bit clear; the rest of such an xPSR must then be that of a
    // program.
    let is_plausible = xpsr & RESERVED == 0
        && exception.is_thread() == exc_return.to_thread_mode()
        && pc & 1 == 0
        && (xpsr & THUMB != 0 || source == FrameSource::StackPointer);
    if !is_plausible {
        return None;
    }
    let address = stack.address.wrapping_add(4 * begin as u32);
    let length = if exc_return.has_fpu_state() { EXTENDED_WORDS } else { BASIC_WORDS };
    let padding = if xpsr & ALIGNED != 0 { 4 } else { 0 };
    let fpu = words.get(BASIC_WORDS..EXTENDED_WORDS).filter(|_| exc_return.has_fpu_state());
    let fpu = fpu.map(|words| {
        let mut s = [0; 16];
        s.copy_from_slice(&words[..16]);
        FpuState { s, fpscr: words[16], is_pending: lazy }
    });
    let sp = address.wrapping_add(4 * length as u32).wrapping_add(padding);
    Some(StackedFrame { address, source, r0, r1, r2, r3, r12, lr, pc, xpsr, sp, fpu })
}

#[cfg(test)]
mod tests;
