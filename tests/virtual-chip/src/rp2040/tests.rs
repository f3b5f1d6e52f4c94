use super::*;
use crate::bus::Size;
use crate::firmware::rp2040 as program;
use crate::virtual_chip::{CoreState, Register};

fn chip() -> Rp2040 {
    Arc::into_inner(Rp2040::with_firmware()).unwrap().into_inner().unwrap()
}

fn counters(chip: &Rp2040) -> [u32; CORES] {
    program::COUNTER_ADDRESSES.map(|address| chip.ram.read(address, 4).unwrap())
}

#[test]
fn core_0_launches_core_1_and_both_count() {
    let mut chip = chip();
    chip.elapse(5_000);
    let before = counters(&chip);
    assert!(before.iter().all(|count| *count > 100), "{before:?}");
    assert_eq!(chip.cores[1].system.register(13), 0x2004_1000);
    chip.press_reset();
    chip.elapse(1_000);
    assert!(counters(&chip).iter().zip(before).all(|(now, before)| *now < before), "they start again");
}

#[test]
fn with_erased_flash_core_0_stops_and_core_1_sleeps() {
    let mut chip = Rp2040::new();
    chip.elapse(1_000);
    assert_eq!(chip.cores[1].system.state(), CoreState::Sleeping);
    assert!(chip.is_idle());
}

#[test]
fn what_armv6_m_lacks_is_a_hard_fault() {
    // cbz r0, .; it eq; cpsid f; ldr.w r0, [r1]; nop.w; udf; b.w .
    for code in [
        [0xb100, 0xbf00],
        [0xbf08, 0xbf00],
        [0xb671, 0xbf00],
        [0xf8d1, 0x0000],
        [0xf3af, 0x8000],
        [0xde00, 0],
        [0xf000, 0xb800],
    ] {
        let mut chip = chip();
        let system = &mut chip.cores[0].system;
        for (index, half) in code.into_iter().enumerate() {
            system.bus.write(0x2000_1000 + 2 * index as u32, Size::Half, half).unwrap();
        }
        // The vector table of the program.
        system.bus.write(0xe000_ed08, Size::Word, FLASH_BASE + 0x100).unwrap();
        system.set_register(13, 0x2004_0000);
        system.set_register(15, 0x2000_1000);
        system.elapse(1);
        assert_eq!((system.register(16) & 0x3f, system.core.pc()), (3, program::HARD_FAULT), "{code:#06x?}");
        assert_eq!(system.bus.read(0x2003_fff8, Size::Word), Ok(0x2000_1000), "where it happened");
        // CFSR, HFSR, MMFAR, BFAR and SHCSR.
        for address in [0xe000_ed28, 0xe000_ed2c, 0xe000_ed34, 0xe000_ed38, 0xe000_ed24] {
            assert_eq!(system.bus.read(address, Size::Word), Ok(0));
        }
    }
}

#[test]
fn what_armv6_m_has_runs() {
    let mut chip = chip();
    let system = &mut chip.cores[0].system;
    // mrs r0, primask; cpsid i; mrs r1, primask; msr control, r2; dmb; dsb; isb; bl .+4
    let code = [0xf3ef, 0x8010, 0xb672, 0xf3ef, 0x8110, 0xf382, 0x8814, 0xf3bf, 0x8f5f, 0xf3bf, 0x8f4f, 0xf3bf, 0x8f6f];
    for (index, half) in code.into_iter().enumerate() {
        system.bus.write(0x2000_1000 + 2 * index as u32, Size::Half, half).unwrap();
    }
    system.set_register(15, 0x2000_1000);
    system.set_register(2, 2);
    system.elapse(7);
    assert_eq!(system.core.pc(), 0x2000_101a);
    assert_eq!((Register::R(0).read(system), Register::R(1).read(system)), (0, 1));
    assert_eq!((Register::Primask.read(system), Register::Control.read(system)), (1, 2));
    Register::Basepri.write(system, 0xff);
    Register::Faultmask.write(system, 1);
    assert_eq!((Register::Basepri.read(system), Register::Faultmask.read(system)), (0, 0));
}

#[test]
fn the_flash_ignores_writes_and_where_nothing_is_they_fault() {
    let mut chip = chip();
    let bus = &mut chip.cores[0].system.bus;
    let before = bus.read(FLASH_BASE + 0x100, Size::Word).unwrap();
    assert_eq!(bus.write(FLASH_BASE + 0x100, Size::Word, 0), Ok(()));
    assert_eq!(bus.read(FLASH_BASE + 0x100, Size::Word), Ok(before));
    for address in [0, 0x4000, FLASH_BASE + FLASH_SIZE, RAM_BASE + RAM_SIZE, 0x4000_0000, 0xd000_0010] {
        assert!(bus.write(address, Size::Word, 0).is_err(), "{address:#x}");
    }
    assert!(bus.read(0x2200_0000, Size::Word).is_err(), "there is no bit-band alias");
}
