//! The JTAG chain: its TAPs, scans, states, and files of test vectors.

mod ask;
mod bits;
mod chain;
mod new_tap;
mod path;
mod playback;
mod scan_chain;
mod svf;
mod xsvf;

pub use bits::Bits;
pub use chain::Tap;
pub use new_tap::NewTap;
pub use playback::{SvfFile, SvfMismatch, SvfReport, XsvfFile};

use ask::Operation;

use crate::command::Script;
use crate::error::{InvalidArgument, JtagError, Result};
use crate::session::Session;
use crate::types::{EndState, TapState};
use crate::wire::tcl;

/// A view of the JTAG chain, from [`Session::jtag`].
///
/// # Scans and OpenOCD's polling
/// `irscan` puts an instruction into one TAP and BYPASS into all others. `drscan` then shifts
/// through the register that the instruction selected. But OpenOCD polls its targets in the
/// background, which puts other instructions into the TAPs: 0.12.0 before every command. So:
/// - [`scan`](Self::scan) does both with nothing in between.
/// - [`drscan`](Self::drscan) repeats the last [`irscan`](Self::irscan) if anything else has used
///   the chain since.
/// - An instruction that must *stay*, such as EXTEST, needs [`Session::pause_polling`]. Within the
///   pause every scan is one scan and nothing more.
///
/// The instruction that `drscan` repeats is one for all clients of an OpenOCD. It is forgotten at
/// [`arp_init`](Self::arp_init), at a [`pathmove`](Self::pathmove) through Test-Logic-Reset, when a
/// TAP is switched on or off, and after files of test vectors. Raw commands that reset the chain,
/// and resets of targets, are use of the chain like any other: `drscan` repeats the instruction
/// after them.
///
/// Targets need not be halted for any of this. Registers are shifted lowest bit first.
///
/// Sources: IEEE 1149.1; OpenOCD's `irscan`, `drscan`, `runtest`, `pathmove` and the `jtag`
/// commands (`src/jtag/tcl.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use openocd::Bits;
///
/// let jtag = session.jtag();
/// for tap in jtag.scan_chain()? {
///     println!("{tap}"); // stm32f1x.cpu: 0x3ba00477, IR of 4 bits
/// }
///
/// // IDCODE of the boundary scan TAP is instruction 1.
/// let idcode = jtag.scan("stm32f1x.bs", 1, &[Bits::zeros(32)?])?;
/// assert_eq!(idcode[0].to_u64(), Some(0x1641_0041));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Jtag<'a> {
    session: &'a Session,
    end_state: EndState,
}

impl Session {
    /// Returns a view of the JTAG chain.
    pub fn jtag(&self) -> Jtag<'_> {
        Jtag { session: self, end_state: EndState::RunTestIdle }
    }
}

