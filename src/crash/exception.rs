//! Exceptions of a Cortex-M: their numbers, and the value that returns from one.

use std::fmt;

/// The number of an exception (ARM DDI 0403, B1.5.2); 0 is thread mode, in which no exception is
/// handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExceptionNumber(pub u16);

impl ExceptionNumber {
    /// The number in the lowest nine bits of xPSR or ICSR.
    pub(super) fn of(register: u32) -> Self {
        ExceptionNumber((register & 0x1ff) as u16)
    }

    /// Whether the core runs in thread mode.
    pub fn is_thread(self) -> bool {
        self.0 == 0
    }

    /// Whether this is one of the exceptions for faults: HardFault, MemManage, BusFault, UsageFault
    /// or SecureFault.
    pub fn is_fault(self) -> bool {
        matches!(self.0, 3..=7)
    }

    /// The number of the interrupt line, from 0, if this is an external interrupt.
    pub fn interrupt(self) -> Option<u16> {
        self.0.checked_sub(16)
    }
}

/// `HardFault`, `interrupt 5`, `thread mode`
impl fmt::Display for ExceptionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            0 => "thread mode",
            1 => "Reset",
            2 => "NMI",
            3 => "HardFault",
            4 => "MemManage",
            5 => "BusFault",
            6 => "UsageFault",
            7 => "SecureFault",
            11 => "SVCall",
            12 => "DebugMonitor",
            14 => "PendSV",
            15 => "SysTick",
            16.. => return write!(f, "interrupt {}", self.0 - 16),
            _ => return write!(f, "reserved exception {}", self.0),
        })
    }
}

/// `EXC_RETURN`: the value in LR when an exception's handler starts, which says where the core
/// stored its state.
///
/// ARM DDI 0403, B1.5.8; for Armv8-M also ARM DDI 0553, B3.21.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExcReturn(u32);

impl ExcReturn {
    /// Takes a value for an `EXC_RETURN`; `None` if its upper bits are not those of one.
    ///
    /// ```
    /// use openocd::crash::ExcReturn;
    ///
    /// let value = ExcReturn::new(0xffff_fffd).unwrap();
    /// assert!(value.to_thread_mode() && value.uses_psp() && !value.has_fpu_state());
    /// assert_eq!(ExcReturn::new(0x0800_0041), None);
    /// ```
    pub fn new(value: u32) -> Option<Self> {
        // Bits 7 to 23 are ones in every version; an Armv8-M core uses the seven bits below.
        (value >> 7 == 0x1ff_ffff && value & 2 == 0).then_some(ExcReturn(value))
    }

    /// The value in the register.
    pub fn value(self) -> u32 {
        self.0
    }

    /// Whether the exception interrupted thread mode; otherwise it interrupted another exception's
    /// handler.
    pub fn to_thread_mode(self) -> bool {
        self.0 & 1 << 3 != 0
    }

    /// Whether the state is on the process stack; otherwise it is on the main stack.
    pub fn uses_psp(self) -> bool {
        self.0 & 1 << 2 != 0
    }

    /// Whether the stored state has room for the registers of the FPU.
    pub fn has_fpu_state(self) -> bool {
        self.0 & 1 << 4 == 0
    }

    /// Whether the value is one that only Armv8-M has.
    pub fn is_armv8m(self) -> bool {
        !matches!(self.0 & !0x10, 0xffff_ffe1 | 0xffff_ffe9 | 0xffff_ffed)
    }

    /// Whether an Armv8-M core with the security extension stored the state on a secure stack.
    pub fn uses_secure_stack(self) -> bool {
        self.is_armv8m() && self.0 & 1 << 6 != 0
    }

    /// Whether the exception is handled in the secure state of an Armv8-M core.
    pub fn is_secure_exception(self) -> bool {
        self.is_armv8m() && self.0 & 1 != 0
    }

    /// Whether the core stored R4 to R11 and a signature, too, below the rest: it does when a
    /// secure program is interrupted by a non-secure exception (bits `S`, `ES` and `DCRS`).
    pub fn has_callee_registers(self) -> bool {
        self.uses_secure_stack() && (!self.is_secure_exception() || self.0 & 1 << 5 == 0)
    }
}

/// `0xfffffff9: to thread mode, main stack`
impl fmt::Display for ExcReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.to_thread_mode() { "thread mode" } else { "handler mode" };
        let stack = if self.uses_psp() { "process stack" } else { "main stack" };
        let fpu = if self.has_fpu_state() { ", with FPU state" } else { "" };
        let security = match (self.is_armv8m(), self.uses_secure_stack()) {
            (false, _) => "",
            (true, false) => "non-secure ",
            (true, true) => "secure ",
        };
        write!(f, "{:#010x}: to {mode}, {security}{stack}{fpu}", self.0)
    }
}

impl fmt::Debug for ExcReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExcReturn({:#010x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_have_the_names_of_the_manual() {
        let names =
            [(0, "thread mode"), (3, "HardFault"), (8, "reserved exception 8"), (15, "SysTick"), (21, "interrupt 5")];
        for (number, name) in names {
            assert_eq!(ExceptionNumber(number).to_string(), name);
        }
        assert_eq!(ExceptionNumber::of(0x6100_0203), ExceptionNumber(3));
        assert_eq!((ExceptionNumber(15).interrupt(), ExceptionNumber(16).interrupt()), (None, Some(0)));
    }

    #[test]
    fn exc_return_says_mode_stack_fpu_and_security() {
        // ARM DDI 0403, table B1-8 and B1-9.
        for (value, text) in [
            (0xffff_fff1, "to handler mode, main stack"),
            (0xffff_fff9, "to thread mode, main stack"),
            (0xffff_fffd, "to thread mode, process stack"),
            (0xffff_ffe1, "to handler mode, main stack, with FPU state"),
            (0xffff_ffe9, "to thread mode, main stack, with FPU state"),
            (0xffff_ffed, "to thread mode, process stack, with FPU state"),
            (0xffff_ffbc, "to thread mode, non-secure process stack"),
            (0xffff_ffb0, "to handler mode, non-secure main stack"),
            (0xffff_fff8, "to thread mode, secure main stack"),
        ] {
            assert_eq!(ExcReturn::new(value).unwrap().to_string(), format!("{value:#010x}: {text}"));
        }
        for value in [0, 0x0800_0001, 0xffff_ffff, 0xffff_fffe, 0xffff_ff79, 0xf000_0001] {
            assert_eq!(ExcReturn::new(value), None, "{value:#x}");
        }
    }

    #[test]
    fn callee_registers_are_there_when_a_non_secure_exception_interrupts_a_secure_program() {
        let has = |value| ExcReturn::new(value).unwrap().has_callee_registers();
        assert!(has(0xffff_fff8)); // S = 1, ES = 0
        assert!(has(0xffff_ffd9)); // S = 1, ES = 1, DCRS = 0: from a chain of exceptions
        assert!(!has(0xffff_fff9) && !has(0xffff_ffbc) && !has(0xffff_ffb0));
    }
}
