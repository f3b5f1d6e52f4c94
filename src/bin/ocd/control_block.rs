//! An RTT control block that is there and cannot be used: nothing comes by it.

use std::ops::Range;

use openocd::{Error, RttError, Target};

use crate::address::Names;
use crate::failure::{Failure, Outcome};

/// The id of a control block.
pub(crate) const ID: &str = "SEGGER RTT";

/// The size of the smallest one: id, two counts, no channel.
pub(crate) const SMALLEST: u64 = 24;

/// The memory to search for a control block, if it may hold one.
pub(crate) fn searched(names: &Names, range: &str) -> Outcome<Range<u64>> {
    let found = names.range(range)?;
    let length = found.end - found.start;
    if length < SMALLEST {
        let problem =
            format!("--ram {range} has {length} bytes; expected at least the {SMALLEST} bytes of a control block");
        return Err(Failure::usage(problem));
    }
    Ok(found)
}

/// Tells OpenOCD where the control block of a target is, and starts RTT. Returns what is there in
/// the place of a control block, if there is none.
pub(crate) fn start(target: &Target<'_>, range: &Range<u64>) -> openocd::Result<Result<u64, Option<String>>> {
    let size = u32::try_from(range.end - range.start).unwrap_or(u32::MAX);
    target.rtt().setup(range.start, size, ID)?;
    restart(target)
}

/// The same, where OpenOCD knows where it is.
pub(crate) fn restart(target: &Target<'_>) -> openocd::Result<Result<u64, Option<String>>> {
    match target.rtt().start() {
        Ok(address) => Ok(Ok(address)),
        Err(Error::Rtt(RttError::NoControlBlock { rejected, .. })) => {
            let first = rejected.into_iter().next();
            Ok(Err(
                first.map(|block| format!("what is at {:#010x} is no control block: {}", block.address, block.reason))
            ))
        }
        Err(error) => Err(error),
    }
}

/// What is told of firmware that has such a thing in the place of a control block.
pub(crate) fn nothing_comes(flaw: &str) -> String {
    format!("nothing came by RTT: {flaw}")
}
