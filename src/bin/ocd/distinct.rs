//! Are the boards of a command different ones? Asked before any of them is opened.

use openocd::Session;

use crate::board;
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
    check_connected(&real)
}

/// Compares each OpenOCD that runs already: it has many addresses.
fn check_connected(boards: &[&Settings]) -> Outcome<()> {
    let named: Vec<(&Settings, &str)> =
        boards.iter().filter_map(|board| Some((*board, board.value(Key::Connect)?))).collect();
    if named.len() < 2 {
        return Ok(());
    }
    // What is wrong with one that does not answer, its command says.
    let answering: Vec<(&Settings, &str, Session)> = std::thread::scope(|scope| {
        let connect = |(board, address)| scope.spawn(move || Some((board, address, board::ask(address).ok()?)));
        let threads: Vec<_> = named.into_iter().map(connect).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    });
    match pair(&answering, |one, other| one.2.is_same_openocd(&other.2)) {
        Some(((one, at, _), (other, also_at, _))) => {
            Err(same(one, other, &format!("{at} and {also_at} are one OpenOCD")))
        }
        None => Ok(()),
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
