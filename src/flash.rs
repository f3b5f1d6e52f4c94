//! Flash: banks and sectors, erasing, writing, verifying, reading, protecting.

pub(crate) mod banks;
mod erase;
mod layout;
mod pieces;
mod protect;
mod read;
mod replies;
mod verify;
mod write;

pub use banks::{BankId, FlashBank, FlashInfo, ProtectionBlock, Sector};
pub use write::WriteOptions;

use crate::progress::{IntoControlFlow, Progress, ProgressCallback};
use crate::session::Session;
use crate::target::Target;

/// A view of the flash banks of a target, from [`Session::flash`] or [`Target::flash`].
///
/// # Which call
/// | to | call |
/// |---|---|
/// | program a firmware image and start it | [`program`](Self::program), [`Session::program`] |
/// | see what there is | [`banks`](Self::banks), [`probe`](Self::probe), [`layout`](Self::layout), [`info`](Self::info) |
/// | write | [`write_image`](Self::write_image), [`write`](Self::write) |
/// | erase | [`erase_sector`](Self::erase_sector), [`erase_address`](Self::erase_address), [`erase_all`](Self::erase_all) |
/// | compare | [`verify`](Self::verify), [`verify_at`](Self::verify_at), [`verify_image`](Self::verify_image), [`verify_image_at`](Self::verify_image_at) |
/// | read | [`read`](Self::read), [`read_to_file`](Self::read_to_file) |
/// | protect | [`protect`](Self::protect) |
/// | watch or stop any of these | [`with_progress`](Self::with_progress) |
///
/// # Rules for all of them
/// - **State.** Erasing and writing need a halted target, otherwise they are a [`TargetError::NotHalted`](crate::TargetError::NotHalted) error. OpenOCD runs its flash
///   loaders in the RAM of the target's working area, which loses what it holds unless the configuration says `-work-area-backup 1`.
/// - **Addresses** are those of the target. A range may reach over several banks that follow each other. What belongs to no bank is an
///   error before anything is sent; OpenOCD would skip it and report success. Where a bank could not be probed, the error is
///   [`FlashError::Probe`](crate::FlashError::Probe) and says why. An empty range is nothing to do.
/// - **Bounds** of sectors, and that the first is not after the last, are checked before anything is sent.
/// - **Truth.** What is written is verified, what is erased is checked, unless you say otherwise. An error in the middle says up to where flash is
///   erased or written: everything before that address is, and what follows may be in part.
/// - **Files.** Image files are read here. Their bytes travel over the connection into a private temporary file of OpenOCD's, so
///   OpenOCD may run on another machine and paths may hold any characters.
/// - **Time.** Long calls are cut into commands that take about a second at most; [`SessionBuilder::flash_timeout`](crate::SessionBuilder::flash_timeout) limits each.
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
#[derive(Debug, Clone)]
pub struct Flash<'a> {
    target: Target<'a>,
    report: Option<ProgressCallback<'a>>,
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
        Flash { target: self, report: None }
    }
}

impl<'a> Flash<'a> {
    /// The same flash, with a callback that is told how far each long call has come, and can stop it.
    ///
    /// The calls are told apart by their phases: [`erase_sector`](Self::erase_sector) and its like report [`Phase::Erase`](crate::Phase) and then, as they check,
    /// `Verify`; [`write_image`](Self::write_image) reports `Erase`, `Write` and `Verify`, as far as it does them. Pieces are chosen to take a tenth to a few
    /// tenths of a second each; only a whole bank is erased in one piece, as many chips do that in the time of one sector. After [`ControlFlow::Break`](std::ops::ControlFlow::Break) the call goes on to the next boundary between two sectors and ends
    /// with [`Error::Cancelled`](crate::Error::Cancelled), which says how far it came.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.flash().with_progress(|progress| println!("{progress}")).erase_sector(0, 100, 127)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_progress<'b, R: IntoControlFlow>(&self, callback: impl FnMut(Progress) -> R + Send + 'b) -> Flash<'b>
    where
        'a: 'b,
    {
        Flash { target: self.target, report: Some(ProgressCallback::new(callback)) }
    }
}
