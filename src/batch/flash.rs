//! Questions about flash in a batch.

use super::{Batch, Handle};
use crate::flash::banks::{banks_request, take_banks};
use crate::flash::info::{EraseCheck, info_request, take_info};
use crate::flash::{FlashBank, FlashInfo};

/// Questions about flash, put into a [`Batch`].
///
/// The calls are those of [`Flash`](crate::Flash), with the same rules, but with the batch's
/// timeout. A batch lacks the calls that change flash: they take several commands, each of which
/// depends on the reply to the previous one.
#[derive(Debug)]
pub struct BatchFlash<'b, 'a> {
    batch: &'b mut Batch<'a>,
}

impl<'b, 'a> BatchFlash<'b, 'a> {
    pub(super) fn of(batch: &'b mut Batch<'a>) -> Self {
        BatchFlash { batch }
    }

    /// Lists all banks; see [`Flash::banks`](crate::Flash::banks).
    pub fn banks(&mut self) -> Handle<Vec<FlashBank>> {
        self.batch.put_checked(banks_request(), take_banks)
    }

    /// Lists the sectors of a bank, and which are erased; see [`Flash::info`](crate::Flash::info).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let bank = session.flash().probe(0)?;
    /// let mut batch = session.batch();
    /// let info = batch.flash().info(&bank);
    /// batch.run()?;
    /// println!("{} sectors", info.result()?.sectors.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn info(&mut self, bank: &FlashBank) -> Handle<FlashInfo> {
        self.describe(bank, EraseCheck::Run)
    }

    /// Lists the sectors of a bank, without reading what they hold; see
    /// [`Flash::layout`](crate::Flash::layout).
    pub fn layout(&mut self, bank: &FlashBank) -> Handle<FlashInfo> {
        self.describe(bank, EraseCheck::Skip)
    }

    fn describe(&mut self, bank: &FlashBank, check: EraseCheck) -> Handle<FlashInfo> {
        let bank = bank.clone();
        self.batch.put_checked(info_request(&bank, check), move |request, reply| take_info(request, reply, &bank))
    }
}
