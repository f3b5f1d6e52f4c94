//! Memory as text.

use std::fmt::Write;

/// `20000000  48 65 6c 6c 6f 2c 20 63  68 69 70 21 00 01 02 ff  |Hello, chip!....|`
pub(super) fn format(address: u64, bytes: &[u8]) -> String {
    let last = address.saturating_add(bytes.len() as u64);
    let digits = if last > u64::from(u32::MAX) { 16 } else { 8 };
    let mut text = String::new();
    for (index, line) in bytes.chunks(16).enumerate() {
        let at = address.wrapping_add(index as u64 * 16);
        let _ = write!(text, "{at:0digits$x} ");
        for column in 0..16 {
            let gap = if column % 8 == 0 { " " } else { "" };
            let _ = match line.get(column) {
                Some(byte) => write!(text, "{gap}{byte:02x} "),
                None => write!(text, "{gap}   "),
            };
        }
        let printable = |&byte: &u8| if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '.' };
        let ascii: String = line.iter().map(printable).collect();
        let _ = writeln!(text, " |{ascii}|");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn full_and_partial_lines() {
        let bytes: Vec<u8> = (0x1c..0x2f).collect();
        assert_eq!(
            format(0x0800_0010, &bytes),
            "08000010  1c 1d 1e 1f 20 21 22 23  24 25 26 27 28 29 2a 2b  |.... !\"#$%&'()*+|\n\
             08000020  2c 2d 2e                                          |,-.|\n"
        );
        assert_eq!(format(0, &[]), "");
    }

    #[test]
    fn a_wide_address_has_sixteen_digits() {
        assert!(format(0xffff_ffff, &[0, 0]).starts_with("00000000ffffffff  00 00"));
        assert!(format(u64::MAX, &[0xff]).starts_with("ffffffffffffffff  ff"));
    }
}
