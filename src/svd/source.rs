//! What an SVD file says, element by element, as it stands there: nothing is derived, inherited or
//! counted out yet.

pub(super) mod dim;
mod fields;
mod leaf;
mod number;
mod read;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

pub(super) use self::dim::Dim;
pub(super) use self::number::Number;
pub(super) use self::read::read;
use super::device::Interrupt;
use super::field::EnumeratedValue;
use super::properties::{Access, ModifiedWriteValues, WriteConstraint};
use crate::types::ReadAction;

/// A file. Elements refer to each other by their place in one of these lists.
#[derive(Debug, Default)]
pub(super) struct Source<'x> {
    pub(super) name: Cow<'x, str>,
    pub(super) description: Cow<'x, str>,
    pub(super) version: Cow<'x, str>,
    pub(super) big_endian: bool,
    pub(super) properties: Properties,
    pub(super) peripherals: Vec<Peripheral<'x>>,
    pub(super) lists: Vec<List>,
    pub(super) registers: Vec<Register<'x>>,
    pub(super) clusters: Vec<Cluster<'x>>,
    pub(super) fields: Vec<Field<'x>>,
    pub(super) enumerations: Vec<Enumeration<'x>>,
}

/// What peripherals, clusters, registers and fields have in common.
#[derive(Debug)]
pub(super) struct Head<'x> {
    pub(super) name: Cow<'x, str>,
    pub(super) derived_from: Option<Cow<'x, str>>,
    pub(super) dim: Option<Box<Dim>>,
    /// Where it is in the text.
    pub(super) offset: usize,
}

/// What registers have, or inherit from what encloses them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Properties {
    pub(super) size: Option<u32>,
    pub(super) access: Option<Access>,
    pub(super) reset_value: Option<Number>,
    pub(super) reset_mask: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Peripheral<'x> {
    pub(super) head: Head<'x>,
    pub(super) description: Option<Cow<'x, str>>,
    pub(super) group_name: Option<Cow<'x, str>>,
    pub(super) prefix: Option<Cow<'x, str>>,
    pub(super) suffix: Option<Cow<'x, str>>,
    pub(super) base_address: u64,
    /// Offset and size of each address block.
    pub(super) blocks: Vec<(u32, u32)>,
    pub(super) interrupts: Arc<[Interrupt]>,
    pub(super) properties: Properties,
    pub(super) registers: Option<ListId>,
}

/// A place in [`Source::lists`].
pub(super) type ListId = u32;

/// The registers and clusters directly inside a peripheral or cluster.
#[derive(Debug)]
pub(super) struct List {
    pub(super) children: Vec<Child>,
    /// The list of the peripheral that this one is in.
    pub(super) top: ListId,
}

/// A place in [`Source::registers`] or [`Source::clusters`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Child {
    Register(u32),
    Cluster(u32),
}

#[derive(Debug)]
pub(super) struct Cluster<'x> {
    pub(super) head: Head<'x>,
    /// The list that it is in.
    pub(super) home: ListId,
    pub(super) address_offset: u32,
    pub(super) properties: Properties,
    /// Its own registers and clusters.
    pub(super) inside: ListId,
}

#[derive(Debug)]
pub(super) struct Register<'x> {
    pub(super) head: Head<'x>,
    /// The list that it is in.
    pub(super) home: ListId,
    pub(super) display_name: Option<Cow<'x, str>>,
    pub(super) description: Option<Cow<'x, str>>,
    pub(super) address_offset: u32,
    pub(super) properties: Properties,
    pub(super) behavior: Behavior,
    pub(super) alternate: Option<Cow<'x, str>>,
    pub(super) alternate_group: Option<Cow<'x, str>>,
    /// Places in [`Source::fields`].
    pub(super) fields: Option<Range<u32>>,
}

/// What reading and writing a register or field does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Behavior {
    pub(super) read_action: Option<ReadAction>,
    pub(super) modified_write_values: Option<ModifiedWriteValues>,
    pub(super) write_constraint: Option<Constraint>,
}

/// A write constraint, or one that the file switches off.
#[derive(Debug, Clone, Copy)]
pub(super) enum Constraint {
    Off,
    On(WriteConstraint),
}

#[derive(Debug)]
pub(super) struct Field<'x> {
    pub(super) head: Head<'x>,
    /// The register that it is in.
    pub(super) home: u32,
    pub(super) description: Option<Cow<'x, str>>,
    pub(super) bits: Bits,
    pub(super) access: Option<Access>,
    pub(super) behavior: Behavior,
    /// Places in [`Source::enumerations`].
    pub(super) enumerations: Range<u32>,
}

/// Which bits a field has. What is `None` comes from the field that it is derived from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) first: Option<u32>,
    pub(super) width: Option<u32>,
}

#[derive(Debug)]
pub(super) struct Enumeration<'x> {
    pub(super) name: Option<Cow<'x, str>>,
    pub(super) derived_from: Option<Cow<'x, str>>,
    /// The field that it is in.
    pub(super) home: u32,
    pub(super) usage: Option<Usage>,
    pub(super) values: Arc<[EnumeratedValue]>,
}

/// What the names of an enumeration are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Read,
    Write,
    ReadWrite,
}
