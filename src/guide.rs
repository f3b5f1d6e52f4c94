//! Texts that are too long for one item.

#[doc = include_str!("guide/first_steps.md")]
pub mod first_steps {}

#[doc = include_str!("guide/coming_from_openocd_python.md")]
pub mod coming_from_openocd_python {}

#[doc = include_str!("guide/coming_from_telnet.md")]
pub mod coming_from_telnet {}

#[doc = include_str!("guide/bring_up.md")]
pub mod bring_up {}

#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/many_boards.md")]
pub mod many_boards {}

#[doc = include_str!("guide/rtt_and_logging.md")]
pub mod rtt_and_logging {}

#[cfg(feature = "svd")]
#[doc = include_str!("guide/svd_files.md")]
pub mod svd_files {}

#[doc = include_str!("guide/why_not_probe_rs.md")]
pub mod why_not_probe_rs {}

#[cfg(feature = "serde")]
#[doc = include_str!("guide/json.md")]
pub mod json {}

#[doc = include_str!("guide/cargo_run.md")]
pub mod cargo_run {}

#[doc = include_str!("guide/test_bench.md")]
#[allow(clippy::test_attr_in_doctest, reason = "it shows tests of the reader's, and calls one itself")]
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
