//! Exceptions: priorities, entry, return, faults and lockup.
//!
//! ARM DDI 0403, B1.5.

use super::{Core, Executed, LR, PC, SP, Trap};
use crate::bus::{Bus, Memory, Size};
use crate::debug::Catch;
use crate::scs::{Exception, FaultStatus};

/// The priority of code that runs in no exception; the number of every exception's priority is
/// smaller.
const THREAD_PRIORITY: i32 = 256;
/// Bit 9 of the xPSR in a frame: 4 more bytes aligned the stack to 8 bytes.
const FRAME_ALIGNED: u32 = 1 << 9;

impl Core {
    /// Returns the priority at which code executes now (B1.5.4).
    pub(super) fn priority(&self, bus: &Bus<impl Memory>) -> i32 {
        let priority = self.priority_without_primask(bus);
        if self.primask { priority.min(0) } else { priority }
    }

    /// Returns the priority that decides whether an exception ends WFI (B1.5.19).
    fn priority_without_primask(&self, bus: &Bus<impl Memory>) -> i32 {
        let mut priority = bus.scs.active_priority().unwrap_or(THREAD_PRIORITY);
        if self.basepri != 0 {
            priority = priority.min(bus.scs.group(self.basepri.into()));
        }
        if self.faultmask {
            priority = priority.min(-1);
        }
        priority
    }

    /// Takes the pending exception of highest priority, if that may interrupt the code that runs
    /// now.
    pub(crate) fn take_pending(&mut self, bus: &mut Bus<impl Memory>) {
        let masked = bus.debug.masks_interrupts();
        let Some((exception, priority)) = bus.scs.most_urgent(masked) else {
            return;
        };
        if priority < self.priority_without_primask(bus) {
            self.sleeping = false;
        }
        if priority < self.priority(bus) {
            self.enter(bus, exception, self.registers[PC]);
        }
    }

    /// Turns a trap into an exception, or into lockup if no exception can be taken.
    pub(crate) fn fault(&mut self, bus: &mut Bus<impl Memory>, trap: Trap) {
        let (exception, status, catch) = match trap {
            Trap::DataBus(address) => {
                bus.scs.bus_fault_address(address);
                (Exception::BUS_FAULT, FaultStatus::PRECISE, Catch::BusError)
            }
            Trap::FetchBus => (Exception::BUS_FAULT, FaultStatus::INSTRUCTION_BUS, Catch::BusError),
            Trap::Unstacking => (Exception::BUS_FAULT, FaultStatus::UNSTACKING, Catch::InterruptError),
            Trap::ExecuteNever => (Exception::MEM_MANAGE, FaultStatus::INSTRUCTION_ACCESS, Catch::MemoryManagement),
            Trap::Undefined => (Exception::USAGE_FAULT, FaultStatus::UNDEFINED, Catch::StateError),
            Trap::InvalidState => (Exception::USAGE_FAULT, FaultStatus::INVALID_STATE, Catch::StateError),
            Trap::InvalidReturn => (Exception::USAGE_FAULT, FaultStatus::INVALID_PC, Catch::StateError),
            Trap::NoCoprocessor => (Exception::USAGE_FAULT, FaultStatus::NO_COPROCESSOR, Catch::NoCoprocessor),
            Trap::Unaligned => (Exception::USAGE_FAULT, FaultStatus::UNALIGNED, Catch::CheckError),
            Trap::DivideByZero => (Exception::USAGE_FAULT, FaultStatus::DIVIDE_BY_ZERO, Catch::CheckError),
            Trap::SupervisorCall => (Exception::SV_CALL, FaultStatus::NONE, Catch::HardFault),
            Trap::Breakpoint => (Exception::HARD_FAULT, FaultStatus::NONE, Catch::HardFault),
        };
        bus.scs.record_fault(status);
        let return_address = match trap {
            Trap::SupervisorCall => {
                // The call is complete: its handler returns to the next instruction of a block.
                self.advance_it();
                self.next
            }
            _ => self.registers[PC],
        };
        let caught = trap != Trap::SupervisorCall && bus.debug.catches(catch);
        self.raise(bus, exception, return_address);
        if caught {
            bus.debug.caught();
        }
    }

    /// Enters a synchronous exception; a disabled or not sufficiently urgent one becomes a
    /// HardFault.
    fn raise(&mut self, bus: &mut Bus<impl Memory>, exception: Exception, return_address: u32) {
        let current = self.priority(bus);
        if exception != Exception::HARD_FAULT
            && bus.scs.is_enabled(exception)
            && bus.scs.group_priority(exception) < current
        {
            self.enter(bus, exception, return_address);
            return;
        }
        if current <= -1 {
            self.lock_up(bus);
            return;
        }
        if exception == Exception::HARD_FAULT {
            bus.scs.hard_fault_from_debug();
        } else {
            bus.scs.hard_fault_forced();
        }
        self.enter(bus, Exception::HARD_FAULT, return_address);
        if bus.debug.catches(Catch::HardFault) {
            bus.debug.caught();
        }
    }

