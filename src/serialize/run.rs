//! What a run came to.

use serde::Serialize;

use super::serialize_as;
use crate::crash::ExceptionNumber;
use crate::run_until::{OutputSource, Verdict};
use crate::types::HaltReason;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum VerdictForm<'a> {
    Halt { reason: HaltReason },
    Crash { exception: ExceptionNumber, fault_pc: Option<u64> },
    Lockup,
    Breakpoint { address: u64 },
    Exit { status: i32, reason: u32 },
    Line { text: &'a str },
    Deadline,
    Stopped,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum OutputSourceForm {
    Output,
    Error,
    Rtt { channel: u32 },
}

serialize_as! {
    Verdict => |verdict| match verdict {
        Verdict::Halt(reason) => VerdictForm::Halt { reason: *reason },
        Verdict::Crash { exception, fault_pc } => VerdictForm::Crash { exception: *exception, fault_pc: *fault_pc },
        Verdict::Lockup => VerdictForm::Lockup,
        Verdict::Breakpoint { address } => VerdictForm::Breakpoint { address: *address },
        Verdict::Exit { status, reason } => VerdictForm::Exit { status: *status, reason: *reason },
        Verdict::Line(text) => VerdictForm::Line { text },
        Verdict::Deadline => VerdictForm::Deadline,
        Verdict::Stopped => VerdictForm::Stopped,
    };
    OutputSource => |source| match source {
        OutputSource::Output => OutputSourceForm::Output,
        OutputSource::Error => OutputSourceForm::Error,
        OutputSource::Rtt(channel) => OutputSourceForm::Rtt { channel: *channel },
    };
}
