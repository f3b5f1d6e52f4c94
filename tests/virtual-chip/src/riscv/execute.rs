//! The instructions of RV32I and Zicsr: instruction set manual, volume I, chapters 2 and 9.

use super::hart::Hart;
use super::triggers::Event;

/// The width of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Byte,
    Half,
    Word,
}

impl Width {
    pub(crate) fn bytes(self) -> u32 {
        1 << self as u32
    }
}

/// Why an instruction traps; the values are those of mcause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exception {
    InstructionFault = 1,
    Illegal = 2,
    Breakpoint = 3,
    LoadMisaligned = 4,
    LoadFault = 5,
    StoreMisaligned = 6,
    StoreFault = 7,
    EnvironmentCall = 11,
}

/// The outcome of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Execution continues at this address.
    Next(u32),
    /// WFI.
    Wait,
    /// A trigger fired before the load or store.
    Triggered,
}

/// The immediates of the formats I, S, B and J.
fn immediate_i(code: u32) -> u32 {
    (code as i32 >> 20) as u32
}

fn immediate_s(code: u32) -> u32 {
    immediate_i(code) & !0x1f | code >> 7 & 0x1f
}

fn immediate_b(code: u32) -> u32 {
    immediate_i(code) & !0xfff | code << 4 & 0x800 | code >> 20 & 0x7e0 | code >> 7 & 0x1e
}

fn immediate_j(code: u32) -> u32 {
    immediate_i(code) & !0x000f_ffff | code & 0x000f_f000 | code >> 9 & 0x800 | code >> 20 & 0x7fe
}

impl Hart {
    /// Executes one instruction at the PC; `triggers` says whether triggers may fire (not in debug
    /// mode).
    pub(super) fn execute(&mut self, code: u32, triggers: bool) -> Result<Outcome, Exception> {
        let (a, b) = (self.registers[(code >> 15 & 0x1f) as usize], self.registers[(code >> 20 & 0x1f) as usize]);
        let function = code >> 12 & 7;
        let mut next = self.pc.wrapping_add(4);
        let result = match code & 0x7f {
            0x37 => Some(code & 0xffff_f000),
            0x17 => Some(self.pc.wrapping_add(code & 0xffff_f000)),
            0x6f => {
                let link = next;
                next = self.pc.wrapping_add(immediate_j(code));
                Some(link)
            }
            0x67 if function == 0 => {
                let link = next;
                next = a.wrapping_add(immediate_i(code)) & !1;
                Some(link)
            }
            0x63 => {
                if branches(function, a, b)? {
                    next = self.pc.wrapping_add(immediate_b(code));
                }
                None
            }
            0x03 => {
                let address = a.wrapping_add(immediate_i(code));
                let width = width(function & 3)?;
                if triggers && self.triggers.fires(Event::Load, address, width.bytes()) {
                    return Ok(Outcome::Triggered);
                }
                if address % width.bytes() != 0 {
                    return Err(Exception::LoadMisaligned);
                }
                let value = self.read_memory(address, width).ok_or(Exception::LoadFault)?;
                Some(match function {
                    0 => value as u8 as i8 as u32,
                    1 => value as u16 as i16 as u32,
                    _ => value,
                })
            }
            0x23 => {
                let address = a.wrapping_add(immediate_s(code));
                let width = width(function)?;
                if triggers && self.triggers.fires(Event::Store, address, width.bytes()) {
                    return Ok(Outcome::Triggered);
                }
                if address % width.bytes() != 0 {
                    return Err(Exception::StoreMisaligned);
                }
                self.write_memory(address, width, b).ok_or(Exception::StoreFault)?;
                None
            }
            0x13 => {
                let shifts = function & 3 == 1;
                Some(operate(function, shifts && code >> 30 & 1 != 0, a, immediate_i(code))?)
            }
            0x33 if code >> 25 & 0x5f == 0 => {
                let alternative = code >> 30 & 1 != 0;
                let value = if alternative && function == 0 {
                    a.wrapping_sub(b)
                } else {
                    operate(function, alternative, a, b)?
                };
                Some(value)
            }
            // FENCE and FENCE.I: nothing is out of order here.
            0x0f => None,
            0x73 if function != 0 => Some(self.csr(code, function, a)?),
            0x73 => match code >> 20 {
                0x000 => return Err(Exception::EnvironmentCall),
                0x001 => return Err(Exception::Breakpoint),
                0x105 => return Ok(Outcome::Wait),
                0x302 => return Ok(Outcome::Next(self.exception_pc())),
                _ => return Err(Exception::Illegal),
            },
            _ => return Err(Exception::Illegal),
        };
        let target = (code >> 7 & 0x1f) as usize;
        if let (Some(value), 1..) = (result, target) {
            self.registers[target] = value;
        }
        Ok(Outcome::Next(next))
    }

