//! Breakpoints that are refused before anything is set.

use super::BreakpointKind;
use super::survey::Survey;
use crate::error::{BreakpointError, InvalidArgument, Result};
use crate::types::StopPoint;

/// Refuses what no target can have.
pub(super) fn check_place(address: u64, length: Option<u32>, kind: BreakpointKind) -> Result<()> {
    if length == Some(0) {
        return Err(invalid("length of a breakpoint", "at least 1", "0"));
    }
    match kind {
        BreakpointKind::Context { asid: 0 } | BreakpointKind::Hybrid { asid: 0 } => {
            Err(invalid("address space identifier", "at least 1: OpenOCD takes 0 for none", "0"))
        }
        BreakpointKind::Context { .. } if address != 0 => {
            Err(invalid("address of a context breakpoint", "0: it has none", format!("{address:#010x}")))
        }
        BreakpointKind::Hybrid { .. } if address == 0 => {
            Err(invalid("address of a hybrid breakpoint", "another than 0, which OpenOCD takes for none", "0"))
        }
        _ => Ok(()),
    }
}

/// Refuses what the target cannot have. Of a Cortex-M OpenOCD refuses some of it with the number of
/// "no comparator".
pub(super) fn check_target(survey: &Survey, length: Option<u32>, kind: BreakpointKind) -> Result<()> {
    if matches!(kind, BreakpointKind::Context { .. } | BreakpointKind::Hybrid { .. }) {
        survey.must_have_contexts(kind.stop_point())?;
    }
    match length {
        Some(length) if survey.is_cortex_m() && !matches!(length, 2 | 3) => {
            Err(invalid("length of a breakpoint", "2 or 3 on a Cortex-M", length))
        }
        _ => Ok(()),
    }
}

/// Refuses a place that has a breakpoint. 0.12.0 would also set a software breakpoint across
/// another one, and restore the wrong instruction later; and in memory that two targets share every
/// version takes a second software breakpoint, and restores the first one's instruction, which is a
/// breakpoint.
pub(super) fn refuse_taken(survey: &Survey, address: u64, length: u32, kind: BreakpointKind) -> Result<()> {
    let target = || survey.target.clone();
    if let BreakpointKind::Context { asid } = kind {
        if survey.breakpoints.iter().any(|listed| listed.kind == kind) {
            return Err(BreakpointError::Duplicate {
                what: StopPoint::Context,
                address: asid.into(),
                target: target(),
            }
            .into());
        }
        return Ok(());
    }
    let listed = || survey.all().map(|(_, listed)| listed);
    let placed = || listed().filter(|listed| !matches!(listed.kind, BreakpointKind::Context { .. }));
    // Several hybrid breakpoints for different contexts may be at one address.
    let may_share = |other: BreakpointKind| match (other, kind) {
        (BreakpointKind::Hybrid { asid: one }, BreakpointKind::Hybrid { asid: other }) => one != other,
        _ => false,
    };
    if placed().any(|listed| listed.address == address && !may_share(listed.kind)) {
        return Err(BreakpointError::Duplicate { what: StopPoint::Breakpoint, address, target: target() }.into());
    }
    let overlapping = placed().find(|listed| {
        let (own_last, other_last) = (last(address, length), last(listed.address, listed.length));
        kind == BreakpointKind::Software && address <= other_last && listed.address <= own_last
    });
    match overlapping {
        Some(other) => {
            let (other_address, other_length) = (other.address, other.length);
            Err(BreakpointError::Overlap { address, length, other_address, other_length }.into())
        }
        None => Ok(()),
    }
}

fn last(address: u64, length: u32) -> u64 {
    address.saturating_add(u64::from(length.max(1)) - 1)
}

fn invalid(argument: &'static str, expected: &'static str, given: impl ToString) -> crate::error::Error {
    BreakpointError::from(InvalidArgument::new(argument, expected, given)).into()
}
