//! The table in a terminal that is drawn anew for each sample.

use std::fmt::Write as _;

use openocd::SampleValue;

use super::Moment;
use crate::output::escape::escaped_line;

/// How many variables are shown: all lines must fit a terminal of 24, or moving up would fail.
const MOST_ROWS: usize = 20;

/// The longest line: a line that wraps is two.
const MOST_COLUMNS: usize = 79;

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
            let meaning = watched.meaning(value);
            rows.push([watched.variable.name.clone(), value.to_string(), meaning, min.to_string(), max.to_string()]);
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
            let shown: String = escaped_line(line).chars().take(MOST_COLUMNS).collect();
            // What is left of a longer line is erased.
            let _ = write!(text, "\r{}\x1b[K\r\n", shown.trim_end());
        }
        self.drawn = lines.len();
        text
    }
}

/// Names to the left, numbers to the right.
fn aligned(rows: &[[String; 5]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(width);
    let line = |[name, value, meaning, min, max]: &[String; 5]| {
        let [w0, w1, w2, w3, w4] = widths;
        format!("{name:w0$}  {value:>w1$}  {meaning:w2$}  {min:>w3$}  {max:>w4$}")
    };
    rows.iter().map(line).collect()
}
