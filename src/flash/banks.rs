//! Which banks and sectors there are, and how they are.

use std::fmt;

use super::Flash;
use crate::command::{Reply, Request};
use crate::error::{Error, Failure, FlashError, Result, UnexpectedReply};
use crate::wire::tcl;

/// A flash bank, as OpenOCD's configuration and the last probe describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The width of the bus in bytes; 0 where that means nothing.
    pub bus_width: u32,
    /// The width of one chip in bytes; 0 where that means nothing.
    pub chip_width: u32,
    /// The target that it belongs to.
    pub target: String,
}

/// A bank by its number or its name: `0`, `"stm32f1x.flash"`, or a `&FlashBank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BankId<'b> {
    /// The number, counted from 0 over the banks of all targets.
    Number(u32),
    /// The name.
    Name(&'b str),
}

/// The sectors of a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlashInfo {
    /// The bank.
    pub bank: FlashBank,
    /// Its sectors, in the order of their offsets.
    pub sectors: Vec<Sector>,
    /// The blocks that can be protected, where those are not the sectors themselves; otherwise empty.
    pub protection_blocks: Vec<ProtectionBlock>,
}

/// A sector: what is erased at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sector {
    /// Its number within the bank.
    pub index: u32,
    /// Where it begins, in bytes from the bank's base.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is protected from writing and erasing; `None` if that is not known.
    pub protected: Option<bool>,
    /// Whether it is erased; `None` if that is not known, or was not asked for.
    pub erased: Option<bool>,
}

/// What is protected at a time, on chips where that is not one sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtectionBlock {
    /// Its number within the bank.
    pub index: u32,
    /// Where it begins, in bytes from the bank's base.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is protected; `None` if that is not known.
    pub protected: Option<bool>,
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
            BankId::Name(name) => write!(f, "{name:?}"),
        }
    }
}

/// `0 "stm32f1x.flash" (0x08000000 to 0x0801ffff)`
impl fmt::Display for FlashBank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} ", self.number, self.name)?;
        match self.size.checked_sub(1) {
            Some(beyond_first) => {
                write!(f, "({:#010x} to {:#010x})", self.base, self.base.saturating_add(beyond_first))
            }
            None => write!(f, "({:#010x}, of unknown size: it could not be probed)", self.base),
        }
    }
}

/// The banks of all targets, and which target is meant.
pub(super) struct Banks {
    pub(super) target: String,
    pub(super) all: Vec<FlashBank>,
}

