//! Memory: single values, slices, bytes of any length.

pub(crate) mod access;
pub(crate) mod bytes;
mod csv;
pub(crate) mod display;
mod hexdump;
mod images;
mod lanes;
pub(crate) mod numbers;
mod pace;
mod ram_test;
pub(crate) mod reading;
mod sample;
mod transfer;
mod variable;
pub(crate) mod writing;

use std::fmt;
use std::time::Duration;

pub use csv::SampleCsv;
pub use ram_test::{RamFault, RamTest, RamTestStep};
pub use sample::{Sample, Samples};
pub use variable::{SampleValue, Variable, VariableType};

use crate::error::Result;
use crate::progress::{IntoControlFlow, NoProgress, Progress, ProgressCallback, ProgressReport, Tracker};
use crate::target::Target;
use crate::types::Phase;

/// A view of a target's memory, from [`Session::memory`](crate::Session::memory) or
/// [`Target::memory`].
///
/// # Which call
/// | | one value | many | into a slice | bytes |
/// |---|---|---|---|---|
/// | read | [`read_u32`](Self::read_u32) | [`read_u32_vec`](Self::read_u32_vec) | [`read_u32_into`](Self::read_u32_into) | [`read_bytes`](Self::read_bytes), [`read_bytes_into`](Self::read_bytes_into) |
/// | write | [`write_u32`](Self::write_u32) | [`write_u32_slice`](Self::write_u32_slice) | | [`write_bytes`](Self::write_bytes) |
///
/// The same calls exist for `u8`, `u16` and `u64`.
///
/// | to | call |
/// |---|---|
/// | copy memory to a file or a stream | [`dump`](Self::dump), [`dump_to`](Self::dump_to) |
/// | copy a file or a stream to memory | [`load`](Self::load), [`load_from`](Self::load_from) |
/// | load a firmware image into RAM, or compare it | [`load_image`](Self::load_image), [`verify_image`](Self::verify_image) |
/// | find a pattern | [`search`](Self::search) |
/// | print memory | [`hexdump`](Self::hexdump) |
/// | sample variables while the target runs | [`sample`](Self::sample) |
/// | see how far a call is, or stop it | [`with_progress`](Self::with_progress) |
///
/// # Rules for all calls
/// - **State.** A Cortex-M and most other targets can be accessed while they run. Where a target
///   must be halted first, the call fails with
///   [`TargetError::NotHalted`](crate::TargetError::NotHalted).
/// - **Arguments.** What is transferred begins at an address and has a length in bytes, or a count
///   of elements. What is searched is a range of addresses. Addresses are 64 bits wide. An address
///   that the target cannot have is refused: OpenOCD would drop its upper half.
/// - **Width and alignment.** The calls for `u8` to `u64` access the target with exactly that
///   width, and `address` must be a multiple of it. A `u64` is one access where the target can do
///   that, otherwise two of 32 bits. The calls for bytes take any address: they make 32-bit
///   accesses, and 8-bit ones for at most three bytes before and after.
/// - **Byte order.** Values are in the target's byte order (`NAME cget -endian`). Bytes are in the
///   order of their addresses.
/// - **Length.** Any. Long transfers are split into commands that begin small and grow with the
///   measured speed, so slow adapters answer in time. Zero is allowed and sends nothing.
/// - **What `Ok` means for a write.** OpenOCD's transfers ended without a fault. Memory that
///   ignores writes, such as flash, ROM or a peripheral without a clock, is not noticed: read the
///   value back, or use [`verify_image`](Self::verify_image). Flash is written by
///   [`Flash`](crate::Flash) alone, which verifies.
/// - **Failure.** The error names the address. After a failed write it says up to where everything
///   is written. Over SWD each write is checked in the debug port (`NAME dpreg 4`): OpenOCD reports
///   a failed last write as done.
/// - **RISC-V on OpenOCD 0.12.0.** OpenOCD returns 0 for memory that a hart cannot read, unless the
///   word is read by itself. So zeros are read again: the first 64 in a row, then every 16th, and
///   the last. This takes time.
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
#[derive(Clone, Copy)]
pub struct Memory<'a, R = NoProgress> {
    target: Target<'a>,
    physical: bool,
    report: R,
    /// In place of the session's timeout for each command.
    timeout: Option<Duration>,
}

impl crate::session::Session {
    /// The current target's memory; short for `session.target().memory()`.
    pub fn memory(&self) -> Memory<'_> {
        self.target().memory()
    }
}

impl<'a> Target<'a> {
    /// The target's memory.
    pub fn memory(self) -> Memory<'a> {
        Memory { target: self, physical: false, report: NoProgress, timeout: None }
    }
}

