//! Slips of vendors' files, put right before the parser sees them.
//!
//! `svd-parser` refuses a whole file for one keyword in the wrong case. This pass reads the text once, tag by tag,
//! and rewrites what it knows to be meant. Line breaks stay, so that a line number of the parser is one of the file.

mod leaf;
mod number;
mod structure;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// Deeper than any description is nested; the parser behind this one recurses.
const DEEPEST: usize = 64;

/// Between the name of an enumerated value and its pattern: the parser keeps of `0b1x` only one number, so the
/// pattern travels with the name. From Unicode's private use area, which no name holds.
pub(super) const PATTERN_FOLLOWS: char = '\u{e000}';

/// Stands for a bit offset that the file leaves to the field it is derived from. A width of 0 does so for the width.
pub(super) const OFFSET_FROM_BASE: u32 = u32::MAX;

/// What is wrong beyond repair, and where.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) offset: usize,
    pub(super) message: String,
}

/// The text with known slips put right, and a line for each kind of slip.
pub(super) fn repair(text: &str) -> Result<(Cow<'_, str>, Vec<String>), Malformed> {
    let mut reader = Reader { text, open: Vec::new(), leaves: Vec::new(), edits: Vec::new(), slips: HashMap::new() };
    reader.read()?;
    Ok((apply(text, &mut reader.edits), warnings(text, reader.slips)))
}

/// Line and column (in characters) of a byte offset, both from 1.
pub(super) fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    (line.try_into().unwrap_or(u32::MAX), column.try_into().unwrap_or(u32::MAX))
}

/// An element whose end tag has not come yet.
#[derive(Debug)]
struct Open<'t> {
    name: &'t str,
    /// Where its start tag begins and ends.
    tag: Range<usize>,
    derived: bool,
    has_children: bool,
    /// It is a `<writeConstraint>` with something in it that the parser knows.
    is_constraint: bool,
    /// How many leaves there were before it.
    leaves_before: usize,
}

/// An element without children inside an open one.
#[derive(Debug, Clone)]
struct Leaf<'t> {
    name: &'t str,
    /// From start tag to end tag.
    whole: Range<usize>,
    /// Between the tags.
    inside: Range<usize>,
    text: &'t str,
}

impl Leaf<'_> {
    /// Where the text ends that is not white space.
    fn text_end(&self, document: &str) -> usize {
        self.inside.start + document[self.inside.clone()].trim_end().len()
    }
}

#[derive(Debug)]
struct Edit {
    range: Range<usize>,
    text: String,
}

struct Reader<'t> {
    text: &'t str,
    open: Vec<Open<'t>>,
    leaves: Vec<Leaf<'t>>,
    edits: Vec<Edit>,
    /// Of each kind of slip, where it came first, and how often it came.
    slips: HashMap<String, (usize, usize)>,
}

