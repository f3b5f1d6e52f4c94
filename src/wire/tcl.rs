//! Tcl words and lists: quoting what goes to OpenOCD, reading what comes back. No I/O.
//!
//! OpenOCD's interpreter is Jim Tcl, built without UTF-8 support, so strings are bytes. Its `exec`
//! runs programs: a name that reaches a command unquoted is remote code execution, which is why
//! every word that a caller supplies passes through [`quote`], once, where the command is built.

use std::borrow::Cow;

/// Quotes a word for [`Session::command`](crate::Session::command), so that Tcl takes it as exactly
/// one word with exactly these characters, whatever they are.
///
/// Use it for everything in a command that comes from elsewhere: paths, names, user input.
/// OpenOCD's Tcl can run programs, so an unquoted word can run code.
///
/// Plain words stay as they are. Anything else becomes a double-quoted string with escapes.
///
/// ```
/// use openocd::quote;
///
/// assert_eq!(quote("stm32f1x.cpu"), "stm32f1x.cpu");
/// assert_eq!(quote("my file.elf"), r#""my file.elf""#);
/// assert_eq!(quote("[exec reboot]"), r#""\[exec reboot\]""#);
/// ```
pub fn quote(word: &str) -> Cow<'_, str> {
    if is_plain(word) {
        return Cow::Borrowed(word);
    }
    let mut quoted = Vec::with_capacity(word.len() + 8);
    push_quoted(&mut quoted, word);
    // Only whole characters were copied, and ASCII put between them.
    String::from_utf8_lossy(&quoted).into_owned().into()
}

fn is_plain(word: &str) -> bool {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b':' | b'+' | b'=' | b',' | b'@' | b'%')
    };
    !word.is_empty() && word.bytes().all(plain)
}

/// Appends a word as [`quote`] quotes it.
pub(crate) fn push_quoted(line: &mut Vec<u8>, word: &str) {
    if is_plain(word) {
        line.extend_from_slice(word.as_bytes());
        return;
    }
    // Not braces: they cannot hold an unbalanced brace or a trailing backslash, and one rule for
    // all is easier to trust.
    line.push(b'"');
    for &byte in word.as_bytes() {
        let escape = match byte {
            b'"' | b'\\' | b'$' | b'[' | b']' | b'{' | b'}' | b';' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            0x0c => b'f',
            other => {
                line.push(other);
                continue;
            }
        };
        line.extend_from_slice(&[b'\\', escape]);
    }
    line.push(b'"');
}

/// A list of words, as text: an element of it is exactly one of them.
pub(crate) fn list<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Quotes any bytes as one word. What is not a plain character becomes `\xHH`, of which Jim Tcl
/// reads exactly two digits.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut quoted = String::with_capacity(bytes.len() * 4 + 2);
    quoted.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' | b'$' | b'[' | b']' | b'{' | b'}' | b';' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            byte => {
                let [high, low] = [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
                quoted.extend(['\\', 'x', high, low]);
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Reads the elements of a Tcl list, in order: bare, braced and double-quoted words, backslash
/// escapes.
///
/// An element without escapes borrows from `list`. Reading stops at the first malformed element,
/// which comes as an `Err`.
pub(crate) fn elements(list: &[u8]) -> Elements<'_> {
    Elements { rest: list, failed: false }
}

/// The first elements of a list, as text; `None` if there are fewer.
pub(crate) fn strings<const N: usize>(list: &[u8]) -> Option<[String; N]> {
    let elements = elements(list).take_array::<N>()?;
    Some(elements.map(|element| String::from_utf8_lossy(&element).into_owned()))
}

/// All elements of a list, as text; `None` if it is malformed.
pub(crate) fn all_strings(list: &[u8]) -> Option<Vec<String>> {
    elements(list).map(|element| Some(String::from_utf8_lossy(&element.ok()?).into_owned())).collect()
}

/// A result as text; `None` if it is not UTF-8.
pub(crate) fn text(result: &[u8]) -> Option<&str> {
    std::str::from_utf8(result).ok()
}

/// The bytes are not a Tcl list (an unbalanced brace or quote, or text glued to a closing one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MalformedList;

/// Iterator of [`elements`].
#[derive(Debug, Clone)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    failed: bool,
}

impl<'a> Elements<'a> {
    /// The next `N` elements, or nothing when there are fewer or one is malformed.
    pub(crate) fn take_array<const N: usize>(&mut self) -> Option<[Cow<'a, [u8]>; N]> {
        let mut taken: [Cow<'a, [u8]>; N] = std::array::from_fn(|_| Cow::Borrowed(&[][..]));
        for slot in &mut taken {
            *slot = self.next()?.ok()?;
        }
        Some(taken)
    }

    fn fail(&mut self) -> Result<Cow<'a, [u8]>, MalformedList> {
        self.failed = true;
        Err(MalformedList)
    }

