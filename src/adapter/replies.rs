//! Answers of `adapter …` and `transport …`.

use crate::adapter::AdapterDriver;
use crate::types::ResetSignal;

/// `adapter speed: 1000 kHz`, or `adapter speed: RCLK - adaptive`, for which OpenOCD's own number
/// is 0.
pub(crate) fn speed(text: &str) -> Option<u32> {
    match text.trim().strip_prefix("adapter speed: ")? {
        "RCLK - adaptive" => Some(0),
        speed => speed.strip_suffix(" kHz")?.parse().ok(),
    }
}

/// `transport list`: a heading, then a name in each line. Newer OpenOCD lists each name once.
pub(crate) fn transports(text: &str) -> Option<Vec<String>> {
    let (_, names) = text.split_once(':')?;
    Some(names.split_whitespace().map(str::to_owned).collect())
}

/// `adapter list`: `1: parport` under a heading on 0.12.0, later `cmsis-dap       { jtag swd }`.
pub(crate) fn drivers(text: &str) -> Option<Vec<AdapterDriver>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.ends_with(':'));
    let drivers = lines.map(|line| {
        if let Some((name, transports)) = line.split_once('{') {
            let transports = transports.strip_suffix('}')?.split_whitespace().map(str::to_owned).collect();
            return Some(AdapterDriver { name: word(name)?, transports: Some(transports) });
        }
        let (number, name) = line.split_once(": ")?;
        number.parse::<u32>().ok()?;
        Some(AdapterDriver { name: word(name)?, transports: None })
    });
    drivers.collect()
}

fn word(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned())
}

/// Whether a line is asserted, from `adapter assert` without arguments: `srst asserted`,
/// `trst deasserted`, `srst not present`. `None` for a line that is not there; over SWD newer
/// OpenOCD does not list `trst` at all.
pub(crate) fn is_asserted(text: &str, signal: ResetSignal) -> Option<bool> {
    let name = signal.to_string();
    let state = text.lines().find_map(|line| line.trim().strip_prefix(&name)?.strip_prefix(' '))?;
    match state {
        "asserted" => Some(true),
        "deasserted" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_read_in_khz() {
        assert_eq!(speed("adapter speed: 1000 kHz\n"), Some(1000));
        assert_eq!(speed("adapter speed: RCLK - adaptive"), Some(0));
        for text in ["", "adapter speed: -1 kHz", "adapter speed: kHz", "1000 kHz", "adapter speed: 5 MHz"] {
            assert_eq!(speed(text), None, "{text:?}");
        }
    }

    #[test]
    fn transports_of_both_generations() {
        let old = "The following transports are available:\n\tswd\n\tdapdirect_swd\n\tjtag\n\n";
        assert_eq!(transports(old).unwrap(), ["swd", "dapdirect_swd", "jtag"]);
        assert_eq!(transports("The following transports are available:\n\tjtag\n\tswd").unwrap(), ["jtag", "swd"]);
        assert_eq!(transports("jtag swd"), None);
    }

    #[test]
    fn drivers_of_both_generations() {
        let old = drivers("The following debug adapters are available:\n1: parport\n24: cmsis-dap\n\n").unwrap();
        assert_eq!(old.iter().map(|driver| &*driver.name).collect::<Vec<_>>(), ["parport", "cmsis-dap"]);
        assert!(old.iter().all(|driver| driver.transports.is_none()));
        let new = drivers("angie           { jtag }\nst-link         { jtag swd swim }").unwrap();
        assert_eq!(new[1].name, "st-link");
        assert_eq!(new[1].transports.as_deref().unwrap(), ["jtag", "swd", "swim"]);
        for text in ["x", "{ jtag }", "a b { jtag }", "a { jtag", "x: y", "1: two words"] {
            assert_eq!(drivers(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_state_of_a_reset_line_is_read() {
        let text = "trst not present\nsrst asserted\n";
        assert_eq!((is_asserted(text, ResetSignal::Srst), is_asserted(text, ResetSignal::Trst)), (Some(true), None));
        assert_eq!(is_asserted("srst deasserted", ResetSignal::Srst), Some(false));
        assert_eq!(is_asserted("srst deasserted", ResetSignal::Trst), None);
    }
}
