//! What elements are once `derivedFrom` is followed.
//!
//! A view of an element has, for each property, what the element says itself, else what its base
//! says. Every element is resolved once, so that long chains need time in proportion to their
//! length.

mod enumerations;
mod lookup;
mod names;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use self::enumerations::EnumerationNames;
use self::names::{Names, Place};
use super::device::Interrupt;
use super::properties::Access;
use super::source::{Behavior, Bits, Dim, Head, ListId, Properties, Source};
use super::warnings::{Warnings, shown};

/// Comparisons of names of arrays. Large files need some thousands.
const MOST_STEPS: usize = 1 << 25;

/// Follows `derivedFrom` in a file.
pub(super) struct Resolver<'s, 'w> {
    pub(super) source: &'s Source<'s>,
    pub(super) warnings: &'w mut Warnings,
    peripherals: HashMap<u32, PeripheralView<'s>>,
    clusters: HashMap<u32, ClusterView<'s>>,
    registers: HashMap<u32, RegisterView<'s>>,
    fields: HashMap<u32, FieldView<'s>>,
    /// Where the values of a derived enumeration are.
    enumerations: HashMap<u32, u32>,
    names: HashMap<Place, Names<'s>>,
    enumeration_names: Option<EnumerationNames<'s>>,
    /// Clusters whose base is being looked for. The path to it may lead through these very
    /// clusters.
    in_progress: HashSet<u32>,
    steps: usize,
}

/// A peripheral with what it inherits from its base.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeripheralView<'s> {
    pub(super) dim: Option<&'s Dim>,
    pub(super) description: Option<&'s str>,
    pub(super) group_name: Option<&'s str>,
    pub(super) prefix: Option<&'s str>,
    pub(super) suffix: Option<&'s str>,
    pub(super) blocks: &'s [(u32, u32)],
    pub(super) interrupts: &'s Arc<[Interrupt]>,
    pub(super) properties: Properties,
    pub(super) registers: Option<ListId>,
}

/// A cluster with what it inherits from its base.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClusterView<'s> {
    pub(super) dim: Option<&'s Dim>,
    pub(super) properties: Properties,
    /// `None` if neither it nor its base has anything inside.
    pub(super) inside: Option<ListId>,
}

/// A register with what it inherits from its base.
#[derive(Debug, Clone, Copy)]
pub(super) struct RegisterView<'s> {
    pub(super) dim: Option<&'s Dim>,
    pub(super) description: Option<&'s str>,
    pub(super) properties: Properties,
    pub(super) behavior: Behavior,
    /// The first field and the one after the last.
    pub(super) fields: Option<(u32, u32)>,
}

/// A field with what it inherits from its base.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldView<'s> {
    pub(super) dim: Option<&'s Dim>,
    pub(super) description: Option<&'s str>,
    pub(super) bits: Bits,
    pub(super) access: Option<Access>,
    pub(super) behavior: Behavior,
    /// The first enumeration and the one after the last.
    pub(super) enumerations: Option<(u32, u32)>,
}

/// An element that can be derived from another one of its kind.
pub(super) trait Derived<'s>: Copy {
    /// What the element says itself.
    fn own(source: &'s Source<'s>, id: u32) -> Self;
    /// The same, with what the base says where the element says nothing.
    fn over(self, base: Self) -> Self;
    fn head(source: &'s Source<'s>, id: u32) -> &'s Head<'s>;
    /// The element at a path, as the element `id` would be derived from it.
    fn base(resolver: &mut Resolver<'s, '_>, path: &str, id: u32) -> Option<u32>;
    /// The elements that are resolved.
    fn known<'r>(resolver: &'r mut Resolver<'s, '_>) -> &'r mut HashMap<u32, Self>;
}

