//! What a path such as `RCC`, `RCC.CR` or `RCC.CR.HSEON` names.

use openocd::svd::{Device, Field, Peripheral, Register};

use crate::failure::{Failure, Outcome};
use crate::same_name::elsewhere;

/// A part of a device. Names are taken in either case.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named<'d> {
    Peripheral(&'d Peripheral),
    Register(&'d Register),
    Field(&'d Register, &'d Field),
}

/// Finds what a path names. A register's own name may hold dots.
pub(crate) fn find<'d>(device: &'d Device, path: &str) -> Outcome<Named<'d>> {
    in_first(device, path).map_err(|error| {
        let failure = Failure::from(error);
        match elsewhere(device, path) {
            Some(cause) => failure
                .cause(cause)
                .help("give each a name of its own in the SVD file; `ocd mem read` reads by the address"),
            None => failure,
        }
    })
}

/// The same; of peripherals of one name in the first.
fn in_first<'d>(device: &'d Device, path: &str) -> openocd::Result<Named<'d>> {
    let Some((peripheral, rest)) = path.split_once('.') else {
        return Ok(Named::Peripheral(device.peripheral_ignoring_case(path)?));
    };
    let peripheral = device.peripheral_ignoring_case(peripheral)?;
    let unknown = match peripheral.register_ignoring_case(rest) {
        Ok(register) => return Ok(Named::Register(register)),
        Err(unknown) => unknown,
    };
    let Some((register, field)) = rest.rsplit_once('.') else { return Err(unknown) };
    let register = peripheral.register_ignoring_case(register)?;
    Ok(Named::Field(register, register.field_ignoring_case(field)?))
}
