//! The table that `scan_chain` prints.

use super::Tap;
use crate::wire::number::hex32;

/// Reads the whole table, its two lines of heading included; `None` if a line is neither a row nor
/// a further code.
///
/// A row is ` 0 stm32f1x.cpu           Y     0x3ba00477 0x3ba00477     4 0x01  0x0f`. Further
/// expected identification codes follow on lines of their own.
pub(super) fn taps(text: &str) -> Option<Vec<Tap>> {
    let mut lines = text.lines();
    let heading = lines.next()?;
    let rule = lines.next()?;
    if !heading.contains("TapName") || !rule.starts_with("--") {
        return None;
    }
    let mut taps: Vec<Tap> = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        // The columns of numbers have a fixed place from the right: a name may hold blanks.
        if let Some((expected, _)) = (!line.trim().contains(' ')).then(|| expected(line.trim())).flatten() {
            taps.last_mut()?.expected_ids.push(expected);
            continue;
        }
        let row = row(line)?;
        if row.position as usize != taps.len() {
            return None;
        }
        taps.push(row);
    }
    Some(taps)
}

fn row(line: &str) -> Option<Tap> {
    let (rest, ir_mask) = last_word(line)?;
    let (rest, ir_capture) = last_word(rest)?;
    let (rest, ir_length) = last_word(rest)?;
    let (rest, expected_id) = last_word(rest)?;
    let (rest, idcode) = last_word(rest)?;
    let (rest, enabled) = last_word(rest)?;
    let (position, name) = rest.trim_start().split_once(' ')?;
    let (expected_id, ignore_version) = expected(expected_id)?;
    let idcode = hex32(idcode)?;
    Some(Tap {
        position: position.parse().ok()?,
        name: name.trim().to_owned(),
        enabled: match enabled {
            "Y" => true,
            "n" => false,
            _ => return None,
        },
        idcode: (idcode != 0).then_some(idcode),
        // 0 stands for no expected code: it is not a legal one (IEEE 1149.1, 12.1.1: bit 0 is 1).
        expected_ids: if expected_id == 0 { Vec::new() } else { vec![expected_id] },
        ignore_version,
        ir_length: ir_length.parse().ok()?,
        ir_capture: hex32(ir_capture)?,
        ir_mask: hex32(ir_mask)?,
    })
}

fn last_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end();
    let at = text.rfind(' ')?;
    Some((&text[..at], &text[at + 1..]))
}

/// `0x3ba00477`, or `0x*ba00477` where the version does not matter.
fn expected(text: &str) -> Option<(u32, bool)> {
    match text.strip_prefix("0x*") {
        Some(digits) => Some((hex32(&format!("0x0{digits}"))?, true)),
        None => Some((hex32(text)?, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "   TapName             Enabled  IdCode     Expected   IrLen IrCap IrMask\n\
        -- ------------------- -------- ---------- ---------- ----- ----- ------\n";

    fn parsed(table: &str) -> Option<Vec<Tap>> {
        taps(&format!("{HEADING}{table}"))
    }

    #[test]
    fn tables_of_both_generations_are_read() {
        let table = " 0 hart0.cpu              Y     0x10001913 0x10001913     5 0x01  0x03\n\
                     \x201 chip0.bs               n     0x00000000 0x*6410041     5 0x01  0x1f\n\
                     \x20                                          0x*6420041";
        for end in ["", "\n"] {
            let rows = parsed(&format!("{table}{end}")).unwrap();
            let [hart, bs] = &rows[..] else { panic!("{rows:?}") };
            assert_eq!((hart.position, &*hart.name, hart.enabled), (0, "hart0.cpu", true));
            assert_eq!(
                (hart.idcode, &hart.expected_ids[..], hart.ignore_version),
                (Some(0x1000_1913), &[0x1000_1913][..], false)
            );
            assert_eq!((bs.idcode, bs.enabled, bs.ignore_version), (None, false, true));
            assert_eq!(bs.expected_ids, [0x0641_0041, 0x0642_0041]);
            assert_eq!((bs.ir_length, bs.ir_capture, bs.ir_mask), (5, 1, 0x1f));
        }
    }

    #[test]
    fn names_may_be_longer_than_their_column_and_hold_blanks() {
        let rows = parsed(" 0 a.very.long.name.of.a.tap     Y     0x00000000 0x00000000    12 0x001  0x003\n").unwrap();
        assert_eq!((&*rows[0].name, rows[0].position, rows[0].ir_length), ("a.very.long.name.of.a.tap", 0, 12));
        assert!(rows[0].expected_ids.is_empty());
        let rows = parsed(" 0 my chip.cpu            Y     0x00000000 0x00000000     4 0x01  0x03\n").unwrap();
        assert_eq!(rows[0].name, "my chip.cpu");
    }

    #[test]
    fn identification_codes_are_compared_as_openocd_compares_them() {
        for (found, expected, is_expected) in [
            ("0x3ba00477", "0x3ba00477", true),
            ("0x3ba00477", "0x4ba00477", false),
            // The version is not compared.
            ("0x3ba00477", "0x*ba00477", true),
            ("0x3ba00477", "0x*ba00478", false),
            // None is expected, or none was read.
            ("0x3ba00477", "0x00000000", true),
            ("0x00000000", "0x4ba00477", true),
        ] {
            let rows = parsed(&format!(" 0 a.b  Y {found} {expected} 4 0x01 0x03")).unwrap();
            assert_eq!(rows[0].is_expected(), is_expected, "{rows:?}");
        }
        let two = " 0 a.b  Y 0x4ba00477 0x3ba00477 4 0x01 0x03\n                  0x4ba00477\n";
        assert!(parsed(two).unwrap()[0].is_expected());
    }

    #[test]
    fn an_empty_chain_has_no_taps() {
        assert_eq!(parsed(""), Some(Vec::new()));
    }

    #[test]
    fn invalid_tables_are_refused() {
        assert_eq!(taps(""), None);
        assert_eq!(taps("usage: scan_chain\nmore"), None);
        for line in [
            "garbage",
            " 0 a.b  X 0x00000000 0x00000000 4 0x01 0x03",
            " 0 a.b  Y 0x00000000 0x00000000 four 0x01 0x03",
            " x a.b  Y 0x00000000 0x00000000 4 0x01 0x03",
            " 0 a.b  Y 0x 0x00000000 4 0x01 0x03",
            " 0 a.b  Y 0x00000000 0x**000000 4 0x01 0x03",
            " 0 a.b  Y 0x100000000 0x00000000 4 0x01 0x03",
            "                  0x12345678",
            " 1 a.b  Y 0x00000000 0x00000000 4 0x01 0x03",
            " 0 a.b  Y 0x00000000 0x00000000 4 0x01 0x03\n 0 a.c  Y 0x00000000 0x00000000 4 0x01 0x03",
            "é",
        ] {
            assert_eq!(parsed(line), None, "{line:?}");
        }
    }
}
