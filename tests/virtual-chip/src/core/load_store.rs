//! Memory accesses of the core and the 32-bit load and store instructions.
//!
//! ARM DDI 0403, A3.2 (alignment), A5.3.5-A5.3.9 and A5.3.10 (encodings).

use super::alu::sign_extend;
use super::{Core, Executed, LR, PC, SP, Trap};
use crate::bus::{Bus, Memory, Size};

/// Returns Rn and Rt of a 32-bit load or store.
fn operands(first: u16, second: u16) -> (usize, usize) {
    (usize::from(first & 0xf), usize::from(second >> 12))
}

/// Loads a value, byte by byte if the address is unaligned and unaligned accesses do not trap.
pub(super) fn load(bus: &mut Bus<impl Memory>, address: u32, size: Size) -> Result<u32, Trap> {
    if address & size.mask() == 0 {
        return bus.core_read(address, size).map_err(|_| Trap::DataBus(address));
    }
    if bus.scs.traps_unaligned() {
        return Err(Trap::Unaligned);
    }
    let mut value = 0;
    for index in 0..size.bytes() {
        let address = address.wrapping_add(index);
        let byte = bus.core_read(address, Size::Byte).map_err(|_| Trap::DataBus(address))?;
        value |= byte << (8 * index);
    }
    Ok(value)
}

/// Stores the low part of a value.
pub(super) fn store(bus: &mut Bus<impl Memory>, address: u32, size: Size, value: u32) -> Executed {
    if address & size.mask() == 0 {
        return bus.core_write(address, size, size.truncate(value)).map_err(|_| Trap::DataBus(address));
    }
    if bus.scs.traps_unaligned() {
        return Err(Trap::Unaligned);
    }
    for index in 0..size.bytes() {
        let address = address.wrapping_add(index);
        bus.core_write(address, Size::Byte, value >> (8 * index) & 0xff).map_err(|_| Trap::DataBus(address))?;
    }
    Ok(())
}

/// Loads a word at an address that must be aligned, as for multiple, dual and exclusive loads.
fn load_aligned(bus: &mut Bus<impl Memory>, address: u32) -> Result<u32, Trap> {
    if address & 3 != 0 {
        return Err(Trap::Unaligned);
    }
    load(bus, address, Size::Word)
}

fn store_aligned(bus: &mut Bus<impl Memory>, address: u32, value: u32) -> Executed {
    if address & 3 != 0 {
        return Err(Trap::Unaligned);
    }
    store(bus, address, Size::Word, value)
}

impl Core {
    /// LDM, LDMDB and POP; registers with a set bit in `list`, the lowest at the lowest address.
    pub(super) fn load_multiple(
        &mut self,
        bus: &mut Bus<impl Memory>,
        base: usize,
        list: u16,
        writes_back: bool,
        down: bool,
    ) -> Executed {
        let size = 4 * list.count_ones();
        let start = self.read(base);
        let mut address = if down { start.wrapping_sub(size) } else { start };
        let end = if down { address } else { start.wrapping_add(size) };
        let mut values = [0; 16];
        for number in (0..16).filter(|number| list >> number & 1 != 0) {
            values[number] = load_aligned(bus, address)?;
            address = address.wrapping_add(4);
        }
        if writes_back {
            self.write(base, end);
        }
        for number in (0..PC).filter(|number| list >> number & 1 != 0) {
            self.write(number, values[number]);
        }
        if list >> PC & 1 != 0 {
            self.branch_exchange(values[PC]);
        }
        Ok(())
    }

    /// STM, STMDB and PUSH.
    pub(super) fn store_multiple(
        &mut self,
        bus: &mut Bus<impl Memory>,
        base: usize,
        list: u16,
        writes_back: bool,
        down: bool,
    ) -> Executed {
        let size = 4 * list.count_ones();
        let start = self.read(base);
        let mut address = if down { start.wrapping_sub(size) } else { start };
        let end = if down { address } else { start.wrapping_add(size) };
        for number in (0..PC).filter(|number| list >> number & 1 != 0) {
            store_aligned(bus, address, self.registers[number])?;
            address = address.wrapping_add(4);
        }
        if writes_back {
            self.write(base, end);
        }
        Ok(())
    }

    /// LDM/STM, LDRD/STRD, exclusives and table branches: A5.3.5 and A5.3.6.
    pub(super) fn load_store_many(&mut self, bus: &mut Bus<impl Memory>, first: u16, second: u16) -> Executed {
        let (base, _) = operands(first, second);
        let (add, writes_back) = (first & 0x80 != 0, first & 0x20 != 0);
        if first & 0x40 != 0 {
            return self.dual_or_exclusive(bus, first, second);
        }
        let down = !add;
        if add == (first & 0x100 != 0) {
            return Err(Trap::Undefined);
        }
        if first & 0x10 != 0 {
            self.load_multiple(bus, base, second, writes_back, down)
        } else {
            self.store_multiple(bus, base, second, writes_back, down)
        }
    }

