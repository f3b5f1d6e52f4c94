//! From OpenOCD's text to types: pure functions, no I/O.

pub(crate) mod adapter;
pub(crate) mod breakpoint;
pub(crate) mod dap;
pub(crate) mod event;
pub(crate) mod flash;
mod lanes;
pub(crate) mod md;
pub(crate) mod memory;
pub(crate) mod register;
pub(crate) mod rtt;
pub(crate) mod scan_chain;
pub(crate) mod svf;
pub(crate) mod target;
pub(crate) mod xsvf;

/// A number as OpenOCD prints most of them: `0x`, and nothing but up to 16 digits.
fn hex(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    // Without this a sign would pass.
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The same, of at most 32 bits.
fn hex32(text: &str) -> Option<u32> {
    u32::try_from(hex(text)?).ok()
}
