//! The calls that led to where a Cortex-M is halted.

mod unwind;

use std::collections::BTreeMap;
use std::fmt;

use super::exception::ExcReturn;
use super::frame::{self, FrameSource, Stack, StackedState};
use super::memory_map::device_region;
use super::{Survey, cortex_m};
use crate::error::{ImageError, Result};
use crate::image::{CodeLocation, Image};
use crate::registers;
use crate::target::Target;
use crate::target::kind::CoreKind;
use crate::types::Hex;
use unwind::{Registers, Step, Unwinder};

/// The largest number of frames in a backtrace.
const MOST_FRAMES: usize = 256;
/// Bytes of the stack that are read at a time.
const BLOCK_BYTES: u32 = 256;
const SP: usize = 13;
const LR: usize = 14;
const PC: usize = 15;

/// The calls that led to where a target is halted, the innermost first, from
/// [`Target::backtrace`](crate::Target::backtrace).
///
/// Its `Display` is a line for each function.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Backtrace {
    /// The frames, the innermost first.
    pub frames: Vec<Frame>,
    /// Why the backtrace ends there.
    pub end: BacktraceEnd,
}

/// One call that has not returned.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Frame {
    /// The program counter. It is the next instruction in the innermost frame and in a frame that
    /// an exception interrupted, and the return address in the others.
    pub pc: u64,
    /// The stack pointer in that frame.
    pub sp: u64,
    /// An exception interrupted this frame; the frame before it is that of the handler.
    pub is_interrupted: bool,
    /// The frame was guessed from the link register, because the image has no information about the
    /// frame before it.
    pub is_guess: bool,
    /// The function with file and line; if functions are inlined there, the innermost first. Where
    /// the debug information says nothing, it is the symbol's name without file and line. Empty
    /// if the image says nothing about the address.
    pub locations: Vec<CodeLocation>,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("pc", &Hex(self.pc))
            .field("sp", &Hex(self.sp))
            .field("is_interrupted", &self.is_interrupted)
            .field("is_guess", &self.is_guess)
            .field("locations", &self.locations)
            .finish()
    }
}

/// Why a backtrace ends.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BacktraceEnd {
    /// The last frame is the first of the program: nothing called it.
    Outermost,
    /// The image does not say how to unwind at this address.
    NoUnwindInfo {
        /// The address.
        pc: u64,
    },
    /// The stack could not be read.
    UnreadableStack {
        /// The address.
        address: u64,
    },
    /// The stack pointer leads to peripherals, devices or the system's registers, where no stack
    /// can be. Nothing was read there, because reading could change them.
    NotMemory {
        /// The address.
        address: u64,
    },
    /// The registers that an exception stored were not found.
    NoStoredState {
        /// The address where they should be.
        address: u64,
    },
    /// The caller's stack would be below that of the function that it called: the stack is damaged.
    DamagedStack {
        /// The stack pointer of the last frame.
        sp: u64,
    },
    /// A required register was not saved.
    LostRegister,
    /// The backtrace has more frames than the limit.
    TooDeep,
}

/// The text of its `Display`, with addresses in hexadecimal.
impl fmt::Debug for BacktraceEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BacktraceEnd({self})")
    }
}

impl fmt::Display for BacktraceEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BacktraceEnd::Outermost => write!(f, "that is the outermost function"),
            BacktraceEnd::NoUnwindInfo { pc } => write!(f, "the image does not say how to unwind at {pc:#010x}"),
            BacktraceEnd::UnreadableStack { address } => write!(f, "the stack at {address:#010x} cannot be read"),
            BacktraceEnd::NotMemory { address } => {
                let region = u32::try_from(*address).ok().and_then(device_region).unwrap_or("device");
                write!(f, "the stack at {address:#010x} is in the {region} region, and is not read")
            }
            BacktraceEnd::NoStoredState { address } => {
                write!(f, "the registers that an exception stored are not at {address:#010x}")
            }
            BacktraceEnd::DamagedStack { sp } => write!(f, "the stack at {sp:#010x} is damaged"),
            BacktraceEnd::LostRegister => write!(f, "a register of the caller was not kept"),
            BacktraceEnd::TooDeep => write!(f, "there are more than {MOST_FRAMES} frames"),
        }
    }
}

/// `#0 hard_fault at crash.c:28`, a line for each function, and why it ends.
impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, frame) in self.frames.iter().enumerate() {
            if frame.is_interrupted {
                writeln!(f, "   an exception interrupted:")?;
            }
            let guess = if frame.is_guess { " (a guess)" } else { "" };
            writeln!(f, "#{number} {:#010x}{guess}", frame.pc)?;
            for location in &frame.locations {
                writeln!(f, "     {location}")?;
            }
        }
        write!(f, "{}", self.end)
    }
}

