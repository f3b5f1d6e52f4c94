//! Protecting sectors from being written and erased.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::banks::{Ram, on_target};
use super::layout::{Chip, Span};
use super::pieces::cause;
use super::{BankId, Flash, FlashInfo};
use crate::command::Script;
use crate::error::{Error, FlashError, Result, TargetError};
use crate::progress::ProgressReport;
use crate::types::SectorKind;
use crate::wire::tcl;

/// What the procedure says of a chip whose read protection the change would end.
const READ_PROTECTED: &str = "read-protected";

/// What a command does to the protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Protect,
    Unprotect,
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Protects sectors of a bank from being written and erased (OpenOCD: `flash protect BANK FIRST
    /// LAST on`).
    ///
    /// Where a chip protects blocks of several sectors, the numbers count blocks:
    /// [`FlashInfo::protection_blocks`]. Many chips, such as the STM32, store the protection at
    /// once but obey it only after the next reset. [`layout`](Self::layout) shows the protection
    /// that is in effect.
    ///
    /// With the driver `stm32f1x`, a change would undo an earlier one that is not in effect yet,
    /// and would end read protection, by which the chip erases all of its flash. Both are refused.
    /// The chips of other drivers are not checked.
    ///
    /// The target must be halted. The call restores the RAM of the working area.
    ///
    /// # Errors
    /// [`FlashError::InvalidSectors`], [`FlashError::ProtectionPending`] and
    /// [`FlashError::ReadProtected`] before anything is changed, [`FlashError::Protect`],
    /// [`TargetError::NotHalted`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::ResetMode;
    ///
    /// session.target().halt()?;
    /// session.flash().protect(0, 1..=2)?; // two blocks: sectors 4 to 11
    /// session.target().reset(ResetMode::Halt)?;
    /// let layout = session.flash().layout(0)?;
    /// assert_eq!(layout.protection_blocks[1].protected, Some(true));
    /// assert_eq!(layout.sectors[4].protected, Some(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn protect<'b>(&self, bank: impl Into<BankId<'b>>, range: RangeInclusive<u32>) -> Result<()> {
        self.change_protection(bank.into(), range, Change::Protect)
    }

    /// Ends the protection of sectors of a bank (OpenOCD: `flash protect BANK FIRST LAST off`);
    /// otherwise as [`protect`](Self::protect).
    ///
    /// # Errors
    /// The same as [`protect`](Self::protect).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// session.flash().unprotect("stm32f1x.flash", 0..=31)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unprotect<'b>(&self, bank: impl Into<BankId<'b>>, range: RangeInclusive<u32>) -> Result<()> {
        self.change_protection(bank.into(), range, Change::Unprotect)
    }

    fn change_protection(&self, bank: BankId<'_>, range: RangeInclusive<u32>, change: Change) -> Result<()> {
        let layout = self.layout(bank)?;
        let (first, last) = (*range.start(), *range.end());
        layout.check_numbers(layout.protection_kind(), first, last)?;
        self.check_nothing_pending(&layout, |block| (first..=last).contains(&block))?;
        self.set_protection(&layout, first, last, change)
    }

    /// Refuses a change that would undo one which the chip does not obey yet, or erase the chip.
    /// OpenOCD's driver changes what the chip obeys, and stores the whole without the read
    /// protection (`stm32x_protect` in `src/flash/nor/stm32f1x.c`).
    fn check_nothing_pending(&self, layout: &FlashInfo, is_wanted: impl Fn(u32) -> bool) -> Result<()> {
        if layout.bank.driver != "stm32f1x" {
            return Ok(());
        }
        let script = Script::call("stored_protection").word(&layout.bank.target);
        let request = self.bank_request(&layout.bank, script).shown("read_memory 0x1ffff808 16 4");
        let request = request.to("read the stored protection").expecting("two numbers");
        let pending = self.target.session().ask::<FlashError, _>(&request, |reply| {
            let words = tcl::all_strings(reply)?;
            if matches!(&words[..], [word] if word == READ_PROTECTED) {
                return Some(None);
            }
            let numbers = words.iter().map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>()?;
            match numbers[..] {
                [] => Some(Some(0)),
                [stored, obeyed] => Some(Some(stored ^ obeyed)),
                _ => None,
            }
        })?;
        let pending = pending.ok_or_else(|| FlashError::ReadProtected { bank: layout.bank.name.clone() })?;
        let changed: Vec<u32> = (0..u32::BITS).filter(|block| pending >> block & 1 != 0).collect();
        if changed.iter().all(|block| is_wanted(*block)) {
            return Ok(());
        }
        let ranges = changed.chunk_by(|one, next| one + 1 == *next);
        let changed = ranges.map(|range| range[0]..=range[range.len() - 1]).collect();
        Err(FlashError::ProtectionPending { kind: layout.protection_kind(), changed }.into())
    }

    fn set_protection(&self, layout: &FlashInfo, first: u32, last: u32, change: Change) -> Result<()> {
        let (number, protect) = (layout.bank.number, change == Change::Protect);
        let state = if protect { "on" } else { "off" };
        let script =
            on_target(&layout.bank, Ram::Restored).literal("flash protect").number(number).number(first).number(last);
        let request = self.bank_request(&layout.bank, script.literal(state)).to("change the protection of flash");
        let request = request.shown(format!("flash protect {number} {first} {last} {state}"));
        self.target.session().ask::<FlashError, _>(&request, |_| Some(())).map_err(|error| match error {
            Error::Target(TargetError::NotHalted { .. }) => error,
            error => {
                let (bank, kind) = (layout.bank.name.clone(), layout.protection_kind());
                FlashError::Protect { bank, protect, kind, first, last, cause: cause(error) }.into()
            }
        })
    }

    /// Ends the protection of everything that the spans touch and that is not known to be
    /// unprotected.
    pub(super) fn unlock(&self, chip: &mut Chip, spans: &[Span]) -> Result<()> {
        let mut changed = false;
        let banks: BTreeSet<u32> = spans.iter().map(|span| span.bank).collect();
        for bank in banks {
            let layout = chip.layout(bank);
            let is_wanted =
                |offset: u64, size: u64| spans.iter().any(|span| span.bank == bank && span.touches(offset, size));
            for (number, (first, last)) in layout.locked(is_wanted).into_iter().enumerate() {
                // What lies between the parts that are wanted has no change of its own.
                let is_wanted_unit = |block| {
                    let mut units = layout.protection_units();
                    let is_within = (first..=last).contains(&block);
                    is_within && units.any(|(unit, offset, size, _)| unit == block && is_wanted(offset, size))
                };
                let unlocked = self.check_nothing_pending(layout, is_wanted_unit);
                match unlocked.and_then(|()| self.set_protection(layout, first, last, Change::Unprotect)) {
                    // After those before it. The next call, after a reset, gets further.
                    Err(Error::Flash(FlashError::ProtectionPending { .. })) if number > 0 => break,
                    done => done?,
                }
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

impl Chip {
    /// Refuses to change what is protected. The layouts are from this call, so OpenOCD has just
    /// read the protection.
    pub(super) fn check_unprotected(&self, spans: &[Span]) -> Result<(), FlashError> {
        for span in spans {
            let layout = self.layout(span.bank);
            let units = layout.protection_units();
            let units = units.filter(|(_, offset, size, state)| *state == Some(true) && span.touches(*offset, *size));
            let units: Vec<_> = units.map(|(index, offset, ..)| (index, offset)).collect();
            let Some((_, offset)) = units.first() else { continue };
            let ranges = units.chunk_by(|(one, _), (next, _)| one + 1 == *next);
            return Err(FlashError::Protected {
                bank: layout.bank.name.clone(),
                address: self.address(span.bank, span.offset.max(*offset)),
                kind: layout.protection_kind(),
                protected: ranges.map(|range| range[0].0..=range[range.len() - 1].0).collect(),
            });
        }
        Ok(())
    }
}

impl FlashInfo {
    /// What the numbers of [`Flash::protect`] count.
    pub(super) fn protection_kind(&self) -> SectorKind {
        if self.protection_blocks.is_empty() { SectorKind::Sector } else { SectorKind::ProtectionBlock }
    }

    /// Numbers of the first and the last of the parts that are wanted and not known to be
    /// unprotected. A range takes in what is unprotected between them: of several changes, the
    /// chip may obey one before the next reset.
    fn locked(&self, is_wanted: impl Fn(u64, u64) -> bool) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut goes_on = false;
        for (number, offset, size, protected) in self.protection_units() {
            if protected == Some(false) {
                continue;
            }
            let wanted = is_wanted(offset, size);
            match ranges.last_mut() {
                Some((_, last)) if wanted && goes_on => *last = number,
                _ if wanted => ranges.push((number, number)),
                _ => {}
            }
            goes_on = wanted;
        }
        ranges
    }

    /// Number, offset, size and state of each part that is protected as a whole.
    fn protection_units(&self) -> impl Iterator<Item = (u32, u64, u64, Option<bool>)> {
        let blocks =
            self.protection_blocks.iter().map(|block| (block.index, block.offset, block.size, block.protected));
        let sectors: &[_] = if self.protection_blocks.is_empty() { &self.sectors } else { &[] };
        blocks.chain(sectors.iter().map(|sector| (sector.index, sector.offset, sector.size, sector.protected)))
    }
}
