//! The hart: its registers, its RAM, and the debug mode.
//!
//! Privileged architecture, chapter 3 (machine-level CSRs); External Debug Support 0.13.2, chapter
//! 4 (dcsr, dpc).

use std::collections::BTreeMap;

use super::RAM_BASE;
use super::execute::{Exception, Outcome, Width};
use super::triggers::{Event, Triggers};
use crate::shared_memory::SharedMemory;

/// Words of the program buffer.
pub(super) const PROGRAM_BUFFER_SIZE: usize = 8;
/// The address at which the program buffer appears while it runs.
const PROGRAM_BUFFER: u32 = 0x300;
/// More steps than any program in the buffer takes; an endless loop in it is an exception.
const PROGRAM_BUFFER_STEPS: usize = 1000;

/// RV32I.
const MISA: u32 = 1 << 30 | 1 << 8;
const MTVEC: u16 = 0x305;
const MEPC: u16 = 0x341;
const MCAUSE: u16 = 0x342;
const MTVAL: u16 = 0x343;
const MHARTID: u16 = 0xf14;
const DCSR: u16 = 0x7b0;
const DPC: u16 = 0x7b1;
/// CSRs that keep what is written.
const PLAIN_CSRS: [u16; 9] = [0x300, 0x304, MTVEC, 0x340, MEPC, MCAUSE, MTVAL, 0x344, 0x7b2];

const DCSR_EBREAKM: u32 = 1 << 15;
const DCSR_STEP: u32 = 1 << 2;
/// Version 0.13, machine mode.
const DCSR_FIXED: u32 = 4 << 28 | 3;
const DCSR_WRITABLE: u32 = DCSR_EBREAKM | 1 << 13 | 1 << 12 | 1 << 11 | DCSR_STEP;

/// Why the hart halted (DCSR.cause).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Ebreak = 1,
    Trigger = 2,
    Request = 3,
    Step = 4,
    ResetRequest = 5,
}

/// One RV32I hart.
#[derive(Debug)]
pub(crate) struct Hart {
    pub(super) registers: [u32; 32],
    pub(super) pc: u32,
    csrs: BTreeMap<u16, u32>,
    dcsr: u32,
    pub(super) triggers: Triggers,
    pub(crate) ram: SharedMemory,
    /// The number of this hart (mhartid).
    id: u32,
    halted: Option<Cause>,
    held_in_reset: bool,
    /// The hart waits for an interrupt, or jumps to itself.
    waiting: bool,
    /// Instructions executed, for mcycle and minstret.
    now: u64,
    pub(crate) reset_count: u32,
    // These are set and read by the debug module.
    pub(super) halt_requested: bool,
    pub(super) halts_at_reset: bool,
    pub(super) was_reset: bool,
    pub(super) resume_acknowledged: bool,
}

impl Hart {
    /// Creates a hart just powered on.
    pub(crate) fn new(id: u32, ram: SharedMemory) -> Self {
        let mut hart = Self {
            registers: [0; 32],
            pc: RAM_BASE,
            csrs: BTreeMap::new(),
            dcsr: 0,
            triggers: Triggers::default(),
            ram,
            id,
            halted: None,
            held_in_reset: false,
            waiting: false,
            now: 0,
            reset_count: 0,
            halt_requested: false,
            halts_at_reset: false,
            was_reset: true,
            resume_acknowledged: false,
        };
        hart.csrs = PLAIN_CSRS.map(|csr| (csr, 0)).into();
        hart
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.halted.is_some()
    }

    pub(crate) fn halt_cause(&self) -> Option<Cause> {
        self.halted
    }

    pub(crate) fn is_held_in_reset(&self) -> bool {
        self.held_in_reset
    }

    /// Enters debug mode.
    pub(crate) fn halt(&mut self, cause: Cause) {
        self.halted = Some(cause);
        self.waiting = false;
        self.dcsr = self.dcsr & !(7 << 6) | (cause as u32) << 6;
    }

    /// Leaves debug mode; with DCSR.step for one instruction only.
    pub(crate) fn resume(&mut self) {
        self.halted = None;
        if self.dcsr & DCSR_STEP != 0 && !self.held_in_reset {
            self.step();
            if self.halted.is_none() {
                self.halt(Cause::Step);
            }
        }
    }

    /// Leaves debug mode and clears DCSR.step, so the hart runs on.
    pub(crate) fn run(&mut self) {
        self.dcsr &= !DCSR_STEP;
        self.resume();
    }

    /// Holds the hart in reset, or releases it: the hart then starts anew, or halts if that was
    /// requested.
    pub(crate) fn set_reset(&mut self, asserted: bool) {
        if self.held_in_reset && !asserted {
            self.reset_count += 1;
            self.pc = RAM_BASE;
            self.registers = [0; 32];
            self.csrs = PLAIN_CSRS.map(|csr| (csr, 0)).into();
            self.dcsr = 0;
            self.waiting = false;
            self.halted = None;
            self.was_reset = true;
            if self.halts_at_reset {
                self.halt(Cause::ResetRequest);
            }
        }
        self.held_in_reset = asserted;
    }

    /// Forgets the requests of a debug module that was switched off.
    pub(super) fn debug_module_reset(&mut self) {
        self.resume_acknowledged = false;
        self.halt_requested = false;
        self.halts_at_reset = false;
    }

