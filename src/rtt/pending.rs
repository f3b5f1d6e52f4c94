//! Bytes that have come by a channel and were not taken.

/// A line that is longer comes in parts.
const LONGEST_LINE: usize = 64 * 1024;

/// As many bytes wait at most before more are read: one part of a line and what one read of the
/// socket brings.
const ROOM: usize = 2 * LONGEST_LINE;

#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    /// Where the bytes begin that were not taken.
    begin: usize,
}

impl Pending {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        // So each byte is moved once, however small the parts are that are taken.
        if self.begin >= self.bytes.len() / 2 {
            self.bytes.drain(..self.begin);
            self.begin = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// There is so much that no more should be read before some is taken.
    pub(super) fn is_full(&self) -> bool {
        self.rest().len() >= ROOM
    }

    pub(super) fn clear(&mut self) {
        *self = Pending::default();
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }

    fn take(&mut self, count: usize) -> &[u8] {
        let taken = self.begin..self.begin + count;
        self.begin += count;
        &self.bytes[taken]
    }

    /// Takes as many bytes as there is room for.
    pub(super) fn take_into(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.rest().len());
        buffer[..count].copy_from_slice(self.take(count));
        count
    }

    /// The last bytes that were pushed.
    pub(super) fn last(&self, count: usize) -> &[u8] {
        &self.bytes[self.bytes.len().saturating_sub(count)..]
    }

    pub(super) fn take_all(&mut self) -> &[u8] {
        self.take(self.bytes.len() - self.begin)
    }

    /// Takes all as text. The beginning of a character waits for its end.
    pub(super) fn take_text(&mut self) -> String {
        let rest = self.rest();
        // The last 3 bytes may be the beginning of a character, and no bytes before them.
        let last = (1..=rest.len().min(3)).find(|back| rest[rest.len() - back] & 0xc0 != 0x80);
        let keep = match last {
            Some(back) => match std::str::from_utf8(&rest[rest.len() - back..]) {
                // `None` is an end in the middle of a character.
                Err(error) if error.error_len().is_none() => back,
                _ => 0,
            },
            None => 0,
        };
        let count = rest.len() - keep;
        String::from_utf8_lossy(self.take(count)).into_owned()
    }

    /// Takes the next whole line, or a part of one that is too long; `None` if there is none yet.
    pub(super) fn take_line(&mut self) -> Option<String> {
        let rest = self.rest();
        let count = match memchr::memchr(b'\n', rest) {
            Some(end) => end + 1,
            None if rest.len() >= LONGEST_LINE => LONGEST_LINE,
            None => return None,
        };
        let line = self.take(count);
        let line = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        Some(String::from_utf8_lossy(line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(bytes: &[u8]) -> Pending {
        let mut pending = Pending::default();
        pending.push(bytes);
        pending
    }

    #[test]
    fn lines_are_taken_whole_or_in_parts() {
        let mut lines = pending(b"one\r\n\nt\xffwo\nbegin");
        let taken: Vec<_> = std::iter::from_fn(|| lines.take_line()).collect();
        assert_eq!(taken, ["one", "", "t\u{fffd}wo"]);
        lines.push(b"ning\n");
        assert_eq!(lines.take_line().unwrap(), "beginning");
        let mut endless = pending(&vec![b'x'; LONGEST_LINE + 1]);
        assert_eq!(endless.take_line().unwrap().len(), LONGEST_LINE);
        assert_eq!(endless.take_line(), None);
    }

    #[test]
    fn a_beginning_of_a_character_waits_for_its_end() {
        for character in ["é", "€", "𝄞"] {
            for cut in 1..character.len() {
                let mut text = pending(format!("a{character}").as_bytes());
                text = pending(&text.take_all()[..=cut]);
                assert_eq!(text.take_text(), "a");
                text.push(&character.as_bytes()[cut..]);
                assert_eq!(text.take_text(), character);
            }
        }
        assert_eq!(pending(b"a\x80\x80\x80\x80").take_text(), "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(pending(b"a\xff").take_text(), "a\u{fffd}");
    }

    #[test]
    fn many_short_lines_are_taken_in_time_and_room_is_reused() {
        let mut lines = Pending::default();
        let begin = std::time::Instant::now();
        for _ in 0..200 {
            lines.push(&[b'\n'; 16 * 1024]);
            assert!(!lines.is_full());
            while lines.take_line().is_some() {}
        }
        assert!(lines.bytes.capacity() <= ROOM);
        assert!(begin.elapsed() < std::time::Duration::from_secs(20));
    }
}
