//! Memory: single values, slices, bytes of any length.

pub(crate) mod access;
pub(crate) mod bytes;
pub(crate) mod display;
mod hexdump;
mod images;
mod lanes;
pub(crate) mod numbers;
mod pace;
mod sample;
mod transfer;

pub use sample::{Sample, Samples};

pub(crate) use access::hex_list;

use crate::error::Result;
use crate::progress::{ProgressCallback, Report};
use crate::target::Target;

/// A view of a target's memory, from [`Session::memory`](crate::Session::memory) or [`Target::memory`].
///
/// # Which call
/// | | one value | many | into a slice | bytes |
/// |---|---|---|---|---|
/// | read | [`read_u32`](Self::read_u32) | [`read_u32_vec`](Self::read_u32_vec) | [`read_u32_into`](Self::read_u32_into) | [`read_bytes`](Self::read_bytes), [`read_bytes_into`](Self::read_bytes_into) |
/// | write | [`write_u32`](Self::write_u32) | [`write_u32_slice`](Self::write_u32_slice) | | [`write_bytes`](Self::write_bytes) |
///
/// and the same for `u8`, `u16` and `u64`. Beyond these: [`search`](Self::search), [`dump`](Self::dump), [`load`](Self::load), [`hexdump`](Self::hexdump),
/// [`load_image`](Self::load_image), [`verify_image`](Self::verify_image).
///
/// # Rules for all of them
/// - **State.** A Cortex-M and most other targets can be read and written while they run. A target that can't refuses, and the call is a
///   [`TargetError::NotHalted`](crate::TargetError::NotHalted) or [`MemoryRead`](crate::TargetError::MemoryRead) /
///   [`MemoryWrite`](crate::TargetError::MemoryWrite) error.
/// - **Width and alignment.** The calls for `u8` to `u64` access the target with exactly that width, and `address` must be a multiple of it. The
///   calls for bytes take any address: 32-bit accesses where those are aligned, and 8-bit ones for the at most three bytes before and after. A `u64` is one access where
///   the target can do that, otherwise two of 32 bits.
/// - **Byte order.** Values are in the target's byte order (`NAME cget -endian`); bytes are in the order of their addresses.
/// - **Length.** Any. Long transfers are split into several commands here. Zero is allowed and sends nothing.
/// - **Addresses** are 64 bits wide. One that the target can't have is refused; OpenOCD would drop its upper half and go elsewhere.
/// - **Failure.** The error names the address. After a failed write it says up to where everything is written. Over SWD the debug port is
///   asked after each write whether it worked (`NAME dpreg 4`): OpenOCD reports a last write that failed as done.
/// - **RISC-V on OpenOCD 0.12.0.** It gives 0 for what a hart cannot read, unless that is asked for by itself. So zeros are asked for once more: the first 64 that
///   follow each other, then every 16th, and the last. That takes its time.
///
/// Sources: OpenOCD's `mdb`, `mdh`, `mdw`, `mdd` and `write_memory` (`src/target/target.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// let memory = session.memory();
/// memory.write_u16_slice(0x2000_0100, &[0x1234, 0xabcd])?;
/// assert_eq!(memory.read_u32(0x2000_0100)?, 0xabcd_1234);
/// assert_eq!(memory.read_bytes(0x2000_0101, 2)?, [0x12, 0xcd]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Memory<'a> {
    target: Target<'a>,
    physical: bool,
    report: Report<'a>,
    /// In place of the session's timeout for each transfer of bytes.
    timeout: Option<std::time::Duration>,
}

impl crate::Session {
    /// The current target's memory; short for `session.target().memory()`.
    pub fn memory(&self) -> Memory<'_> {
        self.target().memory()
    }
}

impl<'a> Target<'a> {
    /// The target's memory.
    pub fn memory(self) -> Memory<'a> {
        Memory::of(self)
    }
}

impl<'a> Memory<'a> {
    pub(crate) fn of(target: Target<'a>) -> Self {
        Memory { target, physical: false, report: Report::default(), timeout: None }
    }

