//! The TAPs of the chain: listing, declaring, switching, checking them.

use std::fmt::Write as _;

use super::{Jtag, Refusal, jtag_script, text};
use crate::Jep106;
use crate::command::Request;
use crate::error::{InvalidArgument, JtagError, Result};
use crate::wire::tcl;

/// A TAP, as OpenOCD's configuration declares it and as it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tap {
    /// Its place in the chain, 0 being nearest to TDO; disabled TAPs are counted.
    pub position: u32,
    /// Its name, such as `stm32f1x.cpu`.
    pub name: String,
    /// It is part of the chain now.
    pub enabled: bool,
    /// What it said when OpenOCD last looked; `None` if it has no identification code, or OpenOCD has not looked.
    pub idcode: Option<u32>,
    /// The identification codes that the configuration allows; none if it allows any.
    pub expected_ids: Vec<u32>,
    /// The version, the top four bits of the codes, is not compared. OpenOCD does not show it then: it is 0 in [`expected_ids`](Self::expected_ids).
    pub ignore_version: bool,
    /// The length of its instruction register, in bits.
    pub ir_length: u32,
    /// What its instruction register captures.
    pub ir_capture: u32,
    /// Which bits of that are compared.
    pub ir_mask: u32,
}

impl Tap {
    /// Who made it, by its identification code (IEEE 1149.1, 12.1.1).
    pub fn manufacturer(&self) -> Option<Jep106> {
        self.idcode.map(|idcode| Jep106::from_bits(u64::from(idcode >> 1)))
    }

    /// The manufacturer's number for it, by its identification code.
    pub fn part(&self) -> Option<u16> {
        self.idcode.map(|idcode| (idcode >> 12 & 0xffff) as u16)
    }
}

/// A TAP to declare, for [`Jtag::new_tap`].
///
/// ```
/// use openocd::NewTap;
///
/// let tap = NewTap::new("chip", "cpu", 4).expected_id(0x3ba0_0477).ir_capture(0x1, 0xf);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a description does nothing until `Jtag::new_tap`"]
pub struct NewTap {
    chip: String,
    tap: String,
    ir_length: u32,
    expected_ids: Vec<u32>,
    ignore_version: bool,
    ir_capture: Option<(u32, u32)>,
    disabled: bool,
}

impl NewTap {
    /// A TAP called `chip.tap`, with an instruction register of `ir_length` bits.
    pub fn new(chip: impl Into<String>, tap: impl Into<String>, ir_length: u32) -> Self {
        NewTap {
            chip: chip.into(),
            tap: tap.into(),
            ir_length,
            expected_ids: Vec::new(),
            ignore_version: false,
            ir_capture: None,
            disabled: false,
        }
    }

    /// Adds an identification code that it may have. Any by default.
    pub fn expected_id(mut self, id: u32) -> Self {
        self.expected_ids.push(id);
        self
    }

    /// Does not compare the top four bits of the identification code. They are compared by default.
    pub fn ignore_version(mut self) -> Self {
        self.ignore_version = true;
        self
    }

    /// What its instruction register captures, and which bits of it are compared. 01 in the two lowest bits by default, as the standard has it.
    pub fn ir_capture(mut self, value: u32, mask: u32) -> Self {
        self.ir_capture = Some((value, mask));
        self
    }

    /// It is not part of the chain after a reset; a router in the chip puts it in. It is by default.
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// The arguments of `jtag newtap`.
    fn arguments(&self) -> Result<String, JtagError> {
        let invalid = |argument, given: String, expected| {
            Err(JtagError::InvalidArgument(InvalidArgument { argument, given, expected }))
        };
        for (argument, name) in [("the name of a chip", &self.chip), ("the name of a TAP", &self.tap)] {
            // OpenOCD's own table could not be read with anything else, and takes numbers for positions in the chain.
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            if name.is_empty() || !name.chars().all(is_plain) {
                return invalid(argument, format!("{name:?}"), "letters, digits, `_` and `-`");
            }
        }
        if !(2..=64).contains(&self.ir_length) {
            let expected = "2 to 64 bits: the standard wants two, and OpenOCD scans instructions of up to 64";
            return invalid("the length of the instruction register", self.ir_length.to_string(), expected);
        }
        let mut words = format!("{} {} -irlen {}", self.chip, self.tap, self.ir_length);
        if let Some((value, mask)) = self.ir_capture {
            for (argument, number) in [("the capture value", value), ("the capture mask", mask)] {
                if self.ir_length < 32 && number >> self.ir_length != 0 {
                    return invalid(argument, format!("{number:#x}"), "no longer than the instruction register");
                }
            }
            let _ = write!(words, " -ircapture {value:#x} -irmask {mask:#x}");
        }
        if self.ignore_version {
            words += " -ignore-version";
        }
        if self.disabled {
            words += " -disable";
        }
        for id in &self.expected_ids {
            let _ = write!(words, " -expected-id {id:#010x}");
        }
        Ok(words)
    }
}