impl<'t> Reader<'t> {
    fn read(&mut self) -> Result<(), Malformed> {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'<', &bytes[at..]) {
            let start = at + found;
            let rest = &self.text[start..];
            let end = if rest.starts_with("<!--") {
                rest.find("-->").map(|end| end + 3)
            } else if rest.starts_with("<![CDATA[") {
                rest.find("]]>").map(|end| end + 3)
            } else if rest.starts_with("<?") {
                rest.find("?>").map(|end| end + 2)
            } else {
                tag_length(rest)
            };
            let Some(length) = end else {
                return Err(Malformed { offset: start, message: "the text ends inside this tag".to_owned() });
            };
            at = start + length;
            if rest.starts_with("<!") || rest.starts_with("<?") {
                continue;
            }
            let tag = &rest[1..length - 1];
            if let Some(name) = tag.strip_prefix('/') {
                self.end(local(name.trim_end()), start, at)?;
            } else {
                self.start(tag, start..at)?;
            }
        }
        match self.open.last() {
            Some(open) => {
                let (line, _) = position(self.text, open.tag.start);
                let message = format!("the text ends inside the element <{}> of line {line}", open.name);
                Err(Malformed { offset: self.text.len(), message })
            }
            None => Ok(()),
        }
    }

    fn start(&mut self, tag: &'t str, range: Range<usize>) -> Result<(), Malformed> {
        let empty = tag.ends_with('/');
        let name_end = tag.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(tag.len());
        if let Some(parent) = self.open.last_mut() {
            parent.has_children = true;
        }
        if self.open.len() == DEEPEST {
            let message = format!("elements are nested more than {DEEPEST} deep");
            return Err(Malformed { offset: range.start, message });
        }
        let end = range.end;
        let name = local(&tag[..name_end]);
        self.open.push(Open {
            name,
            tag: range,
            derived: tag[name_end..].contains("derivedFrom"),
            has_children: false,
            is_constraint: false,
            leaves_before: self.leaves.len(),
        });
        if empty { self.end(name, end, end) } else { Ok(()) }
    }

    /// An end tag that begins at `start` and ends at `end`.
    fn end(&mut self, name: &str, start: usize, end: usize) -> Result<(), Malformed> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        if open.name != name {
            let (line, _) = position(self.text, open.tag.start);
            let message = format!("expected </{}> for the element of line {line}, found </{name}>", open.name);
            return Err(Malformed { offset: start, message });
        }
        let inside = open.tag.end..start;
        let whole = open.tag.start..end;
        if open.has_children {
            self.check_structure(&open, &whole)?;
            self.leaves.truncate(open.leaves_before);
        } else {
            let leaf = Leaf { name: open.name, whole, text: self.text[inside.clone()].trim(), inside };
            self.check_leaf(&leaf)?;
            if matches!(leaf.name, "writeAsRead" | "useEnumeratedValues" | "range") {
                self.keep_constraint();
            }
            self.leaves.push(leaf);
        }
        Ok(())
    }

    fn parent(&self) -> &'t str {
        self.open.last().map_or("", |open| open.name)
    }

    fn is_inside(&self, name: &str) -> bool {
        self.open.iter().any(|open| open.name == name)
    }

    /// The element that is open has what makes it a constraint.
    fn keep_constraint(&mut self) {
        if let Some(parent) = self.open.last_mut() {
            parent.is_constraint = true;
        }
    }

    fn slip(&mut self, offset: usize, message: String) {
        self.slips.entry(message).or_insert((offset, 0)).1 += 1;
    }

    fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push(Edit { range, text: text.into() });
    }

    /// Takes an element out, with all edits inside it.
    fn remove(&mut self, range: Range<usize>) {
        self.edits.retain(|edit| edit.range.start < range.start || edit.range.end > range.end);
        let lines = memchr::memchr_iter(b'\n', &self.text.as_bytes()[range.clone()]).count();
        self.replace(range, "\n".repeat(lines));
    }
}

/// A name without the prefix of its namespace, which the parser does not look at.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

/// The length of the tag that a text begins with; a `>` inside quotes does not end it.
fn tag_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', &bytes[at..])?;
        if bytes[at] == b'>' {
            return Some(at + 1);
        }
        let quote = bytes[at];
        at += 1;
        at += memchr::memchr(quote, &bytes[at..])? + 1;
    }
}

fn apply<'t>(text: &'t str, edits: &mut [Edit]) -> Cow<'t, str> {
    if edits.is_empty() {
        return text.into();
    }
    // An insertion goes before what replaces the text behind it.
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut repaired = String::with_capacity(text.len() + 1024);
    let mut at = 0;
    for edit in edits {
        // An element that is there twice may have been put right twice.
        let Some(unchanged) = text.get(at..edit.range.start) else { continue };
        repaired.push_str(unchanged);
        repaired.push_str(&edit.text);
        at = edit.range.end;
    }
    repaired.push_str(&text[at..]);
    repaired.into()
}

fn warnings(text: &str, slips: HashMap<String, (usize, usize)>) -> Vec<String> {
    let mut slips: Vec<_> = slips.into_iter().map(|(message, (offset, times))| (offset, times, message)).collect();
    slips.sort();
    let line = |(offset, times, message)| {
        let again = if times > 1 { format!(" ({times} times)") } else { String::new() };
        format!("line {}: {message}{again}", position(text, offset).0)
    };
    slips.into_iter().map(line).collect()
}
