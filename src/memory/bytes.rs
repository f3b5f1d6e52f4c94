//! Bytes of any address and length, moved with aligned accesses of 32 bits, and of 8 bits at the
//! edges.

use super::Memory;
use super::access::{Access, display_command, read_command, write_command};
use super::display;
use crate::command::Script;
use crate::error::Result;
use crate::progress::ProgressReport;
use crate::types::Phase;
use crate::wire::tcl;

/// The bytes of one 32-bit access.
const WORD: usize = 4;

/// A range cut at word boundaries: bytes up to the first, whole words, the bytes that remain.
///
/// ```text
///   address 0x101, 8 bytes:   101 102 103 | 104..108 | 108
///                              head: 3      words: 1   tail: 1
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    head: usize,
    words: usize,
    tail: usize,
}

impl Cut {
    fn of(address: u64, length: usize) -> Self {
        let past_boundary = offset_in_word(address);
        let head = ((WORD - past_boundary) % WORD).min(length);
        let rest = length - head;
        Cut { head, words: rest / WORD, tail: rest % WORD }
    }

    /// Address, width in bits and count of each access that is not empty.
    fn accesses(self, address: u64) -> impl Iterator<Item = (u64, u32, usize)> {
        // An empty part at the end of the address space would begin beyond it.
        let words_at = address.wrapping_add(self.head as u64);
        let tail_at = words_at.wrapping_add((self.words * WORD) as u64);
        let all = [(address, 8, self.head), (words_at, 32, self.words), (tail_at, 8, self.tail)];
        all.into_iter().filter(|(_, _, count)| *count > 0)
    }
}

/// Bytes by 32-bit accesses where those are aligned, and by 8-bit ones before and after.
pub(crate) struct Bytes;

impl Access for Bytes {
    type Item = u8;
    const ACCESS_BYTES: usize = WORD;

    fn read(script: Script, address: u64, count: usize, option: &'static str) -> Script {
        let script = script.and_call("read_bytes").list([option].iter().filter(|option| !option.is_empty()));
        Cut::of(address, count).accesses(address).fold(script, |script, (at, bits, count)| {
            script.literal(display_command(bits)).hex(at).number(count as u64)
        })
    }

    /// Reads `ENDIANNESS {LINES} …`, lines for each access of the cut.
    fn decode(answer: &[u8], address: u64, values: &mut [u8]) -> Option<()> {
        let mut lists = tcl::elements(answer);
        let [endianness] = lists.take_array()?;
        let mut rest = &mut *values;
        for (at, bits, count) in Cut::of(address, rest.len()).accesses(address) {
            let [lines] = lists.take_array()?;
            let (part, after) = std::mem::take(&mut rest).split_at_mut_checked(count * (bits as usize / 8))?;
            rest = after;
            if bits == 8 {
                display::decode(&lines, at, part)?;
                continue;
            }
            let mut words = vec![0_u32; count];
            display::decode(&lines, at, &mut words)?;
            for (bytes, word) in part.chunks_exact_mut(WORD).zip(words) {
                bytes.copy_from_slice(&match &*endianness {
                    b"little" => word.to_le_bytes(),
                    b"big" => word.to_be_bytes(),
                    _ => return None,
                });
            }
        }
        lists.next().is_none().then_some(())
    }

    fn write(address: u64, values: &[u8], option: &'static str) -> (Script, String) {
        let mut rest = values;
        let mut script = Script::default();
        for (at, bits, count) in Cut::of(address, values.len()).accesses(address) {
            let (part, after) = rest.split_at(count * (bits as usize / 8));
            rest = after;
            script = if bits == 32 {
                let words = part.chunks_exact(WORD).filter_map(|word| word.try_into().ok()).map(u32::from_le_bytes);
                script.and_call("write_words").hex(at).hex_list(words)
            } else {
                script.and("write_memory").hex(at).number(bits).hex_list(part.iter().copied())
            };
            script = script.literal(option);
        }
        (script.and_call("check_write"), write_command(address, 8, values, option))
    }
}

