//! Running a program that lives in RAM alone.

use std::borrow::Borrow as _;

use crate::error::{InvalidArgument, Result, TargetError};
use crate::flash::ImageSource;
use crate::image::Image;
use crate::target::Target;
use crate::target::kind::CoreKind;
use crate::types::{Mismatch, ResetMode};

/// The vector table offset register of a Cortex-M (ARM DDI 0403, B3.2.5).
const VTOR: u64 = 0xe000_ed08;
/// xPSR of a core that executes Thumb code and handles no exception.
const THREAD_IN_THUMB_STATE: u32 = 0x0100_0000;
/// What a vector table of a Cortex-M is aligned to at least.
const TABLE_ALIGNMENT: u64 = 128;

/// Where a program in RAM starts, for [`Target::run_in_ram_from`].
///
/// ```
/// use openocd::RamStart;
///
/// let start = RamStart::at(0x2000_0101).stack(0x2000_5000);
/// assert_eq!((start.pc, start.sp, start.vector_table), (0x2000_0101, Some(0x2000_5000), None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RamStart {
    /// The address of the first instruction. Bit 0, which marks Thumb code, is ignored on a
    /// Cortex-M.
    pub pc: u64,
    /// The stack pointer; `None` leaves what the reset gave.
    pub sp: Option<u64>,
    /// The address of the vector table of a Cortex-M, for VTOR: below 4 GiB, a multiple of 128 at
    /// least. `None` leaves what the reset gave.
    pub vector_table: Option<u64>,
}

impl RamStart {
    /// Starts at an address.
    #[must_use]
    pub fn at(pc: u64) -> Self {
        RamStart { pc, sp: None, vector_table: None }
    }

    /// Sets the stack pointer.
    #[must_use]
    pub fn stack(self, sp: u64) -> Self {
        RamStart { sp: Some(sp), ..self }
    }

    /// Sets the vector table of a Cortex-M. A Cortex-M0 has no VTOR and ignores it.
    #[must_use]
    pub fn vectors(self, address: u64) -> Self {
        RamStart { vector_table: Some(address), ..self }
    }

    /// Checks the registers of a Cortex-M.
    fn check(&self) -> Result<(), InvalidArgument> {
        let is_word = |value: &u64| u32::try_from(*value).is_ok();
        if let Some(sp) = self.sp.filter(|sp| !is_word(sp)) {
            return Err(InvalidArgument::new("stack pointer", "at most 32 bits", format!("{sp:#x}")));
        }
        if let Some(table) = self.vector_table.filter(|table| !is_word(table) || table % TABLE_ALIGNMENT != 0) {
            let expected = "below 4 GiB, a multiple of 128";
            return Err(InvalidArgument::new("vector table", expected, format!("{table:#x}")));
        }
        Ok(())
    }

    /// Where an image starts: at its entry point. On a Cortex-M the vector table gives the stack
    /// pointer. It is the segment whose second word is the entry point, or else the first segment,
    /// if that begins with a stack pointer and the address of Thumb code of the image.
    fn of(image: &Image, kind: CoreKind) -> Result<Self, InvalidArgument> {
        if kind != CoreKind::CortexM {
            let missing = || InvalidArgument::new("image", "an entry point", image);
            return image.entry().map(RamStart::at).ok_or_else(missing);
        }
        let tables = image.segments().iter().filter(|segment| segment.address % TABLE_ALIGNMENT == 0);
        let mut tables = tables.filter_map(|segment| {
            let [sp, reset] = [0, 4].map(|at| Some(u32::from_le_bytes(segment.data.get(at..at + 4)?.try_into().ok()?)));
            let (sp, reset) = (u64::from(sp?), u64::from(reset?));
            let is_code = image.segments().iter().any(|segment| segment.holds(reset & !1));
            (sp > 0 && sp % 4 == 0 && reset & 1 == 1 && is_code).then_some((segment.address, sp, reset))
        });
        let found = match image.entry() {
            Some(entry) => tables.find(|(_, _, reset)| *reset == entry | 1),
            None => tables.next(),
        };
        let (table, sp, reset) = found.ok_or_else(|| {
            let expected = "a vector table with the entry point; `Target::run_in_ram_from` starts an image without one";
            InvalidArgument::new("image", expected, image)
        })?;
        Ok(RamStart::at(reset).stack(sp).vectors(table))
    }
}

