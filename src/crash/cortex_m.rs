//! The registers of a crashed Cortex-M.

use super::exception::{ExcReturn, ExceptionNumber};
use super::fault::{Fault, FaultRegister, FaultStatus};
use super::frame::StackedState;
use crate::registers::RegisterDump;
use crate::types::debug_in_hex;

/// Registers that a report reads; a core has not all of them, and OpenOCD 0.12.0 has `xPSR` where
/// newer versions have `xpsr`.
pub(super) const REGISTERS: [&str; 28] = [
    "r0",
    "r1",
    "r2",
    "r3",
    "r4",
    "r5",
    "r6",
    "r7",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "sp",
    "lr",
    "pc",
    "xPSR",
    "xpsr",
    "msp",
    "psp",
    "primask",
    "basepri",
    "faultmask",
    "control",
    "msp_ns",
    "psp_ns",
    "msp_s",
    "psp_s",
];

const CPUID: u32 = 0xe000_ed00;
const ICSR: u32 = 0xe000_ed04;
const SHCSR: u32 = 0xe000_ed24;
const CFSR: u32 = 0xe000_ed28;
const HFSR: u32 = 0xe000_ed2c;
const DFSR: u32 = 0xe000_ed30;
const MMFAR: u32 = 0xe000_ed34;
const BFAR: u32 = 0xe000_ed38;
const AFSR: u32 = 0xe000_ed3c;
const ID_PFR1: u32 = 0xe000_ed44;
const SFSR: u32 = 0xe000_ede4;
const SFAR: u32 = 0xe000_ede8;
const FPCCR: u32 = 0xe000_ef34;

/// Words that every core has. Reading them changes nothing, as DHCSR or SysTick would.
pub(super) const BASE: [u32; 4] = [CPUID, ICSR, SHCSR, DFSR];
/// Words of ARMv7-M and Armv8-M Mainline cores. Where a core lacks one of them, the address is
/// reserved and reads as 0.
pub(super) const MAINLINE: [u32; 9] = [CFSR, HFSR, MMFAR, BFAR, AFSR, ID_PFR1, SFSR, SFAR, FPCCR];

/// The words of such cores that decide how a stored state is found.
#[cfg(feature = "debuginfo")]
pub(super) const UNWINDING: [u32; 1] = [FPCCR];

/// Where the program counter of a locked-up core points (ARM DDI 0403, B1.5.15; ARM DDI 0553,
/// B3.33).
const LOCKED_UP: [u64; 2] = [0xffff_fffe, 0xefff_fffe];

/// The decoded registers of a Cortex-M.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CortexMState {
    /// The exception whose handler runs, from xPSR; thread mode if none does.
    pub exception: ExceptionNumber,
    /// The core is locked up: a fault occurred in the handler of a HardFault or an NMI. The program
    /// counter shows this, because it then points to a fixed address outside of the program.
    pub is_locked_up: bool,
    /// Which faults happened, and where.
    pub fault_status: FaultStatus,
    /// LR, if it holds `EXC_RETURN`: the handler has called no function yet.
    pub exc_return: Option<ExcReturn>,
    /// The registers of the program that the exception interrupted.
    pub stacked: StackedState,
    /// CPUID.
    pub cpuid: Option<u32>,
    /// Interrupt Control and State Register: which exception is active, and which are pending.
    pub icsr: Option<u32>,
    /// System Handler Control and State Register: which faults have handlers enabled, and which are
    /// active.
    pub shcsr: Option<u32>,
    /// CONTROL: privilege, stack and FPU use of thread mode.
    pub control: Option<u32>,
    /// PRIMASK: 1 if all exceptions with a configurable priority are masked.
    pub primask: Option<u32>,
    /// FAULTMASK: 1 if all exceptions but NMI are masked. ARMv6-M lacks it.
    pub faultmask: Option<u32>,
    /// BASEPRI: if it is not 0, exceptions of this priority number and above are masked. ARMv6-M
    /// lacks it.
    pub basepri: Option<u32>,
    /// The FPU's registers are still to be stored in the frame (`FPCCR.LSPACT`).
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) is_lazy: bool,
    /// The stack pointer is below memory that can be read.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) is_stack_below_memory: bool,
}

