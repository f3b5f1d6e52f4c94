//! Core dumps: registers and memory in a file that a debugger opens.

mod elf;

use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use crate::crash::Survey;
use crate::error::{Error, InvalidArgument, Result, TargetError};
use crate::new_file::NewFile;
use crate::target::Target;
use crate::target::kind::CoreKind;
use elf::Core;

/// Program headers that an ELF file can have, one of them for the registers (`PN_XNUM` says that
/// there are more).
const MOST_RANGES: usize = 0xfffe - 1;

impl Target<'_> {
    /// Writes an ELF core file with the registers of a halted target and the contents of these
    /// ranges of memory.
    ///
    /// GDB opens it beside the firmware (`gdb-multiarch firmware.elf core`) and shows registers,
    /// variables, and the calls. Give the whole RAM of the chip as ranges. Memory whose contents
    /// are in the firmware's file is not needed. The registers are those of a program: R0 to R12,
    /// SP, LR, PC and xPSR of a Cortex-M, the 32 general registers and `pc` of a RISC-V hart.
    ///
    /// The target must be halted, and reading changes nothing on it. The file appears when it is
    /// complete: it is written under another name in the same directory, and an error leaves an
    /// existing file as it was.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], also if the target was resumed meanwhile; [`TargetError::Resumed`]
    /// if it is halted again.
    /// [`TargetError::MemoryRead`] if a part of a range cannot be read. [`TargetError::File`] if
    /// the file cannot be written. [`TargetError::InvalidArgument`] for ranges that are empty or
    /// overlap, [`TargetError::Unsupported`] for targets that are neither a Cortex-M nor a RISC-V
    /// hart.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # let directory = std::env::temp_dir();
    /// let ram = 0x2000_0000..0x2000_5000;
    /// session.target().halt()?;
    /// let path = directory.join(format!("{}.core", std::process::id()));
    /// session.target().core_dump(&path, &[ram])?;
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn core_dump(&self, path: impl AsRef<Path>, ranges: &[Range<u64>]) -> Result<()> {
        check(ranges)?;
        let survey = Survey::of(self, &elf::CORTEX_M, &elf::RISCV, &[], &[])?;
        let halt = survey.must_be_halted("core_dump")?;
        let is_cortex_m = match survey.kind {
            CoreKind::CortexM => true,
            CoreKind::RiscV => false,
            CoreKind::Other => return Err(survey.unsupported("core dump")),
        };
        let core = Core::new(is_cortex_m, survey.is_little_endian, &survey.registers)?;
        let head = core.head(ranges).ok_or_else(|| invalid("less than 4 GiB in all on a 32-bit target", ranges))?;
        let path = path.as_ref();
        let failed = |source| TargetError::File { path: path.to_owned(), source };
        let mut file = NewFile::beside(path).map_err(failed)?;
        let mut out = BufWriter::new(file.writer());
        out.write_all(&head).map_err(failed)?;
        for range in ranges {
            self.memory().dump_to(range.start, range.end - range.start, &mut out).map_err(|error| match error {
                Error::Target(TargetError::Stream { source, .. }) => failed(source).into(),
                other => other,
            })?;
        }
        out.flush().map_err(failed)?;
        drop(out);
        // Another client may have resumed the target, and what was read then does not belong
        // together.
        halt.check(self)?;
        file.complete().map_err(failed)?;
        Ok(())
    }
}

fn check(ranges: &[Range<u64>]) -> Result<()> {
    if ranges.len() > MOST_RANGES {
        return Err(invalid("at most 65533", &[]));
    }
    if ranges.iter().any(|range| range.start >= range.end) {
        return Err(invalid("each with an end beyond its start", ranges));
    }
    let mut sorted: Vec<_> = ranges.iter().collect();
    sorted.sort_by_key(|range| range.start);
    if sorted.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err(invalid("none that overlaps another", ranges));
    }
    Ok(())
}

fn invalid(expected: &'static str, ranges: &[Range<u64>]) -> crate::error::Error {
    let given: Vec<_> = ranges.iter().map(|range| format!("{:#x}..{:#x}", range.start, range.end)).collect();
    let given = if given.is_empty() { "more".to_owned() } else { given.join(", ") };
    TargetError::from(InvalidArgument::new("ranges of memory", expected, given)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::reversed_empty_ranges, clippy::single_range_in_vec_init, reason = "this is what is refused")]
    fn empty_and_overlapping_ranges_are_refused() {
        for (ranges, text) in [
            (vec![4..4], "invalid ranges of memory: expected each with an end beyond its start, got 0x4..0x4"),
            (vec![8..4], "invalid ranges of memory: expected each with an end beyond its start, got 0x8..0x4"),
            (
                vec![8..16, 0..9],
                "invalid ranges of memory: expected none that overlaps another, got 0x8..0x10, 0x0..0x9",
            ),
        ] {
            assert_eq!(check(&ranges).unwrap_err().to_string(), text);
        }
        assert!(check(&[8..16, 0..8]).is_ok());
        assert!(check(&[]).is_ok());
    }
}