impl<'s, 'w> Resolver<'s, 'w> {
    pub(super) fn new(source: &'s Source<'s>, warnings: &'w mut Warnings) -> Self {
        let (peripherals, clusters, registers, fields, enumerations) = Default::default();
        let (names, enumeration_names, in_progress, steps) = Default::default();
        Resolver {
            source,
            warnings,
            peripherals,
            clusters,
            registers,
            fields,
            enumerations,
            names,
            enumeration_names,
            in_progress,
            steps,
        }
    }

    /// An element with what it inherits from its base, and that from its own.
    pub(super) fn view<V: Derived<'s>>(&mut self, id: u32) -> V {
        if V::head(self.source, id).derived_from.is_none() {
            return V::own(self.source, id);
        }
        let mut chain = Vec::new();
        let mut in_chain = HashSet::new();
        let mut next = Some(id);
        let mut view: Option<V> = None;
        while let Some(id) = next {
            if let Some(known) = V::known(self).get(&id) {
                view = Some(*known);
                break;
            }
            chain.push(id);
            in_chain.insert(id);
            let head = V::head(self.source, id);
            next = head.derived_from.as_deref().and_then(|path| {
                let base = V::base(self, path, id);
                if base.is_none() {
                    let message =
                        format!("{} is derived from {}, which does not exist", shown(&head.name), shown(path));
                    self.warnings.add_at(head.offset, message);
                }
                base
            });
            if let Some(base) = next.filter(|base| in_chain.contains(base)) {
                let head = V::head(self.source, base);
                self.warnings.add_at(head.offset, format!("{} is derived from itself", shown(&head.name)));
                break;
            }
        }
        while let Some(id) = chain.pop() {
            let own = V::own(self.source, id);
            let complete = view.map_or(own, |base| own.over(base));
            view = Some(complete);
            V::known(self).insert(id, complete);
        }
        view.unwrap_or_else(|| V::own(self.source, id))
    }

    /// Following the derivations took no longer than it takes for any real file.
    pub(super) fn check_effort(&self) -> Result<(), String> {
        match self.steps {
            0..=MOST_STEPS => Ok(()),
            _ => Err("too many elements are derived from arrays".to_owned()),
        }
    }
}

impl Properties {
    /// What `outer` says, where these properties say nothing.
    pub(super) fn or(self, outer: Properties) -> Properties {
        Properties {
            size: self.size.or(outer.size),
            access: self.access.or(outer.access),
            reset_value: self.reset_value.or(outer.reset_value),
            reset_mask: self.reset_mask.or(outer.reset_mask),
        }
    }
}

impl Behavior {
    fn or(self, base: Behavior) -> Behavior {
        Behavior {
            read_action: self.read_action.or(base.read_action),
            modified_write_values: self.modified_write_values.or(base.modified_write_values),
            write_constraint: self.write_constraint.or(base.write_constraint),
        }
    }
}

impl<'s> Derived<'s> for PeripheralView<'s> {
    fn own(source: &'s Source<'s>, id: u32) -> Self {
        let own = &source.peripherals[id as usize];
        PeripheralView {
            dim: own.head.dim.as_deref(),
            description: own.description.as_deref(),
            group_name: own.group_name.as_deref(),
            prefix: own.prefix.as_deref(),
            suffix: own.suffix.as_deref(),
            blocks: &own.blocks,
            interrupts: &own.interrupts,
            properties: own.properties,
            registers: own.registers,
        }
    }

    fn over(self, base: Self) -> Self {
        PeripheralView {
            dim: self.dim.or(base.dim),
            description: self.description.or(base.description),
            group_name: self.group_name.or(base.group_name),
            prefix: self.prefix.or(base.prefix),
            suffix: self.suffix.or(base.suffix),
            blocks: if self.blocks.is_empty() { base.blocks } else { self.blocks },
            interrupts: if self.interrupts.is_empty() { base.interrupts } else { self.interrupts },
            properties: self.properties.or(base.properties),
            registers: self.registers.or(base.registers),
        }
    }

    fn head(source: &'s Source<'s>, id: u32) -> &'s Head<'s> {
        &source.peripherals[id as usize].head
    }

    fn base(resolver: &mut Resolver<'s, '_>, path: &str, id: u32) -> Option<u32> {
        resolver.peripheral(path, Some(id))
    }

    fn known<'r>(resolver: &'r mut Resolver<'s, '_>) -> &'r mut HashMap<u32, Self> {
        &mut resolver.peripherals
    }
}

