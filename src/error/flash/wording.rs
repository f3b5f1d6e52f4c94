//! Parts of the texts of errors of flash calls.

use crate::error::text::comma_separated;

pub(super) fn list_banks(banks: &[String]) -> String {
    if banks.is_empty() { "no flash bank".to_owned() } else { comma_separated(banks) }
}

/// `, which is reversed`, or nothing.
pub(super) fn or_reversed(first: u32, last: u32) -> &'static str {
    if first > last { ", which is reversed" } else { "" }
}

pub(super) fn numbers(count: usize) -> String {
    match count {
        0 => "none".to_owned(),
        count => format!("0 to {}", count - 1),
    }
}

/// `at least 3072 of 26624 bytes are erased, those before it`
pub(super) fn at_least(done: u64, total: u64, verb: &str) -> String {
    match done {
        0 => format!("none of {total} bytes is known to be {verb}"),
        done => format!("at least {done} of {total} bytes are {verb}, those before it"),
    }
}

/// `; 0x08000000..0x08000400 may be erased in part`, or nothing.
pub(super) fn in_part(address: u64, unknown_to: u64, verb: &str) -> String {
    if address == unknown_to {
        return String::new();
    }
    format!("; {address:#010x}..{unknown_to:#010x} may be {verb} in part")
}
