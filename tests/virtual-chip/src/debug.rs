//! Debug registers of the core: halting, stepping, register transfer and vector catch.
//!
//! ARM DDI 0403, C1.6: DFSR, DHCSR, DCRSR, DCRDR and DEMCR.

use crate::cpu::Cpu;

const DBGKEY: u32 = 0xa05f;
const C_DEBUGEN: u32 = 1 << 0;
const C_HALT: u32 = 1 << 1;
const C_STEP: u32 = 1 << 2;
const C_MASKINTS: u32 = 1 << 3;
/// C_DEBUGEN, C_HALT, C_STEP, C_MASKINTS and C_SNAPSTALL.
const DHCSR_WRITABLE: u32 = 0x2f;
const S_REGRDY: u32 = 1 << 16;
const S_HALT: u32 = 1 << 17;
const S_SLEEP: u32 = 1 << 18;
const S_LOCKUP: u32 = 1 << 19;
const S_RETIRE_ST: u32 = 1 << 24;
const S_RESET_ST: u32 = 1 << 25;
const DCRSR_WRITE: u32 = 1 << 16;

/// DFSR: why the core halted.
pub(crate) const DFSR_HALTED: u32 = 1 << 0;
pub(crate) const DFSR_BKPT: u32 = 1 << 1;
pub(crate) const DFSR_DWTTRAP: u32 = 1 << 2;
pub(crate) const DFSR_VCATCH: u32 = 1 << 3;

/// The events that DEMCR can turn into a halt, by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Catch {
    Reset = 0,
    MemoryManagement = 4,
    NoCoprocessor = 5,
    CheckError = 6,
    StateError = 7,
    BusError = 8,
    InterruptError = 9,
    HardFault = 10,
}

/// A register transfer that the debugger requested in DCRSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    ToDebugger(u8),
    ToCore(u8, u32),
}

/// The registers, and the state of the core that they show.
#[derive(Debug)]
pub(crate) struct DebugRegisters {
    /// The events that can be caught.
    demcr_mask: u32,
    control: u32,
    demcr: u32,
    dfsr: u32,
    dcrdr: u32,
    /// Why the core halted last, also after the debugger cleared DFSR.
    reason: u32,
    halted: bool,
    locked_up: bool,
    /// S_RETIRE_ST and S_RESET_ST, which stay until read.
    retired: bool,
    was_reset: bool,
    transfer: Option<Transfer>,
    /// A test made the core ignore requests to halt.
    pub(crate) refuses_halt: bool,
}

impl DebugRegisters {
    pub(crate) fn new(cpu: &Cpu) -> Self {
        Self {
            demcr_mask: cpu.demcr_mask,
            control: 0,
            demcr: 0,
            dfsr: 0,
            dcrdr: 0,
            reason: 0,
            halted: false,
            locked_up: false,
            retired: false,
            was_reset: false,
            transfer: None,
            refuses_halt: false,
        }
    }

    /// Reads a register by its address; DHCSR also says whether the core sleeps.
    pub(crate) fn read(&mut self, address: u32, sleeping: bool) -> u32 {
        match address {
            0xe000_ed30 => self.dfsr,
            0xe000_edf0 => self.read_dhcsr(sleeping),
            0xe000_edf8 => self.dcrdr,
            0xe000_edfc => self.demcr,
            _ => 0,
        }
    }

    fn read_dhcsr(&mut self, sleeping: bool) -> u32 {
        let bit = |set: bool, mask: u32| if set { mask } else { 0 };
        self.control
            | S_REGRDY
            | bit(self.halted, S_HALT)
            | bit(sleeping && !self.halted, S_SLEEP)
            | bit(self.locked_up && !self.halted, S_LOCKUP)
            | bit(std::mem::take(&mut self.retired), S_RETIRE_ST)
            | bit(std::mem::take(&mut self.was_reset), S_RESET_ST)
    }

    /// Writes a register by its address, as the debugger.
    pub(crate) fn write(&mut self, address: u32, value: u32) {
        match address {
            0xe000_ed30 => self.dfsr &= !value,
            0xe000_edf0 if value >> 16 == DBGKEY => self.write_dhcsr(value),
            0xe000_edf4 if self.halted => {
                let number = (value & 0x7f) as u8;
                self.transfer = Some(if value & DCRSR_WRITE != 0 {
                    Transfer::ToCore(number, self.dcrdr)
                } else {
                    Transfer::ToDebugger(number)
                });
            }
            0xe000_edf8 => self.dcrdr = value,
            0xe000_edfc => self.demcr = value & self.demcr_mask,
            _ => {}
        }
    }

