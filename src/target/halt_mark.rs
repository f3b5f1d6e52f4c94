//! Whether a target has been halted during a call that takes several commands.

use super::{Target, TargetStatus, status};
use crate::command::Script;
use crate::error::{Result, TargetError};
use crate::types::TargetState;
use crate::wire::number::flag;
use crate::wire::tcl;

/// A mark on the present halt of a target. It is gone once the target has run, also if the target
/// is halted again by then.
#[derive(Debug)]
pub(crate) struct HaltMark {
    operation: &'static str,
    mark: String,
}

impl HaltMark {
    /// The mark that the procedure `mark_halt` returned, with a status from the same moment.
    pub(crate) fn of(operation: &'static str, status: &TargetStatus, mark: &str) -> Result<Self> {
        must_be_halted(status, operation)?;
        Ok(HaltMark { operation, mark: mark.to_owned() })
    }

    /// Checks that the target is halted, and has been since the mark was made.
    pub(crate) fn check(&self, target: &Target<'_>) -> Result<()> {
        let request = target.request(Script::call("halt_lasts").word(&self.mark)).shown("poll");
        let request = request.expecting("a target's status, and 1 or 0");
        let (status, lasts) = target.session().ask_or(&request, TargetError::Poll, |reply| {
            let [status_list, lasts] = tcl::elements(reply).take_array()?;
            Some((status(&status_list)?, flag(tcl::text(&lasts)?)?))
        })?;
        must_be_halted(&status, self.operation)?;
        if lasts {
            return Ok(());
        }
        Err(TargetError::Resumed { operation: self.operation, target: status.name }.into())
    }
}

impl Target<'_> {
    /// Marks the halt of this target, which must be halted.
    pub(crate) fn mark_halt(&self, operation: &'static str) -> Result<HaltMark> {
        let request = self.request(Script::call("mark_halt")).shown("poll");
        let request = request.expecting("a target's status and a mark");
        let (status, mark) = self.session().ask_or(&request, TargetError::Poll, |reply| {
            let [status_list, mark] = tcl::elements(reply).take_array()?;
            Some((status(&status_list)?, tcl::text(&mark)?.to_owned()))
        })?;
        HaltMark::of(operation, &status, &mark)
    }
}

pub(crate) fn must_be_halted(status: &TargetStatus, operation: &str) -> Result<()> {
    if status.state == TargetState::Halted {
        return Ok(());
    }
    let (operation, target) = (operation.to_owned(), status.name.clone());
    Err(TargetError::NotHalted { operation, target, state: status.state, failure: None }.into())
}
