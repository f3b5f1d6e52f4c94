//! System control space: identification, the vector table, system exceptions, fault status and
//! SysTick.
//!
//! ARM DDI 0403, B3.2 (system control block) and B3.3 (SysTick). [`crate::debug`] has the debug
//! registers of this space.

/// System exceptions by number (DDI 0403, B1.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exception {
    Nmi = 2,
    HardFault = 3,
    MemManage = 4,
    BusFault = 5,
    UsageFault = 6,
    SvCall = 11,
    DebugMonitor = 12,
    PendSv = 14,
    SysTick = 15,
}

impl Exception {
    const ALL: [Self; 9] = [
        Self::Nmi,
        Self::HardFault,
        Self::MemManage,
        Self::BusFault,
        Self::UsageFault,
        Self::SvCall,
        Self::DebugMonitor,
        Self::PendSv,
        Self::SysTick,
    ];
}

/// Bits of CFSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultStatus(u32);

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

/// CFSR: BFAR holds an address.
const BFARVALID: u32 = 1 << 15;
const HFSR_VECTTBL: u32 = 1 << 1;
const HFSR_FORCED: u32 = 1 << 30;
const HFSR_DEBUGEVT: u32 = 1 << 31;
const CCR_UNALIGN_TRP: u32 = 1 << 3;
const CCR_DIV_0_TRP: u32 = 1 << 4;
const CCR_STKALIGN: u32 = 1 << 9;
const SYSTICK_ENABLE: u32 = 1;
const SYSTICK_INTERRUPT: u32 = 2;
const SYSTICK_WRAPPED: u32 = 1 << 16;
/// Cortex-M3 r1p1.
const CPUID: u32 = 0x411f_c231;
const VECTKEY: u32 = 0x05fa;
const VECTKEY_READ: u32 = 0xfa05;

/// ID_PFR0 to ID_ISAR4, from 0xe000ed40 (DDI 0337, table 8-2).
const FEATURES: [u32; 13] = [
    0x0000_0030,
    0x0000_0200,
    0x0010_0000,
    0,
    0x0000_0030,
    0,
    0,
    0,
    0x0114_1110,
    0x0211_1000,
    0x2111_2231,
    0x0111_1110,
    0x0131_0102,
];

/// The reset that a write to AIRCR requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetRequest {
    /// SYSRESETREQ: resets everything except the debug logic.
    System,
    /// VECTRESET: resets only the core.
    Core,
}

/// The registers of the space.
#[derive(Debug, Default)]
pub(crate) struct SystemControl {
    /// Bit N: exception N is pending.
    pending: u16,
    /// Bit N: exception N is active.
    active: u16,
    /// Priorities of exceptions 4 to 15.
    priorities: [u8; 12],
    vtor: u32,
    priority_group: u32,
    scr: u32,
    ccr: u32,
    shcsr_enables: u32,
    cfsr: u32,
    hfsr: u32,
    /// MMFAR and BFAR, which are one register on a Cortex-M3.
    fault_address: u32,
    systick_control: u32,
    systick_reload: u32,
    systick_value: u32,
    /// The reset to carry out.
    pub(crate) reset_request: Option<ResetRequest>,
}

