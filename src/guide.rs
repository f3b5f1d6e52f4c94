//! Texts that are too long for one item.

#[doc = include_str!("guide/performance.md")]
pub mod performance {}

#[doc = include_str!("guide/reliability.md")]
pub mod reliability {}
