//! Reading runs of elements, many with one command.

use std::fmt::Write as _;

use super::plan::{MOST_AT_ONCE, Run};
use crate::command::Request;
use crate::error::{Error, Failure, Result, TargetError};
use crate::parse::memory::decode;
use crate::target::Target;
use crate::tcl;

/// Reads runs, as many as possible with one command. One that fails does not stop the rest.
pub(super) fn read(target: Target<'_>, runs: &[Run]) -> Result<Vec<Result<Vec<u64>, Box<Failure>>>> {
    let mut readings = Vec::with_capacity(runs.len());
    let mut rest = runs;
    while !rest.is_empty() {
        let mut elements = 0;
        let fitting = rest.iter().take_while(|run| {
            elements += run.count;
            elements <= MOST_AT_ONCE
        });
        let (now, later) = rest.split_at(fitting.count().max(1));
        read_at_once(target, now, &mut readings)?;
        rest = later;
    }
    Ok(readings)
}

fn read_at_once(target: Target<'_>, runs: &[Run], readings: &mut Vec<Result<Vec<u64>, Box<Failure>>>) -> Result<()> {
    let mut script = String::from("_openocd_rs_1_read_runs {");
    for run in runs {
        let _ = write!(script, "{{{:#x} {} {}}} ", run.address, run.bits, run.count);
    }
    script.push('}');
    let request = target.request(script).shown(runs.first().map_or_else(String::new, command));
    target.session().run(&request, |reply| {
        let answer = reply.success(&request).map_err(|failure| Error::refused(failure, Error::from_failure))?;
        let mut answers = tcl::elements(answer);
        for run in runs {
            let reading = answers.next().and_then(Result::ok).and_then(|reading| outcome(run, &reading));
            readings.push(reading.ok_or_else(|| unexpected(&request, answer))?);
        }
        Ok(())
    })?
}

fn command(run: &Run) -> String {
    format!("read_memory {:#x} {} {}", run.address, run.bits, run.count)
}

/// `CODE RESULT LOG` of a run.
fn outcome(run: &Run, reading: &[u8]) -> Option<Result<Vec<u64>, Box<Failure>>> {
    let [code, result, log] = tcl::elements(reading).take_array()?;
    let code = std::str::from_utf8(&code).ok()?.parse().ok()?;
    if code != 0 {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        return Some(Err(Box::new(Failure::new(command(run), code, text(&result), text(&log)))));
    }
    let mut values = vec![0; run.count];
    if run.bits == 64 {
        crate::memory::decode_halves(&result, &mut values)?;
    } else {
        decode(&result, &mut values)?;
        if values.iter().any(|value| value >> run.bits != 0) {
            return None;
        }
    }
    Some(Ok(values))
}

fn unexpected(request: &Request<'_>, answer: &[u8]) -> Error {
    let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(answer).into_owned());
    TargetError::UnexpectedReply { command, expected: "the outcome of each read", reply }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_runs() {
        let run = Run { address: 0, bits: 16, count: 2 };
        assert_eq!(outcome(&run, b"0 {0x1 0xffff} {}").unwrap().unwrap(), [1, 0xffff]);
        let failure = outcome(&run, b"-107 {} {bus fault}").unwrap().unwrap_err();
        assert_eq!((failure.code(), failure.message()), (-107, "bus fault"));
        for invalid in ["", "0", "0 {0x1} {}", "0 {0x1 0x10000} {}", "x {0x1 0x2} {}"] {
            assert!(outcome(&run, invalid.as_bytes()).is_none(), "{invalid:?}");
        }
    }
}
