//! A reader of XML that keeps what an SVD file can hold: elements, their attributes and their text.
//!
//! Nothing is copied: an element is a few offsets into the text, and its text is put together when
//! it is asked for. The reader needs time and memory in proportion to the text, whatever is in it.

mod text;

use std::borrow::Cow;
use std::ops::Range;

use self::text::{check_references, content, tag_length};

/// Descriptions are nested about ten deep. What reads the elements recurses.
const DEEPEST: usize = 64;
/// Several times the number of elements of the largest vendors' files.
const MOST_ELEMENTS: usize = 1 << 22;
/// The element that may hold anything. The reader skips it.
const OPAQUE: &str = "vendorExtensions";
/// Stands for no element.
const NONE: u32 = u32::MAX;

/// The text is no XML, or lacks what a description must have; the byte offset of the place.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) offset: usize,
    pub(super) message: String,
}

/// A document, element by element.
#[derive(Debug)]
pub(super) struct Xml<'x> {
    text: &'x str,
    nodes: Vec<Node>,
    /// Where a `<!DOCTYPE …>` is, which says nothing that is used.
    pub(super) doctype: Option<usize>,
}

/// An element. The text is shorter than 4 GiB.
#[derive(Debug)]
struct Node {
    /// The whole element.
    start: u32,
    end: u32,
    /// What is between its tags.
    inner_start: u32,
    inner_end: u32,
    /// Its name without a namespace's prefix.
    name_start: u32,
    name_end: u32,
    first_child: u32,
    next: u32,
}

/// An element of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'x> {
    xml: &'x Xml<'x>,
    index: u32,
}

/// An element whose end tag has not come yet.
struct Open<'x> {
    /// As the start tag has it, with its prefix.
    name: &'x str,
    start: usize,
    /// Its node and the last child of that; [`NONE`] inside of what is skipped.
    node: u32,
    last_child: u32,
}

impl<'x> Xml<'x> {
    /// Reads a text of less than 4 GiB.
    pub(super) fn parse(text: &'x str) -> Result<Self, Malformed> {
        let is_forbidden = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
        if let Some(offset) = text.bytes().position(is_forbidden) {
            let message = format!("the character U+{:04X} is not allowed in XML", text.as_bytes()[offset]);
            return Err(Malformed { offset, message });
        }
        let mut reader =
            Reader { xml: Xml { text, nodes: Vec::new(), doctype: None }, open: Vec::new(), skipped_from: None };
        reader.read()?;
        Ok(reader.xml)
    }

    /// The element that holds all others.
    pub(super) fn root(&'x self) -> Element<'x> {
        Element { xml: self, index: 0 }
    }
}

struct Reader<'x> {
    xml: Xml<'x>,
    open: Vec<Open<'x>>,
    /// How many elements were open when the one that is skipped began.
    skipped_from: Option<usize>,
}

