//! Longer texts than fit beside one item.

#[doc = include_str!("guide/performance.md")]
pub mod performance {}
