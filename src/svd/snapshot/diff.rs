//! Two snapshots compared.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use super::{Snapshot, SnapshotRegister};
use crate::svd::field::Field;
use crate::svd::register::{Register, hex_digits};

/// What differs between two snapshots, from [`Snapshot::diff`].
///
/// It prints as a table: a line for each register that differs, and one for each of its fields that
/// does, with the names of the values; or `no differences in 57 registers`. Lines for what was not
/// compared follow.
///
/// ```text
/// REGISTER  FIELD   BEFORE          AFTER
/// RCC.CR            0x00000083      0x00030083
///           HSEON   0x0  Off        0x1  On
///           HSERDY  0x0  NotReady   0x1  Ready
/// not compared: USART1.DR: reading changes the chip's state (readAction modifyExternal of USART1.DR)
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotDiff {
    /// The registers that differ, in the order of the later snapshot.
    pub changed: Vec<RegisterChange>,
    /// How many registers were compared: both snapshots have a value of them.
    pub compared: usize,
    /// The registers that only one of the snapshots could read, as the other one has them.
    pub unread_once: Vec<SnapshotRegister>,
    /// The registers that neither snapshot read, as the later one has them: usually because they
    /// are write-only, or because reading changes the chip's state.
    pub unread: Vec<SnapshotRegister>,
    /// The registers that only the earlier snapshot has.
    pub only_before: Vec<SnapshotRegister>,
    /// The registers that only the later snapshot has.
    pub only_after: Vec<SnapshotRegister>,
}

/// A register that differs between two snapshots.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegisterChange {
    /// The register, with the later value.
    pub register: SnapshotRegister,
    /// The earlier value.
    pub before: u64,
    /// The later value.
    pub after: u64,
}

/// A field that differs between two snapshots.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldChange<'d> {
    /// The field.
    pub field: &'d Field,
    /// The earlier value. Its lowest bit is bit 0.
    pub before: u64,
    /// The later value.
    pub after: u64,
}

impl RegisterChange {
    /// Returns the fields that differ, the highest one first. None if neither snapshot has a
    /// description of the register.
    pub fn fields(&self) -> Vec<FieldChange<'_>> {
        let fields = self.register.description.iter().flat_map(Register::fields);
        let mut changed: Vec<_> = fields
            .filter(|field| field.access().can_read() && field.mask() & (self.before ^ self.after) != 0)
            .map(|field| FieldChange { field, before: field.extract(self.before), after: field.extract(self.after) })
            .collect();
        changed.sort_by_key(|change| std::cmp::Reverse(change.field.bit_offset()));
        changed
    }
}

impl SnapshotDiff {
    pub(super) fn of(before: &Snapshot, after: &Snapshot) -> Self {
        // A description may have a register twice, by mistake.
        let mut earlier: HashMap<_, VecDeque<usize>> = HashMap::with_capacity(before.registers.len());
        for (place, register) in before.registers.iter().enumerate() {
            earlier.entry(register.key()).or_default().push_back(place);
        }
        let (mut changed, mut compared, mut only_after) = (Vec::new(), 0, Vec::new());
        let (mut unread, mut unread_once) = (Vec::new(), Vec::new());
        for register in &after.registers {
            let Some(place) = earlier.get_mut(&register.key()).and_then(VecDeque::pop_front) else {
                only_after.push(register.clone());
                continue;
            };
            let before = &before.registers[place];
            let description = register.description.as_ref().or(before.description.as_ref()).cloned();
            let described = |register: &SnapshotRegister| SnapshotRegister { description, ..register.clone() };
            match (before.value, register.value) {
                (Some(earlier), Some(later)) => {
                    compared += 1;
                    if earlier != later {
                        let register = described(register);
                        changed.push(RegisterChange { register, before: earlier, after: later });
                    }
                }
                (Some(_), None) => unread_once.push(described(register)),
                (None, Some(_)) => unread_once.push(described(before)),
                (None, None) => unread.push(described(register)),
            }
        }
        let mut left: Vec<_> = earlier.into_values().flatten().collect();
        left.sort_unstable();
        let only_before = left.into_iter().map(|place| before.registers[place].clone()).collect();
        SnapshotDiff { changed, compared, unread_once, unread, only_before, only_after }
    }

    /// Whether no register differs, and both snapshots have values of the same registers. `false`
    /// if there are registers, and none could be compared.
    pub fn is_empty(&self) -> bool {
        let is_compared = self.compared > 0 || self.unread.is_empty();
        let is_same = self.unread_once.is_empty() && self.only_before.is_empty() && self.only_after.is_empty();
        self.changed.is_empty() && is_same && is_compared
    }
}

fn field_value(field: &Field, value: u64) -> String {
    let digits = hex_digits(field.bit_width()) + 2;
    let name = field.value_name(value).map(|value| format!("  {}", value.name()));
    format!("{value:#0digits$x}{}", name.unwrap_or_default())
}

impl fmt::Display for SnapshotDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["REGISTER", "FIELD", "BEFORE", "AFTER"].map(str::to_owned)];
        for change in &self.changed {
            let register = &change.register;
            rows.push([register.path.clone(), String::new(), register.hex(change.before), register.hex(change.after)]);
            rows.extend(change.fields().into_iter().map(|FieldChange { field, before, after }| {
                [String::new(), field.name().to_owned(), field_value(field, before), field_value(field, after)]
            }));
        }
        let mut lines = Vec::new();
        if rows.len() > 1 {
            let widths: [usize; 4] = std::array::from_fn(|column| {
                rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
            });
            lines.extend(rows.iter().map(|row| {
                let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
                cells.join("  ").trim_end().to_owned()
            }));
        } else {
            lines.push(match self.compared {
                0 => "no register was compared".to_owned(),
                1 => "no differences in 1 register".to_owned(),
                count => format!("no differences in {count} registers"),
            });
        }
        for register in self.unread_once.iter().chain(&self.unread) {
            let reason = register.unread.as_deref().unwrap_or("it was not read");
            lines.push(format!("not compared: {}: {reason}", register.path));
        }
        lines.extend(self.only_before.iter().map(|register| format!("only before: {}", register.path)));
        lines.extend(self.only_after.iter().map(|register| format!("only after: {}", register.path)));
        f.write_str(&lines.join("\n"))
    }
}

/// `SnapshotDiff(2 of 57 changed, 1 unread, 0 only before, 0 only after)`
impl fmt::Debug for SnapshotDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SnapshotDiff { changed, compared, unread_once, unread, only_before, only_after } = self;
        let unread = unread.len() + unread_once.len();
        write!(f, "SnapshotDiff({} of {compared} changed, {unread} unread, ", changed.len())?;
        write!(f, "{} only before, {} only after)", only_before.len(), only_after.len())
    }
}

/// `RCC.CR: 0x00000083 -> 0x00030083`
impl fmt::Display for RegisterChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RegisterChange { register, before, after } = self;
        write!(f, "{}: {} -> {}", register.path, register.hex(*before), register.hex(*after))
    }
}

impl fmt::Debug for RegisterChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisterChange({self})")
    }
}

/// `HSEON: 0x0  Off -> 0x1  On`
impl fmt::Display for FieldChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FieldChange { field, before, after } = self;
        write!(f, "{}: {} -> {}", field.name(), field_value(field, *before), field_value(field, *after))
    }
}

impl fmt::Debug for FieldChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldChange({self})")
    }
}
