//! Text between tags: references, comments, CDATA.

use std::borrow::Cow;
use std::ops::Range;

use super::Malformed;

/// The length of the tag that a text begins with. A `>` inside quotes does not end it.
pub(super) fn tag_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', &bytes[at..])?;
        if bytes[at] == b'>' {
            return Some(at + 1);
        }
        let quote = bytes[at];
        at += 1;
        at += memchr::memchr(quote, &bytes[at..])? + 1;
    }
}

/// Checks every reference, such as `&lt;` or `&#45;`, of a text that begins at an offset.
pub(super) fn check_references(text: &str, offset: usize) -> Result<(), Malformed> {
    for at in memchr::memchr_iter(b'&', text.as_bytes()) {
        if reference(&text[at..]).is_none() {
            let shown: String = text[at..].chars().take_while(|c| !c.is_whitespace()).take(20).collect();
            let message = format!("the reference {shown:?} is not known");
            return Err(Malformed { offset: offset + at, message });
        }
    }
    Ok(())
}

/// The character that a reference stands for, and the reference's length.
fn reference(text: &str) -> Option<(char, usize)> {
    // The longest is `&#x0010ffff;`, which may have more zeros.
    let end = memchr::memchr(b';', &text.as_bytes()[..text.len().min(32)])?;
    let code = |digits: &str, radix| {
        let is_digits = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let code = u32::from_str_radix(digits, radix).ok().filter(|_| is_digits)?;
        char::from_u32(code).filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r'))
    };
    let found = match text.get(1..end)? {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        name => {
            let digits = name.strip_prefix('#')?;
            digits.strip_prefix('x').map_or_else(|| code(digits, 10), |hex| code(hex, 16))?
        }
    };
    Some((found, end + 1))
}

/// The text of a range without white space around it, and without the child elements in the range.
pub(super) fn content(
    document: &str,
    range: Range<usize>,
    children: impl Iterator<Item = Range<usize>>,
) -> Cow<'_, str> {
    let raw = &document[range.clone()];
    if memchr::memchr3(b'<', b'&', b'\r', raw.as_bytes()).is_none() {
        return raw.trim().into();
    }
    let mut text = String::new();
    let mut children = children.peekable();
    let mut at = range.start;
    while at < range.end {
        let rest = &document[at..range.end];
        let next = memchr::memchr2(b'<', b'&', rest.as_bytes()).unwrap_or(rest.len());
        text.push_str(&rest[..next]);
        at += next;
        let rest = &rest[next..];
        let length_to =
            |mark: &str, from: usize| rest[from..].find(mark).map_or(rest.len(), |end| from + end + mark.len());
        if let Some((c, length)) = reference(rest).filter(|_| rest.starts_with('&')) {
            text.push(c);
            at += length;
        } else if let Some(cdata) = rest.strip_prefix("<![CDATA[") {
            text.push_str(cdata.split_once("]]>").map_or(cdata, |(cdata, _)| cdata));
            at += length_to("]]>", 9);
        } else if rest.starts_with("<!--") {
            at += length_to("-->", 4);
        } else if rest.starts_with("<?") {
            at += length_to("?>", 2);
        } else if let Some(child) = children.next_if(|child| child.start == at) {
            at = child.end;
        } else {
            // A tag of what the reader skips.
            at += tag_length(rest).unwrap_or(rest.len());
        }
    }
    if text.contains('\r') {
        text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    match text.trim() {
        trimmed if trimmed.len() == text.len() => text.into(),
        trimmed => trimmed.to_owned().into(),
    }
}
