//! The JTAG chain: the pins TCK, TMS, TDI, TDO, TRST and SRST shared by any number of chips.

use crate::tap::TapState;

/// A chip as the chain sees it. Every method runs in the state that its name tells.
pub(crate) trait JtagChip: Send {
    fn test_logic_reset(&mut self);
    fn capture_ir(&mut self);
    fn update_ir(&mut self);
    fn capture_dr(&mut self);
    fn update_dr(&mut self);
    /// One bit in at TDI; what was at TDO comes out.
    fn shift(&mut self, tdi: bool) -> bool;
    fn tdo(&self) -> bool;
    /// The system reset pin (NRST) goes down (`true`) or up.
    fn set_system_reset(&mut self, asserted: bool);
    /// Time passes: `clocks` cycles of the chip's own clock.
    fn elapse(&mut self, clocks: u32);
    /// Whether nothing would change if time passed.
    fn is_idle(&self) -> bool;
    /// A rising edge of TCK/SWCLK with this level on TMS/SWDIO, for a chip that knows SWD too.
    fn serial_wire_clock(&mut self, _swdio: bool) {}
    /// Whether SWD is selected, which leaves the TAPs deaf.
    fn uses_serial_wire(&self) -> bool {
        false
    }
    /// The levels that the chip will drive on SWDIO from now on, bit 0 first, and how many they
    /// are.
    fn swdio(&self) -> Option<(u64, u32)> {
        None
    }
}

/// Clock cycles of a chip for each TCK. A chip at 8 MHz behind a 400 kHz probe.
const CLOCKS_PER_TCK: u32 = 20;

/// The state of the pins and of the TAP controllers, which all walk in step.
#[derive(Debug)]
pub(crate) struct Chain {
    state: TapState,
    tck: bool,
    tdo: bool,
    trst: bool,
    srst: bool,
    /// Clock cycles owed to the chips; paid before anything that could notice.
    owed: u32,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self { state: TapState::TestLogicReset, tck: false, tdo: true, trst: false, srst: false, owed: 0 }
    }

    /// What the probe sees at TDO.
    pub(crate) fn tdo(&self) -> bool {
        self.tdo
    }

    /// Drives the three pins. `chips` is ordered from TDI to TDO.
    pub(crate) fn drive(&mut self, chips: &mut [&mut dyn JtagChip], tck: bool, tms: bool, tdi: bool) {
        match (self.tck, tck) {
            (false, true) => self.rise(chips, tms, tdi),
            (true, false) => self.fall(chips),
            _ => {}
        }
        self.tck = tck;
    }

    /// A rising edge samples TMS and TDI: registers load and shift, the controller moves.
    fn rise(&mut self, chips: &mut [&mut dyn JtagChip], tms: bool, tdi: bool) {
        if self.trst {
            return;
        }
        self.owed += CLOCKS_PER_TCK;
        match self.state {
            TapState::CaptureDr => {
                for chip in chips.iter_mut() {
                    chip.capture_dr();
                }
            }
            TapState::CaptureIr => {
                for chip in chips.iter_mut() {
                    chip.capture_ir();
                }
            }
            TapState::ShiftDr | TapState::ShiftIr => {
                chips.iter_mut().fold(tdi, |bit, chip| chip.shift(bit));
            }
            _ => {}
        }
        self.state = self.state.next(tms);
    }

    /// A falling edge changes TDO and lets the parallel outputs follow (IEEE 1149.1, 4.5 and 6.1).
    fn fall(&mut self, chips: &mut [&mut dyn JtagChip]) {
        self.tdo = match self.state {
            TapState::ShiftDr | TapState::ShiftIr => chips.last().is_none_or(|chip| chip.tdo()),
            _ => true,
        };
        match self.state {
            TapState::UpdateDr => {
                self.settle(chips);
                for chip in chips.iter_mut() {
                    chip.update_dr();
                }
            }
            TapState::UpdateIr => {
                for chip in chips.iter_mut() {
                    chip.update_ir();
                }
            }
            TapState::TestLogicReset => {
                for chip in chips.iter_mut() {
                    chip.test_logic_reset();
                }
            }
            _ => {}
        }
    }

    /// Counts a clock that is not for the chain.
    pub(crate) fn count_clock(&mut self) {
        self.owed += CLOCKS_PER_TCK;
    }

    /// Lets the time pass that the TCKs took.
    pub(crate) fn settle(&mut self, chips: &mut [&mut dyn JtagChip]) {
        let clocks = std::mem::take(&mut self.owed);
        if clocks > 0 {
            for chip in chips.iter_mut() {
                chip.elapse(clocks);
            }
        }
    }

    /// Drives the two reset pins; `true` asserts.
    pub(crate) fn reset_pins(&mut self, chips: &mut [&mut dyn JtagChip], trst: bool, srst: bool) {
        self.settle(chips);
        if trst {
            self.state = TapState::TestLogicReset;
            for chip in chips.iter_mut() {
                chip.test_logic_reset();
            }
        }
        if srst != self.srst {
            for chip in chips.iter_mut() {
                chip.set_system_reset(srst);
            }
        }
        (self.trst, self.srst) = (trst, srst);
    }
}
