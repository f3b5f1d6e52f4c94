//! The DMA controller, of which only transfers from memory to memory are carried out, and at once.
//!
//! RM0008, chapter 13. No peripheral of this chip asks for a transfer.

use crate::bus::Size;

const ISR: u32 = 0x00;
const IFCR: u32 = 0x04;
const CHANNELS: u32 = 0x08;
const SPACING: u32 = 0x14;

const EN: u32 = 1 << 0;
const DIR: u32 = 1 << 4;
const PINC: u32 = 1 << 6;
const MINC: u32 = 1 << 7;
const MEM2MEM: u32 = 1 << 14;
/// GIF, TCIF, HTIF and TEIF of channel 1; the next channel's are 4 above.
const GLOBAL: u32 = 1;
const COMPLETE: u32 = 2;
const HALF: u32 = 4;
const ERROR: u32 = 8;

#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    configuration: u32,
    count: u32,
    peripheral: u32,
    memory: u32,
}

/// What a channel is to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    channel: usize,
    pub(crate) count: u32,
    pub(crate) from: End,
    pub(crate) to: End,
}

/// One end of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) address: u32,
    pub(crate) size: Size,
    increments: bool,
}

impl End {
    /// Where element `index` is.
    pub(crate) fn at(self, index: u32) -> u32 {
        let step = if self.increments { self.size.bytes() } else { 0 };
        (self.address & !self.size.mask()).wrapping_add(index.wrapping_mul(step))
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Dma {
    flags: u32,
    channels: [Channel; 7],
    due: Option<Transfer>,
}

impl Dma {
    pub(crate) fn read(&self, offset: u32) -> u32 {
        if offset < CHANNELS {
            return if offset == ISR { self.flags } else { 0 };
        }
        let Some(channel) = self.channels.get(((offset - CHANNELS) / SPACING) as usize) else { return 0 };
        match (offset - CHANNELS) % SPACING {
            0x0 => channel.configuration,
            0x4 => channel.count,
            0x8 => channel.peripheral,
            0xc => channel.memory,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        if offset < CHANNELS {
            if offset == IFCR {
                // The global bit clears all four of its channel (RM0008, 13.4.2).
                let global = value & 0x0111_1111;
                self.flags &= !(value | global << 1 | global << 2 | global << 3);
                self.summarise();
            }
            return;
        }
        let index = ((offset - CHANNELS) / SPACING) as usize;
        let Some(channel) = self.channels.get_mut(index) else { return };
        let is_off = channel.configuration & EN == 0;
        match (offset - CHANNELS) % SPACING {
            0x0 => {
                channel.configuration = value & 0x7fff;
                if is_off && value & (EN | MEM2MEM) == EN | MEM2MEM {
                    self.due = Some(channel.transfer(index));
                }
            }
            0x4 if is_off => channel.count = value & 0xffff,
            0x8 if is_off => channel.peripheral = value,
            0xc if is_off => channel.memory = value,
            _ => {}
        }
    }

    /// The transfer that a write has started.
    pub(crate) fn take_transfer(&mut self) -> Option<Transfer> {
        self.due.take()
    }

    /// How a transfer ended: `moved` elements are moved, all of them unless there was a bus error,
    /// which switches the channel off.
    pub(crate) fn finish(&mut self, transfer: &Transfer, moved: u32) {
        let channel = &mut self.channels[transfer.channel];
        channel.count = transfer.count - moved;
        let mut flags = 0;
        if moved == transfer.count {
            if moved > 0 {
                flags = COMPLETE | HALF;
            }
        } else {
            channel.configuration &= !EN;
            flags = ERROR;
        }
        self.flags |= flags << (4 * transfer.channel);
        self.summarise();
    }

    /// GIF is set while any other flag of the channel is.
    fn summarise(&mut self) {
        for shift in (0..28).step_by(4) {
            self.flags &= !(GLOBAL << shift);
            if self.flags >> shift & (COMPLETE | HALF | ERROR) != 0 {
                self.flags |= GLOBAL << shift;
            }
        }
    }
}

impl Channel {
    fn transfer(&self, channel: usize) -> Transfer {
        let size = |shift: u32| match self.configuration >> shift & 3 {
            0 => Size::Byte,
            1 => Size::Half,
            _ => Size::Word,
        };
        let increments = |bit| self.configuration & bit != 0;
        let peripheral = End { address: self.peripheral, size: size(8), increments: increments(PINC) };
        let memory = End { address: self.memory, size: size(10), increments: increments(MINC) };
        let (from, to) = if increments(DIR) { (memory, peripheral) } else { (peripheral, memory) };
        Transfer { channel, count: self.count, from, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Channel 2, from 0x20000000 to 0x20000100, `count` words.
    fn started(count: u32) -> (Dma, Transfer) {
        let mut dma = Dma::default();
        dma.write(0x20, count);
        dma.write(0x24, 0x2000_0000);
        dma.write(0x28, 0x2000_0100);
        dma.write(0x1c, EN | MEM2MEM | PINC | MINC | 2 << 8 | 2 << 10);
        let transfer = dma.take_transfer().unwrap();
        (dma, transfer)
    }

    #[test]
    fn a_transfer_is_described_and_told_of() {
        let (mut dma, transfer) = started(3);
        assert_eq!(
            (transfer.from.at(0), transfer.from.at(2), transfer.to.at(2)),
            (0x2000_0000, 0x2000_0008, 0x2000_0108)
        );
        assert_eq!(dma.read(0x20), 3);
        dma.finish(&transfer, 3);
        assert_eq!((dma.read(0x20), dma.read(ISR)), (0, 0x70));
        dma.write(0x24, 1);
        assert_eq!(dma.read(0x24), 0x2000_0000, "an address cannot change while the channel is on");
    }

    #[test]
    fn flags_are_cleared_one_by_one_or_all_at_once() {
        let (mut dma, transfer) = started(1);
        dma.finish(&transfer, 1);
        dma.write(IFCR, 0x20);
        assert_eq!(dma.read(ISR), 0x50, "HTIF and GIF are left");
        dma.write(IFCR, 0x10);
        assert_eq!(dma.read(ISR), 0);
        assert_eq!(dma.read(IFCR), 0);
    }

    #[test]
    fn a_bus_error_switches_the_channel_off() {
        let (mut dma, transfer) = started(3);
        dma.finish(&transfer, 1);
        assert_eq!((dma.read(ISR), dma.read(0x1c) & EN, dma.read(0x20)), (0x90, 0, 2));
    }
}
