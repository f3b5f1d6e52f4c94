//! From the elements of a file to peripherals, registers and fields: arrays become elements, and
//! what is derived or inherited is filled in.

mod budget;
mod fields;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use self::budget::Budget;
use self::fields::FieldsOf;
use super::derive::{ClusterView, PeripheralView, RegisterView, Resolver};
use super::device::{AddressBlock, Peripheral};
use super::field::Field;
use super::properties::{Access, WriteConstraint};
use super::register::{Register, RegisterInfo};
use super::source::{Child, Constraint, Dim, Head, ListId, Number, Properties, Source};
use super::warnings::{Warnings, shown};

/// Clusters are nested a few levels. A cluster derived from one that encloses it would be endless.
const DEEPEST_CLUSTER: usize = 16;

/// A register before it has an address: its name and offset in what encloses it.
struct Placed {
    name: String,
    offset: u64,
    info: Arc<RegisterInfo>,
}

/// Registers and clusters, and the properties that they inherit from what encloses them.
type Inside = (ListId, Properties);

/// The reason is one for which the whole description is refused.
type Expanded<T> = Result<T, String>;

/// All peripherals, or why there cannot be such.
pub(super) fn peripherals<'s>(source: &'s Source<'s>, warnings: &mut Warnings) -> Expanded<Vec<Peripheral>> {
    let resolver = Resolver::new(source, warnings);
    let (budget, shared, inside, fields) = Default::default();
    let mut expander = Expander { resolver, budget, shared, inside, fields };
    let ids = (0..).take(source.peripherals.len());
    for id in ids.clone() {
        expander.count(id)?;
    }
    let mut peripherals = Vec::with_capacity(source.peripherals.len());
    for id in ids {
        expander.peripheral(id, &mut peripherals)?;
    }
    let mut names = HashSet::with_capacity(peripherals.len());
    for peripheral in peripherals.iter().filter(|peripheral| !names.insert(peripheral.name())) {
        let name = shown(peripheral.name());
        expander.warn(format!("there is more than one peripheral {name}; look-ups find the first"));
    }
    Ok(peripherals)
}

struct Expander<'s, 'w> {
    resolver: Resolver<'s, 'w>,
    budget: Budget,
    /// Texts of the file that are in the result, by their address and length.
    shared: HashMap<(usize, usize), Arc<str>>,
    /// What is expanded already. Derived elements have it in common, and a file of ten levels that
    /// are each derived ten times costs no more than ten levels.
    inside: HashMap<Inside, Rc<[Placed]>>,
    /// The same for fields.
    fields: HashMap<FieldsOf, Arc<[Field]>>,
}