/// Words of the stack, read in blocks, each at most once. No block crosses a multiple of its size,
/// so none crosses the end of RAM.
struct StackMemory<'a> {
    target: &'a Target<'a>,
    /// By their multiple, the words from an address on.
    blocks: BTreeMap<u32, Block>,
}

struct Block {
    start: u32,
    words: Vec<u32>,
}

impl StackMemory<'_> {
    /// The words from an address on, at least `count` if they can be read.
    fn words(&mut self, address: u32, count: u32) -> Result<Vec<u32>> {
        let mut words = Vec::new();
        for index in 0..count {
            let Some(word) = self.word(address.wrapping_add(4 * index))? else { break };
            words.push(word);
        }
        Ok(words)
    }

    fn word(&mut self, address: u32) -> Result<Option<u32>> {
        if address % 4 != 0 {
            return Ok(None);
        }
        let multiple = address / BLOCK_BYTES;
        if let Some(Block { start, words }) = self.blocks.get(&multiple) {
            if address >= *start {
                return Ok(words.get((address - start) as usize / 4).copied());
            }
        }
        let words = self.target.stack(address, (BLOCK_BYTES - address % BLOCK_BYTES) / 4)?;
        let word = words.first().copied();
        self.blocks.insert(multiple, Block { start: address, words });
        Ok(word)
    }
}

impl Target<'_> {
    /// Finds the calls that led to where a halted Cortex-M is, by the unwind information of its
    /// firmware's ELF file (`.debug_frame`, `.eh_frame`), through exceptions.
    ///
    /// The target must be halted, and reading changes nothing on it. It takes a round trip for the
    /// registers, one for each 256 bytes of the stack, and one at the end. The backtrace always
    /// ends, and says why. A function that ended in a tail call has no frame any more.
    ///
    /// The image must be the firmware that runs: nothing checks that.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], [`TargetError::Resumed`] if another client let the target run
    /// meanwhile, [`TargetError::Unsupported`] for targets that are not a Cortex-M,
    /// [`TargetError::UnknownRegister`] or [`TargetError::Register`] if the core registers cannot
    /// be read. An image without debug information is no error: its frames may be guesses
    /// ([`Frame::is_guess`]), without places in the sources.
    ///
    /// [`TargetError::NotHalted`]: crate::TargetError::NotHalted
    /// [`TargetError::Resumed`]: crate::TargetError::Resumed
    /// [`TargetError::Unsupported`]: crate::TargetError::Unsupported
    /// [`TargetError::UnknownRegister`]: crate::TargetError::UnknownRegister
    /// [`TargetError::Register`]: crate::TargetError::Register
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.target().set_vector_catch(&openocd::VectorCatch::FAULTS)?;
    /// # chip.load_elf(&std::fs::read("tests/images/crash/crash.elf")?);
    /// # session.target().wait_halt(std::time::Duration::from_secs(5))?;
    /// let image = openocd::Image::open("tests/images/crash/crash.elf")?;
    /// let backtrace = session.target().backtrace(&image)?;
    /// println!("{backtrace}");
    /// assert_eq!(backtrace.frames[1].locations[1].function.as_deref(), Some("inner"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn backtrace(&self, image: &Image) -> Result<Backtrace> {
        let survey = Survey::of(self, &cortex_m::REGISTERS, &[], &cortex_m::BASE[..1], &cortex_m::UNWINDING)?;
        let halt = survey.must_be_halted("backtrace")?;
        if survey.kind != CoreKind::CortexM {
            return Err(survey.unsupported("backtrace"));
        }
        let mut registers: Registers = [None; 16];
        for (register, name) in registers.iter_mut().zip(&cortex_m::REGISTERS) {
            let value = survey.registers.get(name).and_then(|register| register.value.to_u64());
            *register = value.and_then(|value| u32::try_from(value).ok());
        }
        let Some(pc) = registers[PC] else {
            return Err(registers::unknown(&survey.status.name, "pc", &[]));
        };
        let state = cortex_m::CortexMState::of(&survey.registers, |address| survey.word(address));
        let pointer = |name: &str| survey.registers.get(name)?.value.to_u64()?.try_into().ok();
        let mut memory = StackMemory { target: self, blocks: BTreeMap::new() };
        let unwinder = Unwinder::new(image.debug_info());
        let sp = registers[SP].unwrap_or_default();
        let mut frames = vec![frame_of(image, pc, sp, false)?];
        let end = loop {
            let last = frames.last().map_or((0, 0), |frame| (frame.pc, frame.sp));
            let is_exact = frames.len() == 1 || frames.last().is_some_and(|frame| frame.is_interrupted);
            if is_entry_function(image, if is_exact { last.0 } else { last.0.saturating_sub(1) }) {
                break BacktraceEnd::Outermost;
            }
            if frames.len() >= MOST_FRAMES {
                break BacktraceEnd::TooDeep;
            }
            let (pc, is_guess) = match unwinder.step(&mut registers, is_exact, |address| memory.word(address))? {
                Step::Caller => (registers[PC], false),
                Step::NoInformation if is_exact && registers[LR].is_some() => {
                    registers[PC] = registers[LR].take();
                    (registers[PC], true)
                }
                Step::NoInformation => break BacktraceEnd::NoUnwindInfo { pc: last.0 },
                Step::Unreadable(address) => break unread(address),
                Step::Lost => break BacktraceEnd::LostRegister,
                Step::Outermost => break BacktraceEnd::Outermost,
            };
            let (Some(pc), Some(sp)) = (pc, registers[SP]) else { break BacktraceEnd::LostRegister };
            if u64::from(sp) < last.1 {
                break BacktraceEnd::DamagedStack { sp: last.1 };
            }
            if let Some(exc_return) = ExcReturn::new(pc) {
                let psp = if exc_return.value() & 1 << 6 == 0 { "psp_ns" } else { "psp_s" };
                let psp = pointer(psp).or_else(|| pointer("psp"));
                let Some(at) = (if exc_return.uses_psp() { psp } else { Some(sp) }) else {
                    break BacktraceEnd::LostRegister;
                };
                let words = memory.words(at, frame::LONGEST)?;
                let stack = Stack { address: at, words: &words };
                let stored = match frame::at_pointer(stack, exc_return, state.is_lazy, FrameSource::StackPointer) {
                    StackedState::Found(stored) => stored,
                    StackedState::Unreadable { address } | StackedState::NotMemory { address } => {
                        break unread(address);
                    }
                    _ => break BacktraceEnd::NoStoredState { address: at.into() },
                };
                for (number, value) in
                    [(0, stored.r0), (1, stored.r1), (2, stored.r2), (3, stored.r3), (12, stored.r12)]
                {
                    registers[number] = Some(value);
                }
                (registers[SP], registers[LR], registers[PC]) = (Some(stored.sp), Some(stored.lr), Some(stored.pc));
                let frame = frame_of(image, stored.pc, stored.sp, false)?;
                frames.push(Frame { is_interrupted: true, is_guess, ..frame });
                continue;
            }
            // LR after a reset: nothing called the first function.
            if pc == u32::MAX {
                break BacktraceEnd::Outermost;
            }
            let pc = pc & !1;
            if is_guess && (u64::from(pc), u64::from(sp)) == last {
                // LR is left from a call that has returned.
                break BacktraceEnd::NoUnwindInfo { pc: last.0 };
            }
            if (u64::from(pc), u64::from(sp)) == last {
                break BacktraceEnd::DamagedStack { sp: last.1 };
            }
            registers[PC] = Some(pc);
            frames.push(Frame { is_guess, ..frame_of(image, pc, sp, true)? });
        };
        halt.check(self)?;
        Ok(Backtrace { frames, end })
    }
}

