//! The commands of an SVF file: which of them OpenOCD would run in another way than they are
//! written.
//!
//! OpenOCD reads numbers by `atoi` and `atof` (`svf_run_command` in `src/svf/svf.c`): what is no
//! number is 0 for it, and what does not fit is something else. So all of a file is checked by the
//! grammar of the specification before OpenOCD gets any of it.

mod number;
mod scan;
mod states;

use super::OneTap;
use crate::error::text::excerpt;
use crate::types::TapState;
use scan::Scans;

/// Why a command cannot be played, as the end of a sentence about it.
pub(super) type Problem = String;

/// Checks the commands of one file in their order.
#[derive(Debug, Default)]
pub(super) struct Commands {
    scans: Scans,
    /// Where the TAPs are, if only STATE has moved them.
    at: Option<TapState>,
}

impl Commands {
    /// `tap`: the TAP, if the file is for one and not for the whole chain.
    pub(super) fn new(tap: Option<OneTap>) -> Self {
        // OpenOCD begins a file with a reset of the TAPs.
        Commands { scans: Scans::new(tap), at: Some(TapState::TestLogicReset) }
    }

    /// Whether there was a header or a trailer.
    pub(super) fn have_surroundings(&self) -> bool {
        self.scans.have_surroundings()
    }

    /// Checks the next command, without its semicolon. Returns the commands that are to be played
    /// in its place, so that OpenOCD does what the command says; none if it can stay.
    pub(super) fn check(&mut self, command: &str) -> Result<Vec<String>, Problem> {
        let words = words(command);
        // OpenOCD has room for 256 words, and writes behind it (`argus` in svf_run_command).
        if words.len() > LARGEST_COMMAND {
            return Err(format!("has more than {LARGEST_COMMAND} words"));
        }
        let Some((name, words)) = words.split_first() else { return Ok(Vec::new()) };
        let name = name.to_ascii_uppercase();
        if matches!(&*name, "SDR" | "SIR" | "RUNTEST" | "TRST") {
            self.at = None;
        }
        match &*name {
            "RUNTEST" => return Ok(run_test(words)?.into_iter().collect()),
            "FREQUENCY" => frequency(words)?,
            "STATE" => return states::check(words, &mut self.at),
            "ENDDR" | "ENDIR" => match words {
                [state] => stable(state)?,
                _ => return Err("does not have exactly one state".to_owned()),
            },
            "TRST" => match words {
                [mode] if is_one_of(mode, &["ON", "OFF", "Z", "ABSENT"]) => {}
                _ => return Err("does not have one of ON, OFF, Z and ABSENT".to_owned()),
            },
            "PIO" | "PIOMAP" => return Err(format!("is {name}, which OpenOCD does not support")),
            other => match scan::kind(other) {
                Some(kind) => return Ok(self.scans.check(kind, words)?.into_iter().collect()),
                None => return Err(format!("is `{}`, which is no command of SVF", short(&name))),
            },
        }
        Ok(Vec::new())
    }
}

const LARGEST_COMMAND: usize = 255;

/// Splits a command as OpenOCD does: at blanks and parentheses. What is in parentheses is one word
/// with them.
fn words(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = command.trim_start();
    while !rest.is_empty() {
        let end = if rest.starts_with('(') {
            rest.find(')').map(|end| end + 1)
        } else {
            rest.find(|c: char| c == '(' || c.is_ascii_whitespace())
        };
        let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word);
        rest = behind.trim_start();
    }
    words
}

fn is_one_of(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(word))
}

fn short(word: &str) -> String {
    excerpt(word.as_bytes(), 40)
}

/// The states in which a TAP can stay, as SVF has them. `RUN/IDLE` is OpenOCD's name.
const STABLE: [&str; 5] = ["RESET", "IDLE", "RUN/IDLE", "DRPAUSE", "IRPAUSE"];
fn stable(state: &str) -> Result<(), Problem> {
    if is_one_of(state, &STABLE) {
        return Ok(());
    }
    Err(format!("has `{}` where one of the stable states RESET, IDLE, DRPAUSE and IRPAUSE belongs", short(state)))
}

/// `FREQUENCY [cycles HZ]`.
fn frequency(words: &[&str]) -> Result<(), Problem> {
    match words {
        [] => Ok(()),
        [cycles, unit] if is_one_of(unit, &["HZ"]) => number::frequency(cycles),
        _ => Err("is not of the form FREQUENCY, a number, HZ".to_owned()),
    }
}

