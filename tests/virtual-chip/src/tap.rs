//! Test access port: the 16-state controller and the registers between TDI and TDO.
//!
//! IEEE 1149.1-2013, chapter 6 (TAP controller), 7 (instruction register), 12 (device
//! identification).

/// The 16 states of the controller (figure 6-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TapState {
    TestLogicReset,
    RunTestIdle,
    SelectDrScan,
    CaptureDr,
    ShiftDr,
    Exit1Dr,
    PauseDr,
    Exit2Dr,
    UpdateDr,
    SelectIrScan,
    CaptureIr,
    ShiftIr,
    Exit1Ir,
    PauseIr,
    Exit2Ir,
    UpdateIr,
}

impl TapState {
    /// Returns the state after a rising edge of TCK.
    pub(crate) fn next(self, tms: bool) -> Self {
        use TapState::{
            CaptureDr, CaptureIr, Exit1Dr, Exit1Ir, Exit2Dr, Exit2Ir, PauseDr, PauseIr, RunTestIdle, SelectDrScan,
            SelectIrScan, ShiftDr, ShiftIr, TestLogicReset, UpdateDr, UpdateIr,
        };
        let (low, high) = match self {
            TestLogicReset => (RunTestIdle, TestLogicReset),
            RunTestIdle | UpdateDr | UpdateIr => (RunTestIdle, SelectDrScan),
            SelectDrScan => (CaptureDr, SelectIrScan),
            CaptureDr | ShiftDr => (ShiftDr, Exit1Dr),
            Exit1Dr => (PauseDr, UpdateDr),
            PauseDr => (PauseDr, Exit2Dr),
            Exit2Dr => (ShiftDr, UpdateDr),
            SelectIrScan => (CaptureIr, TestLogicReset),
            CaptureIr | ShiftIr => (ShiftIr, Exit1Ir),
            Exit1Ir => (PauseIr, UpdateIr),
            PauseIr => (PauseIr, Exit2Ir),
            Exit2Ir => (ShiftIr, UpdateIr),
        };
        if tms { high } else { low }
    }
}

/// A shift register of up to 256 bits; bit 0 leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShiftRegister {
    words: [u64; 4],
    length: usize,
}

impl ShiftRegister {
    /// Creates a register of `length` bits that holds `value`.
    pub(crate) fn new(length: usize, value: u64) -> Self {
        Self::wide(length, [value, 0, 0, 0])
    }

    /// Creates a register of `length` bits that holds the words, least significant first.
    pub(crate) fn wide(length: usize, words: [u64; 4]) -> Self {
        assert!((1..=256).contains(&length));
        Self { words, length }
    }

    /// Returns the low 64 bits.
    pub(crate) fn value(&self) -> u64 {
        self.words[0]
    }

    /// Returns all bits, the least significant word first.
    pub(crate) fn words(&self) -> [u64; 4] {
        self.words
    }

    /// Returns the bit at TDO.
    pub(crate) fn tdo(&self) -> bool {
        self.words[0] & 1 != 0
    }

    /// Shifts one bit in at the top and returns the bit that leaves at the bottom.
    pub(crate) fn shift(&mut self, tdi: bool) -> bool {
        let out = self.tdo();
        let top = (self.length - 1) / 64;
        for index in 0..=top {
            let carry =
                if index < top { self.words[index + 1] << 63 } else { u64::from(tdi) << ((self.length - 1) % 64) };
            self.words[index] = self.words[index] >> 1 | carry;
        }
        out
    }
}

/// The properties of a TAP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TapDescription {
    pub(crate) ir_length: usize,
    /// What Capture-IR loads; its two lowest bits are 01 by standard.
    pub(crate) ir_capture: u64,
    pub(crate) idcode: u32,
    /// The instruction that selects the IDCODE register, also chosen by Test-Logic-Reset.
    pub(crate) idcode_instruction: u64,
}

/// One TAP: the instruction register, IDCODE and BYPASS. Its owner provides other data registers.
#[derive(Debug)]
pub(crate) struct Tap {
    description: TapDescription,
    instruction: u64,
    shift: ShiftRegister,
}

