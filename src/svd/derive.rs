//! Where `derivedFrom` leads.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use svd_parser::svd::{
    Cluster, DimElement, EnumeratedValues, Field, MaybeArray, Name, Peripheral, Register, RegisterCluster,
};

/// A longer chain of elements derived from each other is a circle.
pub(super) const LONGEST_CHAIN: usize = 32;
/// No path leads through clusters whose bases must be found by a path, more often than this.
const DEEPEST_PATH: usize = 4;

/// Where a name is looked for: the registers and clusters around it, and those of the whole peripheral.
#[derive(Clone, Copy)]
pub(super) struct Scope<'d> {
    pub(super) siblings: &'d [RegisterCluster],
    pub(super) all: &'d [RegisterCluster],
}

type NamedValues<'d> = HashMap<&'d str, Vec<(*const RegisterCluster, &'d EnumeratedValues)>>;

/// The parsed file, with what is needed to find things in it.
pub(super) struct Source<'d> {
    pub(super) device: &'d svd_parser::svd::Device,
    by_name: HashMap<String, &'d Peripheral>,
    arrays: Vec<&'d Peripheral>,
    /// All named enumerations of the file, with their peripheral's registers as a mark. Made when first asked for.
    values: OnceCell<NamedValues<'d>>,
    /// How many paths are being followed, each for a part of the one before.
    path_depth: Cell<usize>,
    warned: RefCell<HashSet<String>>,
    pub(super) warnings: RefCell<Vec<String>>,
}

impl<'d> Source<'d> {
    pub(super) fn new(device: &'d svd_parser::svd::Device) -> Self {
        let mut by_name = HashMap::new();
        for peripheral in &device.peripherals {
            by_name.entry(peripheral.name().to_owned()).or_insert(peripheral);
        }
        let arrays = device.peripherals.iter().filter(|peripheral| peripheral.is_array()).collect();
        let (values, path_depth, warned, warnings) = Default::default();
        Source { device, by_name, arrays, values, path_depth, warned, warnings }
    }

    pub(super) fn warn(&self, message: String) {
        if self.warned.borrow_mut().insert(message.clone()) {
            self.warnings.borrow_mut().push(message);
        }
    }

    /// The peripheral and what it is derived from, nearest first.
    pub(super) fn peripheral_chain(&self, peripheral: &'d Peripheral) -> Vec<&'d Peripheral> {
        self.chain(peripheral, peripheral.name(), |link| {
            let path = link.derived_from.as_deref()?;
            Some((path, self.peripheral(path)))
        })
    }

    fn peripheral(&self, name: &str) -> Option<&'d Peripheral> {
        let by_name = self.by_name.get(name).copied();
        by_name.or_else(|| self.arrays.iter().copied().find(|array| is_named(*array, name)))
    }

    /// The register and what it is derived from, each with its scope.
    pub(super) fn register_chain(&self, register: &'d Register, scope: Scope<'d>) -> Vec<(&'d Register, Scope<'d>)> {
        self.chain((register, scope), register.name(), |(link, scope)| {
            let path = link.derived_from.as_deref()?;
            Some((path, self.register(path, *scope, link)))
        })
    }

    /// The cluster and what it is derived from, each with its scope.
    pub(super) fn cluster_chain(&self, cluster: &'d Cluster, scope: Scope<'d>) -> Vec<(&'d Cluster, Scope<'d>)> {
        self.chain((cluster, scope), cluster.name(), |(link, scope)| {
            let path = link.derived_from.as_deref()?;
            Some((path, self.cluster(path, *scope, link)))
        })
    }

    /// The field and what it is derived from, each with the fields around it and the scope of its register.
    pub(super) fn field_chain(
        &self,
        field: &'d Field,
        fields: &'d [Field],
        scope: Scope<'d>,
    ) -> Vec<(&'d Field, &'d [Field], Scope<'d>)> {
        self.chain((field, fields, scope), field.name(), |(link, fields, scope)| {
            let path = link.derived_from.as_deref()?;
            Some((path, self.field(path, fields, *scope, link)))
        })
    }