impl SystemControl {
    /// Reads the word at `offset` from 0xe000e000.
    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            // Two groups of 32 interrupt lines: the chip has 43.
            0x004 => 1,
            0x010 => {
                let value = self.systick_control;
                self.systick_control &= !SYSTICK_WRAPPED;
                value
            }
            0x014 => self.systick_reload,
            0x018 => self.systick_value,
            // 8 MHz / 8 gives 1 ms in 9000 cycles at the 72 MHz that ST calibrated for.
            0x01c => 9000,
            0xd00 => CPUID,
            0xd04 => self.icsr(),
            0xd08 => self.vtor,
            0xd0c => VECTKEY_READ << 16 | self.priority_group << 8,
            0xd10 => self.scr,
            0xd14 => self.ccr,
            0xd18 | 0xd1c | 0xd20 => {
                let first = (offset - 0xd18) as usize;
                u32::from_le_bytes([
                    self.priorities[first],
                    self.priorities[first + 1],
                    self.priorities[first + 2],
                    self.priorities[first + 3],
                ])
            }
            0xd24 => self.shcsr(),
            0xd28 => self.cfsr,
            0xd2c => self.hfsr,
            0xd34 | 0xd38 => self.fault_address,
            0xd40..=0xd70 => FEATURES[(offset as usize - 0xd40) / 4],
            _ => 0,
        }
    }

    /// Writes the word at `offset` from 0xe000e000.
    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            0x010 => self.systick_control = value & 7 | self.systick_control & SYSTICK_WRAPPED,
            0x014 => self.systick_reload = value & 0x00ff_ffff,
            0x018 => {
                self.systick_value = 0;
                self.systick_control &= !SYSTICK_WRAPPED;
            }
            0xd04 => self.set_icsr(value),
            0xd08 => self.vtor = value & 0x3fff_ff80,
            0xd0c if value >> 16 == VECTKEY => {
                self.priority_group = value >> 8 & 7;
                match value & 5 {
                    0 => {}
                    1 => self.reset_request = Some(ResetRequest::Core),
                    _ => self.reset_request = Some(ResetRequest::System),
                }
            }
            0xd10 => self.scr = value & 0x16,
            0xd14 => self.ccr = value & 0x31b,
            0xd18 | 0xd1c | 0xd20 => {
                let first = (offset - 0xd18) as usize;
                for (priority, byte) in self.priorities[first..].iter_mut().zip(value.to_le_bytes()) {
                    // Four bits are implemented (PM0056, 4.3).
                    *priority = byte & 0xf0;
                }
            }
            0xd24 => self.set_shcsr(value),
            0xd28 => self.cfsr &= !value,
            0xd2c => self.hfsr &= !value,
            0xd34 | 0xd38 => self.fault_address = value,
            _ => {}
        }
    }

    pub(crate) fn vector_table(&self) -> u32 {
        self.vtor
    }

    pub(crate) fn traps_unaligned(&self) -> bool {
        self.ccr & CCR_UNALIGN_TRP != 0
    }

    pub(crate) fn traps_division(&self) -> bool {
        self.ccr & CCR_DIV_0_TRP != 0
    }

    pub(crate) fn aligns_stack(&self) -> bool {
        self.ccr & CCR_STKALIGN != 0
    }

    /// Whether SysTick counts.
    pub(crate) fn ticks(&self) -> bool {
        self.systick_control & SYSTICK_ENABLE != 0
    }

    /// Counts one cycle of SysTick.
    pub(crate) fn tick(&mut self) {
        match self.systick_value {
            0 => self.systick_value = self.systick_reload,
            1 => {
                self.systick_value = 0;
                self.systick_control |= SYSTICK_WRAPPED;
                if self.systick_control & SYSTICK_INTERRUPT != 0 {
                    self.set_pending(Exception::SysTick);
                }
            }
            _ => self.systick_value -= 1,
        }
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.pending != 0
    }

    /// Returns the most urgent pending exception; `masked` hides PendSV and SysTick
    /// (DHCSR.C_MASKINTS).
    pub(crate) fn most_urgent(&self, masked: bool) -> Option<(Exception, i32)> {
        let hidden = if masked { 1 << Exception::PendSv as u8 | 1 << Exception::SysTick as u8 } else { 0 };
        self.first_of(self.pending & !hidden)
    }

    pub(crate) fn priority(&self, exception: Exception) -> i32 {
        match exception {
            Exception::Nmi => -2,
            Exception::HardFault => -1,
            other => self.priorities[other as usize - 4].into(),
        }
    }

    /// Returns the most urgent priority among the active exceptions.
    pub(crate) fn active_priority(&self) -> Option<i32> {
        if self.active == 0 {
            return None;
        }
        self.current().map(|(_, priority)| priority)
    }

    fn current(&self) -> Option<(Exception, i32)> {
        self.first_of(self.active)
    }

    /// Returns the most urgent of the exceptions whose bit is set.
    fn first_of(&self, set: u16) -> Option<(Exception, i32)> {
        Exception::ALL
            .into_iter()
            .filter(|exception| set >> *exception as u8 & 1 != 0)
            .map(|exception| (exception, self.priority(exception)))
            .min_by_key(|(_, priority)| *priority)
    }

    /// Whether an exception is enabled: the configurable faults by SHCSR, the others always.
    pub(crate) fn is_enabled(&self, exception: Exception) -> bool {
        match exception {
            Exception::MemManage => self.shcsr_enables & 1 << 16 != 0,
            Exception::BusFault => self.shcsr_enables & 1 << 17 != 0,
            Exception::UsageFault => self.shcsr_enables & 1 << 18 != 0,
            _ => true,
        }
    }

    pub(crate) fn activate(&mut self, exception: Exception) {
        self.active |= 1 << exception as u8;
        self.pending &= !(1 << exception as u8);
    }

    pub(crate) fn deactivate(&mut self, number: u8) {
        self.active &= !(1_u16.checked_shl(number.into()).unwrap_or(0));
    }

    pub(crate) fn set_pending(&mut self, exception: Exception) {
        self.pending |= 1 << exception as u8;
    }

    pub(crate) fn record_fault(&mut self, status: FaultStatus) {
        self.cfsr |= status.0;
    }

    pub(crate) fn bus_fault_address(&mut self, address: u32) {
        self.fault_address = address;
        self.cfsr |= BFARVALID;
    }

    pub(crate) fn hard_fault_forced(&mut self) {
        self.hfsr |= HFSR_FORCED;
    }

    pub(crate) fn hard_fault_from_debug(&mut self) {
        self.hfsr |= HFSR_DEBUGEVT;
    }

    pub(crate) fn hard_fault_from_vector(&mut self) {
        self.hfsr |= HFSR_VECTTBL;
    }

    fn icsr(&self) -> u32 {
        let bit = |set: bool, position: u32| u32::from(set) << position;
        let pends = |exception: Exception| self.pending >> exception as u8 & 1 != 0;
        let next = self.most_urgent(false).map_or(0, |(exception, _)| exception as u32);
        // RETTOBASE: one exception is active, and no other.
        let returns_to_base = self.active.is_power_of_two();
        bit(pends(Exception::Nmi), 31)
            | bit(pends(Exception::PendSv), 28)
            | bit(pends(Exception::SysTick), 26)
            | next << 12
            | bit(returns_to_base, 11)
            | self.current().map_or(0, |(exception, _)| exception as u32)
    }

    fn set_icsr(&mut self, value: u32) {
        let pairs = [(Exception::PendSv, 28, 27), (Exception::SysTick, 26, 25)];
        for (exception, set, clear) in pairs {
            if value >> set & 1 != 0 {
                self.set_pending(exception);
            } else if value >> clear & 1 != 0 {
                self.pending &= !(1 << exception as u8);
            }
        }
        if value >> 31 != 0 {
            self.set_pending(Exception::Nmi);
        }
    }

    /// The exceptions with an "active" bit in SHCSR, and that bit.
    const ACTIVE_BITS: [(Exception, u32); 6] = [
        (Exception::MemManage, 0),
        (Exception::BusFault, 1),
        (Exception::UsageFault, 3),
        (Exception::SvCall, 7),
        (Exception::PendSv, 10),
        (Exception::SysTick, 11),
    ];

    fn shcsr(&self) -> u32 {
        Self::ACTIVE_BITS.into_iter().fold(self.shcsr_enables, |value, (exception, bit)| {
            value | u32::from(self.active >> exception as u8 & 1) << bit
        })
    }

    fn set_shcsr(&mut self, value: u32) {
        self.shcsr_enables = value & 0x0007_0000;
        for (exception, bit) in Self::ACTIVE_BITS {
            let mask = 1 << exception as u8;
            self.active = self.active & !mask | if value >> bit & 1 != 0 { mask } else { 0 };
        }
    }
}
