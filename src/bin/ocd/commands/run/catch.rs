//! The exceptions of `--catch`.

use clap::ValueEnum;
use openocd::{Error, Target, TargetError, VectorCatch};

use crate::failure::Outcome;

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
    fn events(self) -> &'static [VectorCatch] {
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

/// Sets which exceptions halt the target: those that are named and no others, by default a HardFault
/// besides those that halt it already. Returns those that did so before, or `None` for a target that
/// cannot.
pub(super) fn set(target: &Target<'_>, named: Option<&[Catch]>) -> Outcome<Option<Vec<VectorCatch>>> {
    let before = match target.vector_catch() {
        Ok(before) => before,
        Err(Error::Target(TargetError::NoVectorCatch { .. } | TargetError::Unsupported { .. })) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (kept, named) = match named {
        Some(named) => (&[][..], named),
        None => (&before[..], &[Catch::HardFault][..]),
    };
    let mut wanted = kept.to_vec();
    wanted.extend(named.iter().flat_map(|catch| catch.events()).filter(|event| !kept.contains(event)));
    target.set_vector_catch(&wanted)?;
    Ok(Some(before))
}
