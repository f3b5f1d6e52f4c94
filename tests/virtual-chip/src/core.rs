//! The processor core: registers, stack pointers, status, and one instruction at a time.
//!
//! ARM DDI 0403 (ARMv7-M), chapters B1 (system level) and A4-A7 (instructions). The core has all
//! instructions of the Cortex-M3. Coprocessor instructions raise the fault of a chip without
//! coprocessors. A core of Armv6-M (DDI 0419) has fewer instructions and registers.

mod alu;
mod exceptions;
mod load_store;
mod thumb16;
mod thumb32;

use crate::bus::{Bus, Memory, Size};
use crate::cpu::Cpu;

pub(crate) const SP: usize = 13;
pub(crate) const LR: usize = 14;
pub(crate) const PC: usize = 15;

/// Why an instruction did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    /// A data access failed at this address.
    DataBus(u32),
    /// An instruction fetch failed on the bus.
    FetchBus,
    /// An instruction fetch from where nothing may be executed.
    ExecuteNever,
    Undefined,
    /// Execution with the Thumb bit clear.
    InvalidState,
    /// An exception return with a wrong value.
    InvalidReturn,
    /// The stack could not be read in an exception return.
    Unstacking,
    NoCoprocessor,
    Unaligned,
    DivideByZero,
    SupervisorCall,
    Breakpoint,
}

type Executed = Result<(), Trap>;

/// The register file and the state that instructions see.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    /// The core lacks what only Armv7-M has.
    is_v6m: bool,
    /// R0-R12, the stack pointer in use, LR, and the address of the instruction to execute.
    registers: [u32; 16],
    /// The stack pointer not in use.
    other_sp: u32,
    /// The address of the instruction after this one.
    next: u32,
    /// An exception return to perform after this instruction.
    returning: Option<u32>,
    n: bool,
    z: bool,
    c: bool,
    v: bool,
    q: bool,
    thumb: bool,
    it: u8,
    /// The exception being handled (IPSR); 0 in thread mode.
    exception: u8,
    primask: bool,
    faultmask: bool,
    basepri: u8,
    /// nPRIV (0) and SPSEL (1).
    control: u8,
    exclusive: bool,
    /// WFI or WFE is waiting.
    pub(crate) sleeping: bool,
    /// What sleeps is WFE, which an event ends.
    waits_for_event: bool,
    /// WFE's event register.
    event: bool,
    /// SEV was executed, which other cores of the chip notice.
    sent_event: bool,
}

impl Core {
    /// Creates a core in reset, before it has read its vectors.
    pub(crate) fn new(cpu: &Cpu) -> Self {
        Self {
            is_v6m: cpu.is_v6m,
            registers: [0; 16],
            other_sp: 0,
            next: 0,
            returning: None,
            n: false,
            z: false,
            c: false,
            v: false,
            q: false,
            thumb: true,
            it: 0,
            exception: 0,
            primask: false,
            faultmask: false,
            basepri: 0,
            control: 0,
            exclusive: false,
            sleeping: false,
            waits_for_event: false,
            event: false,
            sent_event: false,
        }
    }

    /// Resets the core: the stack pointer and the first address come from the vector table (DDI
    /// 0403, B1.5.5).
    pub(crate) fn reset(&mut self, bus: &mut Bus<impl Memory>) {
        *self = Self { registers: self.registers, ..Self::new(bus.cpu) };
        let vectors = bus.scs.vector_table();
        let sp = bus.core_read(vectors, Size::Word).unwrap_or(0);
        let entry = bus.core_read(vectors + 4, Size::Word).unwrap_or(0);
        self.registers[SP] = sp & !3;
        self.registers[LR] = 0xffff_ffff;
        self.registers[PC] = entry & !1;
        self.thumb = entry & 1 != 0;
    }

    /// Returns the address of the instruction to execute.
    pub(crate) fn pc(&self) -> u32 {
        self.registers[PC]
    }