impl Target<'_> {
    /// Loads an image that lives in RAM alone, and runs it. The image is an [`Image`], or a path to
    /// an ELF, Intel HEX, S-record or UF2 file.
    ///
    /// In this order, the call resets and halts the chip ([`ResetMode::Init`]), loads the image and
    /// reads it back, sets the registers, and resumes the target. The target starts at the image's
    /// entry point. On a Cortex-M the stack pointer and VTOR come from the vector table of the
    /// image, and xPSR becomes that of Thread mode. A RISC-V program sets its stack pointer itself.
    /// Returns where the program started.
    ///
    /// Flash is not touched, so the next reset starts what flash holds.
    ///
    /// # Errors
    /// [`TargetError::InvalidArgument`] before anything is changed, if a part of the image is in
    /// flash, or the image does not say where it starts. [`TargetError::NotLoaded`] if the target
    /// holds something else after the load. The errors of [`reset`](Self::reset),
    /// [`load_image`](crate::Memory::load_image) and [`resume`](Self::resume).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Image;
    ///
    /// // Stack pointer, reset vector; movs r0, #42; b .
    /// let words: [u32; 3] = [0x2000_4000, 0x2000_0009, 0xe7fe_202a];
    /// let image = Image::bin(0x2000_0000, words.map(u32::to_le_bytes).concat())?;
    /// let start = session.target().run_in_ram(&image)?;
    /// assert_eq!((start.pc, start.sp), (0x2000_0009, Some(0x2000_4000)));
    /// session.target().halt()?;
    /// assert_eq!(session.registers().read("r0")?.value.to_u64(), Some(42));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_in_ram(&self, image: impl ImageSource) -> Result<RamStart> {
        let image = image.load()?;
        let image: &Image = image.borrow();
        let start = RamStart::of(image, self.core()?).map_err(TargetError::from)?;
        self.load_and_run(image, start)?;
        Ok(start)
    }

    /// Loads an image into RAM and runs it from a place that the caller names; otherwise like
    /// [`run_in_ram`](Self::run_in_ram).
    ///
    /// # Errors
    /// The same as [`run_in_ram`](Self::run_in_ram), and [`TargetError::InvalidArgument`] for a stack
    /// pointer or a vector table that a Cortex-M cannot have. [`TargetError::NotLoaded`] also if VTOR
    /// does not keep the address of the vector table.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{Image, RamStart};
    ///
    /// let image = Image::bin(0x2000_0100, [0x2a, 0x20, 0xfe, 0xe7])?; // movs r0, #42; b .
    /// session.target().run_in_ram_from(&image, RamStart::at(0x2000_0100).stack(0x2000_4000))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_in_ram_from(&self, image: impl ImageSource, start: RamStart) -> Result<()> {
        let image = image.load()?;
        self.load_and_run(image.borrow(), start)
    }

    fn load_and_run(&self, image: &Image, start: RamStart) -> Result<()> {
        self.flash().refuse(image)?;
        let is_cortex_m = self.core()? == CoreKind::CortexM;
        if is_cortex_m {
            start.check().map_err(TargetError::from)?;
        }
        self.reset(ResetMode::Init)?;
        self.memory().load_without_check(image)?;
        if let Some(mismatch) = self.memory().verify_image_at(image)? {
            return Err(TargetError::NotLoaded(mismatch).into());
        }
        if is_cortex_m {
            self.registers().write("xpsr", THREAD_IN_THUMB_STATE)?;
            if let Some(table) = start.vector_table {
                self.set_vector_table(table)?;
            }
        }
        if let Some(sp) = start.sp {
            self.registers().write("sp", sp)?;
        }
        self.resume_at(start.pc)
    }

    /// Sets VTOR, unless the core has none, and reads it back: some cores lack its highest bits, or
    /// lower ones.
    fn set_vector_table(&self, address: u64) -> Result<()> {
        let table = u32::try_from(address).unwrap_or(u32::MAX);
        self.memory().write_u32(VTOR, table)?;
        let found = self.memory().read_u32(VTOR)?;
        match Mismatch::between(VTOR, &table.to_le_bytes(), &found.to_le_bytes()) {
            Some(mismatch) if found != 0 => Err(TargetError::NotLoaded(mismatch).into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(base: u64, words: &[u32]) -> Image {
        Image::bin(base, words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn vector_table_is_found_by_its_reset_vector() {
        let start = RamStart::of(&image(0x2000_0000, &[0x2000_4000, 0x2000_0009, 0]), CoreKind::CortexM).unwrap();
        assert_eq!(start, RamStart::at(0x2000_0009).stack(0x2000_4000).vectors(0x2000_0000));
        for words in [&[0x2000_4000, 0x2000_0008, 0][..], &[0x2000_4000, 0x2000_1009, 0], &[0, 0x2000_0009, 0], &[1]] {
            assert!(RamStart::of(&image(0x2000_0000, words), CoreKind::CortexM).is_err(), "{words:x?}");
        }
        let unaligned = image(0x2000_0004, &[0x2000_4000, 0x2000_000d, 0]);
        let error = RamStart::of(&unaligned, CoreKind::CortexM).unwrap_err();
        assert!(error.to_string().contains("run_in_ram_from"), "{error}");
    }

    #[test]
    fn image_without_an_entry_point_starts_on_no_hart() {
        assert!(RamStart::of(&image(0x8000_0000, &[0x13]), CoreKind::RiscV).is_err());
    }
}
