//! Device descriptions, and registers read by their names.

use serde::Serialize;

use super::serialize_as;
use crate::error::Failure;
use crate::svd::{
    Access, AddressBlock, ChangedRegister, DecodedField, DecodedRegister, Device, EnumeratedValue, Field, FieldChange,
    Interrupt, ModifiedWriteValues, Peripheral, Register, RegisterChange, ResetDiff, Snapshot, SnapshotDiff,
    SnapshotRegister, UnreadReason, UnreadRegister, WriteConstraint,
};
use crate::types::{ReadAction, SkipReason};

#[derive(Serialize)]
struct DeviceForm<'a> {
    name: &'a str,
    description: &'a str,
    version: &'a str,
    warnings: &'a [String],
    peripherals: &'a [Peripheral],
}

#[derive(Serialize)]
struct PeripheralForm<'a> {
    name: &'a str,
    description: Option<&'a str>,
    group_name: Option<&'a str>,
    base_address: u64,
    address_blocks: &'a [AddressBlock],
    interrupts: &'a [Interrupt],
    registers: &'a [Register],
}

#[derive(Serialize)]
struct RegisterForm<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    display_name: Option<&'a str>,
    description: Option<&'a str>,
    access: Access,
    reset_value: Option<u64>,
    reset_mask: u64,
    read_action: Option<ReadAction>,
    modified_write_values: ModifiedWriteValues,
    write_constraint: Option<WriteConstraint>,
    alternate_register: Option<&'a str>,
    alternate_group: Option<&'a str>,
    fields: &'a [Field],
}

#[derive(Serialize)]
struct FieldForm<'a> {
    #[serde(flatten)]
    bits: BitRange<'a>,
    description: Option<&'a str>,
    access: Access,
    read_action: Option<ReadAction>,
    modified_write_values: ModifiedWriteValues,
    write_constraint: Option<WriteConstraint>,
    read_values: &'a [EnumeratedValue],
    write_values: &'a [EnumeratedValue],
}

#[derive(Serialize)]
struct EnumeratedValueForm<'a> {
    name: &'a str,
    description: Option<&'a str>,
    value: Option<u64>,
    dont_care: u64,
    is_default: bool,
}

/// Which register a value is of.
#[derive(Serialize)]
struct Place<'a> {
    peripheral: &'a str,
    name: &'a str,
    address: u64,
    size: u32,
}

impl<'a> Place<'a> {
    fn of(register: &'a Register) -> Self {
        Place {
            peripheral: register.peripheral(),
            name: register.name(),
            address: register.address(),
            size: register.size(),
        }
    }
}

#[derive(Serialize)]
struct BitRange<'a> {
    name: &'a str,
    bit_offset: u32,
    bit_width: u32,
}

impl<'a> BitRange<'a> {
    fn of(field: &'a Field) -> Self {
        BitRange { name: field.name(), bit_offset: field.bit_offset(), bit_width: field.bit_width() }
    }
}

#[derive(Serialize)]
struct DecodedRegisterForm<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    value: u64,
    fields: Vec<DecodedField<'a>>,
}

#[derive(Serialize)]
struct DecodedFieldForm<'a> {
    #[serde(flatten)]
    bits: BitRange<'a>,
    /// None for a field that cannot be read: its bits in the register say nothing.
    value: Option<u64>,
    value_name: Option<&'a str>,
}

impl<'a> DecodedFieldForm<'a> {
    fn of(decoded: &DecodedField<'a>) -> Self {
        let can_read = decoded.field.access().can_read();
        DecodedFieldForm {
            bits: BitRange::of(decoded.field),
            value: can_read.then_some(decoded.value),
            value_name: decoded.value_name().filter(|_| can_read),
        }
    }
}

#[derive(Serialize)]
struct ChangedRegisterForm<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    value: u64,
    reset_value: u64,
    changed_bits: u64,
    fields: Vec<ChangedFieldForm<'a>>,
}

#[derive(Serialize)]
struct ChangedFieldForm<'a> {
    #[serde(flatten)]
    decoded: DecodedFieldForm<'a>,
    reset_value: u64,
}

impl<'a> ChangedRegisterForm<'a> {
    fn of(changed: &'a ChangedRegister) -> Self {
        let fields = changed.fields().map(|decoded| ChangedFieldForm {
            reset_value: decoded.field.extract(changed.reset_value),
            decoded: DecodedFieldForm::of(&decoded),
        });
        ChangedRegisterForm {
            place: Place::of(&changed.decoded.register),
            value: changed.decoded.value,
            reset_value: changed.reset_value,
            changed_bits: changed.changed_bits,
            fields: fields.collect(),
        }
    }
}

#[derive(Serialize)]
struct ResetDiffForm<'a> {
    changed: &'a [ChangedRegister],
    without_reset_value: Vec<Place<'a>>,
    unread: &'a [UnreadRegister],
}

#[derive(Serialize)]
struct UnreadRegisterForm<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    reason: &'a UnreadReason,
}

