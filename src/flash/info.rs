//! The sectors of a flash bank.

use std::fmt;

use super::replies::{self, Row};
use super::{BankId, Flash, FlashBank};
use crate::command::{Reply, Request, Script};
use crate::error::{FlashError, Result};
use crate::progress::ProgressReport;
use crate::types::Hex;
use crate::wire::number::flag;
use crate::wire::tcl;

/// The sectors of a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FlashInfo {
    /// The bank.
    pub bank: FlashBank,
    /// Its sectors, in the order of their offsets.
    pub sectors: Vec<Sector>,
    /// The blocks that can be protected, where those are not the sectors themselves; otherwise
    /// empty.
    pub protection_blocks: Vec<ProtectionBlock>,
}

/// A sector: the smallest part of flash that can be erased.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Sector {
    /// Its number within the bank.
    pub index: u32,
    /// Its first byte, counted from the bank's base.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is protected from writing and erasing; `None` if that is unknown, as where
    /// OpenOCD's driver cannot read it.
    pub protected: Option<bool>,
    /// Whether it is erased; `None` if that is unknown or was not asked for.
    pub erased: Option<bool>,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for Sector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sector")
            .field("index", &self.index)
            .field("offset", &Hex(self.offset))
            .field("size", &Hex(self.size))
            .field("protected", &self.protected)
            .field("erased", &self.erased)
            .finish()
    }
}

/// The smallest part of flash that can be protected, on chips where that is not a sector.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProtectionBlock {
    /// Its number within the bank.
    pub index: u32,
    /// Its first byte, counted from the bank's base.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is protected; `None` if that is unknown.
    pub protected: Option<bool>,
}

/// Addresses and values in hexadecimal.
impl fmt::Debug for ProtectionBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectionBlock")
            .field("index", &self.index)
            .field("offset", &Hex(self.offset))
            .field("size", &Hex(self.size))
            .field("protected", &self.protected)
            .finish()
    }
}

/// "sector 5: 0x400 bytes at offset 0x1400, erased, not protected"
impl fmt::Display for Sector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sector {}: {:#x} bytes at offset {:#x}", self.index, self.size, self.offset)?;
        show_flag(f, self.erased, "erased")?;
        show_flag(f, self.protected, "protected")
    }
}

/// "protection block 1: 0x1000 bytes at offset 0x1000, not protected"
impl fmt::Display for ProtectionBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protection block {}: {:#x} bytes at offset {:#x}", self.index, self.size, self.offset)?;
        show_flag(f, self.protected, "protected")
    }
}

/// The bank, and a line for each sector and protection block.
impl fmt::Display for FlashInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bank)?;
        self.sectors.iter().try_for_each(|sector| write!(f, "\n  {sector}"))?;
        self.protection_blocks.iter().try_for_each(|block| write!(f, "\n  {block}"))
    }
}

fn show_flag(f: &mut fmt::Formatter<'_>, flag: Option<bool>, name: &str) -> fmt::Result {
    match flag {
        Some(true) => write!(f, ", {name}"),
        Some(false) => write!(f, ", not {name}"),
        None => Ok(()),
    }
}

impl<R: ProgressReport> Flash<'_, R> {
    /// Lists the sectors of a bank with their protection, and which of them are erased (OpenOCD:
    /// `flash info`, `flash erase_check`).
    ///
    /// [`Sector::erased`] is known only while the target is halted and the driver can find it out;
    /// otherwise it is `None`. OpenOCD reads the whole bank for this, usually by an algorithm in
    /// the RAM of the working area. The call restores that RAM, so nothing on the target is
    /// changed. [`layout`](Self::layout) is quicker and leaves `erased` out.
    ///
    /// # Errors
    /// [`FlashError::UnknownBank`], [`FlashError::Info`] if OpenOCD refuses,
    /// [`FlashError::UnexpectedReply`] if its reply cannot be parsed.
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
        self.describe(&bank, EraseCheck::Run)
    }

    /// Lists the sectors of a bank with their protection, without reading what they hold (OpenOCD:
    /// `flash info`).
    ///
    /// The target may run, and nothing on it is changed.
    ///
    /// # Errors
    /// The same as [`info`](Self::info).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let layout = session.flash().layout("stm32f1x.flash")?;
    /// assert_eq!(layout.sectors[5].to_string(), "sector 5: 0x400 bytes at offset 0x1400, not protected");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn layout<'b>(&self, bank: impl Into<BankId<'b>>) -> Result<FlashInfo> {
        let bank = self.bank(bank.into())?;
        self.describe(&bank, EraseCheck::Skip)
    }

    pub(super) fn describe(&self, bank: &FlashBank, check: EraseCheck) -> Result<FlashInfo> {
        let request = self.on_view(info_request(bank, check));
        self.target.session().run(&request, |reply| take_info(&request, reply, bank))?
    }
}

