//! Plain data that errors and subsystems share.

mod mismatch;
mod phase;
mod register_value;
mod sector_kind;
mod stop_point;
mod tap_state;
mod target_state;

pub use mismatch::Mismatch;
pub use phase::Phase;
pub use register_value::RegisterValue;
pub use sector_kind::SectorKind;
pub use stop_point::StopPoint;
pub use tap_state::{EndState, TapState};
pub use target_state::{HaltReason, ResetMode, TargetState};
