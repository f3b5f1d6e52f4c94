//! A JTAG operation failed.

use std::path::PathBuf;

use crate::error::text::{self, excerpt, list_names, name, shown};
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::{PathEnd, TapState};

/// An operation on the JTAG chain failed, or the chain cannot do it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum JtagError {
    /// There is no JTAG chain: OpenOCD drives the chip over another transport.
    #[error("this call requires JTAG, but the transport is {}", name(transport))]
    WrongTransport {
        /// The transport in use, such as `swd`; `none` if none is selected.
        transport: String,
    },
    /// No TAP has this name.
    #[error("no TAP is named \"{}\"; there {}", text::name(name), list_names(known, "no TAPs"))]
    UnknownTap {
        /// The requested name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The TAP is disabled, so it is not part of the chain. Nothing was scanned.
    #[error("TAP {} is disabled; `enable_tap` puts it into the chain", name(tap))]
    TapDisabled {
        /// The TAP's name.
        tap: String,
    },
    /// An SVF file with headers or trailers (`HDR`, `HIR`, `TDR`, `TIR`) cannot be played: somebody
    /// has played a file with OpenOCD's `svf -tap`, and OpenOCD leaves them out ever since. Nothing
    /// was scanned.
    #[error(
        "this OpenOCD leaves out HDR, HIR, TDR and TIR, since somebody played an SVF file with `svf -tap`: start it again"
    )]
    SurroundingsDropped,
    /// No instruction is selected in the TAP: the last one was for another TAP, which puts this one
    /// into BYPASS, or the chain was reset since. Nothing was scanned.
    #[error(
        "no instruction is selected in TAP {}: select a register by `irscan` before `drscan`, or do both with `scan`",
        name(tap)
    )]
    Bypass {
        /// The TAP's name.
        tap: String,
    },
    /// A value is too wide. Nothing was scanned.
    #[error("the value {value} exceeds the {bits} bits of {}", name(what))]
    ValueTooWide {
        /// What the value is for.
        what: String,
        /// The value, in hexadecimal.
        value: String,
        /// The number of bits available.
        bits: usize,
    },
    /// A path through the TAP states is empty. Nothing was sent.
    #[error("the path through the TAP states is empty; give at least one state")]
    EmptyPath,
    /// A step of a path is not a transition of the state machine of IEEE 1149.1. Nothing was sent.
    #[error(
        "step {step} of the path, from {from} to {to}, is not a transition of IEEE 1149.1: {from} leads to {} and {}",
        from.next(false), from.next(true)
    )]
    IllegalTransition {
        /// The number of the step, from 1.
        step: usize,
        /// The state where the step begins.
        from: TapState,
        /// The state that does not follow.
        to: TapState,
    },
    /// A path begins or ends in a state in which a TAP cannot stay. Nothing was sent.
    #[error(
        "the {end} state of the path, {state}, is not stable; the stable states are RESET, RUN/IDLE, DRSHIFT, DRPAUSE, IRSHIFT and IRPAUSE"
    )]
    UnstablePath {
        /// Which end of the path.
        end: PathEnd,
        /// The state.
        state: TapState,
    },
    /// A path is too long between two stable states: OpenOCD accepts eight states at once, and can
    /// stop only in stable states. Nothing was sent.
    #[error(
        "the path reaches no stable state within seven steps after step {step} ({from}), or reaches RESET by another way than TMS high"
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
    /// The chain is not as configured: no power, a broken chain, another chip, or no TAP at all.
    #[error("the JTAG chain does not answer as configured: {}", excerpt(log.as_bytes(), 600))]
    ChainMismatch {
        /// What OpenOCD logged about it.
        log: String,
        /// OpenOCD's refusal; `None` where OpenOCD reported success.
        failure: Option<Box<Failure>>,
    },
    /// OpenOCD reported success, but the TAP was not switched.
    #[error("OpenOCD reports TAP {} as {}, but it is not", name(tap), if *enabled { "enabled" } else { "disabled" })]
    NotSwitched {
        /// The TAP's name.
        tap: String,
        /// Whether it was to be enabled.
        enabled: bool,
    },
    /// A TAP of this name exists. OpenOCD would accept a second one. Nothing was declared.
    #[error("TAP {} exists already", name(tap))]
    DuplicateTap {
        /// Its name.
        tap: String,
    },
    /// An SVF or XSVF file could not be read, or is a FIFO. Nothing was sent.
    #[error("cannot read {}: {source}", shown(path))]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An SVF or XSVF file is larger than any file of test vectors. Nothing was sent.
    #[error("{} has more than {limit} bytes", shown(path))]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A command of an SVF file lacks the semicolon at its end. OpenOCD would skip it. Nothing was
    /// sent.
    #[error("{}: the command in line {line} lacks the semicolon at its end", shown(path))]
    Unterminated {
        /// The file.
        path: PathBuf,
        /// The line where the command begins, from 1.
        line: u32,
    },
    /// A command of an SVF file is wrong, or OpenOCD would not run it as it is written. Nothing was
    /// sent.
    #[error("{}: the command in line {line} {problem}", shown(path))]
    InvalidSvf {
        /// The file.
        path: PathBuf,
        /// The line where the command begins, from 1.
        line: u32,
        /// What is wrong with it.
        problem: String,
    },
    /// An instruction of an XSVF file is cut off or missing, or OpenOCD does not know it or would
    /// do something else. Nothing was sent.
    #[error("{}: the instruction at byte {offset} {problem}", shown(path))]
    InvalidXsvf {
        /// The file.
        path: PathBuf,
        /// Where the instruction begins in the file, or should, from 0.
        offset: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A comparison of an SVF file failed: the chain returned other bits.
    #[error("{}: line {line} expected {wanted} (mask {mask}), got {read}", shown(path))]
    SvfMismatch {
        /// The file.
        path: PathBuf,
        /// The line where the command begins, from 1.
        line: u32,
        /// What was expected, in hexadecimal, of the TAP that the file is for, or else of the whole
        /// chain.
        wanted: String,
        /// What was read, in hexadecimal.
        read: String,
        /// Which bits were compared.
        mask: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// An SVF or XSVF file was not played to its end.
    #[error("{}{} failed: {failure}", shown(path), line.map(|line| format!(": line {line}")).unwrap_or_default())]
    Playback {
        /// The file.
        path: PathBuf,
        /// The line of the SVF file where the failed command begins, from 1; `None` if OpenOCD does
        /// not report it.
        line: Option<u32>,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// OpenOCD reported success, but did not run all commands of an SVF file.
    #[error("{}: OpenOCD reports success after {ran} of {commands} commands", shown(path))]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// How many commands OpenOCD ran.
        ran: u32,
        /// How many commands the file has.
        commands: u32,
    },
    /// The target is not a RISC-V hart.
    #[error("{} is a {}, which has no RISC-V debug module", name(target), name(kind))]
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
    pub(crate) fn id(&self) -> &'static str {
        match self {
            JtagError::WrongTransport { .. } => "jtag.wrong_transport",
            JtagError::UnknownTap { .. } => "jtag.unknown_tap",
            JtagError::TapDisabled { .. } => "jtag.tap_disabled",
            JtagError::SurroundingsDropped => "jtag.surroundings_dropped",
            JtagError::Bypass { .. } => "jtag.bypass",
            JtagError::ValueTooWide { .. } => "jtag.value_too_wide",
            JtagError::EmptyPath => "jtag.empty_path",
            JtagError::IllegalTransition { .. } => "jtag.illegal_transition",
            JtagError::UnstablePath { .. } => "jtag.unstable_path",
            JtagError::LongPath { .. } => "jtag.long_path",
            JtagError::InvalidArgument(_) => "jtag.invalid_argument",
            JtagError::Refused(_) => "jtag.refused",
            JtagError::ChainMismatch { .. } => "jtag.chain_mismatch",
            JtagError::NotSwitched { .. } => "jtag.not_switched",
            JtagError::DuplicateTap { .. } => "jtag.duplicate_tap",
            JtagError::File { .. } => "jtag.file",
            JtagError::FileTooLarge { .. } => "jtag.file_too_large",
            JtagError::Unterminated { .. } => "jtag.unterminated",
            JtagError::InvalidSvf { .. } => "jtag.invalid_svf",
            JtagError::InvalidXsvf { .. } => "jtag.invalid_xsvf",
            JtagError::SvfMismatch { .. } => "jtag.svf_mismatch",
            JtagError::Playback { .. } => "jtag.playback",
            JtagError::Incomplete { .. } => "jtag.incomplete",
            JtagError::NotRiscv { .. } => "jtag.not_riscv",
            JtagError::UnexpectedReply(_) => "jtag.unexpected_reply",
        }
    }

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
            "the value 0x20 exceeds the 5 bits of the field"
        );
        assert_eq!(
            text(JtagError::UnstablePath { end: PathEnd::Last, state: TapState::UpdateDr }),
            "the last state of the path, DRUPDATE, is not stable; the stable states are RESET, RUN/IDLE, DRSHIFT, DRPAUSE, IRSHIFT and IRPAUSE"
        );
        assert_eq!(
            text(JtagError::NotSwitched { tap: "x.cpu".to_owned(), enabled: false }),
            "OpenOCD reports TAP x.cpu as disabled, but it is not"
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
