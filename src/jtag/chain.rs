//! The TAPs of the chain: listing, declaring, switching, checking them.

use std::fmt;

use super::ask::{self, Operation};
use super::{Jtag, NewTap, scan_chain};
use crate::command::Script;
use crate::dap::Jep106;
use crate::error::{JtagError, Result, text};
use crate::types::debug_in_hex;
use crate::wire::tcl;

/// A TAP, as OpenOCD's configuration declares it and as it answered.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Tap {
    /// Its place in the chain. 0 is the nearest to TDO; disabled TAPs are counted.
    pub position: u32,
    /// Its name, such as `stm32f1x.cpu`.
    pub name: String,
    /// Whether it is part of the chain now.
    pub enabled: bool,
    /// The identification code that it answered when OpenOCD last examined the chain; `None` if it
    /// has none, or OpenOCD has not examined the chain.
    pub idcode: Option<u32>,
    /// The identification codes that the configuration allows; none if it allows any.
    pub expected_ids: Vec<u32>,
    /// Whether the version, the top four bits of the codes, is not compared. OpenOCD does not show
    /// it then: it is 0 in [`expected_ids`](Self::expected_ids).
    pub ignore_version: bool,
    /// The length of its instruction register, in bits.
    pub ir_length: u32,
    /// What its instruction register captures.
    pub ir_capture: u32,
    /// Which bits of the captured value are compared.
    pub ir_mask: u32,
}

debug_in_hex!(Tap {
    position, name, enabled, ignore_version, ir_length;
    idcode, expected_ids, ir_capture, ir_mask
});

impl Tap {
    /// The manufacturer, by the identification code (IEEE 1149.1, 12.1.1).
    pub fn manufacturer(&self) -> Option<Jep106> {
        self.idcode.map(|idcode| Jep106::from_bits(u64::from(idcode >> 1)))
    }

    /// The manufacturer's part number, by the identification code.
    pub fn part(&self) -> Option<u16> {
        self.idcode.map(|idcode| (idcode >> 12 & 0xffff) as u16)
    }

    /// Whether the TAP is the one that the configuration describes, by its identification code.
    ///
    /// The codes are compared as OpenOCD compares them when it examines the chain: a TAP with no
    /// expected code, or with the expected code 0, may have any code; the version is left out if
    /// [`ignore_version`](Self::ignore_version) says so. A TAP whose code OpenOCD has not read is
    /// taken as expected.
    ///
    /// OpenOCD may go on with a TAP that is not expected, so calls may work with another chip than
    /// the configuration describes.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// for tap in session.jtag().scan_chain()? {
    ///     assert!(tap.is_expected(), "another chip: {tap}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_expected(&self) -> bool {
        let mask = if self.ignore_version { 0x0fff_ffff } else { u32::MAX };
        let fits =
            |found: u32| self.expected_ids.iter().any(|&expected| expected == 0 || (expected ^ found) & mask == 0);
        self.expected_ids.is_empty() || self.idcode.is_none_or(fits)
    }
}

/// `stm32f1x.cpu: 0x3ba00477, IR of 4 bits`
impl fmt::Display for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", text::name(&self.name))?;
        match self.idcode {
            Some(idcode) => write!(f, "{idcode:#010x}")?,
            None => f.write_str("no IDCODE")?,
        }
        write!(f, ", IR of {} bits", self.ir_length)?;
        if self.enabled { Ok(()) } else { f.write_str(", disabled") }
    }
}

