//! The JTAG chain: its TAPs, scans, states, and files of test vectors.

mod bits;
mod chain;
mod path;
mod playback;
mod scan_chain;
mod svf;
mod xsvf;

pub use bits::Bits;
pub use chain::{NewTap, Tap};
pub use playback::{SvfFile, SvfReport, XsvfFile};

use crate::command::Request;
use crate::error::{Error, Failure, InvalidArgument, JtagError, Refused, Result, UnexpectedReply};
use crate::session::Session;
use crate::types::{EndState, TapState};
use crate::wire::tcl;

/// A view of the JTAG chain, from [`Session::jtag`].
///
/// # Scans, and OpenOCD's polling
/// `irscan` puts an instruction into one TAP and BYPASS into all others; `drscan` then shifts through the register that the instruction
/// selected. But OpenOCD polls its targets in the background, which puts other instructions into the TAPs: 0.12.0 before every command. So:
/// - [`scan`](Self::scan) does both with nothing in between;
/// - [`drscan`](Self::drscan) repeats the last [`irscan`](Self::irscan) where anything else has used the chain since;
/// - an instruction that is to *stay*, such as EXTEST, needs [`Session::pause_polling`]. Within the pause every scan is one scan and nothing more.
///
/// The instruction is kept with OpenOCD, one for all its clients. A chain that was reset, by [`arp_init`](Self::arp_init), [`pathmove`](Self::pathmove) or a file of
/// test vectors, has none.
///
/// Targets need not be halted for any of this. Registers are shifted lowest bit first (IEEE 1149.1).
///
/// Sources: OpenOCD's `irscan`, `drscan`, `runtest`, `pathmove` and the `jtag` commands (`src/jtag/tcl.c`).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use openocd::Bits;
///
/// let jtag = session.jtag();
/// for tap in jtag.scan_chain()? {
///     println!("{}: {:#010x}, IR of {} bits", tap.name, tap.idcode.unwrap_or(0), tap.ir_length);
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
    /// The JTAG chain.
    pub fn jtag(&self) -> Jtag<'_> {
        Jtag { session: self, end_state: EndState::RunTestIdle }
    }
}

