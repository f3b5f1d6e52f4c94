//! Options and results of writing an image.

use std::fmt;
use std::ops::Range;

use crate::target::TargetStatus;
use crate::types::{HaltReason, ResetMode, TargetState};

/// What [`Flash::write_image_with`](super::Flash::write_image_with) does besides writing.
///
/// By default it erases and verifies, which is also what
/// [`Flash::write_image`](super::Flash::write_image) does.
///
/// ```
/// use openocd::WriteOptions;
///
/// let options = WriteOptions::new().skip_unchanged(true).unlock(true);
/// assert_eq!(options, WriteOptions::new().erase(true).verify(true).skip_unchanged(true).unlock(true));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[allow(clippy::struct_excessive_bools, reason = "each is set by its name, as in `std::fs::OpenOptions`")]
pub struct WriteOptions {
    pub(super) erase: bool,
    pub(super) unlock: bool,
    pub(super) verify: bool,
    pub(super) skip_unchanged: bool,
    pub(super) erase_banks: bool,
    pub(super) keep_unwritten: bool,
    pub(super) restore_ram: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions::new()
    }
}

impl WriteOptions {
    /// Returns the defaults.
    pub const fn new() -> Self {
        WriteOptions {
            erase: true,
            unlock: false,
            verify: true,
            skip_unchanged: false,
            erase_banks: false,
            keep_unwritten: false,
            restore_ram: true,
        }
    }

    /// Erases the sectors that the image touches before anything is written. Each sector is erased
    /// whole, so it also loses the bytes that the image does not hold. True by default; without it,
    /// the flash must be erased already.
    pub const fn erase(mut self, erase: bool) -> Self {
        self.erase = erase;
        self
    }

    /// Ends the write protection of the sectors that the image touches. Many chips need a reset
    /// before that takes effect: the call then fails with
    /// [`FlashError::StillProtected`](crate::FlashError::StillProtected), and succeeds after the
    /// reset. If other protected sectors lie between those that the image touches, some chips need
    /// a reset for each part. Then the call fails again in this way, with the address of the next
    /// part. False by default.
    pub const fn unlock(mut self, unlock: bool) -> Self {
        self.unlock = unlock;
        self
    }

    /// Compares the flash with the image afterwards, and checks that the other bytes of the erased
    /// sectors are erased. True by default; without it, a cell that did not change goes unnoticed.
    ///
    /// Flash that cannot be read cannot be verified: before anything is erased, the call looks
    /// whether a byte of each bank can be read, and fails otherwise with
    /// [`FlashError::Unreadable`](crate::FlashError::Unreadable).
    pub const fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// Neither erases nor writes sectors that hold their part of the image already, by checksums
    /// (CRC-32) that the chip calculates.
    ///
    /// On a Cortex-M a program of this crate calculates the checksums of all sectors in one run. It
    /// needs a word for each sector and 188 bytes of the working area, which is restored. For
    /// OpenOCD and its events the target stays halted. Otherwise OpenOCD's own checksum compares
    /// groups of sectors. If many groups of 16 KiB have changed, all of their sectors are then
    /// written, because comparing them would take longer.
    ///
    /// With [`erase`](Self::erase), a sector is skipped only if its other bytes are erased, so the
    /// flash ends up the same. False by default.
    pub const fn skip_unchanged(mut self, skip: bool) -> Self {
        self.skip_unchanged = skip;
        self
    }

    /// Erases all of each bank that the image touches, not only the sectors, and writes all of the
    /// image. Many chips erase a whole bank in the time of one sector.
    ///
    /// It implies [`erase`](Self::erase) and turns [`skip_unchanged`](Self::skip_unchanged) off.
    /// Each bank is erased by one command, so the call cannot be cancelled within it. False by
    /// default.
    pub const fn erase_banks(mut self, erase_banks: bool) -> Self {
        self.erase_banks = erase_banks;
        self
    }

    /// Keeps the bytes of erased sectors that the image does not hold, such as calibration data
    /// behind the firmware: reads them before the erase, writes them with the image, and verifies
    /// them, also without [`verify`](Self::verify).
    ///
    /// If the call fails after the erase, it puts these bytes back. Where that fails too, as
    /// without power, the error is [`FlashError::NotKept`](crate::FlashError::NotKept) and holds
    /// the bytes. Any other error means that these bytes are in place, or all have the value of
    /// erased flash. If OpenOCD does not answer, the call waits once more before it gives up, so it
    /// takes twice the [`flash_timeout`](crate::SessionBuilder::flash_timeout) in all. A program
    /// that is killed in the middle loses them.
    ///
    /// With [`skip_unchanged`](Self::skip_unchanged), a sector is skipped whatever its other bytes
    /// are. Without [`erase`](Self::erase) this has no effect. With
    /// [`erase_banks`](Self::erase_banks) it is refused. False by default.
    pub const fn keep_unwritten(mut self, keep: bool) -> Self {
        self.keep_unwritten = keep;
        self
    }

    /// Restores the RAM of the working area, where the algorithm that writes flash runs and gets
    /// its data. True by default; without it, a chip that is reset next is written faster, as by
    /// OpenOCD's own `flash write_image`.
    pub const fn restore_ram(mut self, restore: bool) -> Self {
        self.restore_ram = restore;
        self
    }
}

