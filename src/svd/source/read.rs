//! Reading the elements of a file: device, peripherals, clusters, registers.

use std::borrow::Cow;

use super::dim::{Dim, indices};
use super::leaf::{Otherwise, Parts, Synonym, boolean, optional, pattern, scalar, scalar_u32, word};
use super::{Behavior, Child, Cluster, Constraint, Head, List, ListId, Peripheral, Properties, Register, Source};
use crate::svd::device::Interrupt;
use crate::svd::properties::{Access, ModifiedWriteValues, WriteConstraint};
use crate::svd::warnings::{Warnings, shown};
use crate::svd::xml::{Element, Malformed, Xml};
use crate::types::ReadAction;

/// The words that vendors use for `access`.
pub(super) const ACCESS_SYNONYMS: &[Synonym] = &[
    ("rw", "read-write"),
    ("write", "write-only"),
    ("wo", "write-only"),
    ("w", "write-only"),
    ("read", "read-only"),
    ("ro", "read-only"),
    ("r", "read-only"),
];
const ENDIANS: &[(&str, bool)] = &[("little", false), ("big", true), ("selectable", false), ("other", false)];

const PROPERTIES: [&str; 4] = ["size", "access", "resetValue", "resetMask"];

/// Reads a document. What is unimportant and wrong is left out, with a warning.
pub(in crate::svd) fn read<'x>(xml: &'x Xml<'x>, warnings: &mut Warnings) -> Result<Source<'x>, Malformed> {
    let mut reader = Reader { source: Source::default(), warnings };
    if let Some(offset) = xml.doctype {
        reader.warnings.add_at(offset, "a document type declaration is left out".to_owned());
    }
    reader.device(xml.root())?;
    Ok(reader.source)
}

pub(super) struct Reader<'x, 'w> {
    pub(super) source: Source<'x>,
    pub(super) warnings: &'w mut Warnings,
}