impl Jtag<'_> {
    /// The same chain, with scans that end in this state (OpenOCD: `-endstate`). Run-Test/Idle by default.
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
    /// OpenOCD does not look at what comes out of the instruction registers, so a chain without power takes instructions without an error, and all
    /// that it gives is ones or zeros; [`arp_init`](Self::arp_init) checks the chain.
    ///
    /// # Errors
    /// [`JtagError::UnknownTap`], [`TapDisabled`](JtagError::TapDisabled) and [`ValueTooWide`](JtagError::ValueTooWide) for an instruction longer than
    /// the TAP's register, before anything is scanned; [`Refused`](JtagError::Refused) if the adapter fails;
    /// [`WrongTransport`](JtagError::WrongTransport); and those of [`Session::command`].
    pub fn irscan(&self, tap: &str, instruction: u64) -> Result<()> {
        let end = self.end_state.openocd_name();
        let script =
            format!("_openocd_rs_1_irscan {} {instruction:#x} {} {end}", tcl::quote(tap), significant(instruction));
        let shown = format!("irscan {tap} {instruction:#x}{}", self.shown_end());
        let refusal = Refusal { doing: "scan an instruction into", tap, value: instruction };
        self.ask(&Request::new(jtag_script(&script)).shown(shown), &refusal, |_| Some(()))
    }

    /// Shifts fields through the register that the last [`irscan`](Self::irscan) of this TAP selected, and returns what came out, field by field (OpenOCD: `drscan`).
    ///
    /// The first field is the one nearest to TDO: it goes in, and comes out, first. Together they should be as long as the register; if they are longer, what
    /// was shifted in comes out again at the end, one bit later for each other TAP in the chain.
    ///
    /// # Errors
    /// [`JtagError::Bypass`] if this TAP was not the last one to get an instruction, [`UnknownTap`](JtagError::UnknownTap),
    /// [`TapDisabled`](JtagError::TapDisabled), [`InvalidArgument`](JtagError::InvalidArgument) for no field, all before anything is scanned;
    /// [`Refused`](JtagError::Refused), [`WrongTransport`](JtagError::WrongTransport), and those of [`Session::command`].
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
        let list = field_list(fields)?;
        let end = self.end_state.openocd_name();
        let script = format!("_openocd_rs_1_drscan {} {end} {{{list}}}", tcl::quote(tap));
        let shown = format!("drscan {tap} {list}{}", self.shown_end());
        let refusal = Refusal { doing: "scan data through", tap, value: 0 };
        self.ask(&Request::new(jtag_script(&script)).shown(shown), &refusal, |captured| decode(captured, fields))
    }

    /// Puts an instruction into a TAP and shifts fields through the register that it selects, with nothing in between (OpenOCD: `irscan`, `drscan`).
    ///
    /// From the instruction to the data the chain goes by Pause-IR, so Run-Test/Idle is not passed.
    ///
    /// # Errors
    /// Those of [`irscan`](Self::irscan) and [`drscan`](Self::drscan).
    pub fn scan(&self, tap: &str, instruction: u64, fields: &[Bits]) -> Result<Vec<Bits>> {
        let list = field_list(fields)?;
        let (end, name) = (self.end_state.openocd_name(), tcl::quote(tap));
        let script =
            format!("_openocd_rs_1_scan {name} {instruction:#x} {} {end} {{{list}}}", significant(instruction));
        let shown = format!("irscan {tap} {instruction:#x} -endstate IRPAUSE; drscan {tap} {list}{}", self.shown_end());
        let refusal = Refusal { doing: "scan", tap, value: instruction };
        self.ask(&Request::new(jtag_script(&script)).shown(shown), &refusal, |captured| decode(captured, fields))
    }

    /// Goes to Run-Test/Idle and stays there for `clocks` cycles of TCK (OpenOCD: `runtest`).
    ///
    /// # Errors
    /// [`JtagError::InvalidArgument`] for 2^31 clocks and more, before anything is sent; [`Refused`](JtagError::Refused) if the adapter fails, [`WrongTransport`](JtagError::WrongTransport), and those of [`Session::command`].
    pub fn runtest(&self, clocks: u32) -> Result<()> {
        // OpenOCD counts in signed numbers: 0.12.0 runs no clock at all for a larger one, and says nothing.
        if i32::try_from(clocks).is_err() {
            let (argument, expected) = ("the number of clocks", "less than 0x80000000");
            return Err(JtagError::InvalidArgument(InvalidArgument {
                argument,
                given: format!("{clocks:#x}"),
                expected,
            })
            .into());
        }
        let command = format!("runtest {clocks}");
        let script = format!("_openocd_rs_1_keep_instruction {{{command}}}");
        self.ask(&Request::new(jtag_script(&script)).shown(command), &Refusal::of("run the clock"), |_| Some(()))
    }

    /// Walks through the states of the TAP controllers (OpenOCD: `pathmove`).
    ///
    /// First the chain goes to the first state, by whichever way is shortest, then from each state of the path to the next by one clock. The first and the
    /// last state must be [stable](TapState::is_stable). A path may have any length; OpenOCD gets it in pieces of up to eight
    /// states, which must end in stable states. From a stable state on, Test-Logic-Reset can be reached by TMS high alone.
    ///
    /// # Errors
    /// Before anything is sent: [`JtagError::EmptyPath`], [`IllegalTransition`](JtagError::IllegalTransition) (of which OpenOCD says nothing but "failed"), [`UnstablePath`](JtagError::UnstablePath),
    /// [`LongPath`](JtagError::LongPath). Otherwise [`Refused`](JtagError::Refused), [`WrongTransport`](JtagError::WrongTransport), and those of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::TapState::*;
    ///
    /// session.jtag().pathmove(&[RunTestIdle, SelectDrScan, CaptureDr, Exit1Dr, PauseDr])?;
    /// let error = session.jtag().pathmove(&[RunTestIdle, ShiftDr]).unwrap_err();
    /// assert!(error.to_string().contains("from RUN/IDLE one gets to RUN/IDLE and DRSELECT"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pathmove(&self, path: &[TapState]) -> Result<()> {
        let commands = path::pieces(path)?.into_iter().map(|piece| {
            let names: Vec<_> = piece.iter().map(|state| state.openocd_name()).collect();
            format!("pathmove {}", names.join(" "))
        });
        let commands: Vec<_> = commands.collect();
        let commands = commands.join("; ");
        let script = if path.contains(&TapState::TestLogicReset) {
            format!("_openocd_rs_1_forget_instruction; {commands}; list done")
        } else {
            format!("_openocd_rs_1_keep_instruction {{{commands}}}")
        };
        let refusal = Refusal::of("walk through the TAP states");
        self.ask(&Request::new(jtag_script(&script)).shown(commands), &refusal, |_| Some(()))
    }

    fn shown_end(&self) -> String {
        match self.end_state {
            EndState::RunTestIdle => String::new(),
            other => format!(" -endstate {}", other.openocd_name()),
        }
    }

    /// Runs a script within `_openocd_rs_1_jtag` and takes what follows its `done`.
    fn ask<T>(&self, request: &Request<'_>, refusal: &Refusal<'_>, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<T> {
        let outcome = self.outcome(request)?;
        if outcome.code != 0 {
            return Err(refusal.refused(outcome.failure(request)).into());
        }
        let mut elements = tcl::elements(&outcome.result);
        let word = elements.next().and_then(std::result::Result::ok).unwrap_or_default();
        if *word != *b"done" {
            let rest: Option<Vec<String>> = elements.map(|e| Some(text(&e.ok()?))).collect();
            return Err(refusal.obstacle(&word, rest.unwrap_or_default(), request, &outcome).into());
        }
        let answer = match elements.next() {
            Some(Ok(answer)) => answer,
            _ => b""[..].into(),
        };
        let expected = "what the command should return";
        read(&answer).ok_or_else(|| unexpected(request, expected, &outcome.result).into())
    }

    /// The code, result and log of a script within `_openocd_rs_1_jtag`.
    fn outcome(&self, request: &Request<'_>) -> Result<Outcome> {
        self.session.run(request, |reply| {
            let answer = reply.success(request).map_err(|failure| {
                Error::from(JtagError::Refused(Refused { operation: "reach the JTAG chain".to_owned(), failure }))
            })?;
            let [code, result, log] = tcl::elements(answer)
                .take_array()
                .ok_or_else(|| unexpected(request, "code, result and log", answer))?;
            let code = text(&code).parse().map_err(|_| unexpected(request, "a code", answer))?;
            Ok(Outcome { code, result: result.into_owned(), log: text(&log) })
        })?
    }
}