impl Jtag<'_> {
    /// Returns a view whose scans end in `state` (OpenOCD: `-endstate`). The default is
    /// Run-Test/Idle.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::{Bits, EndState};
    ///
    /// let pause = session.pause_polling()?;
    /// // The instruction is shifted in, and takes effect on the way into the next state.
    /// session.jtag().end_state(EndState::PauseIr).irscan("stm32f1x.bs", 2)?;
    /// let pins = session.jtag().drscan("stm32f1x.bs", &[Bits::zeros(232)?])?;
    /// pause.resume()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn end_state(self, end_state: EndState) -> Self {
        Jtag { end_state, ..self }
    }

    /// Puts an instruction into a TAP, and BYPASS into all others (OpenOCD: `irscan`).
    ///
    /// OpenOCD does not check the bits that come out of the instruction registers. So a chain
    /// without power accepts instructions without an error, and then reads as all ones or zeros;
    /// [`arp_init`](Self::arp_init) checks the chain.
    ///
    /// # Errors
    /// Before anything is scanned: [`JtagError::UnknownTap`], [`JtagError::TapDisabled`], and
    /// [`JtagError::ValueTooWide`] for an instruction longer than the TAP's register.
    /// [`JtagError::Refused`] if the adapter fails.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.jtag().irscan("stm32f1x.bs", 2)?; // SAMPLE/PRELOAD
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn irscan(&self, tap: &str, instruction: u64) -> Result<()> {
        let script = Script::call("irscan").word(tap).hex(instruction).number(significant_bits(instruction));
        let script = script.literal(self.end_state.openocd_name());
        let shown = format!("irscan {tap} {instruction:#x}{}", self.shown_end());
        let operation = Operation::on(tap, "scan an instruction into").with_value(instruction);
        self.ask(&script, shown, &operation, |_| Some(()))
    }

    /// Shifts fields through the register that the last [`irscan`](Self::irscan) of this TAP
    /// selected, and returns what came out, field by field (OpenOCD: `drscan`).
    ///
    /// The first field is the nearest to TDO: it goes in and comes out first. Together the fields
    /// should be as long as the register. If they are longer, what was shifted in comes out again
    /// at the end, one bit later for each other TAP in the chain.
    ///
    /// # Errors
    /// Before anything is scanned: [`JtagError::Bypass`] if the last instruction was for another
    /// TAP or is forgotten, [`JtagError::UnknownTap`], [`JtagError::TapDisabled`].
    /// [`JtagError::Refused`] if the adapter fails.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Bits;
    ///
    /// chip.boundary().set_level(3, true);
    /// let jtag = session.jtag();
    /// jtag.irscan("stm32f1x.bs", 2)?; // SAMPLE/PRELOAD
    /// let pins = jtag.drscan("stm32f1x.bs", &[Bits::zeros(8)?, Bits::zeros(224)?])?;
    /// assert_eq!(pins[0].to_u64(), Some(0b1000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drscan(&self, tap: &str, fields: &[Bits]) -> Result<Vec<Bits>> {
        let list = field_words(fields)?;
        let script = Script::call("drscan").word(tap).literal(self.end_state.openocd_name()).list(&list);
        let shown = format!("drscan {tap} {}{}", list.join(" "), self.shown_end());
        self.ask(&script, shown, &Operation::on(tap, "scan data through"), |captured| decode(captured, fields))
    }

    /// Puts an instruction into a TAP and shifts fields through the register that it selects, with
    /// nothing in between (OpenOCD: `irscan`, `drscan`).
    ///
    /// Between the instruction and the data the chain passes Pause-IR, and not Run-Test/Idle.
    ///
    /// # Errors
    /// The errors of [`irscan`](Self::irscan) and [`drscan`](Self::drscan).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::Bits;
    ///
    /// let idcode = session.jtag().scan("stm32f1x.bs", 1, &[Bits::zeros(32)?])?;
    /// assert_eq!(idcode[0].to_u64(), Some(0x1641_0041));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scan(&self, tap: &str, instruction: u64, fields: &[Bits]) -> Result<Vec<Bits>> {
        let list = field_words(fields)?;
        let script = Script::call("scan").word(tap).hex(instruction).number(significant_bits(instruction));
        let script = script.literal(self.end_state.openocd_name()).list(&list);
        let (words, end) = (list.join(" "), self.shown_end());
        let shown = format!("irscan {tap} {instruction:#x} -endstate IRPAUSE; drscan {tap} {words}{end}");
        let operation = Operation::on(tap, "scan").with_value(instruction);
        self.ask(&script, shown, &operation, |captured| decode(captured, fields))
    }

    /// Goes to Run-Test/Idle and stays there for `clocks` cycles of TCK (OpenOCD: `runtest`).
    ///
    /// # Errors
    /// [`JtagError::InvalidArgument`] for 2^31 clocks and more, before anything is sent.
    /// [`JtagError::Refused`] if the adapter fails.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.jtag().runtest(100)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn runtest(&self, clocks: u32) -> Result<()> {
        // OpenOCD counts in signed numbers: 0.12.0 runs no clock at all for a larger one, and says
        // nothing.
        if i32::try_from(clocks).is_err() {
            let invalid = InvalidArgument::new("number of clocks", "less than 0x80000000", format!("{clocks:#x}"));
            return Err(JtagError::from(invalid).into());
        }
        let command = Script::command("runtest").number(clocks);
        let shown = command.as_str().to_owned();
        let script = Script::call("keep_instruction").script(&command);
        self.ask(&script, shown, &Operation::of("run the clock"), |_| Some(()))
    }

    /// Walks through the states of the TAP controllers (OpenOCD: `pathmove`).
    ///
    /// The chain goes to the first state by the shortest way, then from each state of the path to
    /// the next by one clock. The first and the last state must be [stable](TapState::is_stable). A
    /// path may have any length: OpenOCD gets it in pieces of up to eight states, which must end in
    /// stable states. From a stable state on, Test-Logic-Reset can be reached by TMS high alone.
    ///
    /// # Errors
    /// Before anything is sent: [`JtagError::IllegalTransition`], [`JtagError::UnstablePath`],
    /// [`JtagError::LongPath`], [`JtagError::EmptyPath`]. [`JtagError::Refused`] if the adapter
    /// fails.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::TapState::*;
    ///
    /// session.jtag().pathmove(&[RunTestIdle, SelectDrScan, CaptureDr, Exit1Dr, PauseDr])?;
    /// let error = session.jtag().pathmove(&[RunTestIdle, ShiftDr]).unwrap_err();
    /// assert!(error.to_string().contains("RUN/IDLE leads to RUN/IDLE and DRSELECT"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pathmove(&self, path: &[TapState]) -> Result<()> {
        let commands = path::pieces(path)?.into_iter().fold(Script::default(), |script, piece| {
            piece.iter().fold(script.and("pathmove"), |script, state| script.literal(state.openocd_name()))
        });
        let shown = commands.as_str().replace('\n', "; ");
        let script = if path.contains(&TapState::TestLogicReset) {
            Script::call("reset_by").script(&commands)
        } else {
            Script::call("keep_instruction").script(&commands)
        };
        self.ask(&script, shown, &Operation::of("walk through the TAP states"), |_| Some(()))
    }

    fn shown_end(&self) -> String {
        match self.end_state {
            EndState::RunTestIdle => String::new(),
            other => format!(" -endstate {}", other.openocd_name()),
        }
    }
}

