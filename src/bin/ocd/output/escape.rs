//! Text that a file, a chip or OpenOCD has written, as a terminal may have it.

use std::borrow::Cow;

/// The text with control characters escaped, and with those that change the order of what is shown.
/// Line breaks and tabs stay.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(acts_on_a_terminal) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if acts_on_a_terminal(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The same, on one line.
pub(crate) fn escaped_line(text: &str) -> String {
    escaped(text).replace('\n', "\\n")
}

fn acts_on_a_terminal(character: char) -> bool {
    let reorders = matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reorders || character.is_control() && !matches!(character, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("a\tb\nc é"), "a\tb\nc é");
        assert_eq!(escaped("a\x1b[31m\r\u{9b}\u{202e}\x7f"), "a\\u{1b}[31m\\u{d}\\u{9b}\\u{202e}\\u{7f}");
        assert_eq!(escaped_line("a\nb\r"), "a\\nb\\u{d}");
    }
}
