//! Numbers in OpenOCD's text.

/// A number as OpenOCD prints most of them: `0x`, and nothing but up to 16 digits.
pub(crate) fn hex(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    // Without this a sign would pass.
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The same, of at most 32 bits.
pub(crate) fn hex32(text: &str) -> Option<u32> {
    u32::try_from(hex(text)?).ok()
}