/// The end of a backtrace at a stack that was not read.
fn unread(address: u32) -> BacktraceEnd {
    match device_region(address) {
        Some(_) => BacktraceEnd::NotMemory { address: address.into() },
        None => BacktraceEnd::UnreadableStack { address: address.into() },
    }
}

/// Whether an address is in the function at which the program begins. Its link register may hold
/// what a call that has returned left there.
fn is_entry_function(image: &Image, pc: u64) -> bool {
    let first = image.entry().and_then(|entry| image.symbol_at(entry & !1));
    first.is_some_and(|first| image.symbol_at(pc).is_some_and(|function| function.address == first.address))
}

/// A frame with its place in the sources, as far as the image says. `is_return` says that the
/// program counter is a return address: the call is before it, and may be the last instruction of
/// its function.
fn frame_of(image: &Image, pc: u32, sp: u32, is_return: bool) -> Result<Frame> {
    let at = if is_return { pc.saturating_sub(1) } else { pc };
    let locations = match image.location(at.into()) {
        // An image without debug information may still say how to unwind.
        Err(crate::error::Error::Image(ImageError::Elf { .. })) => Vec::new(),
        locations => locations?,
    };
    let locations = match image.function_at(at.into()) {
        Some(function) if locations.is_empty() => vec![CodeLocation::of_symbol(function)],
        _ => locations,
    };
    Ok(Frame { pc: pc.into(), sp: sp.into(), is_interrupted: false, is_guess: false, locations })
}
