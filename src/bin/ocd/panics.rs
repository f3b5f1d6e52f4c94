//! Panics of libraries that should have been errors: wrong input, an output that cannot be written.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// This thread expects a panic, of which nothing is printed.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `action`, or returns the message of its panic.
pub(crate) fn caught<R>(action: impl FnOnce() -> R) -> Result<R, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                usual(panic);
            }
        }));
    });
    let before = EXPECTED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(action));
    EXPECTED.set(before);
    result.map_err(|payload| message(&*payload))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic").to_owned()
}

/// The error that was unwrapped in a panic with this message, in its own words.
pub(crate) fn unwrapped(text: &str) -> &str {
    let Some((_, error)) = text.split_once(" on an `Err` value: ") else { return text };
    // An error of the system shows them in quotes.
    error.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"')).map_or(error, |(words, _)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| 5), Ok(5));
        assert_eq!(caught(|| -> u8 { panic!("no {}", 5) }), Err("no 5".to_owned()));
        let full = || Err::<u8, _>(std::io::Error::from_raw_os_error(5));
        let text = caught(|| full().unwrap()).unwrap_err();
        let text = unwrapped(&text);
        assert!(full().unwrap_err().to_string().starts_with(text) && !text.contains('`'), "{text}");
    }
}
