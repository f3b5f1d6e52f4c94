//! The names of the core's registers.

use crate::bus::Memory;
use crate::system::System;

/// A register of the core.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// use virtual_chip::Register;
///
/// let stacks = [Register::Msp, Register::Psp].map(|register| chip.register(register));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Register {
    /// R0 to R12.
    R(u8),
    /// The stack pointer in use.
    Sp,
    /// The link register.
    Lr,
    /// The address of the next instruction.
    Pc,
    /// The program status: flags, IT state, exception number.
    Xpsr,
    /// The main stack pointer.
    Msp,
    /// The process stack pointer.
    Psp,
    /// PRIMASK, one bit.
    Primask,
    /// BASEPRI, eight bits; a Cortex-M0+ lacks it.
    Basepri,
    /// FAULTMASK, one bit; a Cortex-M0+ lacks it.
    Faultmask,
    /// CONTROL, two bits.
    Control,
}

impl Register {
    /// Reads the register of a core.
    pub(crate) fn read(self, system: &System<impl Memory>) -> u32 {
        let (number, shift, mask) = self.place();
        system.register(number) >> shift & mask
    }

    /// Writes the register of a core.
    pub(crate) fn write(self, system: &mut System<impl Memory>, value: u32) {
        let (number, shift, mask) = self.place();
        let rest = system.register(number) & !(mask << shift);
        system.set_register(number, rest | (value & mask) << shift);
    }

    /// Returns the number in DCRSR, and the shift and the mask of the register in that word.
    fn place(self) -> (u8, u32, u32) {
        let whole = |number| (number, 0, u32::MAX);
        match self {
            Self::R(number) => {
                assert!(number <= 12, "there is no register R({number}): use Sp, Lr or Pc");
                whole(number)
            }
            Self::Sp => whole(13),
            Self::Lr => whole(14),
            Self::Pc => whole(15),
            Self::Xpsr => whole(16),
            Self::Msp => whole(17),
            Self::Psp => whole(18),
            Self::Primask => (20, 0, 0xff),
            Self::Basepri => (20, 8, 0xff),
            Self::Faultmask => (20, 16, 0xff),
            Self::Control => (20, 24, 0xff),
        }
    }
}
