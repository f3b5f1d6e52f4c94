//! Reads the replies of flash commands.

use super::FlashBank;
use crate::wire::number::hex;
use crate::wire::tcl;

/// A row of `flash info` or `flash erase_check`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) index: u32,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// `protected`, `not erased`, nothing, …
    pub(crate) state: &'a str,
}

/// The answer of `flash list`: a list of dicts, on 0.12.0 in one line with decimal numbers, on
/// master in many with hexadecimal ones.
///
/// The position in the list is the bank's number (`flash_bank_add` in `src/flash/nor/core.c`).
pub(crate) fn banks(list: &[u8]) -> Option<Vec<FlashBank>> {
    tcl::elements(list).enumerate().map(|(number, entry)| bank(u32::try_from(number).ok()?, &entry.ok()?)).collect()
}

fn bank(number: u32, dict: &[u8]) -> Option<FlashBank> {
    let (mut name, mut driver, mut target) = (None, None, None);
    let (mut base, mut size, mut bus_width, mut chip_width) = (None, None, None, None);
    let mut elements = tcl::elements(dict);
    while let Some(key) = elements.next() {
        let key = key.ok()?;
        let value = elements.next()?.ok()?;
        let text = std::str::from_utf8(&value).ok()?;
        match &*key {
            b"name" => name = Some(text.to_owned()),
            b"driver" => driver = Some(text.to_owned()),
            b"target" => target = Some(text.to_owned()),
            b"base" => base = Some(integer(text)?),
            b"size" => size = Some(integer(text)?),
            b"bus_width" => bus_width = Some(integer(text)?),
            b"chip_width" => chip_width = Some(integer(text)?),
            _ => {}
        }
    }
    Some(FlashBank {
        number,
        name: name?,
        driver: driver?,
        base: base?,
        size: size?,
        bus_width: u32::try_from(bus_width?).ok()?,
        chip_width: u32::try_from(chip_width?).ok()?,
        target: target?,
    })
}

/// `134217728`, `0x08000000`; 0.12.0 writes an address from 2⁶³ on as a negative number.
pub(crate) fn integer(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text
            .parse()
            .ok()
            .or_else(|| text.parse::<i64>().ok().map(|signed| u64::from_ne_bytes(signed.to_ne_bytes()))),
    }
}

/// The bank and the rows of `flash info`. The rows begin after the line `#0 : stm32f1x at 0x08000000,
/// size 0x00020000, buswidth 0, chipwidth 0`, which must be that of the bank; only the size may be
/// another, and the base of a bank that was not probed. What the driver has to say follows the rows
/// and is not read.
pub(crate) fn info<'a>(bank: &FlashBank, text: &'a str) -> Option<(FlashBank, Vec<Row<'a>>)> {
    let (heading, rest) = text.split_once('\n').unwrap_or((text, ""));
    let bank = of_heading(bank, heading.trim_end())?;
    // The sectors of a CFI chip are those that it names, whatever size is configured (`cfi_probe` in
    // src/flash/nor/cfi.c).
    let limit = if bank.driver == "cfi" { u64::MAX } else { bank.size };
    let mut rows: Vec<Row<'_>> = Vec::new();
    for line in rest.lines().take_while(|line| line.starts_with("\t#")) {
        let row = row(line)?;
        let in_order = rows.last().is_none_or(|last| last.offset + last.size <= row.offset);
        if row.index as usize != rows.len() || row.size == 0 || !in_order || row.offset + row.size > limit {
            return None;
        }
        rows.push(row);
    }
    Some((bank, rows))
}

fn of_heading(bank: &FlashBank, heading: &str) -> Option<FlashBank> {
    let (number, rest) = heading.strip_prefix('#')?.split_once(" : ")?;
    let (driver, rest) = rest.split_once(" at ")?;
    let (base, rest) = rest.split_once(", size ")?;
    let (size, rest) = rest.split_once(", buswidth ")?;
    let (bus_width, chip_width) = rest.split_once(", chipwidth ")?;
    let (base, size) = (hex(base)?, hex(size)?);
    let is_it = number.parse() == Ok(bank.number)
        && driver == bank.driver
        && (base == bank.base || bank.size == 0)
        && bus_width.parse() == Ok(bank.bus_width)
        && chip_width.parse() == Ok(bank.chip_width);
    is_it.then(|| FlashBank { base, size, ..bank.clone() })
}

/// The rows of `flash erase_check` that succeeded: the sectors that are not known to be erased.
pub(crate) fn erase_check(text: &str) -> Option<Vec<Row<'_>>> {
    let mut lines = text.lines();
    if lines.next()?.trim() != "successfully checked erase state" {
        return None;
    }
    lines.filter(|line| line.starts_with("\t#")).map(row).collect()
}

/// `\t#  1: 0x00001000 (0x1000 4kB) not protected`
fn row(line: &str) -> Option<Row<'_>> {
    let (index, rest) = line.trim_start().strip_prefix('#')?.split_once(':')?;
    let (offset, rest) = rest.trim_start().split_once(" (")?;
    let (size, state) = rest.split_once(')')?;
    let offset = hex(offset)?;
    let (size, kilobytes) = size.split_once(' ')?;
    let size = hex(size)?;
    // OpenOCD cuts off the rest of a kilobyte.
    if kilobytes.strip_suffix("kB")?.parse() != Ok(size >> 10) {
        return None;
    }
    // Both are 32 bits wide in OpenOCD, so that no sum of them overflows.
    if offset > u64::from(u32::MAX) || size > u64::from(u32::MAX) {
        return None;
    }
    Some(Row { index: index.trim().parse().ok()?, offset, size, state: state.trim() })
}