#[derive(Serialize)]
#[serde(untagged)]
enum UnreadReasonForm<'a> {
    Skipped(&'a SkipReason),
    Failed(FailedForm<'a>),
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "failed")]
struct FailedForm<'a> {
    failure: &'a Failure,
}

#[derive(Serialize)]
struct SnapshotForm<'a> {
    device: &'a str,
    registers: &'a [SnapshotRegister],
}

#[derive(Serialize)]
struct SnapshotRegisterForm<'a> {
    path: &'a str,
    address: u64,
    bits: u32,
    value: Option<u64>,
    unread: Option<&'a str>,
}

#[derive(Serialize)]
struct SnapshotDiffForm<'a> {
    changed: &'a [RegisterChange],
    compared: usize,
    unread_once: &'a [SnapshotRegister],
    unread: &'a [SnapshotRegister],
    only_before: &'a [SnapshotRegister],
    only_after: &'a [SnapshotRegister],
}

#[derive(Serialize)]
struct RegisterChangeForm<'a> {
    path: &'a str,
    address: u64,
    bits: u32,
    before: u64,
    after: u64,
    fields: Vec<FieldChangeForm<'a>>,
}

#[derive(Serialize)]
struct FieldChangeForm<'a> {
    #[serde(flatten)]
    bits: BitRange<'a>,
    before: u64,
    before_name: Option<&'a str>,
    after: u64,
    after_name: Option<&'a str>,
}

impl<'a> FieldChangeForm<'a> {
    fn of(FieldChange { field, before, after }: FieldChange<'a>) -> Self {
        let name = |value| field.value_name(value).map(EnumeratedValue::name);
        FieldChangeForm { bits: BitRange::of(field), before, before_name: name(before), after, after_name: name(after) }
    }
}

serialize_as! {
    Snapshot => |snapshot| SnapshotForm { device: &snapshot.device, registers: &snapshot.registers };
    SnapshotRegister => |register| SnapshotRegisterForm {
        path: &register.path,
        address: register.address,
        bits: register.bits,
        value: register.value,
        unread: register.unread.as_deref(),
    };
    SnapshotDiff => |diff| SnapshotDiffForm {
        changed: &diff.changed,
        compared: diff.compared,
        unread_once: &diff.unread_once,
        unread: &diff.unread,
        only_before: &diff.only_before,
        only_after: &diff.only_after,
    };
    RegisterChange => |change| RegisterChangeForm {
        path: &change.register.path,
        address: change.register.address,
        bits: change.register.bits,
        before: change.before,
        after: change.after,
        fields: change.fields().into_iter().map(FieldChangeForm::of).collect(),
    };
    FieldChange<'_> => |change| FieldChangeForm::of(*change);
    Device => |device| DeviceForm {
        name: device.name(),
        description: device.description(),
        version: device.version(),
        warnings: device.warnings(),
        peripherals: device.peripherals(),
    };
    Peripheral => |peripheral| PeripheralForm {
        name: peripheral.name(),
        description: peripheral.description(),
        group_name: peripheral.group_name(),
        base_address: peripheral.base_address(),
        address_blocks: peripheral.address_blocks(),
        interrupts: peripheral.interrupts(),
        registers: peripheral.registers(),
    };
    Register => |register| RegisterForm {
        place: Place::of(register),
        display_name: register.display_name(),
        description: register.description(),
        access: register.access(),
        reset_value: register.reset_value(),
        reset_mask: register.reset_mask(),
        read_action: register.read_action(),
        modified_write_values: register.modified_write_values(),
        write_constraint: register.write_constraint(),
        alternate_register: register.alternate_register(),
        alternate_group: register.alternate_group(),
        fields: register.fields(),
    };
    Field => |field| FieldForm {
        bits: BitRange::of(field),
        description: field.description(),
        access: field.access(),
        read_action: field.read_action(),
        modified_write_values: field.modified_write_values(),
        write_constraint: field.write_constraint(),
        read_values: field.read_values(),
        write_values: field.write_values(),
    };
    EnumeratedValue => |entry| EnumeratedValueForm {
        name: entry.name(),
        description: entry.description(),
        value: entry.value(),
        dont_care: entry.dont_care(),
        is_default: entry.is_default(),
    };
    DecodedRegister => |decoded| DecodedRegisterForm {
        place: Place::of(&decoded.register),
        value: decoded.value,
        fields: decoded.fields().collect(),
    };
    DecodedField<'_> => |decoded| DecodedFieldForm::of(decoded);
    ChangedRegister => |changed| ChangedRegisterForm::of(changed);
    ResetDiff => |diff| ResetDiffForm {
        changed: &diff.changed,
        without_reset_value: diff.without_reset_value.iter().map(Place::of).collect(),
        unread: &diff.unread,
    };
    UnreadRegister => |unread| UnreadRegisterForm { place: Place::of(&unread.register), reason: &unread.reason };
    UnreadReason => |reason| match reason {
        UnreadReason::Skipped(reason) => UnreadReasonForm::Skipped(reason),
        UnreadReason::Failed(failure) => UnreadReasonForm::Failed(FailedForm { failure }),
    };
}
