//! From the elements of the file to peripherals, registers and fields: arrays become elements, what is derived or
//! inherited is filled in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use svd_parser::svd::{
    self, Cluster, DimElement, EnumeratedValues, MaybeArray, Name, RegisterCluster, RegisterProperties, Usage,
};

use super::derive::{Scope, Source, element_name, index_text};
use super::device::{AddressBlock, Interrupt, Peripheral};
use super::field::{EnumeratedValue, Field};
use super::properties::{Access, WriteConstraint};
use super::register::{Register, RegisterInfo};
use super::repair::{OFFSET_FROM_BASE, PATTERN_FOLLOWS};

/// More registers, or fields of one register, than any device has: a description that asks for more would eat up all memory.
const MOST_REGISTERS: usize = 1 << 20;
const MOST_FIELDS: usize = 1 << 12;
/// The same for all fields, those of an array of registers counted once.
const MOST_FIELDS_IN_ALL: usize = 1 << 21;

/// Clusters are nested a few levels; a cluster derived from one that encloses it would be endless.
const DEEPEST_CLUSTER: usize = 16;

/// A register before it has an address: its name and offset in what encloses it.
#[derive(Clone)]
struct Placed {
    name: String,
    offset: u64,
    info: Arc<RegisterInfo>,
}

type Expanded<T> = Result<T, String>;

/// All peripherals, or why there can't be such.
pub(super) fn peripherals(device: &svd::Device, warnings: &mut Vec<String>) -> Expanded<Vec<Peripheral>> {
    let mut expander = Expander { source: Source::new(device), values: HashMap::new(), total: 0, fields: 0 };
    let mut peripherals = Vec::with_capacity(device.peripherals.len());
    for peripheral in &device.peripherals {
        expander.peripheral(peripheral, &mut peripherals)?;
    }
    let mut names = HashSet::with_capacity(peripherals.len());
    for peripheral in peripherals.iter().filter(|peripheral| !names.insert(peripheral.name())) {
        expander
            .source
            .warn(format!("there is more than one peripheral {:?}; look-ups find the first", peripheral.name()));
    }
    warnings.append(&mut expander.source.warnings.borrow_mut());
    Ok(peripherals)
}

struct Expander<'d> {
    source: Source<'d>,
    /// Enumerations are shared by all fields that have them.
    values: HashMap<*const EnumeratedValues, Arc<[EnumeratedValue]>>,
    total: usize,
    fields: usize,
}

impl<'d> Expander<'d> {
    fn peripheral(&mut self, peripheral: &'d svd::Peripheral, peripherals: &mut Vec<Peripheral>) -> Expanded<()> {
        let chain = self.source.peripheral_chain(peripheral);
        let first = |text: fn(&svd::PeripheralInfo) -> Option<&String>| chain.iter().find_map(|link| text(link));
        let description = first(|link| link.description.as_ref());
        let group_name = first(|link| link.group_name.as_ref());
        let prefix = first(|link| link.prepend_to_name.as_ref()).map_or("", String::as_str);
        let suffix = first(|link| link.append_to_name.as_ref()).map_or("", String::as_str);
        let blocks = chain.iter().find_map(|link| link.address_block.as_deref()).unwrap_or(&[]);
        let interrupts = chain.iter().map(|link| &link.interrupt).find(|list| !list.is_empty());
        let own = chain.iter().map(|link| link.default_register_properties);
        let properties = own.reduce(or).unwrap_or_default();
        let all = chain.iter().find_map(|link| link.registers.as_deref()).unwrap_or(&[]);

        let properties = or(properties, self.source.device.default_register_properties);
        let mut placed = Vec::new();
        self.children(all, properties, Scope { siblings: all, all }, 0, &mut placed)?;
        for (name, offset, index) in elements(peripheral, chain.iter().copied())? {
            let base_address = place(peripheral.base_address, offset, &name)?;
            self.count(placed.len().max(1), &name)?;
            let name: Arc<str> = name.into();
            let mut registers = Vec::with_capacity(placed.len());
            let mut twice: Option<Arc<str>> = None;
            let mut register_by_name = HashMap::with_capacity(placed.len());
            for register in &placed {
                let mut flat: Arc<str> = match (prefix, suffix) {
                    ("", "") => register.name.as_str().into(),
                    _ => format!("{prefix}{}{suffix}", register.name).into(),
                };
                if let Some(group) =
                    register.info.alternate_group.as_ref().filter(|_| register_by_name.contains_key(&flat))
                {
                    flat = format!("{flat}_{group}").into();
                }
                if register_by_name.contains_key(&flat) {
                    twice.get_or_insert_with(|| flat.clone());
                } else {
                    register_by_name.insert(flat.clone(), registers.len());
                }
                registers.push(Register {
                    peripheral: name.clone(),
                    address: place(base_address, register.offset, &flat)?,
                    name: flat,
                    info: register.info.clone(),
                });
            }
            if let Some(twice) = twice {
                self.source
                    .warn(format!("peripheral {name:?} has more than one register {twice:?}; look-ups find the first"));
            }
            let block = |block: &svd::AddressBlock| {
                let address = place(base_address, block.offset.into(), &name)?;
                Ok(AddressBlock { address, size: block.size.into() })
            };
            let address_blocks = blocks.iter().map(block).collect::<Expanded<_>>()?;
            let interrupts = interrupts.into_iter().flatten().map(|interrupt| Interrupt {
                name: interrupt.name.clone(),
                value: interrupt.value,
                description: interrupt.description.clone(),
            });
            peripherals.push(Peripheral {
                name,
                description: description.map(|text| text.replace("%s", &index)),
                group_name: group_name.cloned(),
                base_address,
                address_blocks,
                interrupts: interrupts.collect(),
                registers,
                register_by_name,
            });
        }
        Ok(())
    }

