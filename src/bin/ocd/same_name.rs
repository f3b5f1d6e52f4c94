//! Peripherals that an SVD file gives the same name: a look-up takes the first one.

use openocd::svd::{Device, Peripheral};

/// Says of a path that names nothing in the first peripheral of its name whether another one of the
/// name has it.
pub(crate) fn elsewhere(device: &Device, path: &str) -> Option<String> {
    let (name, rest) = path.split_once('.')?;
    let first = device.peripheral_ignoring_case(name).ok()?;
    let has_name = |peripheral: &&Peripheral| peripheral.name() == first.name();
    let others = device.peripherals().iter().filter(has_name).filter(|other| !std::ptr::eq(*other, first));
    // A register's own name may hold dots, and a field's may follow.
    let register = others.clone().find_map(|other| {
        let found = |name: &str| other.register_ignoring_case(name).ok();
        found(rest).or_else(|| found(rest.rsplit_once('.')?.0))
    })?;
    let (count, address) = (others.count() + 1, register.address());
    Some(format!(
        "the SVD file has {count} peripherals {}, and names are looked up in the first, at {:#010x}; another one has {} at {address:#010x}",
        first.name(),
        first.base_address(),
        register.name()
    ))
}
