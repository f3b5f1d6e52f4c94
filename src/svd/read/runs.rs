//! Reading runs of elements, many with one command.

use super::plan::{MOST_AT_ONCE, Run};
use crate::batch::{Batch, Handle};
use crate::command::{Reply, Request};
use crate::error::{Failure, Result, TargetError};
use crate::parse::memory::decode;
use crate::target::Target;

/// What came of a run: its values, or OpenOCD's refusal.
type Reading = Result<Vec<u64>, Box<Failure>>;

/// Reads runs, as many in a batch as one command would read. One that fails does not stop the rest.
pub(super) fn read(target: Target<'_>, runs: &[Run]) -> Result<Vec<Reading>> {
    let mut readings = Vec::with_capacity(runs.len());
    let mut rest = runs;
    while !rest.is_empty() {
        let mut elements = 0;
        let fitting = rest.iter().take_while(|run| {
            elements += run.count;
            elements <= MOST_AT_ONCE
        });
        let (now, later) = rest.split_at(fitting.count().max(1));
        let mut batch = target.batch();
        let handles: Vec<_> = now.iter().map(|run| put(&mut batch, *run)).collect();
        batch.run()?;
        for handle in handles {
            readings.push(handle.result()?);
        }
        rest = later;
    }
    Ok(readings)
}

fn put(batch: &mut Batch<'_>, run: Run) -> Handle<Reading> {
    let script = match run.bits {
        64 => format!("_openocd_rs_1_read64 {:#x} {}", run.address, run.count),
        _ => command(&run),
    };
    let request = Request::new(script).shown(command(&run));
    batch.put(request, move |request, reply| outcome(&run, request, reply))
}

fn command(run: &Run) -> String {
    format!("read_memory {:#x} {} {}", run.address, run.bits, run.count)
}

fn outcome(run: &Run, request: &Request<'_>, reply: &Reply<'_>) -> Result<Reading> {
    let result = match reply.success(request) {
        Ok(result) => result,
        Err(failure) => return Ok(Err(failure)),
    };
    values(run, result).map(Ok).ok_or_else(|| {
        let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(result).into_owned());
        TargetError::UnexpectedReply { command, expected: "as many numbers as asked for", reply }.into()
    })
}

fn values(run: &Run, result: &[u8]) -> Option<Vec<u64>> {
    let mut values = vec![0; run.count];
    if run.bits == 64 {
        crate::memory::decode_halves(result, &mut values)?;
    } else {
        decode(result, &mut values)?;
        if values.iter().any(|value| value >> run.bits != 0) {
            return None;
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_runs() {
        let run = Run { address: 0, bits: 16, count: 2 };
        let request = Request::new("read_memory 0x0 16 2");
        let outcome = |code, result: &'static str, log: &'static str| {
            let reply = Reply { code, result: result.as_bytes().into(), log: log.as_bytes().into() };
            outcome(&run, &request, &reply)
        };
        assert_eq!(outcome(0, "0x1 0xffff", "").unwrap().unwrap(), [1, 0xffff]);
        let failure = outcome(-107, "", "bus fault").unwrap().unwrap_err();
        assert_eq!((failure.code(), failure.message()), (-107, "bus fault"));
        for invalid in ["", "0x1", "0x1 0x10000", "0x1 0x2 0x3"] {
            assert!(outcome(0, invalid, "").is_err(), "{invalid:?}");
        }
    }
}
