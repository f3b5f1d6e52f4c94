//! Text for people: excerpts of what came from OpenOCD or from a caller, safe to print on one line.

use std::fmt::Write;
use std::path::Path;

/// The beginning of `bytes` on one line.
///
/// White space at the ends is dropped, line breaks become `; `, control characters and bytes that
/// are not UTF-8 are escaped. Text of more than `limit` bytes is cut, with a note of its length.
pub(crate) fn excerpt(bytes: &[u8], limit: usize) -> String {
    let bytes = bytes.trim_ascii();
    let mut end = bytes.len().min(limit);
    // Never cut inside a character.
    while end < bytes.len() && end > 0 && bytes[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let mut text = String::with_capacity(end);
    let mut in_break = false;
    for chunk in bytes[..end].utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' | '\r' => {
                    // A line break, and whatever empty lines follow it.
                    if !in_break {
                        text.push_str("; ");
                    }
                    in_break = true;
                    continue;
                }
                '\t' => text.push(' '),
                c if needs_escape(c) => text.extend(c.escape_unicode()),
                c => text.push(c),
            }
            in_break = false;
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
            in_break = false;
        }
    }
    if end < bytes.len() {
        let _ = write!(text, "… ({} bytes in all)", bytes.len());
    }
    text
}

/// A control character, or one that changes how the text around it is shown (bidirectional
/// controls, line separators).
fn needs_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name that came from OpenOCD or from a caller, as it is shown: escaped, and cut where no name
/// is that long.
pub(crate) fn name(name: &str) -> String {
    excerpt(name.as_bytes(), 80)
}

/// A path as it is shown: on one line, with control characters escaped.
pub(crate) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        if needs_escape(c) { text.extend(c.escape_unicode()) } else { text.push(c) }
    }
    text
}

/// What follows "there": `are none`, `is only a`, `are a, b`; `none` is what there is none of.
pub(crate) fn list_names(names: &[String], none: &str) -> String {
    match names {
        [] => format!("are {none}"),
        [one] => format!("is only {}", name(one)),
        many => format!("are {}", comma_separated(many)),
    }
}

/// `; near: a, b`, or nothing.
pub(crate) fn or_near(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; near: {}", comma_separated(near)) }
}

/// `a, b, c`
pub(crate) fn comma_separated(names: &[String]) -> String {
    names.iter().map(|one| name(one)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_on_one_line_and_otherwise_as_it_is() {
        assert_eq!(shown(Path::new("a dir/fw\u{1b}[2J\nx.elf")), "a dir/fw\\u{1b}[2J\\u{a}x.elf");
    }

    #[test]
    fn short_text_is_kept() {
        assert_eq!(excerpt(b"mdw 0x0", 20), "mdw 0x0");
    }

    #[test]
    fn lines_are_joined() {
        assert_eq!(excerpt(b"\r\na\n\n\tb\r\nc\n", 20), "a;  b; c");
    }

    #[test]
    fn hostile_bytes_are_escaped() {
        assert_eq!(excerpt(b"a\x1b[2J\xff\0z", 20), "a\\u{1b}[2J\\xff\\u{0}z");
        assert_eq!(name("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(list_names(&["a\nb".to_owned(), "\x07".to_owned()], "none"), "are a; b, \\u{7}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(excerpt("ab\u{e9}cd".as_bytes(), 3), "ab… (6 bytes in all)");
    }
}
