//! The last trap of a RISC-V hart (The RISC-V Instruction Set Manual, Volume II: Privileged
//! Architecture, 3.1 and 4.1).

use std::fmt;

use crate::registers::RegisterDump;
use crate::types::debug_in_hex;

/// Registers that a report reads; a hart has not all of them.
pub(super) const REGISTERS: [&str; 49] = [
    "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2",
    "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6", "priv", "mstatus", "mcause",
    "mepc", "mtval", "mtvec", "mie", "mip", "mscratch", "misa", "medeleg", "dcsr", "scause", "sepc", "stval", "stvec",
    "mhartid",
];

/// A privilege level (table 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PrivilegeLevel {
    /// U: user, or application.
    User,
    /// S: supervisor.
    Supervisor,
    /// M: machine.
    Machine,
    /// The code 2, which is reserved.
    Reserved,
}

impl PrivilegeLevel {
    fn of(code: u64) -> Self {
        match code & 3 {
            0 => PrivilegeLevel::User,
            1 => PrivilegeLevel::Supervisor,
            3 => PrivilegeLevel::Machine,
            _ => PrivilegeLevel::Reserved,
        }
    }
}

impl fmt::Display for PrivilegeLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PrivilegeLevel::User => "user",
            PrivilegeLevel::Supervisor => "supervisor",
            PrivilegeLevel::Machine => "machine",
            PrivilegeLevel::Reserved => "a reserved",
        })
    }
}

/// Why a hart trapped: `mcause` or `scause`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrapCause {
    /// An interrupt, with its code.
    Interrupt(u64),
    /// An exception, with its code.
    Exception(u64),
}

impl TrapCause {
    /// The cause in a register of `bits` bits, whose highest tells interrupts from exceptions.
    fn of(value: u64, bits: u32) -> Self {
        let interrupt = 1_u64 << (bits - 1);
        if value & interrupt == 0 { TrapCause::Exception(value) } else { TrapCause::Interrupt(value & !interrupt) }
    }

    /// What `mtval` or `stval` holds for this cause, such as "faulting address"; `None` if it holds
    /// nothing.
    pub fn value_meaning(self) -> Option<&'static str> {
        match self {
            TrapCause::Exception(2) => Some("the instruction, or 0"),
            TrapCause::Exception(0 | 1 | 3 | 4..=7 | 12 | 13 | 15 | 20..=23) => Some("the address, or 0"),
            TrapCause::Exception(18) => Some("the kind of check, or 0"),
            _ => None,
        }
    }
}

/// "load access fault", "machine timer interrupt"
impl fmt::Display for TrapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TrapCause::Exception(code) => match code {
                0 => "instruction address misaligned",
                1 => "instruction access fault",
                2 => "illegal instruction",
                3 => "breakpoint",
                4 => "load address misaligned",
                5 => "load access fault",
                6 => "store or AMO address misaligned",
                7 => "store or AMO access fault",
                8 => "environment call from user mode",
                9 => "environment call from supervisor mode",
                10 => "environment call from virtual supervisor mode",
                11 => "environment call from machine mode",
                12 => "instruction page fault",
                13 => "load page fault",
                15 => "store or AMO page fault",
                16 => "double trap",
                18 => "software check",
                19 => "hardware error",
                20 => "instruction guest-page fault",
                21 => "load guest-page fault",
                22 => "virtual instruction",
                23 => "store or AMO guest-page fault",
                24..=31 | 48..=63 => return write!(f, "exception {code}, which the manufacturer defines"),
                _ => return write!(f, "reserved exception {code}"),
            },
            TrapCause::Interrupt(code) => match code {
                1 => "supervisor software interrupt",
                2 => "virtual supervisor software interrupt",
                3 => "machine software interrupt",
                5 => "supervisor timer interrupt",
                6 => "virtual supervisor timer interrupt",
                7 => "machine timer interrupt",
                9 => "supervisor external interrupt",
                10 => "virtual supervisor external interrupt",
                11 => "machine external interrupt",
                12 => "supervisor guest external interrupt",
                13 => "counter overflow interrupt",
                16.. => return write!(f, "interrupt {code}, which the platform defines"),
                _ => return write!(f, "reserved interrupt {code}"),
            },
        })
    }
}

/// The registers of the last trap to one privilege level. Nothing tells whether its handler still
/// runs.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Trap {
    /// The level that handles it.
    pub handler: PrivilegeLevel,
    /// Why: `mcause` or `scause`. After a reset this is the exception 0 on most harts.
    pub cause: TrapCause,
    /// Where: `mepc` or `sepc`, the address of the instruction that trapped or was interrupted.
    pub pc: Option<u64>,
    /// `mtval` or `stval`; see [`TrapCause::value_meaning`].
    pub value: Option<u64>,
    /// The level before the trap, from `mstatus`.
    pub from: Option<PrivilegeLevel>,
}

debug_in_hex!(Trap { handler, cause, from; pc, value });

/// What the registers of a RISC-V hart tell.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RiscvState {
    /// The level at which the hart runs.
    pub privilege: Option<PrivilegeLevel>,
    /// The last trap to machine mode.
    pub machine_trap: Option<Trap>,
    /// The last trap to supervisor mode, if the hart has it.
    pub supervisor_trap: Option<Trap>,
    /// `mstatus`.
    pub mstatus: Option<u64>,
}

