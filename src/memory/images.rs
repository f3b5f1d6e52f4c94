//! Firmware images in RAM.

use std::path::Path;

use super::Memory;
use crate::error::Result;
use crate::image::Image;
use crate::progress::Tracker;
use crate::session::Session;
use crate::types::{Mismatch, Phase};

impl Memory<'_> {
    /// Writes an image to memory, segment by segment (as OpenOCD's `load_image` does). For flash there is
    /// [`Flash::write_image`](crate::Flash::write_image): what this writes to flash addresses is lost, or a bus fault.
    ///
    /// Each command of it has the time of [`SessionBuilder::flash_timeout`](crate::SessionBuilder::flash_timeout).
    ///
    /// # Errors
    /// Those of [`write_bytes`](Self::write_bytes), where out-of-range segments are found before anything is written, and
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Image;
    ///
    /// let image = Image::bin(0x2000_0100, *b"a program for RAM")?;
    /// session.load_image(&image)?;
    /// assert!(session.verify_image(&image)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_image(&self, image: &Image) -> Result<()> {
        for segment in image.segments() {
            self.check(segment.address, 1, segment.data.len())?;
        }
        let mut tracker = Tracker::new(self.report);
        tracker.begin(Phase::Write, image.len(), image.segments().first().map_or(0, |first| first.address))?;
        let memory = self.for_images();
        image
            .segments()
            .iter()
            .try_for_each(|segment| memory.write_tracked(segment.address, &segment.data, &mut tracker))
    }

    /// Whether memory holds an image, all of it. `Ok(false)` means that it was read and differs; everything else is an error.
    ///
    /// The memory is read. OpenOCD's own `verify_image` has the chip calculate a checksum, and puts the routine for that into the RAM that it may be comparing.
    ///
    /// # Errors
    /// Those of [`read_bytes`](Self::read_bytes), and [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn verify_image(&self, image: &Image) -> Result<bool> {
        Ok(self.verify_image_at(image)?.is_none())
    }

    /// The first byte of memory, by address, that differs from the image; `None` if none does.
    ///
    /// # Errors
    /// Those of [`verify_image`](Self::verify_image).
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
        for segment in image.segments() {
            self.check(segment.address, 1, segment.data.len())?;
        }
        let mut tracker = Tracker::new(self.report);
        tracker.begin(Phase::Verify, image.len(), image.segments().first().map_or(0, |first| first.address))?;
        for segment in image.segments() {
            let mut address = segment.address;
            let mut rest = &*segment.data;
            while !rest.is_empty() {
                let (expected, after) = rest.split_at(self.next_chunk(address, rest.len()));
                let found = self.for_images().unwatched().read_bytes(address, expected.len())?;
                let mismatch = Mismatch::between(address, expected, &found);
                if mismatch.is_some() {
                    return Ok(mismatch);
                }
                address = address.wrapping_add(expected.len() as u64);
                tracker.advance(expected.len() as u64, address, true)?;
                rest = after;
            }
        }
        Ok(None)
    }
}

impl Session {
    /// Writes an image to the current target's memory; short for [`Memory::load_image`].
    ///
    /// # Errors
    /// Those of [`Memory::load_image`].
    pub fn load_image(&self, image: &Image) -> Result<()> {
        self.memory().load_image(image)
    }

    /// Whether the current target's memory holds an image; short for [`Memory::verify_image`].
    ///
    /// # Errors
    /// Those of [`Memory::verify_image`].
    pub fn verify_image(&self, image: &Image) -> Result<bool> {
        self.memory().verify_image(image)
    }

    /// Writes the `length` bytes of the current target's memory from `address` on to a file, as they are; short for [`Memory::dump_to_file`].
    ///
    /// # Errors
    /// Those of [`Memory::dump_to_file`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let path = std::env::temp_dir().join(format!("openocd-dump-{}.bin", std::process::id()));
    /// session.dump_image(&path, 0x2000_0000, 1000)?;
    /// assert_eq!(std::fs::metadata(&path)?.len(), 1000);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump_image(&self, path: impl AsRef<Path>, address: u64, length: u64) -> Result<()> {
        self.memory().for_images().dump_to_file(address, length, path)
    }
}
