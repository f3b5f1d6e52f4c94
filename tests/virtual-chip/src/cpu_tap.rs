//! JTAG debug port: the debug port behind the CPU's TAP.
//!
//! ARM IHI 0031 (ADIv5), chapter B3. A scan of DPACC or APACC carries 35 bits: the request goes in
//! as RnW, A\[3:2\] and 32 bits of data; out come a 3-bit acknowledge and the value that the
//! *previous* request read.

use crate::ahb_ap::AhbAp;
use crate::bus::Memory;
use crate::debug_port::{DebugPort, STICKY_FLAGS};
use crate::system::System;
use crate::tap::{ShiftRegister, Tap, TapDescription};

const ABORT: u64 = 0x8;
const DPACC: u64 = 0xa;
const APACC: u64 = 0xb;
const IDCODE: u64 = 0xe;

/// The acknowledge OK/FAULT; errors show in CTRL/STAT.
const ACK_OK_FAULT: u64 = 0b010;
const CTRL_STAT: u8 = 1;

/// The TAP of the Cortex-M3 (RM0008, 31.6.3), which leads to the debug port.
#[derive(Debug)]
pub(crate) struct CpuTap {
    pub(crate) tap: Tap,
    /// The value that the last request read.
    result: u32,
}

impl CpuTap {
    pub(crate) fn new() -> Self {
        Self {
            tap: Tap::new(TapDescription {
                ir_length: 4,
                ir_capture: 0b0001,
                idcode: 0x3ba0_0477,
                idcode_instruction: IDCODE,
            }),
            result: 0,
        }
    }

    pub(crate) fn capture_dr(&mut self) {
        let selected = match self.tap.instruction() {
            DPACC | APACC => Some(ShiftRegister::new(35, u64::from(self.result) << 3 | ACK_OK_FAULT)),
            ABORT => Some(ShiftRegister::new(35, 0)),
            _ => None,
        };
        self.tap.capture_dr(selected);
    }

    pub(crate) fn update_dr(&mut self, port: &mut DebugPort, ap: &mut AhbAp, system: &mut System<impl Memory>) {
        let scanned = self.tap.shifted().value();
        let read = scanned & 1 != 0;
        let address = (scanned >> 1 & 3) as u8;
        let data = (scanned >> 3) as u32;
        match (self.tap.instruction(), read) {
            (DPACC, true) => self.result = port.read(address),
            (DPACC, false) => {
                if address == CTRL_STAT {
                    port.clear_sticky(data & STICKY_FLAGS);
                }
                port.write(address, data);
            }
            (APACC, true) => self.result = port.read_ap(address, ap, system),
            (APACC, false) => port.write_ap(address, data, ap, system),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chip {
        tap: CpuTap,
        port: DebugPort,
        ap: AhbAp,
        system: System,
    }

    impl Chip {
        fn new() -> Self {
            Self {
                tap: CpuTap::new(),
                port: DebugPort::default(),
                ap: AhbAp::default(),
                system: System::of_stm32f103(),
            }
        }
    }

    /// Handles one scan: the request goes in, the acknowledge and the previous result come out.
    fn scan(chip: &mut Chip, instruction: u64, request: u64) -> (u64, u32) {
        let Chip { tap, port, ap, system } = chip;
        tap.tap.capture_ir();
        (0..4).for_each(|bit| {
            tap.tap.shift(instruction >> bit & 1 != 0);
        });
        tap.tap.update_ir();
        tap.capture_dr();
        let out = (0..35).fold(0, |out, bit| out | u64::from(tap.tap.shift(request >> bit & 1 != 0)) << bit);
        tap.update_dr(port, ap, system);
        (out & 7, (out >> 3) as u32)
    }

    #[test]
    fn a_read_comes_out_one_scan_later() {
        let mut chip = Chip::new();
        let read = |address: u64| 1 | address << 1;
        let write = |address: u64, data: u64| address << 1 | data << 3;
        scan(&mut chip, DPACC, write(1, 0x5000_0000));
        scan(&mut chip, DPACC, write(2, 0xf0));
        let (ack, _) = scan(&mut chip, APACC, read(3));
        assert_eq!(ack, ACK_OK_FAULT);
        let (_, identification) = scan(&mut chip, APACC, read(2));
        assert_eq!(identification, 0x1477_0011);
        let (_, base) = scan(&mut chip, DPACC, read(3));
        assert_eq!(base, 0xe00f_f003);
    }

    #[test]
    fn writing_a_sticky_flag_back_clears_it() {
        let mut chip = Chip::new();
        let write = |address: u64, data: u64| address << 1 | data << 3;
        scan(&mut chip, APACC, write(1, 0x9000_0000));
        scan(&mut chip, APACC, 1 | 3 << 1);
        scan(&mut chip, DPACC, 1 | 1 << 1);
        let (_, status) = scan(&mut chip, DPACC, write(1, 0x5000_0020));
        assert_eq!(status & 0x20, 0x20);
        scan(&mut chip, DPACC, 1 | 1 << 1);
        let (_, status) = scan(&mut chip, DPACC, 1 | 3 << 1);
        assert_eq!(status, 0xf000_0000);
    }
}