/// Whether OpenOCD finds out which sectors are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EraseCheck {
    Run,
    Skip,
}

pub(crate) fn info_request(bank: &FlashBank, check: EraseCheck) -> Request<'static> {
    let script = Script::call("flash_info").word(&bank.target).number(bank.number).flag(check == EraseCheck::Run);
    Request::new(script).shown(format!("flash info {}", bank.number)).expecting("the sectors of a flash bank")
}

pub(crate) fn take_info(request: &Request<'_>, reply: &Reply<'_>, bank: &FlashBank) -> Result<FlashInfo> {
    let refused = |failure| FlashError::Info { bank: bank.name.clone(), failure };
    reply.value_or(request, refused, |reply| read_info(bank, reply))
}

/// Reads the reply of `flash_info`.
fn read_info(bank: &FlashBank, reply: &[u8]) -> Option<FlashInfo> {
    let [before, blocks, sectors, is_read, checked, rows] = tcl::elements(reply).take_array()?;
    let [before, blocks, sectors, rows] =
        [&before, &blocks, &sectors, &rows].map(|text| std::str::from_utf8(text).ok());
    // What `flash list` said is still so.
    if replies::integer(before?)? != bank.size {
        return None;
    }
    let (bank, blocks) = replies::info(bank, blocks?)?;
    let (same, sectors) = replies::info(&bank, sectors?)?;
    if same != bank {
        return None;
    }
    let is_read = flag(&is_read)?;
    let is_protected = |state: &str| if is_read { is_protected(state) } else { None };
    let not_erased = if flag(&checked)? { Some(replies::erase_check(rows?)?) } else { None };
    let is_sector = |row: &Row<'_>| {
        let sector = usize::try_from(row.index).ok().and_then(|index| sectors.get(index));
        sector.is_some_and(|sector| (sector.offset, sector.size) == (row.offset, row.size))
    };
    if !not_erased.iter().flatten().all(is_sector) {
        return None;
    }

    // Without blocks of protection both listings are the same, but for the state that some sectors
    // lack in the second.
    let is_same = |(block, sector): (&Row<'_>, &Row<'_>)| (block.offset, block.size) == (sector.offset, sector.size);
    let by_sector = blocks.len() == sectors.len() && blocks.iter().zip(&sectors).all(is_same);
    let blocks = blocks.iter().map(|row| {
        let protected = is_protected(row.state);
        ProtectionBlock { index: row.index, offset: row.offset, size: row.size, protected }
    });
    let blocks: Vec<_> = blocks.collect();
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
        let protected = is_protected(row.state).or_else(|| blocks.iter().find(holds)?.protected);
        Sector { index: row.index, offset: row.offset, size: row.size, protected, erased }
    });
    let sectors = sectors.collect();
    let protection_blocks = if by_sector { Vec::new() } else { blocks };
    Some(FlashInfo { bank, sectors, protection_blocks })
}