impl Jtag<'_> {
    /// All TAPs, disabled ones too, from TDO to TDI (OpenOCD: `scan_chain`).
    ///
    /// TAPs that nobody declared are called `auto0.tap` and so on. Where there are any, the first call checks the chain, as [`arp_init`](Self::arp_init)
    /// does: newer OpenOCD would abort over one whose instruction register it could not measure.
    ///
    /// # Errors
    /// [`JtagError::ChainMismatch`] for undeclared TAPs that do not answer, [`WrongTransport`](JtagError::WrongTransport), [`Refused`](JtagError::Refused), [`UnexpectedReply`](JtagError::UnexpectedReply) if the table can't be understood, and those
    /// of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let taps = session.jtag().scan_chain()?;
    /// assert_eq!(taps[0].name, "stm32f1x.cpu");
    /// assert_eq!((taps[0].idcode, taps[0].ir_length), (Some(0x3ba0_0477), 4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scan_chain(&self) -> Result<Vec<Tap>> {
        let request = Request::new(jtag_script("_openocd_rs_1_scan_chain")).shown("scan_chain");
        self.ask(&request, &Refusal::of("list the scan chain"), |table| {
            let rows = crate::jtag::scan_chain::rows(std::str::from_utf8(table).ok()?)?;
            let tap = |row: crate::jtag::scan_chain::Row| Tap {
                position: row.position,
                name: row.name,
                enabled: row.enabled,
                idcode: (row.idcode != 0).then_some(row.idcode),
                expected_ids: row.expected,
                ignore_version: row.ignore_version,
                ir_length: row.ir_length,
                ir_capture: row.ir_capture,
                ir_mask: row.ir_mask,
            };
            Some(rows.into_iter().map(tap).collect())
        })
    }

    /// The names of all TAPs, from TDO to TDI (OpenOCD: `jtag names`).
    ///
    /// # Errors
    /// Those of [`scan_chain`](Self::scan_chain).
    pub fn tap_names(&self) -> Result<Vec<String>> {
        let request = Request::new(jtag_script("list done [jtag names]")).shown("jtag names");
        self.ask(&request, &Refusal::of("list the TAPs"), names)
    }

    /// Whether a TAP is part of the chain now (OpenOCD: `jtag tapisenabled`).
    ///
    /// # Errors
    /// [`JtagError::UnknownTap`], [`WrongTransport`](JtagError::WrongTransport), and those of [`Session::command`](crate::Session::command).
    pub fn is_enabled(&self, tap: &str) -> Result<bool> {
        let taps = self.scan_chain()?;
        if let Some(listed) = taps.iter().find(|listed| listed.name == tap) {
            return Ok(listed.enabled);
        }
        let known = taps.into_iter().map(|tap| tap.name).collect();
        Err(JtagError::UnknownTap { name: tap.to_owned(), known }.into())
    }

    /// Puts a TAP into the chain, by the handler that the configuration has for it (OpenOCD: `jtag tapenable`). One that is in it stays.
    ///
    /// # Errors
    /// [`JtagError::UnknownTap`], [`Refused`](JtagError::Refused) if there is no handler for `tap-enable`, [`NotSwitched`](JtagError::NotSwitched),
    /// [`WrongTransport`](JtagError::WrongTransport), and those of [`Session::command`](crate::Session::command).
    pub fn enable_tap(&self, tap: &str) -> Result<()> {
        self.switch(tap, true)
    }

    /// Takes a TAP out of the chain, by the handler that the configuration has for it (OpenOCD: `jtag tapdisable`). One that is not in it stays out.
    ///
    /// # Errors
    /// Those of [`enable_tap`](Self::enable_tap).
    pub fn disable_tap(&self, tap: &str) -> Result<()> {
        self.switch(tap, false)
    }

    fn switch(&self, tap: &str, enable: bool) -> Result<()> {
        let script = format!("_openocd_rs_1_switch_tap {} {}", tcl::quote(tap), u8::from(enable));
        let (doing, command) = if enable { ("enable", "tapenable") } else { ("disable", "tapdisable") };
        let shown = format!("jtag {command} {tap}");
        let refusal = Refusal { doing, tap, value: 0 };
        let now = self.ask(&Request::new(jtag_script(&script)).shown(shown), &refusal, |now| match now {
            b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        })?;
        if now == enable {
            return Ok(());
        }
        Err(JtagError::NotSwitched { tap: tap.to_owned(), enabled: enable }.into())
    }

    /// Resets the TAPs and looks whether the chain is what the configuration says (OpenOCD: `jtag arp_init`): identification codes, number of
    /// TAPs, length of the instruction registers.
    ///
    /// # Errors
    /// [`JtagError::ChainMismatch`] if it is not, of which 0.12.0 reports success, or if no TAP is enabled; [`WrongTransport`](JtagError::WrongTransport), and
    /// those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.jtag().arp_init()?;
    /// chip.faults().power_off();
    /// let error = session.jtag().arp_init().unwrap_err();
    /// assert!(matches!(error, openocd::Error::Jtag(openocd::JtagError::ChainMismatch { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn arp_init(&self) -> Result<()> {
        let request = Request::new(jtag_script("_openocd_rs_1_arp_init")).shown("jtag arp_init");
        let outcome = self.outcome(&request)?;
        if outcome.code != 0 {
            let failure = Some(outcome.failure(&request));
            return Err(JtagError::ChainMismatch { log: outcome.log, failure }.into());
        }
        match &outcome.result[..] {
            b"done 1" => Ok(()),
            b"done 0" => Err(JtagError::ChainMismatch { log: outcome.log, failure: None }.into()),
            other => match other.strip_prefix(b"transport ") {
                Some(transport) => Err(JtagError::WrongTransport { transport: text(transport) }.into()),
                None => Err(super::unexpected(&request, "whether the chain is right", other).into()),
            },
        }
    }

    /// Declares a TAP, the next towards TDI (OpenOCD: `jtag newtap`).
    ///
    /// OpenOCD takes it before its `init` only: it must have been started with the command `noinit`, and be initialised with `init` afterwards.
    ///
    /// # Errors
    /// [`JtagError::InvalidArgument`] before anything is sent, [`DuplicateTap`](JtagError::DuplicateTap), [`Refused`](JtagError::Refused) after `init`,
    /// [`WrongTransport`](JtagError::WrongTransport), and those of [`Session::command`](crate::Session::command).
    ///
    /// ```
    /// use openocd::{NewTap, Session};
    ///
    /// let session = Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// session.jtag().new_tap(&NewTap::new("chip", "cpu", 4).expected_id(0x3ba0_0477))?;
    /// assert_eq!(session.jtag().tap_names()?, ["chip.cpu"]);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn new_tap(&self, tap: &NewTap) -> Result<()> {
        let arguments = tap.arguments()?;
        let script = jtag_script(&format!("_openocd_rs_1_newtap {arguments}"));
        let name = format!("{}.{}", tap.chip, tap.tap);
        let refusal = Refusal { doing: "declare", tap: &name, value: 0 };
        self.ask(&Request::new(script).shown(format!("jtag newtap {arguments}")), &refusal, |_| Some(()))
    }
}