/// What a script within `_openocd_rs_1_jtag` gave.
struct Outcome {
    code: i32,
    result: Vec<u8>,
    log: String,
}

impl Outcome {
    #[allow(clippy::unnecessary_box_returns, reason = "errors hold it in a box")]
    fn failure(&self, request: &Request<'_>) -> Box<Failure> {
        Box::new(Failure::new(request.name(), self.code, text(&self.result), self.log.clone()))
    }
}

/// What was to be done, for the error if it cannot be.
struct Refusal<'r> {
    doing: &'r str,
    tap: &'r str,
    value: u64,
}

impl<'r> Refusal<'r> {
    fn of(doing: &'r str) -> Self {
        Refusal { doing, tap: "", value: 0 }
    }

    fn refused(&self, failure: Box<Failure>) -> JtagError {
        let tap = if self.tap.is_empty() { String::new() } else { format!(" TAP {}", self.tap) };
        JtagError::Refused(Refused { operation: format!("{}{tap}", self.doing), failure })
    }

    /// The error for the word that a script returned in place of `done`.
    fn obstacle(&self, word: &[u8], rest: Vec<String>, request: &Request<'_>, outcome: &Outcome) -> JtagError {
        let (reply, log) = (&outcome.result, &outcome.log);
        let tap = self.tap.to_owned();
        match (word, &rest[..]) {
            (b"transport", [transport]) => JtagError::WrongTransport { transport: transport.clone() },
            (b"unknown", _) => JtagError::UnknownTap { name: tap, known: rest },
            (b"disabled", []) => JtagError::TapDisabled { tap },
            (b"excluded", _) => JtagError::OthersDisabled { disabled: rest },
            (b"bypass", []) => JtagError::Bypass { tap },
            (b"mismatch", []) => JtagError::ChainMismatch { log: log.to_owned(), failure: None },
            (b"duplicate", []) => JtagError::DuplicateTap { tap },
            (b"other", [target, kind]) => JtagError::NotRiscv { target: target.clone(), kind: kind.clone() },
            (b"width", [bits]) => JtagError::ValueTooWide {
                what: format!("the instruction register of {tap}"),
                value: format!("{:#x}", self.value),
                bits: bits.parse().unwrap_or_default(),
            },
            _ => unexpected(request, "a word that this crate knows", reply),
        }
    }
}