impl<'x> Reader<'x> {
    fn read(&mut self) -> Result<(), Malformed> {
        let text = self.xml.text;
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'<', &text.as_bytes()[at..]) {
            let start = at + found;
            self.text(at..start)?;
            let rest = &text[start..];
            let ends_with = |mark: &str, from: usize| rest[from..].find(mark).map(|end| from + end + mark.len());
            let length = if rest.starts_with("<!--") {
                ends_with("-->", 4)
            } else if rest.starts_with("<![CDATA[") {
                ends_with("]]>", 9)
            } else if rest.starts_with("<?") {
                ends_with("?>", 2)
            } else if rest.starts_with("<!DOCTYPE") {
                self.doctype(start)?
            } else {
                tag_length(rest)
            };
            let Some(length) = length else {
                return Err(malformed(start, "the text ends inside this tag"));
            };
            at = start + length;
            if rest.starts_with("<![CDATA[") && self.open.is_empty() {
                return Err(malformed(start, "there is text outside of the element that holds all others"));
            }
            if rest.starts_with("<!") || rest.starts_with("<?") {
                continue;
            }
            match rest[1..length - 1].strip_prefix('/') {
                Some(name) => self.end(name.trim_end(), start, at)?,
                None => self.start(&rest[1..length - 1], start..at)?,
            }
        }
        self.text(at..text.len())?;
        match self.open.last() {
            Some(open) => {
                let (line, _) = position(text, open.start);
                let message = format!("the text ends inside the element <{}> of line {line}", open.name);
                Err(Malformed { offset: text.len(), message })
            }
            None if self.xml.nodes.is_empty() => Err(malformed(0, "the text has no element <device>")),
            None => Ok(()),
        }
    }

    /// Checks text between tags.
    fn text(&self, range: Range<usize>) -> Result<(), Malformed> {
        let text = &self.xml.text[range.clone()];
        if self.open.is_empty() && !text.trim().is_empty() {
            let offset = range.start + text.len() - text.trim_start().len();
            return Err(malformed(offset, "there is text outside of the element that holds all others"));
        }
        check_references(text, range.start)
    }

    /// The length of a document type declaration. One that defines entities is refused: they could
    /// grow without end.
    fn doctype(&mut self, start: usize) -> Result<Option<usize>, Malformed> {
        let rest = &self.xml.text[start..];
        let bracket = memchr::memchr2(b'[', b'>', rest.as_bytes());
        self.xml.doctype = Some(start);
        match bracket {
            Some(at) if rest.as_bytes()[at] == b'[' => {
                let Some(end) = memchr::memmem::find(&rest.as_bytes()[at..], b"]").map(|end| at + end) else {
                    return Ok(None);
                };
                if rest[at..end].contains("<!ENTITY") {
                    return Err(malformed(start, "a DTD that defines entities is not supported"));
                }
                Ok(memchr::memchr(b'>', &rest.as_bytes()[end..]).map(|after| end + after + 1))
            }
            found => Ok(found.map(|at| at + 1)),
        }
    }

    fn start(&mut self, tag: &'x str, range: Range<usize>) -> Result<(), Malformed> {
        let start = range.start;
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name_length = tag.find(|c: char| c.is_ascii_whitespace()).unwrap_or(tag.len());
        let name = &tag[..name_length];
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.');
        if !name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | ':')) || !name.chars().all(is_name) {
            return Err(malformed(start, "this `<` does not begin a tag"));
        }
        if self.open.is_empty() && !self.xml.nodes.is_empty() {
            return Err(malformed(start, "there is more than one element that holds all others"));
        }
        for attribute in attributes(&tag[name_length..]) {
            let Some((_, value)) = attribute else {
                return Err(malformed(start, "an attribute of this tag is not NAME=\"VALUE\""));
            };
            check_references(value, start)?;
        }
        if self.skipped_from.is_none() && local(name) == OPAQUE {
            self.skipped_from = Some(self.open.len());
        }
        let mut node = NONE;
        if self.skipped_from.is_none() {
            if self.open.len() == DEEPEST {
                return Err(malformed(start, &format!("elements are nested more than {DEEPEST} deep")));
            }
            if self.xml.nodes.len() == MOST_ELEMENTS {
                return Err(malformed(start, &format!("there are more than {MOST_ELEMENTS} elements")));
            }
            node = self.add(name, &range);
        }
        if is_empty {
            self.close(node, range.end, range.end);
        } else {
            self.open.push(Open { name, start, node, last_child: NONE });
        }
        Ok(())
    }

    /// Adds a node for a start tag.
    fn add(&mut self, name: &str, tag: &Range<usize>) -> u32 {
        let index = offset(self.xml.nodes.len());
        let name_end = tag.start + 1 + name.len();
        self.xml.nodes.push(Node {
            start: offset(tag.start),
            end: offset(tag.end),
            inner_start: offset(tag.end),
            inner_end: offset(tag.end),
            name_start: offset(name_end - local(name).len()),
            name_end: offset(name_end),
            first_child: NONE,
            next: NONE,
        });
        if let Some(parent) = self.open.last_mut() {
            let before = std::mem::replace(&mut parent.last_child, index);
            if before == NONE {
                self.xml.nodes[parent.node as usize].first_child = index;
            } else {
                self.xml.nodes[before as usize].next = index;
            }
        }
        index
    }

    /// An end tag that begins at `start` and ends at `end`.
    fn end(&mut self, name: &str, start: usize, end: usize) -> Result<(), Malformed> {
        let Some(open) = self.open.pop() else {
            return Err(malformed(start, &format!("</{name}> ends nothing")));
        };
        if open.name != name {
            let (line, _) = position(self.xml.text, open.start);
            let message = format!("expected </{}> for the element of line {line}, found </{name}>", open.name);
            return Err(Malformed { offset: start, message });
        }
        self.close(open.node, start, end);
        Ok(())
    }

    fn close(&mut self, node: u32, inner_end: usize, end: usize) {
        if let Some(node) = self.xml.nodes.get_mut(node as usize) {
            node.inner_end = offset(inner_end);
            node.end = offset(end);
        }
        if self.skipped_from == Some(self.open.len()) {
            self.skipped_from = None;
        }
    }
}

