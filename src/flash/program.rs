//! Programming: writing an image and starting it.

use std::borrow::Borrow as _;

use super::{Flash, ImageSource, ProgramReport, WriteOptions};
use crate::error::{FlashError, Result};
use crate::image::Image;
use crate::progress::ProgressReport;
use crate::session::Session;
use crate::types::ResetMode;

impl<R: ProgressReport> Flash<'_, R> {
    /// Programs an image and starts it. The image is an [`Image`], or a path to an ELF, Intel HEX,
    /// S-record or UF2 file.
    ///
    /// In this order, the call
    /// 1. checks that the whole image is in flash banks of this target, as far as OpenOCD knows
    ///    them before a reset;
    /// 2. resets and halts the chip ([`ResetMode::Init`], as OpenOCD's `program` does), so that the
    ///    configuration can set up clocks or external flash;
    /// 3. finds the sectors that hold their part of the image already, and skips them
    ///    ([`skip_unchanged`](crate::WriteOptions::skip_unchanged));
    /// 4. erases the other sectors that the image touches, each of them whole, and writes and
    ///    verifies the image;
    /// 5. resets the chip and lets it run ([`ResetMode::Run`]).
    ///
    /// [`write_image_with`](Self::write_image_with) and
    /// [`skip_unchanged`](crate::WriteOptions::skip_unchanged) do steps 3 and 4 alone. An image
    /// that crashes at once is no error: the report's `status` shows how the target is.
    ///
    /// # Errors
    /// [`TargetError::Reset`](crate::TargetError::Reset) from step 2, those of
    /// [`write_image`](Self::write_image) from step 4, and [`FlashError::NotStarted`] from step 5,
    /// when flash is written. After an error the target stays halted if possible.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Image;
    ///
    /// let image = Image::bin(0x0800_0000, virtual_chip::firmware::IMAGE)?;
    /// let report = session.flash().program(&image)?;
    /// println!("{report}"); // 0 bytes erased, 0 written, 92 skipped; stm32f1x.cpu is running
    /// # assert_eq!(report.flash.skipped, image.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn program(&self, image: impl ImageSource) -> Result<ProgramReport> {
        let image = image.load()?;
        let image: &Image = image.borrow();
        // A bank that is not probed yet may be found after the reset.
        let chip = self.chip()?;
        if chip.is_probed() {
            for segment in image.segments() {
                self.spans(&chip, segment.address, segment.data.len() as u64)?;
            }
        }
        self.target.reset(ResetMode::Init)?;
        let flash = self.write_image_with(image, WriteOptions::new().skip_unchanged(true))?;
        let status =
            self.target.reset(ResetMode::Run).map_err(|error| FlashError::NotStarted { cause: Box::new(error) })?;
        Ok(ProgramReport { flash, status })
    }
}

impl Session {
    /// Programs an image into the flash of the current target and starts it; short for
    /// [`Flash::program`], which says what it does in which order.
    ///
    /// The image is a path to an ELF, Intel HEX, S-record or UF2 file, or an [`Image`] such as
    /// [`Image::open_bin`] reads from a raw binary. To watch it:
    /// `session.flash().with_progress(…).program(…)`.
    ///
    /// # Errors
    /// [`Error::Image`](crate::Error::Image) before the chip is touched, and the errors of
    /// [`Flash::program`].
    ///
    /// ```no_run
    /// let session = openocd::Session::connect("localhost:6666")?;
    /// let report = session.program("firmware.elf")?;
    /// println!("{report}");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn program(&self, image: impl ImageSource) -> Result<ProgramReport> {
        self.flash().program(image)
    }
}
