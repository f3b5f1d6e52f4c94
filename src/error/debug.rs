//! How errors look in `{:?}`, which people see through `unwrap`, `expect` and `main`.

use std::fmt;

use super::Error;

/// Writes the code and the text on one line, and then the sources that the text does not name.
pub(super) fn with_code(f: &mut fmt::Formatter<'_>, code: &str, error: &dyn std::error::Error) -> fmt::Result {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    write!(f, "{code}: {text}")
}

/// Implements `Debug` for enums of errors that have an `id`.
macro_rules! debug_with_code {
    ($($(#[$attribute:meta])* $type:ident),* $(,)?) => {$(
        $(#[$attribute])*
        impl std::fmt::Debug for $crate::error::$type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::error::debug::with_code(f, self.id(), self)
            }
        }
    )*};
}

debug_with_code! {
    AdapterError, BreakpointError, CommandError, ConnectionError, DapError, FlashError,
    ImageError, JtagError, ProcessError, RttError, SemihostingError, #[cfg(feature = "svd")] SvdError,
    TargetError, TimeoutError,
}

/// As the error within: its code tells which variant it is.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Connection(error) => fmt::Debug::fmt(error, f),
            Error::Timeout(error) => fmt::Debug::fmt(error, f),
            Error::Target(error) => fmt::Debug::fmt(error, f),
            Error::Flash(error) => fmt::Debug::fmt(error, f),
            Error::Image(error) => fmt::Debug::fmt(error, f),
            Error::Cancelled { .. } => with_code(f, self.id(), self),
            Error::Breakpoint(error) => fmt::Debug::fmt(error, f),
            Error::Adapter(error) => fmt::Debug::fmt(error, f),
            #[cfg(feature = "svd")]
            Error::Svd(error) => fmt::Debug::fmt(error, f),
            Error::Jtag(error) => fmt::Debug::fmt(error, f),
            Error::Dap(error) => fmt::Debug::fmt(error, f),
            Error::Rtt(error) => fmt::Debug::fmt(error, f),
            Error::Semihosting(error) => fmt::Debug::fmt(error, f),
            Error::Process(error) => fmt::Debug::fmt(error, f),
            Error::Command(error) => fmt::Debug::fmt(error, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::{ConnectionError, Error, ImageError};
    use crate::types::Phase;

    #[test]
    fn debug_has_the_code_and_addresses_in_hexadecimal() {
        let cancelled = Error::Cancelled { phase: Phase::Write, done: 1, total: 2, address: 0x0800_0010 };
        let text = format!("{cancelled:?}");
        assert_eq!(text, "cancelled: cancelled while writing: 1 of 2 bytes are done, up to 0x08000010");
    }

    #[test]
    fn debug_names_the_source_once() {
        let source = || std::io::Error::other("the cable is out");
        let error =
            Error::from(ConnectionError::Io { peer: ([127, 0, 0, 1], 6666).into(), doing: "send", source: source() });
        assert_eq!(format!("{error:?}").matches("the cable is out").count(), 1, "{error:?}");
        let error = ImageError::Read { path: "firmware.elf".into(), source: source() };
        assert_eq!(format!("{error:?}").matches("the cable is out").count(), 1, "{error:?}");
    }
}
