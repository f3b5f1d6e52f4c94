//! Numbers in hexadecimal, for `Debug`.

use std::fmt;

/// A number that `Debug` writes in hexadecimal, also within `Some`.
pub(crate) struct Hex(pub(crate) u64);

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
