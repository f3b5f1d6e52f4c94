//! The loadable segments of an ELF file: what is needed to put a program into a chip.
//!
//! Tool Interface Standard, Executable and Linking Format 1.2, figures 1-3 (file header) and 2-1
//! (program header).

use std::fmt;
use std::ops::Range;

const MAGIC: &[u8] = b"\x7fELF\x01\x01";
const PT_LOAD: u32 = 1;
const MACHINE_OFFSET: usize = 18;
const PROGRAM_HEADERS_OFFSET: usize = 28;
const PROGRAM_HEADER_SIZE_OFFSET: usize = 42;
const PROGRAM_HEADER_COUNT_OFFSET: usize = 44;

/// The numbers of the machines in the file header (`e_machine`).
pub(crate) const MACHINE_ARM: u16 = 40;
pub(crate) const MACHINE_RISCV: u16 = 243;

/// Why a file cannot be loaded into a chip.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// use virtual_chip::LoadError;
///
/// assert!(matches!(chip.try_load_elf(b"").unwrap_err(), LoadError::NotElf));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is not a 32-bit little-endian ELF file, or it is incomplete.
    NotElf,
    /// The file holds a program for another kind of machine.
    #[non_exhaustive]
    WrongMachine {
        /// The number of the machine in the file (`e_machine`): 40 is Arm, 243 is RISC-V.
        machine: u16,
    },
    /// The file has no bytes to load.
    Empty,
    /// A segment is loaded to addresses that the chip's program memory lacks.
    #[non_exhaustive]
    OutsideMemory {
        /// The first address of the segment.
        address: u32,
        /// The number of bytes of the segment.
        length: usize,
        /// The addresses of the program memory.
        memory: Range<u32>,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => f.write_str("not a complete 32-bit little-endian ELF file"),
            Self::WrongMachine { machine } => {
                write!(f, "the program is for another machine: e_machine is {machine} (40 is Arm, 243 is RISC-V)")
            }
            Self::Empty => f.write_str("the ELF file has no segment to load"),
            Self::OutsideMemory { address, length, memory } => write!(
                f,
                "a segment of {length} bytes at {address:#010x} is outside of the program memory {:#010x}..{:#010x}",
                memory.start, memory.end
            ),
        }
    }
}

impl std::error::Error for LoadError {}

/// What is loaded to one place.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    /// The physical address: where the bytes are loaded.
    pub(crate) address: u32,
    pub(crate) bytes: &'a [u8],
}

/// Returns the segments that hold bytes, all of them inside `memory`.
pub(crate) fn segments<'a>(file: &'a [u8], machine: u16, memory: &Range<u32>) -> Result<Vec<Segment<'a>>, LoadError> {
    let segments = read_segments(file, machine)?;
    if segments.is_empty() {
        return Err(LoadError::Empty);
    }
    for Segment { address, bytes } in &segments {
        let start = u64::from(*address);
        let end = start + bytes.len() as u64;
        if start < u64::from(memory.start) || end > u64::from(memory.end) {
            return Err(LoadError::OutsideMemory { address: *address, length: bytes.len(), memory: memory.clone() });
        }
    }
    Ok(segments)
}

fn read_segments(file: &[u8], machine: u16) -> Result<Vec<Segment<'_>>, LoadError> {
    if !file.starts_with(MAGIC) {
        return Err(LoadError::NotElf);
    }
    let found = half(file, MACHINE_OFFSET)?;
    if found != machine {
        return Err(LoadError::WrongMachine { machine: found });
    }
    let headers = word(file, PROGRAM_HEADERS_OFFSET)? as usize;
    let size = usize::from(half(file, PROGRAM_HEADER_SIZE_OFFSET)?);
    let count = usize::from(half(file, PROGRAM_HEADER_COUNT_OFFSET)?);
    let mut segments = Vec::new();
    for index in 0..count {
        let header = file.get(headers..).and_then(|rest| rest.get(index * size..)).ok_or(LoadError::NotElf)?;
        let (kind, start, address, length) = (word(header, 0)?, word(header, 4)?, word(header, 12)?, word(header, 16)?);
        if kind == PT_LOAD && length != 0 {
            let bytes = file.get(start as usize..).and_then(|rest| rest.get(..length as usize));
            segments.push(Segment { address, bytes: bytes.ok_or(LoadError::NotElf)? });
        }
    }
    Ok(segments)
}

fn half(file: &[u8], at: usize) -> Result<u16, LoadError> {
    match file.get(at..).unwrap_or_default() {
        [a, b, ..] => Ok(u16::from_le_bytes([*a, *b])),
        _ => Err(LoadError::NotElf),
    }
}

fn word(file: &[u8], at: usize) -> Result<u32, LoadError> {
    match file.get(at..).unwrap_or_default() {
        [a, b, c, d, ..] => Ok(u32::from_le_bytes([*a, *b, *c, *d])),
        _ => Err(LoadError::NotElf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VirtualChip;
    use crate::firmware;

    #[test]
    fn code_and_initial_data_of_a_program_are_loaded_into_flash() {
        let segments = segments(firmware::newlib::HELLO, MACHINE_ARM, &VirtualChip::FLASH).unwrap();
        let [code, data] = &segments[..] else { panic!("{} segments", segments.len()) };
        assert_eq!(code.address, firmware::START);
        assert_eq!(data.address, code.address + code.bytes.len() as u32);
        assert_eq!(code.bytes[..4], firmware::INITIAL_SP.to_le_bytes());
    }

    #[test]
    fn a_file_that_ends_early_is_refused_wherever_it_ends() {
        let file = firmware::newlib::HELLO;
        let whole = segments(file, MACHINE_ARM, &VirtualChip::FLASH).unwrap();
        let needed = whole.iter().map(|segment| segment.bytes.as_ptr_range().end as usize).max().unwrap()
            - file.as_ptr() as usize;
        for length in (0..200).chain([needed / 2, needed - 1]) {
            let outcome = segments(&file[..length], MACHINE_ARM, &VirtualChip::FLASH);
            assert_eq!(outcome.unwrap_err(), LoadError::NotElf, "{length} bytes");
        }
        assert!(segments(&file[..needed], MACHINE_ARM, &VirtualChip::FLASH).is_ok());
    }

    #[test]
    fn garbage_in_the_headers_never_panics() {
        let file = firmware::newlib::ABORT;
        for at in 4..128 {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut garbled = file.to_vec();
                garbled[at] = value;
                let _ = segments(&garbled, MACHINE_ARM, &VirtualChip::FLASH);
            }
        }
    }

    #[test]
    fn a_program_for_another_machine_or_place_is_refused() {
        let file = firmware::newlib::HELLO;
        let other = segments(file, MACHINE_RISCV, &VirtualChip::FLASH).unwrap_err();
        assert_eq!(other, LoadError::WrongMachine { machine: MACHINE_ARM });
        let elsewhere = segments(file, MACHINE_ARM, &VirtualChip::RAM).unwrap_err();
        assert!(matches!(elsewhere, LoadError::OutsideMemory { address: firmware::START, .. }), "{elsewhere}");
        assert!(elsewhere.to_string().contains("at 0x08000000 is outside of"), "{elsewhere}");
    }
}
