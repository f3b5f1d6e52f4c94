//! The debug module: run control, abstract commands, the program buffer and system bus access.
//!
//! External Debug Support 0.13.2, chapter 3; section 3.12 lists the registers.

use super::execute::Width;
use super::hart::{Cause, Hart, PROGRAM_BUFFER_SIZE};

const DATA0: u8 = 0x04;
const DATA1: u8 = 0x05;
const DMCONTROL: u8 = 0x10;
const DMSTATUS: u8 = 0x11;
const HARTINFO: u8 = 0x12;
const ABSTRACTCS: u8 = 0x16;
const COMMAND: u8 = 0x17;
const ABSTRACTAUTO: u8 = 0x18;
const PROGBUF0: u8 = 0x20;
const PROGBUF_LAST: u8 = PROGBUF0 + PROGRAM_BUFFER_SIZE as u8 - 1;
const SBCS: u8 = 0x38;
const SBADDRESS0: u8 = 0x39;
const SBDATA0: u8 = 0x3c;
const HALTSUM0: u8 = 0x40;

const HALTREQ: u32 = 1 << 31;
const RESUMEREQ: u32 = 1 << 30;
const ACKHAVERESET: u32 = 1 << 28;
const SETRESETHALTREQ: u32 = 1 << 3;
const CLRRESETHALTREQ: u32 = 1 << 2;
const NDMRESET: u32 = 1 << 1;
const DMACTIVE: u32 = 1 << 0;

const SBREADONADDR: u32 = 1 << 20;
const SBAUTOINCREMENT: u32 = 1 << 16;
const SBREADONDATA: u32 = 1 << 15;
const SBERROR: u32 = 7 << 12;
/// Version 1, 32 bits of address, accesses of 8, 16 and 32 bits. Without system bus access SBCS
/// reads as zero.
const SBCS_FIXED: u32 = 1 << 29 | 32 << 5 | 7;
const SBCS_WRITABLE: u32 = SBREADONADDR | 7 << 17 | SBAUTOINCREMENT | SBREADONDATA;

/// Why an abstract command failed (ABSTRACTCS.cmderr).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CommandError {
    NotSupported = 2,
    Exception = 3,
    HaltResume = 4,
}

/// The registers of the module.
#[derive(Debug, Default)]
pub(crate) struct DebugModule {
    /// Whether the module can access memory while the harts run.
    pub(crate) has_system_bus: bool,
    program_buffer: [u32; PROGRAM_BUFFER_SIZE],
    control: u32,
    data: [u32; 2],
    command: u32,
    command_error: u32,
    auto: u32,
    sbcs: u32,
    sb_address: u32,
    sb_data: u32,
}

impl DebugModule {
    /// Creates a module with system bus access that is switched off, as after power-on.
    pub(crate) fn new() -> Self {
        Self { has_system_bus: true, ..Self::default() }
    }

    /// Reads the register at `address`.
    pub(crate) fn read(&mut self, address: u8, harts: &mut [Hart]) -> u32 {
        match address {
            DATA0 | DATA1 => {
                let value = self.data[usize::from(address - DATA0)];
                self.auto_execute(u32::from(address - DATA0), harts);
                value
            }
            DMCONTROL => self.control,
            DMSTATUS => self.status(harts),
            // One scratch register, data registers not mapped.
            HARTINFO => 1 << 20,
            ABSTRACTCS => (PROGRAM_BUFFER_SIZE as u32) << 24 | self.command_error << 8 | 2,
            ABSTRACTAUTO => self.auto,
            PROGBUF0..=PROGBUF_LAST => {
                let index = address - PROGBUF0;
                let value = self.program_buffer[usize::from(index)];
                self.auto_execute(16 + u32::from(index), harts);
                value
            }
            SBCS..=SBDATA0 if !self.has_system_bus => 0,
            SBCS => self.sbcs | SBCS_FIXED,
            SBADDRESS0 => self.sb_address,
            SBDATA0 => {
                let value = self.sb_data;
                if self.sbcs & SBREADONDATA != 0 {
                    self.bus_read(harts);
                }
                value
            }
            HALTSUM0 => harts.iter().rev().fold(0, |sum, hart| sum << 1 | u32::from(hart.is_halted())),
            _ => 0,
        }
    }

    /// Writes the register at `address`.
    pub(crate) fn write(&mut self, address: u8, value: u32, harts: &mut [Hart]) {
        match address {
            DMCONTROL => self.write_control(value, harts),
            _ if self.control & DMACTIVE == 0 => {}
            DATA0 | DATA1 => {
                self.data[usize::from(address - DATA0)] = value;
                self.auto_execute(u32::from(address - DATA0), harts);
            }
            ABSTRACTCS => self.command_error &= !(value >> 8 & 7),
            COMMAND => {
                self.command = value;
                self.execute(harts);
            }
            ABSTRACTAUTO => self.auto = value & 0x00ff_0003,
            PROGBUF0..=PROGBUF_LAST => {
                let index = address - PROGBUF0;
                self.program_buffer[usize::from(index)] = value;
                self.auto_execute(16 + u32::from(index), harts);
            }
            SBCS..=SBDATA0 if !self.has_system_bus => {}
            SBCS => self.sbcs = value & SBCS_WRITABLE | self.sbcs & SBERROR & !value,
            SBADDRESS0 => {
                self.sb_address = value;
                if self.sbcs & SBREADONADDR != 0 {
                    self.bus_read(harts);
                }
            }
            SBDATA0 => {
                self.sb_data = value;
                self.bus_write(harts);
            }
            _ => {}
        }
    }

