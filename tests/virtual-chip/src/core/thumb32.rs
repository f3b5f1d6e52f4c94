//! The 32-bit instructions: ARM DDI 0403, A5.3.

use super::alu::{Shift, add_with_carry, expand_immediate, sign_extend};
use super::{Core, Executed, PC, Trap};
use crate::bus::{Bus, Memory};

/// Whether Armv6-M has the instruction: BL, MSR, MRS, DSB, DMB and ISB (DDI 0419, A5.3).
fn is_in_v6m(first: u16, second: u16) -> bool {
    match (first, second) {
        (0xf000..=0xf7ff, 0xd000..) => second & 0xd000 == 0xd000,
        (0xf380..=0xf38f, _) => second & 0xff00 == 0x8800,
        (0xf3ef, _) => second & 0xf000 == 0x8000,
        (0xf3bf, _) => matches!(second & 0xfff0, 0x8f40 | 0x8f50 | 0x8f60),
        _ => false,
    }
}

impl Core {
    /// Executes one 32-bit instruction.
    pub(super) fn thumb32(&mut self, bus: &mut Bus<impl Memory>, first: u16, second: u16) -> Executed {
        if self.is_v6m && !is_in_v6m(first, second) {
            return Err(Trap::Undefined);
        }
        match (first >> 11 & 3, first >> 9 & 3) {
            (1, 0) => self.load_store_many(bus, first, second),
            (1, 1) => self.data_processing_register(first, second),
            (1 | 3, 2..) if first & 0x400 != 0 => Err(Trap::NoCoprocessor),
            (2, _) if second & 0x8000 != 0 => self.branch_or_system(bus, first, second),
            (2, 0 | 2) => self.data_processing_immediate(first, second),
            (2, _) => self.plain_immediate(first, second),
            (3, 0) => self.load_store_single(bus, first, second),
            (3, 1) if first & 0x180 == 0x100 => self.multiply(first, second),
            (3, 1) if first & 0x180 == 0x180 => self.long_multiply_divide(bus, first, second),
            (3, 1) => self.register_operation(first, second),
            _ => Err(Trap::Undefined),
        }
    }

    /// Data processing with a shifted register: A5.3.11.
    fn data_processing_register(&mut self, first: u16, second: u16) -> Executed {
        let amount = u32::from(second >> 10 & 0x1c | second >> 6 & 3);
        let kind = Shift::from_bits((second >> 4).into());
        let value = self.read(usize::from(second & 0xf));
        let operand = kind.apply_immediate(value, amount, self.c);
        self.operate(first, second, operand)
    }

    /// Data processing with a modified immediate: A5.3.1.
    fn data_processing_immediate(&mut self, first: u16, second: u16) -> Executed {
        let operand = expand_immediate(immediate_12(first, second), self.c);
        self.operate(first, second, operand)
    }

    /// The operation that both forms share; `operand` comes with the carry of its shift.
    fn operate(&mut self, first: u16, second: u16, operand: (u32, bool)) -> Executed {
        let (b, carry) = operand;
        let base = usize::from(first & 0xf);
        let target = usize::from(second >> 8 & 0xf);
        let a = self.read(base);
        let sets_flags = first & 0x10 != 0;
        let operation = first >> 5 & 0xf;
        let logical = match operation {
            0x0 => Some(a & b),
            0x1 => Some(a & !b),
            0x2 => Some(if base == PC { b } else { a | b }),
            0x3 => Some(if base == PC { !b } else { a | !b }),
            0x4 => Some(a ^ b),
            _ => None,
        };
        let (result, c, v) = match (logical, operation) {
            (Some(value), _) => (value, carry, self.v),
            (None, 0x8) => add_with_carry(a, b, false),
            (None, 0xa) => add_with_carry(a, b, self.c),
            (None, 0xb) => add_with_carry(a, !b, self.c),
            (None, 0xd) => add_with_carry(a, !b, true),
            (None, 0xe) => add_with_carry(!a, b, true),
            _ => return Err(Trap::Undefined),
        };
        if sets_flags {
            self.set_nz(result);
            (self.c, self.v) = (c, v);
        }
        // TST, TEQ, CMN and CMP have no target.
        let only_flags = target == PC && sets_flags && matches!(operation, 0 | 4 | 8 | 0xd);
        if !only_flags {
            self.write(target, result);
        }
        Ok(())
    }