impl Tap {
    pub(crate) fn new(description: TapDescription) -> Self {
        Self { description, instruction: description.idcode_instruction, shift: ShiftRegister::new(1, 0) }
    }

    pub(crate) fn reset(&mut self) {
        self.instruction = self.description.idcode_instruction;
    }

    pub(crate) fn instruction(&self) -> u64 {
        self.instruction
    }

    /// Returns the register between TDI and TDO.
    pub(crate) fn shifted(&self) -> &ShiftRegister {
        &self.shift
    }

    pub(crate) fn capture_ir(&mut self) {
        self.shift = ShiftRegister::new(self.description.ir_length, self.description.ir_capture);
    }

    pub(crate) fn update_ir(&mut self) {
        self.instruction = self.shift.value();
    }

    /// Loads the data register: `selected` if the owner has one for this instruction, else IDCODE
    /// or BYPASS.
    pub(crate) fn capture_dr(&mut self, selected: Option<ShiftRegister>) {
        self.shift = selected.unwrap_or_else(|| {
            if self.instruction == self.description.idcode_instruction {
                ShiftRegister::new(32, self.description.idcode.into())
            } else {
                ShiftRegister::new(1, 0)
            }
        });
    }

    pub(crate) fn shift(&mut self, tdi: bool) -> bool {
        self.shift.shift(tdi)
    }

    pub(crate) fn tdo(&self) -> bool {
        self.shift.tdo()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_ones_reset_from_every_state() {
        use TapState::*;
        for start in [
            TestLogicReset,
            RunTestIdle,
            SelectDrScan,
            CaptureDr,
            ShiftDr,
            Exit1Dr,
            PauseDr,
            Exit2Dr,
            UpdateDr,
            SelectIrScan,
            CaptureIr,
            ShiftIr,
            Exit1Ir,
            PauseIr,
            Exit2Ir,
            UpdateIr,
        ] {
            let end = (0..5).fold(start, |state, _| state.next(true));
            assert_eq!(end, TestLogicReset, "from {start:?}");
        }
    }

    #[test]
    fn a_walk_through_both_columns() {
        use TapState::*;
        let walk = [
            (false, RunTestIdle),
            (true, SelectDrScan),
            (false, CaptureDr),
            (false, ShiftDr),
            (false, ShiftDr),
            (true, Exit1Dr),
            (false, PauseDr),
            (false, PauseDr),
            (true, Exit2Dr),
            (false, ShiftDr),
            (true, Exit1Dr),
            (true, UpdateDr),
            (true, SelectDrScan),
            (true, SelectIrScan),
            (false, CaptureIr),
            (true, Exit1Ir),
            (false, PauseIr),
            (true, Exit2Ir),
            (false, ShiftIr),
            (true, Exit1Ir),
            (true, UpdateIr),
            (false, RunTestIdle),
        ];
        let mut state = TestLogicReset;
        for (step, (tms, expected)) in walk.into_iter().enumerate() {
            state = state.next(tms);
            assert_eq!(state, expected, "step {step}");
        }
    }

    #[test]
    fn a_wide_register_carries_bits_across_words() {
        let mut register = ShiftRegister::wide(70, [0, 0b10_0000, 0, 0]);
        let out: Vec<bool> = (0..70).map(|_| register.shift(true)).collect();
        assert_eq!(out.iter().position(|bit| *bit), Some(69));
        assert_eq!(register.words(), [u64::MAX, 0b11_1111, 0, 0]);
    }

    #[test]
    fn unknown_instructions_select_bypass() {
        let mut tap =
            Tap::new(TapDescription { ir_length: 4, ir_capture: 1, idcode: 0x3ba0_0477, idcode_instruction: 0xe });
        tap.capture_dr(None);
        assert_eq!(tap.shifted().value(), 0x3ba0_0477);
        tap.capture_ir();
        for bit in [true, false, true, false] {
            tap.shift(bit);
        }
        tap.update_ir();
        assert_eq!(tap.instruction(), 0b0101);
        tap.capture_dr(None);
        assert!(!tap.shift(true) && tap.shift(false) && !tap.tdo());
    }
}
