//! Flash could not be programmed, erased, protected, read or understood.

use crate::Mismatch;
use crate::error::{Error, Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::SectorKind;

/// Flash could not be programmed, erased, protected, read or understood.
///
/// Where a call had begun to change the flash, the error says how far it came, and `cause` is why it came no further: OpenOCD's
/// refusal, or a lost connection, or a timeout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlashError {
    /// OpenOCD would not list its flash banks.
    #[error("cannot list the flash banks: {0}")]
    Banks(Box<Failure>),
    /// A bank could not be probed: OpenOCD does not find the flash that the bank stands for.
    #[error("cannot probe flash bank {bank:?}: {failure}")]
    Probe {
        /// The bank's name.
        bank: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// OpenOCD would not describe a bank.
    #[error("cannot get the sectors of flash bank {bank:?}: {failure}")]
    Info {
        /// The bank's name.
        bank: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// There is no such bank. Nothing was sent.
    #[error("there is no flash bank {bank}; {}", list(known, "there is no flash bank at all", "there are"))]
    UnknownBank {
        /// The number or name given.
        bank: String,
        /// The banks there are.
        known: Vec<String>,
    },
    /// An address belongs to no flash bank of the target, or lies beyond the end of its bank. Nothing was sent.
    #[error(
        "no flash bank of target {target} holds the address {address:#010x}; {}",
        list(known, "the target has no flash bank", "there are")
    )]
    NoBank {
        /// The first address without a bank.
        address: u64,
        /// The target.
        target: String,
        /// The banks there are, with their ranges.
        known: Vec<String>,
    },
    /// The sectors or blocks asked for are not sectors of the bank, or the first is after the last. Nothing was sent.
    #[error("{kind}s {first} to {last} were asked for, but flash bank {bank:?} has {}", numbers(*kind, *count))]
    InvalidSectors {
        /// The bank's name.
        bank: String,
        /// What is counted.
        kind: SectorKind,
        /// The first asked for.
        first: u32,
        /// The last asked for.
        last: u32,
        /// How many there are.
        count: usize,
    },
    /// The bank's driver knows of no sectors where they are to be erased. Nothing was erased.
    #[error("flash bank {bank:?} has no sectors that hold all of the {length:#x} bytes from {address:#010x}")]
    NoSectors {
        /// The bank's name.
        bank: String,
        /// Where the range begins.
        address: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// A range that is to be erased does not begin and end at the bounds of sectors. Nothing was sent.
    #[error(
        "{length:#x} bytes from {address:#010x} are not whole sectors: the sectors they touch are the {whole_length:#x} bytes from {whole_address:#010x}"
    )]
    Misaligned {
        /// The address given.
        address: u64,
        /// The length given.
        length: u64,
        /// Where the first sector begins that the range touches.
        whole_address: u64,
        /// The length of all sectors that the range touches.
        whole_length: u64,
    },
    /// Flash could not be read.
    #[error("cannot read flash at {address:#010x}: {cause}")]
    Read {
        /// Where the piece begins that failed.
        address: u64,
        /// Why.
        cause: Box<Error>,
    },
    /// Sectors could not be erased.
    #[error(
        "cannot erase flash at {address:#010x} ({erased} of {total} bytes are erased, all before that address): {cause}"
    )]
    Erase {
        /// Where the first sector begins that is not known to be erased.
        address: u64,
        /// How many bytes were erased.
        erased: u64,
        /// How many were to be erased.
        total: u64,
        /// Why.
        cause: Box<Error>,
    },
    /// OpenOCD reported that sectors are erased, but they are not.
    #[error("flash was reported as erased, but holds {found:#04x} at {address:#010x}, and not {erased_value:#04x}")]
    NotErased {
        /// The first address that is not erased.
        address: u64,
        /// What it holds.
        found: u8,
        /// What erased flash holds.
        erased_value: u8,
    },
    /// Flash could not be written. What was done is done: everything before `address` is written, what follows may be in part.
    #[error(
        "cannot write flash at {address:#010x} ({written} of {total} bytes are written, all before that address): {cause}"
    )]
    Write {
        /// Where the piece begins that failed.
        address: u64,
        /// How many bytes were written.
        written: u64,
        /// How many were to be written.
        total: u64,
        /// Why.
        cause: Box<Error>,
    },
    /// Flash could not be compared with what it should hold.
    #[error("cannot verify flash at {address:#010x}: {cause}")]
    Verify {
        /// Where the piece begins that failed.
        address: u64,
        /// Why.
        cause: Box<Error>,
    },
    /// Flash does not hold what was written.
    #[error("flash was written, but {0}")]
    Mismatch(Mismatch),
    /// The protection could not be changed.
    #[error("cannot {} {kind}s {first} to {last} of flash bank {bank:?}: {cause}", if *protect { "protect" } else { "unprotect" })]
    Protect {
        /// The bank's name.
        bank: String,
        /// Protect or unprotect.
        protect: bool,
        /// What is counted.
        kind: SectorKind,
        /// The first.
        first: u32,
        /// The last.
        last: u32,
        /// Why.
        cause: Box<Error>,
    },
    /// Sectors that are to be written were unprotected, but still are protected. Many chips load their protection at a reset only.
    #[error(
        "flash at {address:#010x} was unprotected but still is protected; many chips need a reset for the change to count: reset and try again"
    )]
    StillProtected {
        /// Where the first protected sector begins.
        address: u64,
    },
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
    /// A file that takes what is read from flash could not be written.
    #[error("cannot write {path} after {written} bytes")]
    File {
        /// The path given.
        path: String,
        /// How many bytes it had taken.
        written: u64,
        /// The system's error.
        source: std::io::Error,
    },
    /// OpenOCD refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// An argument is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
}

impl FlashError {
    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            FlashError::Banks(failure) | FlashError::Probe { failure, .. } | FlashError::Info { failure, .. } => {
                Some(failure)
            }
            FlashError::Refused(refused) => Some(&refused.failure),
            _ => self.cause().and_then(Error::failure),
        }
    }

    /// Why a call came no further, if it had to do with more than its arguments.
    pub fn cause(&self) -> Option<&Error> {
        match self {
            FlashError::Read { cause, .. }
            | FlashError::Erase { cause, .. }
            | FlashError::Write { cause, .. }
            | FlashError::Verify { cause, .. }
            | FlashError::Protect { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

fn list(names: &[String], none: &str, some: &str) -> String {
    if names.is_empty() { none.to_owned() } else { format!("{some} {}", names.join(", ")) }
}

fn numbers(kind: SectorKind, count: usize) -> String {
    match count {
        0 => format!("no {kind}s"),
        count => format!("{kind}s 0 to {}", count - 1),
    }
}
