//! What a number of a flash call counts.

use std::fmt;

/// What a number of a flash call counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SectorKind {
    /// Sectors, the smallest parts that can be erased.
    Sector,
    /// Blocks, the smallest parts that can be protected.
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
