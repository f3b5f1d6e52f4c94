//! The head of an ELF core file: headers, registers, and GDB's description of them.
//!
//! System V ABI, chapter 4; the layout of `NT_PRSTATUS` is that of Linux (`struct elf_prstatus`),
//! which GDB also uses for targets without an operating system (`gdb/arm-none-tdep.c`,
//! `gdb/riscv-none-tdep.c`).

use std::fmt::Write as _;
use std::ops::Range;

use crate::error::{Result, TargetError};
use crate::registers::{self, RegisterDump};

/// R0 to R15 and xPSR, which OpenOCD 0.12.0 calls `xPSR` and newer versions `xpsr`.
pub(super) const CORTEX_M: [&str; 18] =
    ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr", "pc", "xPSR", "xpsr"];
/// In the order of the note: x0, which is 0, has its place taken by `pc`.
pub(super) const RISCV: [&str; 32] = [
    "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2",
    "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

const ET_CORE: u16 = 4;
const EM_ARM: u16 = 40;
const EM_RISCV: u16 = 243;
/// Version 5 of the Arm EABI.
const EF_ARM_EABI_VER5: u32 = 0x0500_0000;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_PRSTATUS: u32 = 1;
/// `NT_GDB_TDESC` (`include/elf/common.h` of binutils).
const NT_GDB_TDESC: u32 = 0xff00_0000;
/// Read and write: what it is on the target is not known, and nothing executes it.
const PF_RW: u32 = 6;

/// What goes into a core file beside the memory.
#[derive(Debug)]
pub(super) struct Core {
    is_little_endian: bool,
    is_64_bit: bool,
    machine: u16,
    flags: u32,
    registers: Vec<u64>,
    description: String,
}

impl Core {
    /// An error if a register could not be read.
    pub(super) fn new(is_cortex_m: bool, is_little_endian: bool, dump: &RegisterDump) -> Result<Self> {
        let is_64_bit = dump.get("pc").is_some_and(|pc| pc.value.bits() == 64);
        let (names, machine, flags): (&[&str], _, _) =
            if is_cortex_m { (&CORTEX_M[..16], EM_ARM, EF_ARM_EABI_VER5) } else { (&RISCV, EM_RISCV, 0) };
        let mut registers = names.iter().map(|name| value(dump, &[name])).collect::<Result<Vec<_>>>()?;
        if is_cortex_m {
            registers.push(value(dump, &["xPSR", "xpsr"])?);
        }
        let description = if is_cortex_m { m_profile() } else { riscv(if is_64_bit { 64 } else { 32 }) };
        Ok(Core { is_little_endian, is_64_bit, machine, flags, registers, description })
    }

    /// Everything before the contents of the ranges; `None` if they end beyond what the file's
    /// numbers can express.
    pub(super) fn head(&self, ranges: &[Range<u64>]) -> Option<Vec<u8>> {
        let (header, program_header) = if self.is_64_bit { (64, 56) } else { (52, 32) };
        let notes_at = header + program_header * (1 + ranges.len() as u64);
        let notes = self.notes();
        let mut out = Vec::new();
        out.extend([0x7f, b'E', b'L', b'F', 1 + u8::from(self.is_64_bit), 2 - u8::from(self.is_little_endian), 1]);
        out.resize(16, 0);
        self.half(&mut out, ET_CORE);
        self.half(&mut out, self.machine);
        self.word(&mut out, 1);
        self.address(&mut out, 0)?; // e_entry
        self.address(&mut out, header)?; // e_phoff
        self.address(&mut out, 0)?; // e_shoff
        self.word(&mut out, self.flags);
        for half in [header, program_header, 1 + ranges.len() as u64, 0, 0, 0] {
            self.half(&mut out, u16::try_from(half).ok()?);
        }
        let notes_length = notes.len() as u64;
        self.program_header(&mut out, PT_NOTE, 0, notes_at, 0..notes_length)?;
        let mut at = notes_at + notes_length;
        for range in ranges {
            self.program_header(&mut out, PT_LOAD, PF_RW, at, range.clone())?;
            at = at.checked_add(range.end - range.start)?;
        }
        if !self.is_64_bit && u32::try_from(at).is_err() {
            return None;
        }
        out.extend(notes);
        Some(out)
    }

    fn program_header(&self, out: &mut Vec<u8>, kind: u32, flags: u32, offset: u64, range: Range<u64>) -> Option<()> {
        let length = range.end - range.start;
        self.word(out, kind);
        if self.is_64_bit {
            self.word(out, flags);
        }
        for address in [offset, range.start, 0, length, if kind == PT_LOAD { length } else { 0 }] {
            self.address(out, address)?;
        }
        if !self.is_64_bit {
            self.word(out, flags);
        }
        self.address(out, 1) // p_align
    }

    fn notes(&self) -> Vec<u8> {
        let mut notes = Vec::new();
        self.note(&mut notes, "CORE", NT_PRSTATUS, &self.status());
        let mut description = self.description.clone().into_bytes();
        description.push(0);
        self.note(&mut notes, "GDB", NT_GDB_TDESC, &description);
        notes
    }

    #[allow(clippy::cast_possible_truncation, reason = "a note is a few kilobytes")]
    fn note(&self, out: &mut Vec<u8>, owner: &str, kind: u32, contents: &[u8]) {
        self.word(out, owner.len() as u32 + 1);
        self.word(out, contents.len() as u32);
        self.word(out, kind);
        out.extend(owner.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(contents);
        out.resize(out.len().next_multiple_of(4), 0);
    }

    /// `struct elf_prstatus`: mostly about the process that there is none of.
    fn status(&self) -> Vec<u8> {
        let (process, registers) = if self.is_64_bit { (32, 112) } else { (24, 72) };
        let mut status = vec![0; process];
        self.word(&mut status, 1);
        status.resize(registers, 0);
        for value in &self.registers {
            // Each was read from a register of this width.
            let _ = self.address(&mut status, *value);
        }
        if self.machine == EM_ARM {
            self.word(&mut status, 0); // orig_r0, which only a system call has
        }
        self.word(&mut status, 0); // pr_fpvalid
        let length = if self.is_64_bit { status.len().next_multiple_of(8) } else { status.len() };
        status.resize(length, 0);
        status
    }

    fn half(&self, out: &mut Vec<u8>, value: u16) {
        out.extend(if self.is_little_endian { value.to_le_bytes() } else { value.to_be_bytes() });
    }

    fn word(&self, out: &mut Vec<u8>, value: u32) {
        out.extend(if self.is_little_endian { value.to_le_bytes() } else { value.to_be_bytes() });
    }

    /// A number as wide as an address; `None` if it does not fit.
    fn address(&self, out: &mut Vec<u8>, value: u64) -> Option<()> {
        if !self.is_64_bit {
            self.word(out, u32::try_from(value).ok()?);
        } else if self.is_little_endian {
            out.extend(value.to_le_bytes());
        } else {
            out.extend(value.to_be_bytes());
        }
        Some(())
    }
}

/// The register with the first of the names that the target knows.
fn value(dump: &RegisterDump, names: &[&str]) -> Result<u64> {
    if let Some(value) = names.iter().find_map(|name| dump.get(name)?.value.to_u64()) {
        return Ok(value);
    }
    let unreadable = dump.unreadable.iter().find(|(name, _)| names.contains(&name.as_str()));
    Err(match unreadable {
        Some((name, failure)) => TargetError::Register { name: name.clone(), failure: Box::new(failure.clone()) },
        None => return Err(registers::unknown("the target", &names.join(" or "), &[])),
    }
    .into())
}

/// GDB's description of an M-profile core, without which it takes the program status register for
/// that of another profile.
fn m_profile() -> String {
    let mut registers = String::new();
    for number in 0..=12 {
        let _ = write!(registers, "<reg name=\"r{number}\" bitsize=\"32\"/>");
    }
    format!(
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">\
         <architecture>arm</architecture><feature name=\"org.gnu.gdb.arm.m-profile\">{registers}\
         <reg name=\"sp\" bitsize=\"32\" type=\"data_ptr\"/><reg name=\"lr\" bitsize=\"32\"/>\
         <reg name=\"pc\" bitsize=\"32\" type=\"code_ptr\"/><reg name=\"xpsr\" bitsize=\"32\" regnum=\"25\"/>\
         </feature></target>"
    )
}

fn riscv(bits: u32) -> String {
    let mut registers = format!("<reg name=\"zero\" bitsize=\"{bits}\" type=\"int\" regnum=\"0\"/>");
    for name in &RISCV[1..] {
        let kind = if matches!(*name, "sp" | "gp" | "tp" | "fp") { "data_ptr" } else { "int" };
        let _ = write!(registers, "<reg name=\"{name}\" bitsize=\"{bits}\" type=\"{kind}\"/>");
    }
    format!(
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">\
         <architecture>riscv:rv{bits}</architecture><feature name=\"org.gnu.gdb.riscv.cpu\">{registers}\
         <reg name=\"pc\" bitsize=\"{bits}\" type=\"code_ptr\"/></feature></target>"
    )
}

#[cfg(test)]
mod tests;