fn jtag_script(script: &str) -> String {
    format!("_openocd_rs_1_jtag {}", tcl::quote(script))
}

fn significant(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// `32 0x00000000 5 0x1f`
fn field_list(fields: &[Bits]) -> Result<String, JtagError> {
    if fields.is_empty() {
        let (argument, given) = ("the fields of a scan", "none".to_owned());
        return Err(JtagError::InvalidArgument(InvalidArgument { argument, given, expected: "at least one" }));
    }
    let fields: Vec<_> = fields.iter().map(|field| format!("{} {field}", field.len())).collect();
    Ok(fields.join(" "))
}

/// What `drscan` returns: as many numbers as there are fields, without `0x`, separated by blanks or, since 2025, newlines.
fn decode(captured: &[u8], fields: &[Bits]) -> Option<Vec<Bits>> {
    let text = std::str::from_utf8(captured).ok()?;
    let mut numbers = text.split_whitespace();
    let decoded: Option<_> = fields.iter().map(|field| Bits::parse_hex(numbers.next()?, field.len())).collect();
    if numbers.next().is_some() { None } else { decoded }
}

fn unexpected(request: &Request<'_>, expected: &'static str, reply: &[u8]) -> JtagError {
    JtagError::UnexpectedReply(UnexpectedReply { command: request.name().to_owned(), expected, reply: text(reply) })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captured_fields_of_both_generations() {
        let fields = [Bits::zeros(4).unwrap(), Bits::zeros(32).unwrap()];
        for answer in ["0f 16410041", "0f\n16410041\n"] {
            let decoded = decode(answer.as_bytes(), &fields).unwrap();
            assert_eq!((decoded[0].to_u64(), decoded[1].to_u64()), (Some(0xf), Some(0x1641_0041)));
        }
    }

    #[test]
    fn invalid_captures() {
        let fields = [Bits::zeros(4).unwrap(), Bits::zeros(32).unwrap()];
        for answer in ["", "0f", "0f 1 2", "10 0", "0f zz", "0f 100000000"] {
            assert_eq!(decode(answer.as_bytes(), &fields), None, "{answer:?}");
        }
        assert_eq!(decode(b"\xff", &fields[..1]), None);
    }

    #[test]
    fn fields_as_openocd_takes_them() {
        let fields = [Bits::from_u64(5, 4).unwrap(), Bits::from_u64(0xabc, 12).unwrap()];
        assert_eq!(field_list(&fields).unwrap(), "4 0x05 12 0x0abc");
        assert!(matches!(field_list(&[]), Err(JtagError::InvalidArgument { .. })));
    }
}
