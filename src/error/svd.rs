//! A device description cannot be used, or does not know what was asked for.

use std::path::PathBuf;

/// An SVD file cannot be loaded, does not hold what was asked for, or forbids it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SvdError {
    /// There is no file at the path.
    #[error("there is no SVD file {}", path.display())]
    NotFound {
        /// The path given.
        path: PathBuf,
    },
    /// The file is there, but cannot be read.
    #[error("cannot read the SVD file {}", path.display())]
    Unreadable {
        /// The path given.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The text is no well-formed XML, or the XML is no device description.
    #[error("{document}:{line}:{column}: {message}")]
    Parse {
        /// The path of the file; `SVD text` for what came from a string.
        document: String,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1.
        column: u32,
        /// What is wrong there.
        message: String,
    },
    /// The description is well-formed, but describes what no chip can have.
    #[error("{document}: {reason}")]
    Impossible {
        /// The path of the file; `SVD text` for what came from a string.
        document: String,
        /// What cannot be.
        reason: String,
    },
    /// The file, or the text, is larger than any description, or has no end.
    #[error("{document}: the text is larger than {} MiB, which no SVD file is", limit >> 20)]
    TooLarge {
        /// The path of the file; `SVD text` for what came from a string.
        document: String,
        /// The most bytes that are read.
        limit: u64,
    },
    /// No description is loaded.
    #[error("no SVD file is loaded; call `svd().load(path)` first")]
    NotLoaded,
    /// The text is no keyword of CMSIS-SVD.
    #[error("{word:?} is no value of <{element}>; known are {}", known.join(", "))]
    UnknownWord {
        /// The element of the file that holds such keywords, such as `access`.
        element: &'static str,
        /// The text given.
        word: String,
        /// The keywords that there are.
        known: Vec<&'static str>,
    },
    /// The device has no peripheral of this name.
    #[error("{device} has no peripheral {name:?}{}", or_near(near))]
    UnknownPeripheral {
        /// The device's name.
        device: String,
        /// The name asked for.
        name: String,
        /// The most similar names that there are, the nearest first.
        near: Vec<String>,
    },
    /// The peripheral has no register of this name.
    #[error("peripheral {peripheral} has no register {name:?}{}", or_near(near))]
    UnknownRegister {
        /// The peripheral's name.
        peripheral: String,
        /// The name asked for.
        name: String,
        /// The most similar names that there are, the nearest first.
        near: Vec<String>,
    },
    /// The register has no field of this name.
    #[error("register {register} has no field {name:?}{}", or_near(near))]
    UnknownField {
        /// Peripheral and register, such as `RCC.CR`.
        register: String,
        /// The name asked for.
        name: String,
        /// The most similar names that there are, the nearest first.
        near: Vec<String>,
    },
    /// The field has no value of this name that may be written. Nothing was sent.
    #[error("field {field} has no value {name:?} for writing{}", or_near(near))]
    UnknownValue {
        /// Peripheral, register and field, such as `RCC.CFGR.SW`.
        field: String,
        /// The name asked for.
        name: String,
        /// The most similar names that there are, the nearest first.
        near: Vec<String>,
    },
    /// The register or field cannot be read, or must not be just so. Nothing was sent.
    #[error("{name} is not read: {reason}")]
    NotReadable {
        /// Peripheral and register, and the field if it is one.
        name: String,
        /// Why not.
        reason: crate::svd::SkipReason,
    },
    /// The register or field is read-only. Nothing was sent.
    #[error("{name} is read-only")]
    NotWritable {
        /// Peripheral and register, and the field if it is one.
        name: String,
    },
    /// The value does not fit. Nothing was sent.
    #[error("the value {value:#x} takes more than the {bits} bits of {name}")]
    ValueTooWide {
        /// Peripheral and register, and the field if it is one.
        name: String,
        /// The value given.
        value: u64,
        /// The width in bits.
        bits: u32,
    },
    /// The description does not allow this value. Nothing was sent.
    #[error("{name} does not take the value {value:#x}, only {allowed}")]
    ForbiddenValue {
        /// Peripheral and register, and the field if it is one.
        name: String,
        /// The value given.
        value: u64,
        /// What it takes.
        allowed: String,
    },
    /// Writing the fields asked for would change others in a way that cannot be avoided. Nothing was sent.
    #[error("cannot write only some fields of {register}: {reason}")]
    NotSeparable {
        /// Peripheral and register.
        register: String,
        /// Which other field stands in the way, and what to do.
        reason: String,
    },
    /// A field is named twice in one call. Nothing was sent.
    #[error("field {field} is given twice")]
    FieldTwice {
        /// Peripheral, register and field.
        field: String,
    },
    /// The register is wider than what OpenOCD reads at once. Nothing was sent.
    #[error("{register} has {bits} bits; at most 64 can be read or written")]
    UnsupportedSize {
        /// Peripheral and register.
        register: String,
        /// Its width in bits.
        bits: u32,
    },
}

fn or_near(near: &[String]) -> String {
    match near {
        [] => String::new(),
        [one] => format!("; near: {one}"),
        many => format!("; near: {}", many.join(", ")),
    }
}
