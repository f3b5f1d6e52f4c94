//! What can be watched: an address with a type, or a register or field of the SVD file.

use openocd::svd::{Device, Field, Register};
use openocd::{SampleValue, Variable, VariableType};

use crate::address::{Names, number_with_offset};
use crate::commands::svd::path::{Named, find};
use crate::failure::{Failure, Outcome};

const TYPES: &str = "u8, u16, u32, u64, i8, i16, i32, i64, f32, f64";

/// Something to watch.
#[derive(Debug)]
pub(super) struct Watched {
    /// With the name that was typed.
    pub(super) variable: Variable,
    /// Only these bits of a register.
    field: Option<Field>,
}

impl Watched {
    /// The value, of what was read.
    pub(super) fn value(&self, read: SampleValue) -> SampleValue {
        match (&self.field, read) {
            (Some(field), SampleValue::Unsigned(bits)) => SampleValue::Unsigned(field.extract(bits)),
            _ => read,
        }
    }

    /// The value for people beside the number: in hexadecimal, or its name.
    pub(super) fn meaning(&self, value: SampleValue) -> String {
        let SampleValue::Unsigned(number) = value else { return String::new() };
        let named = self.field.as_ref().and_then(|field| field.value_name(number));
        named.map_or_else(|| format!("{number:#x}"), |entry| entry.name().to_owned())
    }
}

/// Reads `counter`, `counter:i16`, `0x2000_0000`, `0x2000_0000:f32`, `RCC.CR`, `RCC.CFGR.SW`.
pub(super) fn parse(names: &Names, text: &str) -> Outcome<Watched> {
    let (expression, kind) = split_type(text);
    let is_symbol = names.image()?.is_some_and(|image| image.symbol(expression).is_ok());
    if let (false, None, Some(device)) = (is_symbol, kind, names.device()?) {
        match find(device, expression) {
            Ok(Named::Register(register)) => return described(text, device, register, None),
            Ok(Named::Field(register, field)) => return described(text, device, register, Some(field.clone())),
            _ => {}
        }
    }
    let place = names.place(expression).map_err(|failure| match typed(text) {
        Some((_, name)) => failure.help(format!("{name:?} is none of the types: {TYPES}")),
        None => failure,
    })?;
    // As in the library, an address alone is a `u32`.
    let is_number = number_with_offset(expression).is_some();
    let kind = kind.or_else(|| place.size.map_or(is_number.then_some(VariableType::U32), unsigned));
    let kind = kind.ok_or_else(|| {
        Failure::usage(format!("{text:?} has no type")).help(format!("add one, such as {expression}:u32"))
    })?;
    let bytes = u64::from(kind.bits() / 8);
    if place.address % bytes != 0 {
        let message = format!("{text} is at {:#010x}, which is not a multiple of {bytes}", place.address);
        return Err(Failure::usage(message));
    }
    Ok(Watched { variable: Variable::new(place.address, kind).named(text), field: None })
}

/// Splits a type off. Paths of Rust and C++ hold `::`.
fn split_type(text: &str) -> (&str, Option<VariableType>) {
    let split = text.rsplit_once(':').filter(|(expression, _)| !expression.ends_with(':'));
    let known = split.and_then(|(expression, name)| Some((expression, Some(name.parse().ok()?))));
    known.unwrap_or((text, None))
}

/// What was typed, if its end looks like a type.
fn typed(text: &str) -> Option<(&str, &str)> {
    let (expression, name) = text.rsplit_once(':').filter(|(expression, _)| !expression.ends_with(':'))?;
    name.parse::<VariableType>().is_err().then_some((expression, name))
}

/// The type of something with this size in bytes.
fn unsigned(size: u64) -> Option<VariableType> {
    use VariableType::{U8, U16, U32, U64};
    [U8, U16, U32, U64].into_iter().find(|kind| u64::from(kind.bits()) == 8 * size)
}

/// A register, or a field of it.
fn described(text: &str, device: &Device, register: &Register, field: Option<Field>) -> Outcome<Watched> {
    if field.as_ref().is_some_and(|field| !field.access().can_read()) {
        return Err(Failure::usage(format!("{text} is write-only")));
    }
    let changes = |register: &Register| {
        register.read_action().is_some() || register.fields().iter().any(|field| field.read_action().is_some())
    };
    if device.registers_at(register.address()).any(changes) {
        let message = format!("{text} is not watched: reading it changes the chip's state");
        let help = format!("to watch it all the same give its address: {}:u{}", register.path(), register.size());
        return Err(Failure::usage(message).help(help));
    }
    Ok(Watched { variable: Variable::try_from(register)?.named(text), field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_split_off() {
        assert_eq!(split_type("counter:u32"), ("counter", Some(VariableType::U32)));
        assert_eq!(split_type("a::b:f64"), ("a::b", Some(VariableType::F64)));
        assert_eq!(split_type("a::u8"), ("a::u8", None), "a symbol of that name");
        assert_eq!(split_type("counter+4"), ("counter+4", None));
        assert_eq!(split_type("counter:u33"), ("counter:u33", None));
    }
}
