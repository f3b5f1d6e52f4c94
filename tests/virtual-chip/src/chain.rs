//! The JTAG chain: the pins TCK, TMS, TDI, TDO, TRST and SRST shared by any number of chips.

use crate::tap::TapState;

/// A chip on the chain. The name of a method is the TAP state in which it is called.
pub(crate) trait JtagChip: Send {
    fn test_logic_reset(&mut self);
    fn capture_ir(&mut self);
    fn update_ir(&mut self);
    fn capture_dr(&mut self);
    fn update_dr(&mut self);
    /// Shifts one bit in at TDI; returns the bit that leaves at TDO.
    fn shift(&mut self, tdi: bool) -> bool;
    fn tdo(&self) -> bool;
    /// Drives the system reset pin (NRST) low (`true`) or high.
    fn set_system_reset(&mut self, asserted: bool);
    /// Lets `clocks` cycles of the chip's own clock pass.
    fn elapse(&mut self, clocks: u32);
    /// Whether nothing would change if time passed.
    fn is_idle(&self) -> bool;
    /// Handles a rising edge of TCK/SWCLK with this level on TMS/SWDIO, in a chip that knows SWD.
    fn serial_wire_clock(&mut self, _swdio: bool) {}
    /// Whether SWD is selected; the TAPs then ignore their pins.
    fn uses_serial_wire(&self) -> bool {
        false
    }
    /// Returns the levels that the chip will drive on SWDIO, bit 0 first, and their number.
    fn swdio(&self) -> Option<(u64, u32)> {
        None
    }
}

/// Clock cycles of a chip for each TCK: a chip at 2 MHz behind a probe at 400 kHz.
const CLOCKS_PER_TCK: u32 = 5;

/// The state of the pins and of the TAP controllers, which are all in the same state.
#[derive(Debug)]
pub(crate) struct Chain {
    state: TapState,
    tck: bool,
    tdo: bool,
    trst: bool,
    srst: bool,
    /// Clock cycles that have not passed for the chips yet; they pass before any access.
    owed: u32,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self { state: TapState::TestLogicReset, tck: false, tdo: true, trst: false, srst: false, owed: 0 }
    }

    /// Returns the level of TDO.
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

    /// Handles a rising edge, which samples TMS and TDI: registers load and shift, the controller
    /// changes its state.
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

    /// Handles a falling edge, which changes TDO and the parallel outputs (IEEE 1149.1, 4.5 and
    /// 6.1).
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

    /// Lets the time of the clocks so far pass for the chips.
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
