//! Text for people: excerpts of what came from OpenOCD or from a caller, safe to print on one line.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

/// The beginning of `bytes` on one line.
///
/// White space at the ends is dropped, line breaks become `; `, control characters and bytes that
/// are not UTF-8 are escaped. A line that is there several times is shown once, with its number. Text
/// of more than `limit` bytes is cut, with a note of its length.
pub(crate) fn excerpt(bytes: &[u8], limit: usize) -> String {
    let whole = bytes.trim_ascii();
    let folded = fold_repeats(whole);
    let bytes = folded.as_deref().unwrap_or(whole);
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
        let _ = write!(text, "… ({} bytes in all)", whole.len());
    }
    text
}

/// The text with each line once, where it is first, and with its number; `None` if no line is there
/// twice.
///
/// A target or a probe that is lost makes OpenOCD log the same few lines again and again, in no fixed
/// order.
fn fold_repeats(bytes: &[u8]) -> Option<Vec<u8>> {
    let lines = bytes.split(|&byte| byte == b'\n' || byte == b'\r').map(<[u8]>::trim_ascii_end);
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    let mut order = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let count = counts.entry(line).or_default();
        *count += 1;
        if *count == 1 {
            order.push(line);
        }
    }
    if counts.values().all(|&count| count == 1) {
        return None;
    }
    let folded = order.into_iter().map(|line| match counts.get(line) {
        Some(&count) if count > 1 => [line, format!(" ({count} times)").as_bytes()].concat(),
        _ => line.to_vec(),
    });
    Some(folded.collect::<Vec<_>>().join(&b'\n'))
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

/// A target in a sentence: `target stm32f1x.cpu`, or `the target` where its name is not known.
pub(crate) fn target(name: &str) -> String {
    if name == "the target" { name.to_owned() } else { format!("target {}", self::name(name)) }
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

/// `s 1 to 2 and 5`, ` 3`: what follows the name of what is counted.
pub(crate) fn ranges(ranges: &[std::ops::RangeInclusive<u32>]) -> String {
    let is_one = matches!(ranges, [range] if range.start() == range.end());
    let ranges = ranges.iter().map(|range| match (range.start(), range.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first} to {last}"),
    });
    let ranges: Vec<_> = ranges.collect();
    format!("{} {}", if is_one { "" } else { "s" }, comma_separated(&ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_named_if_its_name_is_known() {
        assert_eq!([target("chip.cpu"), target("the target")], ["target chip.cpu", "the target"]);
    }

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
    fn repeated_lines_are_shown_once() {
        assert_eq!(excerpt(b"a\na\n\na\nb\n", 99), "a (3 times); b");
        assert_eq!(excerpt(b"x\na\nb\na\na\nb\n", 99), "x; a (3 times); b (2 times)");
        let sticky = "Invalid ACK (7) in DAP response\nJTAG-DP STICKY ERROR\n".repeat(5);
        let folded = "Invalid ACK (7) in DAP response (5 times); JTAG-DP STICKY ERROR (5 times)";
        assert_eq!(excerpt(sticky.as_bytes(), 300), folded);
        let note = excerpt("a\nb\n".repeat(1000).as_bytes(), 5);
        assert_eq!(note, "a (10… (3999 bytes in all)");
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
