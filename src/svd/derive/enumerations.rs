//! Enumerations that are derived from others.

use std::collections::{HashMap, HashSet};

use super::Resolver;
use crate::svd::source::ListId;
use crate::svd::warnings::shown;

/// The named enumerations of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct EnumerationNames<'s> {
    in_field: HashMap<(u32, &'s str), Vec<u32>>,
    in_register: HashMap<(u32, &'s str), Vec<u32>>,
    /// By the list of the peripheral.
    in_peripheral: HashMap<(ListId, &'s str), Vec<u32>>,
    everywhere: HashMap<&'s str, Vec<u32>>,
}

impl Resolver<'_, '_> {
    /// The enumeration that has the values of another one: that one itself, or what it is derived
    /// from.
    pub(in crate::svd) fn values(&mut self, enumeration: u32) -> u32 {
        let source = self.source;
        let mut seen = HashSet::new();
        let mut at = enumeration;
        loop {
            if let Some(&known) = self.enumerations.get(&at) {
                at = known;
                break;
            }
            let this = &source.enumerations[at as usize];
            let Some(path) = this.derived_from.as_deref().filter(|_| this.values.is_empty()) else { break };
            let field = &source.fields[this.home as usize].head;
            if !seen.insert(at) {
                let message = format!("the values of {} are derived from themselves", shown(&field.name));
                self.warnings.add_at(field.offset, message);
                break;
            }
            let Some(base) = self.values_at(path, at) else {
                let path = shown(path);
                let message =
                    format!("the values of {} are derived from {path}, which does not exist", shown(&field.name));
                self.warnings.add_at(field.offset, message);
                break;
            };
            at = base;
        }
        self.enumerations.extend(seen.into_iter().map(|link| (link, at)));
        at
    }

    /// `VALUES` in the same register, peripheral or file, `FIELD.VALUES`, `REGISTER.FIELD.VALUES`,
    /// `PERIPHERAL.REGISTER.FIELD.VALUES`; also the path of a field, whose first enumeration is
    /// meant.
    fn values_at(&mut self, path: &str, this: u32) -> Option<u32> {
        let source = self.source;
        let field = source.enumerations[this as usize].home;
        let register = source.fields[field as usize].home;
        let top = source.lists[source.registers[register as usize].home as usize].top;
        let owner = path.rsplit_once('.').map(|(owner, name)| {
            let is_own = source.fields[field as usize].head.name == owner.rsplit('.').next().unwrap_or(owner);
            (self.field(owner, field).or(is_own.then_some(field)), name)
        });
        let names = self.enumeration_names.get_or_insert_with(|| names(source));
        let other = |ids: Option<&Vec<u32>>| ids?.iter().copied().find(|id| *id != this);
        let of_owner = owner.and_then(|(owner, name)| other(names.in_field.get(&(owner?, name))));
        let last = path.rsplit('.').next().unwrap_or(path);
        of_owner
            .or_else(|| other(names.in_field.get(&(field, path))))
            .or_else(|| other(names.in_register.get(&(register, path))))
            .or_else(|| other(names.in_peripheral.get(&(top, last))))
            .or_else(|| other(names.everywhere.get(last)))
            .or_else(|| {
                let owner = self.field(path, field)?;
                source.fields[owner as usize].enumerations.clone().find(|id| *id != this)
            })
    }
}

fn names<'s>(source: &'s crate::svd::source::Source<'s>) -> EnumerationNames<'s> {
    let mut names = EnumerationNames::default();
    for (id, enumeration) in (0..).zip(&source.enumerations) {
        let Some(name) = enumeration.name.as_deref() else { continue };
        let register = source.fields[enumeration.home as usize].home;
        let top = source.lists[source.registers[register as usize].home as usize].top;
        names.in_field.entry((enumeration.home, name)).or_default().push(id);
        names.in_register.entry((register, name)).or_default().push(id);
        names.in_peripheral.entry((top, name)).or_default().push(id);
        names.everywhere.entry(name).or_default().push(id);
    }
    names
}
