//! The fault status registers of a Cortex-M, bit by bit.

use std::fmt;

use super::exception::ExceptionNumber;

/// A register that says which faults happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum FaultRegister {
    /// CFSR, which holds MMFSR, BFSR and UFSR (ARM DDI 0403, B3.2.15).
    Cfsr,
    /// HFSR (B3.2.16).
    Hfsr,
    /// DFSR (C1.6.1).
    Dfsr,
    /// SFSR of an Armv8-M core with the security extension (ARM DDI 0553, D1.2).
    Sfsr,
}

impl fmt::Display for FaultRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FaultRegister::Cfsr => "CFSR",
            FaultRegister::Hfsr => "HFSR",
            FaultRegister::Dfsr => "DFSR",
            FaultRegister::Sfsr => "SFSR",
        })
    }
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $register:ident $bit:literal $mnemonic:literal $text:literal,)*) => {
        /// Something that a bit of a fault status register says.
        ///
        /// The bits stay until the firmware clears them or the core is reset. So one of them may be
        /// of an earlier fault. The bits that only say that an address register is valid are not
        /// here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All faults, by register and bit.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            /// The register that holds the bit.
            pub fn register(self) -> FaultRegister {
                match self { $(Fault::$name => FaultRegister::$register,)* }
            }

            /// The number of the bit in the register.
            pub fn bit(self) -> u32 {
                match self { $(Fault::$name => $bit,)* }
            }

            /// The name of the bit in the manual, such as `PRECISERR`.
            pub fn mnemonic(self) -> &'static str {
                match self { $(Fault::$name => $mnemonic,)* }
            }
        }

        /// What happened, as a part of a sentence, such as "a data access failed on the bus".
        impl fmt::Display for Fault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Fault::$name => $text,)* })
            }
        }
    };
}

faults! {
    /// The MPU or the memory map forbids execution at the address.
    InstructionAccess = Cfsr 0 "IACCVIOL" "an instruction was fetched where execution is not allowed",
    /// The MPU forbids the access to data.
    DataAccess = Cfsr 1 "DACCVIOL" "a data access violated the memory protection",
    /// The MPU forbids a read of the stack while the core returned from an exception.
    MemoryUnstacking = Cfsr 3 "MUNSTKERR" "the return from an exception read the stack against the memory protection",
    /// The MPU forbids a write to the stack while the core entered an exception.
    MemoryStacking = Cfsr 4 "MSTKERR" "the entry to an exception wrote to the stack against the memory protection",
    /// The MPU forbids the deferred write of the FPU's registers to the stack.
    MemoryLazyFpu = Cfsr 5 "MLSPERR" "the FPU state could not be stored, because of the memory protection",
    /// The fetch of an instruction failed on the bus.
    InstructionBus = Cfsr 8 "IBUSERR" "the fetch of an instruction failed on the bus",
    /// A data access failed on the bus; the stored program counter is that of the instruction.
    PreciseData = Cfsr 9 "PRECISERR" "a data access failed on the bus",
    /// A data access failed on the bus, some time after its instruction, so neither instruction nor
    /// address are known.
    ImpreciseData = Cfsr 10 "IMPRECISERR" "a data access failed on the bus, by an earlier instruction than the stored one",
    /// A read of the stack failed on the bus while the core returned from an exception.
    BusUnstacking = Cfsr 11 "UNSTKERR" "the return from an exception could not read the stack",
    /// A write to the stack failed on the bus while the core entered an exception: the stack
    /// pointer is wrong, or the stack overflowed.
    BusStacking = Cfsr 12 "STKERR" "the entry to an exception could not write to the stack",
    /// The deferred write of the FPU's registers failed on the bus.
    BusLazyFpu = Cfsr 13 "LSPERR" "the FPU state could not be written to the stack",
    /// The instruction is undefined.
    UndefinedInstruction = Cfsr 16 "UNDEFINSTR" "an undefined instruction was executed",
    /// The core was to execute with the Thumb bit clear: a jump to an even address, or a vector
    /// with one.
    InvalidState = Cfsr 17 "INVSTATE" "an instruction was executed with the Thumb bit clear, after a jump to an even address",
    /// The core was to return from an exception with a wrong `EXC_RETURN`, or with a stored state
    /// that contradicts it.
    InvalidReturn = Cfsr 18 "INVPC" "the return from an exception found an invalid EXC_RETURN or stored state",
    /// The coprocessor is absent or disabled.
    NoCoprocessor = Cfsr 19 "NOCP" "an instruction for an absent or disabled coprocessor was executed, such as the FPU",
    /// The stack pointer passed its limit (Armv8-M).
    StackOverflow = Cfsr 20 "STKOF" "the stack pointer passed its limit",
    /// An access was not aligned, where the core or the firmware (`CCR.UNALIGN_TRP`) forbids it.
    Unaligned = Cfsr 24 "UNALIGNED" "an access was not aligned",
    /// An integer was divided by zero, with the check enabled (`CCR.DIV_0_TRP`).
    DivideByZero = Cfsr 25 "DIVBYZERO" "an integer was divided by zero",
    /// The vector of an exception could not be read.
    VectorTable = Hfsr 1 "VECTTBL" "the vector of an exception could not be read",
    /// Another fault became a HardFault, as its own handler is disabled or its priority too low.
    Forced = Hfsr 30 "FORCED" "another fault escalated to a HardFault",
    /// A breakpoint instruction or another debug event, while no debugger had enabled halting.
    DebugEvent = Hfsr 31 "DEBUGEVT" "a debug event, such as a BKPT instruction, happened with halting debug disabled",
    /// The debugger asked for the halt, or a step ended.
    HaltRequest = Dfsr 0 "HALTED" "the debugger halted or stepped the core",
    /// A breakpoint.
    Breakpoint = Dfsr 1 "BKPT" "a breakpoint was reached",
    /// A watchpoint.
    Watchpoint = Dfsr 2 "DWTTRAP" "a watchpoint was triggered",
    /// Vector catch.
    VectorCatch = Dfsr 3 "VCATCH" "vector catch halted the core",
    /// A signal from outside of the core.
    ExternalRequest = Dfsr 4 "EXTERNAL" "an external signal halted the core",
    /// A non-secure program jumped to a secure address that is no entry point.
    InvalidEntry = Sfsr 0 "INVEP" "a non-secure program entered secure code at no entry point",
    /// The integrity signature on the stack is wrong.
    InvalidSignature = Sfsr 1 "INVIS" "the return from an exception found no integrity signature on the stack",
    /// A return with a security state that is not allowed.
    InvalidSecureReturn = Sfsr 2 "INVER" "the return from an exception had a security state that is not allowed",
    /// A non-secure access to a secure address.
    Attribution = Sfsr 3 "AUVIOL" "a non-secure access was made to a secure address",
    /// A branch from secure to non-secure code that was not marked as such.
    InvalidTransition = Sfsr 4 "INVTRAN" "secure code branched to non-secure code without marking the branch",
    /// The deferred write of the FPU's registers violated the security attribution.
    SecureLazyFpu = Sfsr 5 "LSPERR" "the FPU state could not be stored, because of the security attribution",
    /// The deferred write of the FPU's registers failed, or its state contradicted itself.
    LazyState = Sfsr 7 "LSERR" "the state of a deferred write of the FPU registers was invalid",
}