    fn children(
        &mut self,
        children: &'d [RegisterCluster],
        properties: RegisterProperties,
        scope: Scope<'d>,
        depth: usize,
        placed: &mut Vec<Placed>,
    ) -> Expanded<()> {
        for child in children {
            match child {
                RegisterCluster::Register(register) => self.register(register, properties, scope, placed)?,
                RegisterCluster::Cluster(cluster) => self.cluster(cluster, properties, scope, depth, placed)?,
            }
        }
        Ok(())
    }

    fn cluster(
        &mut self,
        cluster: &'d Cluster,
        properties: RegisterProperties,
        scope: Scope<'d>,
        depth: usize,
        placed: &mut Vec<Placed>,
    ) -> Expanded<()> {
        if depth == DEEPEST_CLUSTER {
            return Err(format!("clusters are nested more than {DEEPEST_CLUSTER} deep at {:?}", cluster.name()));
        }
        let chain = self.source.cluster_chain(cluster, scope);
        let own = chain.iter().map(|(link, _)| link.default_register_properties);
        let properties = or(own.reduce(or).unwrap_or_default(), properties);
        let mut inner = Vec::new();
        if let Some((link, home)) = chain.iter().find(|(link, _)| !link.children.is_empty()) {
            let scope = Scope { siblings: &link.children, all: home.all };
            self.children(&link.children, properties, scope, depth + 1, &mut inner)?;
        }
        for (name, offset, _) in elements(cluster, chain.iter().map(|(link, _)| *link))? {
            let offset = place(cluster.address_offset.into(), offset, &name)?;
            self.count(inner.len().max(1), &name)?;
            for register in &inner {
                let name = format!("{name}_{}", register.name);
                let offset = place(offset, register.offset, &name)?;
                placed.push(Placed { name, offset, info: register.info.clone() });
            }
        }
        Ok(())
    }

