//! Builds the Tcl that a request runs. Every word that a caller supplies is quoted here, and
//! nowhere else.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::procedures;
use crate::wire::tcl;

/// A Tcl script: commands with their words. Tcl takes each word as exactly one word with exactly
/// these characters.
///
/// ```text
/// Script::call("irscan").word(tap).hex(instruction)
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Script {
    text: String,
}

impl Script {
    /// Calls a procedure of `src/procedures`, named without its prefix.
    pub(crate) fn call(name: &'static str) -> Self {
        Script::default().and_call(name)
    }

    /// Runs a command of OpenOCD. `words` is Tcl as it stands, so it must be a literal.
    pub(crate) fn command(words: &'static str) -> Self {
        Script { text: words.to_owned() }
    }

    /// An empty script that reuses an allocation.
    pub(crate) fn reuse(mut text: String) -> Self {
        text.clear();
        Script { text }
    }

    /// Calls one more procedure.
    pub(crate) fn and_call(self, name: &'static str) -> Self {
        self.and("").plain(procedures::prefix()).plain(name)
    }

    /// Runs one more command.
    pub(crate) fn and(mut self, words: &'static str) -> Self {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.plain(words)
    }

    /// Any text.
    pub(crate) fn word(mut self, word: &str) -> Self {
        self.text.push(' ');
        self.text.push_str(&tcl::quote(word));
        self
    }

    /// A number in hexadecimal: an address, a value.
    pub(crate) fn hex(mut self, value: impl Into<u64>) -> Self {
        let _ = write!(self.text, " {:#x}", value.into());
        self
    }

    /// A number in decimal: a count, an index.
    pub(crate) fn number(mut self, value: impl Into<u64>) -> Self {
        let _ = write!(self.text, " {}", value.into());
        self
    }

    /// 1 or 0.
    pub(crate) fn flag(self, flag: bool) -> Self {
        self.number(u64::from(flag))
    }

    /// Words of this crate, as they stand.
    pub(crate) fn literal(mut self, words: &'static str) -> Self {
        if !words.is_empty() {
            self.text.push(' ');
            self.text.push_str(words);
        }
        self
    }

    /// The words of another script, each one a word of this command.
    pub(crate) fn words(self, words: &Script) -> Self {
        self.plain(&words.text)
    }

    /// Bytes of any value, as one word.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.text.push(' ');
        self.text.push_str(&tcl::quote_bytes(bytes));
        self
    }

    /// A list of words, as one word.
    pub(crate) fn list<W: AsRef<str>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.text.push_str(" [list");
        self = words.into_iter().fold(self, |script, word| script.word(word.as_ref()));
        self.text.push(']');
        self
    }

    /// A list of numbers in hexadecimal, as one word.
    pub(crate) fn hex_list(mut self, values: impl IntoIterator<Item = impl Into<u64>>) -> Self {
        self.text.push_str(" {");
        let mut separator = "";
        for value in values {
            let _ = write!(self.text, "{separator}{:#x}", value.into());
            separator = " ";
        }
        self.text.push('}');
        self
    }

    /// Another script, as one word that a procedure evaluates.
    pub(crate) fn script(self, script: &Script) -> Self {
        self.word(&script.text)
    }

    /// The path of the file of [`with_file`](Self::with_file).
    pub(crate) fn file(mut self) -> Self {
        let _ = write!(self.text, " $::{}file", procedures::prefix());
        self
    }

    /// The result of a command with words of its own, as one word.
    pub(crate) fn substituted(mut self, words: &'static str, more: impl FnOnce(Script) -> Script) -> Self {
        let _ = write!(self.text, " [{}]", more(Script::command(words)).text);
        self
    }

    /// The result of a procedure, as one word.
    pub(crate) fn substituted_call(mut self, name: &'static str, more: impl FnOnce(Script) -> Script) -> Self {
        let _ = write!(self.text, " [{}]", more(Script::call(name)).text);
        self
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_string(self) -> String {
        self.text
    }

    fn plain(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }
}

impl From<Script> for Cow<'_, str> {
    fn from(script: Script) -> Self {
        Cow::Owned(script.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_quotes_every_word_of_a_caller() {
        let script =
            Script::call("irscan").word("x.cpu; exec reboot").hex(5_u32).number(3_u32).literal("-endstate IRPAUSE");
        let expected = format!("{}irscan \"x.cpu\\; exec reboot\" 0x5 3 -endstate IRPAUSE", procedures::prefix());
        assert_eq!(script.as_str(), expected);
    }

    #[test]
    fn lists_and_scripts_are_one_word() {
        let inner = Script::command("pathmove").literal("RESET").and("list done");
        let script = Script::command("eval").script(&inner).list(["a b", "}"]).hex_list([1_u8, 0xff]).bytes(b"\x1a");
        assert_eq!(script.as_str(), "eval \"pathmove RESET\\nlist done\" [list \"a b\" \"\\}\"] {0x1 0xff} \"\\x1a\"");
    }
}
