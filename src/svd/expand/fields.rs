//! The fields of a register.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Expanded, Expander, constraint};
use crate::svd::derive::FieldView;
use crate::svd::field::{EnumeratedValue, Field};
use crate::svd::properties::{Access, ModifiedWriteValues, WriteConstraint};
use crate::svd::register::RegisterInfo;
use crate::svd::source::{Head, Usage};
use crate::svd::warnings::shown;

/// The names of a field's values for reading and for writing.
type Values = [Option<Arc<[EnumeratedValue]>>; 2];

/// Fields, by their places in the file, with all that they inherit from their register.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FieldsOf {
    ids: Range<u32>,
    size: u32,
    access: Access,
    modified_write_values: ModifiedWriteValues,
    write_constraint: Option<WriteConstraint>,
}

impl<'s> Expander<'s, '_> {
    /// The fields of a register.
    pub(super) fn fields(
        &mut self,
        ids: Range<u32>,
        info: &RegisterInfo,
        register: &Head<'_>,
    ) -> Expanded<Arc<[Field]>> {
        let RegisterInfo { size, access, modified_write_values, write_constraint, .. } = *info;
        let key = FieldsOf { ids: ids.clone(), size, access, modified_write_values, write_constraint };
        if let Some(known) = self.fields.get(&key).cloned() {
            self.budget.fields(0, known.len(), &register.name)?;
            return Ok(known);
        }
        let mut list = Vec::with_capacity(ids.len());
        for id in ids {
            self.field(id, info, register, &mut list)?;
        }
        let mut names = HashSet::with_capacity(list.len());
        for field in list.iter().filter(|field| !names.insert(&*field.name)) {
            let (register, field) = (shown(&register.name), shown(&field.name));
            self.warn(format!("register {register} has more than one field {field}; look-ups find the first"));
        }
        let list: Arc<[Field]> = list.into();
        self.fields.insert(key, list.clone());
        Ok(list)
    }

    fn field(&mut self, id: u32, info: &RegisterInfo, register: &Head<'_>, list: &mut Vec<Field>) -> Expanded<()> {
        let own = &self.resolver.source.fields[id as usize];
        let view: FieldView<'s> = self.resolver.view(id);
        let elements = self.elements(&own.head, view.dim);
        self.budget.fields(list.len(), elements.count, &register.name)?;
        let [read_values, write_values] = self.field_values(&view, &own.head);
        let access = view.access.unwrap_or(info.access);
        let write_constraint = match view.behavior.write_constraint {
            // The values of a register are those of its fields.
            None => info.write_constraint.filter(|inherited| {
                let has_values = write_values.as_ref().is_some_and(|values| !values.is_empty());
                *inherited == WriteConstraint::UseEnumeratedValues && access.can_write() && has_values
            }),
            own => constraint(own),
        };
        let width = view.bits.width.unwrap_or(1);
        for (name, shift, index) in elements.each() {
            let first = view.bits.first.map(|first| u64::from(first) + shift);
            let room = first.map_or(0, |first| u64::from(info.size.min(64)).saturating_sub(first));
            if room == 0 {
                let (name, register) = (shown(&name), shown(&register.name));
                self.warn(format!("field {name} of register {register} is not inside it and left out"));
                continue;
            }
            if u64::from(width) > room {
                let (name, register) = (shown(&name), shown(&register.name));
                self.warn(format!("field {name} of register {register} is wider than it and cut"));
            }
            // Both are at most 64 here.
            #[allow(clippy::cast_possible_truncation)]
            let (bit_offset, bit_width) = (first.unwrap_or(0) as u32, u64::from(width).min(room) as u32);
            let name = if elements.dim.is_none() {
                self.share(elements.name)
            } else {
                self.budget.text(name.len())?;
                name.into()
            };
            list.push(Field {
                name,
                description: self.indexed(view.description, &index)?,
                bit_offset,
                bit_width,
                access,
                read_action: view.behavior.read_action,
                modified_write_values: view.behavior.modified_write_values.unwrap_or(info.modified_write_values),
                write_constraint,
                read_values: read_values.clone(),
                write_values: write_values.clone(),
            });
        }
        Ok(())
    }

    fn field_values(&mut self, view: &FieldView<'s>, head: &Head<'_>) -> Values {
        let (mut read, mut write) = (None, None);
        let Some((first, end)) = view.enumerations else { return [read, write] };
        for id in first..end {
            let own = &self.resolver.source.enumerations[id as usize];
            let found = &self.resolver.source.enumerations[self.resolver.values(id) as usize];
            let usage = own.usage.or(found.usage).unwrap_or(Usage::ReadWrite);
            let is_new = (usage != Usage::Write && read.is_none()) || (usage != Usage::Read && write.is_none());
            if !is_new {
                let message = format!("one more list of values of field {} is left out", shown(&head.name));
                self.resolver.warnings.add_at(head.offset, message);
            }
            if usage != Usage::Write {
                read.get_or_insert_with(|| found.values.clone());
            }
            if usage != Usage::Read {
                write.get_or_insert_with(|| found.values.clone());
            }
        }
        [read, write]
    }
}