/// A list of names, in whatever way it is separated.
fn names(list: &[u8]) -> Option<Vec<String>> {
    tcl::elements(list).map(|name| Some(text(&name.ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_in_the_order_that_openocd_needs() {
        let tap = NewTap::new("chip", "cpu", 4).expected_id(0x3ba0_0477).expected_id(0x4ba0_0477).ir_capture(1, 0xf);
        assert_eq!(
            tap.ignore_version().disabled().arguments().unwrap(),
            "chip cpu -irlen 4 -ircapture 0x1 -irmask 0xf -ignore-version -disable -expected-id 0x3ba00477 -expected-id 0x4ba00477"
        );
    }

    #[test]
    fn invalid_taps() {
        for tap in [
            NewTap::new("", "cpu", 4),
            NewTap::new("chip", "c pu", 4),
            NewTap::new("chip", "[exit]", 4),
            NewTap::new("a.b", "cpu", 4),
            NewTap::new("chip", "cpu", 0),
            NewTap::new("chip", "cpu", 1),
            NewTap::new("chip", "cpu", 65),
            NewTap::new("chip", "cpu", 4).ir_capture(0x11, 0xf),
            NewTap::new("chip", "cpu", 4).ir_capture(1, 0x10),
        ] {
            assert!(matches!(tap.arguments(), Err(JtagError::InvalidArgument { .. })), "{tap:?}");
        }
        assert!(NewTap::new("chip", "cpu", 32).ir_capture(u32::MAX, u32::MAX).arguments().is_ok());
    }
}
