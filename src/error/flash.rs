//! Errors of flash calls.

mod wording;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use self::wording::{at_least, in_part, list_banks, numbers, or_reversed};
use crate::error::text::{self, list_names, ranges};
use crate::error::{Error, Failure, InvalidArgument, Refused, UnexpectedReply};
use crate::types::Mismatch;
use crate::types::SectorKind;

const IN_RAM: &str = "; no byte of the image is in flash: `Target::run_in_ram` runs an image in RAM, and `ProgramOptions::load_ram` loads the parts for RAM of one for flash";

/// Flash could not be erased, written, read, compared or protected.
///
/// An error in the middle of a call says how far the call came. Its `cause` is OpenOCD's refusal, a
/// lost connection or a timeout.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum FlashError {
    /// OpenOCD refused to list its flash banks.
    #[error("cannot list the flash banks: {0}")]
    Banks(Box<Failure>),
    /// A bank could not be probed: OpenOCD does not find its flash.
    #[error("cannot probe flash bank \"{}\": {failure}", text::name(bank))]
    Probe {
        /// The bank's name.
        bank: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// OpenOCD refused to list the sectors of a bank.
    #[error("cannot list the sectors of flash bank \"{}\": {failure}", text::name(bank))]
    Info {
        /// The bank's name.
        bank: String,
        /// OpenOCD's refusal.
        failure: Box<Failure>,
    },
    /// There is no such bank. Nothing was changed.
    #[error("there is no flash bank {}; there {}", text::name(bank), list_names(known, "no flash banks"))]
    UnknownBank {
        /// The number given, or the name in quotes.
        bank: String,
        /// All banks.
        known: Vec<String>,
    },
    /// An address is in no flash bank of the target. Nothing was changed.
    #[error(
        "no flash bank of {} holds the address {address:#010x}; the target has {}{}",
        text::target(target),
        list_banks(known),
        if *is_image_outside { IN_RAM } else { "" }
    )]
    NoBank {
        /// The first address without a bank.
        address: u64,
        /// The target.
        target: String,
        /// The target's banks with their ranges.
        known: Vec<String>,
        /// Whether it is an image, and none of its bytes is in a flash bank. One for RAM is run by
        /// [`Target::run_in_ram`](crate::Target::run_in_ram);
        /// [`ProgramOptions::load_ram`](crate::ProgramOptions::load_ram) loads parts for RAM
        /// besides those for flash.
        is_image_outside: bool,
    },
    /// The numbers are not a range of the bank's sectors or protection blocks. Nothing was changed.
    #[error(
        "invalid range of {kind}s: flash bank \"{}\" has {}, got {first} to {last}{}",
        text::name(bank),
        numbers(*count),
        or_reversed(*first, *last)
    )]
    InvalidSectors {
        /// The bank's name.
        bank: String,
        /// What the numbers count.
        kind: SectorKind,
        /// The first number given.
        first: u32,
        /// The last number given.
        last: u32,
        /// Number of sectors or blocks of the bank.
        count: usize,
    },
    /// The bank's driver lists no sectors for a range that is to be erased. Nothing was erased.
    #[error(
        "flash bank \"{}\" has no sectors that hold all of the {length:#x} bytes from {address:#010x}",
        text::name(bank)
    )]
    NoSectors {
        /// The bank's name.
        bank: String,
        /// The first address of the range.
        address: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// A range that is to be erased does not begin and end at the bounds of sectors. Nothing was
    /// changed.
    #[error(
        "{length} bytes ({length:#x}) from {address:#010x} are not whole sectors: the sectors they touch are the {whole_length} bytes ({whole_length:#x}) from {whole_address:#010x}"
    )]
    Misaligned {
        /// The address given.
        address: u64,
        /// The length given.
        length: u64,
        /// The first address of the sectors that the range touches.
        whole_address: u64,
        /// The length of these sectors in bytes.
        whole_length: u64,
    },
    /// Flash could not be read.
    #[error("cannot read flash at {address:#010x} ({read} of {total} bytes are read): {cause}")]
    Read {
        /// The first address that could not be read, within 4 bytes; without a refusal, the first
        /// of the piece that failed.
        address: u64,
        /// Number of bytes that were read, exactly: all those before `address`.
        read: u64,
        /// Number of bytes to read.
        total: u64,
        /// Why.
        cause: Box<Error>,
    },
    /// Flash that is to be erased, written and verified cannot be read, as on a chip with read
    /// protection: it was read where it begins, and at the ends and in the middle of its bank. No
    /// flash was changed. Without [`WriteOptions::verify`](crate::WriteOptions::verify) it is
    /// written all the same.
    #[error(
        "flash at {address:#010x} cannot be read, nor any other place of it that was tried, so what is written could not be verified, and no flash was changed: {cause}"
    )]
    Unreadable {
        /// The first address that is to be changed.
        address: u64,
        /// Why it could not be read.
        cause: Box<Error>,
    },
    /// Sectors could not be erased.
    #[error(
        "cannot erase flash at {address:#010x} ({}{}): {cause}",
        at_least(*erased, *total, "erased"),
        in_part(*address, *unknown_to, "erased")
    )]
    Erase {
        /// The first address that is not known to be erased: the beginning of a sector.
        ///
        /// If OpenOCD refused, the call has read back what the command did, for about 2 s at most.
        /// If all of it reads as erased, this is where that command began.
        address: u64,
        /// Number of bytes of the call that are erased at least: all those before `address`.
        erased: u64,
        /// Number of bytes to erase.
        total: u64,
        /// The address behind the bytes whose state is not known, which begin at `address`: they
        /// may be erased in part. The bytes of the call after them were not touched.
        unknown_to: u64,
        /// Why.
        cause: Box<Error>,
    },
    /// OpenOCD reported that sectors are erased, but they are not.
    #[error("OpenOCD reported flash as erased, but {address:#010x} holds {found:#04x} in place of {erased_value:#04x}")]
    NotErased {
        /// The first address that is not erased.
        address: u64,
        /// The byte there.
        found: u8,
        /// The byte that erased flash holds.
        erased_value: u8,
    },
    /// Flash could not be written.
    #[error(
        "cannot write flash at {address:#010x} ({}{}): {cause}",
        at_least(*written, *total, "written"),
        in_part(*address, *unknown_to, "written")
    )]
    Write {
        /// The first address that is not known to be written.
        ///
        /// If OpenOCD refused, the call has read back what the command did, for about 2 s at most.
        /// If flash holds all of it, this is where that command began.
        address: u64,
        /// Number of bytes of the call that are written at least: all those before `address`.
        /// OpenOCD reported them as written, or they were read back.
        written: u64,
        /// Number of bytes to write.
        total: u64,
        /// The address behind the bytes whose state is not known, which begin at `address`: they
        /// may be written in part. The bytes of the call after them were not written.
        unknown_to: u64,
        /// Why.
        cause: Box<Error>,
    },
    /// Flash could not be compared with what it should hold.
    #[error("cannot verify flash at {address:#010x} ({verified} of {total} bytes are verified): {cause}")]
    Verify {
        /// The first address that could not be read, within 4 bytes; without a refusal, the first
        /// of the piece that failed.
        address: u64,
        /// Number of bytes that were compared, exactly: all those before `address`. All of them are
        /// equal.
        verified: u64,
        /// Number of bytes to compare.
        total: u64,
        /// Why.
        cause: Box<Error>,
    },
    /// Flash does not hold what was written to it, though OpenOCD reported success.
    #[error("flash was written, but {0}")]
    Mismatch(Mismatch),
    /// Erasing or writing failed, and bytes that were to be kept
    /// ([`WriteOptions::keep_unwritten`](crate::WriteOptions::keep_unwritten)) are not in flash any
    /// more, or could not be checked.
    ///
    /// If all these bytes are as erased flash, nothing is lost, and the cause is the error of the
    /// call. The call knows what erased flash holds once it has erased some.
    #[error(
        "{} bytes from {:#010x} that were to be kept may be lost from flash; this error holds them: {cause}",
        lost.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(),
        lost.first().map_or(0, |(address, _)| *address)
    )]
    NotKept {
        /// The addresses, and the bytes that belong there. At most one sector is in one element.
        /// What erased flash holds anyway is left out at both ends.
        lost: Vec<(u64, Vec<u8>)>,
        /// Why the write failed.
        cause: Box<Error>,
    },
    /// Sectors that are to be erased or written are protected. No flash was changed.
    ///
    /// OpenOCD has read the protection in this call. Where it cannot, as drivers without that
    /// function, a protected sector is found only when OpenOCD refuses to change it
    /// ([`FlashError::Erase`], [`FlashError::Write`]).
    #[error(
        "flash at {address:#010x} is protected, so no flash was changed: `Flash::unprotect` unprotects {kind}{} of flash bank \"{}\", on many chips from the next reset on",
        ranges(protected),
        text::name(bank)
    )]
    Protected {
        /// The bank's name.
        bank: String,
        /// The first protected address that was to be changed.
        address: u64,
        /// What the numbers count.
        kind: SectorKind,
        /// The numbers of the protected sectors or blocks, as
        /// [`Flash::unprotect`](crate::Flash::unprotect) takes them.
        protected: Vec<RangeInclusive<u32>>,
    },
    /// The protection could not be changed.
    #[error(
        "cannot {} {kind}s {first} to {last} of flash bank \"{}\": {cause}",
        if *protect { "protect" } else { "unprotect" },
        text::name(bank)
    )]
    Protect {
        /// The bank's name.
        bank: String,
        /// Whether they were to be protected, or to be unprotected.
        protect: bool,
        /// What the numbers count.
        kind: SectorKind,
        /// The first number.
        first: u32,
        /// The last number.
        last: u32,
        /// Why.
        cause: Box<Error>,
    },
    /// The protection was changed before, which the chip obeys after a reset only, and this change
    /// would have undone it. Nothing was changed: reset, and repeat.
    #[error(
        "the protection of {kind}{} was changed, which the chip obeys after a reset only; another change before that would undo it, and was not made",
        ranges(changed)
    )]
    ProtectionPending {
        /// What the numbers count.
        kind: SectorKind,
        /// The numbers of the sectors or blocks that were changed.
        changed: Vec<RangeInclusive<u32>>,
    },
    /// The chip is read-protected, and OpenOCD's driver ends that with any change of the write
    /// protection: the chip would erase all of its flash. Nothing was changed.
    #[error(
        "{} is read-protected, and OpenOCD would end that with any change of its write protection: all of its flash would be erased, so nothing was changed",
        text::name(bank)
    )]
    ReadProtected {
        /// The bank's name.
        bank: String,
    },
    /// Sectors that are to be written were unprotected, but they still are protected. Many chips
    /// load their protection only at a reset.
    #[error(
        "flash at {address:#010x} is still protected after it was unprotected: many chips need a reset, so reset and repeat"
    )]
    StillProtected {
        /// The first address of the first protected sector.
        address: u64,
    },
    /// Flash is written and verified, but the target could not be started, or not be halted at its
    /// first instruction as asked ([`ProgramOptions::reset`](crate::ProgramOptions::reset)).
    #[error("flash is written and verified, but the reset after it failed: {cause}")]
    NotStarted {
        /// Why.
        cause: Box<Error>,
    },
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
    /// A file that takes the bytes of flash could not be written.
    #[error("cannot write {} after {written} bytes: {source}", text::excerpt(path.to_string_lossy().as_bytes(), 400))]
    File {
        /// The path given.
        path: PathBuf,
        /// Number of bytes that were written to it, exactly.
        written: u64,
        /// The system's error.
        source: std::io::Error,
    },
    /// OpenOCD refused a command, for a reason without a variant of its own.
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

    /// Why a call ended before it was done.
    pub fn cause(&self) -> Option<&Error> {
        match self {
            FlashError::Read { cause, .. }
            | FlashError::Unreadable { cause, .. }
            | FlashError::Erase { cause, .. }
            | FlashError::Write { cause, .. }
            | FlashError::Verify { cause, .. }
            | FlashError::Protect { cause, .. }
            | FlashError::NotKept { cause, .. }
            | FlashError::NotStarted { cause } => Some(cause),
            _ => None,
        }
    }

    pub(crate) fn id(&self) -> &'static str {
        match self {
            FlashError::Banks(_) => "flash.banks",
            FlashError::Probe { .. } => "flash.probe",
            FlashError::Info { .. } => "flash.info",
            FlashError::UnknownBank { .. } => "flash.unknown_bank",
            FlashError::NoBank { .. } => "flash.no_bank",
            FlashError::InvalidSectors { .. } => "flash.invalid_sectors",
            FlashError::NoSectors { .. } => "flash.no_sectors",
            FlashError::Misaligned { .. } => "flash.misaligned",
            FlashError::Read { .. } => "flash.read",
            FlashError::Unreadable { .. } => "flash.unreadable",
            FlashError::Erase { .. } => "flash.erase",
            FlashError::NotErased { .. } => "flash.not_erased",
            FlashError::Write { .. } => "flash.write",
            FlashError::Verify { .. } => "flash.verify",
            FlashError::Mismatch(_) => "flash.mismatch",
            FlashError::NotKept { .. } => "flash.not_kept",
            FlashError::Protected { .. } => "flash.protected",
            FlashError::Protect { .. } => "flash.protect",
            FlashError::ProtectionPending { .. } => "flash.protection_pending",
            FlashError::ReadProtected { .. } => "flash.read_protected",
            FlashError::StillProtected { .. } => "flash.still_protected",
            FlashError::NotStarted { .. } => "flash.not_started",
            FlashError::UnexpectedReply(_) => "flash.unexpected_reply",
            FlashError::File { .. } => "flash.file",
            FlashError::Refused(_) => "flash.refused",
            FlashError::InvalidArgument(_) => "flash.invalid_argument",
        }
    }
}
