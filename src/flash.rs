//! Flash: banks and sectors, erasing, writing, verifying, reading, protecting.

pub(crate) mod banks;
mod checksums;
mod erase;
mod image_source;
pub(crate) mod info;
mod keep;
mod layout;
mod options;
mod pieces;
mod program;
mod protect;
mod read;
mod read_back;
mod replies;
mod unchanged;
mod verify;
mod write;

pub use banks::{BankId, FlashBank};
pub use image_source::ImageSource;
pub use info::{FlashInfo, ProtectionBlock, Sector};
pub use options::{ProgramOptions, ProgramReport, WriteOptions, WriteReport};

use crate::progress::{IntoControlFlow, NoProgress, Progress, ProgressCallback, ProgressReport};
use crate::session::Session;
use crate::target::Target;

/// A view of the flash banks of a target, from [`Session::flash`] or [`Target::flash`].
///
/// # Which call
/// | to | call |
/// |---|---|
/// | program a firmware image and start it | [`program`](Self::program), [`program_with`](Self::program_with), [`Session::program`] |
/// | list banks and sectors | [`banks`](Self::banks), [`probe`](Self::probe), [`layout`](Self::layout), [`info`](Self::info) |
/// | write | [`write_image`](Self::write_image), [`write_image_with`](Self::write_image_with), [`write`](Self::write) |
/// | erase | [`erase_sector`](Self::erase_sector), [`erase_address`](Self::erase_address), [`erase_all`](Self::erase_all) |
/// | compare | [`verify`](Self::verify), [`verify_at`](Self::verify_at), [`verify_image`](Self::verify_image), [`verify_image_at`](Self::verify_image_at) |
/// | read | [`read`](Self::read), [`read_to_file`](Self::read_to_file) |
/// | protect | [`protect`](Self::protect), [`unprotect`](Self::unprotect) |
/// | see how far a call is, or stop it | [`with_progress`](Self::with_progress) |
///
/// # Rules for all calls
/// - **State.** Erasing, writing and protecting need a halted target; otherwise they fail with
///   [`TargetError::NotHalted`](crate::TargetError::NotHalted).
/// - **Nothing else changes.** OpenOCD runs its flash algorithms in the RAM of the target's working
///   area. Each command here restores that RAM (`-work-area-backup 1`) and the registers. The
///   registers are restored in OpenOCD's copy, which OpenOCD writes to the core when it resumes the
///   core, and before it ends with its session;
///   [`Registers::write_back`](crate::Registers::write_back) writes them at once. If an algorithm
///   faults, the fault is caught before the firmware's fault handler runs, and its traces in
///   registers and on the stack are removed. Only a chip that stops answering in the middle is not
///   restored. [`program`](Self::program), which resets the chip anyway, and a write with
///   [`WriteOptions::restore_ram`] turned off leave the RAM as the algorithm leaves it.
/// - **Addresses** are those of the target. A range may span several banks that follow each other.
///   An address in no bank is an error before anything is changed; OpenOCD would skip it and report
///   success. For a bank that could not be probed, the error is
///   [`FlashError::Probe`](crate::FlashError::Probe) with the reason. An empty range succeeds and
///   does nothing.
/// - **Truth.** The erase calls check that flash is erased. The write calls verify what they wrote;
///   if they erase, they also check that the rest of the erased sectors is erased.
///   [`WriteOptions::verify`] can turn off both for an image. Protected sectors are found before
///   anything is changed ([`FlashError::Protected`](crate::FlashError::Protected)). An error in the
///   middle says up to which address flash is erased, written, read or compared, and which range of
///   an erase or a write is in an unknown state.
/// - **Files.** Image files are read by this program. Their bytes travel over the connection into a
///   private temporary file of OpenOCD, so OpenOCD may run on another machine, and paths may hold
///   any characters.
/// - **Time.** Long calls consist of commands that take about a second at most.
///   [`SessionBuilder::flash_timeout`](crate::SessionBuilder::flash_timeout) limits each command.
///
/// Sources: OpenOCD User's Guide, "Flash Commands"; `src/flash/nor/` in OpenOCD.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// session.target().halt()?;
/// let flash = session.flash();
/// flash.erase_address(0x0800_4000, 2048)?;
/// flash.write(0x0800_4000, b"calibration data")?;
/// assert_eq!(flash.read(0x0800_4000, 11)?, b"calibration");
/// assert!(!flash.verify(0x0800_4000, b"calibration date")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Flash<'a, R = NoProgress> {
    target: Target<'a>,
    report: R,
}

impl Session {
    /// The flash of the current target; short for `session.target().flash()`.
    pub fn flash(&self) -> Flash<'_> {
        self.target().flash()
    }
}

impl<'a> Target<'a> {
    /// The target's flash.
    pub fn flash(self) -> Flash<'a> {
        Flash { target: self, report: NoProgress }
    }
}

impl<'a, R: ProgressReport> Flash<'a, R> {
    /// The same flash, with a callback that receives the progress of each long call.
    ///
    /// The callback may change what it captures. It may return nothing, or a
    /// [`ControlFlow`](std::ops::ControlFlow): after `Break` the call goes on to the next boundary
    /// between two sectors and ends with [`Error::Cancelled`](crate::Error::Cancelled), which says
    /// how far it came. The callback runs on the thread of the call, between two commands, while
    /// the session is free.
    ///
    /// [`Progress::phase`](crate::Progress) tells what a call is doing: the erase calls report
    /// `Erase` and then `Verify`, [`write_image`](Self::write_image) reports `Erase`, `Write` and
    /// `Verify`. A piece takes one to a few tenths of a second. Only a whole bank is erased in one
    /// piece, because many chips erase it in the time of one sector.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.flash().with_progress(|progress| println!("{progress}")).erase_sector(0, 100, 127)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_progress<'b, C: IntoControlFlow>(
        &self,
        callback: impl FnMut(Progress) -> C + Send + 'b,
    ) -> Flash<'a, ProgressCallback<'b>> {
        Flash { target: self.target, report: ProgressCallback::new(callback) }
    }
}