    /// After a closing brace or quote only white space or the end may follow.
    fn close(&mut self, element: Cow<'a, [u8]>, rest: &'a [u8]) -> Result<Cow<'a, [u8]>, MalformedList> {
        if rest.first().is_some_and(|&b| !is_space(b)) {
            return self.fail();
        }
        self.rest = rest;
        Ok(element)
    }

    fn braced(&mut self, body: &'a [u8]) -> Result<Cow<'a, [u8]>, MalformedList> {
        let mut depth = 1_usize;
        let mut from = 0;
        while let Some(at) = memchr::memchr3(b'{', b'}', b'\\', &body[from..]) {
            let at = from + at;
            match body[at] {
                b'\\' => {
                    from = (at + 2).min(body.len());
                    continue;
                }
                b'{' => depth += 1,
                _ => depth -= 1,
            }
            if depth == 0 {
                return self.close(Cow::Borrowed(&body[..at]), &body[at + 1..]);
            }
            from = at + 1;
        }
        self.fail()
    }

    fn quoted(&mut self, body: &'a [u8]) -> Result<Cow<'a, [u8]>, MalformedList> {
        let mut at = 0;
        while at < body.len() {
            match body[at] {
                b'"' => return self.close(unescape(&body[..at]), &body[at + 1..]),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.fail()
    }

    fn bare(&mut self) -> Cow<'a, [u8]> {
        let word = self.rest;
        let mut at = 0;
        while at < word.len() && !is_space(word[at]) {
            at += if word[at] == b'\\' { 2 } else { 1 };
        }
        let at = at.min(word.len());
        self.rest = &word[at..];
        unescape(&word[..at])
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Cow<'a, [u8]>, MalformedList>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let start = self.rest.iter().position(|&b| !is_space(b))?;
        self.rest = &self.rest[start..];
        let rest = self.rest;
        Some(match rest[0] {
            b'{' => self.braced(&rest[1..]),
            b'"' => self.quoted(&rest[1..]),
            _ => Ok(self.bare()),
        })
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Resolves backslash escapes as Tcl does.
fn unescape(word: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', word) else { return Cow::Borrowed(word) };
    let mut out = Vec::with_capacity(word.len());
    out.extend_from_slice(&word[..first]);
    let mut rest = &word[first..];
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let [escaped, tail @ ..] = rest else {
            out.push(b'\\');
            break;
        };
        rest = tail;
        match escaped {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'x' => {
                let digits = rest.iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count();
                let value = rest[..digits].iter().fold(0_u8, |v, &d| (v << 4) | hex_digit(d));
                out.push(if digits == 0 { b'x' } else { value });
                rest = &rest[digits..];
            }
            b'0'..=b'7' => {
                let more = rest.iter().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
                let value = rest[..more].iter().fold(u32::from(escaped - b'0'), |v, &d| v * 8 + u32::from(d - b'0'));
                #[allow(clippy::cast_possible_truncation, reason = "Tcl keeps the low eight bits of an octal escape")]
                out.push(value as u8);
                rest = &rest[more..];
            }
            other => out.push(*other),
        }
    }
    Cow::Owned(out)
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_list(list: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
        elements(list).collect::<Result<_, _>>().ok()
    }

    fn list(text: &str) -> Vec<String> {
        parse_list(text.as_bytes())
            .expect("a well-formed list")
            .iter()
            .map(|e| String::from_utf8_lossy(e).into_owned())
            .collect()
    }

    #[test]
    fn plain_words_are_not_quoted() {
        for word in ["stm32f1x.cpu", "0x20000000", "/a/b-c_d.elf", "C:/x"] {
            assert_eq!(quote(word), word);
        }
    }

    #[test]
    fn everything_that_tcl_would_substitute_is_escaped() {
        assert_eq!(quote(""), "\"\"");
        assert_eq!(quote("my file.elf"), "\"my file.elf\"");
        assert_eq!(quote("[exec reboot]"), "\"\\[exec reboot\\]\"");
        assert_eq!(quote("a$b\\c\"d{e}f;g\n"), "\"a\\$b\\\\c\\\"d\\{e\\}f\\;g\\n\"");
        assert_eq!(quote("#x"), "\"#x\"");
    }

    #[test]
    fn quoted_words_read_back_as_one_element() {
        for word in ["", "a b", "{", "}", "\\", "a\\", "\"", "[x]", "$y", "a\nb\tc\r\x0b\x0c", "é", ";#", "\\x41"] {
            assert_eq!(list(&quote(word)), [word], "{word:?}");
        }
    }

    #[test]
    fn lists_as_openocd_writes_them() {
        assert_eq!(list("1 0 {Open On-Chip Debugger 0.12.0} {}"), ["1", "0", "Open On-Chip Debugger 0.12.0", ""]);
        assert_eq!(list("6 0 a\\ \\{\\ b {}"), ["6", "0", "a { b", ""]);
        assert_eq!(list(" {a {b c}} \n d\t"), ["a {b c}", "d"]);
        assert_eq!(list("\"x y\" z"), ["x y", "z"]);
        assert_eq!(list("a\\nb \\x1b \\101"), ["a\nb", "\x1b", "A"]);
        assert_eq!(list("{j\\k}"), ["j\\k"]);
        assert!(list("").is_empty());
    }

    #[test]
    fn braced_elements_borrow() {
        let parsed = parse_list(b"{0x1 0x2} 0x3").unwrap();
        assert!(parsed.iter().all(|e| matches!(e, Cow::Borrowed(_))));
    }

    #[test]
    fn invalid_lists_are_refused() {
        for text in ["{a", "\"a", "{a}b", "\"a\"b", "x {y", "{a\\"] {
            assert_eq!(parse_list(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_trailing_backslash_is_kept() {
        assert_eq!(list("a\\"), ["a\\"]);
    }
}