debug_in_hex!(CortexMState {
    exception, is_locked_up, fault_status, exc_return, stacked;
    cpuid, icsr, shcsr, control, primask, faultmask, basepri;
    without is_lazy, is_stack_below_memory
});

/// Gives xPSR the same name whatever OpenOCD calls it, so that reports of two stations are alike.
pub(super) fn rename_xpsr(registers: &mut RegisterDump) {
    let read = registers.registers.iter_mut().map(|register| &mut register.name);
    let unreadable = registers.unreadable.iter_mut().map(|(name, _)| name);
    for name in read.chain(unreadable).filter(|name| *name == "xPSR") {
        "xpsr".clone_into(name);
    }
}

impl CortexMState {
    /// Decodes what was read, but for the stack.
    pub(super) fn of(registers: &RegisterDump, word: impl Fn(u32) -> Option<u32>) -> Self {
        let register = |name| u32::try_from(registers.get(name)?.value.to_u64()?).ok();
        let xpsr = register("xpsr");
        let icsr = word(ICSR);
        let exception = xpsr.or(icsr).map_or(ExceptionNumber(0), ExceptionNumber::of);
        // Bits 4 to 7 of ID_PFR1 are not 0 if the core has the security extension (ARM DDI 0553,
        // D1.2).
        let has_security = word(ID_PFR1).is_some_and(|features| features & 0xf0 != 0);
        let fault_status = FaultStatus {
            cfsr: word(CFSR),
            hfsr: word(HFSR),
            dfsr: word(DFSR),
            afsr: word(AFSR),
            mmfar: word(MMFAR),
            bfar: word(BFAR),
            sfsr: word(SFSR).filter(|_| has_security),
            sfar: word(SFAR).filter(|_| has_security),
        };
        CortexMState {
            exception,
            is_locked_up: register("pc").is_some_and(|pc| LOCKED_UP.contains(&pc.into())),
            fault_status,
            exc_return: register("lr").and_then(ExcReturn::new).filter(|_| !exception.is_thread()),
            stacked: StackedState::None,
            cpuid: word(CPUID),
            icsr,
            shcsr: word(SHCSR),
            control: register("control"),
            primask: register("primask"),
            faultmask: register("faultmask"),
            basepri: register("basepri"),
            is_lazy: word(FPCCR).is_some_and(|fpccr| fpccr & 1 != 0),
            is_stack_below_memory: false,
        }
    }

    /// The exception that ICSR says is active (`VECTACTIVE`). It differs from
    /// [`exception`](Self::exception) only if the debugger or a lockup changed one of them.
    pub fn active_exception(&self) -> Option<ExceptionNumber> {
        self.icsr.map(ExceptionNumber::of)
    }

    /// The most urgent exception that waits to be handled (`ICSR.VECTPENDING`); `None` if none
    /// does.
    pub fn pending_exception(&self) -> Option<ExceptionNumber> {
        self.icsr.map(|icsr| ExceptionNumber::of(icsr >> 12)).filter(|pending| !pending.is_thread())
    }

    /// Whether a fault is being handled, or the core is locked up.
    pub fn is_fault(&self) -> bool {
        self.is_locked_up || self.exception.is_fault()
    }

    /// Whether the fault is a stack overflow, as far as the core tells.
    ///
    /// It is one if the stack pointer passed its limit (`STKOF`), if the memory protection refused
    /// the stack of the exception (`MSTKERR`), or if the stack pointer is at most 4 KiB below
    /// memory and not in memory. An overflow that has only overwritten other data is not noticed.
    pub fn is_stack_overflow(&self) -> bool {
        let is_reported = |fault: &Fault| matches!(fault, Fault::StackOverflow | Fault::MemoryStacking);
        self.is_fault() && (self.is_stack_below_memory || self.faults().iter().any(is_reported))
    }