    fn register(
        &mut self,
        register: &'d svd::Register,
        properties: RegisterProperties,
        scope: Scope<'d>,
        placed: &mut Vec<Placed>,
    ) -> Expanded<()> {
        let chain = self.source.register_chain(register, scope);
        let own = chain.iter().map(|(link, _)| link.properties);
        let properties = or(own.reduce(or).unwrap_or_default(), properties);
        let write = chain.iter().find_map(|(link, _)| link.modified_write_values);
        let access = properties.access.map_or(Access::default(), Access::from);
        let mut info = RegisterInfo {
            display_name: text(register.display_name.as_deref()),
            description: text(chain.iter().find_map(|(link, _)| link.description.as_deref())),
            size: properties.size.unwrap_or(32).max(1),
            access,
            reset_value: properties.reset_value,
            reset_mask: properties.reset_mask.unwrap_or(u64::MAX),
            read_action: chain.iter().find_map(|(link, _)| link.read_action).map(Into::into),
            modified_write_values: write.map(Into::into).unwrap_or_default(),
            write_constraint: chain.iter().find_map(|(link, _)| link.write_constraint).and_then(WriteConstraint::of),
            alternate_register: text(register.alternate_register.as_deref()),
            alternate_group: text(register.alternate_group.as_deref()),
            fields: [].into(),
        };
        // One that encloses narrower registers may be wider than they are.
        let bits = u64::MAX >> 64_u32.saturating_sub(info.size);
        info.reset_value = info.reset_value.map(|value| value & bits);
        info.reset_mask &= bits;
        if let Some((fields, scope)) = chain.iter().find_map(|(link, scope)| Some((link.fields.as_deref()?, scope))) {
            let mut list = Vec::with_capacity(fields.len());
            for field in fields {
                self.field(field, fields, *scope, &info, register.name(), &mut list)?;
            }
            self.fields += list.len();
            if self.fields > MOST_FIELDS_IN_ALL {
                return Err(format!(
                    "there are more than {MOST_FIELDS_IN_ALL} fields, at {:?} and before",
                    register.name()
                ));
            }
            info.fields = list.into();
        }
        // Files say read-write of the peripheral and write-only of each field.
        if info.access.can_read() && !info.fields.is_empty() && info.fields.iter().all(|field| !field.access.can_read())
        {
            info.access = Access::WriteOnly;
        }
        let elements = elements(register, chain.iter().map(|(link, _)| *link))?;
        self.count(elements.len(), register.name())?;
        let indexed = |text: &Option<Arc<str>>| text.as_ref().is_some_and(|text| text.contains("%s"));
        let own_texts = indexed(&info.description) || indexed(&info.display_name);
        let shared = Arc::new(info);
        for (name, offset, index) in elements {
            let offset = place(register.address_offset.into(), offset, &name)?;
            let info = if own_texts { Arc::new(shared.with_index(&index)) } else { shared.clone() };
            placed.push(Placed { name, offset, info });
        }
        Ok(())
    }

    fn field(
        &mut self,
        field: &'d svd::Field,
        fields: &'d [svd::Field],
        scope: Scope<'d>,
        register: &RegisterInfo,
        register_name: &str,
        list: &mut Vec<Field>,
    ) -> Expanded<()> {
        let chain = self.source.field_chain(field, fields, scope);
        let offset = chain.iter().map(|(link, ..)| link.bit_range.offset).find(|offset| *offset != OFFSET_FROM_BASE);
        let width = chain.iter().map(|(link, ..)| link.bit_range.width).find(|width| *width != 0).unwrap_or(1);
        let description = chain.iter().find_map(|(link, ..)| link.description.as_deref());
        let access = chain.iter().find_map(|(link, ..)| link.access).map_or(register.access, Access::from);
        let write = chain.iter().find_map(|(link, ..)| link.modified_write_values);
        let read_action = chain.iter().find_map(|(link, ..)| link.read_action).map(Into::into);
        let constraint = chain.iter().find_map(|(link, ..)| link.write_constraint).and_then(WriteConstraint::of);
        let enumerations = chain.iter().find(|(link, ..)| !link.enumerated_values.is_empty());
        let (mut read_values, mut write_values) = (None, None);
        if let Some((owner, fields, scope)) = enumerations {
            for own in &owner.enumerated_values {
                let values = self.source.values(own, owner, fields, *scope);
                let usage = own.usage.or(values.usage).unwrap_or(Usage::ReadWrite);
                let values = self.enumeration(values);
                if usage != Usage::Write {
                    read_values.get_or_insert_with(|| values.clone());
                }
                if usage != Usage::Read {
                    write_values.get_or_insert(values);
                }
            }
        }
        let elements = elements(field, chain.iter().map(|(link, ..)| *link))?;
        if list.len() + elements.len() > MOST_FIELDS {
            return Err(format!("register {register_name:?} has more than {MOST_FIELDS} fields"));
        }
        for (name, shift, index) in elements {
            let first = u64::from(offset.unwrap_or(0)) + shift;
            let room = u64::from(register.size.min(64)).saturating_sub(first);
            if offset.is_none() || room == 0 {
                self.source.warn(format!("field {name:?} of register {register_name:?} is not inside it and left out"));
                continue;
            }
            if u64::from(width) > room {
                self.source.warn(format!("field {name:?} of register {register_name:?} is wider than it and cut"));
            }
            // Both are at most 64 here.
            #[allow(clippy::cast_possible_truncation)]
            let (bit_offset, bit_width) = (first as u32, u64::from(width).min(room) as u32);
            list.push(Field {
                name: name.into(),
                description: description.map(|text| text.replace("%s", &index).into()),
                bit_offset,
                bit_width,
                access,
                read_action,
                modified_write_values: write.map_or(register.modified_write_values, Into::into),
                write_constraint: constraint,
                read_values: read_values.clone(),
                write_values: write_values.clone(),
            });
        }
        Ok(())
    }

