//! The single-cycle IO block, as far as programs on two cores need it: the number of the core, and
//! a FIFO in each direction.
//!
//! RP2040 datasheet, 2.3.1.4 (the FIFOs) and 2.3.1.7 (the registers). Neither FIFO interrupts a
//! core.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::CORES;

const CPUID: u32 = 0x00;
const FIFO_ST: u32 = 0x50;
const FIFO_WR: u32 = 0x54;
const FIFO_RD: u32 = 0x58;
/// FIFO_ST: there is a word to read, there is room for a word to write, a write found the FIFO
/// full, a read found it empty.
const VLD: u32 = 1 << 0;
const RDY: u32 = 1 << 1;
const WOF: u32 = 1 << 2;
const ROE: u32 = 1 << 3;
const FIFO_WORDS: usize = 8;

/// What one core has.
#[derive(Debug, Default)]
struct Mailbox {
    /// The words for this core.
    words: VecDeque<u32>,
    /// The word that was read last.
    last: u32,
    /// WOF and ROE.
    errors: u32,
}

/// The registers.
#[derive(Debug, Default)]
pub(crate) struct Sio {
    boxes: [Mailbox; CORES],
}

/// Locks, also after a test panicked.
pub(super) fn lock(sio: &Mutex<Sio>) -> MutexGuard<'_, Sio> {
    sio.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sio {
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Reads a register as this core, or as its debugger.
    pub(super) fn read(&mut self, core: usize, offset: u32) -> Option<u32> {
        if offset == FIFO_RD {
            let own = &mut self.boxes[core];
            match own.words.pop_front() {
                Some(word) => own.last = word,
                None => own.errors |= ROE,
            }
            return Some(own.last);
        }
        self.peek(core, offset)
    }

    /// Returns what a read would give.
    pub(super) fn peek(&self, core: usize, offset: u32) -> Option<u32> {
        let (own, other) = (&self.boxes[core], &self.boxes[1 - core]);
        let bit = |set: bool, mask: u32| if set { mask } else { 0 };
        Some(match offset {
            CPUID => core as u32,
            FIFO_ST => own.errors | bit(!own.words.is_empty(), VLD) | bit(other.words.len() < FIFO_WORDS, RDY),
            FIFO_RD => own.words.front().copied().unwrap_or(own.last),
            FIFO_WR => 0,
            _ => return None,
        })
    }

    pub(super) fn write(&mut self, core: usize, offset: u32, value: u32) -> Option<()> {
        match offset {
            FIFO_ST => self.boxes[core].errors &= !value,
            FIFO_WR if self.boxes[1 - core].words.len() < FIFO_WORDS => self.boxes[1 - core].words.push_back(value),
            FIFO_WR => self.boxes[core].errors |= WOF,
            CPUID | FIFO_RD => {}
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_the_other_core_in_their_order() {
        let mut sio = Sio::default();
        assert_eq!([0, 1].map(|core| sio.read(core, CPUID)), [Some(0), Some(1)]);
        for word in [7, 8] {
            sio.write(0, FIFO_WR, word);
        }
        assert_eq!([0, 1].map(|core| sio.read(core, FIFO_ST)), [Some(RDY), Some(VLD | RDY)]);
        assert_eq!(sio.peek(1, FIFO_RD), Some(7), "a look takes nothing");
        assert_eq!([(); 3].map(|()| sio.read(1, FIFO_RD)), [Some(7), Some(8), Some(8)]);
        assert_eq!(sio.read(1, FIFO_ST), Some(RDY | ROE));
        sio.write(1, FIFO_ST, ROE);
        assert_eq!(sio.read(1, FIFO_ST), Some(RDY));
        assert_eq!(sio.read(0, 0x10), None, "the GPIO registers are missing");
    }

    #[test]
    fn a_full_fifo_takes_no_word() {
        let mut sio = Sio::default();
        for word in 0..9 {
            sio.write(1, FIFO_WR, word);
        }
        assert_eq!(sio.read(1, FIFO_ST), Some(WOF));
        assert_eq!((0..8).map(|_| sio.read(0, FIFO_RD).unwrap()).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
        assert_eq!(sio.read(0, FIFO_ST), Some(RDY));
    }
}