    fn chain<T>(&self, first: T, name: &str, base: impl Fn(&T) -> Option<(&'d str, Option<T>)>) -> Vec<T> {
        let mut chain = vec![first];
        while let Some((path, base)) = base(&chain[chain.len() - 1]) {
            match base {
                Some(base) if chain.len() < LONGEST_CHAIN => chain.push(base),
                Some(_) => {
                    self.warn(format!("{name:?} is derived from itself"));
                    break;
                }
                None => {
                    self.warn(format!("{name:?} is derived from {path:?}, which does not exist"));
                    break;
                }
            }
        }
        chain
    }

    /// The registers that a peripheral has, be they its own or inherited.
    pub(super) fn registers(&self, peripheral: &'d Peripheral) -> &'d [RegisterCluster] {
        let chain = self.peripheral_chain(peripheral);
        chain.iter().find_map(|link| link.registers.as_deref()).unwrap_or(&[])
    }

    /// `REGISTER`, `CLUSTER.REGISTER`, `PERIPHERAL.CLUSTER.REGISTER`; `this` is not meant.
    fn register(&self, path: &str, scope: Scope<'d>, this: &'d Register) -> Option<(&'d Register, Scope<'d>)> {
        self.find(path, scope, &|child| match child {
            RegisterCluster::Register(register) => (!std::ptr::eq(register, this)).then_some(register),
            RegisterCluster::Cluster(_) => None,
        })
    }

    fn cluster(&self, path: &str, scope: Scope<'d>, this: &'d Cluster) -> Option<(&'d Cluster, Scope<'d>)> {
        self.find(path, scope, &|child| match child {
            RegisterCluster::Cluster(cluster) => (!std::ptr::eq(cluster, this)).then_some(cluster),
            RegisterCluster::Register(_) => None,
        })
    }

    /// `FIELD`, `REGISTER.FIELD`, `PERIPHERAL.REGISTER.FIELD`.
    fn field(
        &self,
        path: &str,
        fields: &'d [Field],
        scope: Scope<'d>,
        this: &'d Field,
    ) -> Option<(&'d Field, &'d [Field], Scope<'d>)> {
        let named = |fields: &'d [Field], name: &str| {
            fields.iter().find(|field| !std::ptr::eq(*field, this) && is_named(*field, name))
        };
        if let Some(found) = named(fields, path) {
            return Some((found, fields, scope));
        }
        let (register, name) = path.rsplit_once('.')?;
        let (fields, scope) = self.fields_of(register, scope)?;
        Some((named(fields, name)?, fields, scope))
    }

    /// The fields of the register at a path, be they its own or inherited.
    fn fields_of(&self, path: &str, scope: Scope<'d>) -> Option<(&'d [Field], Scope<'d>)> {
        let (register, scope) = self.find(path, scope, &|child| match child {
            RegisterCluster::Register(register) => Some(register),
            RegisterCluster::Cluster(_) => None,
        })?;
        let mut link = (register, scope);
        for _ in 0..LONGEST_CHAIN {
            let (register, scope) = link;
            if let Some(fields) = register.fields.as_deref() {
                return Some((fields, scope));
            }
            link = self.register(register.derived_from.as_deref()?, scope, register)?;
        }
        None
    }

    /// Looks beside, then from the top of the peripheral, then from the top of the device, then anywhere in the peripheral.
    fn find<T: Name>(
        &self,
        path: &str,
        scope: Scope<'d>,
        wanted: &dyn Fn(&'d RegisterCluster) -> Option<&'d MaybeArray<T>>,
    ) -> Option<(&'d MaybeArray<T>, Scope<'d>)> {
        let parts: Vec<_> = path.split('.').collect();
        let within = |siblings: &'d [RegisterCluster], all: &'d [RegisterCluster], parts: &[&str]| {
            let (last, clusters) = parts.split_last()?;
            let siblings = clusters.iter().try_fold(siblings, |siblings, name| self.children(siblings, all, name))?;
            let found = siblings.iter().filter_map(wanted).find(|child| is_named(child, last))?;
            Some((found, Scope { siblings, all }))
        };
        let from_peripheral = || {
            let (peripheral, rest) = parts.split_first().filter(|(_, rest)| !rest.is_empty())?;
            let all = self.registers(self.peripheral(peripheral)?);
            within(all, all, rest)
        };
        within(scope.siblings, scope.all, &parts)
            .or_else(|| within(scope.all, scope.all, &parts))
            .or_else(from_peripheral)
            .or_else(|| if parts.len() == 1 { anywhere(scope.all, scope.all, path, wanted, 0) } else { None })
    }

    /// What is in the cluster of this name.
    fn children(
        &self,
        siblings: &'d [RegisterCluster],
        all: &'d [RegisterCluster],
        name: &str,
    ) -> Option<&'d [RegisterCluster]> {
        let clusters = siblings.iter().filter_map(|child| match child {
            RegisterCluster::Cluster(cluster) => Some(cluster),
            RegisterCluster::Register(_) => None,
        });
        let cluster = clusters.into_iter().find(|cluster| is_named(*cluster, name))?;
        // The path to a cluster's base may lead through clusters that are derived themselves, from this one at the worst.
        let depth = self.path_depth.replace(self.path_depth.get() + 1);
        let mut link = Some((cluster, Scope { siblings, all }));
        let mut length = 0;
        while let Some((cluster, scope)) = link.filter(|(cluster, _)| cluster.children.is_empty()) {
            length += 1;
            let path = cluster.derived_from.as_deref().filter(|_| depth < DEEPEST_PATH && length < LONGEST_CHAIN);
            link = path.and_then(|path| self.cluster(path, scope, cluster));
        }
        self.path_depth.set(depth);
        link.map(|(cluster, _)| &*cluster.children)
    }

    /// The values of an enumeration, be they its own or inherited.
    pub(super) fn values(
        &self,
        mut values: &'d EnumeratedValues,
        field: &'d Field,
        fields: &'d [Field],
        scope: Scope<'d>,
    ) -> &'d EnumeratedValues {
        for _ in 0..LONGEST_CHAIN {
            let Some(path) = values.derived_from.as_deref().filter(|_| values.values.is_empty()) else { return values };
            let Some(base) = self.values_at(path, values, field, fields, scope) else {
                self.warn(format!("the values of {:?} are derived from {path:?}, which does not exist", field.name()));
                return values;
            };
            values = base;
        }
        self.warn(format!("the values of {:?} are derived from themselves", field.name()));
        values
    }

