//! Texts that are too long for one item.

#[doc = include_str!("guide/test_bench.md")]
pub mod test_bench {}

#[doc = include_str!("guide/when_firmware_crashes.md")]
pub mod when_firmware_crashes {}

#[doc = include_str!("guide/performance.md")]
pub mod performance {}

#[doc = include_str!("guide/reliability.md")]
pub mod reliability {}
