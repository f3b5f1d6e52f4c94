//! Is this the board that is meant? Asked before anything is erased.

use crate::board::Board;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::settings::Key;

impl Board {
    /// Compares the probe's serial number with `--serial`, and the chip's identification codes with
    /// the setting `expect`.
    pub(crate) fn check_identity(&self) -> Outcome<()> {
        self.check_serial()?;
        self.check_chip()
    }

    /// A configuration may select another probe than `--serial` does.
    fn check_serial(&self) -> Outcome<()> {
        let Some(wanted) = self.settings.get(Key::Serial) else { return Ok(()) };
        match self.session.adapter().serial()? {
            Some(serial) if serial != wanted.value => {
                let message = format!("the probe is {serial}, not {} ({})", wanted.value, wanted.origin);
                Err(Failure::new(exit_status::PROBE, "ocd.probe.other", message)
                    .help("the configuration has an `adapter serial` of its own, which comes later"))
            }
            _ => Ok(()),
        }
    }

    /// The setting may be the IDCODE of any TAP or the DPIDR of the target's debug port.
    fn check_chip(&self) -> Outcome<()> {
        let Some(wanted) = self.settings.parsed(Key::Expect, number::number_u32)? else { return Ok(()) };
        let mut found = Vec::new();
        // Another transport has no chain.
        let taps = self.session.jtag().scan_chain().unwrap_or_default();
        for tap in taps {
            if tap.idcode == Some(wanted) {
                return Ok(());
            }
            found.extend(tap.idcode.map(|idcode| format!("{} has the IDCODE {idcode:#010x}", tap.name)));
        }
        match self.target()?.dap().dpidr() {
            Ok(dpidr) if dpidr.value == wanted => return Ok(()),
            Ok(dpidr) => found.push(format!("the DPIDR is {:#010x}", dpidr.value)),
            Err(error) if found.is_empty() => {
                return Err(Failure::from(error).within(format!("cannot tell whether this is the chip {wanted:#010x}")));
            }
            // A target without a debug port of Arm.
            Err(_) => {}
        }
        let origin = self.settings.get(Key::Expect).map(|setting| format!(" ({})", setting.origin)).unwrap_or_default();
        let message = format!("this is another chip: expected {wanted:#010x}{origin}");
        Err(Failure::new(exit_status::TARGET, "ocd.target.other", message).cause(found.join(", ")))
    }
}
