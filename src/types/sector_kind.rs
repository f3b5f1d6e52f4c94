//! What flash is counted in.

use std::fmt;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SectorKind {
    /// Sectors, which are erased at a time.
    Sector,
    /// Blocks, which are protected at a time.
    ProtectionBlock,
}

/// "sector", "protection block"
impl fmt::Display for SectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SectorKind::Sector => "sector",
            SectorKind::ProtectionBlock => "protection block",
        })
    }
}
