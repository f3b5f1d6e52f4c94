//! The core and the bus together: execution, halts and resets.

use crate::access_log::AccessLog;
use crate::bus::{Bus, BusFault, Memory, Size};
use crate::core::{Core, Trap};
use crate::cpu::Cpu;
use crate::debug::{Catch, DFSR_BKPT, DFSR_DWTTRAP, DFSR_HALTED, DFSR_VCATCH, Transfer};
use crate::peripherals::ResetCause;
use crate::scs::{ResetRequest, SystemControl};
use crate::stm32f103::Stm32Memory;
use crate::virtual_chip::{CoreState, HaltReason};

/// A core and everything behind its debug port.
#[derive(Debug)]
pub(crate) struct System<M = Stm32Memory> {
    pub(crate) core: Core,
    pub(crate) bus: Bus<M>,
    /// NRST is held down.
    held_in_reset: bool,
    powered: bool,
    /// The core branches to itself: nothing changes until an exception, a reset or the debugger
    /// interferes.
    spinning: bool,
    pub(crate) reset_count: u32,
    /// The debugger's transfers on the bus.
    pub(crate) access_log: AccessLog,
    /// The access port can move several bytes with one transfer of the debug port.
    pub(crate) packed_transfers: bool,
}

impl<M: Memory> System<M> {
    /// Creates a core that has just been powered on.
    pub(crate) fn new(cpu: &'static Cpu, memory: M) -> Self {
        let mut system = Self {
            core: Core::new(cpu),
            bus: Bus::new(cpu, memory),
            held_in_reset: false,
            powered: true,
            spinning: false,
            reset_count: 0,
            access_log: AccessLog::default(),
            packed_transfers: cpu.packed_transfers,
        };
        system.core.reset(&mut system.bus);
        system
    }

    /// Reads on behalf of the debugger.
    pub(crate) fn debug_read(&mut self, address: u32, size: Size) -> Result<u32, BusFault> {
        self.access_log.note(address, size, false);
        if self.bus.memory.is_closed_to_debugger(address) {
            return Err(BusFault);
        }
        self.bus.core_sleeps = self.core.sleeping;
        self.bus.core_pc = self.core.pc();
        self.bus.read(address, size)
    }

    /// Writes on behalf of the debugger, and carries out what the write requests.
    pub(crate) fn debug_write(&mut self, address: u32, size: Size, value: u32) -> Result<(), BusFault> {
        self.access_log.note(address, size, true);
        let was_halted = self.bus.debug.is_halted();
        self.bus.write(address, size, value)?;
        self.lose_power_if_due();
        if self.bus.debug.is_halted() {
            self.core.sleeping = false;
        }
        match self.bus.debug.take_transfer() {
            Some(Transfer::ToCore(number, value)) => self.set_register(number, value),
            Some(Transfer::ToDebugger(number)) => {
                let value = self.core.debug_register(number);
                self.bus.debug.transferred(value);
            }
            None => {}
        }
        self.carry_out_reset();
        self.spinning = false;
        if was_halted && !self.bus.debug.is_halted() && self.bus.debug.steps() && self.can_run() {
            self.step();
            if !self.bus.debug.is_halted() {
                self.bus.debug.halt(DFSR_HALTED);
            }
        }
        Ok(())
    }

    /// Reads a register of the core by its DCRSR number.
    pub(crate) fn register(&self, number: u8) -> u32 {
        self.core.debug_register(number)
    }

    /// Writes a register of the core by its DCRSR number.
    pub(crate) fn set_register(&mut self, number: u8, value: u32) {
        self.core.set_debug_register(number, value);
        self.spinning = false;
        if number == 15 {
            self.bus.debug.leave_lockup();
        }
    }

    /// Lets `clocks` cycles pass; the core executes one instruction in each.
    pub(crate) fn elapse(&mut self, clocks: u32) {
        if !self.powered {
            return;
        }
        let end = self.bus.now + u64::from(clocks);
        self.bus.stand_still(u64::from(clocks));
        while self.bus.now < end && self.can_run() && !self.waits() {
            self.step();
        }
        self.bus.now = self.bus.now.max(end);
    }

    /// Whether nothing would change if time passed.
    pub(crate) fn is_idle(&self) -> bool {
        !self.powered || (!self.can_run() || self.waits()) && !self.bus.is_busy()
    }

    fn can_run(&self) -> bool {
        self.powered && !self.held_in_reset && !self.bus.debug.is_halted() && !self.bus.debug.is_locked_up()
    }

    /// Whether the core is idle and no interrupt can come.
    fn waits(&self) -> bool {
        (self.core.sleeping || self.spinning) && !self.bus.scs.ticks() && !self.bus.scs.has_pending()
    }