    fn write_dhcsr(&mut self, value: u32) {
        self.control = value & DHCSR_WRITABLE;
        if self.control & C_DEBUGEN == 0 {
            self.control = 0;
        }
        if self.control & C_HALT == 0 {
            self.halted = false;
        } else if !self.halted && !self.refuses_halt {
            self.halt(DFSR_HALTED);
        }
    }

    /// Stops the core and notes why.
    pub(crate) fn halt(&mut self, reason: u32) {
        self.halted = true;
        self.control |= C_HALT;
        self.dfsr |= reason;
        self.reason = reason;
    }

    /// Resumes the core, as a debugger does by clearing C_HALT.
    pub(crate) fn resume(&mut self) {
        self.halted = false;
        self.control &= !(C_HALT | C_STEP);
    }

    /// Turns halting debug on, as a debugger does by setting C_DEBUGEN.
    pub(crate) fn enable(&mut self) {
        self.control |= C_DEBUGEN;
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.control & C_DEBUGEN != 0
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.halted
    }

    /// Whether the core executes only one instruction.
    pub(crate) fn steps(&self) -> bool {
        self.control & C_STEP != 0
    }

    pub(crate) fn masks_interrupts(&self) -> bool {
        self.control & C_MASKINTS != 0
    }

    /// Returns why the core halted last: one of the bits of DFSR.
    pub(crate) fn reason(&self) -> u32 {
        self.reason
    }

    pub(crate) fn is_locked_up(&self) -> bool {
        self.locked_up
    }

    pub(crate) fn lock_up(&mut self) {
        self.locked_up = true;
    }

    /// Ends the lockup, as a new PC does.
    pub(crate) fn leave_lockup(&mut self) {
        self.locked_up = false;
    }

    /// Notes that an instruction was executed.
    pub(crate) fn retire(&mut self) {
        self.retired = true;
    }

    /// Takes the requested register transfer.
    pub(crate) fn take_transfer(&mut self) -> Option<Transfer> {
        self.transfer.take()
    }

    /// Takes the value of a register that the debugger reads.
    pub(crate) fn transferred(&mut self, value: u32) {
        self.dcrdr = value;
    }

    /// Whether DEMCR makes an event halt the core.
    pub(crate) fn catches(&self, event: Catch) -> bool {
        self.is_enabled() && self.demcr >> event as u8 & 1 != 0
    }

    /// Halts because of a caught event.
    pub(crate) fn caught(&mut self) {
        self.halt(DFSR_VCATCH);
    }

    /// Handles a system reset: halting debug stays enabled; halt, step and lockup end.
    pub(crate) fn system_reset(&mut self) {
        self.control &= C_DEBUGEN;
        self.halted = false;
        self.locked_up = false;
        self.was_reset = true;
        self.retired = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::CORTEX_M3;

    const DHCSR: u32 = 0xe000_edf0;

    #[test]
    fn writes_without_the_key_are_ignored() {
        let mut debug = DebugRegisters::new(&CORTEX_M3);
        debug.write(DHCSR, C_DEBUGEN | C_HALT);
        assert!(!debug.is_halted() && !debug.is_enabled());
        debug.write(DHCSR, DBGKEY << 16 | C_DEBUGEN | C_HALT);
        assert!(debug.is_halted());
        assert_eq!(debug.reason(), DFSR_HALTED);
    }

    #[test]
    fn reset_shows_once() {
        let mut debug = DebugRegisters::new(&CORTEX_M3);
        debug.system_reset();
        assert_ne!(debug.read(DHCSR, false) & S_RESET_ST, 0);
        assert_eq!(debug.read(DHCSR, false) & S_RESET_ST, 0);
    }

    #[test]
    fn halting_needs_debug_enabled() {
        let mut debug = DebugRegisters::new(&CORTEX_M3);
        debug.write(DHCSR, DBGKEY << 16 | C_HALT);
        assert!(!debug.is_halted());
    }
}