    /// `VALUES` in the same register, peripheral or file, `FIELD.VALUES`, `REGISTER.FIELD.VALUES`,
    /// `PERIPHERAL.REGISTER.FIELD.VALUES`; also the path of a field that has but one enumeration.
    fn values_at(
        &self,
        path: &str,
        this: &'d EnumeratedValues,
        field: &'d Field,
        fields: &'d [Field],
        scope: Scope<'d>,
    ) -> Option<&'d EnumeratedValues> {
        let other = |values: &&'d EnumeratedValues| !std::ptr::eq(*values, this);
        let named = |field: &'d Field, name: &str| {
            field.enumerated_values.iter().filter(other).find(|values| values.name.as_deref() == Some(name))
        };
        if let Some((owner, name)) = path.rsplit_once('.') {
            let owner = self.field(owner, fields, scope, field).map(|(owner, ..)| owner);
            let owner = owner.or_else(|| is_named(field, owner_name(path)).then_some(field));
            if let Some(values) = owner.and_then(|owner| named(owner, name)) {
                return Some(values);
            }
        }
        let in_register = || std::iter::once(field).chain(fields).find_map(|field| named(field, path));
        let in_file = || {
            let name = path.rsplit('.').next()?;
            let found = self.values.get_or_init(|| self.named_values()).get(name)?;
            let here = found.iter().filter(|(home, values)| *home == scope.all.as_ptr() && other(values));
            here.chain(found.iter().filter(|(_, values)| other(values))).map(|(_, values)| *values).next()
        };
        let of_field = || {
            let (owner, ..) = self.field(path, fields, scope, field)?;
            owner.enumerated_values.iter().find(other)
        };
        in_register().or_else(in_file).or_else(of_field)
    }

    fn named_values(&self) -> NamedValues<'d> {
        let mut named: NamedValues<'d> = HashMap::new();
        for peripheral in &self.device.peripherals {
            let Some(all) = peripheral.registers.as_deref() else { continue };
            let mut pending: Vec<_> = all.iter().rev().collect();
            while let Some(child) = pending.pop() {
                match child {
                    RegisterCluster::Cluster(cluster) => pending.extend(cluster.children.iter().rev()),
                    RegisterCluster::Register(register) => {
                        let fields = register.fields.iter().flatten();
                        for values in fields.flat_map(|field| &field.enumerated_values) {
                            if let Some(name) = &values.name {
                                named.entry(name).or_default().push((all.as_ptr(), values));
                            }
                        }
                    }
                }
            }
        }
        named
    }
}

/// `FIELD` of `REGISTER.FIELD.VALUES`.
fn owner_name(path: &str) -> &str {
    path.rsplit('.').nth(1).unwrap_or(path)
}

fn anywhere<'d, T: Name>(
    siblings: &'d [RegisterCluster],
    all: &'d [RegisterCluster],
    name: &str,
    wanted: &dyn Fn(&'d RegisterCluster) -> Option<&'d MaybeArray<T>>,
    depth: usize,
) -> Option<(&'d MaybeArray<T>, Scope<'d>)> {
    if let Some(found) = siblings.iter().filter_map(wanted).find(|child| is_named(child, name)) {
        return Some((found, Scope { siblings, all }));
    }
    siblings.iter().filter(|_| depth < LONGEST_CHAIN).find_map(|child| match child {
        RegisterCluster::Cluster(cluster) => anywhere(&cluster.children, all, name, wanted, depth + 1),
        RegisterCluster::Register(_) => None,
    })
}

/// An array goes by its name in the file (`CH%s`, `CH[%s]`), without the placeholder, and by those of its elements.
fn is_named<T: Name>(element: &MaybeArray<T>, name: &str) -> bool {
    if element.name() == name {
        return true;
    }
    let MaybeArray::Array(info, dim) = element else { return false };
    let (before, after) = info.name().split_once("%s").unwrap_or((info.name(), ""));
    // Most names are ruled out by how they begin.
    if !name.starts_with(before.trim_end_matches('[')) {
        return false;
    }
    let is_index = |text: &str| match &dim.dim_index {
        Some(list) => list.iter().any(|index| index == text),
        None => text.parse::<u32>().is_ok_and(|index| index < dim.dim && index.to_string() == text),
    };
    let index = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    bare(info.name()) == name || index.is_some_and(is_index)
}

fn bare(name: &str) -> String {
    name.replace("[%s]", "").replace("%s", "")
}

/// The name of an element of an array.
pub(super) fn element_name(name: &str, dim: &DimElement, index: u32) -> String {
    name.replace("%s", &index_text(dim, index))
}

/// What stands for `%s`.
pub(super) fn index_text(dim: &DimElement, index: u32) -> String {
    let listed = dim.dim_index.as_ref().and_then(|list| list.get(index as usize));
    listed.cloned().unwrap_or_else(|| index.to_string())
}