    fn enumeration(&mut self, values: &'d EnumeratedValues) -> Arc<[EnumeratedValue]> {
        let shared = self
            .values
            .entry(std::ptr::from_ref(values))
            .or_insert_with(|| values.values.iter().map(enumerated_value).collect());
        shared.clone()
    }

    fn count(&mut self, more: usize, name: &str) -> Expanded<()> {
        self.total = self.total.saturating_add(more);
        if self.total > 2 * MOST_REGISTERS {
            return Err(format!("there are more than {MOST_REGISTERS} registers, at {name:?} and before"));
        }
        Ok(())
    }
}

impl RegisterInfo {
    /// The same for an element of an array whose texts hold the index.
    fn with_index(&self, index: &str) -> RegisterInfo {
        let put = |text: &Option<Arc<str>>| text.as_ref().map(|text| text.replace("%s", index).into());
        RegisterInfo {
            display_name: put(&self.display_name),
            description: put(&self.description),
            alternate_register: self.alternate_register.clone(),
            alternate_group: self.alternate_group.clone(),
            fields: self.fields.clone(),
            ..*self
        }
    }
}

/// Name, offset from the first and index text of each element; one, if it is no array.
///
/// An element that is derived from an array and has a `%s` in its name is one as well.
fn elements<'d, T: Name + 'd>(
    element: &'d MaybeArray<T>,
    chain: impl Iterator<Item = &'d MaybeArray<T>>,
) -> Expanded<Vec<(String, u64, String)>> {
    let name = element.name();
    let dim: Option<&DimElement> = match element {
        MaybeArray::Single(_) if !name.contains("%s") => None,
        _ => chain.into_iter().find_map(|link| match link {
            MaybeArray::Array(_, dim) => Some(dim),
            MaybeArray::Single(_) => None,
        }),
    };
    let Some(dim) = dim else { return Ok(vec![(name.to_owned(), 0, String::new())]) };
    if dim.dim as usize > MOST_REGISTERS {
        return Err(format!("array {name:?} has {} elements", dim.dim));
    }
    let each = |index| {
        let offset = u64::from(index) * u64::from(dim.dim_increment);
        (element_name(name, dim, index), offset, index_text(dim, index))
    };
    Ok((0..dim.dim).map(each).collect())
}

fn place(base: u64, offset: u64, name: &str) -> Expanded<u64> {
    base.checked_add(offset).ok_or_else(|| format!("{name:?} lies beyond the 64-bit address space"))
}

/// What `inner` leaves open, `outer` says.
fn or(inner: RegisterProperties, outer: RegisterProperties) -> RegisterProperties {
    RegisterProperties::new()
        .size(inner.size.or(outer.size))
        .access(inner.access.or(outer.access))
        .protection(inner.protection.or(outer.protection))
        .reset_value(inner.reset_value.or(outer.reset_value))
        .reset_mask(inner.reset_mask.or(outer.reset_mask))
}

fn text(text: Option<&str>) -> Option<Arc<str>> {
    text.map(Into::into)
}

fn enumerated_value(parsed: &svd::EnumeratedValue) -> EnumeratedValue {
    let (name, pattern) = parsed.name.split_once(PATTERN_FOLLOWS).unwrap_or((&parsed.name, ""));
    let pattern = pattern
        .split_once(':')
        .and_then(|(value, any)| Some((u64::from_str_radix(value, 16).ok()?, u64::from_str_radix(any, 16).ok()?)));
    let (value, any) = pattern.map_or((parsed.value, 0), |(value, any)| (Some(value), any));
    EnumeratedValue {
        name: name.into(),
        description: text(parsed.description.as_deref()),
        value,
        any,
        default: parsed.is_default(),
    }
}
