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

/// A flag as Tcl prints it: 0 or 1, and nothing else.
pub(crate) fn flag(text: &(impl AsRef<[u8]> + ?Sized)) -> Option<bool> {
    match text.as_ref().trim_ascii() {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}
