//! The encodings that vendors use.

use std::borrow::Cow;

use crate::svd::warnings::Warnings;

/// The text of a file: UTF-8, UTF-16 or Latin-1. What the XML declaration says does not count: it
/// is wrong as often as not.
pub(super) fn decode<'b>(bytes: &'b [u8], warnings: &mut Warnings) -> Cow<'b, str> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes, warnings).into(),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes, warnings).into(),
        // XML begins with `<` or white space.
        [b'<' | b' ' | b'\t' | b'\r' | b'\n', 0, ..] => {
            warnings.add("the text is read as UTF-16, though no byte order mark says so".to_owned());
            utf16(bytes, u16::from_le_bytes, warnings).into()
        }
        [0, b'<' | b' ' | b'\t' | b'\r' | b'\n', ..] => {
            warnings.add("the text is read as UTF-16, though no byte order mark says so".to_owned());
            utf16(bytes, u16::from_be_bytes, warnings).into()
        }
        _ => std::str::from_utf8(bytes).map_or_else(|_| latin(bytes, warnings).into(), Into::into),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, warnings: &mut Warnings) -> String {
    let pairs = bytes.chunks_exact(2);
    let is_cut = !pairs.remainder().is_empty();
    let mut is_broken = is_cut;
    let units = pairs.map(|pair| unit([pair[0], pair[1]]));
    let text = char::decode_utf16(units)
        .map(|c| {
            is_broken |= c.is_err();
            c.unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect();
    if is_broken {
        warnings.add("the text is no proper UTF-16; what cannot be read is left out".to_owned());
    }
    text
}

fn latin(bytes: &[u8], warnings: &mut Warnings) -> String {
    let declaration = &bytes[..bytes.len().min(200)];
    let declares = |name: &str| memchr::memmem::find(declaration, name.as_bytes()).is_some();
    if !declares("8859-1") && !declares("1252") {
        warnings.add("the text is no UTF-8 and is read as Latin-1".to_owned());
    }
    bytes.iter().map(|&byte| char::from(byte)).collect()
}
