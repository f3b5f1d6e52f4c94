//! Reads runs of elements, many with one command.

use super::plan::{MOST_AT_ONCE, Run};
use crate::batch::{Batch, Handle};
use crate::command::{Reply, Request};
use crate::error::{Failure, Result, TargetError, UnexpectedReply};
use crate::memory::access::{ALL_ELEMENTS, decode, read_command, read_script};
use crate::memory::numbers::Element;
use crate::target::Target;

/// The values of a run, or what OpenOCD reported.
type Reading = Result<Vec<u64>, Box<Failure>>;

/// Reads runs in batches. A run that fails does not stop the others.
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
        8 => read_script::<u8>(run.address, run.count, ""),
        16 => read_script::<u16>(run.address, run.count, ""),
        32 => read_script::<u32>(run.address, run.count, ""),
        _ => read_script::<u64>(run.address, run.count, ""),
    };
    let request = Request::new(script).shown(read_command(run.address, run.bits, run.count, ""));
    batch.put(request.unpolled(), move |request, reply| outcome(&run, request, reply))
}

fn outcome(run: &Run, request: &Request<'_>, reply: &Reply<'_>) -> Result<Reading> {
    let result = match reply.success(request) {
        Ok(result) => result,
        Err(failure) => return Ok(Err(failure)),
    };
    values(run, result).map(Ok).ok_or_else(|| {
        let (command, reply) = (request.name().to_owned(), String::from_utf8_lossy(result).into_owned());
        TargetError::UnexpectedReply(UnexpectedReply { command, expected: ALL_ELEMENTS, reply }).into()
    })
}

fn values(run: &Run, result: &[u8]) -> Option<Vec<u64>> {
    match run.bits {
        8 => widened::<u8>(run, result),
        16 => widened::<u16>(run, result),
        32 => widened::<u32>(run, result),
        _ => widened::<u64>(run, result),
    }
}

fn widened<T: Element>(run: &Run, result: &[u8]) -> Option<Vec<u64>> {
    let mut values = vec![T::default(); run.count];
    decode(result, run.address, &mut values)?;
    Some(values.into_iter().map(T::to_u64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_gives_its_values_or_what_openocd_reported() {
        let run = Run { address: 0, bits: 16, count: 2 };
        let request = Request::new("mdh 0x0 2");
        let outcome = |code, result: &'static str, log: &'static str| {
            let reply = Reply { code, result: result.as_bytes().into(), log: log.as_bytes().into() };
            outcome(&run, &request, &reply)
        };
        assert_eq!(outcome(0, "0x00000000: 0001 ffff ", "").unwrap().unwrap(), [1, 0xffff]);
        let failure = outcome(-107, "", "bus fault").unwrap().unwrap_err();
        assert_eq!((failure.code(), failure.message()), (-107, "bus fault"));
        for invalid in ["", "0x00000000: 0001 ", "0x00000020: 0001 ffff ", "0x00000000: 0001 0002 0003 "] {
            assert!(outcome(0, invalid, "").is_err(), "{invalid:?}");
        }
    }
}
