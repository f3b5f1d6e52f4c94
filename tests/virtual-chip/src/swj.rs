//! SWJ-DP: one debug port behind two wires, and the sequences on TMS/SWDIO that choose between
//! them.
//!
//! ARM IHI 0031 (ADIv5), chapter B5; RM0008, 31.3. The port starts with JTAG. At least 50 clocks
//! with SWDIO high and then 16 certain bits select the other wire; the other
//! protocol ignores the sequence.

use crate::ahb_ap::AhbAp;
use crate::debug_port::DebugPort;
use crate::serial_wire::{Event, LINE_RESET, SerialWire};
use crate::sw_dp::SwDp;
use crate::system::System;

/// The 16 bits, the least significant first.
const JTAG_TO_SWD: u16 = 0xe79e;
const SWD_TO_JTAG: u16 = 0xe73c;

/// The serial wire side of the port, and whether it is selected.
#[derive(Debug)]
pub(crate) struct Swj {
    selected: bool,
    selector: Selector,
    wire: SerialWire,
    pub(crate) dp: SwDp,
}

impl Swj {
    /// Creates a port as after power-on: JTAG is selected.
    pub(crate) fn new() -> Self {
        Self { selected: false, selector: Selector::default(), wire: SerialWire::new(), dp: SwDp::default() }
    }

    /// Whether SWD is selected; the TAPs then ignore their pins.
    pub(crate) fn is_serial_wire(&self) -> bool {
        self.selected
    }

    /// Returns the levels that the port will drive on SWDIO, bit 0 first, and their number.
    pub(crate) fn to_drive(&self) -> Option<(u64, u32)> {
        if self.selected { self.wire.to_drive() } else { None }
    }

    /// Handles a rising edge of TCK/SWCLK with this level on TMS/SWDIO.
    pub(crate) fn clock(&mut self, level: bool, port: &mut DebugPort, ap: &mut AhbAp, system: &mut System) {
        if self.selected {
            match self.wire.clock(level) {
                Some(Event::LineReset) => self.dp.line_reset(),
                Some(Event::Request(request)) => {
                    let answer = self.dp.request(request, port, ap, system);
                    self.wire.answer(answer);
                }
                Some(Event::Data(request, data)) => self.dp.data(request, data, port, ap, system),
                None => {}
            }
        }
        match self.selector.clock(level) {
            // A line reset must follow: SWD is new, or took SWD_TO_JTAG for a protocol error.
            Some(JTAG_TO_SWD) => self.selected = true,
            Some(SWD_TO_JTAG) => self.selected = false,
            _ => {}
        }
    }
}

/// Recognises 50 ones and returns the 16 bits after them.
#[derive(Debug, Default)]
struct Selector {
    ones: u32,
    bits: u16,
    /// The number of the 16 bits that have arrived.
    count: u32,
}

impl Selector {
    fn clock(&mut self, level: bool) -> Option<u16> {
        if self.count > 0 || (!level && self.ones >= LINE_RESET) {
            self.bits |= u16::from(level) << self.count;
            self.count += 1;
        }
        self.ones = if level { self.ones.saturating_add(1) } else { 0 };
        if self.count < 16 {
            return None;
        }
        self.count = 0;
        Some(std::mem::take(&mut self.bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serial_wire::host;

    struct Chip {
        swj: Swj,
        port: DebugPort,
        ap: AhbAp,
        system: System,
    }

    impl Chip {
        fn new() -> Self {
            Self { swj: Swj::new(), port: DebugPort::default(), ap: AhbAp::default(), system: System::new() }
        }

        fn send(&mut self, bits: u64, count: u32) {
            for bit in 0..count {
                self.swj.clock(bits >> bit & 1 != 0, &mut self.port, &mut self.ap, &mut self.system);
            }
        }

        fn select(&mut self, ones: u32, sequence: u16) {
            self.send(u64::MAX, ones);
            self.send(sequence.into(), 16);
        }

        /// Reads a debug port register after a line reset and the one read that has to come first.
        fn identify(&mut self) -> Option<u32> {
            self.send(u64::MAX, 50);
            self.send(0, 2);
            self.send(host::request(false, true, 0).into(), 8);
            self.send(1, 1);
            let bits = (0..36).try_fold(0, |bits, bit| {
                let level = self.swj.to_drive()?.0 & 1 != 0;
                self.send(level.into(), 1);
                Some(bits | u64::from(level) << bit)
            })?;
            self.send(1, 1);
            assert_eq!(bits & 7, 0b001);
            Some((bits >> 3) as u32)
        }
    }

    #[test]
    fn the_port_starts_with_jtag_and_switches_both_ways() {
        let mut chip = Chip::new();
        assert_eq!(chip.identify(), None);
        chip.select(50, JTAG_TO_SWD);
        assert!(chip.swj.is_serial_wire());
        assert_eq!(chip.identify(), Some(0x1ba0_1477));
        chip.select(50, JTAG_TO_SWD);
        assert_eq!(chip.identify(), Some(0x1ba0_1477), "selecting what is selected does no harm");
        chip.select(64, SWD_TO_JTAG);
        assert!(!chip.swj.is_serial_wire());
        assert_eq!(chip.identify(), None);
    }

    #[test]
    fn what_is_no_selection_selects_nothing() {
        for (ones, sequence) in [(49, JTAG_TO_SWD), (50, SWD_TO_JTAG), (50, JTAG_TO_SWD ^ 0x0100), (50, 0xedb6)] {
            let mut chip = Chip::new();
            chip.select(ones, sequence);
            assert!(!chip.swj.is_serial_wire(), "{ones} ones, {sequence:#x}");
            chip.select(50, JTAG_TO_SWD);
            assert!(chip.swj.is_serial_wire(), "after {ones} ones, {sequence:#x}");
        }
    }

    #[test]
    fn a_selection_alone_is_not_enough() {
        let mut chip = Chip::new();
        for _ in 0..2 {
            chip.select(50, JTAG_TO_SWD);
            chip.send(0, 8);
            chip.send(host::request(false, true, 0).into(), 8);
            chip.send(1, 1);
            assert_eq!(chip.swj.to_drive(), None, "a line reset has to follow");
            assert!(chip.identify().is_some());
            chip.select(50, SWD_TO_JTAG);
        }
    }
}
