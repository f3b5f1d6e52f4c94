//! Exceptions by their numbers, and the reasons of faults.

/// An exception by its number (DDI 0403, B1.5.2); from 16 on it is an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exception(pub(super) u8);

impl Exception {
    pub(crate) const NMI: Self = Self(2);
    pub(crate) const HARD_FAULT: Self = Self(3);
    pub(crate) const MEM_MANAGE: Self = Self(4);
    pub(crate) const BUS_FAULT: Self = Self(5);
    pub(crate) const USAGE_FAULT: Self = Self(6);
    pub(crate) const SV_CALL: Self = Self(11);
    pub(crate) const PEND_SV: Self = Self(14);
    pub(crate) const SYS_TICK: Self = Self(15);

    pub(crate) fn number(self) -> u8 {
        self.0
    }

    /// The exception as a set of exceptions.
    pub(super) fn bit(self) -> u64 {
        1 << self.0
    }
}

/// Bits of CFSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultStatus(pub(super) u32);

impl FaultStatus {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const INSTRUCTION_ACCESS: Self = Self(1 << 0);
    pub(crate) const INSTRUCTION_BUS: Self = Self(1 << 8);
    pub(crate) const PRECISE: Self = Self(1 << 9);
    pub(crate) const UNSTACKING: Self = Self(1 << 11);
    pub(crate) const STACKING: Self = Self(1 << 12);
    pub(crate) const UNDEFINED: Self = Self(1 << 16);
    pub(crate) const INVALID_STATE: Self = Self(1 << 17);
    pub(crate) const INVALID_PC: Self = Self(1 << 18);
    pub(crate) const NO_COPROCESSOR: Self = Self(1 << 19);
    pub(crate) const UNALIGNED: Self = Self(1 << 24);
    pub(crate) const DIVIDE_BY_ZERO: Self = Self(1 << 25);
}