impl WriteOptions {
    pub(super) const fn erases(self) -> bool {
        self.erase || self.erase_banks
    }
}

/// What [`Flash::program_with`](super::Flash::program_with) does with the parts of an image, and
/// how it leaves the target.
///
/// By default all parts belong in flash, sectors that hold their part already are skipped, and the
/// RAM of the working area is not restored, because the chip is reset before and after. Afterwards
/// the program runs.
///
/// ```
/// use openocd::{ProgramOptions, WriteOptions};
///
/// let write = WriteOptions::new().skip_unchanged(true).keep_unwritten(true);
/// let options = ProgramOptions::new().write(write).load_ram(0x2000_0000..0x2000_5000);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ProgramOptions {
    pub(super) write: WriteOptions,
    pub(super) ram: Vec<Range<u64>>,
    pub(super) left_out: Vec<Range<u64>>,
    pub(super) reset: ResetMode,
}

impl Default for ProgramOptions {
    fn default() -> Self {
        ProgramOptions::new()
    }
}

impl ProgramOptions {
    /// Returns the defaults.
    pub const fn new() -> Self {
        let write = WriteOptions::new().skip_unchanged(true).restore_ram(false);
        ProgramOptions { write, ram: Vec::new(), left_out: Vec::new(), reset: ResetMode::Run }
    }

    /// Sets how flash is written; these options replace the default, which skips unchanged sectors
    /// and does not restore RAM.
    pub const fn write(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }

    /// Sets what the reset at the end leaves the target doing. By default the program runs
    /// ([`ResetMode::Run`]). With [`ResetMode::Halt`] it is halted at its first instruction, as a
    /// [`run_until`](crate::Target::run_until) begins.
    pub const fn reset(mut self, mode: ResetMode) -> Self {
        self.reset = mode;
        self
    }

    /// Loads the parts of the image in a range of addresses into RAM. May be called several times.
    /// A range that ends before it begins is refused when the image is programmed.
    pub fn load_ram(mut self, range: Range<u64>) -> Self {
        self.ram.push(range);
        self
    }

    /// Leaves out the parts of the image in a range of addresses. May be called several times, and
    /// takes precedence over [`load_ram`](Self::load_ram).
    pub fn leave_out(mut self, range: Range<u64>) -> Self {
        self.left_out.push(range);
        self
    }
}

/// What writing an image changed, from [`Flash::write_image`](super::Flash::write_image). All
/// numbers are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WriteReport {
    /// Bytes of the image that flash held already, and that were skipped.
    pub skipped: u64,
    /// Size of the sectors that were erased.
    pub erased: u64,
    /// Bytes of the image that were written.
    pub written: u64,
    /// Bytes of the erased sectors that the image does not hold, and that were kept
    /// ([`WriteOptions::keep_unwritten`]).
    pub kept: u64,
}

/// "1024 bytes erased, 108 written, 0 skipped", and ", 916 kept" if there are any
impl fmt::Display for WriteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes erased, {} written, {} skipped", self.erased, self.written, self.skipped)?;
        if self.kept > 0 { write!(f, ", {} kept", self.kept) } else { Ok(()) }
    }
}

/// The result of [`Flash::program`](super::Flash::program): the image is in flash and verified.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProgramReport {
    /// What was written.
    pub flash: WriteReport,
    /// Bytes of the image that were loaded into RAM ([`ProgramOptions::load_ram`]).
    pub loaded: u64,
    /// Bytes of the image that were left out ([`ProgramOptions::leave_out`]).
    pub left_out: u64,
    /// The target's state after the reset that started the image. [`is_started`](Self::is_started)
    /// says whether it is as it should be.
    pub status: TargetStatus,
    /// Whether the program crashed within 20 ms after the reset that started it:
    /// [`Target::is_crashed`](crate::Target::is_crashed). False after a reset that halts.
    pub is_crashed: bool,
}

impl ProgramReport {
    /// Whether the program was started and nothing stopped it so far: the target runs, or the
    /// program waits for the answer to a semihosting call ([`HaltReason::Semihosting`]).
    ///
    /// It is false if the program crashed at once, whatever the handler of the fault does
    /// ([`is_crashed`](Self::is_crashed)), if it reached a breakpoint, and after
    /// [`ProgramOptions::reset`] with a mode that halts. OpenOCD 0.12.0 does not recognize a
    /// semihosting call of a RISC-V hart, so with that version it is also false for a hart that
    /// waits at one.
    pub fn is_started(&self) -> bool {
        match self.status.state {
            _ if self.is_crashed => false,
            TargetState::Running => true,
            TargetState::Halted => self.status.halt_reason == Some(HaltReason::Semihosting),
            _ => false,
        }
    }
}

/// "1024 bytes erased, 108 written, 0 skipped; stm32f1x.cpu is running"
impl fmt::Display for ProgramReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.flash)?;
        for (bytes, what) in [(self.loaded, "loaded into RAM"), (self.left_out, "left out")] {
            if bytes > 0 {
                write!(f, ", {bytes} {what}")?;
            }
        }
        write!(f, "; {}", self.status)?;
        if self.is_crashed { f.write_str("; it crashed") } else { Ok(()) }
    }
}