impl Fault {
    /// Whether this may be why the handler of the exception was called. A stack that could not be
    /// written comes with any of them.
    pub(super) fn may_call(self, exception: ExceptionNumber) -> bool {
        let (register, bit) = (self.register(), self.bit());
        match exception.0 {
            _ if matches!(self, Fault::MemoryStacking | Fault::BusStacking) => true,
            4 => register == FaultRegister::Cfsr && bit < 8,
            5 => register == FaultRegister::Cfsr && (8..16).contains(&bit),
            6 => register == FaultRegister::Cfsr && bit >= 16,
            7 => register == FaultRegister::Sfsr,
            _ => true,
        }
    }
}

/// The bits that say that MMFAR, BFAR and SFAR hold an address.
const MMARVALID: u32 = 1 << 7;
const BFARVALID: u32 = 1 << 15;
const SFARVALID: u32 = 1 << 6;

/// The fault status registers; `None` where the core lacks a register or it could not be read.
///
/// An ARMv6-M or Armv8-M Baseline core, such as a Cortex-M0 or M23, has DFSR only.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FaultStatus {
    /// Configurable Fault Status Register.
    pub cfsr: Option<u32>,
    /// HardFault Status Register.
    pub hfsr: Option<u32>,
    /// Debug Fault Status Register. OpenOCD clears it when the core halts, so it is 0 most of the
    /// time.
    pub dfsr: Option<u32>,
    /// Auxiliary Fault Status Register, whose bits the manufacturer of the core defines.
    pub afsr: Option<u32>,
    /// MemManage Fault Address Register; see [`memory_fault_address`](Self::memory_fault_address).
    pub mmfar: Option<u32>,
    /// BusFault Address Register; see [`bus_fault_address`](Self::bus_fault_address).
    pub bfar: Option<u32>,
    /// Secure Fault Status Register.
    pub sfsr: Option<u32>,
    /// Secure Fault Address Register; see [`secure_fault_address`](Self::secure_fault_address).
    pub sfar: Option<u32>,
}

impl FaultStatus {
    /// What the bits say, by register and bit.
    pub fn faults(&self) -> Vec<Fault> {
        let is_set = |fault: &Fault| self.register(fault.register()).unwrap_or(0) >> fault.bit() & 1 != 0;
        Fault::ALL.iter().copied().filter(is_set).collect()
    }

