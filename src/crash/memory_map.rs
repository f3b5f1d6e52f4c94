//! Where memory can be in the address space of a Cortex-M (ARM DDI 0403, B3.1; ARM DDI 0553, B8.1).

/// Where the peripherals begin, above code and RAM.
pub(super) const PERIPHERALS: u32 = 0x4000_0000;

/// The name of the region of devices that holds an address; `None` where code or RAM can be.
/// Reading a device may change it.
pub(super) fn device_region(address: u32) -> Option<&'static str> {
    match address {
        PERIPHERALS..=0x5fff_ffff => Some("peripheral"),
        0xa000_0000..=0xdfff_ffff => Some("device"),
        0xe000_0000.. => Some("system"),
        _ => None,
    }
}

/// How many words of memory there can be from an address on.
pub(super) fn words_of_memory(address: u32) -> u32 {
    let end = match address {
        0..PERIPHERALS => PERIPHERALS,
        0x6000_0000..=0x9fff_ffff => 0xa000_0000,
        _ => return 0,
    };
    (end - address) / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_in_a_region_of_memory_or_of_devices() {
        for (start, region) in [
            (0, None),
            (0x2000_0000, None),
            (0x4000_0000, Some("peripheral")),
            (0x6000_0000, None),
            (0xa000_0000, Some("device")),
            (0xe000_0000, Some("system")),
        ] {
            assert_eq!(device_region(start), region, "{start:#x}");
            assert_eq!(words_of_memory(start) > 0, region.is_none(), "{start:#x}");
        }
        assert_eq!((words_of_memory(0x3fff_fffc), words_of_memory(0x3fff_fffd), words_of_memory(u32::MAX)), (1, 0, 0));
        assert_eq!((words_of_memory(0), words_of_memory(0x9fff_fff8)), (0x1000_0000, 2));
    }
}