    /// Data processing with a plain immediate and bit fields: A5.3.3.
    fn plain_immediate(&mut self, first: u16, second: u16) -> Executed {
        let base = usize::from(first & 0xf);
        let target = usize::from(second >> 8 & 0xf);
        let value = self.read(base);
        let immediate = immediate_12(first, second);
        let lsb = u32::from(second >> 10 & 0x1c | second >> 6 & 3);
        let field = u32::from(second & 0x1f);
        let result = match first >> 4 & 0x1f {
            0x00 | 0x0a => {
                let start = if base == PC { value & !3 } else { value };
                if first & 0x80 == 0 { start.wrapping_add(immediate) } else { start.wrapping_sub(immediate) }
            }
            0x04 => u32::from(first & 0xf) << 12 | immediate,
            0x0c => u32::from(first & 0xf) << 28 | immediate << 16 | self.read(target) & 0xffff,
            0x10 | 0x12 => self.saturate(shifted(first, value, lsb), -(1 << field), (1 << field) - 1),
            0x18 | 0x1a => self.saturate(shifted(first, value, lsb), 0, (1 << field) - 1),
            0x14 => sign_extend(value >> lsb, field + 1),
            0x1c => value >> lsb & low_ones(field + 1),
            0x16 => {
                let mask = low_ones((field + 1).saturating_sub(lsb)) << lsb;
                let inserted = if base == PC { 0 } else { value << lsb };
                self.read(target) & !mask | inserted & mask
            }
            _ => return Err(Trap::Undefined),
        };
        self.write(target, result);
        Ok(())
    }

    /// SSAT and USAT: Q tells that the value did not fit.
    fn saturate(&mut self, value: u32, low: i64, high: i64) -> u32 {
        let value = i64::from(value as i32);
        let clamped = value.clamp(low, high);
        self.q |= clamped != value;
        clamped as u32
    }

    /// Branches, hints, barriers and special registers: A5.3.4.
    fn branch_or_system(&mut self, bus: &mut Bus<impl Memory>, first: u16, second: u16) -> Executed {
        let sign = u32::from(first >> 10 & 1);
        let (j1, j2) = (u32::from(second >> 13 & 1), u32::from(second >> 11 & 1));
        let low = u32::from(second & 0x7ff) << 1;
        let pc = self.read(PC);
        if second & 0x1000 != 0 {
            let (i1, i2) = (j1 ^ sign ^ 1, j2 ^ sign ^ 1);
            let offset = sign << 24 | i1 << 23 | i2 << 22 | u32::from(first & 0x3ff) << 12 | low;
            if second & 0x4000 != 0 {
                self.link();
            }
            self.next = pc.wrapping_add(sign_extend(offset, 25));
            return Ok(());
        }
        if second & 0x4000 != 0 {
            return Err(Trap::Undefined);
        }
        let condition = (first >> 6 & 0xf) as u8;
        if condition < 0xe {
            if self.passes(condition) {
                let offset = sign << 20 | j2 << 19 | j1 << 18 | u32::from(first & 0x3f) << 12 | low;
                self.next = pc.wrapping_add(sign_extend(offset, 21));
            }
            return Ok(());
        }
        match first >> 4 & 0x7f {
            0x38 | 0x39 => self.move_to_special(bus, second & 0xff, usize::from(first & 0xf), second >> 10 & 3),
            0x3a if second & 0x700 == 0 => self.hint((second & 0xff) as u8),
            0x3b => match second >> 4 & 0xf {
                2 => self.exclusive = false,
                4..=6 => {}
                _ => return Err(Trap::Undefined),
            },
            0x3e | 0x3f => {
                let value = self.special_register(second & 0xff);
                self.write(usize::from(second >> 8 & 0xf), value);
            }
            _ => return Err(Trap::Undefined),
        }
        Ok(())
    }

    /// MRS: B5.2.2. Code without privilege reads zeros where it may not look.
    fn special_register(&self, number: u16) -> u32 {
        match number {
            0..=7 => {
                let flags = if number & 4 == 0 { self.xpsr() & 0xf800_0000 } else { 0 };
                let exception = if number & 1 != 0 && self.privileged() { self.exception.into() } else { 0 };
                flags | exception
            }
            20 => self.control.into(),
            _ if !self.privileged() => 0,
            8 => self.msp(),
            9 => self.psp(),
            16 => self.primask.into(),
            17 | 18 => self.basepri.into(),
            19 => self.faultmask.into(),
            _ => 0,
        }
    }

    /// MSR: B5.2.3.
    fn move_to_special(&mut self, bus: &Bus<impl Memory>, number: u16, source: usize, mask: u16) {
        let value = self.read(source);
        if number < 4 {
            if mask & 2 != 0 {
                self.set_apsr(value);
            }
            return;
        }
        if !self.privileged() {
            return;
        }
        match number {
            17..=19 if self.is_v6m => {}
            8 => self.set_msp(value),
            9 => self.set_psp(value),
            16 => self.primask = value & 1 != 0,
            17 => self.set_basepri(value),
            18 if value & 0xf0 != 0 && (self.basepri == 0 || value & 0xf0 < self.basepri.into()) => {
                self.set_basepri(value);
            }
            19 if self.priority(bus) > -1 => self.faultmask = value & 1 != 0,
            20 => self.set_control(value),
            _ => {}
        }
    }