impl Flash<'_> {
    /// All flash banks, of all targets (OpenOCD: `flash list`). Those that were never probed are (OpenOCD: `flash probe`), which gives their sizes; one that
    /// can't be probed has the size 0, and [`probe`](Self::probe) says why.
    ///
    /// The target may run.
    ///
    /// # Errors
    /// [`FlashError::Banks`] if OpenOCD refuses, [`FlashError::UnexpectedReply`] if its answer can't be understood, and those of
    /// [`Session::command`](crate::Session::command).
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

    /// Looks at the flash that a bank stands for and returns the bank with its size (OpenOCD: `flash probe`).
    ///
    /// # Errors
    /// [`FlashError::UnknownBank`], [`FlashError::Probe`] if OpenOCD does not find the flash, and those of [`banks`](Self::banks).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert_eq!(session.flash().probe(0)?.size, 128 * 1024);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn probe<'b>(&self, bank: impl Into<BankId<'b>>) -> Result<FlashBank> {
        let bank = self.bank(bank.into())?;
        let request = self.request(format!("flash probe {}", bank.number));
        self.run(&request, |failure| FlashError::Probe { bank: bank.name.clone(), failure }, |_| Some(()), "")?;
        self.bank(BankId::Number(bank.number))
    }

    /// The sectors of a bank, with their protection, and which of them are erased (OpenOCD: `flash info`, `flash erase_check`).
    ///
    /// Whether sectors are erased can only be found out while the target is halted; while it runs, or where the driver can't
    /// tell, [`Sector::erased`] is `None`. To find out, the whole bank is looked at, mostly by a routine that runs on the chip; on a target without one it is all
    /// read, which may take long. [`layout`](Self::layout) leaves that out.
    ///
    /// # Errors
    /// [`FlashError::UnknownBank`], [`FlashError::Info`] if OpenOCD refuses, [`FlashError::UnexpectedReply`] if its answer can't be understood, and
    /// those of [`banks`](Self::banks).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let info = session.flash().info(0)?;
    /// let free = info.sectors.iter().filter(|sector| sector.erased == Some(true)).count();
    /// println!("{free} of {} sectors are erased", info.sectors.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn info<'b>(&self, bank: impl Into<BankId<'b>>) -> Result<FlashInfo> {
        let bank = self.bank(bank.into())?;
        self.describe(&bank, true)
    }

    /// The sectors of a bank with their protection, without a look at what they hold (OpenOCD: `flash info`). The target may run.
    ///
    /// # Errors
    /// Those of [`info`](Self::info).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let layout = session.flash().layout("stm32f1x.flash")?;
    /// assert_eq!((layout.sectors[5].offset, layout.sectors[5].size), (5 * 1024, 1024));
    /// assert_eq!(layout.sectors[5].protected, Some(false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn layout<'b>(&self, bank: impl Into<BankId<'b>>) -> Result<FlashInfo> {
        let bank = self.bank(bank.into())?;
        self.describe(&bank, false)
    }

    pub(super) fn all_banks(&self) -> Result<Banks> {
        let request = banks_request().on(self.target.name()).within(self.target.session().flash_timeout());
        self.target.session().run(&request, |reply| take_banks(&request, reply))?
    }

    pub(super) fn bank(&self, id: BankId<'_>) -> Result<FlashBank> {
        let banks = self.all_banks()?.all;
        let wanted = |bank: &FlashBank| match id {
            BankId::Number(number) => bank.number == number,
            BankId::Name(name) => bank.name == name,
        };
        if let Some(bank) = banks.iter().find(|bank| wanted(bank)) {
            return Ok(bank.clone());
        }
        let known = banks.iter().map(FlashBank::to_string).collect();
        Err(FlashError::UnknownBank { bank: id.to_string(), known }.into())
    }

    pub(super) fn describe(&self, bank: &FlashBank, check_erased: bool) -> Result<FlashInfo> {
        let request = info_request(bank, check_erased);
        let request = request.on(self.target.name()).within(self.target.session().flash_timeout());
        self.target.session().run(&request, |reply| take_info(&request, reply, bank))?
    }

    /// A request with the time that flash commands get, on this view's target.
    pub(super) fn request<'r>(&self, script: impl Into<std::borrow::Cow<'r, str>>) -> Request<'r>
    where
        Self: 'r,
    {
        Request::new(script).on(self.target.name()).within(self.target.session().flash_timeout())
    }

    /// Runs a request whose refusal is an error of its own, and reads its answer.
    pub(super) fn run<T>(
        &self,
        request: &Request<'_>,
        refused: impl FnOnce(Box<Failure>) -> FlashError,
        read: impl FnOnce(&Reply<'_>) -> Option<T>,
        expected: &'static str,
    ) -> Result<T> {
        self.target.session().run(request, |reply| take(request, reply, refused, read, expected))?
    }
}

pub(crate) fn banks_request() -> Request<'static> {
    Request::new("_openocd_rs_1_flash_banks").shown("flash list")
}

pub(super) fn take_banks(request: &Request<'_>, reply: &Reply<'_>) -> Result<Banks> {
    let read = |reply: &Reply<'_>| {
        let [target, list] = tcl::elements(&reply.result).take_array()?;
        let target = String::from_utf8(target.into_owned()).ok()?;
        Some(Banks { target, all: crate::flash::replies::banks(&list)? })
    };
    take(request, reply, FlashError::Banks, read, "a list of flash banks")
}

