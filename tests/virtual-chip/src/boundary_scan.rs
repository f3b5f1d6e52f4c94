//! The boundary scan TAP: IDCODE, BYPASS, SAMPLE/PRELOAD and EXTEST over a register of the chip's
//! pins.
//!
//! IEEE 1149.1-2013, chapters 8 and 11; RM0008, 31.6.1; the BSDL file of the STM32F103 in LQFP48
//! and LQFP64.

use crate::tap::{ShiftRegister, Tap, TapDescription};

const EXTEST: u64 = 0b00000;
const IDCODE: u64 = 0b00001;
const SAMPLE: u64 = 0b00010;

/// The number of cells in the boundary scan register of a [`VirtualChip`](crate::VirtualChip).
///
/// ```
/// assert_eq!(virtual_chip::BOUNDARY_LENGTH, 232);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const BOUNDARY_LENGTH: usize = 232;

/// The TAP with its cells. Cell 0 is nearest TDO.
#[derive(Debug)]
pub(crate) struct BoundaryScan {
    pub(crate) tap: Tap,
    /// What SAMPLE captures: the levels at the pins.
    pins: [u64; 4],
    /// What was last shifted in and updated: the levels that EXTEST drives.
    driven: [u64; 4],
}

impl BoundaryScan {
    pub(crate) fn new() -> Self {
        Self {
            tap: Tap::new(TapDescription {
                ir_length: 5,
                ir_capture: 0b00001,
                idcode: 0x1641_0041,
                idcode_instruction: IDCODE,
            }),
            pins: [0; 4],
            driven: [0; 4],
        }
    }

    pub(crate) fn capture_dr(&mut self) {
        let selected = match self.tap.instruction() {
            SAMPLE | EXTEST => Some(ShiftRegister::wide(BOUNDARY_LENGTH, self.pins)),
            _ => None,
        };
        self.tap.capture_dr(selected);
    }

    pub(crate) fn update_dr(&mut self) {
        if matches!(self.tap.instruction(), SAMPLE | EXTEST) {
            self.driven = self.tap.shifted().words();
        }
    }

    /// Whether EXTEST drives the pins.
    pub(crate) fn drives_pins(&self) -> bool {
        self.tap.instruction() == EXTEST
    }

    /// Returns the level at a pin's cell.
    pub(crate) fn pin(&self, cell: usize) -> bool {
        bit(&self.pins, cell)
    }

    pub(crate) fn set_pin(&mut self, cell: usize, level: bool) {
        let word = &mut self.pins[cell / 64];
        *word = *word & !(1 << (cell % 64)) | u64::from(level) << (cell % 64);
    }

    /// Returns the level in a cell's update latch.
    pub(crate) fn driven(&self, cell: usize) -> bool {
        bit(&self.driven, cell)
    }
}

fn bit(words: &[u64; 4], cell: usize) -> bool {
    words[cell / 64] >> (cell % 64) & 1 != 0
}
