//! Which board an example drives: the one of `--board CONFIG`, or a virtual STM32F103.

use std::error::Error;

use virtual_chip::VirtualChip;

pub(crate) struct Board {
    /// OpenOCD's configuration.
    pub(crate) config: String,
    /// It must outlive the session.
    #[allow(dead_code, reason = "some examples only keep it alive")]
    pub(crate) chip: Option<VirtualChip>,
}

impl Board {
    /// Takes `--board CONFIG` out of the program's arguments, and returns the others besides.
    pub(crate) fn from_arguments(usage: &str) -> Result<(Board, Vec<String>), Box<dyn Error>> {
        let mut arguments: Vec<String> = std::env::args().skip(1).collect();
        if let Some(at) = arguments.iter().position(|argument| argument == "--board") {
            let config = arguments.drain(at..).nth(1);
            let mut after = std::env::args().skip(1 + at + 2).collect();
            arguments.append(&mut after);
            return Ok((Board { config: config.ok_or(usage)?, chip: None }, arguments));
        }
        let chip = VirtualChip::start()?;
        Ok((Board { config: chip.openocd_config(), chip: Some(chip) }, arguments))
    }
}