impl<'a, R: ProgressReport> Memory<'a, R> {
    /// The same memory by physical addresses, past the target's MMU (OpenOCD: the `phys` option of
    /// `mdw` and `write_memory`). A target without an MMU has no others.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let word = session.memory().physical().read_u32(0x2000_0000)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn physical(&self) -> Self {
        Memory { physical: true, ..self.clone() }
    }

    /// The same memory, with a callback that receives the progress of each transfer.
    ///
    /// The callback may change what it captures. It may return nothing, or a
    /// [`ControlFlow`](std::ops::ControlFlow): after `Break` the call ends with
    /// [`Error::Cancelled`](crate::Error::Cancelled), which says how far it came. The callback runs
    /// on the thread of the call, between two commands, while the session is free.
    ///
    /// Every call that transfers memory reports, except [`load`](Self::load) and
    /// [`load_from`](Self::load_from), which do not know their length. With a callback, a command
    /// moves at most 2048 bytes, and no command is on its way while the callback runs. So a fast
    /// probe takes longer.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut percent = 0;
    /// session
    ///     .memory()
    ///     .with_progress(|progress| percent = progress.done * 100 / progress.total)
    ///     .read_bytes(0x2000_0000, 10_000)?;
    /// assert_eq!(percent, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A call that is stopped:
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::ops::ControlFlow;
    /// use std::time::{Duration, Instant};
    ///
    /// let end = Instant::now() + Duration::from_secs(60);
    /// let stop_late = |_| match Instant::now() < end {
    ///     true => ControlFlow::Continue(()),
    ///     false => ControlFlow::Break(()),
    /// };
    /// let bytes = session.memory().with_progress(stop_late).read_bytes(0x2000_0000, 10_000)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_progress<'b, C: IntoControlFlow>(
        &self,
        callback: impl FnMut(Progress) -> C + Send + 'b,
    ) -> Memory<'a, ProgressCallback<'b>> {
        let (target, physical, timeout) = (self.target, self.physical, self.timeout);
        Memory { target, physical, report: ProgressCallback::new(callback), timeout }
    }

    /// The same memory, with the time that images and files get.
    fn for_images(&self) -> Self {
        Memory { timeout: Some(self.target.session().flash_timeout()), ..self.clone() }
    }

    /// Begins the progress of one call.
    fn begin(&self, phase: Phase, length: u64, address: u64) -> Result<Tracker<'_>> {
        let mut tracker = Tracker::new(&self.report);
        tracker.begin(phase, length, address)?;
        Ok(tracker)
    }
}

impl<R> fmt::Debug for Memory<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({})", self.target.chosen().unwrap_or("the current target"))
    }
}

/// The calls for one width; what they share is in the docs of [`Memory`].
macro_rules! width {
    ($type:ty, $bits:literal, $display:literal, $read:ident, $read_vec:ident, $read_into:ident, $write:ident, $write_slice:ident) => {
        impl<R: ProgressReport> Memory<'_, R> {
            #[doc = concat!("Reads one ", $bits, "-bit value (OpenOCD: `", $display, " ADDRESS 1`).")]
            ///
            /// # Errors
            /// [`Misaligned`](crate::TargetError::Misaligned) and
            /// [`OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before anything is
            /// read, [`MemoryRead`](crate::TargetError::MemoryRead) with the address,
            /// [`NotHalted`](crate::TargetError::NotHalted).
            pub fn $read(&self, address: u64) -> Result<$type> {
                let mut value = [0];
                self.read_elements(address, &mut value)?;
                Ok(value[0])
            }

            #[doc = concat!("Reads `count` consecutive ", $bits, "-bit values. The vector grows as they arrive.")]
            ///
            /// # Errors
            #[doc = concat!("The same as [`", stringify!($read), "`](Self::", stringify!($read), ").")]
            pub fn $read_vec(&self, address: u64, count: usize) -> Result<Vec<$type>> {
                self.read_element_vec(address, count)
            }

            #[doc = concat!("Fills `values` with consecutive ", $bits, "-bit values.")]
            ///
            /// After an error the slice holds the values of the commands before the failing one.
            /// The rest of it is undefined.
            ///
            /// # Errors
            #[doc = concat!("The same as [`", stringify!($read), "`](Self::", stringify!($read), ").")]
            pub fn $read_into(&self, address: u64, values: &mut [$type]) -> Result<()> {
                self.read_elements(address, values)
            }

            #[doc = concat!("Writes one ", $bits, "-bit value (OpenOCD: `write_memory ADDRESS ", $bits, " VALUE`).")]
            ///
            /// `Ok` says that the transfer ended without a fault. Memory that ignores writes, such
            #[doc = concat!("as flash or ROM, is not noticed: check with [`", stringify!($read), "`](Self::", stringify!($read), ").")]
            ///
            /// # Errors
            /// [`Misaligned`](crate::TargetError::Misaligned) and
            /// [`OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before anything is
            /// written, [`MemoryWrite`](crate::TargetError::MemoryWrite) with the address,
            /// [`NotHalted`](crate::TargetError::NotHalted).
            pub fn $write(&self, address: u64, value: $type) -> Result<()> {
                self.write_elements(address, &[value])
            }

            #[doc = concat!("Writes consecutive ", $bits, "-bit values.")]
            ///
            /// `Ok` says that the transfers ended without a fault. Memory that ignores writes, such
            #[doc = concat!("as flash or ROM, is not noticed: check with [`", stringify!($read_vec), "`](Self::", stringify!($read_vec), ").")]
            ///
            /// # Errors
            #[doc = concat!("The same as [`", stringify!($write), "`](Self::", stringify!($write), ").")]
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
