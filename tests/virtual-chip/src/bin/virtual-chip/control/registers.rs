//! Registers of a core by their names.

use virtual_chip::Register;

use crate::name::Core;

pub(super) fn read(core: Core<'_>, name: &str) -> Result<u32, String> {
    match core {
        Core::Chip(chip) => Ok(chip.register(of_chip(name)?)),
        Core::M0Plus(core) => Ok(core.register(of_m0_plus(name)?)),
        Core::Hart(hart) => Ok(of_hart(name)?.map_or_else(|| hart.pc(), |number| hart.x(number))),
    }
}

pub(super) fn write(core: Core<'_>, name: &str, value: u32) -> Result<(), String> {
    match core {
        Core::Chip(chip) => chip.set_register(of_chip(name)?, value),
        Core::M0Plus(core) => core.set_register(of_m0_plus(name)?, value),
        Core::Hart(hart) => match of_hart(name)? {
            Some(number) => hart.set_x(number, value),
            None => hart.set_pc(value),
        },
    }
    Ok(())
}

fn of_chip(name: &str) -> Result<Register, String> {
    Ok(match name {
        "sp" => Register::Sp,
        "lr" => Register::Lr,
        "pc" => Register::Pc,
        "xpsr" => Register::Xpsr,
        "msp" => Register::Msp,
        "psp" => Register::Psp,
        "primask" => Register::Primask,
        "basepri" => Register::Basepri,
        "faultmask" => Register::Faultmask,
        "control" => Register::Control,
        _ => match numbered(name, 'r', 12) {
            Some(number) => Register::R(number),
            None => {
                return Err(format!(
                    "there is no register {name:?}: there are r0 to r12, sp, lr, pc, xpsr, msp, psp, primask, basepri, \
                     faultmask and control"
                ));
            }
        },
    })
}

fn of_m0_plus(name: &str) -> Result<Register, String> {
    match of_chip(name)? {
        Register::Basepri | Register::Faultmask => Err(format!("a Cortex-M0+ has no register {name:?}")),
        register => Ok(register),
    }
}

/// Returns the number of a general register; `None` is the program counter.
fn of_hart(name: &str) -> Result<Option<u8>, String> {
    match numbered(name, 'x', 31) {
        _ if name == "pc" => Ok(None),
        Some(number) => Ok(Some(number)),
        None => Err(format!("there is no register {name:?}: there are x0 to x31 and pc")),
    }
}

fn numbered(name: &str, letter: char, last: u8) -> Option<u8> {
    (0..=last).find(|number| name.strip_prefix(letter) == Some(&number.to_string()))
}