/// For a batch: the banks alone.
pub(crate) fn take_all(request: &Request<'_>, reply: &Reply<'_>) -> Result<Vec<FlashBank>> {
    Ok(take_banks(request, reply)?.all)
}

pub(crate) fn info_request(bank: &FlashBank, check_erased: bool) -> Request<'static> {
    let script = format!("_openocd_rs_1_flash_info {} {}", bank.number, u8::from(check_erased));
    Request::new(script).shown(format!("flash info {}", bank.number))
}

pub(crate) fn take_info(request: &Request<'_>, reply: &Reply<'_>, bank: &FlashBank) -> Result<FlashInfo> {
    let refused = |failure| FlashError::Info { bank: bank.name.clone(), failure };
    take(request, reply, refused, |reply| described(bank, &reply.result), "the sectors of a flash bank")
}

/// The answer to a request whose refusal is an error of its own.
fn take<T>(
    request: &Request<'_>,
    reply: &Reply<'_>,
    refused: impl FnOnce(Box<Failure>) -> FlashError,
    read: impl FnOnce(&Reply<'_>) -> Option<T>,
    expected: &'static str,
) -> Result<T> {
    reply.success(request).map_err(|failure| Error::refused(failure, |failure| refused(failure).into()))?;
    read(reply).ok_or_else(|| unexpected(request, expected, reply))
}

/// The answer of `_openocd_rs_1_flash_info`.
fn described(bank: &FlashBank, answer: &[u8]) -> Option<FlashInfo> {
    let [blocks, sectors, checked, rows] = tcl::elements(answer).take_array()?;
    let [blocks, sectors, rows] = [&blocks, &sectors, &rows].map(|text| std::str::from_utf8(text));
    let (blocks, sectors) = (crate::flash::replies::info(blocks.ok()?)?, crate::flash::replies::info(sectors.ok()?)?);
    let not_erased = if *checked == *b"1" { Some(crate::flash::replies::erase_check(rows.ok()?)?) } else { None };

    // Without blocks of protection both listings are the same, but for the state that some sectors lack in the second one.
    let is_same = |(block, sector): (&crate::flash::replies::Row<'_>, &crate::flash::replies::Row<'_>)| {
        (block.offset, block.size) == (sector.offset, sector.size)
    };
    let by_sector = blocks.len() == sectors.len() && blocks.iter().zip(&sectors).all(is_same);
    let protection_blocks: Vec<_> = blocks
        .iter()
        .map(|row| ProtectionBlock {
            index: row.index,
            offset: row.offset,
            size: row.size,
            protected: protected(row.state),
        })
        .collect();
    let sectors = sectors.iter().map(|row| {
        let holds = |block: &&ProtectionBlock| block.offset <= row.offset && row.offset < block.offset + block.size;
        let erased = not_erased.as_ref().and_then(|rows| {
            let state = rows.iter().find(|other| other.index == row.index).map(|other| other.state);
            match state {
                None => Some(true),
                Some("not erased") => Some(false),
                Some(_) => None,
            }
        });
        Sector {
            index: row.index,
            offset: row.offset,
            size: row.size,
            protected: protected(row.state).or_else(|| protection_blocks.iter().find(holds)?.protected),
            erased,
        }
    });
    let sectors = sectors.collect();
    let protection_blocks = if by_sector { Vec::new() } else { protection_blocks };
    Some(FlashInfo { bank: bank.clone(), sectors, protection_blocks })
}

fn protected(state: &str) -> Option<bool> {
    match state {
        "protected" => Some(true),
        "not protected" => Some(false),
        _ => None,
    }
}

pub(super) fn unexpected(request: &Request<'_>, expected: &'static str, reply: &Reply<'_>) -> Error {
    let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(&reply.result).into_owned());
    FlashError::UnexpectedReply(UnexpectedReply { command, expected, reply }).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank() -> FlashBank {
        let (name, driver, target) = ("f0".to_owned(), "faux".to_owned(), "cpu".to_owned());
        FlashBank { number: 0, name, driver, base: 0x0800_0000, size: 0x1000, bus_width: 0, chip_width: 0, target }
    }

    #[test]
    fn sectors_take_the_protection_of_their_block() {
        let heading = "#0 : faux at 0x08000000, size 0x00001000, buswidth 0, chipwidth 0\n";
        let answer = format!(
            "{{{heading}\t#  0: 0x00000000 (0x800 2kB) protected\n}} {{{heading}\t#  0: 0x00000000 (0x400 1kB) \n\t#  1: 0x00000400 (0x400 1kB) \n\t#  2: 0x00000800 (0x400 1kB) \n}} 1 {{successfully checked erase state\n\t#  1: 0x00000400 (0x400 1kB) not erased\n}}"
        );
        let info = described(&bank(), answer.as_bytes()).unwrap();
        let states: Vec<_> = info.sectors.iter().map(|sector| (sector.protected, sector.erased)).collect();
        assert_eq!(states, [(Some(true), Some(true)), (Some(true), Some(false)), (None, Some(true))]);
        assert_eq!(info.protection_blocks.len(), 1);
    }

    #[test]
    fn without_blocks_the_sectors_are_what_is_protected() {
        let rows = "#0 : faux at 0x08000000, size 0x00001000, buswidth 0, chipwidth 0\n\t#  0: 0x00000000 (0x800 2kB) not protected\n\t#  1: 0x00000800 (0x800 2kB) protection state unknown\n";
        let info = described(&bank(), format!("{{{rows}}} {{{rows}}} 0 {{}}").as_bytes()).unwrap();
        let states: Vec<_> = info.sectors.iter().map(|sector| (sector.protected, sector.erased)).collect();
        assert_eq!(states, [(Some(false), None), (None, None)]);
        assert!(info.protection_blocks.is_empty());
    }

    #[test]
    fn banks_read_well() {
        assert_eq!(bank().to_string(), "0 \"f0\" (0x08000000 to 0x08000fff)");
        let unprobed = FlashBank { size: 0, ..bank() };
        assert_eq!(unprobed.to_string(), "0 \"f0\" (0x08000000, of unknown size: it could not be probed)");
        assert_eq!(BankId::from("a b").to_string(), "\"a b\"");
    }

    /// Whatever the answer is, it is refused or gives a layout in which every range finds its sectors.
    #[test]
    fn no_answer_makes_a_call_panic() {
        let rows = "#0 : faux at 0x08000000, size 0x00001000, buswidth 0, chipwidth 0\n\t#  0: 0x00000000 (0x800 2kB) not protected\n\t#  1: 0x00000800 (0x800 2kB) protected\n";
        let check = "successfully checked erase state\n\t#  1: 0x00000800 (0x800 2kB) not erased\n";
        let answer = format!("{{{rows}}} {{{rows}}} 1 {{{check}}}").into_bytes();
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        // Marsaglia's xorshift: the same in every run.
        let mut below = |limit: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed % limit as u64).unwrap()
        };
        let mut understood = 0;
        for _ in 0..20_000 {
            let mut answer = answer.clone();
            for _ in 0..=below(3) {
                let at = below(answer.len());
                match below(3) {
                    0 => answer[at] = b"0123456789abcdefx {}()#\n"[below(24)],
                    1 => drop(answer.drain(at..(at + below(20)).min(answer.len()))),
                    _ => answer.insert(at, b"0f{}\n"[below(5)]),
                }
            }
            let Some(info) = described(&bank(), &answer) else { continue };
            understood += 1;
            for (offset, length) in [(0, 1), (0, 0x1000), (0x7ff, 2), (0xfff, 1)] {
                if let Some(touched) = info.touched(offset, length) {
                    let whole = info.span_of(*touched.start(), *touched.end());
                    assert!(whole.offset < offset + length && offset < whole.offset + whole.length);
                }
                assert!(info.piece_end(offset, offset + length, 0x400) > offset);
                let _ = info.is_boundary(offset);
            }
        }
        assert!(understood > 500, "the damage spares some: {understood}");
    }
}
