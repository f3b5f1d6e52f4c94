//! What can be watched: an address with a type, or a register or field of the SVD file.

use std::fmt;

use openocd::svd::{Device, Field, Register};
use openocd::{Batch, Target};
use serde::Serialize;

use crate::address::Names;
use crate::commands::svd::path::{Named, find};
use crate::failure::{Failure, Outcome};

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

impl Type {
    const ALL: [(&'static str, Type); 10] = [
        ("u8", Type::U8),
        ("u16", Type::U16),
        ("u32", Type::U32),
        ("u64", Type::U64),
        ("i8", Type::I8),
        ("i16", Type::I16),
        ("i32", Type::I32),
        ("i64", Type::I64),
        ("f32", Type::F32),
        ("f64", Type::F64),
    ];

    fn bits(self) -> u32 {
        match self {
            Type::U8 | Type::I8 => 8,
            Type::U16 | Type::I16 => 16,
            Type::U32 | Type::I32 | Type::F32 => 32,
            Type::U64 | Type::I64 | Type::F64 => 64,
        }
    }

    /// The type of something with this size in bytes.
    fn unsigned(size: u64) -> Option<Type> {
        [Type::U8, Type::U16, Type::U32, Type::U64].into_iter().find(|kind| u64::from(kind.bits()) == 8 * size)
    }

    /// What the bits mean.
    #[allow(clippy::cast_possible_truncation, reason = "as many bits were read as the type has")]
    #[allow(clippy::cast_possible_wrap, reason = "the sign is in the highest bit")]
    fn value(self, bits: u64) -> Value {
        match self {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Value::Unsigned(bits),
            Type::I8 => Value::Signed((bits as i8).into()),
            Type::I16 => Value::Signed((bits as i16).into()),
            Type::I32 => Value::Signed((bits as i32).into()),
            Type::I64 => Value::Signed(bits as i64),
            Type::F32 => Value::Single(f32::from_bits(bits as u32)),
            Type::F64 => Value::Double(f64::from_bits(bits)),
        }
    }
}

/// A value. In JSON a number; `null` where a float is none.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(untagged)]
pub(super) enum Value {
    Unsigned(u64),
    Signed(i64),
    Single(f32),
    Double(f64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Unsigned(value) => value.fmt(f),
            Value::Signed(value) => value.fmt(f),
            Value::Single(value) => value.fmt(f),
            Value::Double(value) => value.fmt(f),
        }
    }
}

/// Something to watch.
#[derive(Debug)]
pub(super) struct Variable {
    /// As it was typed.
    pub(super) name: String,
    address: u64,
    kind: Type,
    /// Only these bits of a register.
    field: Option<Field>,
}

impl Variable {
    /// The value for people beside the number: in hexadecimal, or its name.
    pub(super) fn meaning(&self, value: Value) -> String {
        let Value::Unsigned(number) = value else { return String::new() };
        let named = self.field.as_ref().and_then(|field| field.value_name(number));
        named.map_or_else(|| format!("{number:#x}"), |entry| entry.name().to_owned())
    }
}

/// Reads `counter`, `counter:i16`, `0x2000_0000:f32`, `RCC.CR`, `RCC.CFGR.SW`.
pub(super) fn parse(names: &Names, text: &str) -> Outcome<Variable> {
    let (expression, kind) = split_type(text);
    let name = text.to_owned();
    let is_symbol = names.image()?.is_some_and(|image| image.symbol(expression).is_ok());
    if let (false, None, Some(device)) = (is_symbol, kind, names.device()?) {
        match find(device, expression) {
            Ok(Named::Register(register)) => return described(name, device, register, None),
            Ok(Named::Field(register, field)) => return described(name, device, register, Some(field.clone())),
            _ => {}
        }
    }
    let place = names.place(expression)?;
    let kind = kind.or_else(|| Type::unsigned(place.size?));
    let kind = kind.ok_or_else(|| {
        Failure::usage(format!("{text:?} has no type")).help(format!("add one, such as {expression}:u32"))
    })?;
    if place.address % u64::from(kind.bits() / 8) != 0 {
        let message = format!("{text} is at {:#010x}, which is not a multiple of {}", place.address, kind.bits() / 8);
        return Err(Failure::usage(message));
    }
    Ok(Variable { name, address: place.address, kind, field: None })
}

