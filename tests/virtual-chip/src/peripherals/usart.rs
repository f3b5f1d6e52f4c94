//! A serial port, whose frames take no time.
//!
//! RM0008, chapter 27.

const SR: u32 = 0x00;
const DR: u32 = 0x04;
const CR1: u32 = 0x0c;
const CR2: u32 = 0x10;

/// Noise, framing and parity errors would be here, too; this line has none of them but for a break.
const FE: u32 = 1 << 1;
const ORE: u32 = 1 << 3;
const RXNE: u32 = 1 << 5;
const TC: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
const LBD: u32 = 1 << 8;
const CTS: u32 = 1 << 9;
/// What writing a 0 clears (RM0008, 27.6.1: rc_w0).
const CLEARED_BY_ZERO: u32 = CTS | LBD | TC | RXNE;
/// What is cleared by a read of SR and then a read of DR.
const CLEARED_BY_SEQUENCE: u32 = 0x1f;

const SBK: u32 = 1 << 0;
const RE: u32 = 1 << 2;
const TE: u32 = 1 << 3;
const M: u32 = 1 << 12;
const UE: u32 = 1 << 13;
const LINEN: u32 = 1 << 14;

/// The bits that BRR, CR1, CR2, CR3 and GTPR have.
const WRITABLE: [u32; 5] = [0xffff, 0x3fff, 0x7f6f, 0x07ff, 0xffff];

#[derive(Clone, Debug)]
pub(crate) struct Usart {
    status: u32,
    received: u16,
    /// SR was read: the first half of the sequence that clears the errors.
    status_was_read: bool,
    /// BRR to GTPR.
    settings: [u32; 5],
    /// Frames that left by the TX pin.
    pub(crate) sent: Vec<u16>,
}

impl Usart {
    pub(crate) fn new() -> Self {
        Self { status: TXE | TC, received: 0, status_was_read: false, settings: [0; 5], sent: Vec::new() }
    }

    /// A reset; what was sent is sent.
    pub(crate) fn reset(&mut self) {
        *self = Self { sent: std::mem::take(&mut self.sent), ..Self::new() };
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            SR => {
                self.status_was_read = true;
                self.status
            }
            DR => {
                self.status &= !RXNE;
                if std::mem::take(&mut self.status_was_read) {
                    self.status &= !CLEARED_BY_SEQUENCE;
                }
                self.received.into()
            }
            0x08..=0x18 => self.settings[offset as usize / 4 - 2],
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            SR => self.status &= value | !CLEARED_BY_ZERO,
            DR if self.is_on(TE) => {
                self.sent.push(value as u16 & self.frame());
                self.status |= TC;
            }
            0x08..=0x18 => {
                let index = offset as usize / 4 - 2;
                self.settings[index] = value & WRITABLE[index];
                if offset == CR1 {
                    // The break is sent at once.
                    self.settings[index] &= !SBK;
                }
            }
            _ => {}
        }
    }

    /// A frame comes in by the RX pin. Without a receiver it is lost; without room it is an
    /// overrun.
    pub(crate) fn receive(&mut self, frame: u16) {
        if !self.is_on(RE) {
            return;
        }
        if self.status & RXNE != 0 {
            self.status |= ORE;
        } else {
            self.received = frame & self.frame();
            self.status |= RXNE;
        }
    }

    /// The RX pin is low for longer than a frame: a LIN break, or a frame of zeros without a stop
    /// bit.
    pub(crate) fn receive_break(&mut self) {
        if !self.is_on(RE) {
            return;
        }
        if self.settings[CR2 as usize / 4 - 2] & LINEN != 0 {
            self.status |= LBD;
        }
        self.receive(0);
        self.status |= FE;
    }

    fn control(&self) -> u32 {
        self.settings[CR1 as usize / 4 - 2]
    }

    /// The port is on, and so is its transmitter (TE) or receiver (RE).
    fn is_on(&self, part: u32) -> bool {
        self.control() & (UE | part) == UE | part
    }

    /// The bits of a frame.
    fn frame(&self) -> u16 {
        if self.control() & M == 0 { 0xff } else { 0x1ff }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiving() -> Usart {
        let mut port = Usart::new();
        port.write(CR1, UE | RE | TE);
        port
    }

    #[test]
    fn reading_dr_takes_the_frame() {
        let mut port = receiving();
        port.receive(0x141);
        assert_eq!(port.read(SR), TXE | TC | RXNE);
        assert_eq!(port.read(DR), 0x41);
        assert_eq!(port.read(SR), TXE | TC);
    }

    #[test]
    fn an_overrun_is_cleared_by_reading_sr_and_then_dr() {
        let mut port = receiving();
        port.receive(1);
        port.receive(2);
        assert_eq!(port.read(DR), 1, "the second one is lost");
        assert_eq!(port.read(SR) & ORE, ORE, "DR alone does not clear it");
        port.read(DR);
        assert_eq!(port.read(SR) & ORE, 0);
    }

    #[test]
    fn a_zero_clears_and_a_one_does_not() {
        let mut port = receiving();
        port.write(CR2, LINEN);
        port.receive_break();
        assert_eq!(port.read(SR), TXE | TC | RXNE | LBD | FE);
        port.write(SR, !TC);
        assert_eq!(port.read(SR), TXE | RXNE | LBD | FE);
        port.write(SR, 0);
        assert_eq!(port.read(SR), TXE | FE, "TXE and the errors take no writes");
    }

    #[test]
    fn what_is_written_is_sent_if_the_transmitter_is_on() {
        let mut port = receiving();
        port.write(DR, 0x155);
        assert_eq!(port.sent, [0x55]);
        port.write(CR1, 0);
        port.write(DR, 1);
        port.receive(1);
        assert_eq!((port.sent.len(), port.read(SR)), (1, TXE | TC));
    }
}
