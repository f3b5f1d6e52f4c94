//! Programming: writing an image and starting it.

use std::borrow::Borrow as _;
use std::time::Duration;

use super::{Flash, ImageSource, ProgramOptions, ProgramReport};
use crate::error::{Error, FlashError, ImageError, InvalidArgument, Result, TargetError};
use crate::image::Image;
use crate::progress::ProgressReport;
use crate::session::Session;
use crate::types::ResetMode;

/// How long a program runs before the look at whether it crashed.
const FIRST_STEPS: Duration = Duration::from_millis(20);

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
    /// 5. resets the chip and lets it run ([`ResetMode::Run`]), and looks 20 ms later whether it
    ///    has crashed ([`Target::is_crashed`](crate::Target::is_crashed));
    ///    [`ProgramOptions::reset`] leaves it halted at its first instruction instead.
    ///
    /// The RAM of the working area is not restored: step 4 may change it
    /// ([`restore_ram`](crate::WriteOptions::restore_ram)). A copy there of an RTT control block of
    /// the image is cleared, so that no search takes it for the firmware's.
    ///
    /// [`write_image_with`](Self::write_image_with) and
    /// [`skip_unchanged`](crate::WriteOptions::skip_unchanged) do steps 3 and 4 alone.
    ///
    /// An image that crashes at once is no error: the report's `status` shows how the target is,
    /// and [`is_started`](ProgramReport::is_started) tells whether the program runs. Firmware whose
    /// first act is a semihosting call is halted at it, with the reason
    /// [`Semihosting`](crate::HaltReason::Semihosting), and `is_started` is true.
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
        self.program_with(image, &ProgramOptions::new())
    }

    /// Programs an image and starts it, with options; otherwise like [`program`](Self::program).
    ///
    /// The options say which parts of an image belong in RAM, and which are left out, such as
    /// option bytes or an EEPROM. All other parts belong in flash. If one of them is in no flash
    /// bank, the call fails before anything is changed, and the error names the address.
    ///
    /// The RAM parts are loaded after flash is written, and read back. The reset that starts the
    /// program leaves the RAM of most chips as it is. An image without a part for flash is refused:
    /// [`Target::run_in_ram`](crate::Target::run_in_ram) runs it.
    ///
    /// # Errors
    /// The errors of [`program`](Self::program). [`FlashError::NoBank`] names a part that belongs
    /// nowhere. [`TargetError::NotLoaded`] if RAM does not hold its part.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{Image, ProgramOptions};
    ///
    /// let firmware = Image::bin(0x0800_0000, virtual_chip::firmware::IMAGE)?;
    /// let image = Image::merge([&firmware, &Image::bin(0x2000_3000, [1, 2, 3])?, &Image::bin(0x1fff_f800, [0xa5])?])?;
    /// let options = ProgramOptions::new().load_ram(0x2000_0000..0x2000_5000).leave_out(0x1fff_f800..0x1fff_f810);
    /// let report = session.flash().program_with(&image, &options)?;
    /// assert_eq!((report.loaded, report.left_out), (3, 1));
    /// assert!(report.is_started());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn program_with(&self, image: impl ImageSource, options: &ProgramOptions) -> Result<ProgramReport> {
        let image = image.load()?;
        let image: &Image = image.borrow();
        let (flash_part, ram_part, left_out) = options.divide(image)?;
        // A bank that is not probed yet may be found after the reset.
        let mut chip = self.chip()?;
        if chip.is_probed() {
            for segment in flash_part.segments() {
                self.spans(&mut chip, segment.address, segment.data.len() as u64)
                    .map_err(|error| self.with_hint_to_ram(error, &flash_part))?;
            }
        }
        self.target.reset(ResetMode::Init)?;
        let flash = self.write_image_with(&flash_part, options.write)?;
        if let Some(part) = &ram_part {
            self.target.memory().load_without_check(part)?;
            if let Some(mismatch) = self.target.memory().verify_image_at(part)? {
                return Err(TargetError::NotLoaded(mismatch).into());
            }
        }
        let not_started = |error| FlashError::NotStarted { cause: Box::new(error) };
        let mut status = self.target.reset(options.reset).map_err(not_started)?;
        let mut is_crashed = false;
        if options.reset == ResetMode::Run {
            std::thread::sleep(FIRST_STEPS);
            is_crashed = self.target.is_crashed().map_err(not_started)?;
            status = self.target.status().map_err(not_started)?;
        }
        Ok(ProgramReport { flash, loaded: ram_part.map_or(0, |part| part.len()), left_out, status, is_crashed })
    }
}

impl ProgramOptions {
    /// Divides an image into the parts for flash and for RAM, and counts the bytes that are left
    /// out.
    fn divide(&self, image: &Image) -> Result<(Image, Option<Image>, u64)> {
        let mut rest = Some(image.clone());
        for range in &self.left_out {
            let Some(now) = &rest else { break };
            rest = part(now.without(range.clone()))?;
        }
        let left_out = image.len() - rest.as_ref().map_or(0, Image::len);
        let mut loaded: Vec<Image> = Vec::new();
        for range in &self.ram {
            let Some(now) = &rest else { break };
            loaded.extend(part(now.within(range.clone()))?);
            rest = part(now.without(range.clone()))?;
        }
        let Some(rest) = rest else {
            let expected = "an image with a part for flash; `Target::run_in_ram` runs one that is in RAM alone";
            return Err(FlashError::from(InvalidArgument::new("image", expected, image)).into());
        };
        let loaded = if loaded.is_empty() { None } else { Some(Image::merge(&loaded)?) };
        Ok((rest, loaded, left_out))
    }
}

/// A part of an image, if it holds a byte.
fn part(image: Result<Image>) -> Result<Option<Image>> {
    match image {
        Err(Error::Image(ImageError::Empty)) => Ok(None),
        image => image.map(Some),
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
