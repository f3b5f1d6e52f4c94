//! Faults by their names.

use std::ops::Range;

use virtual_chip::VirtualChip;

use crate::number::number;

/// The size of a page of flash (RM0008, 3.3.3, medium density).
const PAGE_BYTES: u32 = 1024;

pub(super) fn perform(chip: &VirtualChip, words: &[&str]) -> Result<(), String> {
    let faults = chip.faults();
    let flash = VirtualChip::FLASH.end - VirtualChip::FLASH.start;
    match words {
        ["clear"] => faults.clear(),
        ["power-off"] => faults.power_off(),
        ["power-on"] => faults.power_on(),
        ["bus", address, length] => faults.bus_fault_at(range(address, length)?),
        ["bus-write", address, length] => faults.bus_fault_on_write_at(range(address, length)?),
        ["refuse-halt", switch] => faults.refuse_halt(on(switch)?),
        ["wait", requests] => faults.answer_wait(number(requests)?),
        ["garble-write"] => faults.garble_write(),
        ["silence", switch] => faults.stop_answering(on(switch)?),
        ["disconnect"] => faults.disconnect(),
        ["unerasable-page", page] => faults.unerasable_page(below(flash / PAGE_BYTES, number(page)?, "page")?),
        ["stuck-bits", offset, bits] => {
            faults.stuck_bits(below(flash, number(offset)?, "offset in the flash")?, number(bits)?);
        }
        ["power-fails-after", half_words] => faults.power_fails_after(number(half_words)?),
        ["read-protect", switch] => faults.read_protect(on(switch)?),
        _ => return Err(format!("there is no fault `{}`; try `help`", words.join(" "))),
    }
    Ok(())
}

fn on(word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("expected on or off, got {word:?}")),
    }
}

fn range(address: &str, length: &str) -> Result<Range<u32>, String> {
    let (start, length): (u32, u32) = (number(address)?, number(length)?);
    match start.checked_add(length) {
        Some(end) if length > 0 => Ok(start..end),
        Some(_) => Err("a range of 0 bytes has no address".to_string()),
        None => Err(format!("{length} bytes at {start:#010x} exceed the address space")),
    }
}

fn below(limit: u32, value: u32, what: &str) -> Result<u32, String> {
    if value < limit { Ok(value) } else { Err(format!("there is no {what} {value}: there are {limit}")) }
}