impl Jtag<'_> {
    /// Lists all TAPs, disabled ones too, from TDO to TDI (OpenOCD: `scan_chain`).
    ///
    /// The list is what OpenOCD remembers: the TAPs of its configuration, with the identification
    /// codes that it read when it last examined the chain, usually at its start. This call sends
    /// nothing to the target, so it succeeds without power too. [`arp_init`](Self::arp_init)
    /// examines the chain anew. [`Tap::is_expected`] tells whether a TAP is the one that the
    /// configuration describes.
    ///
    /// TAPs that the configuration does not declare are listed as `auto0.tap` and so on. If there
    /// are any, the first call checks the chain as [`arp_init`](Self::arp_init) does: newer OpenOCD
    /// would abort over a TAP whose instruction register it could not measure.
    ///
    /// # Errors
    /// [`JtagError::ChainMismatch`] if undeclared TAPs do not answer, [`JtagError::WrongTransport`]
    /// without JTAG.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let taps = session.jtag().scan_chain()?;
    /// assert_eq!(taps[0].to_string(), "stm32f1x.cpu: 0x3ba00477, IR of 4 bits");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scan_chain(&self) -> Result<Vec<Tap>> {
        let operation = Operation::of("list the scan chain");
        self.ask(&Script::call("scan_chain"), "scan_chain", &operation, |table| scan_chain::taps(tcl::text(table)?))
    }

    /// Lists the names of all TAPs, from TDO to TDI (OpenOCD: `jtag names`).
    ///
    /// # Errors
    /// [`JtagError::WrongTransport`] without JTAG.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert_eq!(session.jtag().tap_names()?, ["stm32f1x.cpu", "stm32f1x.bs"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tap_names(&self) -> Result<Vec<String>> {
        let script = Script::command("list done [jtag names]");
        self.ask(&script, "jtag names", &Operation::of("list the TAPs"), tcl::all_strings)
    }

    /// Reads whether a TAP is part of the chain now (OpenOCD: `jtag tapisenabled`).
    ///
    /// # Errors
    /// [`JtagError::UnknownTap`] with the names that exist, [`JtagError::WrongTransport`] without
    /// JTAG.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert!(session.jtag().is_enabled("stm32f1x.cpu")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_enabled(&self, tap: &str) -> Result<bool> {
        let taps = self.scan_chain()?;
        if let Some(listed) = taps.iter().find(|listed| listed.name == tap) {
            return Ok(listed.enabled);
        }
        let known = taps.into_iter().map(|tap| tap.name).collect();
        Err(JtagError::UnknownTap { name: tap.to_owned(), known }.into())
    }

    /// Puts a TAP into the chain by the handler that the configuration has for it (OpenOCD: `jtag
    /// tapenable`). A TAP that is part of the chain stays. The call checks that the TAP is in the
    /// chain. It does not notice if another handler of the event failed.
    ///
    /// # Errors
    /// [`JtagError::Refused`] if the configuration has no `tap-enable` handler,
    /// [`JtagError::NotSwitched`] if the handler did not enable the TAP, [`JtagError::UnknownTap`].
    pub fn enable_tap(&self, tap: &str) -> Result<()> {
        self.switch(tap, true)
    }

    /// Takes a TAP out of the chain by the handler that the configuration has for it (OpenOCD:
    /// `jtag tapdisable`). A TAP that is not part of the chain stays out.
    ///
    /// # Errors
    /// The same as [`enable_tap`](Self::enable_tap).
    pub fn disable_tap(&self, tap: &str) -> Result<()> {
        self.switch(tap, false)
    }

    fn switch(&self, tap: &str, enable: bool) -> Result<()> {
        let (what, command) = if enable { ("enable", "tapenable") } else { ("disable", "tapdisable") };
        let script = Script::call("switch_tap").word(tap).flag(enable);
        let now = self.ask(&script, format!("jtag {command} {tap}"), &Operation::on(tap, what), |now| match now {
            b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        })?;
        if now == enable {
            return Ok(());
        }
        Err(JtagError::NotSwitched { tap: tap.to_owned(), enabled: enable }.into())
    }

    /// Resets the TAPs and checks that the chain is what the configuration says: identification
    /// codes, number of TAPs, lengths of the instruction registers (OpenOCD: `jtag arp_init`).
    ///
    /// # Errors
    /// [`JtagError::ChainMismatch`] if the chain is something else, which 0.12.0 reports as
    /// success, or if no TAP is enabled. [`JtagError::WrongTransport`] without JTAG.
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
        let request = ask::request(&Script::call("arp_init"), "jtag arp_init");
        let refused = |failure: Box<crate::error::Failure>| {
            let log = failure.log().to_owned();
            JtagError::ChainMismatch { log, failure: Some(failure) }
        };
        let mismatch = self.run(&request, &Operation::of("check the chain"), refused, |done, log| match done {
            b"1" => Some(None),
            b"0" => Some(Some(String::from_utf8_lossy(log).into_owned())),
            _ => None,
        })?;
        match mismatch {
            None => Ok(()),
            Some(log) => Err(JtagError::ChainMismatch { log, failure: None }.into()),
        }
    }

    /// Declares a TAP, the next towards TDI (OpenOCD: `jtag newtap`).
    ///
    /// OpenOCD takes it only before its `init`: it must have been started with the command
    /// `noinit`, and be initialised with `init` afterwards.
    ///
    /// # Errors
    /// [`JtagError::InvalidArgument`] before anything is sent, [`JtagError::DuplicateTap`], and
    /// [`JtagError::Refused`] after `init`.
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
        let words = tap.words()?;
        let script = words.iter().fold(Script::call("newtap"), |script, word| script.word(word));
        let name = tap.name();
        let shown = format!("jtag newtap {}", words.join(" "));
        self.ask(&script, shown, &Operation::on(&name, "declare"), |_| Some(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_tap_shows_its_codes_in_hexadecimal() {
        let tap = Tap {
            position: 0,
            name: "stm32f1x.cpu".to_owned(),
            enabled: true,
            idcode: Some(0x3ba0_0477),
            expected_ids: vec![0x3ba0_0477],
            ignore_version: false,
            ir_length: 4,
            ir_capture: 1,
            ir_mask: 0xf,
        };
        assert_eq!(
            format!("{tap:?}"),
            "Tap { position: 0, name: \"stm32f1x.cpu\", enabled: true, ignore_version: false, ir_length: 4, \
             idcode: Some(0x3ba00477), expected_ids: [0x3ba00477], ir_capture: 0x1, ir_mask: 0xf }"
        );
    }
}