/// `RUNTEST [run_state] run_count run_clk [min_time SEC [MAXIMUM max_time SEC]] [ENDSTATE state]`,
/// or the same without `run_count run_clk` but with a time.
fn run_test(words: &[&str]) -> Result<Option<String>, Problem> {
    let mut rest = words;
    if let [state, behind @ ..] = rest {
        if states::state(state).is_some() {
            stable(state)?;
            rest = behind;
        }
    }
    let mut is_run = false;
    if let [count, unit, behind @ ..] = rest {
        if is_one_of(unit, &["TCK"]) {
            number::clocks(count)?;
            (is_run, rest) = (true, behind);
        } else if is_one_of(unit, &["SCK"]) {
            return Err("has the clock SCK, which OpenOCD does not support".to_owned());
        }
    }
    let mut waits_less = None;
    if let [time, unit, behind @ ..] = rest {
        if is_one_of(unit, &["SEC"]) {
            let least = number::seconds(time)?;
            waits_less = (least > 0.0 && least < number::SHORTEST_WAIT).then_some(words.len() - rest.len());
            (is_run, rest) = (true, behind);
            if let [maximum, time, unit, behind @ ..] = rest {
                if is_one_of(maximum, &["MAXIMUM"]) && is_one_of(unit, &["SEC"]) {
                    if number::seconds(time)? < least {
                        return Err("has a MAXIMUM below its least time".to_owned());
                    }
                    rest = behind;
                }
            }
        }
    }
    if let [name, state, behind @ ..] = rest {
        if is_one_of(name, &["ENDSTATE"]) {
            stable(state)?;
            rest = behind;
        }
    }
    if let Some(word) = rest.first() {
        return Err(format!("has `{}` where it should end or be followed by TCK, SEC or a state", short(word)));
    }
    if !is_run {
        return Err("has neither a number of clocks nor a time".to_owned());
    }
    // OpenOCD would not wait at all.
    Ok(waits_less.map(|at| {
        let words: Vec<_> =
            words.iter().enumerate().map(|(n, word)| if n == at { "0.000001" } else { *word }).collect();
        format!("RUNTEST {}", words.join(" "))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str) -> Result<Option<String>, Problem> {
        Commands::new(None).check(command).map(|mut played| played.pop())
    }

    #[test]
    fn words_end_at_blanks_and_parentheses() {
        assert_eq!(words(" SDR 8 TDI(0 1)TDO (2)  MASK(3"), ["SDR", "8", "TDI", "(0 1)", "TDO", "(2)", "MASK", "(3"]);
        assert!(words("  ").is_empty());
    }

    #[test]
    fn a_command_is_refused_with_what_is_wrong_with_it() {
        for (command, problem) in [
            ("RUNTEST 0,3 SEC", "has `0,3` where a time in seconds belongs"),
            ("RUNTEST junk TCK", "has `junk` where a number of clocks belongs, at most 2147483647"),
            ("RUNTEST 4294.967296 SEC", "has the time 4294.967296 s, and OpenOCD waits for less than 4294.967 s"),
            ("FREQUENCY 500 HZ", "has the frequency 500 Hz, and OpenOCD can set 1 kHz to 2 GHz"),
            ("RUNTEST 5 SCK", "has the clock SCK, which OpenOCD does not support"),
            ("FROB", "is `FROB`, which is no command of SVF"),
            ("SDR 8 TDI (1ff)", "has the TDI `1ff`, which exceeds 8 bits"),
        ] {
            assert_eq!(check(command), Err(problem.to_owned()), "{command}");
        }
        assert!(check(&format!("STATE {}", "IDLE ".repeat(255))).is_err());
        assert_eq!(check(&format!("STATE {}", "IDLE ".repeat(254))), Ok(None));
    }

    #[test]
    fn a_time_that_openocd_would_take_for_none_is_played_as_a_microsecond() {
        assert_eq!(
            check("RUNTEST IDLE 5 TCK 1E-7 SEC ENDSTATE IDLE"),
            Ok(Some("RUNTEST IDLE 5 TCK 0.000001 SEC ENDSTATE IDLE".to_owned()))
        );
        assert_eq!(check("RUNTEST 0 SEC"), Ok(None));
        assert_eq!(check("RUNTEST 1E-6 SEC"), Ok(None));
    }
}
