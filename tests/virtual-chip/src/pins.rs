//! The probe's pins, as OpenOCD drives them: TCK/SWCLK, TMS/SWDIO, TDI, TDO, TRST, SRST.
//!
//! JTAG and SWD share pins. A chip that is alone on the board has both, and the probe selects one.
//! Chips that share a chain keep JTAG, since several of them would answer at once over SWD.

use crate::chain::{Chain, JtagChip};

/// Levels and directions of the pins, and the chain behind them.
#[derive(Debug)]
pub(crate) struct Pins {
    chain: Chain,
    clock: bool,
    /// The level that the probe gives to TMS/SWDIO while it drives.
    data: bool,
    probe_drives: bool,
    tdi: bool,
    /// The number of answers about SWDIO sent before OpenOCD asked.
    answered: u32,
}

impl Pins {
    pub(crate) fn new() -> Self {
        Self { chain: Chain::new(), clock: false, data: false, probe_drives: true, tdi: false, answered: 0 }
    }

    /// Attaches another probe, which drives SWDIO at first.
    pub(crate) fn attach(&mut self) {
        self.probe_drives = true;
        self.answered = 0;
    }

    /// Drives the pins of JTAG.
    pub(crate) fn drive(&mut self, chips: &mut [&mut dyn JtagChip], tck: bool, tms: bool, tdi: bool) {
        self.tdi = tdi;
        self.drive_wire(chips, tck, tms);
    }

    /// Drives the pins that SWD uses; TDI stays as it is.
    pub(crate) fn drive_wire(&mut self, chips: &mut [&mut dyn JtagChip], clock: bool, data: bool) {
        let rises = clock && !self.clock;
        (self.clock, self.data) = (clock, data);
        let level = driven(chips).map_or(self.data || !self.probe_drives, |(bits, _)| bits & 1 != 0);
        if !listens_to_serial_wire(chips) {
            self.chain.drive(chips, clock, level, self.tdi);
        } else if rises {
            self.chain.count_clock();
            self.chain.settle(chips);
        }
        if let ([chip], true) = (chips, rises) {
            chip.serial_wire_clock(level);
        }
    }

    /// Makes the probe drive SWDIO or release it.
    pub(crate) fn set_probe_drives(&mut self, drives: bool) {
        self.probe_drives = drives;
    }

    /// Answers a question for the level of SWDIO, which a resistor pulls up where nobody drives it.
    ///
    /// The first question of a reply is answered for the whole reply: a probe asks for each of its
    /// bits once, and OpenOCD takes answers that are there already without waiting. With one round
    /// trip for each bit, reading a word took 2 ms.
    pub(crate) fn read_swdio(&mut self, chips: &[&mut dyn JtagChip], mut answer: impl FnMut(bool)) {
        if self.answered > 0 {
            self.answered -= 1;
            return;
        }
        let (bits, count) = driven(chips).unwrap_or((u64::from(self.data || !self.probe_drives), 1));
        for bit in 0..count {
            answer(bits >> bit & 1 != 0);
        }
        self.answered = count - 1;
    }

    pub(crate) fn tdo(&self) -> bool {
        self.chain.tdo()
    }

    /// Drives the two reset pins; `true` asserts.
    pub(crate) fn reset_pins(&mut self, chips: &mut [&mut dyn JtagChip], trst: bool, srst: bool) {
        self.chain.reset_pins(chips, trst, srst);
    }

    /// Lets the time pass that the clocks took.
    pub(crate) fn settle(&mut self, chips: &mut [&mut dyn JtagChip]) {
        self.chain.settle(chips);
    }
}

fn driven(chips: &[&mut dyn JtagChip]) -> Option<(u64, u32)> {
    if let [chip] = chips { chip.swdio() } else { None }
}

fn listens_to_serial_wire(chips: &[&mut dyn JtagChip]) -> bool {
    matches!(chips, [chip] if chip.uses_serial_wire())
}
