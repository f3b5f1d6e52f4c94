//! Slips in elements that hold one word or number.

use super::number::{fits, is_plain, number};
use super::structure::indices;
use super::{Leaf, Malformed, Reader};

const ACCESS: &[&str] = &["read-only", "read-write", "write-only", "writeOnce", "read-writeOnce"];
const BLOCK_USAGE: &[&str] = &["registers", "buffer", "reserved"];
const ENUM_USAGE: &[&str] = &["read", "write", "read-write"];
const READ_ACTION: &[&str] = &["clear", "set", "modify", "modifyExternal"];
const PROTECTION: &[&str] = &["s", "n", "p"];
const ENDIAN: &[&str] = &["little", "big", "selectable", "other"];
const BOOLEAN: &[&str] = &["true", "false", "0", "1"];
const WRITE_VALUES: &[&str] =
    &["oneToClear", "oneToSet", "oneToToggle", "zeroToClear", "zeroToSet", "zeroToToggle", "clear", "set", "modify"];

/// Words that vendors use, without case and dashes, and what they stand for.
const SYNONYMS: &[(&str, &str, &str)] = &[
    ("access", "rw", "read-write"),
    ("access", "readwrite", "read-write"),
    ("access", "write", "write-only"),
    ("access", "wo", "write-only"),
    ("access", "w", "write-only"),
    ("access", "read", "read-only"),
    ("access", "ro", "read-only"),
    ("access", "r", "read-only"),
    ("usage", "register", "registers"),
    ("usage", "rw", "read-write"),
];

/// Elements that hold one number, wherever they are.
fn is_number(name: &str) -> bool {
    matches!(
        name,
        "addressOffset"
            | "baseAddress"
            | "dim"
            | "dimIncrement"
            | "offset"
            | "size"
            | "resetValue"
            | "resetMask"
            | "minimum"
            | "maximum"
            | "addressUnitBits"
            | "width"
            | "deviceNumInterrupts"
            | "sauNumRegions"
            | "nvicPrioBits"
    )
}

/// Elements that are read as a number or a list, and so have no others inside.
pub(super) fn holds_text(name: &str) -> bool {
    is_number(name) || matches!(name, "lsb" | "msb" | "bitOffset" | "bitWidth" | "bitRange" | "dimIndex" | "value")
}

impl<'t> Reader<'t> {
    #[allow(clippy::match_same_arms, reason = "what is left alone is named where its kind is")]
    pub(super) fn check_leaf(&mut self, leaf: &Leaf<'t>) -> Result<(), Malformed> {
        let parent = self.parent();
        match (parent, leaf.name) {
            // The parser panics on one that is empty.
            (_, "writeConstraint") => self.take_out(leaf),
            (_, "isDefault") | ("writeConstraint" | "cpu", _)
                if leaf.name != "endian" && BOOLEAN.contains(&&*leaf.text.to_ascii_lowercase()) =>
            {
                self.check_word(leaf, BOOLEAN, None);
            }
            ("cpu", "endian") => self.check_word(leaf, ENDIAN, Some("other")),
            (_, "access") => self.check_word(leaf, ACCESS, None),
            ("addressBlock", "usage") => self.check_word(leaf, BLOCK_USAGE, Some("registers")),
            (_, "usage") => self.check_word(leaf, ENUM_USAGE, Some("read-write")),
            (_, "modifiedWriteValues") => self.check_word(leaf, WRITE_VALUES, None),
            // An action that is not known is none to risk.
            (_, "readAction") => self.check_word(leaf, READ_ACTION, Some("modify")),
            (_, "protection") => self.check_word(leaf, PROTECTION, None),
            // Nothing here needs it, and the parser knows only some.
            (_, "dataType") => self.remove(leaf.whole.clone()),
            // The parser makes a list of any range, however long.
            (_, "dimIndex") if indices(leaf.text).is_none() => self.take_out(leaf),
            // These are read together, when the field ends.
            ("field", "lsb" | "msb" | "bitOffset" | "bitWidth" | "bitRange") | ("enumeratedValue", "value") => {}
            ("interrupt", "value") => return self.check_number(leaf),
            (_, name) if is_number(name) => return self.check_number(leaf),
            ("registers" | "fields" | "peripherals", "register" | "cluster" | "field" | "peripheral") => {}
            ("registers" | "fields" | "peripherals", _) => self.take_out(leaf),
            _ => {}
        }
        Ok(())
    }

    /// One of `known`, else what is surely meant, else `otherwise`, else nothing.
    fn check_word(&mut self, leaf: &Leaf<'t>, known: &[&str], otherwise: Option<&str>) {
        if known.contains(&leaf.text) {
            return;
        }
        if leaf.text.is_empty() {
            return self.remove(leaf.whole.clone());
        }
        let squeeze = |text: &str| text.replace(['-', '_', ' ', '/'], "").to_ascii_lowercase();
        let squeezed = squeeze(leaf.text);
        let meant = known.iter().find(|word| squeeze(word) == squeezed).copied();
        let synonym = || {
            let same = |(element, word, _): &&(&str, &str, &str)| *element == leaf.name && *word == squeezed;
            SYNONYMS.iter().find(same).map(|(.., meant)| *meant).filter(|meant| known.contains(meant))
        };
        let name = leaf.name;
        if let Some(meant) = meant.or_else(synonym).or(otherwise) {
            self.slip(leaf.whole.start, format!("<{name}> {:?} is taken for {meant:?}", leaf.text));
            self.replace(leaf.inside.clone(), meant);
        } else {
            self.slip(leaf.whole.start, format!("<{name}> {:?} is not known and left out", leaf.text));
            self.remove(leaf.whole.clone());
        }
    }

    fn check_number(&mut self, leaf: &Leaf<'t>) -> Result<(), Malformed> {
        let bits = match leaf.name {
            "addressOffset" | "dim" | "dimIncrement" => 32,
            "size" if self.parent() != "addressBlock" => 32,
            _ => 64,
        };
        if is_plain(leaf.text) && fits(leaf.text, bits) {
            return Ok(());
        }
        match number(leaf.text).filter(|pattern| fits(leaf.text, bits) || pattern.value >> (bits - 1) <= 1) {
            Some(pattern) => {
                if !leaf.text.starts_with("0b") && !leaf.text.starts_with('#') {
                    let (name, text, value) = (leaf.name, leaf.text, pattern.value);
                    self.slip(leaf.whole.start, format!("<{name}> {text:?} is taken for {value:#x}"));
                }
                self.replace(leaf.inside.clone(), pattern.value.to_string());
            }
            None if leaf.text.is_empty() => self.remove(leaf.whole.clone()),
            None if matches!(leaf.name, "resetValue" | "resetMask") => self.take_out(leaf),
            None if leaf.name == "size" && number(leaf.text).is_none() => self.take_out(leaf),
            None if matches!(leaf.name, "addressOffset" | "baseAddress" | "dim" | "dimIncrement" | "size") => {
                let message = format!("<{}> {:?} is not a number of at most {bits} bits", leaf.name, leaf.text);
                return Err(Malformed { offset: leaf.whole.start, message });
            }
            // What needs it is left out without it, or the parser refuses it with its line.
            None => {}
        }
        Ok(())
    }

    pub(super) fn take_out(&mut self, leaf: &Leaf<'t>) {
        if !leaf.text.is_empty() || leaf.name == "writeConstraint" {
            self.slip(
                leaf.whole.start,
                format!("<{}> {:?} cannot be understood and is left out", leaf.name, leaf.text),
            );
        }
        self.remove(leaf.whole.clone());
    }
}
