//! The exceptions at which a Cortex-M can halt.

use std::fmt;

/// An event at which the debug hardware of a Cortex-M halts the core: vector catch.
///
/// Each is a bit of DEMCR (ARM DDI 0403, C1.6.5). An ARMv6-M core, such as a Cortex-M0, has
/// [`Reset`](Self::Reset) and [`HardFault`](Self::HardFault) only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum VectorCatch {
    /// A reset; the core halts before its first instruction (`VC_CORERESET`).
    Reset,
    /// A memory management fault: access to memory that the MPU protects, or execution where
    /// nothing may execute (`VC_MMERR`).
    MemoryManagement,
    /// A usage fault from an access to a coprocessor that is absent or disabled, such as the FPU
    /// (`VC_NOCPERR`).
    NoCoprocessor,
    /// A usage fault from a check that the firmware enabled: division by zero, unaligned access
    /// (`VC_CHKERR`).
    CheckError,
    /// A usage fault from the core's state: undefined instruction, Arm state, wrong exception
    /// return (`VC_STATERR`).
    StateError,
    /// A bus fault from a fetch or a data access (`VC_BUSERR`).
    BusFault,
    /// A fault while the core entered an exception or returned from one (`VC_INTERR`).
    InterruptError,
    /// A hard fault, also one that another fault escalated to because its handler is not enabled
    /// (`VC_HARDERR`).
    HardFault,
}

impl VectorCatch {
    /// All events, in the order of their bits.
    pub const ALL: [VectorCatch; 8] = [
        VectorCatch::Reset,
        VectorCatch::MemoryManagement,
        VectorCatch::NoCoprocessor,
        VectorCatch::CheckError,
        VectorCatch::StateError,
        VectorCatch::BusFault,
        VectorCatch::InterruptError,
        VectorCatch::HardFault,
    ];

    /// All events but the reset. An ARMv6-M core has only one of them,
    /// [`HardFault`](Self::HardFault).
    pub const FAULTS: [VectorCatch; 7] = [
        VectorCatch::MemoryManagement,
        VectorCatch::NoCoprocessor,
        VectorCatch::CheckError,
        VectorCatch::StateError,
        VectorCatch::BusFault,
        VectorCatch::InterruptError,
        VectorCatch::HardFault,
    ];

    /// The bit in DEMCR.
    pub(crate) fn mask(self) -> u32 {
        match self {
            VectorCatch::Reset => 1 << 0,
            VectorCatch::MemoryManagement => 1 << 4,
            VectorCatch::NoCoprocessor => 1 << 5,
            VectorCatch::CheckError => 1 << 6,
            VectorCatch::StateError => 1 << 7,
            VectorCatch::BusFault => 1 << 8,
            VectorCatch::InterruptError => 1 << 9,
            VectorCatch::HardFault => 1 << 10,
        }
    }

    /// OpenOCD's name (`handle_cortex_m_vector_catch_command` in `src/target/cortex_m.c`).
    pub(crate) fn openocd_name(self) -> &'static str {
        match self {
            VectorCatch::Reset => "reset",
            VectorCatch::MemoryManagement => "mm_err",
            VectorCatch::NoCoprocessor => "nocp_err",
            VectorCatch::CheckError => "chk_err",
            VectorCatch::StateError => "state_err",
            VectorCatch::BusFault => "bus_err",
            VectorCatch::InterruptError => "int_err",
            VectorCatch::HardFault => "hard_err",
        }
    }
}

/// "hard fault", "reset"
impl fmt::Display for VectorCatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            VectorCatch::Reset => "reset",
            VectorCatch::MemoryManagement => "memory management fault",
            VectorCatch::NoCoprocessor => "no coprocessor",
            VectorCatch::CheckError => "check error",
            VectorCatch::StateError => "state error",
            VectorCatch::BusFault => "bus fault",
            VectorCatch::InterruptError => "interrupt error",
            VectorCatch::HardFault => "hard fault",
        })
    }
}
