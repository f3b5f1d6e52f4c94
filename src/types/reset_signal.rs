//! The reset lines of an adapter.

use std::fmt;

/// Reset lines of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ResetSignal {
    /// System reset, usually the chip's NRST pin.
    Srst,
    /// Test reset, which resets the TAPs. SWD has none. While it is asserted over JTAG, every scan,
    /// and so every access to a target, makes OpenOCD abort.
    Trst,
    /// Both lines at once, for boards where one pulls the other.
    Both,
}

impl ResetSignal {
    /// Returns the lines one by one, in the order in which they are driven.
    pub(crate) fn each(self) -> &'static [ResetSignal] {
        match self {
            ResetSignal::Srst => &[ResetSignal::Srst],
            ResetSignal::Trst => &[ResetSignal::Trst],
            ResetSignal::Both => &[ResetSignal::Trst, ResetSignal::Srst],
        }
    }
}

/// `srst`, `trst` or `both`; OpenOCD has the first two names.
impl fmt::Display for ResetSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ResetSignal::Srst => "srst",
            ResetSignal::Trst => "trst",
            ResetSignal::Both => "both",
        })
    }
}
