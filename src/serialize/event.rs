//! Events.

use std::fmt::Write as _;

use serde::Serialize;

use super::serialize_as;
use crate::events::{Event, TargetEvent};
use crate::types::{ResetMode, TargetState};

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum EventForm<'a> {
    Target { event: &'a TargetEvent },
    State { state: TargetState },
    Reset { mode: ResetMode },
    Trace { data: String },
    Lost { count: u64 },
    Other { text: &'a str },
}

/// Two digits a byte, in the order of the bytes.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

serialize_as! {
    Event => |event| match event {
        Event::Target(event) => EventForm::Target { event },
        Event::State(state) => EventForm::State { state: *state },
        Event::Reset(mode) => EventForm::Reset { mode: *mode },
        Event::Trace(bytes) => EventForm::Trace { data: hex(bytes) },
        Event::Lost { count } => EventForm::Lost { count: *count },
        Event::Other(text) => EventForm::Other { text },
    };
    TargetEvent => |event| event.name();
}
