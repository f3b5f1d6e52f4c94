//! Texts that are too long for one item.

#[cfg(feature = "serde")]
#[doc = include_str!("guide/json.md")]
pub mod json {}

#[doc = include_str!("guide/performance.md")]
pub mod performance {}

#[doc = include_str!("guide/reliability.md")]
pub mod reliability {}

#[doc = include_str!("guide/production_line.md")]
pub mod production_line {}
#[doc = include_str!("guide/remote_openocd.md")]
pub mod remote_openocd {}
