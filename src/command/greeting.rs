//! The first exchange on a connection: whether an OpenOCD answers, which one, and whether it knows
//! our Tcl procedures.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use crate::procedures;
use crate::wire::frame::SEPARATOR;
use crate::wire::tcl;

/// The first word of every answer.
const NAME: &str = "openocd-rs";

/// What makes other servers answer at once, a comment to Tcl: a GDB server answers the packet, and
/// servers of lines (telnet, HTTP) answer the line.
const PROVOCATION: &str = "# $vMustReplyEmpty#3a\r\n\r\n";

/// Asks for the version, for the token of the program that started this OpenOCD, if one did, for
/// the number of our procedures that are defined, and for the number by which this OpenOCD is known,
/// which follows.
static QUESTION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{PROVOCATION}list {NAME} [version] [if {{[info exists ::_openocd_rs_token]}} {{set ::_openocd_rs_token}}] \
         [llength [info commands {}*]] [if {{![info exists ::_openocd_rs_birth]}} {{set ::_openocd_rs_birth ",
        procedures::prefix()
    )
});

/// What OpenOCD answers to [`question`] and [`definitions`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) version: String,
    pub(super) token: String,
    /// All of our procedures are defined.
    pub(super) is_prepared: bool,
    /// A number that no other OpenOCD has. The first client gives it one.
    pub(super) birth: String,
}

/// The line to begin with.
pub(super) fn question() -> Vec<u8> {
    line(&[&QUESTION])
}

/// The line that defines the procedures.
pub(super) fn definitions() -> Vec<u8> {
    line(&[procedures::definitions(), &QUESTION])
}

fn line(parts: &[&str]) -> Vec<u8> {
    let mut line = parts.concat();
    let _ = write!(line, "{}}} else {{set ::_openocd_rs_birth}}]", RandomState::new().hash_one(0));
    let mut line = line.into_bytes();
    line.push(SEPARATOR);
    line
}

/// Whether an answer may begin with these bytes, of which more may follow.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let common = bytes.len().min(NAME.len());
    bytes[..common] == NAME.as_bytes()[..common]
}

/// Reads an answer, which only an OpenOCD can give.
pub(super) fn greeting(reply: &[u8]) -> Option<Greeting> {
    let [name, version, token, defined, birth] = tcl::strings(reply)?;
    let is_prepared = defined.parse() == Ok(procedures::count());
    (name == NAME).then_some(Greeting { version, token, is_prepared, birth })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_openocds_that_know_the_procedures_and_of_others() {
        let read =
            |known: &str| greeting(format!("openocd-rs {{Open On-Chip Debugger 0.12.0}} 5f {known} 77").as_bytes());
        let expected = |is_prepared| {
            let (version, token) = ("Open On-Chip Debugger 0.12.0".to_owned(), "5f".to_owned());
            Some(Greeting { version, token, is_prepared, birth: "77".to_owned() })
        };
        assert_eq!(read(&procedures::count().to_string()), expected(true));
        assert_eq!(read(&(procedures::count() - 1).to_string()), expected(false));
        assert_eq!(read("0"), expected(false));
        for other in [
            "",
            "HTTP/1.1 400 Bad Request",
            "openocd-rs",
            "openocd-rs x {} {} {",
            "openocd x {} {} 7",
            "openocd-rs x {} 7",
        ] {
            assert_eq!(greeting(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn beginnings_of_other_protocols_are_told_from_an_answer() {
        for beginning in ["", "o", "openocd-rs", "openocd-rs {Open On-Chip"] {
            assert!(may_begin(beginning.as_bytes()), "{beginning:?}");
        }
        for beginning in ["SSH-2.0-OpenSSH_9.2\r\n", "+", "\u{ff}", "openocd ", "Open On-Chip"] {
            assert!(!may_begin(beginning.as_bytes()), "{beginning:?}");
        }
    }
}
