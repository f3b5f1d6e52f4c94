//! Is this the board that is meant? Asked before anything is changed.

use crate::board::Board;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::settings::{Key, Origin, Setting};

/// What a command does to a board. The more it does, the more is checked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// It shows something.
    Looks,
    /// It changes memory, registers or breakpoints, halts, starts or resets the target, or talks
    /// with the firmware.
    ChangesTarget,
    ChangesFlash,
}

/// The drivers of OpenOCD that have no probe with a serial number.
const WITHOUT_SERIAL: [&str; 18] = [
    "am335xgpio",
    "amt_jtagaccel",
    "at91rm9200",
    "bcm2835gpio",
    "buspirate",
    "dmem",
    "dummy",
    "ep93xx",
    "gw16012",
    "imx_gpio",
    "jtag_dpi",
    "jtag_vpi",
    "linuxgpiod",
    "parport",
    "remote_bitbang",
    "rshim",
    "sysfsgpio",
    "vdebug",
];

impl Board {
    /// Compares the probe's serial number with `--serial`, refuses a `--usb-location` that cannot be
    /// compared, and compares the chip's identification codes with the setting `expect`.
    ///
    /// What is on the command line is a wish about this command, and always checked. The serial
    /// number of a file or the environment is checked before flash is changed, `expect` before
    /// anything of the target is.
    pub(crate) fn check_identity(&self, effect: Effect) -> Outcome<()> {
        let asked = |key, least| {
            let wanted = self.settings.get(key);
            wanted.filter(|wanted| effect >= least || wanted.origin == Origin::Option)
        };
        if let Some(wanted) = asked(Key::Serial, Effect::ChangesFlash) {
            self.check_serial(wanted)?;
        }
        self.check_usb_location()?;
        asked(Key::Expect, Effect::ChangesTarget).map_or(Ok(()), |_| self.check_chip())
    }

    /// An OpenOCD that is connected to may drive another probe, and so may one whose driver ignores
    /// serial numbers.
    fn check_serial(&self, wanted: &Setting) -> Outcome<()> {
        let driver = self.session.adapter().name()?;
        // The setting of the OpenOCD that was started is `wanted` itself.
        let is_ignored = self.session.process().is_some() && WITHOUT_SERIAL.contains(&&*driver);
        let found = match self.logged_serial() {
            Some(serial) => Some(serial),
            None if is_ignored => None,
            None => self.session.adapter().serial()?,
        };
        match found {
            Some(serial) if serial == wanted.value => Ok(()),
            Some(serial) => {
                let message =
                    format!("the probe is {serial}, not {} ({})", wanted.value, wanted.origin.place(Key::Serial));
                Err(Failure::new(exit_status::PROBE, "ocd.probe.other", message))
            }
            None => {
                let message =
                    format!("cannot tell whether the probe is {} ({})", wanted.value, wanted.origin.place(Key::Serial));
                Err(Failure::new(exit_status::PROBE, "ocd.probe.unknown", message)
                    .cause(if is_ignored {
                        format!("OpenOCD's driver {driver} ignores serial numbers")
                    } else {
                        "OpenOCD tells its probe only if ocd started it".to_owned()
                    })
                    .help("leave the serial number out, or describe the board with --config"))
            }
        }
    }

    /// An OpenOCD does not tell where its probe is plugged in. One that is in `ocd.toml` or in the
    /// environment describes the board for an OpenOCD that is started; one on the command line, with
    /// `--connect`, is a wish that nothing would heed.
    fn check_usb_location(&self) -> Outcome<()> {
        let wanted = self.settings.get(Key::UsbLocation).filter(|wanted| wanted.origin == Origin::Option);
        let Some(wanted) = wanted.filter(|_| self.session.process().is_none()) else { return Ok(()) };
        let message = format!("cannot tell whether the probe is at {} (--usb-location)", wanted.value);
        Err(Failure::new(exit_status::PROBE, "ocd.probe.unknown", message)
            .cause("OpenOCD does not tell where its probe is plugged in")
            .help("leave the location out, or describe the board with --config"))
    }

    /// The serial number that OpenOCD's driver logged when it opened the probe: "CMSIS-DAP: Serial#
    /// = 0700000000120036".
    fn logged_serial(&self) -> Option<String> {
        let log = self.session.process()?.log_tail();
        log.iter().find_map(|line| line.split_once("Serial# = ")).map(|(_, serial)| serial.trim().to_owned())
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
        let origin = self
            .settings
            .get(Key::Expect)
            .map(|setting| format!(" ({})", setting.origin.place(Key::Expect)))
            .unwrap_or_default();
        let message = format!("this is another chip: expected {wanted:#010x}{origin}");
        Err(Failure::new(exit_status::TARGET, "ocd.target.other", message).cause(found.join(", ")))
    }
}