    /// Executes CSRRW, CSRRS, CSRRC and their immediate forms; returns the old value.
    fn csr(&mut self, code: u32, function: u32, a: u32) -> Result<u32, Exception> {
        let csr = (code >> 20) as u16;
        let source = code >> 15 & 0x1f;
        let operand = if function & 4 != 0 { source } else { a };
        let old = self.read_csr(csr).ok_or(Exception::Illegal)?;
        let new = match function & 3 {
            1 => operand,
            2 => old | operand,
            3 => old & !operand,
            _ => return Err(Exception::Illegal),
        };
        if function & 3 == 1 || source != 0 {
            self.write_csr(csr, new).ok_or(Exception::Illegal)?;
        }
        Ok(old)
    }
}

fn width(code: u32) -> Result<Width, Exception> {
    match code {
        0 => Ok(Width::Byte),
        1 => Ok(Width::Half),
        2 => Ok(Width::Word),
        _ => Err(Exception::Illegal),
    }
}

fn branches(function: u32, a: u32, b: u32) -> Result<bool, Exception> {
    let met = match function >> 1 {
        0 => a == b,
        2 => (a as i32) < (b as i32),
        3 => a < b,
        _ => return Err(Exception::Illegal),
    };
    Ok(met != (function & 1 != 0))
}

/// The operations of OP and OP-IMM; `alternative` makes SRL an SRA.
fn operate(function: u32, alternative: bool, a: u32, b: u32) -> Result<u32, Exception> {
    let amount = b & 0x1f;
    Ok(match (function, alternative) {
        (0, false) => a.wrapping_add(b),
        (1, false) => a << amount,
        (2, false) => u32::from((a as i32) < (b as i32)),
        (3, false) => u32::from(a < b),
        (4, false) => a ^ b,
        (5, false) => a >> amount,
        (5, true) => (a as i32 >> amount) as u32,
        (6, false) => a | b,
        (7, false) => a & b,
        _ => return Err(Exception::Illegal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::riscv::new_ram;

    fn after(code: u32, setup: impl FnOnce(&mut Hart)) -> Hart {
        let mut hart = Hart::new(0, new_ram());
        setup(&mut hart);
        let Ok(Outcome::Next(next)) = hart.execute(code, false) else {
            panic!("{code:#010x} did not complete");
        };
        hart.pc = next;
        hart
    }

    #[test]
    fn immediates_have_their_bits_in_order() {
        assert_eq!(immediate_i(0xfff0_0093), u32::MAX, "addi x1, x0, -1");
        assert_eq!(immediate_s(0xfe11_2e23), -4_i32 as u32, "sw x1, -4(x2)");
        assert_eq!(immediate_b(0xfe00_0ee3), -4_i32 as u32, "beq x0, x0, .-4");
        assert_eq!(immediate_b(0x0000_0863), 16, "beq x0, x0, .+16");
        assert_eq!(immediate_j(0xffdf_f06f), -4_i32 as u32, "j .-4");
        assert_eq!(immediate_j(0x0010_006f), 0x800, "j .+2048");
    }

    #[test]
    fn arithmetic_gives_the_right_results() {
        let negative = |hart: &mut Hart| hart.registers[1] = 0x8000_0000;
        assert_eq!(after(0x4040_d113, negative).registers[2], 0xf800_0000, "srai x2, x1, 4");
        assert_eq!(after(0x0040_d113, negative).registers[2], 0x0800_0000, "srli x2, x1, 4");
        assert_eq!(after(0x4010_0133, negative).registers[2], 0x8000_0000, "sub x2, x0, x1");
        assert_eq!(after(0x0000_a133, negative).registers[2], 1, "slt x2, x1, x0");
        assert_eq!(after(0x0010_0013, negative).registers[0], 0, "addi x0, x0, 1");
    }

    #[test]
    fn a_jump_links_and_a_byte_is_sign_extended() {
        let hart = after(0x0100_00ef, |_| {});
        assert_eq!((hart.registers[1], hart.pc), (0x8000_0004, 0x8000_0010), "jal x1, .+16");
        let hart = after(0x0001_0083, |hart| {
            hart.registers[2] = 0x8000_0100;
            hart.write_memory(0x8000_0100, Width::Byte, 0x80).unwrap();
        });
        assert_eq!(hart.registers[1], 0xffff_ff80, "lb x1, 0(x2)");
    }

    #[test]
    fn unknown_instructions_and_registers_are_illegal() {
        let mut hart = Hart::new(0, new_ram());
        assert_eq!(hart.execute(0, true), Err(Exception::Illegal));
        assert_eq!(hart.execute(0x7ff0_2573, true), Err(Exception::Illegal), "csrr a0, 0x7ff");
        assert_eq!(hart.execute(0x0220_8133, true), Err(Exception::Illegal), "mul x2, x1, x2");
        assert_eq!(hart.execute(0x0000_2003, true), Err(Exception::LoadFault), "lw x0, 0(x0)");
    }
}
