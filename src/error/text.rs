//! Text for people: excerpts of commands and replies that are safe to print.

use std::fmt::Write;

/// The beginning of `bytes`: control characters and bytes that are not UTF-8 escaped, cut after `limit` bytes of input,
/// with a note of the whole length where something was cut.
pub(crate) fn excerpt(bytes: &[u8], limit: usize) -> String {
    let mut end = bytes.len().min(limit);
    // Never cut inside a character.
    while end < bytes.len() && end > 0 && bytes[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let mut text = String::with_capacity(end);
    for chunk in bytes[..end].utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' | '\t' => text.push(c),
                c if c.is_control() => text.extend(c.escape_default()),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if end < bytes.len() {
        let _ = write!(text, "… ({} bytes in all)", bytes.len());
    }
    text
}

/// What follows "there": `are none`, `is only a`, `are a, b`; `none` is what there is none of.
pub(crate) fn list_names(names: &[String], none: &str) -> String {
    match names {
        [] => format!("are {none}"),
        [one] => format!("is only {one}"),
        many => format!("are {}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn short_text_is_kept() {
        assert_eq!(excerpt(b"mdw 0x0\n", 20), "mdw 0x0\n");
    }

    #[test]
    fn hostile_bytes_are_escaped() {
        assert_eq!(excerpt(b"a\x1b[2J\xff\0", 20), "a\\u{1b}[2J\\xff\\u{0}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(excerpt("ab\u{e9}cd".as_bytes(), 3), "ab… (6 bytes in all)");
    }
}
