//! Reads lines of OpenOCD's log. No I/O.

/// What a line tells about the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LineNews {
    TclPort(u16),
    /// The target that the next GDB port is for.
    GdbTarget(String),
    GdbPort(u16),
    TelnetPort(u16),
    /// OpenOCD cannot open a port that it should open.
    PortUnavailable,
    /// A client has connected to the TCL port.
    Client,
}

/// Reads `Info : Listening on port 36013 for tcl connections` and its kin.
///
/// With `-d3` a time and a source position precede the text.
pub(super) fn news(line: &str) -> Option<LineNews> {
    if let Some(error) = line.strip_prefix("Error: ") {
        let (_, failed) = error.split_once("couldn't bind ")?;
        let (service, _) = failed.split_once(" to socket on port ")?;
        // What opens later (RTT, semihosting) reports its own failure.
        return ["gdb", "tcl", "telnet"].contains(&service).then_some(LineNews::PortUnavailable);
    }
    let line = line.strip_prefix("Info : ")?;
    if line.contains("accepting 'tcl' connection") {
        return Some(LineNews::Client);
    }
    if let Some(target) = gdb_target(line) {
        return Some(LineNews::GdbTarget(target.to_owned()));
    }
    let (port, service) = line.split_once("istening on port ")?.1.split_once(" for ")?;
    let port = port.parse().ok()?;
    match service.trim_end() {
        "tcl connections" => Some(LineNews::TclPort(port)),
        "gdb connections" => Some(LineNews::GdbPort(port)),
        "telnet connections" => Some(LineNews::TelnetPort(port)),
        _ => None,
    }
}

/// The target of `starting gdb server for stm32f1x.cpu on 3333`, or in newer OpenOCD of
/// `[stm32f1x.cpu] starting gdb server on 3333`.
fn gdb_target(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("starting gdb server ")?;
    match after.strip_prefix("for ") {
        Some(after) => Some(after.rsplit_once(" on ")?.0),
        None => Some(before.strip_suffix("] ")?.rsplit_once('[')?.1),
    }
}

/// The level that OpenOCD gave the line.
///
/// What commands print has no level, except for an error in a script:
/// `embedded:startup.tcl:28: Error: …`.
pub(super) fn level(line: &str) -> log::Level {
    match line.get(..7) {
        Some("Error: ") => log::Level::Error,
        Some("Warn : ") => log::Level::Warn,
        Some("Info : " | "User : ") => log::Level::Info,
        _ if is_script_error(line) => log::Level::Error,
        _ => log::Level::Debug,
    }
}

fn is_script_error(line: &str) -> bool {
    let place = line.split_once(": Error: ").and_then(|(place, _)| place.rsplit_once(':'));
    place.is_some_and(|(file, number)| !file.is_empty() && number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_clients_are_read_from_the_log() {
        let read = |line: &str| news(line);
        assert_eq!(read("Info : Listening on port 36013 for tcl connections"), Some(LineNews::TclPort(36013)));
        assert_eq!(
            read("Info : 12 3 server.c:347 add_service(): Listening on port 1 for gdb connections"),
            Some(LineNews::GdbPort(1))
        );
        for line in ["starting gdb server for a.cpu on 0", "[a.cpu] starting gdb server on 0"] {
            let target = Some(LineNews::GdbTarget("a.cpu".to_owned()));
            assert_eq!(read(&format!("Info : {line}")), target);
            assert_eq!(read(&format!("Info : 12 3 gdb_server.c:1 gdb_target_start(): {line}")), target);
        }
        assert_eq!(read("Info : Listening on port 2 for telnet connections"), Some(LineNews::TelnetPort(2)));
        assert_eq!(read("Info : accepting 'tcl' connection on tcp/36013"), Some(LineNews::Client));
        for position in ["", "12 3 server.c:267 add_service(): "] {
            let line = format!("Error: {position}couldn't bind gdb to socket on port 3333: Address already in use");
            assert_eq!(read(&line), Some(LineNews::PortUnavailable));
        }
        for other in [
            "Listening on port 1 for tcl connections",
            "Info : accepting 'telnet' connection from pipe",
            "accepting 'tcl' connection on tcp/1",
            "couldn't bind gdb to socket on port 3333: Address already in use",
            "Error: couldn't bind rtt to socket on port 3333: Address already in use",
            "Info : x",
            "",
        ] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }

    #[test]
    fn lines_keep_openocds_level() {
        assert_eq!(level("Error: no adapter"), log::Level::Error);
        assert_eq!(level("Warn : slow"), log::Level::Warn);
        assert_eq!(level("Info : up"), log::Level::Info);
        assert_eq!(level("0x1 0x2"), log::Level::Debug);
        assert_eq!(level("embedded:startup.tcl:28: Error: no such file"), log::Level::Error);
        assert_eq!(level("C:\\a b\\x.cfg:3: Error: "), log::Level::Error);
        assert_eq!(level("the script said: Error: 3"), log::Level::Debug);
        assert_eq!(level("\u{e9}\u{e9}\u{e9}\u{e9}"), log::Level::Debug);
    }
}