impl<R: ProgressReport> Memory<'_, R> {
    /// Reads `length` bytes. Changes nothing on the target beyond what reading a peripheral's
    /// register does.
    ///
    /// The vector grows as the bytes arrive.
    ///
    /// # Errors
    /// [`OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before anything is read,
    /// [`MemoryRead`](crate::TargetError::MemoryRead) with the address,
    /// [`NotHalted`](crate::TargetError::NotHalted).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let vectors = session.memory().read_bytes(0x0800_0000, 8)?;
    /// assert_eq!(vectors[..4], 0x2000_5000_u32.to_le_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_bytes(&self, address: u64, length: u64) -> Result<Vec<u8>> {
        self.check(address, 1, length)?;
        let mut tracker = self.begin(Phase::Read, length, address)?;
        let length = clipped(length);
        self.read_vec::<Bytes>(address, length, &read_command(address, 8, length, self.option()), &mut tracker)
    }

    /// Fills `bytes` from the target.
    ///
    /// After an error the slice holds the bytes of the commands before the failing one. The rest of
    /// it is undefined.
    ///
    /// # Errors
    /// The same as [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut stack_pointer = [0; 4];
    /// session.memory().read_bytes_into(0x0800_0000, &mut stack_pointer)?;
    /// assert_eq!(u32::from_le_bytes(stack_pointer), 0x2000_5000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_bytes_into(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.check(address, 1, bytes.len() as u64)?;
        let mut tracker = self.begin(Phase::Read, bytes.len() as u64, address)?;
        let shown = read_command(address, 8, bytes.len(), self.option());
        self.fill::<Bytes>(address, bytes, &shown, &mut self.read_pace::<Bytes>(), &mut tracker)
    }

    /// Writes bytes to the target's memory.
    ///
    /// `Ok` says that the transfers ended without a fault. Memory that ignores writes, such as
    /// flash or ROM, is not noticed: check with [`read_bytes`](Self::read_bytes).
    ///
    /// # Errors
    /// [`OutOfAddressSpace`](crate::TargetError::OutOfAddressSpace) before anything is written,
    /// [`MemoryWrite`](crate::TargetError::MemoryWrite) with the address up to which everything is
    /// written, [`NotHalted`](crate::TargetError::NotHalted).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.memory().write_bytes(0x2000_0001, b"any address, any length")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_bytes(&self, address: u64, bytes: &[u8]) -> Result<()> {
        self.check(address, 1, bytes.len() as u64)?;
        let mut tracker = self.begin(Phase::Write, bytes.len() as u64, address)?;
        self.write_all::<Bytes>(address, bytes, &mut self.write_pace::<Bytes>(), &mut tracker)
    }
}

pub(super) fn clipped(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[allow(clippy::cast_possible_truncation, reason = "the remainder is less than 4")]
pub(super) fn offset_in_word(address: u64) -> usize {
    (address % WORD as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_at_word_boundaries() {
        for (address, length, head, words, tail) in [
            (0x100, 8, 0, 2, 0),
            (0x101, 8, 3, 1, 1),
            (0x103, 1, 1, 0, 0),
            (0x102, 1, 1, 0, 0),
            (0x100, 3, 0, 0, 3),
            (0x101, 3, 3, 0, 0),
            (7, 0, 0, 0, 0),
        ] {
            assert_eq!(Cut::of(address, length), Cut { head, words, tail }, "{address:#x} {length}");
        }
        assert_eq!(
            Cut::of(0x101, 8).accesses(0x101).collect::<Vec<_>>(),
            [(0x101, 8, 3), (0x104, 32, 1), (0x108, 8, 1)]
        );
    }

    #[test]
    fn ranges_may_end_at_the_last_address() {
        assert_eq!(Cut::of(u64::MAX, 1).accesses(u64::MAX).collect::<Vec<_>>(), [(u64::MAX, 8, 1)]);
        assert_eq!(Cut::of(u64::MAX - 3, 4).accesses(u64::MAX - 3).collect::<Vec<_>>(), [(u64::MAX - 3, 32, 1)]);
    }

    #[test]
    fn answers_become_bytes_in_the_order_of_addresses() {
        let mut bytes = [0; 8];
        let answer = b"little {0x00000101: 01 02 03 } {0x00000104: 07060504 } {0x00000108: 08 }";
        Bytes::decode(answer, 0x101, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
        let answer = b"big {0x00000101: 01 02 03 } {0x00000104: 04050607 } {0x00000108: 08 }";
        Bytes::decode(answer, 0x101, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn invalid_answers_are_refused() {
        let (head, words, tail) = ("{0x00000101: 01 02 03 }", "{0x00000104: 00000000 }", "{0x00000108: 00 }");
        for answer in [
            String::new(),
            "little".to_owned(),
            format!("little {{0x00000101: 01 02 }} {words} {tail}"),
            format!("little {head} {words} {{0x00000109: 00 }}"),
            format!("odd {head} {words} {tail}"),
            format!("little {head} {words} {tail} {tail}"),
        ] {
            assert_eq!(Bytes::decode(answer.as_bytes(), 0x101, &mut [0; 8]), None, "{answer:?}");
        }
    }

    #[test]
    fn scripts_move_words_and_the_bytes_at_the_edges() {
        let prefix = crate::procedures::prefix();
        let script = Bytes::read(Script::default(), 0x101, 8, "phys");
        assert_eq!(script.as_str(), format!("{prefix}read_bytes [list phys] mdb 0x101 3 mdw 0x104 1 mdb 0x108 1"));
        let (script, shown) = Bytes::write(0x102, &[1, 2, 3, 4, 5, 6, 7], "");
        let words =
            format!("{prefix}write_words 0x104 {{0x6050403}}\nwrite_memory 0x108 8 {{0x7}}\n{prefix}check_write");
        assert_eq!(script.as_str(), format!("write_memory 0x102 8 {{0x1 0x2}}\n{words}"));
        assert_eq!(shown, "write_memory 0x102 8 {0x1 0x2 0x3 0x4 0x5 0x6 0x7}");
    }
}
