//! Paths to elements, such as `PERIPHERAL.CLUSTER.REGISTER`.

use super::names::{Kind, Place};
use super::{ClusterView, PeripheralView, RegisterView, Resolver};
use crate::svd::source::ListId;

/// The number of derived clusters that a path may lead through, each to find the base of the one
/// before.
const DEEPEST_PATH: usize = 16;

impl Resolver<'_, '_> {
    /// The peripheral of a name; `this` is not meant.
    pub(super) fn peripheral(&mut self, name: &str, this: Option<u32>) -> Option<u32> {
        self.named(Place::Device, Kind::Peripheral, name, this)
    }

    /// The register at a path: `REGISTER`, `CLUSTER.REGISTER`, `PERIPHERAL.CLUSTER.REGISTER`.
    /// `this` is not meant.
    pub(super) fn register(&mut self, path: &str, home: ListId, this: Option<u32>) -> Option<u32> {
        self.find(path, home, Kind::Register, this)
    }

    /// The cluster at a path, as the cluster `this` names it.
    pub(super) fn cluster(&mut self, path: &str, this: u32) -> Option<u32> {
        let home = self.source.clusters[this as usize].home;
        self.in_progress.insert(this);
        let found = self.find(path, home, Kind::Cluster, Some(this));
        self.in_progress.remove(&this);
        found
    }

    /// The field at a path, as the field `this` names it: `FIELD`, `REGISTER.FIELD`,
    /// `PERIPHERAL.REGISTER.FIELD`.
    pub(super) fn field(&mut self, path: &str, this: u32) -> Option<u32> {
        let register = self.source.fields[this as usize].home;
        let own = &self.source.registers[register as usize];
        let beside = own.fields.as_ref().map(|fields| Place::Fields(fields.start, fields.end));
        if let Some(found) = beside.and_then(|place| self.named(place, Kind::Field, path, Some(this))) {
            return Some(found);
        }
        let (register, name) = path.rsplit_once('.')?;
        let register = self.register(register, own.home, None)?;
        let (first, end) = self.view::<RegisterView<'_>>(register).fields?;
        self.named(Place::Fields(first, end), Kind::Field, name, Some(this))
    }

    /// Looks beside, then from the top of the peripheral, then from the top of the device, then
    /// anywhere in the peripheral.
    fn find(&mut self, path: &str, home: ListId, kind: Kind, this: Option<u32>) -> Option<u32> {
        let top = self.source.lists[home as usize].top;
        if let Some(found) = self.within(home, path, kind, this) {
            return Some(found);
        }
        if let Some(found) = (home != top).then(|| self.within(top, path, kind, this)).flatten() {
            return Some(found);
        }
        let Some((peripheral, rest)) = path.split_once('.') else {
            return self.named(Place::Anywhere(top), kind, path, this);
        };
        let peripheral = self.peripheral(peripheral, None)?;
        let registers = self.view::<PeripheralView<'_>>(peripheral).registers?;
        self.within(registers, rest, kind, this)
    }

    /// Looks from a list on, through clusters.
    fn within(&mut self, mut list: ListId, path: &str, kind: Kind, this: Option<u32>) -> Option<u32> {
        let mut rest = path;
        while let Some((cluster, deeper)) = rest.split_once('.') {
            list = self.inside(list, cluster)?;
            rest = deeper;
        }
        self.named(Place::List(list), kind, rest, this)
    }

    /// What is in the cluster of a name, be it the cluster's own or inherited.
    fn inside(&mut self, list: ListId, name: &str) -> Option<ListId> {
        let cluster = self.named(Place::List(list), Kind::Cluster, name, None)?;
        let own = self.source.clusters[cluster as usize].inside;
        if !self.source.lists[own as usize].children.is_empty() {
            return Some(own);
        }
        if self.in_progress.contains(&cluster) || self.in_progress.len() >= DEEPEST_PATH {
            return None;
        }
        self.view::<ClusterView<'_>>(cluster).inside
    }
}
