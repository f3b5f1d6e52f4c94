//! Whether a program that was started crashed at once.

use std::fmt;
use std::time::Duration;

use openocd::{Error, HaltReason, Target, TargetError, TargetStatus};

use crate::failure::Outcome;

/// How long a program runs before the look at whether it crashed. As the library's `program`.
const FIRST_STEPS: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Crash {
    Lockup,
    /// It handles a fault.
    Fault,
}

impl Crash {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Crash::Lockup => "ocd.lockup",
            Crash::Fault => "ocd.crash",
        }
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Crash::Lockup => "locked up",
            Crash::Fault => "crashed",
        })
    }
}

/// What a halted target tells, or `None` if another client has resumed it since it halted.
pub(crate) fn unless_it_runs<T>(told: openocd::Result<T>) -> openocd::Result<Option<T>> {
    match told {
        Err(Error::Target(TargetError::NotHalted { .. } | TargetError::Resumed { .. })) => Ok(None),
        told => told.map(Some),
    }
}

/// Looks at a target that was started.
pub(crate) fn after_start(target: &Target<'_>) -> Outcome<(TargetStatus, Option<Crash>)> {
    std::thread::sleep(FIRST_STEPS);
    let is_crashed = target.is_crashed()?;
    let status = target.status()?;
    let crash = match status.halt_reason {
        Some(HaltReason::Lockup) => Some(Crash::Lockup),
        _ if is_crashed => Some(Crash::Fault),
        _ => None,
    };
    Ok((status, crash))
}