debug_in_hex!(RiscvState { privilege, machine_trap, supervisor_trap; mstatus });

impl RiscvState {
    /// Decodes what was read.
    pub(super) fn of(registers: &RegisterDump) -> Self {
        let value = |name| registers.get(name)?.value.to_u64();
        let bits = registers.get("mcause").or_else(|| registers.get("pc")).map_or(32, |register| register.value.bits());
        let mstatus = value("mstatus");
        // Virtual for OpenOCD: PRV in bits 0 and 1 (dcsr has it as well).
        let privilege = value("priv").or_else(|| value("dcsr")).map(PrivilegeLevel::of);
        let trap = |handler, cause, pc, trap_value, from: fn(u64) -> PrivilegeLevel| {
            let cause = TrapCause::of(value(cause)?, bits);
            Some(Trap { handler, cause, pc: value(pc), value: value(trap_value), from: mstatus.map(from) })
        };
        let mpp = |mstatus: u64| PrivilegeLevel::of(mstatus >> 11);
        let spp = |mstatus: u64| PrivilegeLevel::of(mstatus >> 8 & 1);
        RiscvState {
            privilege,
            machine_trap: trap(PrivilegeLevel::Machine, "mcause", "mepc", "mtval", mpp),
            supervisor_trap: trap(PrivilegeLevel::Supervisor, "scause", "sepc", "stval", spp),
            mstatus,
        }
    }

    /// Whether interrupts that machine mode handles are enabled (`mstatus.MIE`).
    pub fn machine_interrupts_enabled(&self) -> Option<bool> {
        self.mstatus.map(|mstatus| mstatus & 1 << 3 != 0)
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        self.pc.map_or(Ok(()), |pc| write!(f, " at {pc:#010x}"))?;
        if let (Some(value), Some(meaning)) = (self.value, self.cause.value_meaning()) {
            write!(f, ", value {value:#010x} ({meaning})")?;
        }
        self.from.map_or(Ok(()), |from| write!(f, ", from {from} mode"))
    }
}

impl fmt::Display for RiscvState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(privilege) = self.privilege {
            writeln!(f, "  the hart is in {privilege} mode")?;
        }
        for trap in [self.machine_trap, self.supervisor_trap].into_iter().flatten() {
            writeln!(f, "  last trap to {} mode: {trap}", trap.handler)?;
        }
        let Some(mstatus) = self.mstatus else { return Ok(()) };
        let mpp = PrivilegeLevel::of(mstatus >> 11);
        let bit = |bit: u32| mstatus >> bit & 1;
        writeln!(
            f,
            "  mstatus {mstatus:#010x}: MIE {}, MPIE {}, MPP {mpp}, SIE {}, SPIE {}, MPRV {}, FS {}",
            bit(3),
            bit(7),
            bit(1),
            bit(5),
            bit(17),
            mstatus >> 13 & 3,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::Register;
    use crate::types::RegisterValue;

    fn dump(values: &[(&str, RegisterValue)]) -> RegisterDump {
        let register = |&(name, value): &(&str, RegisterValue)| Register { name: name.to_owned(), value, dirty: false };
        RegisterDump { registers: values.iter().map(register).collect(), unreadable: Vec::new() }
    }

    #[test]
    fn load_fault_of_a_32_bit_hart_is_decoded() {
        let state = RiscvState::of(&dump(&[
            ("pc", 0x8000_0100_u32.into()),
            ("mcause", 5_u32.into()),
            ("mepc", 0x8000_0008_u32.into()),
            ("mtval", 0x10_u32.into()),
            ("mstatus", 0x1880_u32.into()),
            ("dcsr", 0x4000_b0c3_u32.into()),
        ]));
        let trap = state.machine_trap.unwrap();
        assert_eq!(
            trap.to_string(),
            "load access fault at 0x80000008, value 0x00000010 (the address, or 0), from machine mode"
        );
        assert_eq!(state.privilege, Some(PrivilegeLevel::Machine));
        assert_eq!(state.machine_interrupts_enabled(), Some(false));
        assert_eq!(state.supervisor_trap, None);
    }

    #[test]
    fn interrupt_bit_is_the_highest_of_the_register() {
        assert_eq!(TrapCause::of(0x8000_0007, 32).to_string(), "machine timer interrupt");
        assert_eq!(TrapCause::of(0x8000_0000_0000_000b, 64).to_string(), "machine external interrupt");
        assert_eq!(TrapCause::of(0x8000_0007, 64), TrapCause::Exception(0x8000_0007));
    }

    #[test]
    fn supervisor_trap_is_from_user_mode_when_spp_is_0() {
        let state =
            RiscvState::of(&dump(&[("mcause", 0_u64.into()), ("scause", 13_u64.into()), ("mstatus", 0_u64.into())]));
        let trap = state.supervisor_trap.unwrap();
        assert_eq!((trap.to_string(), trap.pc), ("load page fault, from user mode".to_owned(), None));
    }

    #[test]
    fn hart_without_any_register_has_an_empty_state() {
        let state = RiscvState::of(&dump(&[]));
        assert_eq!((state.privilege, state.machine_trap, state.mstatus), (None, None, None));
        assert_eq!(state.to_string(), "");
    }
}