    /// Whether nothing would change if time passed.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_halted() || self.held_in_reset || self.waiting
    }

    /// Executes one instruction, or halts in front of it.
    pub(super) fn step(&mut self) {
        self.now += 1;
        let pc = self.pc;
        // An execution trigger has the timing "before": it also fires at the PC where the hart is
        // resumed, so a debugger has to disarm it to get past it.
        if self.triggers.fires(Event::Execute, pc, 1) {
            self.halt(Cause::Trigger);
            return;
        }
        let instruction = if pc % 4 == 0 { self.read_memory(pc, Width::Word) } else { None };
        let outcome = match instruction {
            Some(instruction) => self.execute(instruction, true),
            None => Err(Exception::InstructionFault),
        };
        match outcome {
            Ok(Outcome::Next(next)) => {
                self.waiting = next == pc;
                self.pc = next;
            }
            Ok(Outcome::Wait) => {
                self.waiting = true;
                self.pc = pc.wrapping_add(4);
            }
            Ok(Outcome::Triggered) => self.halt(Cause::Trigger),
            Err(Exception::Breakpoint) if self.dcsr & DCSR_EBREAKM != 0 => self.halt(Cause::Ebreak),
            Err(exception) => self.trap(exception, instruction.unwrap_or(0)),
        }
    }

    /// Enters the trap handler.
    fn trap(&mut self, exception: Exception, instruction: u32) {
        self.csrs.insert(MEPC, self.pc);
        self.csrs.insert(MCAUSE, exception as u32);
        self.csrs.insert(MTVAL, if exception == Exception::Illegal { instruction } else { 0 });
        self.pc = self.csrs[&MTVEC] & !3;
    }

    /// Returns the target of MRET.
    pub(super) fn exception_pc(&self) -> u32 {
        self.csrs[&MEPC]
    }

    /// Runs the program buffer up to its EBREAK, explicit or implied. The PC of the program does
    /// not move.
    pub(super) fn run_program_buffer(&mut self, buffer: &[u32; PROGRAM_BUFFER_SIZE]) -> Result<(), Exception> {
        let resume_at = std::mem::replace(&mut self.pc, PROGRAM_BUFFER);
        let result = self.run_buffered(buffer);
        self.pc = resume_at;
        result
    }

    fn run_buffered(&mut self, buffer: &[u32; PROGRAM_BUFFER_SIZE]) -> Result<(), Exception> {
        for _ in 0..PROGRAM_BUFFER_STEPS {
            let index = self.pc.wrapping_sub(PROGRAM_BUFFER) as usize / 4;
            let Some(instruction) = buffer.get(index).copied() else {
                // The EBREAK that dmstatus.impebreak promises after the last word.
                return Ok(());
            };
            match self.execute(instruction, false) {
                Ok(Outcome::Next(next)) => self.pc = next,
                Ok(Outcome::Wait | Outcome::Triggered) => self.pc = self.pc.wrapping_add(4),
                Err(Exception::Breakpoint) => return Ok(()),
                Err(exception) => return Err(exception),
            }
        }
        Err(Exception::InstructionFault)
    }

    /// Reads a register by its abstract number: a CSR, or a general register from 0x1000 up.
    pub(crate) fn read_register(&self, number: u16) -> Option<u32> {
        match number {
            0x1000..=0x101f => Some(self.registers[usize::from(number - 0x1000)]),
            0..=0xfff => self.read_csr(number),
            _ => None,
        }
    }

    /// Writes a register by its abstract number.
    pub(crate) fn write_register(&mut self, number: u16, value: u32) -> Option<()> {
        match number {
            0x1000 => Some(()),
            0x1001..=0x101f => {
                self.registers[usize::from(number - 0x1000)] = value;
                Some(())
            }
            0..=0xfff => self.write_csr(number, value),
            _ => None,
        }
    }

    pub(super) fn read_csr(&self, csr: u16) -> Option<u32> {
        match csr {
            0x301 => Some(MISA),
            0x7a0..=0x7a4 => Some(self.triggers.read(csr)),
            DCSR => Some(self.dcsr | DCSR_FIXED),
            DPC => Some(self.pc),
            0xb00 | 0xb02 | 0xc00 | 0xc02 => Some(self.now as u32),
            0xb80 | 0xb82 | 0xc80 | 0xc82 => Some((self.now >> 32) as u32),
            // mvendorid, marchid, mimpid
            0xf11..=0xf13 => Some(0),
            MHARTID => Some(self.id),
            _ => self.csrs.get(&csr).copied(),
        }
    }

    pub(super) fn write_csr(&mut self, csr: u16, value: u32) -> Option<()> {
        match csr {
            0x7a0..=0x7a4 => self.triggers.write(csr, value),
            DCSR => self.dcsr = value & DCSR_WRITABLE | self.dcsr & 7 << 6,
            DPC => self.pc = value & !3,
            0x301 | 0xb00 | 0xb02 | 0xb80 | 0xb82 => {}
            _ => *self.csrs.get_mut(&csr)? = value,
        }
        Some(())
    }

    /// Reads RAM; `address` is aligned.
    pub(crate) fn read_memory(&self, address: u32, width: Width) -> Option<u32> {
        self.ram.read(address, width.bytes())
    }

    /// Writes RAM; `address` is aligned.
    pub(crate) fn write_memory(&mut self, address: u32, width: Width, value: u32) -> Option<()> {
        self.ram.write_bytes(address, &value.to_le_bytes()[..width.bytes() as usize])
    }
}
