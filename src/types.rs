//! Plain data that errors and subsystems share.

mod evidence;
#[cfg(feature = "serde")]
pub(crate) mod form;
mod hex;
mod image_format;
mod mismatch;
mod not_run_reason;
mod on_close;
mod path_end;
mod phase;
mod register_value;
mod reset_signal;
mod rtt_direction;
mod rtt_wait;
mod sector_kind;
#[cfg(feature = "svd")]
mod skip_reason;
mod stop_point;
mod symbol;
mod tap_state;
mod target_state;
mod vector_catch;

pub use evidence::Evidence;
pub(crate) use hex::{Hex, InHex, debug_in_hex};
pub use image_format::ImageFormat;
pub use mismatch::Mismatch;
pub use not_run_reason::NotRunReason;
pub use on_close::OnClose;
pub use path_end::PathEnd;
pub use phase::Phase;
pub use register_value::RegisterValue;
pub use reset_signal::ResetSignal;
pub use rtt_direction::RttDirection;
pub use rtt_wait::RttWait;
pub use sector_kind::SectorKind;
#[cfg(feature = "svd")]
pub use skip_reason::{ReadAction, SkipReason};
pub use stop_point::StopPoint;
pub use symbol::{Symbol, SymbolKind};
pub use tap_state::{EndState, TapState};
pub use target_state::{HaltReason, ResetMode, TargetState};
pub use vector_catch::VectorCatch;