impl<'s> Expander<'s, '_> {
    fn warn(&mut self, message: String) {
        self.resolver.warnings.add(message);
    }

    /// A text of the file as it is. The same place gives the same text, not a copy.
    fn share(&mut self, text: &'s str) -> Arc<str> {
        self.shared.entry((text.as_ptr() as usize, text.len())).or_insert_with(|| text.into()).clone()
    }

    /// A text of an element of an array, with the index for `%s`.
    fn indexed(&mut self, text: Option<&'s str>, index: &str) -> Expanded<Option<Arc<str>>> {
        let Some(text) = text else { return Ok(None) };
        if !text.contains("%s") {
            return Ok(Some(self.share(text)));
        }
        let text = text.replace("%s", index);
        self.budget.text(text.len())?;
        Ok(Some(text.into()))
    }

    fn elements(&mut self, head: &'s Head<'_>, dim: Option<&'s Dim>) -> Elements<'s> {
        let elements = Elements::of(head, dim);
        if elements.count == 0 {
            self.resolver.warnings.add_at(head.offset, format!("array {} has 0 elements", shown(&head.name)));
        }
        elements
    }

    /// Counts a peripheral, or the elements of an array of them, before any are made.
    fn count(&mut self, id: u32) -> Expanded<()> {
        let own = &self.resolver.source.peripherals[id as usize];
        let view: PeripheralView<'_> = self.resolver.view(id);
        self.budget.registers(Elements::of(&own.head, view.dim).count, &own.head.name)
    }

    fn peripheral(&mut self, id: u32, peripherals: &mut Vec<Peripheral>) -> Expanded<()> {
        let source = self.resolver.source;
        let own = &source.peripherals[id as usize];
        let view: PeripheralView<'_> = self.resolver.view(id);
        let elements = self.elements(&own.head, view.dim);
        if elements.count == 0 {
            return Ok(());
        }
        let properties = view.properties.or(source.properties);
        let placed = self.inside(view.registers.map(|list| (list, properties)), 0)?;
        // The peripheral itself is counted already.
        self.budget.registers(elements.count.saturating_mul(placed.len().saturating_sub(1)), &own.head.name)?;
        for (name, offset, index) in elements.each() {
            let base_address = place(own.base_address, offset, &name)?;
            self.budget.text(name.len() + view.blocks.len() * size_of::<AddressBlock>())?;
            let name: Arc<str> = name.into();
            let (registers, register_by_name) = self.registers(&name, base_address, &view, &placed)?;
            let address_blocks = self.address_blocks(&name, base_address, view.blocks);
            let group_name = view.group_name.map(|text| self.share(text));
            peripherals.push(Peripheral {
                name,
                description: self.indexed(view.description, &index)?,
                group_name,
                base_address,
                address_blocks,
                interrupts: view.interrupts.clone(),
                registers,
                register_by_name,
            });
        }
        Ok(())
    }

    fn address_blocks(&mut self, peripheral: &str, base: u64, blocks: &[(u32, u32)]) -> Vec<AddressBlock> {
        let mut placed = Vec::with_capacity(blocks.len());
        for &(offset, size) in blocks {
            match base.checked_add(offset.into()) {
                Some(address) => placed.push(AddressBlock { address, size: size.into() }),
                None => self.warn(format!(
                    "an address block of {} lies beyond the 64-bit address space and is left out",
                    shown(peripheral)
                )),
            }
        }
        placed
    }

    /// The registers of a peripheral at their addresses, and their places by name.
    #[allow(clippy::type_complexity, reason = "the two are fields of a peripheral")]
    fn registers(
        &mut self,
        peripheral: &Arc<str>,
        base_address: u64,
        view: &PeripheralView<'_>,
        placed: &[Placed],
    ) -> Expanded<(Vec<Register>, HashMap<Arc<str>, usize>)> {
        let (prefix, suffix) = (view.prefix.unwrap_or_default(), view.suffix.unwrap_or_default());
        let mut registers = Vec::with_capacity(placed.len());
        let mut by_name = HashMap::with_capacity(placed.len());
        for register in placed {
            let mut name: Arc<str> = match (prefix, suffix) {
                ("", "") => register.name.as_str().into(),
                _ => format!("{prefix}{}{suffix}", register.name).into(),
            };
            if let Some(group) = register.info.alternate_group.as_ref().filter(|_| by_name.contains_key(&name)) {
                name = format!("{name}_{group}").into();
            }
            self.budget.text(name.len())?;
            if by_name.contains_key(&name) {
                let (peripheral, name) = (shown(peripheral), shown(&name));
                self.warn(format!(
                    "peripheral {peripheral} has more than one register {name}; look-ups find the first"
                ));
            } else {
                by_name.insert(name.clone(), registers.len());
            }
            registers.push(Register {
                peripheral: peripheral.clone(),
                address: place(base_address, register.offset, &name)?,
                name,
                changes_other: None,
                info: register.info.clone(),
            });
        }
        Ok((registers, by_name))
    }

    /// The registers inside a peripheral or cluster.
    fn inside(&mut self, inside: Option<Inside>, depth: usize) -> Expanded<Rc<[Placed]>> {
        let Some((list, properties)) = inside else { return Ok(Rc::default()) };
        if let Some(known) = self.inside.get(&(list, properties)) {
            return Ok(known.clone());
        }
        let mut placed = Vec::new();
        for child in &self.resolver.source.lists[list as usize].children {
            match *child {
                Child::Register(id) => self.register(id, properties, &mut placed)?,
                Child::Cluster(id) => self.cluster(id, properties, depth, &mut placed)?,
            }
        }
        let placed: Rc<[Placed]> = placed.into();
        self.inside.insert((list, properties), placed.clone());
        Ok(placed)
    }

    fn cluster(&mut self, id: u32, properties: Properties, depth: usize, placed: &mut Vec<Placed>) -> Expanded<()> {
        let own = &self.resolver.source.clusters[id as usize];
        if depth == DEEPEST_CLUSTER {
            let name = shown(&own.head.name);
            return Err(format!("clusters are nested more than {DEEPEST_CLUSTER} deep at {name}"));
        }
        let view: ClusterView<'_> = self.resolver.view(id);
        let elements = self.elements(&own.head, view.dim);
        self.budget.elements(elements.count, &own.head.name)?;
        if elements.count == 0 {
            return Ok(());
        }
        let properties = view.properties.or(properties);
        let inner = self.inside(view.inside.map(|list| (list, properties)), depth + 1)?;
        self.budget.elements(elements.count.saturating_mul(inner.len()), &own.head.name)?;
        for (name, offset, _) in elements.each().take_while(|_| !inner.is_empty()) {
            let offset = place(own.address_offset.into(), offset, &name)?;
            for register in &*inner {
                let name = format!("{name}_{}", register.name);
                self.budget.text(name.len())?;
                let offset = place(offset, register.offset, &name)?;
                placed.push(Placed { name, offset, info: register.info.clone() });
            }
        }
        Ok(())
    }

    fn register(&mut self, id: u32, outer: Properties, placed: &mut Vec<Placed>) -> Expanded<()> {
        let own = &self.resolver.source.registers[id as usize];
        let view: RegisterView<'_> = self.resolver.view(id);
        self.resolver.check_effort()?;
        let elements = self.elements(&own.head, view.dim);
        self.budget.elements(elements.count, &own.head.name)?;
        if elements.count == 0 {
            return Ok(());
        }
        let info = self.register_info(id, &view, outer)?;
        let (description, display_name) = (view.description, own.display_name.as_deref());
        let has_own_texts = [description, display_name].iter().flatten().any(|text| text.contains("%s"));
        let shared = Arc::new(info);
        for (name, offset, index) in elements.each() {
            self.budget.text(name.len())?;
            let offset = place(own.address_offset.into(), offset, &name)?;
            let info = if has_own_texts {
                let description = self.indexed(description, &index)?;
                let display_name = self.indexed(display_name, &index)?;
                self.budget.text(size_of::<RegisterInfo>())?;
                Arc::new(RegisterInfo { display_name, description, ..(*shared).clone() })
            } else {
                shared.clone()
            };
            placed.push(Placed { name, offset, info });
        }
        Ok(())
    }

    fn register_info(&mut self, id: u32, view: &RegisterView<'s>, outer: Properties) -> Expanded<RegisterInfo> {
        let own = &self.resolver.source.registers[id as usize];
        let properties = view.properties.or(outer);
        let size = properties.size.unwrap_or(32);
        let bits = u64::MAX >> 64_u32.saturating_sub(size);
        let reset = properties.reset_value;
        // What encloses narrower registers may give a value that is wider than they are.
        if let Some(Number { value, .. }) = view.properties.reset_value.filter(|number| number.value & !bits != 0) {
            let name = shown(&own.head.name);
            let message = format!("the reset value {value:#x} of {name} has more than {size} bits and is cut");
            self.resolver.warnings.add_at(own.head.offset, message);
        }
        let mut info = RegisterInfo {
            display_name: own.display_name.as_deref().map(|text| self.share(text)),
            description: view.description.map(|text| self.share(text)),
            size,
            access: properties.access.unwrap_or_default(),
            reset_value: reset.map(|number| number.value & bits),
            reset_mask: properties.reset_mask.unwrap_or(u64::MAX) & bits & !reset.map_or(0, |number| number.any),
            read_action: view.behavior.read_action,
            modified_write_values: view.behavior.modified_write_values.unwrap_or_default(),
            write_constraint: constraint(view.behavior.write_constraint),
            alternate_register: own.alternate.as_deref().map(|text| self.share(text)),
            alternate_group: own.alternate_group.as_deref().map(|text| self.share(text)),
            fields: [].into(),
        };
        if let Some((first, end)) = view.fields {
            info.fields = self.fields(first..end, &info, &own.head)?;
        }
        // Files give a peripheral's access, and write-only for each field. What the register says
        // itself goes before that.
        let is_written_only = !info.fields.is_empty() && info.fields.iter().all(|field| !field.access.can_read());
        if is_written_only && info.access.can_read() && view.properties.access.is_none() {
            info.access = Access::WriteOnly;
        }
        Ok(info)
    }
}

