//! The states of a core, and the error of an access where nothing answers.

use std::fmt;

/// The state of a core.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// use virtual_chip::CoreState;
///
/// assert_ne!(chip.state(), CoreState::LockedUp, "the firmware crashed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CoreState {
    /// The core executes instructions.
    Running,
    /// The core waits for an interrupt.
    Sleeping,
    /// The debugger halted the core.
    Halted,
    /// The core is locked up: a fault occurred in the HardFault handler, or that handler could not
    /// be entered.
    ///
    /// The PC reads as 0xfffffffe.
    LockedUp,
    /// NRST is held down.
    Reset,
    /// The chip has no supply.
    Off,
}

/// Why the core halted.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// use virtual_chip::HaltReason;
///
/// chip.halt();
/// assert_eq!(chip.halt_reason(), Some(HaltReason::Request));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HaltReason {
    /// A request of the debugger, or the end of a single step.
    Request,
    /// A BKPT instruction or a comparator of the breakpoint unit.
    Breakpoint,
    /// A comparator of the watchpoint unit.
    Watchpoint,
    /// A reset or a fault that DEMCR catches.
    VectorCatch,
}

/// An error: nothing answers at an address.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// let error = chip.read_u32(0x6000_0000).unwrap_err();
/// assert_eq!(error.address, 0x6000_0000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmapped {
    /// The first address that did not answer.
    pub address: u32,
}

impl fmt::Display for Unmapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing on the virtual chip answers at {:#010x}", self.address)
    }
}

impl std::error::Error for Unmapped {}
