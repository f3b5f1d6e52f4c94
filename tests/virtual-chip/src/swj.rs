//! SWJ-DP: one debug port behind two wires, and the sequences on TMS/SWDIO that choose between
//! them. A port without JTAG is dormant until a sequence wakes it up.
//!
//! ARM IHI 0031 (ADIv5), chapter B5; RM0008, 31.3. The port of an STM32F103 starts with JTAG. At
//! least 50 clocks with SWDIO high and then 16 certain bits select the other wire; the other
//! protocol ignores the sequence. A port that shares the wire with others starts dormant. An alert
//! of 128 bits and an activation code wake it up (B5.3.4).

use crate::ahb_ap::AhbAp;
use crate::bus::Memory;
use crate::debug_port::DebugPort;
use crate::serial_wire::{Event, LINE_RESET, SerialWire};
use crate::sw_dp::{Identity, SwDp};
use crate::system::System;

/// The 16 bits, the least significant first.
const JTAG_TO_SWD: u16 = 0xe79e;
const SWD_TO_JTAG: u16 = 0xe73c;
const SWD_TO_DORMANT: u16 = 0xe3bc;
/// The alert, the least significant bit first. Four zeros and the code follow.
const ALERT: u128 = 0x19bc_0ea2_e3dd_afe9_8685_2d95_6209_f392;
const ACTIVATE_SWD: u64 = 0x1a;

/// What a port listens to until SWD is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Jtag,
    Dormant,
}

/// The serial wire side of the port, and whether it is selected.
#[derive(Debug)]
pub(crate) struct Swj {
    start: Start,
    selected: bool,
    selector: Selector,
    alarm: Alarm,
    wire: SerialWire,
    pub(crate) dp: SwDp,
}

impl Swj {
    /// Creates a port as after power-on.
    pub(crate) fn new(start: Start, identity: Identity) -> Self {
        Self {
            start,
            selected: false,
            selector: Selector::default(),
            alarm: Alarm::default(),
            wire: SerialWire::new(),
            dp: SwDp::new(identity),
        }
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
    pub(crate) fn clock(
        &mut self,
        level: bool,
        port: &mut DebugPort,
        ap: &mut AhbAp,
        system: &mut System<impl Memory>,
    ) {
        if self.selected {
            match self.wire.clock(level) {
                Some(Event::LineReset) => self.dp.line_reset(),
                Some(Event::Request(request)) => {
                    let answer = self.dp.request(request, port, ap, system);
                    self.wire.answer(answer);
                }
                Some(Event::Data(request, data)) => {
                    if self.dp.is_deselected_by(request, data) {
                        self.wire.ignore();
                    } else {
                        self.dp.data(request, data, port, ap, system);
                    }
                }
                None => {}
            }
        }
        let sequence = self.selector.clock(level);
        match (self.start, sequence) {
            // A line reset must follow: SWD is new, or took SWD_TO_JTAG for a protocol error.
            (Start::Jtag, Some(JTAG_TO_SWD)) => self.selected = true,
            (Start::Jtag, Some(SWD_TO_JTAG)) | (Start::Dormant, Some(SWD_TO_DORMANT)) => self.selected = false,
            (Start::Dormant, _) if self.alarm.clock(level) == Some(ACTIVATE_SWD) => self.selected = true,
            _ => {}
        }
    }
}

/// Recognises [`ALERT`] and four zeros, and returns the 8 bits after them.
#[derive(Debug, Default)]
struct Alarm {
    /// The last 128 levels, the oldest at bit 0.
    levels: u128,
    /// The number of levels since the alert, and the levels themselves.
    since: Option<(u32, u64)>,
}

impl Alarm {
    fn clock(&mut self, level: bool) -> Option<u64> {
        let arrived = self.since.map(|(count, bits)| (count + 1, bits | u64::from(level) << count));
        self.levels = self.levels >> 1 | u128::from(level) << 127;
        self.since = if self.levels == ALERT { Some((0, 0)) } else { arrived.filter(|(count, _)| *count < 12) };
        arrived.filter(|(count, bits)| *count == 12 && bits.trailing_zeros() >= 4).map(|(_, bits)| bits >> 4)
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
    use crate::sw_dp::STM32F103;

    struct Chip {
        swj: Swj,
        port: DebugPort,
        ap: AhbAp,
        system: System,
    }

    impl Chip {
        fn new() -> Self {
            Self {
                swj: Swj::new(Start::Jtag, STM32F103),
                port: DebugPort::default(),
                ap: AhbAp::default(),
                system: System::of_stm32f103(),
            }
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

    #[test]
    fn a_port_that_starts_dormant_wakes_up_and_sleeps_again() {
        let mut chip = Chip { swj: Swj::new(Start::Dormant, STM32F103), ..Chip::new() };
        let wake = |chip: &mut Chip, alert: u128, code: u64| {
            chip.send(u64::MAX, 8);
            chip.send(alert as u64, 64);
            chip.send((alert >> 64) as u64, 64);
            chip.send(code << 4, 12);
        };
        chip.select(50, JTAG_TO_SWD);
        wake(&mut chip, ALERT ^ 1 << 100, ACTIVATE_SWD);
        wake(&mut chip, ALERT, 0x0a);
        assert!(!chip.swj.is_serial_wire(), "that was for others");
        wake(&mut chip, ALERT, ACTIVATE_SWD);
        assert_eq!(chip.identify(), Some(0x1ba0_1477));
        chip.select(50, SWD_TO_JTAG);
        assert!(chip.swj.is_serial_wire(), "there is no JTAG");
        chip.select(50, SWD_TO_DORMANT);
        assert_eq!(chip.identify(), None);
    }
}
