//! Why a target sends nothing: it is halted, or its firmware has crashed. A console looks now and
//! then.

use std::time::{Duration, Instant};

use openocd::crash::CortexMState;
use openocd::{Target, TargetState};

use crate::board::Board;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// The pause between two looks.
const PERIOD: Duration = Duration::from_millis(250);

/// How long a target is halted, or in a fault handler, before people are told.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct Silence {
    /// Where the target was halted at the beginning.
    at_beginning: Option<u64>,
    looked: Instant,
    /// Where it is halted, and since when.
    halted: Option<(u64, Instant)>,
    /// Since when it runs in a fault handler.
    faulted: Option<Instant>,
    was_halt_told: bool,
    was_fault_told: bool,
}

impl Silence {
    pub(crate) fn begin(board: &Board) -> Outcome<Silence> {
        let at_beginning = halted_at(&board.target()?)?;
        let looked = Instant::now();
        Ok(Silence { at_beginning, looked, halted: None, faulted: None, was_halt_told: false, was_fault_told: false })
    }

    /// Tells of a target that is halted. Returns the crash to which the firmware came since the
    /// beginning, once.
    /// `is_served` says whether a halt at an address is a call that is answered.
    pub(crate) fn look(
        &mut self,
        output: &Output,
        board: &Board,
        is_served: impl Fn(&Target<'_>, u64) -> bool,
    ) -> Outcome<Option<Failure>> {
        if self.looked.elapsed() < PERIOD {
            return Ok(None);
        }
        self.looked = Instant::now();
        let target = board.target()?;
        let Some(pc) = halted_at(&target)? else {
            (self.halted, self.was_halt_told, self.at_beginning) = (None, false, None);
            self.look_for_fault(output, board)?;
            return Ok(None);
        };
        self.faulted = None;
        let since = match self.halted {
            Some((before, since)) if before == pc => since,
            _ => {
                (self.halted, self.was_halt_told) = (Some((pc, self.looked)), false);
                return Ok(None);
            }
        };
        if self.was_halt_told || is_served(&target, pc) {
            return Ok(None);
        }
        // It may have been resumed between two looks.
        if self.at_beginning != Some(pc) {
            // A look that fails says nothing, and what is printed goes on.
            let report = target.crash_report().ok();
            if let Some(report) = report.filter(|report| report.cortex_m().is_some_and(CortexMState::is_fault)) {
                self.was_halt_told = true;
                let message = format!("the firmware crashed: {}", report.summary());
                let failure = Failure::new(exit_status::CRASH, "ocd.crash", message);
                return Ok(Some(failure.help("`ocd crash` tells more")));
            }
        }
        if since.elapsed() >= PATIENCE {
            self.was_halt_told = true;
            let name = target.name()?;
            let text = format!("{name} is halted at {pc:#010x}, and sends nothing; `ocd resume` lets it run");
            output.warning(board.name(), &text)?;
        }
        Ok(None)
    }

    /// Tells of firmware that runs in a fault handler for long.
    fn look_for_fault(&mut self, output: &Output, board: &Board) -> Outcome<()> {
        let target = board.target()?;
        if self.was_fault_told || !target.is_crashed().unwrap_or(false) {
            self.faulted = None;
            return Ok(());
        }
        if self.faulted.get_or_insert(self.looked).elapsed() < PATIENCE {
            return Ok(());
        }
        self.was_fault_told = true;
        let name = target.name()?;
        let text = format!(
            "{name} runs in a fault handler, and may send nothing any more; `ocd halt`, then `ocd crash` tell why"
        );
        output.warning(board.name(), &text)
    }
}

fn halted_at(target: &Target<'_>) -> Outcome<Option<u64>> {
    let status = target.status()?;
    Ok(status.pc.filter(|_| status.state == TargetState::Halted))
}

/// Whether a call of semihosting is at the address: `bkpt 0xab`, or of RISC-V `ebreak` before
/// `srai zero, zero, 7`.
pub(crate) fn is_call(target: &Target<'_>, address: u64) -> bool {
    let held = |count| target.memory().read_u16_vec(address, count).unwrap_or_default();
    match held(1)[..] {
        [0xbeab] => true,
        [0x0073] => held(4) == [0x0073, 0x0010, 0x5013, 0x4070],
        _ => false,
    }
}