    /// Whether the Thumb bit is set, without which every instruction faults.
    pub(crate) fn is_in_thumb_state(&self) -> bool {
        self.thumb
    }

    /// Reads a register by its DCRSR number (DDI 0403, C1.6.3).
    pub(crate) fn debug_register(&self, number: u8) -> u32 {
        match number {
            0..=15 => self.registers[usize::from(number)],
            16 => self.xpsr(),
            17 => self.msp(),
            18 => self.psp(),
            20 => {
                u32::from(self.control) << 24
                    | u32::from(self.faultmask) << 16
                    | u32::from(self.basepri) << 8
                    | u32::from(self.primask)
            }
            _ => 0,
        }
    }

    /// Writes a register by its DCRSR number.
    pub(crate) fn set_debug_register(&mut self, number: u8, value: u32) {
        match number {
            0..=12 | 14 => self.registers[usize::from(number)] = value,
            13 => self.registers[SP] = value & !3,
            15 => {
                self.registers[PC] = value & !1;
                self.sleeping = false;
            }
            16 => {
                self.set_apsr(value);
                self.set_epsr(value);
                let exception = (value & if self.is_v6m { 0x3f } else { 0x1ff }) as u8;
                self.switch_stack(|core| core.exception = exception);
            }
            17 => self.set_msp(value),
            18 => self.set_psp(value),
            20 => {
                self.primask = value & 1 != 0;
                if !self.is_v6m {
                    self.set_basepri(value >> 8);
                    self.faultmask = value >> 16 & 1 != 0;
                }
                self.set_control(value >> 24);
            }
            _ => {}
        }
    }

    /// Executes one instruction, or returns why it could not; then the PC is still at the
    /// instruction.
    pub(crate) fn execute(&mut self, bus: &mut Bus<impl Memory>) -> Executed {
        let pc = self.registers[PC];
        if !self.thumb {
            return Err(Trap::InvalidState);
        }
        let first = fetch(bus, pc)?;
        let conditional = self.it;
        let in_block = conditional & 0xf != 0;
        let passes = !in_block || self.passes(conditional >> 4);
        if first >> 11 > 0b11100 {
            let second = fetch(bus, pc.wrapping_add(2))?;
            self.next = pc.wrapping_add(4);
            if passes {
                self.thumb32(bus, first, second)?;
            }
        } else {
            self.next = pc.wrapping_add(2);
            // BKPT is never conditional.
            if passes || first >> 8 == 0xbe {
                self.thumb16(bus, first)?;
            }
        }
        if in_block {
            self.advance_it();
        }
        self.registers[PC] = self.next;
        match self.returning.take() {
            Some(value) => self.exception_return(bus, value),
            None => Ok(()),
        }
    }

    /// Goes on to the next instruction of an IT block, if this one is in a block (A7.3.3).
    fn advance_it(&mut self) {
        self.it = if self.it.trailing_zeros() >= 3 { 0 } else { self.it & 0xe0 | self.it << 1 & 0x1f };
    }

    fn in_it_block(&self) -> bool {
        self.it & 0xf != 0
    }

    fn passes(&self, condition: u8) -> bool {
        let met = match condition >> 1 {
            0 => self.z,
            1 => self.c,
            2 => self.n,
            3 => self.v,
            4 => self.c && !self.z,
            5 => self.n == self.v,
            6 => !self.z && self.n == self.v,
            _ => return true,
        };
        met != (condition & 1 != 0)
    }

    /// Reads a register as an operand: the PC reads as the instruction's address plus 4.
    fn read(&self, number: usize) -> u32 {
        if number == PC { self.registers[PC].wrapping_add(4) } else { self.registers[number] }
    }

    /// Writes the result of an instruction; a write to the PC is a branch that keeps the state.
    fn write(&mut self, number: usize, value: u32) {
        match number {
            PC => self.next = value & !1,
            SP => self.registers[SP] = value & !3,
            _ => self.registers[number] = value,
        }
    }