    /// The value of a register.
    pub fn register(&self, register: FaultRegister) -> Option<u32> {
        match register {
            FaultRegister::Cfsr => self.cfsr,
            FaultRegister::Hfsr => self.hfsr,
            FaultRegister::Dfsr => self.dfsr,
            FaultRegister::Sfsr => self.sfsr,
        }
    }

    /// The address whose access violated the memory protection: MMFAR, if `MMARVALID` says that it
    /// holds one.
    pub fn memory_fault_address(&self) -> Option<u32> {
        self.mmfar.filter(|_| self.cfsr.unwrap_or(0) & MMARVALID != 0)
    }

    /// The address whose access failed on the bus: BFAR, if `BFARVALID` says that it holds one.
    pub fn bus_fault_address(&self) -> Option<u32> {
        self.bfar.filter(|_| self.cfsr.unwrap_or(0) & BFARVALID != 0)
    }

    /// The address that caused a SecureFault: SFAR, if `SFARVALID` says that it holds one.
    pub fn secure_fault_address(&self) -> Option<u32> {
        self.sfar.filter(|_| self.sfsr.unwrap_or(0) & SFARVALID != 0)
    }

    /// The address that a fault is about, if it is known.
    pub fn address_of(&self, fault: Fault) -> Option<u32> {
        match fault {
            Fault::DataAccess | Fault::MemoryStacking | Fault::MemoryUnstacking | Fault::MemoryLazyFpu => {
                self.memory_fault_address()
            }
            Fault::PreciseData | Fault::BusLazyFpu => self.bus_fault_address(),
            Fault::Attribution | Fault::SecureLazyFpu => self.secure_fault_address(),
            _ => None,
        }
    }
}

/// `FaultStatus(CFSR 0x00008200, HFSR 0x40000000)`: the registers that are not 0.
impl fmt::Debug for FaultStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registers = [("CFSR", self.cfsr), ("HFSR", self.hfsr), ("DFSR", self.dfsr), ("SFSR", self.sfsr)];
        let set = registers.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| *value != 0)?)));
        let shown: Vec<_> = set.map(|(name, value)| format!("{name} {value:#010x}")).collect();
        write!(f, "FaultStatus({})", shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_one_fault() {
        for register in [FaultRegister::Cfsr, FaultRegister::Hfsr, FaultRegister::Dfsr, FaultRegister::Sfsr] {
            let bits: Vec<_> =
                Fault::ALL.iter().filter(|fault| fault.register() == register).map(|f| f.bit()).collect();
            assert!(bits.is_sorted_by(|one, next| one < next), "{register}: {bits:?}");
        }
    }

    #[test]
    fn bits_are_those_of_the_manual() {
        // All bits that ARM DDI 0403 B3.2.15 and B3.2.16 define, the valid bits left out, and STKOF
        // of ARM DDI 0553.
        let mask = |register| {
            let faults = Fault::ALL.iter().filter(|fault| fault.register() == register);
            faults.fold(0_u32, |mask, fault| mask | 1 << fault.bit())
        };
        assert_eq!(mask(FaultRegister::Cfsr), 0x031f_bfbb & !MMARVALID & !BFARVALID);
        assert_eq!(mask(FaultRegister::Hfsr), 0xc000_0002);
        assert_eq!(mask(FaultRegister::Dfsr), 0x1f);
        assert_eq!(mask(FaultRegister::Sfsr), 0xbf);
    }

    #[test]
    fn precise_bus_fault_has_its_address() {
        let status = FaultStatus {
            cfsr: Some(0x8200),
            hfsr: Some(0x4000_0000),
            mmfar: Some(0x6000_0000),
            bfar: Some(0x6000_0000),
            ..FaultStatus::default()
        };
        assert_eq!(status.faults(), [Fault::PreciseData, Fault::Forced]);
        assert_eq!(status.address_of(Fault::PreciseData), Some(0x6000_0000));
        // On a Cortex-M3 the two are one register: only the valid bit tells which address it is.
        assert_eq!(status.memory_fault_address(), None);
        assert_eq!(format!("{status:?}"), "FaultStatus(CFSR 0x00008200, HFSR 0x40000000)");
    }

    #[test]
    fn address_without_its_valid_bit_is_none() {
        let status = FaultStatus { cfsr: Some(0x0400), bfar: Some(0xe000_edf8), ..FaultStatus::default() };
        assert_eq!((status.faults(), status.bus_fault_address()), (vec![Fault::ImpreciseData], None));
    }

    #[test]
    fn absent_registers_have_no_faults() {
        assert_eq!(FaultStatus::default().faults(), []);
    }
}