    /// Stacks the frame and goes to the handler (B1.5.6).
    fn enter(&mut self, bus: &mut Bus<impl Memory>, exception: Exception, return_address: u32) {
        let sp = self.registers[SP];
        let aligns = bus.scs.aligns_stack() && sp & 4 != 0;
        let frame = sp.wrapping_sub(0x20) & if aligns { !4 } else { !0 };
        let status = self.xpsr() | if aligns { FRAME_ALIGNED } else { 0 };
        let words = [
            self.registers[0],
            self.registers[1],
            self.registers[2],
            self.registers[3],
            self.registers[12],
            self.registers[LR],
            return_address,
            status,
        ];
        let mut address = frame;
        let mut stacked = true;
        for word in words {
            stacked &= bus.core_write(address, Size::Word, word).is_ok();
            address = address.wrapping_add(4);
        }
        let exception = if stacked { exception } else { self.after_stacking_error(bus, exception) };
        self.registers[SP] = frame;
        self.registers[LR] = match (self.exception, self.uses_psp()) {
            (0, false) => 0xffff_fff9,
            (0, true) => 0xffff_fffd,
            _ => 0xffff_fff1,
        };
        self.it = 0;
        self.exclusive = false;
        self.sleeping = false;
        if self.go_to_handler(bus, exception) {
            return;
        }
        if matches!(exception, Exception::NMI | Exception::HARD_FAULT) {
            self.lock_up(bus);
            return;
        }
        // The HardFault takes the place of the exception: it uses the same frame.
        bus.scs.deactivate(exception.number());
        bus.scs.set_pending(exception);
        bus.scs.hard_fault_from_vector();
        if !self.go_to_handler(bus, Exception::HARD_FAULT) {
            self.lock_up(bus);
        } else if bus.debug.catches(Catch::HardFault) || bus.debug.catches(Catch::InterruptError) {
            bus.debug.caught();
        }
    }

    /// Notes that a frame could not be stacked, and returns the exception to enter: the fault goes
    /// first, and leaves the original exception pending. A HardFault or an NMI is entered in spite
    /// of it.
    fn after_stacking_error(&mut self, bus: &mut Bus<impl Memory>, original: Exception) -> Exception {
        bus.scs.record_fault(FaultStatus::STACKING);
        if matches!(original, Exception::NMI | Exception::HARD_FAULT) {
            return original;
        }
        let current = self.priority(bus);
        bus.scs.set_pending(original);
        let taken =
            if bus.scs.is_enabled(Exception::BUS_FAULT) && bus.scs.group_priority(Exception::BUS_FAULT) < current {
                Exception::BUS_FAULT
            } else {
                bus.scs.hard_fault_forced();
                Exception::HARD_FAULT
            };
        if bus.debug.catches(Catch::InterruptError)
            || taken == Exception::HARD_FAULT && bus.debug.catches(Catch::HardFault)
        {
            bus.debug.caught();
        }
        taken
    }

    /// Makes the exception active and reads its vector; returns whether the vector could be read.
    fn go_to_handler(&mut self, bus: &mut Bus<impl Memory>, exception: Exception) -> bool {
        self.switch_stack(|core| {
            core.exception = exception.number();
            core.control &= !2;
        });
        bus.scs.activate(exception);
        let vector = bus.scs.vector_table().wrapping_add(4 * u32::from(exception.number()));
        let Ok(handler) = bus.core_read(vector, Size::Word) else { return false };
        self.registers[PC] = handler & !1;
        self.thumb = handler & 1 != 0;
        true
    }

    /// Returns from the exception being handled (B1.5.8).
    pub(super) fn exception_return(&mut self, bus: &mut Bus<impl Memory>, value: u32) -> Executed {
        let to_thread = value & 8 != 0;
        if !matches!(value, 0xffff_fff1 | 0xffff_fff9 | 0xffff_fffd) {
            return Err(Trap::InvalidReturn);
        }
        bus.scs.deactivate(self.exception);
        if self.exception != Exception::NMI.number() {
            self.faultmask = false;
        }
        self.switch_stack(|core| {
            if to_thread {
                core.exception = 0;
                core.control = core.control & !2 | if value & 4 != 0 { 2 } else { 0 };
            }
        });
        let status = self.stacked(bus, 7)?;
        let return_address = self.stacked(bus, 6)?;
        for register in 0..4 {
            self.registers[register] = self.stacked(bus, register as u32)?;
        }
        self.registers[12] = self.stacked(bus, 4)?;
        self.registers[LR] = self.stacked(bus, 5)?;
        let aligned = if status & FRAME_ALIGNED != 0 { 4 } else { 0 };
        self.registers[SP] = self.registers[SP].wrapping_add(0x20) | aligned;
        self.set_apsr(status);
        self.set_epsr(status & !FRAME_ALIGNED);
        let exception = (status & 0x1ff) as u8;
        if (exception == 0) != to_thread {
            return Err(Trap::InvalidReturn);
        }
        self.exception = exception;
        self.registers[PC] = return_address & !1;
        self.event = true;
        Ok(())
    }

    /// Locks the core up, as a fault does where no handler can be entered (B1.5.15): the core stops
    /// until the debugger halts it and moves the PC, or until a reset. The PC of a locked-up
    /// ARMv7-M reads as 0xfffffffe.
    fn lock_up(&mut self, bus: &mut Bus<impl Memory>) {
        self.registers[PC] = 0xffff_fffe;
        bus.debug.lock_up();
    }
}
