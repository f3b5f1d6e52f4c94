//! OpenOCD's command line, as it is and as people should read it.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use crate::wire::tcl::{quote, quote_bytes};

/// A command line in the making, without the program.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    pub(super) words: Vec<OsString>,
    /// What the caller asked for, without what this crate adds: to be tried by hand.
    pub(super) readable: Vec<OsString>,
    /// A command to run before each file and each command of the configuration.
    before: Option<&'static str>,
    /// What people read of this command, once.
    shown: Option<String>,
}

impl CommandLine {
    pub(super) fn word(&mut self, word: impl AsRef<OsStr>) {
        self.words.push(word.as_ref().into());
        self.readable.push(word.as_ref().into());
    }

    pub(super) fn option(&mut self, option: &str, argument: impl AsRef<OsStr>) {
        self.word(option);
        self.word(argument);
    }

    /// Adds a script of this crate's own.
    pub(super) fn own(&mut self, script: impl AsRef<str>) {
        self.words.extend(["-c", script.as_ref()].map(OsString::from));
    }

    /// Adds a script of this crate's own in place of what the caller asked for.
    pub(super) fn own_as(&mut self, script: impl AsRef<str>, shown: impl AsRef<str>) {
        self.own(script);
        self.show(shown.as_ref());
    }

    fn show(&mut self, command: &str) {
        self.readable.extend(["-c", command].map(OsString::from));
    }

    /// Runs `script` before each [`configure`](Self::configure) from here on, and at
    /// [`after_all`](Self::after_all).
    ///
    /// People read `shown` once, after the first of them: by hand, it works there mostly.
    pub(super) fn before_each(&mut self, script: &'static str, shown: Option<String>) {
        (self.before, self.shown) = (Some(script), shown);
    }

    /// Adds a file (`-f`) or a command (`-c`) of the configuration.
    pub(super) fn configure(&mut self, option: &str, argument: impl AsRef<OsStr>) {
        if let Some(script) = self.before {
            self.own(script);
        }
        match option {
            "-f" => self.file(argument),
            _ => self.option(option, argument),
        }
        if let Some(shown) = self.shown.take() {
            self.show(&shown);
        }
    }

    /// Adds a file.
    ///
    /// OpenOCD pastes the name after `-f` into a script, `script {NAME}`: a name with braces would
    /// be executed. So the same command is given here, with the name quoted.
    pub(super) fn file(&mut self, name: impl AsRef<OsStr>) {
        let name = name.as_ref();
        self.readable.extend(["-f".as_ref(), name].map(OsStr::to_owned));
        self.script(name.as_encoded_bytes());
    }

    /// Adds a file that is one word with its option, such as `-fNAME`.
    pub(super) fn option_with_file(&mut self, word: &OsStr, name: &[u8]) {
        self.readable.push(word.to_owned());
        self.script(name);
    }

    fn script(&mut self, name: &[u8]) {
        let word = std::str::from_utf8(name).map_or_else(|_| quote_bytes(name).into(), quote);
        self.own(format!("script {word}"));
    }

    pub(super) fn after_all(&mut self) {
        if let Some(script) = self.before {
            self.own(script);
        }
        if let Some(shown) = self.shown.take() {
            self.show(&shown);
        }
    }
}

/// Writes a program and its arguments as a POSIX shell takes them.
pub(super) fn shell_line(program: &OsStr, arguments: &[OsString]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    let words = std::iter::once(program).chain(arguments.iter().map(OsString::as_os_str));
    let quoted = words.map(|word| match word.to_string_lossy() {
        word if !word.is_empty() && word.chars().all(is_plain) => word,
        word if word.chars().any(char::is_control) => {
            let escaped: String = word.chars().map(escaped).collect();
            Cow::Owned(format!("$'{escaped}'"))
        }
        word => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// As it is between `$'` and `'`.
fn escaped(c: char) -> String {
    match c {
        '\\' | '\'' | '\n' | '\r' | '\t' => c.escape_default().to_string(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_can_be_pasted_into_a_shell() {
        let words = ["-c", "adapter driver dummy", "", "it's"].map(OsString::from);
        assert_eq!(shell_line("openocd".as_ref(), &words), r"openocd -c 'adapter driver dummy' '' 'it'\''s'");
    }

    #[test]
    fn command_line_is_one_line_without_control_characters() {
        let words = ["a\nb'\\c", "\x1b[2J"].map(OsString::from);
        assert_eq!(shell_line("openocd".as_ref(), &words), r"openocd $'a\nb\'\\c' $'\u001b[2J'");
    }

    #[test]
    fn people_read_what_the_caller_asked_for() {
        let mut line = CommandLine::default();
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

    #[test]
    fn file_names_become_quoted_words() {
        let mut line = CommandLine::default();
        line.file("a} ; exec touch b ; list {");
        assert_eq!(line.words, ["-c", r#"script "a\} \; exec touch b \; list \{""#]);
        assert_eq!(line.readable, ["-f", "a} ; exec touch b ; list {"]);
    }
}
