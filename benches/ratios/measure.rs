//! Two ways to do the same, measured side by side, and the table of what came out.

use std::fmt;
use std::time::{Duration, Instant};

/// What a ratio should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// Ours takes at most this many times the baseline.
    AtMost(f64),
    /// Ours is at least this many times as fast as the baseline.
    AtLeast(f64),
}

/// The rows so far; each is printed when it is there.
pub(crate) struct Table {
    wanted: Vec<String>,
    missed: Vec<String>,
    rows: usize,
}

impl Table {
    pub(crate) fn new(wanted: Vec<String>) -> Table {
        Table { wanted, missed: Vec::new(), rows: 0 }
    }

    /// Whether a case of this name was asked for.
    pub(crate) fn wants(&self, case: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| case.contains(word.as_str()))
    }

    /// Runs ours and the baseline in turn and adds the row of their medians.
    pub(crate) fn time(
        &mut self,
        case: &str,
        rounds: usize,
        goal: Goal,
        mut ours: impl FnMut(),
        mut baseline: impl FnMut(),
    ) {
        if !self.wants(case) {
            return;
        }
        let time = |run: &mut dyn FnMut()| {
            let begin = Instant::now();
            run();
            begin.elapsed()
        };
        // Once for the caches.
        ours();
        baseline();
        let (mut own, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            own.push(time(&mut ours));
            bare.push(time(&mut baseline));
        }
        self.durations(case, goal, median(own), median(bare));
    }

    /// Adds a row of two times.
    pub(crate) fn durations(&mut self, case: &str, goal: Goal, ours: Duration, baseline: Duration) {
        let ratio = ours.as_secs_f64() / baseline.as_secs_f64();
        self.row(case, goal, &format!("{ours:.1?}"), &format!("{baseline:.1?}"), ratio);
    }

    /// Adds a row; the ratio is ours to baseline in what the case measures.
    pub(crate) fn row(&mut self, case: &str, goal: Goal, ours: &str, baseline: &str, ratio: f64) {
        if self.rows == 0 {
            print_line(&["case", "ours", "baseline", "ratio", "target", ""]);
            print_line(&["---"; 6]);
        }
        self.rows += 1;
        let (shown, holds) = match goal {
            Goal::AtMost(limit) => (ratio, ratio <= limit),
            Goal::AtLeast(limit) => (1.0 / ratio, 1.0 / ratio >= limit),
        };
        let verdict = if holds { "holds" } else { "missed" };
        print_line(&[case, ours, baseline, &format!("{shown:.3}"), &goal.to_string(), verdict]);
        if !holds {
            self.missed.push(case.to_owned());
        }
    }

    pub(crate) fn finish(self) {
        println!("\n{} of {} hold", self.rows - self.missed.len(), self.rows);
        for case in self.missed {
            println!("missed: {case}");
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtMost(limit) => write!(f, "≤ {limit:.3} ×"),
            Goal::AtLeast(limit) => write!(f, "≥ {limit:.2} × faster"),
        }
    }
}

/// Markdown, so that the table can be pasted into the guide.
fn print_line(cells: &[&str; 6]) {
    let [case, ours, baseline, ratio, target, verdict] = cells;
    println!("| {case:<58} | {ours:>9} | {baseline:>9} | {ratio:>8} | {target:<15} | {verdict:<6} |");
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
