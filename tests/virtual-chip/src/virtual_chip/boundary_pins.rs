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
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// let pins = chip.boundary();
/// pins.set_level(virtual_chip::BOUNDARY_LENGTH - 1, true);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BoundaryPins<'a> {
    pub(super) chip: &'a VirtualChip,
}

impl BoundaryPins<'_> {
    /// Returns the level at a pin, which SAMPLE captures.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// assert!(!chip.boundary().level(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn level(&self, cell: usize) -> bool {
        assert_cell(cell);
        self.chip.lock().boundary.pin(cell)
    }

    /// Sets the level at a pin, as the board around the chip does.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.boundary().set_level(0, true);
    /// assert!(chip.boundary().level(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_level(&self, cell: usize, level: bool) {
        assert_cell(cell);
        self.chip.lock().boundary.set_pin(cell, level);
    }

    /// Returns the level that a cell drives onto its pin; `None` unless EXTEST drives the pins.
    ///
    /// What OpenOCD shifts without reading anything, such as an instruction alone, is on its way for
    /// some milliseconds after OpenOCD has said that it is done. Read something through the chain
    /// first, as a scan of a data register does.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// assert_eq!(chip.boundary().driven(0), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn driven(&self, cell: usize) -> Option<bool> {
        assert_cell(cell);
        let chip = self.chip.lock();
        chip.boundary.drives_pins().then(|| chip.boundary.driven(cell))
    }
}

fn assert_cell(cell: usize) {
    assert!(cell < BOUNDARY_LENGTH, "there is no boundary cell {cell}: there are {BOUNDARY_LENGTH}");
}
