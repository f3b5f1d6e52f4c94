//! What was put right or left out while a file was read.

use std::collections::HashMap;

/// The number of different messages that are kept. A sound file has none, a hostile one could have
/// millions.
const MOST_WARNINGS: usize = 1000;
/// The number of characters of a text from the file that a message shows.
const MOST_SHOWN: usize = 60;

/// Messages, each with the first place that it is about and the number of times it came.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    by_message: HashMap<String, usize>,
    list: Vec<Warning>,
    /// The number of messages that were not kept.
    left_out: usize,
}

#[derive(Debug)]
struct Warning {
    /// Byte offset in the text. `None` for what is about the description as a whole.
    offset: Option<usize>,
    times: usize,
    message: String,
}

impl Warnings {
    /// Adds a message about the element at a byte offset.
    pub(super) fn add_at(&mut self, offset: usize, message: String) {
        self.put(Some(offset), message);
    }

    /// Adds a message about the description as a whole.
    pub(super) fn add(&mut self, message: String) {
        self.put(None, message);
    }

    fn put(&mut self, offset: Option<usize>, message: String) {
        if let Some(&known) = self.by_message.get(&message) {
            self.list[known].times += 1;
        } else if self.list.len() == MOST_WARNINGS {
            self.left_out += 1;
        } else {
            self.by_message.insert(message.clone(), self.list.len());
            self.list.push(Warning { offset, times: 1, message });
        }
    }

    /// The messages with their lines, in the order of the text; those about the whole come last.
    pub(super) fn finish(mut self, text: &str) -> Vec<String> {
        self.list.sort_by_key(|warning| warning.offset.unwrap_or(usize::MAX));
        let (mut at, mut line) = (0, 1);
        let mut finished = Vec::with_capacity(self.list.len());
        for Warning { offset, times, message } in self.list {
            let Some(offset) = offset else {
                finished.push(message);
                continue;
            };
            line += memchr::memchr_iter(b'\n', &text.as_bytes()[at..offset]).count();
            at = offset;
            let again = if times > 1 { format!(" ({times} times)") } else { String::new() };
            finished.push(format!("line {line}: {message}{again}"));
        }
        if self.left_out > 0 {
            finished.push(format!("{} more warnings are not shown", self.left_out));
        }
        finished
    }
}

/// A text from the file as a message shows it: quoted, escaped, and cut when it is long.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{:?}", format!("{}…", &text[..end])),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_counted_and_come_in_the_order_of_the_text() {
        let mut warnings = Warnings::default();
        warnings.add("whole".to_owned());
        warnings.add_at(3, "b".to_owned());
        warnings.add_at(1, "a".to_owned());
        warnings.add_at(4, "b".to_owned());
        assert_eq!(warnings.finish("12\n\n5"), ["line 1: a", "line 2: b (2 times)", "whole"]);
    }

    #[test]
    fn the_number_of_warnings_is_bounded() {
        let mut warnings = Warnings::default();
        for number in 0..MOST_WARNINGS + 5 {
            warnings.add(number.to_string());
        }
        let finished = warnings.finish("");
        assert_eq!(finished.len(), MOST_WARNINGS + 1);
        assert_eq!(finished[MOST_WARNINGS], "5 more warnings are not shown");
    }

    #[test]
    fn a_long_text_is_cut_where_a_message_shows_it() {
        assert_eq!(shown("a\nb"), "\"a\\nb\"");
        assert_eq!(shown(&"µ".repeat(61)), format!("\"{}…\"", "µ".repeat(60)));
    }
}
