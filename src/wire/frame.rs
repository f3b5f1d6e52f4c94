//! Cuts the byte stream of a TCL port into replies, each ended by 0x1a. No I/O.

use std::fmt;
use std::ops::Range;

/// The byte that ends each command and each reply.
pub(crate) const SEPARATOR: u8 = 0x1a;

/// How many bytes a read may bring at once: a short reply comes in one read, and one of a megabyte
/// in a few.
const READ_SIZE: usize = 64 * 1024;

/// A receive buffer. A read puts its bytes into [`spare`](Self::spare), and
/// [`next_frame`](Self::next_frame) takes replies out.
///
/// ```text
///   0         start                    filled            bytes.len()
///   |  taken  |  reply 0x1a  next rep…  |  spare          |
/// ```
pub(crate) struct FrameBuffer {
    bytes: Vec<u8>,
    start: usize,
    /// No separator lies between `start` and here, so a long reply is searched once and not once a
    /// read.
    scanned: usize,
    filled: usize,
    limit: usize,
}

/// More bytes than the limit came without a separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl FrameBuffer {
    pub(crate) fn new(limit: usize) -> Self {
        FrameBuffer { bytes: vec![0; READ_SIZE], start: 0, scanned: 0, filled: 0, limit }
    }

    /// The next complete reply, without its separator; `None` until more bytes are there.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Range<usize>>, TooLong> {
        match memchr::memchr(SEPARATOR, &self.bytes[self.scanned..self.filled]) {
            Some(at) if self.scanned + at - self.start <= self.limit => {
                let frame = self.start..self.scanned + at;
                self.start = frame.end + 1;
                self.scanned = self.start;
                Ok(Some(frame))
            }
            Some(_) => Err(TooLong),
            None => {
                self.scanned = self.filled;
                if self.filled - self.start > self.limit { Err(TooLong) } else { Ok(None) }
            }
        }
    }

    /// The bytes of a frame that [`next_frame`](Self::next_frame) gave, valid until the next
    /// [`spare`](Self::spare).
    pub(crate) fn bytes(&self, frame: Range<usize>) -> &[u8] {
        &self.bytes[frame]
    }

    /// What has come of a reply that is not complete.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.filled]
    }

    /// Room for a read. Call [`advance`](Self::advance) with the number of bytes that it brought.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        // What is left of the last read stays where it is as long as there is room after it.
        let is_short = self.bytes.len() - self.filled < READ_SIZE / 2;
        if self.start == self.filled || (is_short && self.start > 0) {
            self.bytes.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.bytes.len() - self.filled < READ_SIZE / 2 {
            // Doubling keeps the copying of a reply of n bytes proportional to n.
            let larger = (self.bytes.len() * 2).max(self.filled + READ_SIZE);
            self.bytes.resize(larger, 0);
        }
        &mut self.bytes[self.filled..]
    }

    pub(crate) fn advance(&mut self, read: usize) {
        self.filled += read;
    }

    /// Drops all bytes that were not taken, and returns how many there were.
    pub(crate) fn discard(&mut self) -> usize {
        let discarded = self.filled - self.start;
        self.start = 0;
        self.scanned = 0;
        self.filled = 0;
        discarded
    }
}

impl fmt::Debug for FrameBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameBuffer({} bytes of at most {})", self.pending().len(), self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(buffer: &mut FrameBuffer, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spare = buffer.spare();
            let n = spare.len().min(bytes.len());
            spare[..n].copy_from_slice(&bytes[..n]);
            buffer.advance(n);
            bytes = &bytes[n..];
        }
    }

    fn next(buffer: &mut FrameBuffer) -> Result<Option<Vec<u8>>, TooLong> {
        Ok(buffer.next_frame()?.map(|frame| buffer.bytes(frame).to_vec()))
    }

    #[test]
    fn a_reply_split_at_every_byte_comes_whole() {
        let mut buffer = FrameBuffer::new(100);
        for byte in b"0x1 0x2" {
            feed(&mut buffer, &[*byte]);
            assert_eq!(next(&mut buffer), Ok(None));
        }
        feed(&mut buffer, &[SEPARATOR]);
        assert_eq!(next(&mut buffer), Ok(Some(b"0x1 0x2".to_vec())));
        assert_eq!(next(&mut buffer), Ok(None));
    }

    #[test]
    fn bytes_after_the_separator_are_kept_for_the_next_reply() {
        let mut buffer = FrameBuffer::new(100);
        feed(&mut buffer, b"one\x1atwo\x1a\x1athr");
        assert_eq!(next(&mut buffer), Ok(Some(b"one".to_vec())));
        assert_eq!(next(&mut buffer), Ok(Some(b"two".to_vec())));
        assert_eq!(next(&mut buffer), Ok(Some(Vec::new())));
        assert_eq!(next(&mut buffer), Ok(None));
        assert_eq!(buffer.pending(), b"thr");
        feed(&mut buffer, b"ee\x1a");
        assert_eq!(next(&mut buffer), Ok(Some(b"three".to_vec())));
    }

    #[test]
    fn a_reply_may_be_as_long_as_the_limit_and_no_longer() {
        let mut buffer = FrameBuffer::new(200_000);
        feed(&mut buffer, &vec![b'x'; 200_000]);
        assert_eq!(next(&mut buffer), Ok(None));
        feed(&mut buffer, &[SEPARATOR]);
        assert_eq!(next(&mut buffer).unwrap().unwrap().len(), 200_000);

        let mut buffer = FrameBuffer::new(200_000);
        feed(&mut buffer, &vec![b'x'; 200_001]);
        assert_eq!(next(&mut buffer), Err(TooLong));

        let mut buffer = FrameBuffer::new(10);
        feed(&mut buffer, b"elevenbytes\x1a");
        assert_eq!(next(&mut buffer), Err(TooLong));
    }

    #[test]
    fn discarding_leaves_an_empty_buffer() {
        let mut buffer = FrameBuffer::new(100);
        feed(&mut buffer, b"stale\x1ahalf");
        assert_eq!(buffer.discard(), 10);
        feed(&mut buffer, b"fresh\x1a");
        assert_eq!(next(&mut buffer), Ok(Some(b"fresh".to_vec())));
    }
}