    /// The same memory by physical addresses, past the target's MMU (OpenOCD: the `phys` option of `mdw` and `write_memory`). On a target without an MMU
    /// there is no difference.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let word = session.memory().physical().read_u32(0x2000_0000)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn physical(self) -> Self {
        Memory { physical: true, ..self }
    }

    /// The same memory, with a callback that is told how far each transfer of bytes has come, and can stop it: [`read_bytes`](Self::read_bytes),
    /// [`write_bytes`](Self::write_bytes), [`search`](Self::search), [`dump`](Self::dump), [`load_image`](Self::load_image), [`verify_image`](Self::verify_image) and their variants.
    ///
    /// No other call is told of or stopped: not those for one width (`read_u32_vec`, `write_u32_slice`, and so on, which are for registers and tables; bytes are for
    /// what is long), and not [`load`](Self::load), where the length of the stream is not known before its end. After
    /// [`ControlFlow::Break`](std::ops::ControlFlow::Break) a call ends with [`Error::Cancelled`](crate::Error::Cancelled), which says how far it came.
    ///
    /// A read goes in commands of 2048 bytes then, none of which is on its way while the callback runs: that takes longer where a round trip does.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::ops::ControlFlow;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use openocd::Progress;
    ///
    /// let percent = AtomicU64::new(0);
    /// let report = |progress: Progress| {
    ///     percent.store(progress.done * 100 / progress.total, Ordering::Relaxed);
    ///     ControlFlow::Continue(())
    /// };
    /// session.memory().with_progress(&report).read_bytes(0x2000_0000, 10_000)?;
    /// assert_eq!(percent.into_inner(), 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_progress(self, callback: &'a ProgressCallback<'a>) -> Self {
        Memory { report: Report::to(callback), ..self }
    }

    /// The same memory, with the time that images get.
    fn for_images(self) -> Self {
        Memory { timeout: Some(self.target.session().flash_timeout()), ..self }
    }

    /// The same memory, for a part of a call that reports as a whole.
    fn unwatched(self) -> Self {
        Memory { report: Report::default(), ..self }
    }
}

/// The calls for one width; what they share is in the docs of [`Memory`].
macro_rules! width {
    ($type:ty, $bits:literal, $display:literal, $read:ident, $read_vec:ident, $read_into:ident, $write:ident, $write_slice:ident) => {
        impl Memory<'_> {
            #[doc = concat!("Reads one ", $bits, "-bit value (OpenOCD: `", $display, " ADDRESS 1`).")]
            ///
            /// # Errors
            /// [`TargetError::Misaligned`](crate::TargetError::Misaligned) and [`OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before
            /// anything is read, [`MemoryRead`](crate::TargetError::MemoryRead), [`NotHalted`](crate::TargetError::NotHalted),
            /// and those of [`Session::command`](crate::Session::command).
            pub fn $read(&self, address: u64) -> Result<$type> {
                let mut value = [0];
                self.read_elements(address, &mut value)?;
                Ok(value[0])
            }

            #[doc = concat!("Reads `count` consecutive ", $bits, "-bit values.")]
            ///
            /// # Errors
            #[doc = concat!("Those of [`", stringify!($read), "`](Self::", stringify!($read), "), and")]
            /// [`InvalidArgument`](crate::TargetError::InvalidArgument) for a count that there is no memory for here.
            pub fn $read_vec(&self, address: u64, count: usize) -> Result<Vec<$type>> {
                self.check(address, access::width::<$type>(), count)?;
                let mut values = access::room(address, count)?;
                self.read_elements(address, &mut values)?;
                Ok(values)
            }

            #[doc = concat!("Fills `values` with consecutive ", $bits, "-bit values.")]
            ///
            /// After an error the slice holds what the commands before the failing one have read; the rest of it is of no use.
            ///
            /// # Errors
            #[doc = concat!("Those of [`", stringify!($read), "`](Self::", stringify!($read), ").")]
            pub fn $read_into(&self, address: u64, values: &mut [$type]) -> Result<()> {
                self.read_elements(address, values)
            }

            #[doc = concat!("Writes one ", $bits, "-bit value (OpenOCD: `write_memory ADDRESS ", $bits, " VALUE`).")]
            ///
            /// # Errors
            /// [`TargetError::Misaligned`](crate::TargetError::Misaligned) and [`OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before
            /// anything is written, [`MemoryWrite`](crate::TargetError::MemoryWrite), [`NotHalted`](crate::TargetError::NotHalted),
            /// and those of [`Session::command`](crate::Session::command).
            pub fn $write(&self, address: u64, value: $type) -> Result<()> {
                self.write_elements(address, &[value])
            }

            #[doc = concat!("Writes consecutive ", $bits, "-bit values.")]
            ///
            /// # Errors
            #[doc = concat!("Those of [`", stringify!($write), "`](Self::", stringify!($write), ").")]
            pub fn $write_slice(&self, address: u64, values: &[$type]) -> Result<()> {
                self.write_elements(address, values)
            }
        }
    };
}

width!(u8, "8", "mdb", read_u8, read_u8_vec, read_u8_into, write_u8, write_u8_slice);
width!(u16, "16", "mdh", read_u16, read_u16_vec, read_u16_into, write_u16, write_u16_slice);
width!(u32, "32", "mdw", read_u32, read_u32_vec, read_u32_into, write_u32, write_u32_slice);
width!(u64, "64", "mdd", read_u64, read_u64_vec, read_u64_into, write_u64, write_u64_slice);
