//! Numbers of any width, versions, and the outcome of a command.

use std::borrow::Cow;

use serde::Serialize;

use super::serialize_as;
use crate::command::Execution;
use crate::command::version::Version;
use crate::dap::Jep106;
use crate::jtag::Bits;
use crate::registers::Register;
use crate::types::RegisterValue;

/// A number where its width allows one, by which a reader knows the form before the value: a
/// register of 128 bits is always text.
#[derive(Serialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Hex(String),
}

fn number(value: &RegisterValue) -> Number {
    match value.to_u64() {
        Some(number) if value.bits() <= 64 => Number::Number(number),
        _ => Number::Hex(value.to_string()),
    }
}

#[derive(Serialize)]
struct RegisterForm<'a> {
    name: &'a str,
    bits: u32,
    value: Number,
    dirty: bool,
}

#[derive(Serialize)]
struct BitsForm {
    length: usize,
    value: String,
}

#[derive(Serialize)]
struct VersionForm<'a> {
    text: &'a str,
    number: Option<(u32, u32, u32)>,
}

#[derive(Serialize)]
struct ExecutionForm<'a> {
    command: &'a str,
    code: i32,
    result: Cow<'a, str>,
    log: Cow<'a, str>,
}

#[derive(Serialize)]
struct Jep106Form {
    continuation: u8,
    code: u8,
    name: Option<&'static str>,
}

serialize_as! {
    RegisterValue => |value| number(value);
    Register => |register| RegisterForm {
        name: &register.name,
        bits: register.value.bits(),
        value: number(&register.value),
        dirty: register.dirty,
    };
    Bits => |bits| BitsForm { length: bits.len(), value: bits.to_string() };
    Version => |version| VersionForm { text: version.as_str(), number: version.number() };
    Execution => |execution| ExecutionForm {
        command: execution.command(),
        code: execution.code(),
        result: execution.text(),
        log: execution.log(),
    };
    Jep106 => |id| Jep106Form { continuation: id.continuation, code: id.code, name: id.name() };
}
