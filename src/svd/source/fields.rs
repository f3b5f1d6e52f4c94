//! Reading fields and the names of their values.

use std::collections::HashSet;
use std::ops::Range;

use super::leaf::{Parts, Synonym, boolean, word};
use super::number::{Number, exact, is_standard, number};
use super::read::{Reader, place};
use super::{Bits, Enumeration, Field, Usage};
use crate::svd::field::EnumeratedValue;
use crate::svd::warnings::shown;
use crate::svd::xml::Element;

const USAGES: &[(&str, Usage)] = &[("read", Usage::Read), ("write", Usage::Write), ("read-write", Usage::ReadWrite)];
const USAGE_SYNONYMS: &[Synonym] = &[("rw", "read-write")];

impl<'x> Reader<'x, '_> {
    /// The fields of a register. One that cannot be read is left out, with a warning.
    pub(super) fn fields(&mut self, parts: &Parts<'x>, register: u32) -> Option<Range<u32>> {
        if parts.lists.is_empty() {
            return None;
        }
        let first = place(self.source.fields.len());
        for element in self.merged(parts, "fields", &["field"]) {
            self.field(element, register);
        }
        Some(first..place(self.source.fields.len()))
    }

    fn field(&mut self, element: Element<'x>, register: u32) {
        let leaves = [
            "name",
            "description",
            "bitRange",
            "lsb",
            "msb",
            "bitOffset",
            "bitWidth",
            "access",
            "readAction",
            "modifiedWriteValues",
            "writeConstraint",
            "dim",
            "dimIncrement",
            "dimIndex",
        ];
        let parts = self.parts(element, &leaves, &["enumeratedValues"]);
        let head = match self.head(&parts) {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(error) => {
                self.warnings.add_at(error.offset, format!("a field is left out: {}", error.message));
                return;
            }
        };
        let bits = match self.bits(&parts, head.derived_from.is_some()) {
            Ok(bits) => bits,
            Err((at, reason)) => {
                self.warn(at, format!("field {} is left out: {reason}", shown(&head.name)));
                return;
            }
        };
        let (access, behavior) = (self.access(&parts), self.behavior(&parts));
        let home = place(self.source.fields.len());
        let first = place(self.source.enumerations.len());
        for &enumeration in &parts.lists {
            self.enumeration(enumeration, home);
        }
        let enumerations = first..place(self.source.enumerations.len());
        let description = parts.text("description");
        self.source.fields.push(Field { head, home: register, description, bits, access, behavior, enumerations });
    }

    /// Which bits a field has, or where and why this cannot be known.
    fn bits(&mut self, parts: &Parts<'x>, is_derived: bool) -> Result<Bits, (Element<'x>, String)> {
        let names = ["bitRange", "lsb", "msb", "bitOffset", "bitWidth"];
        let leaf = |name| parts.leaf(name).filter(|leaf| leaf.has_children() || !leaf.text().is_empty());
        for leaf in names.into_iter().filter_map(leaf) {
            let (name, text) = (leaf.name(), leaf.text());
            if leaf.has_children() {
                return Err((leaf, format!("<{name}> must not have elements inside")));
            }
            if name != "bitRange" && bit(&text).is_none() {
                return Err((leaf, format!("<{name}> {} does not say which bits a field has", shown(&text))));
            }
        }
        let range = |first: u32, last: u32| Bits { first: Some(first), width: Some(last - first + 1) };
        if let Some(leaf) = leaf("bitRange") {
            return self.bit_range(leaf).map(|(first, last)| range(first, last));
        }
        let [lsb, msb, offset, width] = ["lsb", "msb", "bitOffset", "bitWidth"].map(|name| {
            let leaf = leaf(name)?;
            let text = leaf.text();
            if !is_standard(&text) {
                self.warn(leaf, format!("<{name}> {} is taken for {}", shown(&text), bit(&text)?));
            }
            bit(&text)
        });
        if width == Some(0) {
            return Err((parts.element, "its <bitWidth> is 0".to_owned()));
        }
        match (lsb, msb, offset, width) {
            (Some(low), Some(high), ..) => {
                if low > high {
                    self.warn(parts.element, format!("<lsb> {low} and <msb> {high} are taken the other way round"));
                }
                Ok(range(low.min(high), low.max(high)))
            }
            (.., Some(first), width) => {
                if width.is_none() && !is_derived {
                    self.warn(parts.element, "a field without <bitWidth> is taken for one bit".to_owned());
                }
                Ok(Bits { first: Some(first), width })
            }
            (None, None, None, width) if is_derived => Ok(Bits { first: None, width }),
            _ => Err((parts.element, "nothing says which bits it has".to_owned())),
        }
    }

    /// The first and the last bit of `[7:4]`.
    fn bit_range(&mut self, leaf: Element<'x>) -> Result<(u32, u32), (Element<'x>, String)> {
        let text = leaf.text();
        let inner = text.trim_start_matches('[').trim_end_matches(']');
        let ends = inner.split_once(':').or_else(|| inner.split_once('-')).unwrap_or((inner, inner));
        let (Some(high), Some(low)) = (bit(ends.0.trim()), bit(ends.1.trim())) else {
            return Err((leaf, format!("<bitRange> {} does not say which bits a field has", shown(&text))));
        };
        let (low, high) = (low.min(high), low.max(high));
        let proper = format!("[{high}:{low}]");
        if proper != text {
            self.warn(leaf, format!("<bitRange> {} is taken for {proper:?}", shown(&text)));
        }
        Ok((low, high))
    }

    fn enumeration(&mut self, element: Element<'x>, home: u32) {
        let parts = self.parts(element, &["name", "usage"], &["enumeratedValue"]);
        let usage = word(parts.leaf("usage"), USAGES, USAGE_SYNONYMS, Some("read-write"), self.warnings);
        let values: Vec<_> = parts.lists.iter().map(|value| self.enumerated_value(*value)).collect();
        let mut names = HashSet::with_capacity(values.len());
        for value in values.iter().filter(|value| !names.insert(&*value.name)) {
            self.warn(element, format!("more than one value is named {}; look-ups find the first", shown(&value.name)));
        }
        let values = values.into();
        let derived_from = element.attribute("derivedFrom").filter(|path| !path.is_empty());
        self.source.enumerations.push(Enumeration { name: parts.text("name"), derived_from, home, usage, values });
    }

    fn enumerated_value(&mut self, element: Element<'x>) -> EnumeratedValue {
        let parts = self.parts(element, &["name", "description", "value", "isDefault"], &[]);
        let default = boolean(parts.leaf("isDefault"), self.warnings);
        let value = parts.leaf("value").and_then(|leaf| self.value(leaf, default.is_some()));
        let name = parts.text("name").unwrap_or_else(|| {
            self.warn(element, "an enumerated value without a name is named after its value".to_owned());
            parts.text("value").unwrap_or("default".into())
        });
        EnumeratedValue {
            name: name.into(),
            description: parts.text("description").map(Into::into),
            value: value.map(|number| number.value),
            any: value.map_or(0, |number| number.any),
            default: default == Some(true),
        }
    }

    /// The number of an enumerated value, of which some bits may not matter.
    fn value(&mut self, leaf: Element<'x>, has_default: bool) -> Option<Number> {
        let text = leaf.text();
        let found = number(&text).filter(|_| !leaf.has_children());
        match found {
            Some(number) if is_standard(&text) || number.any != 0 && exact(&text).is_none() => {}
            Some(Number { value, any }) => {
                let any = if any == 0 { String::new() } else { format!(", without the bits {any:#x}") };
                self.warn(leaf, format!("an enumerated <value> {} is taken for {value:#x}{any}", shown(&text)));
            }
            // `*`, or words: with isDefault they say nothing.
            None if has_default || text.is_empty() => {}
            None => self.warn(leaf, format!("an enumerated <value> {} is not a number and left out", shown(&text))),
        }
        found
    }
}

/// A bit number. Any register is narrower than this.
fn bit(text: &str) -> Option<u32> {
    exact(text).and_then(|value| u32::try_from(value).ok()).filter(|bit| *bit < 0x1_0000)
}