    /// Branches, and perhaps changes the state or returns from an exception: BX, BLX, POP, LDM and
    /// LDR to the PC.
    fn branch_exchange(&mut self, target: u32) {
        if self.exception != 0 && target >> 28 == 0xf {
            self.returning = Some(target);
        } else {
            self.thumb = target & 1 != 0;
            self.next = target & !1;
        }
    }

    fn set_nz(&mut self, value: u32) {
        self.n = value >> 31 != 0;
        self.z = value == 0;
    }

    fn xpsr(&self) -> u32 {
        u32::from(self.n) << 31
            | u32::from(self.z) << 30
            | u32::from(self.c) << 29
            | u32::from(self.v) << 28
            | u32::from(self.q) << 27
            | u32::from(self.it & 3) << 25
            | u32::from(self.thumb) << 24
            | u32::from(self.it >> 2) << 10
            | u32::from(self.exception)
    }

    fn set_apsr(&mut self, value: u32) {
        self.n = value >> 31 & 1 != 0;
        self.z = value >> 30 & 1 != 0;
        self.c = value >> 29 & 1 != 0;
        self.v = value >> 28 & 1 != 0;
        self.q = !self.is_v6m && value >> 27 & 1 != 0;
    }

    fn set_epsr(&mut self, value: u32) {
        self.it = if self.is_v6m { 0 } else { (value >> 25 & 3 | value >> 8 & 0xfc) as u8 };
        self.thumb = value >> 24 & 1 != 0;
    }

    /// Whether the stack pointer in use is the process stack pointer.
    fn uses_psp(&self) -> bool {
        self.exception == 0 && self.control & 2 != 0
    }

    fn msp(&self) -> u32 {
        if self.uses_psp() { self.other_sp } else { self.registers[SP] }
    }

    fn psp(&self) -> u32 {
        if self.uses_psp() { self.registers[SP] } else { self.other_sp }
    }

    fn set_msp(&mut self, value: u32) {
        *(if self.uses_psp() { &mut self.other_sp } else { &mut self.registers[SP] }) = value & !3;
    }

    fn set_psp(&mut self, value: u32) {
        *(if self.uses_psp() { &mut self.registers[SP] } else { &mut self.other_sp }) = value & !3;
    }

    /// Writes CONTROL; the stack pointer in use follows SPSEL, which only thread mode may change.
    fn set_control(&mut self, value: u32) {
        let selected = if self.exception == 0 { value & 2 } else { u32::from(self.control & 2) };
        self.switch_stack(|core| core.control = (value & 1 | selected) as u8);
    }

    fn set_basepri(&mut self, value: u32) {
        self.basepri = (value & 0xf0) as u8;
    }

    /// Makes a change that may select the other stack pointer, and then exchanges the two.
    fn switch_stack(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.uses_psp();
        change(self);
        if self.uses_psp() != before {
            std::mem::swap(&mut self.registers[SP], &mut self.other_sp);
        }
    }

    /// Whether SEV was executed since the last call.
    pub(crate) fn take_sent_event(&mut self) -> bool {
        std::mem::take(&mut self.sent_event)
    }

    /// Notices an event that another core sent.
    pub(crate) fn receive_event(&mut self) {
        if self.sleeping && self.waits_for_event {
            self.sleeping = false;
        } else {
            self.event = true;
        }
    }

    /// Whether code runs with privilege.
    fn privileged(&self) -> bool {
        self.exception != 0 || self.control & 1 == 0
    }
}

fn fetch(bus: &mut Bus<impl Memory>, address: u32) -> Result<u16, Trap> {
    if (0x4000_0000..0x6000_0000).contains(&address) || address >= 0xa000_0000 {
        return Err(Trap::ExecuteNever);
    }
    bus.fetch(address).map_err(|_| Trap::FetchBus)
}

#[cfg(test)]
mod tests;