fn is_protected(state: &str) -> Option<bool> {
    match state {
        "protected" => Some(true),
        "not protected" => Some(false),
        _ => None,
    }
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
            "0x1000 {{{heading}\t#  0: 0x00000000 (0x800 2kB) protected\n}} {{{heading}\t#  0: 0x00000000 (0x400 1kB) \n\t#  1: 0x00000400 (0x400 1kB) \n\t#  2: 0x00000800 (0x400 1kB) \n}} 1 1 {{successfully checked erase state\n\t#  1: 0x00000400 (0x400 1kB) not erased\n}}"
        );
        let info = read_info(&bank(), answer.as_bytes()).unwrap();
        let states: Vec<_> = info.sectors.iter().map(|sector| (sector.protected, sector.erased)).collect();
        assert_eq!(states, [(Some(true), Some(true)), (Some(true), Some(false)), (None, Some(true))]);
        assert_eq!(info.protection_blocks.len(), 1);
    }

    #[test]
    fn without_blocks_the_sectors_are_protected_one_by_one() {
        let rows = "#0 : faux at 0x08000000, size 0x00001000, buswidth 0, chipwidth 0\n\t#  0: 0x00000000 (0x800 2kB) not protected\n\t#  1: 0x00000800 (0x800 2kB) protection state unknown\n";
        let info = read_info(&bank(), format!("0x1000 {{{rows}}} {{{rows}}} 1 0 {{}}").as_bytes()).unwrap();
        let states: Vec<_> = info.sectors.iter().map(|sector| (sector.protected, sector.erased)).collect();
        assert_eq!(states, [(Some(false), None), (None, None)]);
        assert!(info.protection_blocks.is_empty());
        // OpenOCD has not read the protection.
        let info = read_info(&bank(), format!("0x1000 {{{rows}}} {{{rows}}} 0 0 {{}}").as_bytes()).unwrap();
        assert!(info.sectors.iter().all(|sector| sector.protected.is_none()));
    }

    #[test]
    fn a_reply_that_contradicts_the_bank_or_itself_is_refused() {
        let rows = "#0 : faux at 0x08000000, size 0x00001000, buswidth 0, chipwidth 0\n\t#  0: 0x00000000 (0x800 2kB) not protected\n\t#  1: 0x00000800 (0x800 2kB) protected\n";
        let check = "successfully checked erase state\n\t#  1: 0x00000800 (0x800 2kB) not erased\n";
        let read = |blocks: &str, sectors: &str, check: &str, flags: &str| {
            read_info(&bank(), format!("0x1000 {{{blocks}}} {{{sectors}}} {flags} {{{check}}}").as_bytes())
        };
        assert!(read(rows, rows, check, "1 1").is_some());
        for (from, to) in [
            ("#0 :", "#1 :"),
            ("faux", "fauy"),
            ("0x08000000", "0x08000400"),
            ("size 0x00001000", "size 0x00001100"),
            ("buswidth 0", "buswidth 2"),
            ("chipwidth 0", "chipwidth 2"),
            ("0x00000000 (0x800 2kB)", "0x00000000 (0x200 2kB)"),
            ("0x00000000 (0x800 2kB)", "0x00000000 (0x900 2kB)"),
            ("0x00000800 (0x800 2kB)", "0x00000800 (0x800 3kB)"),
            ("0x00000800 (0x800 2kB)", "0x00000800 (0x900 2kB)"),
            ("0x00000800 (0x800 2kB)", "0x00000900 (0x800 2kB)"),
        ] {
            let damaged = rows.replace(from, to);
            assert_eq!(read(&damaged, rows, check, "1 1"), None, "{to}");
            assert_eq!(read(rows, &damaged, check, "1 1"), None, "{to}");
        }
        for (from, to) in [("#  1", "#  0"), ("0x00000800", "0x00000000"), ("0x800 2kB", "0x400 1kB")] {
            assert_eq!(read(rows, rows, &check.replace(from, to), "1 1"), None, "{to}");
        }
        for flags in ["1 2", "7 1", "1 {}"] {
            assert_eq!(read(rows, rows, check, flags), None, "{flags}");
        }
    }

    #[test]
    fn a_probe_by_flash_info_changes_the_size() {
        let rows = "#0 : faux at 0x08000000, size 0x00000800, buswidth 0, chipwidth 0\n\t#  0: 0x00000000 (0x800 2kB) protected\n";
        let read = |bank: &FlashBank, before: &str, blocks: &str| {
            read_info(bank, format!("{before} {{{blocks}}} {{{rows}}} 1 0 {{}}").as_bytes())
        };
        assert_eq!(read(&bank(), "4096", rows).unwrap().bank.size, 0x800);
        let unprobed = FlashBank { size: 0, base: 0, ..bank() };
        let probed = read(&unprobed, "0", rows).unwrap().bank;
        assert_eq!((probed.base, probed.size), (0x0800_0000, 0x800));
        // Not a probe: the bank was of another size before, or the two headings differ.
        assert_eq!(read(&bank(), "2048", rows), None);
        assert_eq!(read(&bank(), "4096", &rows.replace("size 0x00000800", "size 0x00000900")), None);
    }

    #[test]
    fn sectors_of_cfi_may_exceed_the_configured_size() {
        let rows = "#0 : cfi at 0x08000000, size 0x00001000, buswidth 2, chipwidth 2\n\t#  0: 0x00000000 (0x2000 8kB) protected\n";
        let bank = FlashBank { driver: "cfi".to_owned(), bus_width: 2, chip_width: 2, ..bank() };
        let info = read_info(&bank, format!("0x1000 {{{rows}}} {{{rows}}} 1 0 {{}}").as_bytes()).unwrap();
        assert_eq!(info.sectors.len(), 1);
    }

    /// A damaged reply is refused, or gives a layout in which every range finds its sectors.
    #[test]
    fn no_reply_makes_a_call_panic() {
        let rows = "#0 : faux at 0x08000000, size 0x00001000, buswidth 0, chipwidth 0\n\t#  0: 0x00000000 (0x800 2kB) not protected\n\t#  1: 0x00000800 (0x800 2kB) protected\n";
        let check = "successfully checked erase state\n\t#  1: 0x00000800 (0x800 2kB) not erased\n";
        let answer = format!("0x1000 {{{rows}}} {{{rows}}} 1 1 {{{check}}}").into_bytes();
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
            let Some(info) = read_info(&bank(), &answer) else { continue };
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
        assert!(understood > 500, "some damage is harmless: {understood}");
    }
}
