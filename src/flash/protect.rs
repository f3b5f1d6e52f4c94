//! Protecting sectors from being written and erased.

use super::layout::{Chip, Span};
use super::{BankId, Flash, FlashInfo};
use crate::error::{Error, FlashError, Result, TargetError};
use crate::types::SectorKind;

impl Flash<'_> {
    /// Protects the sectors `first` to `last` of a bank, both included, from being written and erased, or takes the protection away (OpenOCD: `flash protect`).
    ///
    /// Where a chip protects blocks of several sectors, the numbers count those: [`FlashInfo::protection_blocks`]. Many chips, such as the STM32,
    /// store the protection at once but heed it from the next reset on, and [`info`](Self::info) shows what they heed.
    ///
    /// The target must be halted.
    ///
    /// # Errors
    /// [`FlashError::UnknownBank`] and [`FlashError::InvalidSectors`] before anything is changed, [`FlashError::Protect`],
    /// [`TargetError::NotHalted`], and those of [`layout`](Self::layout).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::ResetMode;
    ///
    /// session.target().halt()?;
    /// session.flash().protect(0, 1, 1, true)?; // block 1: sectors 4 to 7
    /// session.target().reset(ResetMode::Halt)?;
    /// let layout = session.flash().layout(0)?;
    /// assert_eq!(layout.protection_blocks[1].protected, Some(true));
    /// assert_eq!(layout.sectors[4].protected, Some(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn protect<'b>(&self, bank: impl Into<BankId<'b>>, first: u32, last: u32, protect: bool) -> Result<()> {
        let layout = self.layout(bank)?;
        layout.check_numbers(layout.protection_kind(), first, last)?;
        self.set_protection(&layout, first, last, protect)
    }

    fn set_protection(&self, layout: &FlashInfo, first: u32, last: u32, protect: bool) -> Result<()> {
        let state = if protect { "on" } else { "off" };
        let request = self.request(format!("flash protect {} {first} {last} {state}", layout.bank.number));
        let done = self.target.session().run(&request, |reply| {
            reply.success(&request).map(drop).map_err(|failure| Error::refused(failure, Error::from_failure))
        });
        done.and_then(|result| result).map_err(|error| match error {
            Error::Target(TargetError::NotHalted { .. }) => error,
            cause => {
                let (bank, kind) = (layout.bank.name.clone(), layout.protection_kind());
                FlashError::Protect { bank, protect, kind, first, last, cause: Box::new(cause) }.into()
            }
        })
    }

    /// Takes the protection away from everything that the spans touch and that is not known to be unprotected.
    pub(super) fn unlock(&self, chip: &mut Chip, spans: &[Span]) -> Result<()> {
        let mut changed = false;
        for span in spans {
            let layout = chip.layout(span.bank);
            let locked = layout.protection_units().filter(|(_, offset, size, protected)| {
                *protected != Some(false) && *offset < span.offset + span.length && span.offset < offset + size
            });
            let locked: Vec<u32> = locked.map(|(index, ..)| index).collect();
            for group in locked.chunk_by(|one, next| one + 1 == *next) {
                self.set_protection(layout, group[0], group[group.len() - 1], false)?;
                changed = true;
            }
        }
        if !changed {
            return Ok(());
        }
        self.renew_layouts(chip)?;
        for span in spans {
            let layout = chip.layout(span.bank);
            let touched = layout.touched(span.offset, span.length);
            let sectors = touched.map_or(&[][..], |touched| &layout.sectors[touched]);
            if let Some(sector) = sectors.iter().find(|sector| sector.protected == Some(true)) {
                return Err(FlashError::StillProtected { address: chip.address(span.bank, sector.offset) }.into());
            }
        }
        Ok(())
    }
}

impl FlashInfo {
    /// What the numbers of [`Flash::protect`] count.
    pub(super) fn protection_kind(&self) -> SectorKind {
        if self.protection_blocks.is_empty() { SectorKind::Sector } else { SectorKind::ProtectionBlock }
    }

    /// Number, offset, size and state of what is protected at a time.
    fn protection_units(&self) -> impl Iterator<Item = (u32, u64, u64, Option<bool>)> {
        let blocks =
            self.protection_blocks.iter().map(|block| (block.index, block.offset, block.size, block.protected));
        let sectors: &[_] = if self.protection_blocks.is_empty() { &self.sectors } else { &[] };
        blocks.chain(sectors.iter().map(|sector| (sector.index, sector.offset, sector.size, sector.protected)))
    }
}
