//! The table in a terminal that is drawn anew for each sample.

use std::fmt::Write as _;

use openocd::SampleValue;

use super::Moment;
use crate::output::escape::escaped_line;

/// How many variables are shown: all lines must fit a terminal of 24, or moving up would fail.
const MOST_ROWS: usize = 20;

/// The longest line: a line that wraps is two.
const MOST_COLUMNS: usize = 79;

/// How many columns the names and the meanings of values keep, while least and greatest values fit.
const SHORTEST_NAME: usize = 16;
const SHORTEST_MEANING: usize = 10;

/// The longest decimal number that is written out: a u64. An f64 may have 300 digits.
const LONGEST_NUMBER: usize = 20;

/// Least and greatest value so far.
type Extremes = Option<(SampleValue, SampleValue)>;

pub(super) struct Screen {
    extremes: Vec<Extremes>,
    /// How many lines are on the terminal already.
    drawn: usize,
}

impl Screen {
    pub(super) fn new(variables: usize) -> Self {
        Screen { extremes: vec![None; variables], drawn: 0 }
    }

    /// The text that replaces the table of the sample before.
    pub(super) fn draw(&mut self, sample: &Moment<'_>) -> String {
        let mut rows = vec![["", "value", "", "min", "max"].map(str::to_owned)];
        for ((watched, &value), extremes) in sample.watched.iter().zip(&sample.values).zip(&mut self.extremes) {
            let (min, max) = extremes.unwrap_or((value, value));
            let (min, max) = (if value < min { value } else { min }, if value > max { value } else { max });
            *extremes = Some((min, max));
            let (name, meaning) = (escaped_line(&watched.variable.name), escaped_line(&watched.meaning(value)));
            rows.push([name, number(value), meaning, number(min), number(max)]);
        }
        let hidden = (rows.len() - 1).saturating_sub(MOST_ROWS);
        rows.truncate(MOST_ROWS + 1);
        let mut lines = aligned(&rows);
        if hidden > 0 {
            lines.push(format!("and {hidden} more, which JSON and CSV have"));
        }
        lines.push(format!("{:.1} s, Ctrl-C ends", sample.at.as_secs_f64()));
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        for line in &lines {
            // What is left of a longer line is erased.
            let _ = write!(text, "\r{}\x1b[K\r\n", line.trim_end());
        }
        self.drawn = lines.len();
        text
    }
}

fn number(value: SampleValue) -> String {
    let text = value.to_string();
    match value {
        SampleValue::F32(value) if text.len() > LONGEST_NUMBER => format!("{value:e}"),
        SampleValue::F64(value) if text.len() > LONGEST_NUMBER => format!("{value:e}"),
        _ => text,
    }
}

/// Names to the left, numbers to the right. What is too long for a line is a name or a meaning, and
/// shows it: a part of a number would be another number. If that is not enough, least and greatest
/// values are left out.
fn aligned(rows: &[[String; 5]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [mut w0, w1, mut w2, w3, w4] = [0, 1, 2, 3, 4].map(width);
    let gaps = 2;
    let has_extremes = w0.min(SHORTEST_NAME) + w1 + w2.min(SHORTEST_MEANING) + w3 + w4 + 4 * gaps <= MOST_COLUMNS;
    let numbers = w1 + 2 * gaps + if has_extremes { w3 + w4 + 2 * gaps } else { 0 };
    let room = MOST_COLUMNS.saturating_sub(numbers);
    w0 = w0.min(room.saturating_sub(w2).max(SHORTEST_NAME));
    w2 = w2.min(room.saturating_sub(w0));
    let line = |[name, value, meaning, min, max]: &[String; 5]| {
        let (name, meaning) = (shortened(name, w0), shortened(meaning, w2));
        let line = format!("{name:w0$}  {value:>w1$}  {meaning:w2$}");
        if has_extremes { format!("{line}  {min:>w3$}  {max:>w4$}") } else { line }
    };
    rows.iter().map(line).collect()
}

/// The beginning and the end of a text that is longer than `width`.
fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let left = width.saturating_sub(1);
    let begin = left / 3;
    let end = text.chars().skip(length - (left - begin));
    text.chars().take(begin).chain(['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_fits_and_has_whole_numbers() {
        let row = |texts: [&str; 5]| texts.map(str::to_owned);
        let long = "app::module::".repeat(10) + "COUNTER";
        let lines =
            aligned(&[row(["", "value", "", "min", "max"]), row([&long, "4294967295", "0xffffffff", "1", "23"])]);
        assert_eq!(lines[1].chars().count(), MOST_COLUMNS);
        assert!(lines[1].starts_with("app::") && lines[1].contains("…"), "{lines:#?}");
        assert!(lines[1].contains("COUNTER  4294967295  0xffffffff    1   23"), "{lines:#?}");
        let number = "1".repeat(LONGEST_NUMBER);
        let lines = aligned(&[row([&long, &number, "a meaning of more words than fit", &number, &number])]);
        assert!(lines[0].chars().count() <= MOST_COLUMNS && lines[0].matches(&number).count() == 1, "{lines:#?}");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(SampleValue::F32(4.965_23e28)), "4.96523e28");
        assert_eq!(number(SampleValue::F64(-f64::MAX)), "-1.7976931348623157e308");
        assert_eq!(number(SampleValue::F64(0.1)), "0.1");
        assert_eq!(number(SampleValue::Signed(i64::MIN)), "-9223372036854775808");
    }
}
