//! How a run ended: the verdict, the exit status and whose it is, the crash.

use std::fmt;

use openocd::crash::{Backtrace as Calls, CortexMState};
use openocd::{CrashReport, HaltReason, RunOutcome, Target, TargetState, Verdict};
use serde::Serialize;

use super::output::Sink;
use super::{Backtrace, Runner};
use crate::crash::unless_it_runs;
use crate::exit_status;
use crate::failure::Outcome;
use crate::output::{Done, Output, Whose};

/// Why the target halts where the firmware has no breakpoint instruction.
const FOREIGN_BREAKPOINT: &str = "OpenOCD has a breakpoint there, which is not of this run: `ocd bp list` lists them, `ocd bp remove --all` removes them";

/// Why a place of `--until` may not count.
const BEGINS_THERE: &str = "the run begins at the place of --until, which counts only when it is reached again";

/// Whether OpenOCD's list has a breakpoint at an address. Those of the run are gone at its end.
fn has_breakpoint(target: &Target<'_>, address: u64) -> bool {
    target.breakpoints().list().is_ok_and(|list| list.iter().any(|breakpoint| breakpoint.address == address))
}

/// What a run came to.
#[derive(Serialize)]
pub(super) struct Ending {
    #[serde(skip)]
    pub(super) status: u8,
    #[serde(skip)]
    whose: Whose,
    /// One line: why the run ended.
    pub(super) reason: String,
    verdict: Verdict,
    elapsed_seconds: f64,
    /// Output that is not in the result: it was printed.
    crash: Option<CrashReport>,
    backtrace: Option<Calls>,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Ending {
    /// `begins_at_place` says that a place of `--until` is where the run began.
    pub(super) fn of(
        runner: &Runner,
        target: &Target<'_>,
        sink: &Sink<'_>,
        outcome: RunOutcome,
        begins_at_place: bool,
    ) -> Outcome<Ending> {
        let firmware = &runner.firmware;
        let is_halted = outcome.status.state == TargetState::Halted;
        // A halt that nobody asked for may be in the handler of a fault that was not caught.
        let may_be_crash = matches!(outcome.verdict, Verdict::Crash { .. } | Verdict::Lockup | Verdict::Halt(_));
        let crash = if is_halted && may_be_crash { unless_it_runs(target.crash_report())? } else { None };
        let is_crash = matches!(outcome.verdict, Verdict::Crash { .. } | Verdict::Lockup)
            || crash.as_ref().and_then(CrashReport::cortex_m).is_some_and(CortexMState::is_fault);
        let crash = crash.filter(|_| is_crash);
        let wants_calls = match runner.arguments.backtrace {
            Backtrace::Always => is_halted,
            Backtrace::Auto => is_crash || matches!(outcome.verdict, Verdict::Halt(_)),
            Backtrace::Never => false,
        };
        // The file of other firmware says nothing of what is where.
        let is_described = !sink.is_other_firmware;
        let place = |address| if is_described { firmware.place(address) } else { format!("{address:#010x}") };
        let calls = if wants_calls && is_described { unless_it_runs(target.backtrace(&firmware.image))? } else { None };

        let signal = runner.signals.caught();
        let (status, whose, reason) = match &outcome.verdict {
            _ if sink.found.is_some() => {
                let line = sink.found.as_deref().unwrap_or_default();
                (exit_status::DONE, Whose::Ocd, format!("the line came: {line}"))
            }
            Verdict::Exit { status, .. } => {
                exit(*status, runner.arguments.until_line.is_some(), !runner.arguments.until.is_empty())
            }
            Verdict::Breakpoint { address } => {
                (exit_status::DONE, Whose::Ocd, format!("the firmware reached {}", place(*address)))
            }
            Verdict::Lockup => (exit_status::CRASH, Whose::Ocd, "the firmware locked up".to_owned()),
            Verdict::Crash { .. } | Verdict::Halt(_) if is_crash => {
                let summary = crash.as_ref().map(CrashReport::summary).unwrap_or_default();
                (exit_status::CRASH, Whose::Ocd, format!("the firmware crashed: {summary}"))
            }
            Verdict::Halt(reason) => {
                let pc = outcome.pc().map(|pc| format!(" at {}", place(pc))).unwrap_or_default();
                (exit_status::FAILED, Whose::Ocd, format!("the target halted{pc} ({reason})"))
            }
            Verdict::Stopped => (signal.unwrap_or(exit_status::FAILED), Whose::Ocd, "interrupted".to_owned()),
            Verdict::Deadline => (exit_status::TIMEOUT, Whose::Ocd, "the time is over".to_owned()),
            other => (exit_status::FAILED, Whose::Ocd, other.to_string()),
        };
        let is_awaited = [exit_status::TIMEOUT, exit_status::UNMET].contains(&status);
        let needs_rtt = runner.rtt.is_none() && sink.may_lack_rtt(runner.arguments.until_line.is_some());
        let help = match (&outcome.verdict, outcome.pc()) {
            (Verdict::Halt(HaltReason::Breakpoint), Some(pc)) if has_breakpoint(target, pc) => {
                Some(FOREIGN_BREAKPOINT.to_owned())
            }
            _ if is_awaited && begins_at_place => Some(BEGINS_THERE.to_owned()),
            _ if is_awaited && needs_rtt && !firmware.is_test => Some(firmware.without_rtt()),
            _ => None,
        };
        let elapsed_seconds = outcome.elapsed.as_secs_f64();
        // For the library, whoever took the line has stopped the run.
        let verdict = sink.found.clone().map_or(outcome.verdict, Verdict::Line);
        Ok(Ending { status, whose, reason, verdict, elapsed_seconds, crash, backtrace: calls, help })
    }

    /// Tells people and programs.
    pub(super) fn tell(self, output: &Output) -> Outcome<u8> {
        let status = self.status;
        self.explain(output);
        if output.is_json() {
            let whose = self.whose;
            output.done(None, &Done { report: self, status, whose })?;
            return Ok(status);
        }
        output.note(None, format_args!("{} (exit status {status}, {})", self.reason, self.whose));
        Ok(status)
    }

    /// Whether there is more to tell people than the reason.
    pub(super) fn needs_explanation(&self) -> bool {
        self.crash.is_some() || self.backtrace.is_some() || self.help.is_some()
    }

    /// The crash and the calls, for people.
    pub(super) fn explain(&self, output: &Output) {
        if let Some(crash) = &self.crash {
            output.note(None, crash);
        }
        if let Some(calls) = &self.backtrace {
            output.note(None, calls);
        }
        if let Some(help) = &self.help {
            output.note(None, format_args!("help: {help}"));
        }
    }

    /// The status with which the firmware exited by itself.
    pub(super) fn exited(&self) -> Option<i32> {
        match self.verdict {
            Verdict::Exit { status, .. } => Some(status),
            _ => None,
        }
    }
}

/// The exit status for a status of the firmware: its low byte, as a shell would see it. No failure
/// becomes 0 by that.
pub(crate) fn as_exit_status(status: i32) -> u8 {
    match u8::try_from(status & 0xff) {
        Ok(0) if status != 0 => 1,
        low => low.unwrap_or(1),
    }
}

/// How a command ends whose firmware has exited: the exit status, whose it is, and the reason. What
/// was waited for has not come, so the firmware's success is none here.
pub(crate) fn exit(status: i32, waits_for_line: bool, waits_for_place: bool) -> (u8, Whose, String) {
    let reason = format!("the firmware exited with status {status}");
    let missing = match (waits_for_line, waits_for_place) {
        _ if status != 0 => None,
        (true, true) => Some("neither the line of --until-line nor the place of --until came"),
        (true, false) => Some("the line of --until-line did not come"),
        (false, true) => Some("the place of --until was not reached"),
        (false, false) => None,
    };
    match missing {
        Some(missing) => (exit_status::UNMET, Whose::Ocd, format!("{reason}, but {missing}")),
        None => (as_exit_status(status), Whose::Firmware, reason),
    }
}

/// The reason, for [`Done`].
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