/// The number in `wrote 1024 bytes from file …` or `verified 1024 bytes from file …`.
pub(crate) fn bytes_done(text: &str, verb: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(verb))?;
    let (count, _) = line.trim_start().split_once(" bytes")?;
    count.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[u8] = b"{name stm32f1x.flash driver stm32f1x base 134217728 size 131072 bus_width 0 chip_width 0 target stm32f1x.cpu} {name f1 driver cfi base -4294967296 size 65536 bus_width 2 chip_width 2 target stm32f1x.cpu}";
    const NEW: &[u8] = b"{\n    name       {stm32f1x.flash}\n    driver     stm32f1x\n    base       0x08000000\n    size       0x20000\n    bus_width  0\n    chip_width 0\n    target     stm32f1x.cpu\n}";

    #[test]
    fn lists_of_both_generations() {
        let old = banks(OLD).unwrap();
        assert_eq!(banks(NEW).unwrap(), old[..1]);
        assert_eq!(
            (old[0].number, &*old[0].name, old[0].base, old[0].size),
            (0, "stm32f1x.flash", 0x0800_0000, 0x2_0000)
        );
        assert_eq!((old[1].number, old[1].base, old[1].bus_width), (1, 0xffff_ffff_0000_0000, 2));
        assert_eq!(banks(b""), Some(vec![]));
    }

    #[test]
    fn an_invalid_list_is_refused() {
        for text in [
            &b"{name f0}"[..],
            b"{name",
            b"garbage",
            b"{name f0 driver cfi base x size 0 bus_width 0 chip_width 0 target t}",
            b"{name f0 driver cfi base 0 size 0 bus_width -1 chip_width 0 target t}",
            b"{name f0 driver cfi base 0 size 0 bus_width 0 chip_width 0 target}",
        ] {
            assert_eq!(banks(text), None, "{}", text.escape_ascii());
        }
    }

    fn rows(text: &str) -> Option<Vec<Row<'_>>> {
        Some(info(&banks(NEW).unwrap()[0], text)?.1)
    }

    #[test]
    fn rows_of_flash_info_are_read() {
        let text = "#0 : stm32f1x at 0x08000000, size 0x00020000, buswidth 0, chipwidth 0\n\t#  0: 0x00000000 (0x400 1kB) not protected\n\t#  1: 0x00000400 (0x400 1kB) protected\n\t#  2: 0x00000800 (0x400 1kB) \nSTM32F10x (Medium Density) - Rev: X\n\t# not a row\n";
        let read = rows(text).unwrap();
        assert_eq!(read[1], Row { index: 1, offset: 0x400, size: 0x400, state: "protected" });
        assert_eq!((read.len(), read[2].state), (3, ""));
        let unprobed = "#0 : stm32f1x at 0x08000000, size 0x00000000, buswidth 0, chipwidth 0";
        assert_eq!(rows(unprobed), Some(vec![]));
    }

    #[test]
    fn invalid_flash_info_is_refused() {
        let heading = "#0 : stm32f1x at 0x08000000, size 0x00020000, buswidth 0, chipwidth 0\n";
        for damaged in [
            "\t#  1: 0x00000000 (0x400 1kB) ",
            "\t#  0: 0x00000000 (0x0 0kB) ",
            "\t#  0: 00000000 (0x400 1kB) ",
            "\t#  0: 0x00000000",
            "\t#  x: 0x00000000 (0x400 1kB) ",
            "\t#  0: 0x00000400 (0x400 1kB) \n\t#  1: 0x00000400 (0x400 1kB) ",
            "\t#  0: 0xffffffffffffffff (0x400 1kB) ",
        ] {
            assert_eq!(rows(&format!("{heading}{damaged}")), None, "{damaged}");
        }
        assert_eq!(rows(""), None);
        assert_eq!(rows("something else"), None);
    }

    #[test]
    fn rows_of_erase_check() {
        let text = "successfully checked erase state\n\t#  0: 0x00000000 (0x400 1kB) not erased\n\t#  7: 0x00001c00 (0x400 1kB) erase state unknown\n";
        let rows = erase_check(text).unwrap();
        assert_eq!(
            rows.iter().map(|row| (row.index, row.state)).collect::<Vec<_>>(),
            [(0, "not erased"), (7, "erase state unknown")]
        );
        assert_eq!(erase_check("successfully checked erase state\n\tBank is erased"), Some(vec![]));
        assert_eq!(erase_check("unknown error when checking erase state of flash bank #0 at 0x08000000\n"), None);
    }

    #[test]
    fn the_count_of_bytes_is_read() {
        assert_eq!(bytes_done("auto erase enabled\nwrote 1500 bytes from file x in 0.1s", "wrote"), Some(1500));
        assert_eq!(bytes_done("verified 16 bytes from file x", "verified"), Some(16));
        assert_eq!(bytes_done("Nothing to write to flash bank", "wrote"), None);
        assert_eq!(bytes_done("wrote many bytes", "wrote"), None);
    }
}
