//! The loadable segments of an ELF file: just enough for the programs of ours.
//!
//! Tool Interface Standard, Executable and Linking Format 1.2, figures 1-3 (file header) and 2-1
//! (program header).

const MAGIC: &[u8] = b"\x7fELF\x01\x01";
const PT_LOAD: u32 = 1;

/// What is loaded to one place.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    /// The physical address: where the bytes are loaded.
    pub(crate) address: u32,
    pub(crate) bytes: &'a [u8],
}

/// Returns the segments that hold bytes.
///
/// # Panics
/// When the file is no 32-bit little-endian ELF file.
pub(crate) fn segments(file: &[u8]) -> Vec<Segment<'_>> {
    assert!(file.starts_with(MAGIC), "this is no 32-bit little-endian ELF file");
    let half = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
    let word = |at: usize| u32::from_le_bytes([file[at], file[at + 1], file[at + 2], file[at + 3]]);
    let (headers, size, count) = (word(28) as usize, half(42), half(44));
    (0..count)
        .map(|index| headers + index * size)
        .filter(|header| word(*header) == PT_LOAD && word(header + 16) != 0)
        .map(|header| {
            let start = word(header + 4) as usize;
            Segment { address: word(header + 12), bytes: &file[start..start + word(header + 16) as usize] }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firmware;

    #[test]
    fn code_and_initial_data_of_a_program_are_loaded_into_flash() {
        let segments = segments(firmware::newlib::HELLO);
        let [code, data] = &segments[..] else { panic!("{} segments", segments.len()) };
        assert_eq!(code.address, firmware::START);
        assert_eq!(data.address, code.address + code.bytes.len() as u32);
        assert_eq!(code.bytes[..4], firmware::INITIAL_SP.to_le_bytes());
    }
}
