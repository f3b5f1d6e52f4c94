//! Notifications of the TCL port.

use crate::events::{Event, TargetEvent};
use crate::types::{ResetMode, TargetState};

/// Reads a notification without its separator: `type target_event event halted\r\n`
/// (`src/server/tcl_server.c`). `None` for a frame that is no notification.
pub(crate) fn event(frame: &[u8]) -> Option<Event> {
    let text = String::from_utf8_lossy(frame);
    let text = text.trim_end_matches(['\r', '\n']);
    let rest = text.strip_prefix("type ")?;
    let other = || Event::Other(text.to_owned());
    Some(match rest.split_once(' ') {
        Some(("target_event", rest)) => match rest.strip_prefix("event ") {
            Some(name) => Event::Target(TargetEvent::named(name)),
            None => other(),
        },
        Some(("target_state", rest)) => {
            match rest.strip_prefix("state ").map(|name| (name, crate::target::words::state(name))) {
                Some((name, state)) if state != TargetState::Unknown || name == "unknown" => Event::State(state),
                _ => other(),
            }
        }
        Some(("target_reset", rest)) => match rest.strip_prefix("mode ") {
            Some("run") => Event::Reset(ResetMode::Run),
            Some("halt") => Event::Reset(ResetMode::Halt),
            Some("init") => Event::Reset(ResetMode::Init),
            _ => other(),
        },
        Some(("target_trace", rest)) => match rest.strip_prefix("data ").and_then(|digits| bytes(digits.trim())) {
            Some(bytes) => Event::Trace(bytes),
            None => other(),
        },
        _ => other(),
    })
}

/// Pairs of hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_notification_is_read() {
        for (text, expected) in [
            ("type target_event event halted\r\n", Event::Target(TargetEvent::Halted)),
            ("type target_event event gdb-flash-write-end\r\n", Event::Target(TargetEvent::GdbFlashWriteEnd)),
            (
                "type target_event event semihosting-user-cmd-0x107\r\n",
                Event::Target(TargetEvent::SemihostingUserCommand(0x107)),
            ),
            ("type target_event event brand-new\r\n", Event::Target(TargetEvent::Other("brand-new".into()))),
            ("type target_state state debug-running\r\n", Event::State(TargetState::DebugRunning)),
            ("type target_state state unknown\r\n", Event::State(TargetState::Unknown)),
            ("type target_reset mode init\r\n", Event::Reset(ResetMode::Init)),
            ("type target_trace data 00ff1A\r\n", Event::Trace(vec![0, 0xff, 0x1a])),
            ("type target_trace data \r\n", Event::Trace(vec![])),
        ] {
            assert_eq!(event(text.as_bytes()), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn unknown_notifications_are_kept_as_text() {
        for text in [
            "type target_weather state sunny",
            "type target_state state levitating",
            "type target_reset mode unknown",
            "type target_trace data 0",
            "type target_trace data zz",
            "type target_event halted",
            "type x",
        ] {
            assert_eq!(event(text.as_bytes()), Some(Event::Other(text.into())), "{text:?}");
        }
    }

    #[test]
    fn other_frames_are_none() {
        for frame in [&b""[..], b"7 0 {} {}", b"typed", b"\xff\xfe"] {
            assert_eq!(event(frame), None, "{frame:?}");
        }
    }
}