    /// The hart that DMCONTROL.hartsel selects; `None` if no hart has that number.
    fn selected<'h>(&self, harts: &'h mut [Hart]) -> Option<&'h mut Hart> {
        harts.get_mut((self.control >> 16 & 0x3ff) as usize)
    }

    fn write_control(&mut self, value: u32, harts: &mut [Hart]) {
        if value & DMACTIVE == 0 {
            *self = Self { has_system_bus: self.has_system_bus, ..Self::default() };
            for hart in harts {
                hart.debug_module_reset();
            }
            return;
        }
        let was_resetting = self.control & NDMRESET != 0;
        // haltreq and resumereq read as zero; hartsello has its 10 bits, hartselhi has none.
        self.control = value & (0x03ff_0000 | NDMRESET | DMACTIVE);
        if let Some(hart) = self.selected(harts) {
            hart.halt_requested = value & HALTREQ != 0;
            if value & ACKHAVERESET != 0 {
                hart.was_reset = false;
            }
            if value & SETRESETHALTREQ != 0 {
                hart.halts_at_reset = true;
            }
            if value & CLRRESETHALTREQ != 0 {
                hart.halts_at_reset = false;
            }
            if value & RESUMEREQ != 0 && value & HALTREQ == 0 && hart.is_halted() {
                hart.resume_acknowledged = true;
                hart.resume();
            }
        }
        let resets = value & NDMRESET != 0;
        for hart in harts {
            if was_resetting != resets {
                hart.set_reset(resets);
            }
            hart.obey_halt_request();
        }
    }

    fn status(&self, harts: &mut [Hart]) -> u32 {
        // Both the "any" and the "all" bit, since one hart is selected.
        let both = |set: bool, bit: u32| if set { 3 << bit } else { 0 };
        // Version 0.13, hasresethaltreq, authenticated, impebreak.
        let fixed = 2 | 1 << 5 | 1 << 7 | 1 << 22;
        let Some(hart) = self.selected(harts) else {
            return fixed | both(true, 14);
        };
        let unavailable = hart.is_held_in_reset();
        fixed
            | both(hart.is_halted() && !unavailable, 8)
            | both(!hart.is_halted() && !unavailable, 10)
            | both(unavailable, 12)
            | both(hart.resume_acknowledged, 16)
            | both(hart.was_reset, 18)
    }

    fn auto_execute(&mut self, bit: u32, harts: &mut [Hart]) {
        if self.auto >> bit & 1 != 0 {
            self.execute(harts);
        }
    }

    /// Executes the command in the command register, unless cmderr holds an error.
    fn execute(&mut self, harts: &mut [Hart]) {
        if self.command_error == 0 {
            // A hart that does not exist is reported like a hart in the wrong state.
            let outcome = match self.selected(harts) {
                Some(hart) => self.access_register(hart),
                None => Err(CommandError::HaltResume),
            };
            if let Err(error) = outcome {
                self.command_error = error as u32;
            }
        }
    }

    /// Executes the one abstract command that is supported: Access Register (3.6.1.1).
    fn access_register(&mut self, hart: &mut Hart) -> Result<(), CommandError> {
        let command = self.command;
        let (transfers, writes) = (command >> 17 & 1 != 0, command >> 16 & 1 != 0);
        let size = command >> 20 & 7;
        if command >> 24 != 0 || (transfers && size != 2) {
            return Err(CommandError::NotSupported);
        }
        if !hart.is_halted() {
            return Err(CommandError::HaltResume);
        }
        let number = command as u16;
        if transfers && writes {
            hart.write_register(number, self.data[0]).ok_or(CommandError::Exception)?;
        } else if transfers {
            self.data[0] = hart.read_register(number).ok_or(CommandError::Exception)?;
        }
        if command >> 19 & 1 != 0 {
            self.command = command & 0xffff_0000 | u32::from(number.wrapping_add(1));
        }
        if command >> 18 & 1 != 0 {
            hart.run_program_buffer(&self.program_buffer).map_err(|_| CommandError::Exception)?;
        }
        Ok(())
    }

    fn bus_width(&self) -> Option<Width> {
        match self.sbcs >> 17 & 7 {
            0 => Some(Width::Byte),
            1 => Some(Width::Half),
            2 => Some(Width::Word),
            _ => None,
        }
    }

    fn bus_read(&mut self, harts: &mut [Hart]) {
        let address = self.sb_address;
        // Every hart sees the same memory.
        let hart = &harts[0];
        if let Some(value) = self.bus_access(|width| Some((hart.read_memory(address, width)?, width))) {
            self.sb_data = value;
        }
    }

    fn bus_write(&mut self, harts: &mut [Hart]) {
        let (address, value) = (self.sb_address, self.sb_data);
        let hart = &mut harts[0];
        self.bus_access(|width| hart.write_memory(address, width, value).map(|()| (value, width)));
    }

    /// Makes one access (3.10). An error stays in sberror: 2 no memory, 3 alignment, 4 width.
    fn bus_access(&mut self, access: impl FnOnce(Width) -> Option<(u32, Width)>) -> Option<u32> {
        if self.sbcs & SBERROR != 0 {
            return None;
        }
        let outcome = match self.bus_width() {
            None => Err(4),
            Some(width) if self.sb_address % width.bytes() != 0 => Err(3),
            Some(width) => access(width).ok_or(2),
        };
        match outcome {
            Ok((value, width)) => {
                if self.sbcs & SBAUTOINCREMENT != 0 {
                    self.sb_address = self.sb_address.wrapping_add(width.bytes());
                }
                Some(value)
            }
            Err(error) => {
                self.sbcs |= error << 12;
                None
            }
        }
    }
}

impl Hart {
    /// Halts if the module asks for it.
    fn obey_halt_request(&mut self) {
        if self.halt_requested && !self.is_held_in_reset() && !self.is_halted() {
            self.halt(Cause::Request);
        }
    }
}

#[cfg(test)]
mod tests;