fn significant_bits(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// `32 0x00000000 5 0x1f`
fn field_words(fields: &[Bits]) -> Result<Vec<String>, JtagError> {
    if fields.is_empty() {
        return Err(InvalidArgument::new("list of fields to scan", "at least one field", "none").into());
    }
    Ok(fields.iter().flat_map(|field| [field.len().to_string(), field.to_string()]).collect())
}

/// Reads what `drscan` returns: as many numbers as there are fields, without `0x`, separated by
/// blanks or, since 2025, by newlines.
fn decode(captured: &[u8], fields: &[Bits]) -> Option<Vec<Bits>> {
    let mut numbers = tcl::text(captured)?.split_whitespace();
    let decoded: Option<_> = fields.iter().map(|field| Bits::parse_hex(numbers.next()?, field.len())).collect();
    if numbers.next().is_some() { None } else { decoded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captured_fields_of_both_generations_are_read() {
        let fields = [Bits::zeros(4).unwrap(), Bits::zeros(32).unwrap()];
        for answer in ["0f 16410041", "0f\n16410041\n"] {
            let decoded = decode(answer.as_bytes(), &fields).unwrap();
            assert_eq!((decoded[0].to_u64(), decoded[1].to_u64()), (Some(0xf), Some(0x1641_0041)));
        }
    }

    #[test]
    fn invalid_captures_are_refused() {
        let fields = [Bits::zeros(4).unwrap(), Bits::zeros(32).unwrap()];
        for answer in ["", "0f", "0f 1 2", "10 0", "0f zz", "0f 100000000"] {
            assert_eq!(decode(answer.as_bytes(), &fields), None, "{answer:?}");
        }
        assert_eq!(decode(b"\xff", &fields[..1]), None);
    }

    #[test]
    fn fields_are_written_as_openocd_takes_them() {
        let fields = [Bits::from_u64(5, 4).unwrap(), Bits::from_u64(0xabc, 12).unwrap()];
        assert_eq!(field_words(&fields).unwrap(), ["4", "0x05", "12", "0x0abc"]);
        assert!(matches!(field_words(&[]), Err(JtagError::InvalidArgument(_))));
    }
}
