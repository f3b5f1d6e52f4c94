//! The chip's pins as the boundary scan register sees them.

use super::VirtualChip;
use crate::boundary_scan::BOUNDARY_LENGTH;

/// The pins of a chip, by the cells of its boundary scan register; made by
/// [`VirtualChip::boundary`].
///
/// There are [`BOUNDARY_LENGTH`] cells. Cell 0 is nearest to TDO.
///
/// # Panics
/// Every method panics if there is no such cell.
#[derive(Clone, Copy, Debug)]
pub struct BoundaryPins<'a> {
    pub(super) chip: &'a VirtualChip,
}

impl BoundaryPins<'_> {
    /// Returns the level at a pin, which SAMPLE captures.
    pub fn level(&self, cell: usize) -> bool {
        assert_cell(cell);
        self.chip.lock().boundary.pin(cell)
    }

    /// Sets the level at a pin, as the board around the chip does.
    pub fn set_level(&self, cell: usize, level: bool) {
        assert_cell(cell);
        self.chip.lock().boundary.set_pin(cell, level);
    }

    /// Returns the level that a cell drives onto its pin; `None` unless EXTEST drives the pins.
    pub fn driven(&self, cell: usize) -> Option<bool> {
        assert_cell(cell);
        let chip = self.chip.lock();
        chip.boundary.drives_pins().then(|| chip.boundary.driven(cell))
    }
}

fn assert_cell(cell: usize) {
    assert!(cell < BOUNDARY_LENGTH, "there is no boundary cell {cell}: there are {BOUNDARY_LENGTH}");
}
