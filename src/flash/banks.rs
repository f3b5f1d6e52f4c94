//! The flash banks of OpenOCD's configuration.

use std::fmt;

use super::Flash;
use super::replies;
use crate::command::{Reply, Request, Script};
use crate::error::{FlashError, InvalidArgument, Result, TargetError, text};
use crate::image::Image;
use crate::progress::ProgressReport;
use crate::types::Hex;
use crate::wire::tcl;

/// A flash bank, as OpenOCD's configuration and the last probe describe it.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FlashBank {
    /// Its number, counted from 0 over the banks of all targets.
    pub number: u32,
    /// Its name, such as `stm32f1x.flash`.
    pub name: String,
    /// OpenOCD's driver, such as `stm32f1x`.
    pub driver: String,
    /// The address of its first byte.
    pub base: u64,
    /// Its size in bytes; 0 if it could not be probed.
    pub size: u64,
    /// The width of the bus in bytes; 0 where the driver needs none.
    pub bus_width: u32,
    /// The width of one chip in bytes; 0 where the driver needs none.
    pub chip_width: u32,
    /// The name of its target.
    pub target: String,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for FlashBank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlashBank")
            .field("number", &self.number)
            .field("name", &self.name)
            .field("driver", &self.driver)
            .field("base", &Hex(self.base))
            .field("size", &Hex(self.size))
            .field("bus_width", &self.bus_width)
            .field("chip_width", &self.chip_width)
            .field("target", &self.target)
            .finish()
    }
}

/// A bank by its number or its name: `0`, `"stm32f1x.flash"`, or a `&FlashBank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BankId<'b> {
    /// The number, counted from 0 over the banks of all targets.
    Number(u32),
    /// The name.
    Name(&'b str),
}

impl From<u32> for BankId<'_> {
    fn from(number: u32) -> Self {
        BankId::Number(number)
    }
}

impl<'b> From<&'b str> for BankId<'b> {
    fn from(name: &'b str) -> Self {
        BankId::Name(name)
    }
}

impl<'b> From<&'b String> for BankId<'b> {
    fn from(name: &'b String) -> Self {
        BankId::Name(name)
    }
}

impl<'b> From<&'b FlashBank> for BankId<'b> {
    fn from(bank: &'b FlashBank) -> Self {
        BankId::Number(bank.number)
    }
}

/// `0`, `"stm32f1x.flash"`
impl fmt::Display for BankId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BankId::Number(number) => write!(f, "{number}"),
            BankId::Name(name) => write!(f, "\"{}\"", text::name(name)),
        }
    }
}

/// `bank 0 "stm32f1x.flash" (0x08000000 to 0x0801ffff)`
impl fmt::Display for FlashBank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bank {} \"{}\" ", self.number, text::name(&self.name))?;
        match self.size.checked_sub(1) {
            Some(last_offset) => {
                write!(f, "({:#010x} to {:#010x})", self.base, self.base.saturating_add(last_offset))
            }
            None => write!(f, "({:#010x}, not probed)", self.base),
        }
    }
}