    fn dual_or_exclusive(&mut self, bus: &mut Bus<impl Memory>, first: u16, second: u16) -> Executed {
        let (base, register) = operands(first, second);
        let other = usize::from(second >> 8 & 0xf);
        let offset = u32::from(second & 0xff) << 2;
        if first & 0x120 != 0 {
            return self.dual(bus, first, base, [register, other], offset);
        }
        match (first >> 4 & 0xf, second >> 4 & 0xf) {
            (4, _) => {
                let address = self.read(base).wrapping_add(offset);
                if self.exclusive {
                    store_aligned(bus, address, self.read(register))?;
                }
                self.write(other, u32::from(!self.exclusive));
                self.exclusive = false;
            }
            (5, _) => {
                let value = load_aligned(bus, self.read(base).wrapping_add(offset))?;
                self.write(register, value);
                self.exclusive = true;
            }
            (0xc, kind @ (4 | 5)) => {
                let size = if kind == 4 { Size::Byte } else { Size::Half };
                let result = usize::from(second & 0xf);
                if self.exclusive {
                    store(bus, self.read(base), size, self.read(register))?;
                }
                self.write(result, u32::from(!self.exclusive));
                self.exclusive = false;
            }
            (0xd, kind @ (4 | 5)) => {
                let size = if kind == 4 { Size::Byte } else { Size::Half };
                let value = load(bus, self.read(base), size)?;
                self.write(register, value);
                self.exclusive = true;
            }
            (0xd, kind @ (0 | 1)) => {
                let index = self.read(usize::from(second & 0xf)) << kind;
                let size = if kind == 0 { Size::Byte } else { Size::Half };
                let entry = load(bus, self.read(base).wrapping_add(index), size)?;
                self.next = self.read(PC).wrapping_add(2 * entry);
            }
            _ => return Err(Trap::Undefined),
        }
        Ok(())
    }

    fn dual(&mut self, bus: &mut Bus<impl Memory>, first: u16, base: usize, pair: [usize; 2], offset: u32) -> Executed {
        let start = if base == PC { self.read(PC) & !3 } else { self.read(base) };
        let moved = if first & 0x80 != 0 { start.wrapping_add(offset) } else { start.wrapping_sub(offset) };
        let address = if first & 0x100 != 0 { moved } else { start };
        if first & 0x10 != 0 {
            let low = load_aligned(bus, address)?;
            let high = load_aligned(bus, address.wrapping_add(4))?;
            self.write(pair[0], low);
            self.write(pair[1], high);
        } else {
            store_aligned(bus, address, self.read(pair[0]))?;
            store_aligned(bus, address.wrapping_add(4), self.read(pair[1]))?;
        }
        if first & 0x20 != 0 {
            self.write(base, moved);
        }
        Ok(())
    }

    /// LDR, STR and their byte, half-word and signed forms: A5.3.7 to A5.3.10.
    pub(super) fn load_store_single(&mut self, bus: &mut Bus<impl Memory>, first: u16, second: u16) -> Executed {
        let (base, register) = operands(first, second);
        let size = match first >> 5 & 3 {
            0 => Size::Byte,
            1 => Size::Half,
            2 => Size::Word,
            _ => return Err(Trap::Undefined),
        };
        let (is_load, signed) = (first & 0x10 != 0, first & 0x100 != 0);
        if signed && (!is_load || size == Size::Word) {
            return Err(Trap::Undefined);
        }
        let start = self.read(base);
        let wide = u32::from(second & 0xfff);
        let narrow = u32::from(second & 0xff);
        let mut written_back = None;
        let address = if base == PC && is_load {
            let start = start & !3;
            if first & 0x80 != 0 { start.wrapping_add(wide) } else { start.wrapping_sub(wide) }
        } else if first & 0x80 != 0 {
            start.wrapping_add(wide)
        } else if second & 0x800 != 0 {
            let moved = if second & 0x200 != 0 { start.wrapping_add(narrow) } else { start.wrapping_sub(narrow) };
            if second & 0x100 != 0 {
                written_back = Some(moved);
            }
            if second & 0x400 != 0 { moved } else { start }
        } else if second & 0x7c0 == 0 {
            let index = self.read(usize::from(second & 0xf));
            start.wrapping_add(index << (second >> 4 & 3))
        } else {
            return Err(Trap::Undefined);
        };
        if !is_load {
            store(bus, address, size, self.read(register))?;
        } else if register == PC && size != Size::Word {
            // PLD and PLI: hints.
            return Ok(());
        } else {
            let value = load(bus, address, size)?;
            if let Some(moved) = written_back.take() {
                self.write(base, moved);
            }
            match (register, signed) {
                (PC, _) => self.branch_exchange(value),
                (_, true) => self.write(register, sign_extend(value, 8 * size.bytes())),
                (_, false) => self.write(register, value),
            }
        }
        if let Some(moved) = written_back {
            self.write(base, moved);
        }
        Ok(())
    }

    /// BL: the return address, with the Thumb bit.
    pub(super) fn link(&mut self) {
        self.registers[LR] = self.next | 1;
    }

    /// The word at the top of the stack, `index` words up.
    pub(super) fn stacked(&self, bus: &mut Bus<impl Memory>, index: u32) -> Result<u32, Trap> {
        let address = self.registers[SP].wrapping_add(4 * index);
        bus.core_read(address, Size::Word).map_err(|_| Trap::Unstacking)
    }
}
