//! Elements that hold one word, number or text, and what vendors write there.

use std::borrow::Cow;

use super::number::{Number, exact, is_standard, number};
use crate::svd::warnings::{Warnings, shown};
use crate::svd::xml::{Element, Malformed};

/// Elements of the standard that nothing here needs.
const UNUSED: &[&str] = &[
    "addressUnitBits",
    "alternateCluster",
    "alternatePeripheral",
    "cpu",
    "dataType",
    "dimArrayIndex",
    "dimName",
    "disableCondition",
    "displayName",
    "headerDefinitionsPrefix",
    "headerEnumName",
    "headerStructName",
    "headerSystemFilename",
    "licenseText",
    "protection",
    "series",
    "usage",
    "vendor",
    "vendorID",
    "version",
    "width",
];

/// The child elements of one, sorted out.
pub(super) struct Parts<'x> {
    pub(super) element: Element<'x>,
    /// One of each name.
    leaves: Vec<Element<'x>>,
    /// Those that may come more than once, in the order of the file.
    pub(super) lists: Vec<Element<'x>>,
}

impl<'x> Parts<'x> {
    /// Sorts the children of an element: `leaves` hold a value and come once, `lists` come any
    /// number of times. Everything else is left out.
    pub(super) fn of(element: Element<'x>, leaves: &[&str], lists: &[&str], warnings: &mut Warnings) -> Self {
        let mut parts = Parts { element, leaves: Vec::new(), lists: Vec::new() };
        for child in element.children() {
            let name = child.name();
            if lists.contains(&name) {
                parts.lists.push(child);
            } else if leaves.contains(&name) {
                match parts.leaf(name) {
                    None => parts.leaves.push(child),
                    Some(first) if first.text() == child.text() => {}
                    Some(_) => {
                        let message = format!("a second <{name}> in <{}> is left out", shown_name(element));
                        warnings.add_at(child.offset(), message);
                    }
                }
            } else if !UNUSED.contains(&name) {
                let message =
                    format!("<{}> does not belong in <{}> and is left out", shown_name(child), shown_name(element));
                warnings.add_at(child.offset(), message);
            }
        }
        parts
    }

    pub(super) fn leaf(&self, name: &str) -> Option<Element<'x>> {
        self.leaves.iter().find(|leaf| leaf.name() == name).copied()
    }

    /// The text of a leaf that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'x, str>> {
        self.leaf(name).map(Element::text).filter(|text| !text.is_empty())
    }
}

/// The name of an element for a message.
fn shown_name(element: Element<'_>) -> Cow<'_, str> {
    let name = element.name();
    match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}

/// A word that vendors write, without case, dashes and the like, for one of the standard.
pub(super) type Synonym = (&'static str, &'static str);

/// The value that a word stands for: one of `known`, else what is surely meant, else `otherwise`.
pub(super) fn word<T: Copy>(
    leaf: Option<Element<'_>>,
    known: &[(&'static str, T)],
    synonyms: &[Synonym],
    otherwise: Option<&str>,
    warnings: &mut Warnings,
) -> Option<T> {
    let leaf = leaf?;
    let text = leaf.text();
    let find = |word: &str| known.iter().find(|(known, _)| *known == word).copied();
    if text.is_empty() {
        return None;
    }
    let name = leaf.name();
    if leaf.has_children() {
        warnings.add_at(leaf.offset(), format!("<{name}> has elements inside and is left out"));
        return None;
    }
    if let Some((_, value)) = find(&text) {
        return Some(value);
    }
    let squeeze = |text: &str| text.replace(['-', '_', ' ', '/'], "").to_ascii_lowercase();
    let squeezed = squeeze(&text);
    let alike = || known.iter().find(|(word, _)| squeeze(word) == squeezed).copied();
    let synonym = || synonyms.iter().find(|(word, _)| *word == squeezed).and_then(|(_, meant)| find(meant));
    let found = alike().or_else(synonym).or_else(|| find(otherwise?));
    warnings.add_at(
        leaf.offset(),
        match found {
            Some((meant, _)) => format!("<{name}> {} is taken for {meant:?}", shown(&text)),
            None => format!("<{name}> {} is not known and left out", shown(&text)),
        },
    );
    found.map(|(_, value)| value)
}

const BOOLEANS: &[(&str, bool)] = &[("true", true), ("false", false), ("1", true), ("0", false)];

pub(super) fn boolean(leaf: Option<Element<'_>>, warnings: &mut Warnings) -> Option<bool> {
    word(leaf, BOOLEANS, &[], None, warnings)
}

/// What becomes of a number that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// The number is left out.
    LeftOut,
    /// The file is refused: without the number, something would be in a wrong place.
    Refused,
}

/// A number of at most so many bits.
pub(super) fn scalar(
    leaf: Option<Element<'_>>,
    bits: u32,
    otherwise: Otherwise,
    warnings: &mut Warnings,
) -> Result<Option<u64>, Malformed> {
    let Some(leaf) = leaf else { return Ok(None) };
    let (name, text) = (leaf.name(), leaf.text());
    if leaf.has_children() {
        return unreadable(leaf, format!("<{name}> must not have elements inside"), otherwise, warnings);
    }
    if text.is_empty() {
        return Ok(None);
    }
    let Some(value) = exact(&text).filter(|value| value >> (bits - 1) <= 1) else {
        let message = format!("<{name}> {} is not a number of at most {bits} bits", shown(&text));
        return unreadable(leaf, message, otherwise, warnings);
    };
    if !is_standard(&text) {
        warnings.add_at(leaf.offset(), format!("<{name}> {} is taken for {value:#x}", shown(&text)));
    }
    Ok(Some(value))
}

fn unreadable<T>(
    leaf: Element<'_>,
    message: String,
    otherwise: Otherwise,
    warnings: &mut Warnings,
) -> Result<Option<T>, Malformed> {
    match otherwise {
        Otherwise::Refused => Err(Malformed { offset: leaf.offset(), message }),
        Otherwise::LeftOut => {
            warnings.add_at(leaf.offset(), message + " and is left out");
            Ok(None)
        }
    }
}

/// A number of at most 32 bits.
pub(super) fn scalar_u32(
    leaf: Option<Element<'_>>,
    otherwise: Otherwise,
    warnings: &mut Warnings,
) -> Result<Option<u32>, Malformed> {
    Ok(scalar(leaf, 32, otherwise, warnings)?.and_then(|value| value.try_into().ok()))
}

/// A number that is left out, with a warning, if it cannot be read or has more bits.
pub(super) fn optional(leaf: Option<Element<'_>>, bits: u32, warnings: &mut Warnings) -> Option<u64> {
    scalar(leaf, bits, Otherwise::LeftOut, warnings).ok().flatten()
}

/// A number of which some bits may not be given, such as `0x0000XXXX`. It is left out, with a
/// warning, if it cannot be read.
pub(super) fn pattern(leaf: Option<Element<'_>>, warnings: &mut Warnings) -> Option<Number> {
    let leaf = leaf?;
    let text = leaf.text();
    if exact(&text).is_some() || leaf.has_children() {
        return optional(Some(leaf), 64, warnings).map(|value| Number { value, any: 0 });
    }
    let found = number(&text);
    let name = leaf.name();
    match found {
        Some(Number { value, any }) => {
            let message = format!("<{name}> {} is taken for {value:#x}; the bits {any:#x} are unknown", shown(&text));
            warnings.add_at(leaf.offset(), message);
        }
        None if text.is_empty() => {}
        None => warnings.add_at(leaf.offset(), format!("<{name}> {} is not a number and left out", shown(&text))),
    }
    found
}