/// Splits a type off. Paths of Rust and C++ hold `::`.
fn split_type(text: &str) -> (&str, Option<Type>) {
    let split = text.rsplit_once(':').filter(|(expression, _)| !expression.ends_with(':'));
    let known = split.and_then(|(expression, name)| {
        Type::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, kind)| (expression, Some(kind)))
    });
    known.unwrap_or((text, None))
}

/// A register, or a field of it.
fn described(name: String, device: &Device, register: &Register, field: Option<Field>) -> Outcome<Variable> {
    let is_readable = register.access().can_read() && field.as_ref().is_none_or(|field| field.access().can_read());
    if !is_readable {
        return Err(Failure::usage(format!("{name} is write-only")));
    }
    let changes = |register: &Register| {
        register.read_action().is_some() || register.fields().iter().any(|field| field.read_action().is_some())
    };
    if device.registers_at(register.address()).any(changes) {
        let message = format!("{name} is not watched: reading it changes the chip's state");
        return Err(Failure::usage(message).help(format!("to watch it all the same give its address: {name}:u32")));
    }
    let kind = register.access_bits().and_then(|bits| Type::unsigned(u64::from(bits / 8)));
    let kind = kind.ok_or_else(|| Failure::usage(format!("{name} has {} bits", register.size())))?;
    Ok(Variable { name, address: register.address(), kind, field })
}

/// Reads all variables, in one round trip, each with accesses of its own width.
pub(super) fn read(target: Target<'_>, variables: &[Variable]) -> openocd::Result<Vec<Value>> {
    let mut batch = target.batch();
    let pending: Vec<Pending> = variables.iter().map(|variable| ask(&mut batch, variable)).collect();
    batch.run()?;
    let values = variables.iter().zip(pending).map(|(variable, pending)| {
        let bits = pending()?;
        Ok(match &variable.field {
            Some(field) => Value::Unsigned(field.extract(bits)),
            None => variable.kind.value(bits),
        })
    });
    values.collect()
}

/// Gives the bits after the batch has run.
type Pending = Box<dyn FnOnce() -> openocd::Result<u64>>;

fn ask(batch: &mut Batch<'_>, variable: &Variable) -> Pending {
    let mut memory = batch.memory();
    match variable.kind.bits() {
        8 => {
            let handle = memory.read_u8(variable.address);
            Box::new(move || handle.result().map(u64::from))
        }
        16 => {
            let handle = memory.read_u16(variable.address);
            Box::new(move || handle.result().map(u64::from))
        }
        32 => {
            let handle = memory.read_u32(variable.address);
            Box::new(move || handle.result().map(u64::from))
        }
        _ => {
            let handle = memory.read_u64(variable.address);
            Box::new(move || handle.result())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_split_off() {
        assert_eq!(split_type("counter:u32"), ("counter", Some(Type::U32)));
        assert_eq!(split_type("a::b:f64"), ("a::b", Some(Type::F64)));
        assert_eq!(split_type("a::u8"), ("a::u8", None), "a symbol of that name");
        assert_eq!(split_type("counter+4"), ("counter+4", None));
        assert_eq!(split_type("counter:u33"), ("counter:u33", None));
    }

    #[test]
    fn bits_are_values_of_their_type() {
        assert_eq!(Type::I8.value(0xff), Value::Signed(-1));
        assert_eq!(Type::I16.value(0x8000), Value::Signed(-32768));
        assert_eq!(Type::U16.value(0xffff).to_string(), "65535");
        assert_eq!(Type::F32.value(0x3dcc_cccd).to_string(), "0.1");
        assert_eq!(serde_json::to_string(&Type::F64.value(f64::NAN.to_bits())).unwrap(), "null");
    }
}