impl<'x> Reader<'x, '_> {
    pub(super) fn parts(&mut self, element: Element<'x>, leaves: &[&str], lists: &[&str]) -> Parts<'x> {
        Parts::of(element, leaves, lists, self.warnings)
    }

    pub(super) fn warn(&mut self, element: Element<'x>, message: String) {
        self.warnings.add_at(element.offset(), message);
    }

    fn device(&mut self, root: Element<'x>) -> Result<(), Malformed> {
        if root.name() != "device" {
            let message = format!("expected the element <device>, found <{}>", root.name());
            return Err(Malformed { offset: root.offset(), message });
        }
        let leaves = ["name", "description", "version", "cpu", "size", "access", "resetValue", "resetMask"];
        let parts = self.parts(root, &leaves, &["peripherals"]);
        self.source.name = parts.text("name").unwrap_or_else(|| {
            self.warnings.add_at(root.offset(), "the device has no <name>".to_owned());
            Cow::Borrowed("the device")
        });
        self.source.description = parts.text("description").unwrap_or_default();
        self.source.version = parts.text("version").unwrap_or_default();
        self.source.properties = self.properties(&parts)?;
        // Of all that a file says about the core, only the byte order is used.
        let endian = parts.leaf("cpu").and_then(|cpu| cpu.children().find(|child| child.name() == "endian"));
        self.source.big_endian = word(endian, ENDIANS, &[], Some("other"), self.warnings).unwrap_or(false);
        if parts.lists.is_empty() {
            let message = "<device> has no <peripherals>".to_owned();
            return Err(Malformed { offset: root.offset(), message });
        }
        for peripheral in self.merged(&parts, "peripherals", &["peripheral"]) {
            self.peripheral(peripheral)?;
        }
        Ok(())
    }

    /// The elements in all lists of a name, of which there should be one.
    pub(super) fn merged(&mut self, parts: &Parts<'x>, list: &str, inside: &[&str]) -> Vec<Element<'x>> {
        let mut found = Vec::new();
        let mut lists = 0;
        for &element in parts.lists.iter().filter(|element| element.name() == list) {
            lists += 1;
            if lists > 1 {
                self.warn(
                    element,
                    format!("one more <{list}> in a <{}> is merged with the first", parts.element.name()),
                );
            }
            found.append(&mut self.parts(element, &[], inside).lists);
        }
        found
    }

    /// Name, base and array. `None`, with a warning, without a name.
    pub(super) fn head(&mut self, parts: &Parts<'x>) -> Result<Option<Head<'x>>, Malformed> {
        let element = parts.element;
        let Some(name) = parts.text("name") else {
            self.warn(element, format!("a <{}> without a name is left out", element.name()));
            return Ok(None);
        };
        let derived_from = element.attribute("derivedFrom").filter(|path| !path.is_empty());
        let mut head = Head { name, derived_from, dim: None, offset: element.offset() };
        let count = scalar_u32(parts.leaf("dim"), Otherwise::Refused, self.warnings)?;
        let increment = scalar_u32(parts.leaf("dimIncrement"), Otherwise::Refused, self.warnings)?;
        if let Some(leaf) = parts.leaf("dimIndex").filter(|leaf| leaf.has_children()) {
            let message = "<dimIndex> must not have elements inside".to_owned();
            return Err(Malformed { offset: leaf.offset(), message });
        }
        match (count, increment) {
            (Some(count), Some(increment)) => {
                if !head.name.contains("%s") {
                    self.warn(element, format!("array {} has no %s in its name; it is added", shown(&head.name)));
                    head.name += "%s";
                }
                let indices = self.dim_index(parts, count);
                head.dim = Some(Box::new(Dim { count, increment, indices }));
            }
            (None, None) => {
                if let Some(index) = parts.leaf("dimIndex") {
                    let text = shown(&index.text());
                    self.warn(index, format!("<dimIndex> {text} without <dim> cannot be understood and is left out"));
                }
            }
            (Some(_), None) => {
                self.warn(element, format!("<{}> has <dim> without <dimIncrement>; it is no array", element.name()));
            }
            (None, Some(_)) => {
                self.warn(element, format!("<{}> has <dimIncrement> without <dim>; it is no array", element.name()));
            }
        }
        Ok(Some(head))
    }

    fn dim_index(&mut self, parts: &Parts<'x>, count: u32) -> Option<Vec<super::dim::Indices>> {
        let leaf = parts.leaf("dimIndex")?;
        let text = parts.text("dimIndex")?;
        let Some((indices, is_unusual)) = indices(&text, count) else {
            let text = shown(&text);
            self.warn(leaf, format!("<dimIndex> {text} is not for {count} elements; they are counted from 0"));
            return None;
        };
        if is_unusual {
            self.warn(leaf, format!("<dimIndex> {} is read without its white space", shown(&text)));
        }
        Some(indices)
    }

    fn properties(&mut self, parts: &Parts<'x>) -> Result<Properties, Malformed> {
        let size = parts.leaf("size").filter(|_| parts.text("size").is_some());
        let size = match size {
            // Words are no size. A number that is too large is one that cannot be.
            Some(leaf) if super::number::number(&leaf.text()).is_none() && !leaf.has_children() => {
                optional(Some(leaf), 32, self.warnings).and_then(|size| size.try_into().ok())
            }
            size => scalar_u32(size, Otherwise::Refused, self.warnings)?,
        };
        if size == Some(0) {
            self.warn(parts.element, format!("<size> 0 of a <{}> is left out", parts.element.name()));
        }
        let mask = parts.leaf("resetMask").filter(|_| parts.text("resetMask").is_some());
        Ok(Properties {
            size: size.filter(|size| *size != 0),
            access: self.access(parts),
            reset_value: pattern(parts.leaf("resetValue"), self.warnings),
            // With a mask that cannot be read, no bit is known.
            reset_mask: mask.map(|mask| pattern(Some(mask), self.warnings).map_or(0, |mask| mask.value)),
        })
    }

    pub(super) fn access(&mut self, parts: &Parts<'x>) -> Option<Access> {
        word(parts.leaf("access"), Access::WORDS, ACCESS_SYNONYMS, None, self.warnings)
    }

    pub(super) fn behavior(&mut self, parts: &Parts<'x>) -> Behavior {
        // An action that is not known is none to risk.
        let action = word(parts.leaf("readAction"), ReadAction::WORDS, &[], Some("modify"), self.warnings);
        let written = parts.leaf("modifiedWriteValues");
        Behavior {
            read_action: action,
            modified_write_values: word(written, ModifiedWriteValues::WORDS, &[], None, self.warnings),
            write_constraint: parts.leaf("writeConstraint").and_then(|leaf| self.write_constraint(leaf)),
        }
    }

    fn write_constraint(&mut self, element: Element<'x>) -> Option<Constraint> {
        let parts = self.parts(element, &["writeAsRead", "useEnumeratedValues", "range"], &[]);
        let switch = |on, constraint| if on { Constraint::On(constraint) } else { Constraint::Off };
        let as_read = boolean(parts.leaf("writeAsRead"), self.warnings);
        let enumerated = boolean(parts.leaf("useEnumeratedValues"), self.warnings);
        let range = parts.leaf("range").and_then(|range| self.range(range));
        match (as_read, enumerated, range) {
            (Some(on), None, None) => Some(switch(on, WriteConstraint::WriteAsRead)),
            (None, Some(on), None) => Some(switch(on, WriteConstraint::UseEnumeratedValues)),
            (None, None, Some(range)) => Some(Constraint::On(range)),
            (None, None, None) => {
                self.warn(element, "a <writeConstraint> that says nothing known is left out".to_owned());
                None
            }
            _ => {
                self.warn(element, "a <writeConstraint> that says more than one thing is left out".to_owned());
                None
            }
        }
    }

    fn range(&mut self, element: Element<'x>) -> Option<WriteConstraint> {
        let parts = self.parts(element, &["minimum", "maximum"], &[]);
        let [minimum, maximum] = ["minimum", "maximum"].map(|name| optional(parts.leaf(name), 64, self.warnings));
        let range = minimum.zip(maximum).filter(|(minimum, maximum)| minimum <= maximum);
        if range.is_none() {
            self.warn(element, "a <range> without a minimum and a maximum above it is left out".to_owned());
        }
        range.map(|(minimum, maximum)| WriteConstraint::Range { minimum, maximum })
    }

    fn peripheral(&mut self, element: Element<'x>) -> Result<(), Malformed> {
        let leaves = [
            "name",
            "description",
            "groupName",
            "prependToName",
            "appendToName",
            "baseAddress",
            "dim",
            "dimIncrement",
            "dimIndex",
            "size",
            "access",
            "resetValue",
            "resetMask",
        ];
        let parts = self.parts(element, &leaves, &["addressBlock", "interrupt", "registers"]);
        let Some(head) = self.head(&parts)? else { return Ok(()) };
        let base_address = scalar(parts.leaf("baseAddress"), 64, Otherwise::Refused, self.warnings)?;
        let base_address = base_address.ok_or_else(|| missing("baseAddress", element, &head.name))?;
        let properties = self.properties(&parts)?;
        let (mut blocks, mut interrupts) = (Vec::new(), Vec::new());
        for &part in &parts.lists {
            match part.name() {
                "addressBlock" => blocks.extend(self.address_block(part)),
                "interrupt" => interrupts.extend(self.interrupt(part)),
                _ => {}
            }
        }
        let registers = if parts.lists.iter().any(|part| part.name() == "registers") {
            let children = self.merged(&parts, "registers", &["register", "cluster"]);
            Some(self.list(&children, None)?)
        } else {
            None
        };
        self.source.peripherals.push(Peripheral {
            head,
            description: parts.text("description"),
            group_name: parts.text("groupName"),
            prefix: parts.text("prependToName"),
            suffix: parts.text("appendToName"),
            base_address,
            blocks,
            interrupts: interrupts.into(),
            properties,
            registers,
        });
        Ok(())
    }

    fn address_block(&mut self, element: Element<'x>) -> Option<(u32, u32)> {
        let parts = self.parts(element, &["offset", "size"], &[]);
        let number = |name| optional(parts.leaf(name), 32, self.warnings).and_then(|value| u32::try_from(value).ok());
        let [offset, size] = ["offset", "size"].map(number);
        if offset.is_none() || size.is_none() {
            self.warn(element, "an <addressBlock> without offset or size is left out".to_owned());
        }
        offset.zip(size)
    }

    fn interrupt(&mut self, element: Element<'x>) -> Option<Interrupt> {
        let parts = self.parts(element, &["name", "value", "description"], &[]);
        let value = optional(parts.leaf("value"), 32, self.warnings).and_then(|value| u32::try_from(value).ok());
        let name = parts.text("name");
        if name.is_none() || value.is_none() {
            self.warn(element, "an <interrupt> without name or number is left out".to_owned());
        }
        let description = parts.text("description").map(Cow::into_owned);
        name.zip(value).map(|(name, value)| Interrupt { name: name.into_owned(), value, description })
    }

    /// Registers and clusters of a cluster in the peripheral with the list `top`, or of a
    /// peripheral.
    fn list(&mut self, elements: &[Element<'x>], top: Option<ListId>) -> Result<ListId, Malformed> {
        let list = place(self.source.lists.len());
        self.source.lists.push(List { children: Vec::new(), top: top.unwrap_or(list) });
        for &element in elements {
            let child = match element.name() {
                "cluster" => self.cluster(element, list)?.map(Child::Cluster),
                _ => self.register(element, list)?.map(Child::Register),
            };
            self.source.lists[list as usize].children.extend(child);
        }
        Ok(list)
    }

    fn cluster(&mut self, element: Element<'x>, home: ListId) -> Result<Option<u32>, Malformed> {
        let leaves =
            [&["name", "addressOffset", "dim", "dimIncrement", "dimIndex", "description"][..], &PROPERTIES].concat();
        let parts = self.parts(element, &leaves, &["register", "cluster"]);
        let Some(head) = self.head(&parts)? else { return Ok(None) };
        let address_offset = self.address_offset(&parts, &head.name)?;
        let properties = self.properties(&parts)?;
        let top = self.source.lists[home as usize].top;
        let inside = self.list(&parts.lists, Some(top))?;
        self.source.clusters.push(Cluster { head, home, address_offset, properties, inside });
        Ok(Some(place(self.source.clusters.len() - 1)))
    }

    fn register(&mut self, element: Element<'x>, home: ListId) -> Result<Option<u32>, Malformed> {
        let leaves = [
            "name",
            "displayName",
            "description",
            "alternateRegister",
            "alternateGroup",
            "addressOffset",
            "dim",
            "dimIncrement",
            "dimIndex",
            "size",
            "access",
            "resetValue",
            "resetMask",
            "readAction",
            "modifiedWriteValues",
            "writeConstraint",
        ];
        let parts = self.parts(element, &leaves, &["fields"]);
        let Some(head) = self.head(&parts)? else { return Ok(None) };
        let address_offset = self.address_offset(&parts, &head.name)?;
        let properties = self.properties(&parts)?;
        let behavior = self.behavior(&parts);
        let register = place(self.source.registers.len());
        let fields = self.fields(&parts, register);
        self.source.registers.push(Register {
            head,
            home,
            display_name: parts.text("displayName"),
            description: parts.text("description"),
            address_offset,
            properties,
            behavior,
            alternate: parts.text("alternateRegister"),
            alternate_group: parts.text("alternateGroup"),
            fields,
        });
        Ok(Some(register))
    }

    fn address_offset(&mut self, parts: &Parts<'x>, name: &str) -> Result<u32, Malformed> {
        let offset = scalar_u32(parts.leaf("addressOffset"), Otherwise::Refused, self.warnings)?;
        offset.ok_or_else(|| missing("addressOffset", parts.element, name))
    }
}

/// Elements are far fewer than 4 billion.
pub(super) fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn missing(name: &str, element: Element<'_>, of: &str) -> Malformed {
    let message = format!("the <{}> `{}` has no <{name}>", element.name(), shown(of).trim_matches('"'));
    Malformed { offset: element.offset(), message }
}