impl<'s> Derived<'s> for ClusterView<'s> {
    fn own(source: &'s Source<'s>, id: u32) -> Self {
        let own = &source.clusters[id as usize];
        let is_empty = source.lists[own.inside as usize].children.is_empty();
        let inside = (!is_empty).then_some(own.inside);
        ClusterView { dim: own.head.dim.as_deref(), properties: own.properties, inside }
    }

    fn over(self, base: Self) -> Self {
        ClusterView {
            dim: self.dim.or(base.dim),
            properties: self.properties.or(base.properties),
            inside: self.inside.or(base.inside),
        }
    }

    fn head(source: &'s Source<'s>, id: u32) -> &'s Head<'s> {
        &source.clusters[id as usize].head
    }

    fn base(resolver: &mut Resolver<'s, '_>, path: &str, id: u32) -> Option<u32> {
        resolver.cluster(path, id)
    }

    fn known<'r>(resolver: &'r mut Resolver<'s, '_>) -> &'r mut HashMap<u32, Self> {
        &mut resolver.clusters
    }
}

impl<'s> Derived<'s> for RegisterView<'s> {
    fn own(source: &'s Source<'s>, id: u32) -> Self {
        let own = &source.registers[id as usize];
        RegisterView {
            dim: own.head.dim.as_deref(),
            description: own.description.as_deref(),
            properties: own.properties,
            behavior: own.behavior,
            fields: own.fields.as_ref().map(|fields| (fields.start, fields.end)),
        }
    }

    fn over(self, base: Self) -> Self {
        RegisterView {
            dim: self.dim.or(base.dim),
            description: self.description.or(base.description),
            properties: self.properties.or(base.properties),
            behavior: self.behavior.or(base.behavior),
            fields: self.fields.or(base.fields),
        }
    }

    fn head(source: &'s Source<'s>, id: u32) -> &'s Head<'s> {
        &source.registers[id as usize].head
    }

    fn base(resolver: &mut Resolver<'s, '_>, path: &str, id: u32) -> Option<u32> {
        let home = resolver.source.registers[id as usize].home;
        resolver.register(path, home, Some(id))
    }

    fn known<'r>(resolver: &'r mut Resolver<'s, '_>) -> &'r mut HashMap<u32, Self> {
        &mut resolver.registers
    }
}

impl<'s> Derived<'s> for FieldView<'s> {
    fn own(source: &'s Source<'s>, id: u32) -> Self {
        let own = &source.fields[id as usize];
        FieldView {
            dim: own.head.dim.as_deref(),
            description: own.description.as_deref(),
            bits: own.bits,
            access: own.access,
            behavior: own.behavior,
            enumerations: (!own.enumerations.is_empty()).then_some((own.enumerations.start, own.enumerations.end)),
        }
    }

    fn over(self, base: Self) -> Self {
        FieldView {
            dim: self.dim.or(base.dim),
            description: self.description.or(base.description),
            bits: Bits { first: self.bits.first.or(base.bits.first), width: self.bits.width.or(base.bits.width) },
            access: self.access.or(base.access),
            behavior: self.behavior.or(base.behavior),
            enumerations: self.enumerations.or(base.enumerations),
        }
    }

    fn head(source: &'s Source<'s>, id: u32) -> &'s Head<'s> {
        &source.fields[id as usize].head
    }

    fn base(resolver: &mut Resolver<'s, '_>, path: &str, id: u32) -> Option<u32> {
        resolver.field(path, id)
    }

    fn known<'r>(resolver: &'r mut Resolver<'s, '_>) -> &'r mut HashMap<u32, Self> {
        &mut resolver.fields
    }
}