    /// The stored program counter. A core that is locked up stored it at the first fault; if there
    /// was none, but an NMI or a handler that masked faults, it is about no fault.
    pub(super) fn fault_pc(&self) -> Option<u32> {
        match self.stacked {
            StackedState::Found(frame) if !self.is_locked_up || self.exception.is_fault() => Some(frame.pc),
            _ => None,
        }
    }

    /// The faults that may be why the current handler was called, or why the core is locked up. Of
    /// several, nothing tells which came last: their bits stay set.
    pub(super) fn causes(&self) -> Vec<Fault> {
        let all = self.faults().into_iter().filter(|fault| *fault != Fault::Forced).collect::<Vec<_>>();
        if self.is_locked_up {
            return all;
        }
        let own: Vec<_> = all.iter().copied().filter(|fault| fault.may_call(self.exception)).collect();
        if own.is_empty() { all } else { own }
    }

    /// The faults, without the reasons for the halt (DFSR).
    pub fn faults(&self) -> Vec<Fault> {
        let faults = self.fault_status.faults();
        faults.into_iter().filter(|fault| fault.register() != FaultRegister::Dfsr).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::Register;

    fn registers(values: &[(&str, u32)]) -> RegisterDump {
        let register =
            |&(name, value): &(&str, u32)| Register { name: name.to_owned(), value: value.into(), dirty: false };
        RegisterDump { registers: values.iter().map(register).collect(), unreadable: Vec::new() }
    }

    #[test]
    fn core_in_a_hard_fault_is_decoded() {
        let registers = registers(&[("xPSR", 0x0100_0003), ("lr", 0xffff_fff9), ("pc", 0x0800_0054), ("control", 0)]);
        let words = |address| match address {
            ICSR => Some(0x0000_0803),
            CFSR => Some(0x0000_8200),
            HFSR => Some(0x4000_0000),
            BFAR => Some(0x6000_0000),
            ID_PFR1 => Some(0x0000_0200),
            SFSR => Some(0),
            _ => None,
        };
        let state = CortexMState::of(&registers, words);
        assert_eq!(state.exception.to_string(), "HardFault");
        assert_eq!(state.active_exception(), Some(ExceptionNumber(3)));
        assert_eq!(state.faults(), [Fault::PreciseData, Fault::Forced]);
        assert_eq!(state.fault_status.bus_fault_address(), Some(0x6000_0000));
        assert_eq!((state.fault_status.sfsr, state.is_locked_up, state.faultmask), (None, false, None));
        assert!(state.exc_return.is_some() && state.is_fault());
    }

    #[test]
    fn exc_return_counts_in_a_handler_only() {
        // After a reset LR is 0xffffffff; a program in thread mode may hold anything in it.
        let state = CortexMState::of(&registers(&[("xpsr", 0x0100_0000), ("lr", 0xffff_fff9)]), |_| None);
        assert_eq!((state.exc_return, state.is_fault()), (None, false));
    }

    #[test]
    fn fault_that_a_full_stack_causes_is_a_stack_overflow() {
        let with = |xpsr, cfsr| {
            let words = |address| (address == CFSR).then_some(cfsr);
            CortexMState::of(&registers(&[("xpsr", xpsr), ("lr", 0xffff_fff9)]), words)
        };
        for cfsr in [1 << 20, 1 << 4] {
            assert!(with(0x0100_0003, cfsr).is_stack_overflow(), "{cfsr:#x}");
            // The bits may be of an earlier fault.
            assert!(!with(0x0100_0000, cfsr).is_stack_overflow(), "{cfsr:#x}");
        }
        // A stack pointer that is wrong in another way causes STKERR, too.
        let below = CortexMState { is_stack_below_memory: true, ..with(0x0100_0003, 1 << 12) };
        assert!(below.is_stack_overflow() && !with(0x0100_0003, 1 << 12).is_stack_overflow());
    }

    #[test]
    fn lockup_shows_in_the_program_counter() {
        for pc in [0xffff_fffe, 0xefff_fffe] {
            let state = CortexMState::of(&registers(&[("xpsr", 0x0100_0003), ("pc", pc)]), |_| None);
            assert!(state.is_locked_up, "{pc:#x}");
        }
    }
}
