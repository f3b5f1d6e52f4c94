//! System control space: identification, the vector table, system exceptions, fault status and
//! SysTick.
//!
//! ARM DDI 0403, B3.2 (system control block) and B3.3 (SysTick); for Armv6-M, which has no fault
//! status, DDI 0419, B3.2. [`crate::debug`] has the debug
//! registers of this space.

mod exception;

pub(crate) use exception::{Exception, FaultStatus};

use crate::cpu::Cpu;
use crate::nvic::{self, Nvic};

/// The exceptions below the first interrupt.
const SYSTEM_EXCEPTIONS: u64 = (1 << nvic::FIRST) - 1;
const INTERRUPTS: u64 = !SYSTEM_EXCEPTIONS;
const HIDDEN_BY_MASKINTS: u64 = 1 << 14 | 1 << 15 | INTERRUPTS;
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
const VECTKEY: u32 = 0x05fa;
/// CCR of Armv6-M, which is fixed: STKALIGN and UNALIGN_TRP.
const CCR_V6M: u32 = CCR_STKALIGN | CCR_UNALIGN_TRP;
const VECTKEY_READ: u32 = 0xfa05;

/// The reset that a write to AIRCR requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetRequest {
    /// SYSRESETREQ: resets everything except the debug logic.
    System,
    /// VECTRESET: resets only the core.
    Core,
}

/// The registers of the space.
#[derive(Debug)]
pub(crate) struct SystemControl {
    cpu: &'static Cpu,
    /// Bit N: exception N is pending.
    pending: u64,
    /// Bit N: exception N is active.
    active: u64,
    nvic: Nvic,
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
    pub(crate) fn new(cpu: &'static Cpu) -> Self {
        Self {
            cpu,
            pending: 0,
            active: 0,
            nvic: Nvic::new(cpu),
            priorities: [0; 12],
            vtor: 0,
            priority_group: 0,
            scr: 0,
            ccr: if cpu.is_v6m { CCR_V6M } else { 0 },
            shcsr_enables: 0,
            cfsr: 0,
            hfsr: 0,
            fault_address: 0,
            systick_control: 0,
            systick_reload: 0,
            systick_value: 0,
            reset_request: None,
        }
    }

    /// Whether Armv6-M lacks the register: ICTR, CFSR, HFSR, MMFAR, BFAR and STIR.
    fn lacks(&self, offset: u32) -> bool {
        self.cpu.is_v6m && matches!(offset, 0x004 | 0xd28..=0xd2c | 0xd34..=0xd38 | 0xf00)
    }

