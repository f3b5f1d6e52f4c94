//! JTAG operations failed.

use std::path::PathBuf;

use crate::error::text::{excerpt, list_names};
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::TapState;

/// The JTAG chain, or OpenOCD on its behalf, refused, or was asked for what it cannot do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JtagError {
    /// There is no JTAG chain: OpenOCD drives the chip over something else.
    #[error("this needs JTAG, but the transport is {transport}")]
    WrongTransport {
        /// The transport in use, such as `swd`; `none` if none is selected.
        transport: String,
    },
    /// There is no TAP of this name.
    #[error("no TAP is named {name:?}; there {}", list_names(known, "no TAPs"))]
    UnknownTap {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The TAP is disabled, so it is not part of the chain. Nothing was scanned.
    #[error("TAP {tap} is disabled; `enable_tap` puts it into the chain")]
    TapDisabled {
        /// The TAP's name.
        tap: String,
    },
    /// An SVF file was to be run for one TAP, but OpenOCD would shift for the disabled TAPs, too, which are not in the chain. Nothing was scanned.
    #[error(
        "an SVF file can't be run for one TAP while others are disabled ({}): OpenOCD takes them for part of the chain; enable them, or write the file for the whole chain",
        disabled.join(", ")
    )]
    OthersDisabled {
        /// The disabled TAPs.
        disabled: Vec<String>,
    },
    /// The TAP is in BYPASS: the last instruction scanned was for another one, or the chain was reset since. Nothing was scanned.
    #[error("TAP {tap} is in BYPASS: select a register by `irscan` before `drscan`, or do both with `scan`")]
    Bypass {
        /// The TAP's name.
        tap: String,
    },
    /// A value takes more bits than there are for it. Nothing was scanned.
    #[error("the value {value} takes more than the {bits} bits of {what}")]
    ValueTooWide {
        /// What it was for.
        what: String,
        /// The value, in hexadecimal.
        value: String,
        /// The bits there are.
        bits: usize,
    },
    /// A path through the TAP states has no state. Nothing was sent.
    #[error("the path holds no TAP state; give at least one")]
    EmptyPath,
    /// A step of a path is none that the state machine of IEEE 1149.1 allows. Nothing was sent.
    #[error(
        "step {step} of the path, from {from} to {to}, is no transition of IEEE 1149.1; from {from} one gets to {} and {}",
        from.next(false), from.next(true)
    )]
    IllegalTransition {
        /// The number of the step, from 1.
        step: usize,
        /// Where it begins.
        from: TapState,
        /// Where it cannot lead.
        to: TapState,
    },
    /// A path begins or ends in a state in which a TAP cannot stay. Nothing was sent.
    #[error(
        "the path {end} in {state}, which is not stable; stable are RESET, RUN/IDLE, DRSHIFT, DRPAUSE, IRSHIFT, IRPAUSE"
    )]
    UnstablePath {
        /// "begins" or "ends".
        end: &'static str,
        /// The state.
        state: TapState,
    },
    /// A path is too long between two stable states: OpenOCD takes eight states at once, and stops in stable ones only. Nothing was sent.
    #[error(
        "the path reaches no stable state within the seven steps after step {step} ({from}) that OpenOCD takes at once, or RESET by another way than TMS high"
    )]
    LongPath {
        /// The number of steps before it.
        step: usize,
        /// The state there.
        from: TapState,
    },
    /// An argument is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
    /// OpenOCD refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The chain is not what it is configured to be: no power, a broken or a foreign chain, or no TAP in it at all.
    #[error("the JTAG chain does not answer as configured: {}", excerpt(log.trim().as_bytes(), 600))]
    ChainMismatch {
        /// What OpenOCD logged about it.
        log: String,
        /// OpenOCD's refusal; 0.12.0 reports success.
        failure: Option<Box<Failure>>,
    },
    /// OpenOCD reported success, but the TAP is not as asked.
    #[error("TAP {tap} was to be {}, but is not", if *enabled { "enabled" } else { "disabled" })]
    NotSwitched {
        /// The TAP's name.
        tap: String,
        /// What was asked for.
        enabled: bool,
    },
    /// A TAP of this name is there already. OpenOCD would take a second one.
    #[error("there is a TAP {tap} already")]
    DuplicateTap {
        /// Its name.
        tap: String,
    },
    /// An SVF or XSVF file could not be read. Nothing was sent.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A command of an SVF file has no semicolon at its end. OpenOCD would leave it out. Nothing was sent.
    #[error("{}: the command in line {line} has no semicolon at its end", path.display())]
    Unterminated {
        /// The file.
        path: PathBuf,
        /// The line where the command begins, from 1.
        line: u32,
    },
    /// A scan command of an SVF file is one that makes OpenOCD crash. Nothing was sent.
    #[error("{}: the scan command in line {line} {problem}", path.display())]
    InvalidScan {
        /// The file.
        path: PathBuf,
        /// The line where the command begins, from 1.
        line: u32,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An instruction of an XSVF file is cut off or missing, is one that OpenOCD does not know, or would do something else than it says. Nothing was sent.
    #[error("{}: the instruction at byte {offset} {problem}", path.display())]
    InvalidXsvf {
        /// The file.
        path: PathBuf,
        /// Where the instruction begins in the file, or should, from 0.
        offset: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What came out of the chain is not what an SVF file says.
    #[error("{}: line {line} wants {wanted} (mask {mask}), but {read} came", path.display())]
    SvfMismatch {
        /// The file.
        path: PathBuf,
        /// The line where the command begins, from 1.
        line: u32,
        /// What was expected, in hexadecimal. With [`SvfFile::tap`](crate::SvfFile::tap) the bits of the other TAPs, in BYPASS, are below and above.
        wanted: String,
        /// What came.
        read: String,
        /// Which bits were compared.
        mask: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// An SVF or XSVF file did not run to its end.
    #[error("{}{} failed: {failure}", path.display(), line.map(|line| format!(": line {line}")).unwrap_or_default())]
    Playback {
        /// The file.
        path: PathBuf,
        /// The line of the SVF file where the command begins that failed, from 1; `None` where OpenOCD does not tell.
        line: Option<u32>,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// OpenOCD reported success, but has not run all commands of an SVF file.
    #[error("{}: OpenOCD reports success after {ran} of {commands} commands", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// How many it has run.
        ran: u32,
        /// How many there are.
        commands: u32,
    },
    /// The target is no RISC-V hart.
    #[error("{target} is a {kind}, and has no RISC-V debug module")]
    NotRiscv {
        /// The target's name.
        target: String,
        /// Its type.
        kind: String,
    },
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
}

impl JtagError {
    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            JtagError::SvfMismatch { failure, .. } | JtagError::Playback { failure, .. } => Some(failure),
            JtagError::Refused(refused) => Some(&refused.failure),
            JtagError::ChainMismatch { failure, .. } => failure.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_what_was_given_and_what_is_right() {
        let text = |error: JtagError| error.to_string();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let unknown = |known| text(JtagError::UnknownTap { name: "a b".to_owned(), known: names(known) });
        assert_eq!(unknown(&[]), "no TAP is named \"a b\"; there are no TAPs");
        assert_eq!(unknown(&["x.cpu"]), "no TAP is named \"a b\"; there is only x.cpu");
        assert_eq!(unknown(&["x.cpu", "x.bs"]), "no TAP is named \"a b\"; there are x.cpu, x.bs");
        assert_eq!(
            text(JtagError::ValueTooWide { what: "the field".to_owned(), value: "0x20".to_owned(), bits: 5 }),
            "the value 0x20 takes more than the 5 bits of the field"
        );
        assert_eq!(
            text(JtagError::UnstablePath { end: "ends", state: TapState::UpdateDr }),
            "the path ends in DRUPDATE, which is not stable; stable are RESET, RUN/IDLE, DRSHIFT, DRPAUSE, IRSHIFT, IRPAUSE"
        );
        assert_eq!(
            text(JtagError::NotSwitched { tap: "x.cpu".to_owned(), enabled: false }),
            "TAP x.cpu was to be disabled, but is not"
        );
        assert_eq!(
            text(JtagError::Incomplete { path: "a.svf".into(), ran: 3, commands: 4 }),
            "a.svf: OpenOCD reports success after 3 of 4 commands"
        );
    }

    #[test]
    fn a_line_of_a_file_is_named_where_it_is_known() {
        let failure = || Box::new(Failure::new("svf a.svf", -4, "no luck".to_owned(), String::new()));
        let text = |line| JtagError::Playback { path: "a.svf".into(), line, failure: failure() }.to_string();
        assert_eq!(text(Some(7)), "a.svf: line 7 failed: OpenOCD refused `svf a.svf` (code -4): no luck");
        assert_eq!(text(None), "a.svf failed: OpenOCD refused `svf a.svf` (code -4): no luck");
    }
}
