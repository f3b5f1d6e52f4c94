//! The first words on a connection: whether an OpenOCD is there, which one, and whether it knows our Tcl procedures.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

use crate::wire::frame::SEPARATOR;
use crate::wire::tcl;

/// The Tcl procedures of all subsystems.
const PRELUDE: &str = concat!(
    include_str!("../procedures/commands.tcl"),
    include_str!("../procedures/target.tcl"),
    include_str!("../procedures/registers.tcl"),
    include_str!("../procedures/memory.tcl"),
    include_str!("../procedures/files.tcl"),
    include_str!("../procedures/flash.tcl"),
    include_str!("../procedures/breakpoints.tcl"),
    include_str!("../procedures/jtag.tcl"),
    include_str!("../procedures/riscv.tcl"),
    include_str!("../procedures/dap.tcl"),
    include_str!("../procedures/adapter.tcl"),
    include_str!("../procedures/events.tcl"),
    include_str!("../procedures/rtt.tcl"),
    include_str!("../procedures/semihosting.tcl"),
    include_str!("../procedures/run_until.tcl"),
);

/// What is sent of it: OpenOCD reads 256 bytes at a time (`tcl_input` in `src/server/tcl_server.c`), and comments are half of all.
static PROCEDURES: LazyLock<String> = LazyLock::new(|| {
    let lines = PRELUDE.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
});

/// What these procedures are known by. Built with another version of Rust it may be another, and they are sent once more.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    hasher.write(PROCEDURES.as_bytes());
    format!("{:016x}", hasher.finish())
});

/// Asks for the version, for the token of the program that started this OpenOCD, if one did, and whether the procedures are what was defined last.
static QUESTION: LazyLock<String> = LazyLock::new(|| {
    let mark = MARK.as_str();
    format!(
        "list openocd-rs [version] [if {{[info exists ::_openocd_rs_token]}} {{set ::_openocd_rs_token}}] \
         [expr {{[info exists ::_openocd_rs_1_mark] && $::_openocd_rs_1_mark eq [list {mark} {LENGTHS}]}}]"
    )
});

/// How long each of the procedures is that OpenOCD knows now. Another version of this crate, or a script, may have changed them and not the mark.
const LENGTHS: &str =
    "[lmap _openocd_rs_1_name [info procs _openocd_rs_1_*] {string length [info body $_openocd_rs_1_name]}]";

/// What OpenOCD answers to [`question`] and [`definitions`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) version: String,
    pub(super) token: String,
    /// It knows our procedures.
    pub(super) is_prepared: bool,
}

/// The line to begin with.
pub(super) fn question() -> Vec<u8> {
    line(&[&QUESTION])
}

/// The line that defines the procedures.
pub(super) fn definitions() -> Vec<u8> {
    line(&[&PROCEDURES, "set ::_openocd_rs_1_mark [list ", &MARK, " ", LENGTHS, "]\n", &QUESTION])
}

fn line(parts: &[&str]) -> Vec<u8> {
    let mut line = parts.concat().into_bytes();
    line.push(SEPARATOR);
    line
}

/// Reads an answer, which only an OpenOCD can give.
pub(super) fn greeting(reply: &[u8]) -> Option<Greeting> {
    let [name, version, token, is_prepared] = tcl::strings(reply)?;
    (name == "openocd-rs").then(|| Greeting { version, token, is_prepared: is_prepared == "1" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_openocds_that_know_the_procedures_and_of_others() {
        let read = |known: &str| greeting(format!("openocd-rs {{Open On-Chip Debugger 0.12.0}} 5f {known}").as_bytes());
        let expected = |is_prepared| {
            let (version, token) = ("Open On-Chip Debugger 0.12.0".to_owned(), "5f".to_owned());
            Some(Greeting { version, token, is_prepared })
        };
        assert_eq!(read("1"), expected(true));
        assert_eq!(read("0"), expected(false));
        for other in ["", "HTTP/1.1 400 Bad Request", "openocd-rs", "openocd-rs x {} {", "openocd x {} {}"] {
            assert_eq!(greeting(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn procedures_go_without_comments() {
        assert!(!PROCEDURES.contains("\n#") && !PROCEDURES.contains("\n ") && !PROCEDURES.contains("\n\n"));
        assert_eq!(PROCEDURES.matches("\nproc ").count() + 1, PRELUDE.matches("\nproc ").count());
        // What is left out is a comment to Tcl too: no string spans lines, and no line before it or of it goes on.
        let mut before = "";
        for line in PRELUDE.lines() {
            let is_comment = line.trim_start().starts_with('#');
            let quotes = line.replace("\\\"", "").matches('"').count();
            assert!(quotes % 2 == 0 || is_comment, "{line}");
            assert!(!is_comment || !(line.ends_with('\\') || before.ends_with('\\')), "{line}");
            before = line;
        }
    }
}
