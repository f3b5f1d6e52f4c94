//! Questions about flash in a batch.

use super::{Batch, Handle};
use crate::flash::banks::{banks_request, info_request, take_all, take_info};
use crate::flash::{FlashBank, FlashInfo};

/// Questions about flash, put into a [`Batch`]. The calls are those of [`Flash`](crate::Flash), whose rules hold here too, except that they
/// have the batch's timeout. What changes flash needs several commands a call, each after a look at the one before, so it is not here.
#[derive(Debug)]
pub struct BatchFlash<'b, 'a> {
    batch: &'b mut Batch<'a>,
}

impl<'b, 'a> BatchFlash<'b, 'a> {
    pub(super) fn of(batch: &'b mut Batch<'a>) -> Self {
        BatchFlash { batch }
    }

    /// All banks; as [`Flash::banks`](crate::Flash::banks).
    pub fn banks(&mut self) -> Handle<Vec<FlashBank>> {
        self.batch.put_judged(banks_request(), true, take_all)
    }

    /// The sectors of a bank, and which are erased; as [`Flash::info`](crate::Flash::info).
    pub fn info(&mut self, bank: &FlashBank) -> Handle<FlashInfo> {
        self.describe(bank, true)
    }

    /// The sectors of a bank, without a look at what they hold; as [`Flash::layout`](crate::Flash::layout).
    pub fn layout(&mut self, bank: &FlashBank) -> Handle<FlashInfo> {
        self.describe(bank, false)
    }

    fn describe(&mut self, bank: &FlashBank, check_erased: bool) -> Handle<FlashInfo> {
        let bank = bank.clone();
        self.batch
            .put_judged(info_request(&bank, check_erased), true, move |request, reply| take_info(request, reply, &bank))
    }
}