    /// Executes one cycle: an exception entry, an instruction, or a cycle of sleep.
    fn step(&mut self) {
        self.bus.now += 1;
        if self.bus.scs.ticks() {
            self.bus.scs.tick();
        }
        if self.bus.scs.has_pending() {
            self.core.take_pending(&mut self.bus);
        }
        if self.core.sleeping {
            return;
        }
        let pc = self.core.pc();
        if self.bus.fpb.matches(pc) && self.bus.debug.is_enabled() {
            self.bus.debug.halt(DFSR_BKPT);
            return;
        }
        match self.core.execute(&mut self.bus) {
            // A branch to itself that leaves Thumb state faults next.
            Ok(()) => self.spinning = self.core.pc() == pc && self.core.is_in_thumb_state(),
            Err(Trap::Breakpoint) if self.bus.debug.is_enabled() => self.bus.debug.halt(DFSR_BKPT),
            Err(trap) => self.core.fault(&mut self.bus, trap),
        }
        self.bus.debug.retire();
        self.lose_power_if_due();
        if self.bus.dwt.take_hit() && self.bus.debug.is_enabled() {
            self.bus.debug.halt(DFSR_DWTTRAP);
        }
        if self.bus.scs.reset_request.is_some() {
            self.carry_out_reset();
        }
    }

    /// Removes the supply if a test made it fail at this point of programming.
    fn lose_power_if_due(&mut self) {
        if self.bus.memory.take_power_loss() {
            self.power_off();
        }
    }

    fn carry_out_reset(&mut self) {
        match self.bus.scs.reset_request.take() {
            Some(ResetRequest::System) => {
                self.bus.system_reset(ResetCause::Software);
                self.reset();
            }
            Some(ResetRequest::Core) => {
                self.bus.scs = SystemControl::new(self.bus.cpu);
                self.reset();
            }
            None => {}
        }
    }

    /// Resets the core, as part of every reset.
    fn reset(&mut self) {
        self.reset_count += 1;
        self.spinning = false;
        self.bus.debug.system_reset();
        self.core.reset(&mut self.bus);
        if self.bus.debug.catches(Catch::Reset) {
            self.bus.debug.caught();
        }
    }

    /// Drives NRST; `true` holds the chip in reset.
    pub(crate) fn set_system_reset(&mut self, asserted: bool) {
        if asserted {
            self.bus.system_reset(ResetCause::Pin);
            self.bus.debug.system_reset();
        } else if self.held_in_reset {
            self.reset();
        }
        self.held_in_reset = asserted;
    }

    pub(crate) fn is_powered(&self) -> bool {
        self.powered
    }

    /// Removes the supply: RAM and every register are lost; the flash keeps its contents.
    pub(crate) fn power_off(&mut self) {
        self.powered = false;
    }

    /// Restores the supply, with a power-on reset.
    pub(crate) fn power_on(&mut self) {
        if self.powered {
            return;
        }
        self.bus.power_on();
        self.core = Core::new(self.bus.cpu);
        self.powered = true;
        self.reset();
    }

    /// Presses the reset button: NRST down and up.
    pub(crate) fn press_reset(&mut self) {
        self.set_system_reset(true);
        self.set_system_reset(false);
    }

    pub(crate) fn state(&self) -> CoreState {
        if !self.powered {
            CoreState::Off
        } else if self.held_in_reset {
            CoreState::Reset
        } else if self.bus.debug.is_halted() {
            CoreState::Halted
        } else if self.bus.debug.is_locked_up() {
            CoreState::LockedUp
        } else if self.core.sleeping {
            CoreState::Sleeping
        } else {
            CoreState::Running
        }
    }

    /// Returns why the core halted; `None` while it is not halted.
    pub(crate) fn halt_reason(&self) -> Option<HaltReason> {
        self.bus.debug.is_halted().then(|| match self.bus.debug.reason() {
            DFSR_BKPT => HaltReason::Breakpoint,
            DFSR_DWTTRAP => HaltReason::Watchpoint,
            DFSR_VCATCH => HaltReason::VectorCatch,
            _ => HaltReason::Request,
        })
    }

    /// Halts the core, as a debugger would.
    pub(crate) fn halt(&mut self) {
        self.bus.debug.enable();
        if !self.bus.debug.is_halted() && !self.bus.debug.refuses_halt {
            self.bus.debug.halt(DFSR_HALTED);
            self.core.sleeping = false;
        }
    }

    /// Resumes the core, as a debugger would.
    pub(crate) fn resume(&mut self) {
        self.bus.debug.resume();
        self.spinning = false;
    }
}

#[cfg(test)]
impl System {
    /// Creates the system of an STM32F103 with erased flash.
    pub(crate) fn of_stm32f103() -> Self {
        Self::new(&crate::cpu::CORTEX_M3, Stm32Memory::new())
    }
}
