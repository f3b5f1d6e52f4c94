//! The names by which elements can be derived from.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Resolver;
use crate::svd::source::{Child, Head, ListId};

/// A kind of element. Names of different kinds have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Peripheral,
    Cluster,
    Register,
    Field,
}

/// Where names are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Among all peripherals.
    Device,
    /// Directly inside a peripheral or cluster.
    List(ListId),
    /// Anywhere inside a peripheral.
    Anywhere(ListId),
    /// Among the fields of a register: the first, and the one after the last.
    Fields(u32, u32),
}

/// The elements of a place by their names, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Names<'s> {
    /// An array is here with its name in the file (`CH%s`, `CH[%s]`) and without the placeholder.
    exact: HashMap<(Kind, Cow<'s, str>), Vec<u32>>,
    /// Arrays by what comes before the placeholder.
    arrays: HashMap<(Kind, &'s str), Vec<u32>>,
    /// The most bytes before a placeholder.
    longest: usize,
}

impl<'s> Names<'s> {
    fn add(&mut self, kind: Kind, id: u32, head: &'s Head<'s>) {
        let name = &*head.name;
        self.exact.entry((kind, name.into())).or_default().push(id);
        if head.dim.is_some() {
            let bare = name.replace("[%s]", "").replace("%s", "");
            self.exact.entry((kind, bare.into())).or_default().push(id);
            let (before, _) = around_placeholder(name);
            self.arrays.entry((kind, before)).or_default().push(id);
            self.longest = self.longest.max(before.len());
        }
    }
}

impl<'s> Resolver<'s, '_> {
    /// The first element of a name, or the first array with an element of this name. `this` is not
    /// meant.
    pub(super) fn named(&mut self, place: Place, kind: Kind, name: &str, this: Option<u32>) -> Option<u32> {
        if !self.names.contains_key(&place) {
            let names = self.names_at(place);
            self.names.insert(place, names);
        }
        if self.check_effort().is_err() {
            return None;
        }
        let names = &self.names[&place];
        let is_meant = |id: &&u32| Some(**id) != this;
        if let Some(found) = names.exact.get(&(kind, name.into())).and_then(|ids| ids.iter().find(is_meant)) {
            return Some(*found);
        }
        if names.arrays.is_empty() {
            return None;
        }
        for length in (0..=name.len().min(names.longest)).rev().filter(|length| name.is_char_boundary(*length)) {
            self.steps += 1 + length / 16;
            let Some(arrays) = names.arrays.get(&(kind, &name[..length])) else { continue };
            for &id in arrays.iter().filter(is_meant) {
                let Head { name: array, dim, .. } = self.head(kind, id);
                let (_, after) = around_placeholder(array);
                let Some((index, dim)) = name[length..].strip_suffix(after).zip(dim.as_deref()) else { continue };
                self.steps += 1 + dim.parts();
                if dim.has_index(index) {
                    return Some(id);
                }
            }
            self.steps += arrays.len();
        }
        None
    }

    fn head(&self, kind: Kind, id: u32) -> &'s Head<'s> {
        match kind {
            Kind::Peripheral => &self.source.peripherals[id as usize].head,
            Kind::Cluster => &self.source.clusters[id as usize].head,
            Kind::Register => &self.source.registers[id as usize].head,
            Kind::Field => &self.source.fields[id as usize].head,
        }
    }

    fn names_at(&self, place: Place) -> Names<'s> {
        let mut names = Names::default();
        match place {
            Place::Device => {
                for (id, peripheral) in (0..).zip(&self.source.peripherals) {
                    names.add(Kind::Peripheral, id, &peripheral.head);
                }
            }
            Place::List(list) => self.add_list(&mut names, list, false),
            Place::Anywhere(list) => self.add_list(&mut names, list, true),
            Place::Fields(first, end) => {
                for id in first..end {
                    names.add(Kind::Field, id, self.head(Kind::Field, id));
                }
            }
        }
        names
    }

    /// Adds what is in a list; with `deep`, then what is in its clusters. Clusters are nested a few
    /// levels at most.
    fn add_list(&self, names: &mut Names<'s>, list: ListId, deep: bool) {
        let children = &self.source.lists[list as usize].children;
        for child in children {
            match *child {
                Child::Register(id) => names.add(Kind::Register, id, self.head(Kind::Register, id)),
                Child::Cluster(id) => names.add(Kind::Cluster, id, self.head(Kind::Cluster, id)),
            }
        }
        for child in children.iter().filter(|_| deep) {
            if let Child::Cluster(id) = child {
                self.add_list(names, self.source.clusters[*id as usize].inside, true);
            }
        }
    }
}

fn around_placeholder(name: &str) -> (&str, &str) {
    name.split_once("%s").unwrap_or((name, ""))
}