/// The banks of all targets, and the name of the target that the view is about.
pub(super) struct Banks {
    pub(super) target: String,
    pub(super) all: Vec<FlashBank>,
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Lists the flash banks of all targets (OpenOCD: `flash list`).
    ///
    /// Banks that were never probed are probed (OpenOCD: `flash probe`), which finds their sizes. A
    /// bank that cannot be probed has the size 0, and [`probe`](Self::probe) says why. The target
    /// may run, and nothing on it is changed.
    ///
    /// # Errors
    /// [`FlashError::Banks`] if OpenOCD refuses, [`FlashError::UnexpectedReply`] if its reply
    /// cannot be parsed.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// for bank in session.flash().banks()? {
    ///     println!("{bank} of {}: {} KiB by driver {}", bank.target, bank.size / 1024, bank.driver);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn banks(&self) -> Result<Vec<FlashBank>> {
        Ok(self.all_banks()?.all)
    }

    /// Probes the flash of a bank again and returns the bank with its size (OpenOCD: `flash
    /// probe`).
    ///
    /// The target may run, and nothing on it is changed.
    ///
    /// # Errors
    /// [`FlashError::UnknownBank`], [`FlashError::Probe`] if OpenOCD does not find the flash, and
    /// the errors of [`banks`](Self::banks).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert_eq!(session.flash().probe(0)?.size, 128 * 1024);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn probe<'b>(&self, bank: impl Into<BankId<'b>>) -> Result<FlashBank> {
        let bank = self.bank(bank.into())?;
        let script = on_target(&bank, Ram::Restored).literal("flash probe").number(bank.number);
        let request = self.request(script).shown(format!("flash probe {}", bank.number));
        let refused = |failure| FlashError::Probe { bank: bank.name.clone(), failure };
        self.target.session().ask_or(&request, refused, |_| Some(()))?;
        self.bank(BankId::Number(bank.number))
    }

    pub(super) fn all_banks(&self) -> Result<Banks> {
        let request = self.on_view(banks_request());
        self.target.session().ask_or(&request, FlashError::Banks, read_banks)
    }

    pub(super) fn bank(&self, id: BankId<'_>) -> Result<FlashBank> {
        let banks = self.all_banks()?.all;
        let is_wanted = |bank: &&FlashBank| match id {
            BankId::Number(number) => bank.number == number,
            BankId::Name(name) => bank.name == name,
        };
        if let Some(bank) = banks.iter().find(is_wanted) {
            return Ok(bank.clone());
        }
        let known = banks.iter().map(FlashBank::to_string).collect();
        Err(FlashError::UnknownBank { bank: id.to_string(), known }.into())
    }

    /// Makes a request with the timeout of flash commands, on the target of this view.
    pub(super) fn request<'r>(&self, script: Script) -> Request<'r>
    where
        Self: 'r,
    {
        self.target.request(script).within(self.target.session().flash_timeout())
    }

    /// Sends a request of a batch on the target of this view, with the timeout of flash commands.
    pub(super) fn on_view<'r>(&self, request: Request<'r>) -> Request<'r>
    where
        Self: 'r,
    {
        let target = self.target.request("").target;
        request.on(target).within(self.target.session().flash_timeout())
    }

    /// Makes a request with the timeout of flash commands, on the target of a bank: `flash
    /// verify_image` knows the banks of the current target only.
    pub(super) fn bank_request<'r>(&self, bank: &'r FlashBank, script: Script) -> Request<'r> {
        Request::new(script).on(Some(&bank.target)).within(self.target.session().flash_timeout())
    }
}

impl Flash<'_> {
    /// Refuses an image with a part in a flash bank of this target: OpenOCD's writes to memory are
    /// lost there. A bank of unknown size has no addresses.
    pub(crate) fn refuse(&self, image: &Image) -> Result<()> {
        let Banks { target, all } = self.all_banks()?;
        for bank in all.iter().filter(|bank| bank.target == target) {
            if let Some(address) = image.first_within(bank.base, bank.size) {
                let expected =
                    "an image that is in RAM alone (`Session::program` and `Flash::write_image` write flash)";
                let given = format!("{address:#010x} in flash bank \"{}\"", bank.name);
                return Err(TargetError::from(InvalidArgument::new("image", expected, given)).into());
            }
        }
        Ok(())
    }
}

/// What happens to the RAM of the working area, where an algorithm runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ram {
    Restored,
    MayChange,
}

/// The beginning of a script that leaves the bank's target as it was, but for its RAM perhaps; a
/// command that may run an algorithm there follows.
pub(super) fn on_target(bank: &FlashBank, ram: Ram) -> Script {
    Script::call("flash_run").word(&bank.target).flag(ram == Ram::Restored)
}

pub(crate) fn banks_request() -> Request<'static> {
    Request::new(Script::call("flash_banks")).shown("flash list").expecting("a list of flash banks")
}

fn read_banks(reply: &[u8]) -> Option<Banks> {
    let [target, list] = tcl::elements(reply).take_array()?;
    let target = String::from_utf8(target.into_owned()).ok()?;
    Some(Banks { target, all: replies::banks(&list)? })
}

/// The banks, for a batch.
pub(crate) fn take_banks(request: &Request<'_>, reply: &Reply<'_>) -> Result<Vec<FlashBank>> {
    Ok(reply.value_or(request, FlashError::Banks, read_banks)?.all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_shows_its_range_or_that_it_was_not_probed() {
        let (name, driver, target) = ("f0".to_owned(), "faux".to_owned(), "cpu".to_owned());
        let bank =
            FlashBank { number: 0, name, driver, base: 0x0800_0000, size: 0x1000, bus_width: 0, chip_width: 0, target };
        assert_eq!(bank.to_string(), "bank 0 \"f0\" (0x08000000 to 0x08000fff)");
        let unprobed = FlashBank { size: 0, ..bank.clone() };
        assert_eq!(unprobed.to_string(), "bank 0 \"f0\" (0x08000000, not probed)");
        let hostile = FlashBank { name: "\x1b[2J\n".to_owned(), ..bank };
        assert!(!hostile.to_string().contains(char::is_control), "{hostile}");
    }

    #[test]
    fn a_bank_is_named_by_number_or_name() {
        assert_eq!(BankId::from(3).to_string(), "3");
        assert_eq!(BankId::from("a b").to_string(), "\"a b\"");
        assert_eq!(BankId::from(&"a b".to_owned()), BankId::Name("a b"));
    }
}
