//! The exceptions of `--catch`.

use clap::ValueEnum;
use openocd::VectorCatch;

/// An exception, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Catch {
    None,
    HardFault,
    BusFault,
    UsageFault,
    MemoryManagement,
    Reset,
}

impl Catch {
    pub(super) fn events(self) -> &'static [VectorCatch] {
        match self {
            Catch::None => &[],
            Catch::HardFault => &[VectorCatch::HardFault],
            Catch::BusFault => &[VectorCatch::BusFault],
            Catch::UsageFault => &[VectorCatch::StateError, VectorCatch::CheckError, VectorCatch::NoCoprocessor],
            Catch::MemoryManagement => &[VectorCatch::MemoryManagement],
            Catch::Reset => &[VectorCatch::Reset],
        }
    }
}
