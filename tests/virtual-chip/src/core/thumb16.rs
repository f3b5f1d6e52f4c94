//! The 16-bit instructions: ARM DDI 0403, A5.2.

use super::alu::{Shift, add_with_carry, sign_extend};
use super::load_store::{load, store};
use super::{Core, Executed, LR, PC, SP, Trap};
use crate::bus::{Bus, Memory, Size};

/// The register number in the three bits from `bit` up.
fn low(code: u16, bit: u32) -> usize {
    usize::from(code >> bit & 7)
}

impl Core {
    /// Executes one 16-bit instruction.
    pub(super) fn thumb16(&mut self, bus: &mut Bus<impl Memory>, code: u16) -> Executed {
        match code >> 12 {
            0 | 1 => self.shift_add_subtract(code),
            2 | 3 => self.immediate_8(code),
            4 if code >> 10 == 0b01_0000 => self.data_processing_16(code),
            4 if code >> 10 == 0b01_0001 => self.high_registers(code),
            4 => {
                let address = (self.read(PC) & !3).wrapping_add(u32::from(code & 0xff) << 2);
                let value = load(bus, address, Size::Word)?;
                self.write(low_at_8(code), value);
            }
            5 => return self.load_store_register(bus, code),
            6..=9 => return self.load_store_immediate(bus, code),
            10 => {
                let base = if code & 0x800 != 0 { self.read(SP) } else { self.read(PC) & !3 };
                self.write(low_at_8(code), base.wrapping_add(u32::from(code & 0xff) << 2));
            }
            11 => return self.miscellaneous(bus, code),
            12 => return self.multiple(bus, code),
            13 => return self.conditional_branch(code),
            _ => self.next = self.read(PC).wrapping_add(sign_extend(u32::from(code & 0x7ff) << 1, 12)),
        }
        Ok(())
    }

    /// Sets flags as 16-bit instructions do: not inside an IT block.
    fn flags_nz(&mut self, value: u32) {
        if !self.in_it_block() {
            self.set_nz(value);
        }
    }

    fn flags_nzc(&mut self, value: u32, carry: bool) {
        if !self.in_it_block() {
            self.set_nz(value);
            self.c = carry;
        }
    }

    /// An addition whose flags are set outside an IT block; gives the sum.
    fn sum_16(&mut self, a: u32, b: u32, carry: bool) -> u32 {
        let (sum, c, v) = add_with_carry(a, b, carry);
        if !self.in_it_block() {
            self.set_nz(sum);
            (self.c, self.v) = (c, v);
        }
        sum
    }

    fn shift_add_subtract(&mut self, code: u16) {
        let (target, source) = (low(code, 0), low(code, 3));
        if code >> 11 != 0b00011 {
            let kind = Shift::from_bits((code >> 11).into());
            let amount = u32::from(code >> 6 & 0x1f);
            let (value, carry) = kind.apply_immediate(self.read(source), amount, self.c);
            self.flags_nzc(value, carry);
            self.write(target, value);
            return;
        }
        let operand = if code & 0x400 != 0 { u32::from(code >> 6 & 7) } else { self.read(low(code, 6)) };
        let value = if code & 0x200 != 0 {
            self.sum_16(self.read(source), !operand, true)
        } else {
            self.sum_16(self.read(source), operand, false)
        };
        self.write(target, value);
    }

    fn immediate_8(&mut self, code: u16) {
        let (register, immediate) = (low_at_8(code), u32::from(code & 0xff));
        let value = self.read(register);
        let result = match code >> 11 & 3 {
            0 => {
                self.flags_nz(immediate);
                immediate
            }
            1 => return self.compare(value, immediate),
            2 => self.sum_16(value, immediate, false),
            _ => self.sum_16(value, !immediate, true),
        };
        self.write(register, result);
    }

    /// CMP: flags always.
    fn compare(&mut self, a: u32, b: u32) {
        let (difference, c, v) = add_with_carry(a, !b, true);
        self.set_nz(difference);
        (self.c, self.v) = (c, v);
    }

    fn data_processing_16(&mut self, code: u16) {
        let (target, source) = (low(code, 0), low(code, 3));
        let (a, b) = (self.read(target), self.read(source));
        let operation = code >> 6 & 0xf;
        let result = match operation {
            0x2 | 0x3 | 0x4 | 0x7 => {
                let kind = match operation {
                    2 => Shift::Lsl,
                    3 => Shift::Lsr,
                    4 => Shift::Asr,
                    _ => Shift::Ror,
                };
                let (value, carry) = kind.apply(a, b & 0xff, self.c);
                self.flags_nzc(value, carry);
                value
            }
            0x5 => self.sum_16(a, b, self.c),
            0x6 => self.sum_16(a, !b, self.c),
            0x8 => return self.set_nz(a & b),
            0x9 => self.sum_16(!b, 0, true),
            0xa => return self.compare(a, b),
            0xb => {
                let (sum, c, v) = add_with_carry(a, b, false);
                self.set_nz(sum);
                (self.c, self.v) = (c, v);
                return;
            }
            _ => {
                let value = match operation {
                    0x0 => a & b,
                    0x1 => a ^ b,
                    0xc => a | b,
                    0xd => a.wrapping_mul(b),
                    0xe => a & !b,
                    _ => !b,
                };
                self.flags_nz(value);
                value
            }
        };
        self.write(target, result);
    }

    fn high_registers(&mut self, code: u16) {
        let target = low(code, 0) | usize::from(code >> 4 & 8);
        let source = usize::from(code >> 3 & 0xf);
        let value = self.read(source);
        match code >> 8 & 3 {
            0 => self.write(target, self.read(target).wrapping_add(value)),
            1 => self.compare(self.read(target), value),
            2 => self.write(target, value),
            _ => {
                if code & 0x80 != 0 {
                    self.registers[LR] = self.next | 1;
                }
                self.branch_exchange(value);
            }
        }
    }

