//! A ring of the control block, as the target's memory has it.

use crate::memory::numbers::decode;
use crate::wire::tcl;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

impl Direction {
    pub(super) fn word(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

/// One direction of a channel. The positions are offsets into the ring.
///
/// The control block is 16 bytes of id, the counts of up- and down-channels, and then 24 bytes each: name, ring, size, where the next
/// byte is written, where the next is read, flags (`SEGGER_RTT.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ring {
    /// The control block carries the id that it should.
    pub(super) is_intact: bool,
    /// How many channels of this direction there are.
    pub(super) count: u32,
    /// The size of the ring; 0 if there is no such channel or it is not in use.
    pub(super) size: u32,
    pub(super) written: u32,
    pub(super) read: u32,
}

impl Ring {
    /// Reads the answer of `_openocd_rs_1_rtt_ring`: `{SEGGER RTT} {0x47474553 …} {0x0 …}`.
    pub(super) fn parse(direction: Direction, answer: &str) -> Option<Ring> {
        let [id, block, channel] = tcl::elements(answer.as_bytes()).take_array()?;
        let mut block_words = [0_u32; 6];
        decode(&block, &mut block_words)?;
        let id_bytes: Vec<u8> = block_words[..4].iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut words = [0_u32; 6];
        if !channel.is_empty() {
            decode(&channel, &mut words)?;
        }
        let [_, _, size, written, read, _] = words;
        Some(Ring {
            is_intact: id_bytes.starts_with(&id),
            count: block_words[if direction == Direction::Up { 4 } else { 5 }],
            size,
            written,
            read,
        })
    }

    /// The firmware uses it, and its positions make sense. OpenOCD leaves rings of a single byte alone (`RTT_CHANNEL_BUFFER_MIN_SIZE`).
    pub(super) fn is_usable(&self) -> bool {
        self.is_intact && self.size >= 2 && self.written < self.size && self.read < self.size
    }

    pub(super) fn holds_bytes(&self) -> bool {
        self.is_usable() && self.written != self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "{SEGGER RTT} {0x47474553 0x52205245 0x5454 0x0 0x3 0x2}";

    fn ring(size: u32, written: u32, read: u32) -> Ring {
        Ring { is_intact: true, count: 1, size, written, read }
    }

    #[test]
    fn answers() {
        let down = Ring::parse(Direction::Down, &format!("{ID} {{0x1 0x2 0x40 0x3 0x5 0x2}}")).unwrap();
        assert_eq!(down, Ring { is_intact: true, count: 2, size: 64, written: 3, read: 5 });
        let none = Ring::parse(Direction::Up, &format!("{ID} {{}}")).unwrap();
        assert_eq!((none.count, none.is_usable()), (3, false));
        let gone = Ring::parse(Direction::Up, "{SEGGER RTT} {0 0 0 0 0 0} {}".replace('0', "0x0").as_str()).unwrap();
        assert!(!gone.is_intact);
    }

    #[test]
    fn invalid_answers() {
        for answer in ["", "a", "a {0x1} {}", "a {0x1 0x2 0x3 0x4 0x5 0x6} {0x1}", "a {x} {}"] {
            assert_eq!(Ring::parse(Direction::Up, answer), None, "{answer:?}");
        }
    }

    #[test]
    fn rings_that_make_no_sense() {
        for broken in [
            ring(0, 0, 0),
            ring(1, 0, 0),
            ring(8, 8, 0),
            ring(8, 0, u32::MAX),
            Ring { is_intact: false, ..ring(8, 0, 0) },
        ] {
            assert!(!broken.is_usable() && !broken.holds_bytes(), "{broken:?}");
        }
    }
}