/// The elements of an array, or the one that is no array.
struct Elements<'s> {
    name: &'s str,
    dim: Option<&'s Dim>,
    count: usize,
}

impl<'s> Elements<'s> {
    /// `dim` is the element's own, or that of what it is derived from, which counts if there is a
    /// `%s` in the name.
    fn of(head: &'s Head<'_>, dim: Option<&'s Dim>) -> Self {
        let dim = dim.filter(|_| head.name.contains("%s"));
        Elements { name: &head.name, dim, count: dim.map_or(1, |dim| dim.count as usize) }
    }

    /// Name, offset from the first one, and what stands for `%s`.
    fn each(&self) -> impl Iterator<Item = (String, u64, Cow<'s, str>)> {
        let (name, dim) = (self.name, self.dim);
        let single = dim.is_none().then(|| (name.to_owned(), 0, Cow::Borrowed("")));
        let elements = dim.into_iter().flat_map(move |dim| {
            (0_u64..)
                .zip(dim.index_texts())
                .map(move |(number, index)| (name.replace("%s", &index), number * u64::from(dim.increment), index))
        });
        single.into_iter().chain(elements)
    }
}

fn constraint(constraint: Option<Constraint>) -> Option<WriteConstraint> {
    match constraint {
        Some(Constraint::On(constraint)) => Some(constraint),
        Some(Constraint::Off) | None => None,
    }
}

fn place(base: u64, offset: u64, name: &str) -> Expanded<u64> {
    base.checked_add(offset).ok_or_else(|| format!("{} lies beyond the 64-bit address space", shown(name)))
}