impl<'x> Element<'x> {
    fn node(self) -> &'x Node {
        &self.xml.nodes[self.index as usize]
    }

    /// The name without a namespace's prefix.
    pub(super) fn name(self) -> &'x str {
        &self.xml.text[self.node().name_start as usize..self.node().name_end as usize]
    }

    /// The byte offset of its start tag.
    pub(super) fn offset(self) -> usize {
        self.node().start as usize
    }

    pub(super) fn children(self) -> impl Iterator<Item = Element<'x>> {
        let existing = move |index| (index != NONE).then_some(Element { xml: self.xml, index });
        std::iter::successors(existing(self.node().first_child), move |child| existing(child.node().next))
    }

    pub(super) fn has_children(self) -> bool {
        self.node().first_child != NONE
    }

    /// The text directly inside, without white space around it: references are resolved, comments
    /// left out.
    pub(super) fn text(self) -> Cow<'x, str> {
        let node = self.node();
        let range = node.inner_start as usize..node.inner_end as usize;
        let children = self.children().map(|child| child.node().start as usize..child.node().end as usize);
        content(self.xml.text, range, children)
    }

    /// The value of an attribute.
    pub(super) fn attribute(self, name: &str) -> Option<Cow<'x, str>> {
        let node = self.node();
        let tag = &self.xml.text[node.name_end as usize..node.inner_start as usize - 1];
        let tag = tag.strip_suffix('/').unwrap_or(tag);
        let (_, value) = attributes(tag).flatten().find(|(found, _)| *found == name)?;
        let start = value.as_ptr() as usize - self.xml.text.as_ptr() as usize;
        Some(content(self.xml.text, start..start + value.len(), std::iter::empty()))
    }
}

/// Line and column (in characters) of a byte offset, both from 1.
pub(super) fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    (line.try_into().unwrap_or(u32::MAX), column.try_into().unwrap_or(u32::MAX))
}

fn malformed(offset: usize, message: &str) -> Malformed {
    Malformed { offset, message: message.to_owned() }
}

/// A name without the prefix of its namespace.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

/// The text is limited to less than this.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

/// Names and values of the attributes in a tag; `None`, once, where there is none as it must be.
fn attributes(tag: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    let mut rest = Some(tag);
    std::iter::from_fn(move || {
        let text = rest.take()?.trim_start();
        if text.is_empty() {
            return None;
        }
        let attribute = text.split_once('=').and_then(|(name, value)| {
            let value = value.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = value[1..].split_once(quote)?;
            rest = Some(after);
            Some((name.trim_end(), value))
        });
        Some(attribute)
    })
}
