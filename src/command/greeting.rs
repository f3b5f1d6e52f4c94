//! The first words on a connection: whether an OpenOCD is there, which one, and whether it knows our Tcl procedures.

use std::sync::LazyLock;

use crate::procedures;
use crate::wire::frame::SEPARATOR;
use crate::wire::tcl;

/// Asks for the version, for the token of the program that started this OpenOCD, if one did, and whether it knows the procedures.
static QUESTION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "list openocd-rs [version] [if {{[info exists ::_openocd_rs_token]}} {{set ::_openocd_rs_token}}] \
         [info exists ::{}defined]",
        procedures::prefix()
    )
});

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
    // Last, so that procedures that did not arrive whole are sent once more.
    line(&[procedures::definitions(), "set ::", procedures::prefix(), "defined 1\n", &QUESTION])
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
}
