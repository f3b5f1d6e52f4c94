//! Are the boards of a command different ones? Asked before any of them is changed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::board::Board;
use crate::failure::{Failure, Outcome};
use crate::settings::{Key, Settings};

/// Refuses boards that are one and the same: OpenOCD would take the first probe that it finds for
/// each of them, and an OpenOCD that runs already would have its chip changed from two sides.
pub(crate) fn check(settings: &[Settings]) -> Outcome<()> {
    let real: Vec<&Settings> = settings.iter().filter(|board| board.get(Key::Virtual).is_none()).collect();
    let place = |settings: &Settings| {
        [Key::Connect, Key::Config, Key::Serial, Key::UsbLocation].map(|key| settings.value(key).map(str::to_owned))
    };
    if let Some((one, other)) = pair(&real, |one, other| place(one) == place(other)) {
        return Err(same(one, other, "nothing says which probe each of them has")
            .help("give each a `serial` or a `usb-location`, best in your own ocd.toml"));
    }
    Ok(())
}

/// The boards of a command that are open: an OpenOCD that runs already has many addresses.
#[derive(Default)]
pub(crate) struct Opened(Mutex<HashMap<String, String>>);

impl Opened {
    /// Refuses a board whose OpenOCD is that of a board before it. No board waits for another one.
    pub(crate) fn add(&self, board: &Board) -> Outcome<()> {
        let name = board.name().unwrap_or_default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.insert(board.session.openocd_id(), name.to_owned()) {
            Some(other) => Err(Failure::configuration(format!(
                "boards {other} and {name} are the same: their addresses lead to one OpenOCD"
            ))),
            None => Ok(()),
        }
    }
}

/// The first pair for which `is_same` holds.
fn pair<T>(all: &[T], is_same: impl Fn(&T, &T) -> bool) -> Option<(&T, &T)> {
    let earlier = |(index, other)| Some((all[..index].iter().find(|one| is_same(one, other))?, other));
    all.iter().enumerate().find_map(earlier)
}

fn same(one: &Settings, other: &Settings, why: &str) -> Failure {
    let [one, other] = [one, other].map(|board| board.board.as_deref().unwrap_or_default());
    Failure::configuration(format!("boards {one} and {other} are the same: {why}"))
}
