//! From OpenOCD's text to types: pure functions, no I/O.

pub(crate) mod adapter;
pub(crate) mod breakpoint;
pub(crate) mod dap;
pub(crate) mod event;
pub(crate) mod flash;
pub(crate) mod memory;
pub(crate) mod register;
pub(crate) mod rtt;
pub(crate) mod scan_chain;
pub(crate) mod svf;
pub(crate) mod target;
