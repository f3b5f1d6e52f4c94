//! Errors of SVD files, and of accesses by name.

use std::path::PathBuf;

use crate::error::text::{comma_separated, or_near, shown};

/// An SVD file cannot be loaded, lacks the requested name, or forbids the access.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SvdError {
    /// No file exists at the path.
    #[error("there is no file {}", shown(path))]
    NotFound {
        /// The path given.
        path: PathBuf,
    },
    /// The file exists, but cannot be read, or is a FIFO.
    #[error("cannot read the file {}: {source}", shown(path))]
    Unreadable {
        /// The path given.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A snapshot cannot be written to the file.
    #[error("cannot write the snapshot {}: {source}", shown(path))]
    Unwritable {
        /// The path given.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The text is no well-formed XML, or the XML is no device description. Or the text is no
    /// snapshot.
    #[error("{document}:{line}:{column}: {message}")]
    Parse {
        /// The path of the file. `SVD text` for a string.
        document: String,
        /// The line. The first one is 1.
        line: u32,
        /// The column in characters. The first one is 1.
        column: u32,
        /// What is wrong there.
        message: String,
    },
    /// The description is well-formed, but no chip can be like this: too many registers, or
    /// addresses beyond 64 bits.
    #[error("{document}: {reason}")]
    Impossible {
        /// The path of the file. `SVD text` for a string.
        document: String,
        /// Which limit is exceeded, and where.
        reason: String,
    },
    /// The text is larger than any description, or has no end.
    #[error("{document}: the text is larger than {} MiB, the limit for such a file", limit >> 20)]
    TooLarge {
        /// The path of the file. `SVD text` for a string.
        document: String,
        /// The largest size in bytes.
        limit: u64,
    },
    /// No description is loaded.
    #[error("no SVD file is loaded; call `svd().load(path)` first")]
    NotLoaded,
    /// The target is no Cortex-M whose peripherals are known.
    #[error("expected a Cortex-M whose peripherals are known, got {found}")]
    UnknownCore {
        /// What it is instead.
        found: String,
    },
    /// The text is no keyword of CMSIS-SVD.
    #[error("{word:?} is not a value of <{element}>; expected one of {}", known.join(", "))]
    UnknownWord {
        /// The element of the file that holds such keywords, such as `access`.
        element: &'static str,
        /// The text given.
        word: String,
        /// The keywords that there are.
        known: Vec<&'static str>,
    },
    /// The device has no peripheral with the name.
    #[error("{device} has no peripheral {name:?}{}", or_near(near))]
    UnknownPeripheral {
        /// The device's name.
        device: String,
        /// The name asked for.
        name: String,
        /// Similar names, the most similar one first.
        near: Vec<String>,
    },
    /// The peripheral has no register with the name.
    #[error("peripheral {peripheral} has no register {name:?}{}", or_near(near))]
    UnknownRegister {
        /// The peripheral's name.
        peripheral: String,
        /// The name asked for.
        name: String,
        /// Similar names, the most similar one first.
        near: Vec<String>,
    },
    /// The register has no field with the name.
    #[error("register {register} has no field {name:?}{}", or_near(near))]
    UnknownField {
        /// Peripheral and register, such as `RCC.CR`.
        register: String,
        /// The name asked for.
        name: String,
        /// Similar names, the most similar one first.
        near: Vec<String>,
    },
    /// The field has no value to write with the name. Nothing was sent.
    #[error("field {field} has no value {name:?} for writing{}{}", or_near(unlisted(near, known)), list_values(known))]
    UnknownValue {
        /// Peripheral, register and field, such as `RCC.CFGR.SW`.
        field: String,
        /// The name asked for.
        name: String,
        /// Similar names, the most similar one first.
        near: Vec<String>,
        /// All names; empty where the SVD file names no value to write, and only a number will do.
        known: Vec<String>,
    },
    /// The register or field cannot be read, or a read would change the chip's state. Nothing was
    /// sent.
    #[error("{name} is not read: {reason}")]
    NotReadable {
        /// Peripheral and register, and the field if the error is about one.
        name: String,
        /// Why not.
        reason: crate::types::SkipReason,
    },
    /// The register or field is read-only. Nothing was sent.
    #[error("{name} is read-only")]
    NotWritable {
        /// Peripheral and register, and the field if the error is about one.
        name: String,
    },
    /// The value has more bits than the register or field. Nothing was sent.
    #[error("the value {value:#x} takes more than the {bits} bits of {name}")]
    ValueTooWide {
        /// Peripheral and register, and the field if the error is about one.
        name: String,
        /// The value given.
        value: u64,
        /// The width in bits.
        bits: u32,
    },
    /// The description does not allow the value. Nothing was written.
    #[error("{name} does not take the value {value:#x}, only {allowed}")]
    ForbiddenValue {
        /// Peripheral and register, and the field if the error is about one.
        name: String,
        /// The value given.
        value: u64,
        /// Which values are allowed.
        allowed: String,
    },
    /// The write would change fields that were not given. Nothing was sent.
    #[error("cannot write only some fields of {register}: {reason}")]
    NotSeparable {
        /// Peripheral and register.
        register: String,
        /// Which other field would change, and what to do.
        reason: String,
    },
    /// One call gives a field twice. Nothing was sent.
    #[error("field {field} is given twice")]
    FieldTwice {
        /// Peripheral, register and field.
        field: String,
    },
    /// A register of this width is no [`Variable`](crate::Variable). Nothing was sent.
    #[error("{register} has {bits} bits; only registers of 8, 16, 32 or 64 bits are sampled")]
    NotSampled {
        /// Peripheral and register.
        register: String,
        /// Its width in bits.
        bits: u32,
    },
    /// The register has more than 64 bits. Nothing was sent.
    #[error("{register} has {bits} bits; at most 64 can be read or written")]
    UnsupportedSize {
        /// Peripheral and register.
        register: String,
        /// Its width in bits.
        bits: u32,
    },
}

impl SvdError {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            SvdError::NotFound { .. } => "svd.not_found",
            SvdError::Unreadable { .. } => "svd.unreadable",
            SvdError::Unwritable { .. } => "svd.unwritable",
            SvdError::Parse { .. } => "svd.parse",
            SvdError::Impossible { .. } => "svd.impossible",
            SvdError::TooLarge { .. } => "svd.too_large",
            SvdError::NotLoaded => "svd.not_loaded",
            SvdError::UnknownCore { .. } => "svd.unknown_core",
            SvdError::UnknownWord { .. } => "svd.unknown_word",
            SvdError::UnknownPeripheral { .. } => "svd.unknown_peripheral",
            SvdError::UnknownRegister { .. } => "svd.unknown_register",
            SvdError::UnknownField { .. } => "svd.unknown_field",
            SvdError::UnknownValue { .. } => "svd.unknown_value",
            SvdError::NotReadable { .. } => "svd.not_readable",
            SvdError::NotWritable { .. } => "svd.not_writable",
            SvdError::ValueTooWide { .. } => "svd.value_too_wide",
            SvdError::ForbiddenValue { .. } => "svd.forbidden_value",
            SvdError::NotSeparable { .. } => "svd.not_separable",
            SvdError::FieldTwice { .. } => "svd.field_twice",
            SvdError::NotSampled { .. } => "svd.not_sampled",
            SvdError::UnsupportedSize { .. } => "svd.unsupported_size",
        }
    }
}

/// How many values of a field a text names.
const LISTED_VALUES: usize = 16;

/// The similar names, unless all values are listed.
fn unlisted<'n>(near: &'n [String], known: &[String]) -> &'n [String] {
    if known.len() > LISTED_VALUES { near } else { &[] }
}

/// `; its values are A, B and 3 more`, or that there are none.
fn list_values(known: &[String]) -> String {
    let listed = comma_separated(&known[..known.len().min(LISTED_VALUES)]);
    match known.len() {
        0 => "; the SVD file names none of its values: give a number".to_owned(),
        1 => format!("; its only value is {listed}"),
        count if count > LISTED_VALUES => format!("; its values are {listed} and {} more", count - LISTED_VALUES),
        _ => format!("; its values are {listed}"),
    }
}
