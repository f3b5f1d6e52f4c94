//! Firmware images in RAM.

use std::ops::ControlFlow;

use super::Memory;
use super::bytes::Bytes;
use crate::error::{Error, FlashError, Result};
use crate::image::Image;
use crate::progress::{ProgressReport, Tracker};
use crate::types::{Mismatch, Phase};

impl<R: ProgressReport> Memory<'_, R> {
    /// Writes an image to RAM, segment by segment, as OpenOCD's `load_image` does.
    ///
    /// An image with a part in a flash bank of the target is refused: flash ignores such writes.
    /// [`Session::program`](crate::Session::program) and
    /// [`Flash::write_image`](crate::Flash::write_image) write flash. For this check, the call
    /// lists the banks, as [`Flash::banks`](crate::Flash::banks) does. A bank that cannot be probed
    /// is not checked; if OpenOCD does not list its banks, nothing is checked.
    /// [`write_bytes`](Self::write_bytes) writes without the check.
    ///
    /// Other memory that ignores writes is not noticed: check with
    /// [`verify_image`](Self::verify_image). Each command has the time of
    /// [`SessionBuilder::flash_timeout`](crate::SessionBuilder::flash_timeout).
    ///
    /// # Errors
    /// [`TargetError::InvalidArgument`](crate::TargetError::InvalidArgument) if a part is in flash, before anything is written. The
    /// errors of [`write_bytes`](Self::write_bytes); a segment that is out of range is found before
    /// anything is written.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Image;
    ///
    /// let image = Image::bin(0x2000_0100, *b"a program for RAM")?;
    /// session.memory().load_image(&image)?;
    /// assert!(session.memory().verify_image(&image)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_image(&self, image: &Image) -> Result<()> {
        match self.target.flash().refuse(image) {
            // OpenOCD knows no banks, or is too different: the image may be for RAM.
            Err(Error::Flash(error @ (FlashError::Banks(_) | FlashError::UnexpectedReply(_)))) => {
                log::debug!(target: "openocd::memory", "cannot check whether the image is in flash: {error}");
            }
            checked => checked?,
        }
        self.load_without_check(image)
    }

    /// Loads like [`load_image`](Self::load_image), for a caller that verifies the image.
    pub(crate) fn load_without_check(&self, image: &Image) -> Result<()> {
        let mut tracker = self.begin_image(Phase::Write, image)?;
        let memory = self.for_images();
        let mut pace = memory.write_pace::<Bytes>();
        for segment in image.segments() {
            memory.write_all::<Bytes>(segment.address, &segment.data, &mut pace, &mut tracker)?;
        }
        Ok(())
    }

    /// Checks whether memory holds an image, all of it. `Ok(false)` means that memory was read and
    /// differs.
    ///
    /// Changes nothing on the target. OpenOCD's own `verify_image` has the chip calculate a
    /// checksum, and puts the routine for that into the RAM that it may be comparing.
    ///
    /// # Errors
    /// The same as [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let image = openocd::Image::bin(0x2000_0000, [1, 2, 3, 4])?;
    /// session.target().halt()?;
    /// session.memory().load_image(&image)?;
    /// assert!(session.memory().verify_image(&image)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_image(&self, image: &Image) -> Result<bool> {
        Ok(self.verify_image_at(image)?.is_none())
    }

    /// Finds the first byte of memory that differs from the image; `None` if memory holds the
    /// image.
    ///
    /// # Errors
    /// The same as [`verify_image`](Self::verify_image).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Image;
    ///
    /// session.memory().write_bytes(0x2000_0000, &[1, 2, 3])?;
    /// let mismatch = session.memory().verify_image_at(&Image::bin(0x2000_0000, [1, 2, 4])?)?.unwrap();
    /// assert_eq!((mismatch.address, mismatch.expected, mismatch.found), (0x2000_0002, 4, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_image_at(&self, image: &Image) -> Result<Option<Mismatch>> {
        let mut tracker = self.begin_image(Phase::Verify, image)?;
        let memory = self.for_images();
        let mut mismatch = None;
        for segment in image.segments() {
            let mut rest = &*segment.data;
            memory.read_in_pieces(segment.address, rest.len() as u64, &mut tracker, |done, found| {
                let (expected, after) = rest.split_at(found.len());
                rest = after;
                mismatch = Mismatch::between(segment.address.wrapping_add(done), expected, found);
                Ok(if mismatch.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if mismatch.is_some() {
                break;
            }
        }
        Ok(mismatch)
    }

    /// Checks the addresses of all segments and begins a phase about them.
    fn begin_image(&self, phase: Phase, image: &Image) -> Result<Tracker<'_>> {
        for segment in image.segments() {
            self.check(segment.address, 1, segment.data.len() as u64)?;
        }
        self.begin(phase, image.len(), image.segments().first().map_or(0, |first| first.address))
    }
}
