//! OpenOCD's command line, as it is and as people should read it.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

/// A command line in the making, without the program.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) words: Vec<OsString>,
    /// The same without what this crate adds: what the caller asked for, to be tried by hand.
    pub(super) readable: Vec<OsString>,
    /// A command to run before each file and each command of the configuration.
    before: Option<&'static str>,
    /// What it comes to, for people.
    once: Option<String>,
}

impl Line {
    pub(super) fn word(&mut self, word: impl AsRef<OsStr>) {
        self.words.push(word.as_ref().into());
        self.readable.push(word.as_ref().into());
    }

    pub(super) fn option(&mut self, option: &str, argument: impl AsRef<OsStr>) {
        self.word(option);
        self.word(argument);
    }

    /// A script of this crate's own.
    pub(super) fn own(&mut self, script: impl AsRef<str>) {
        self.words.extend(["-c", script.as_ref()].map(OsString::from));
    }

    /// The same, in place of what the caller asked for.
    pub(super) fn own_as(&mut self, script: impl AsRef<str>, shown: impl AsRef<str>) {
        self.own(script);
        self.show(shown.as_ref());
    }

    fn show(&mut self, command: &str) {
        self.readable.extend(["-c", command].map(OsString::from));
    }

    /// Before each [`configure`](Self::configure) from here on, and [`after_all`](Self::after_all), this script is to run. `shown`, which it comes to, would work
    /// by hand after the first of them, mostly.
    pub(super) fn before_each(&mut self, script: &'static str, shown: Option<String>) {
        (self.before, self.once) = (Some(script), shown);
    }

    /// A file or a command of the configuration.
    pub(super) fn configure(&mut self, option: &str, argument: impl AsRef<OsStr>) {
        if let Some(script) = self.before {
            self.own(script);
        }
        self.option(option, argument);
        if let Some(shown) = self.once.take() {
            self.show(&shown);
        }
    }

    pub(super) fn after_all(&mut self) {
        if let Some(script) = self.before {
            self.own(script);
        }
        if let Some(shown) = self.once.take() {
            self.show(&shown);
        }
    }
}

/// Writes a program and its arguments as a POSIX shell would take them.
pub(super) fn shell_line(program: &OsStr, arguments: &[OsString]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    let words = std::iter::once(program).chain(arguments.iter().map(OsString::as_os_str));
    let quoted = words.map(|word| match word.to_string_lossy() {
        word if !word.is_empty() && word.chars().all(plain) => word,
        word => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_can_be_pasted_into_a_shell() {
        let words = ["-c", "adapter driver dummy", "", "it's"].map(OsString::from);
        assert_eq!(shell_line("openocd".as_ref(), &words), r"openocd -c 'adapter driver dummy' '' 'it'\''s'");
    }

    #[test]
    fn people_read_what_the_caller_asked_for() {
        let mut line = Line::default();
        line.own("set _openocd_rs_token 1; list");
        line.own_as("adapter serial {a; b}; set _openocd_rs_has_serial 1", "adapter serial {a; b}");
        line.before_each("_openocd_rs_transport", Some("transport select swd".to_owned()));
        line.configure("-f", "interface.cfg");
        line.configure("-f", "target.cfg");
        line.after_all();
        assert_eq!(
            shell_line("openocd".as_ref(), &line.readable),
            "openocd -c 'adapter serial {a; b}' -f interface.cfg -c 'transport select swd' -f target.cfg"
        );
        let scripts = line.words.iter().filter(|word| **word == *"_openocd_rs_transport").count();
        assert_eq!(scripts, 3, "before each and after all");
    }
}