    /// Reads the word at `offset` from 0xe000e000.
    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            _ if self.lacks(offset) => 0,
            // The number of groups of 32 interrupt lines, minus 1.
            0x004 => (self.cpu.interrupt_lines - 1) / 32,
            0x010 => {
                let value = self.systick_control;
                self.systick_control &= !SYSTICK_WRAPPED;
                value
            }
            0x014 => self.systick_reload,
            0x018 => self.systick_value,
            0x01c => self.cpu.systick_calibration,
            0x100..=0x4ff => self.nvic.read(offset, self.pending, self.active),
            0xd00 => self.cpu.cpuid,
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
            0xd24 if !self.cpu.is_v6m => self.shcsr(),
            0xd28 => self.cfsr,
            0xd2c => self.hfsr,
            0xd34 | 0xd38 => self.fault_address,
            0xd40..=0xd70 => self.cpu.features[(offset as usize - 0xd40) / 4],
            _ => 0,
        }
    }

    /// Writes the word at `offset` from 0xe000e000.
    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            _ if self.lacks(offset) => {}
            0x010 => self.systick_control = value & 7 | self.systick_control & SYSTICK_WRAPPED,
            0x014 => self.systick_reload = value & 0x00ff_ffff,
            0x018 => {
                self.systick_value = 0;
                self.systick_control &= !SYSTICK_WRAPPED;
            }
            0x100..=0x4ff => self.nvic.write(offset, value, &mut self.pending),
            0xd04 => self.set_icsr(value),
            0xd08 => self.vtor = value & self.cpu.vtor_mask,
            0xd0c if value >> 16 == VECTKEY => {
                if !self.cpu.is_v6m {
                    self.priority_group = value >> 8 & 7;
                }
                // Armv6-M lacks VECTRESET, bit 0.
                match value & if self.cpu.is_v6m { 4 } else { 5 } {
                    0 => {}
                    1 => self.reset_request = Some(ResetRequest::Core),
                    _ => self.reset_request = Some(ResetRequest::System),
                }
            }
            0xd10 => self.scr = value & 0x16,
            0xd14 if !self.cpu.is_v6m => self.ccr = value & 0x31b,
            0xd18 | 0xd1c | 0xd20 => {
                let first = (offset - 0xd18) as usize;
                let value = if self.cpu.is_v6m && first == 0 { 0 } else { value };
                for (priority, byte) in self.priorities[first..].iter_mut().zip(value.to_le_bytes()) {
                    *priority = byte & self.cpu.priority_mask;
                }
            }
            0xd24 if !self.cpu.is_v6m => self.set_shcsr(value),
            0xd28 => self.cfsr &= !value,
            0xd2c => self.hfsr &= !value,
            0xd34 | 0xd38 => self.fault_address = value,
            // STIR
            0xf00 => self.nvic.trigger(value & 0x1ff, &mut self.pending),
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
                    self.set_pending(Exception::SYS_TICK);
                }
            }
            _ => self.systick_value -= 1,
        }
    }

    /// Whether an exception is pending that could be taken.
    pub(crate) fn has_pending(&self) -> bool {
        self.pending != 0 && self.pending & self.takeable() != 0
    }

    /// The exceptions that are not disabled by the NVIC.
    fn takeable(&self) -> u64 {
        SYSTEM_EXCEPTIONS | self.nvic.enabled()
    }

    /// Returns the most urgent pending exception and its group priority; `masked` hides PendSV,
    /// SysTick and the interrupts (DHCSR.C_MASKINTS).
    pub(crate) fn most_urgent(&self, masked: bool) -> Option<(Exception, i32)> {
        let hidden = if masked { HIDDEN_BY_MASKINTS } else { 0 };
        self.first_of(self.pending & self.takeable() & !hidden)
    }

    fn priority(&self, exception: Exception) -> i32 {
        match exception.0 {
            2 => -2,
            3 => -1,
            number @ 4..16 => self.priorities[usize::from(number) - 4].into(),
            number => self.nvic.priority(number).into(),
        }
    }

    /// Returns the part of an exception's priority that decides about preemption (AIRCR.PRIGROUP).
    pub(crate) fn group_priority(&self, exception: Exception) -> i32 {
        self.group(self.priority(exception))
    }

    /// Cuts the subpriority off, which only fixed priorities lack.
    pub(crate) fn group(&self, priority: i32) -> i32 {
        if priority < 0 { priority } else { priority & !((2 << self.priority_group) - 1) }
    }

    /// Returns the most urgent group priority among the active exceptions.
    pub(crate) fn active_priority(&self) -> Option<i32> {
        self.first_of(self.active).map(|(_, priority)| priority)
    }

    /// Returns the most urgent of the exceptions whose bit is set, and its group priority. Of equal
    /// ones it is that with the lowest number.
    fn first_of(&self, mut set: u64) -> Option<(Exception, i32)> {
        let mut first: Option<(Exception, i32)> = None;
        while set != 0 {
            let exception = Exception(set.trailing_zeros() as u8);
            set &= set - 1;
            let priority = self.priority(exception);
            if first.is_none_or(|(_, best)| priority < best) {
                first = Some((exception, priority));
            }
        }
        first.map(|(exception, priority)| (exception, self.group(priority)))
    }

    /// Whether an exception is enabled: the configurable faults by SHCSR, the others always.
    pub(crate) fn is_enabled(&self, exception: Exception) -> bool {
        match exception {
            Exception::MEM_MANAGE => self.shcsr_enables & 1 << 16 != 0,
            Exception::BUS_FAULT => self.shcsr_enables & 1 << 17 != 0,
            Exception::USAGE_FAULT => self.shcsr_enables & 1 << 18 != 0,
            _ => true,
        }
    }

    pub(crate) fn activate(&mut self, exception: Exception) {
        self.active |= exception.bit();
        self.pending &= !exception.bit();
    }

    pub(crate) fn deactivate(&mut self, number: u8) {
        self.active &= !(1_u64.checked_shl(number.into()).unwrap_or(0));
    }

    pub(crate) fn set_pending(&mut self, exception: Exception) {
        self.pending |= exception.bit();
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
        let pends = |exception: Exception| self.pending & exception.bit() != 0;
        let next = self.most_urgent(false).map_or(0, |(exception, _)| u32::from(exception.0));
        // RETTOBASE: one exception is active, and no other.
        let returns_to_base = self.active.is_power_of_two();
        bit(pends(Exception::NMI), 31)
            | bit(pends(Exception::PEND_SV), 28)
            | bit(pends(Exception::SYS_TICK), 26)
            | bit(self.pending & INTERRUPTS != 0, 22)
            | next << 12
            | bit(returns_to_base, 11)
            | self.first_of(self.active).map_or(0, |(exception, _)| u32::from(exception.0))
    }

    fn set_icsr(&mut self, value: u32) {
        let pairs = [(Exception::PEND_SV, 28, 27), (Exception::SYS_TICK, 26, 25)];
        for (exception, set, clear) in pairs {
            if value >> set & 1 != 0 {
                self.set_pending(exception);
            } else if value >> clear & 1 != 0 {
                self.pending &= !exception.bit();
            }
        }
        if value >> 31 != 0 {
            self.set_pending(Exception::NMI);
        }
    }

    /// The exceptions with an "active" bit in SHCSR, and that bit.
    const ACTIVE_BITS: [(Exception, u32); 6] = [
        (Exception::MEM_MANAGE, 0),
        (Exception::BUS_FAULT, 1),
        (Exception::USAGE_FAULT, 3),
        (Exception::SV_CALL, 7),
        (Exception::PEND_SV, 10),
        (Exception::SYS_TICK, 11),
    ];

    fn shcsr(&self) -> u32 {
        Self::ACTIVE_BITS.into_iter().fold(self.shcsr_enables, |value, (exception, bit)| {
            value | u32::from(self.active & exception.bit() != 0) << bit
        })
    }

    fn set_shcsr(&mut self, value: u32) {
        self.shcsr_enables = value & 0x0007_0000;
        for (exception, bit) in Self::ACTIVE_BITS {
            let mask = exception.bit();
            self.active = self.active & !mask | if value >> bit & 1 != 0 { mask } else { 0 };
        }
    }
}
