//! What the text formats share: lines, hexadecimal digits, big-endian numbers.

/// Iterates over the lines that hold a record, with their numbers from 1.
///
/// LF, CRLF and CR end a line. Blank lines are skipped, and so are comments, which begin with `#`
/// as in OpenOCD. A semicolon is no comment: it is one flipped bit away from the colon of a record.
pub(super) fn lines(contents: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let end = if memchr::memchr(b'\n', contents).is_some() { b'\n' } else { b'\r' };
    let lines = contents.split(move |&byte| byte == end).map(<[u8]>::trim_ascii);
    lines.enumerate().filter(|(_, line)| !matches!(line, [] | [b'#', ..])).map(|(index, line)| (index + 1, line))
}

/// Reads pairs of hexadecimal digits into `bytes`; fails with what is wrong with the line.
pub(super) fn unhex(digits: &[u8], bytes: &mut Vec<u8>) -> Result<(), &'static str> {
    bytes.clear();
    for pair in digits.chunks(2) {
        let digit = |index: usize| pair.get(index).and_then(|&b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err("is not made of pairs of hexadecimal digits");
        };
        #[allow(clippy::cast_possible_truncation, reason = "two hexadecimal digits are one byte")]
        bytes.push((high << 4 | low) as u8);
    }
    Ok(())
}

/// Reads a number of big-endian bytes.
pub(super) fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Warns of records after the end record, which are ignored as GNU objcopy ignores them.
pub(super) fn warn_of_ignored<'a>(format: super::ImageFormat, rest: impl Iterator<Item = (usize, &'a [u8])>) {
    // 0x1a is the end-of-file character of DOS.
    let mut records = rest.filter(|(_, line)| line.iter().any(|byte| !matches!(byte, 0 | 0x1a)));
    if let Some((line, _)) = records.next() {
        let count = 1 + records.count();
        log::warn!("{count} lines of the {format} image follow its end record and are ignored, from line {line} on");
    }
}