    /// Shifts by register, extensions, reversals and CLZ: A5.3.12.
    fn register_operation(&mut self, first: u16, second: u16) -> Executed {
        let a = self.read(usize::from(first & 0xf));
        let b = self.read(usize::from(second & 0xf));
        let target = usize::from(second >> 8 & 0xf);
        if second & 0xf000 != 0xf000 {
            return Err(Trap::Undefined);
        }
        let result = match (first >> 4 & 0xf, second >> 4 & 0xf) {
            (kind @ 0..=7, 0) => {
                let (value, carry) = Shift::from_bits(u32::from(kind >> 1)).apply(a, b & 0xff, self.c);
                if kind & 1 != 0 {
                    self.set_nz(value);
                    self.c = carry;
                }
                value
            }
            (kind @ (0 | 1 | 4 | 5), rotation @ 8..=0xb) if first & 0xf == 0xf => {
                let rotated = b.rotate_right(u32::from(rotation & 3) * 8);
                match kind {
                    0 => sign_extend(rotated, 16),
                    1 => rotated & 0xffff,
                    4 => sign_extend(rotated, 8),
                    _ => rotated & 0xff,
                }
            }
            (9, 8) => b.swap_bytes(),
            (9, 9) => b.swap_bytes().rotate_left(16),
            (9, 0xa) => b.reverse_bits(),
            (9, 0xb) => sign_extend(b.swap_bytes() >> 16, 16),
            (0xb, 8) => b.leading_zeros(),
            _ => return Err(Trap::Undefined),
        };
        self.write(target, result);
        Ok(())
    }

    /// MUL, MLA, MLS: A5.3.16.
    fn multiply(&mut self, first: u16, second: u16) -> Executed {
        let product = self.read(usize::from(first & 0xf)).wrapping_mul(self.read(usize::from(second & 0xf)));
        let addend = usize::from(second >> 12);
        let result = match (first >> 4 & 7, second >> 4 & 3, addend) {
            (0, 0, PC) => product,
            (0, 0, _) => self.read(addend).wrapping_add(product),
            (0, 1, _) => self.read(addend).wrapping_sub(product),
            _ => return Err(Trap::Undefined),
        };
        self.write(usize::from(second >> 8 & 0xf), result);
        Ok(())
    }

    /// 64-bit products and divisions: A5.3.17.
    fn long_multiply_divide(&mut self, bus: &Bus<impl Memory>, first: u16, second: u16) -> Executed {
        let (a, b) = (self.read(usize::from(first & 0xf)), self.read(usize::from(second & 0xf)));
        let (low, high) = (usize::from(second >> 12), usize::from(second >> 8 & 0xf));
        let unsigned = u64::from(a) * u64::from(b);
        let signed = (i64::from(a as i32) * i64::from(b as i32)) as u64;
        let sum = u64::from(self.read(high)) << 32 | u64::from(self.read(low));
        let product = match (first >> 4 & 7, second >> 4 & 0xf) {
            (0, 0) => signed,
            (2, 0) => unsigned,
            (4, 0) => sum.wrapping_add(signed),
            (6, 0) => sum.wrapping_add(unsigned),
            (1 | 3, 0xf) => {
                if b == 0 && bus.scs.traps_division() {
                    return Err(Trap::DivideByZero);
                }
                let signed = (a as i32).checked_div(b as i32).unwrap_or(if b == 0 { 0 } else { i32::MIN });
                let quotient = if first & 0x20 == 0 { signed as u32 } else { a.checked_div(b).unwrap_or(0) };
                self.write(high, quotient);
                return Ok(());
            }
            _ => return Err(Trap::Undefined),
        };
        self.write(low, product as u32);
        self.write(high, (product >> 32) as u32);
        Ok(())
    }
}

/// The 12 bits i:imm3:imm8.
fn immediate_12(first: u16, second: u16) -> u32 {
    u32::from(first >> 10 & 1) << 11 | u32::from(second >> 12 & 7) << 8 | u32::from(second & 0xff)
}

/// The operand of SSAT and USAT: shifted left, or right with sign.
fn shifted(first: u16, value: u32, amount: u32) -> u32 {
    let kind = if first & 0x20 != 0 { Shift::Asr } else { Shift::Lsl };
    kind.apply_immediate(value, amount, false).0
}

fn low_ones(count: u32) -> u32 {
    if count >= 32 { u32::MAX } else { (1 << count) - 1 }
}
