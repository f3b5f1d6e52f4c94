//! The table that `scan_chain` prints.

use crate::wire::number::hex32;

/// One row: ` 0 stm32f1x.cpu           Y     0x3ba00477 0x3ba00477     4 0x01  0x0f`. Further expected identification codes
/// stand on lines of their own below it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) position: u32,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) idcode: u32,
    pub(crate) expected: Vec<u32>,
    /// The expected codes are printed with `*` in place of the version, which is then not compared.
    pub(crate) ignore_version: bool,
    pub(crate) ir_length: u32,
    pub(crate) ir_capture: u32,
    pub(crate) ir_mask: u32,
}

/// Reads the whole table, its two lines of heading included; `None` if a line is none of these.
pub(crate) fn rows(text: &str) -> Option<Vec<Row>> {
    let mut lines = text.lines();
    let heading = lines.next()?;
    let rule = lines.next()?;
    if !heading.contains("TapName") || !rule.starts_with("--") {
        return None;
    }
    let mut rows: Vec<Row> = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        // The columns of numbers have a fixed place from the right: a name may hold blanks.
        if let Some((expected, _)) = (!line.trim().contains(' ')).then(|| expected(line.trim())).flatten() {
            rows.last_mut()?.expected.push(expected);
            continue;
        }
        rows.push(row(line)?);
    }
    Some(rows)
}

fn row(line: &str) -> Option<Row> {
    let (rest, ir_mask) = last_word(line)?;
    let (rest, ir_capture) = last_word(rest)?;
    let (rest, ir_length) = last_word(rest)?;
    let (rest, expected_id) = last_word(rest)?;
    let (rest, idcode) = last_word(rest)?;
    let (rest, enabled) = last_word(rest)?;
    let (position, name) = rest.trim_start().split_once(' ')?;
    let (expected_id, ignore_version) = expected(expected_id)?;
    Some(Row {
        position: position.parse().ok()?,
        name: name.trim().to_owned(),
        enabled: match enabled {
            "Y" => true,
            "n" => false,
            _ => return None,
        },
        idcode: hex32(idcode)?,
        // 0 stands for no expected code: it is no legal one (IEEE 1149.1, 12.1.1: bit 0 is 1).
        expected: if expected_id == 0 { Vec::new() } else { vec![expected_id] },
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

    fn parsed(table: &str) -> Option<Vec<Row>> {
        rows(&format!("{HEADING}{table}"))
    }

    #[test]
    fn tables_of_both_generations() {
        let table = " 0 hart0.cpu              Y     0x10001913 0x10001913     5 0x01  0x03\n\
                     \x201 chip0.bs               n     0x00000000 0x*6410041     5 0x01  0x1f\n\
                     \x20                                          0x*6420041";
        for end in ["", "\n"] {
            let rows = parsed(&format!("{table}{end}")).unwrap();
            let [hart, bs] = &rows[..] else { panic!("{rows:?}") };
            assert_eq!((hart.position, &*hart.name, hart.enabled), (0, "hart0.cpu", true));
            assert_eq!(
                (hart.idcode, &hart.expected[..], hart.ignore_version),
                (0x1000_1913, &[0x1000_1913][..], false)
            );
            assert_eq!((bs.idcode, bs.enabled, bs.ignore_version), (0, false, true));
            assert_eq!(bs.expected, [0x0641_0041, 0x0642_0041]);
            assert_eq!((bs.ir_length, bs.ir_capture, bs.ir_mask), (5, 1, 0x1f));
        }
    }

    #[test]
    fn names_longer_than_their_column_and_with_blanks() {
        let rows = parsed("10 a.very.long.name.of.a.tap     Y     0x00000000 0x00000000    12 0x001  0x003\n").unwrap();
        assert_eq!((&*rows[0].name, rows[0].position, rows[0].ir_length), ("a.very.long.name.of.a.tap", 10, 12));
        assert!(rows[0].expected.is_empty());
        let rows = parsed(" 0 my chip.cpu            Y     0x00000000 0x00000000     4 0x01  0x03\n").unwrap();
        assert_eq!(rows[0].name, "my chip.cpu");
    }

    #[test]
    fn an_empty_chain() {
        assert_eq!(parsed(""), Some(Vec::new()));
    }

    #[test]
    fn invalid_tables() {
        assert_eq!(rows(""), None);
        assert_eq!(rows("usage: scan_chain\nmore"), None);
        for line in [
            "garbage",
            " 0 a.b  X 0x00000000 0x00000000 4 0x01 0x03",
            " 0 a.b  Y 0x00000000 0x00000000 four 0x01 0x03",
            " x a.b  Y 0x00000000 0x00000000 4 0x01 0x03",
            " 0 a.b  Y 0x 0x00000000 4 0x01 0x03",
            " 0 a.b  Y 0x00000000 0x**000000 4 0x01 0x03",
            " 0 a.b  Y 0x100000000 0x00000000 4 0x01 0x03",
            "                  0x12345678",
            "é",
        ] {
            assert_eq!(parsed(line), None, "{line:?}");
        }
    }
}