    fn load_store_register(&mut self, bus: &mut Bus<impl Memory>, code: u16) -> Executed {
        let register = low(code, 0);
        let address = self.read(low(code, 3)).wrapping_add(self.read(low(code, 6)));
        let value = self.read(register);
        let loaded = match code >> 9 & 7 {
            0 => return store(bus, address, Size::Word, value),
            1 => return store(bus, address, Size::Half, value),
            2 => return store(bus, address, Size::Byte, value),
            3 => sign_extend(load(bus, address, Size::Byte)?, 8),
            4 => load(bus, address, Size::Word)?,
            5 => load(bus, address, Size::Half)?,
            6 => load(bus, address, Size::Byte)?,
            _ => sign_extend(load(bus, address, Size::Half)?, 16),
        };
        self.write(register, loaded);
        Ok(())
    }

    fn load_store_immediate(&mut self, bus: &mut Bus<impl Memory>, code: u16) -> Executed {
        let offset = u32::from(code >> 6 & 0x1f);
        let (register, base, offset, size) = match code >> 12 {
            6 => (low(code, 0), low(code, 3), offset << 2, Size::Word),
            7 => (low(code, 0), low(code, 3), offset, Size::Byte),
            8 => (low(code, 0), low(code, 3), offset << 1, Size::Half),
            _ => (low_at_8(code), SP, u32::from(code & 0xff) << 2, Size::Word),
        };
        let address = self.read(base).wrapping_add(offset);
        if code & 0x800 == 0 {
            return store(bus, address, size, self.read(register));
        }
        let value = load(bus, address, size)?;
        self.write(register, value);
        Ok(())
    }

    fn miscellaneous(&mut self, bus: &mut Bus<impl Memory>, code: u16) -> Executed {
        let (target, source) = (low(code, 0), self.read(low(code, 3)));
        match code >> 8 & 0xf {
            0x0 => {
                let offset = u32::from(code & 0x7f) << 2;
                let sp = self.read(SP);
                let sp = if code & 0x80 != 0 { sp.wrapping_sub(offset) } else { sp.wrapping_add(offset) };
                self.write(SP, sp);
            }
            0x1 | 0x3 | 0x9 | 0xb if !self.is_v6m => {
                let wants_zero = code & 0x800 == 0;
                if (self.read(target) == 0) == wants_zero {
                    let offset = u32::from(code >> 3 & 0x40) | u32::from(code >> 2 & 0x3e);
                    self.next = self.read(PC).wrapping_add(offset);
                }
            }
            0x2 => {
                let value = match code >> 6 & 3 {
                    0 => sign_extend(source, 16),
                    1 => sign_extend(source, 8),
                    2 => source & 0xffff,
                    _ => source & 0xff,
                };
                self.write(target, value);
            }
            0x4 | 0x5 => {
                let list = code & 0xff | (code & 0x100) << 6;
                return self.store_multiple(bus, SP, list, true, true);
            }
            0x6 if code & 0xffe8 == 0xb660 && !(self.is_v6m && code & 1 != 0) => self.change_processor_state(code),
            0xa => {
                let value = match code >> 6 & 3 {
                    0 => source.swap_bytes(),
                    1 => source.swap_bytes().rotate_left(16),
                    3 => sign_extend(source.swap_bytes() >> 16, 16),
                    _ => return Err(Trap::Undefined),
                };
                self.write(target, value);
            }
            0xc | 0xd => {
                let list = code & 0xff | (code & 0x100) << 7;
                return self.load_multiple(bus, SP, list, true, false);
            }
            0xe => return Err(Trap::Breakpoint),
            0xf if code & 0xf != 0 && self.is_v6m => return Err(Trap::Undefined),
            0xf if code & 0xf != 0 => self.it = (code & 0xff) as u8,
            0xf => self.hint((code >> 4 & 0xf) as u8),
            _ => return Err(Trap::Undefined),
        }
        Ok(())
    }

    /// CPSIE and CPSID.
    fn change_processor_state(&mut self, code: u16) {
        let disable = code & 0x10 != 0;
        if self.privileged() {
            if code & 2 != 0 {
                self.primask = disable;
            }
            if code & 1 != 0 {
                self.faultmask = disable;
            }
        }
    }

    /// NOP, YIELD, WFE, WFI, SEV.
    pub(super) fn hint(&mut self, number: u8) {
        match number {
            2 if self.event => self.event = false,
            2 | 3 => {
                self.sleeping = true;
                self.waits_for_event = number == 2;
            }
            4 => {
                self.event = true;
                self.sent_event = true;
            }
            _ => {}
        }
    }

    /// STM and LDM.
    fn multiple(&mut self, bus: &mut Bus<impl Memory>, code: u16) -> Executed {
        let (base, list) = (low_at_8(code), code & 0xff);
        if code & 0x800 == 0 {
            self.store_multiple(bus, base, list, true, false)
        } else {
            let writes_back = list >> base & 1 == 0;
            self.load_multiple(bus, base, list, writes_back, false)
        }
    }

    fn conditional_branch(&mut self, code: u16) -> Executed {
        match code >> 8 & 0xf {
            0xe => Err(Trap::Undefined),
            0xf => Err(Trap::SupervisorCall),
            condition => {
                if self.passes(condition as u8) {
                    self.next = self.read(PC).wrapping_add(sign_extend(u32::from(code & 0xff) << 1, 9));
                }
                Ok(())
            }
        }
    }
}

fn low_at_8(code: u16) -> usize {
    low(code, 8)
}
