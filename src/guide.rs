//! Texts that are too long for one item.

#[cfg(feature = "serde")]
#[doc = include_str!("guide/json.md")]
pub mod json {}

#[doc = include_str!("guide/cargo_run.md")]
pub mod cargo_run {}

#[doc = include_str!("guide/test_bench.md")]
pub mod test_bench {}

#[doc = include_str!("guide/when_firmware_crashes.md")]
pub mod when_firmware_crashes {}

#[doc = include_str!("guide/ocd.md")]
pub mod ocd {}

#[doc = include_str!("guide/performance.md")]
pub mod performance {}

#[doc = include_str!("guide/production_flashing.md")]
pub mod production_flashing {}

#[doc = include_str!("guide/reliability.md")]
pub mod reliability {}

#[doc = include_str!("guide/production_line.md")]
pub mod production_line {}

#[doc = include_str!("guide/remote_openocd.md")]
pub mod remote_openocd {}

#[doc = include_str!("guide/test_without_a_board.md")]
pub mod test_without_a_board {}
