use super::*;

const KEYR: u32 = 0x04;
const OPTKEYR: u32 = 0x08;
const SR: u32 = 0x0c;
const CR: u32 = 0x10;
const AR: u32 = 0x14;
const OBR: u32 = 0x1c;
const WRPR: u32 = 0x20;
/// Late enough for any operation to have ended.
const LATER: u64 = 1_000_000;

fn unlocked() -> FlashController {
    let mut flash = FlashController::new();
    flash.write_register(KEYR, KEY1, 0).unwrap();
    flash.write_register(KEYR, KEY2, 0).unwrap();
    flash
}

fn programming() -> FlashController {
    let mut flash = unlocked();
    flash.write_register(CR, CR_PG, 0).unwrap();
    flash
}

fn erase(flash: &mut FlashController, page: u32) {
    flash.write_register(CR, CR_PER, LATER).unwrap();
    flash.write_register(AR, FLASH_BASE + page * PAGE_SIZE, LATER).unwrap();
    flash.write_register(CR, CR_PER | CR_STRT, LATER).unwrap();
}

fn status(flash: &FlashController) -> u32 {
    flash.read_register(SR, 2 * LATER)
}

#[test]
fn a_new_chip_is_locked_and_unprotected() {
    let flash = FlashController::new();
    assert_eq!(flash.read_register(CR, 0), CR_LOCK);
    assert_eq!(flash.read_register(OBR, 0), 0x03ff_fffc);
    assert_eq!(flash.read_register(WRPR, 0), 0xffff_ffff);
}

#[test]
fn a_wrong_key_bars_until_reset() {
    let mut flash = FlashController::new();
    flash.write_register(KEYR, KEY1, 0).unwrap();
    assert_eq!(flash.write_register(KEYR, KEY1, 0), Err(BusFault));
    assert_eq!(flash.write_register(KEYR, KEY1, 0), Err(BusFault));
    assert_eq!(flash.write_register(KEYR, KEY2, 0), Err(BusFault));
    assert_eq!(flash.read_register(CR, 0), CR_LOCK);
    flash.reset();
    flash.write_register(KEYR, KEY1, 0).unwrap();
    flash.write_register(KEYR, KEY2, 0).unwrap();
    assert_eq!(flash.read_register(CR, 0), 0);
}

#[test]
fn a_locked_controller_ignores_commands() {
    let mut flash = FlashController::new();
    flash.write_register(CR, CR_PG, 0).unwrap();
    flash.program(0, Size::Half, 0x1234, 0).unwrap();
    assert_eq!(flash.memory()[..2], [0xff, 0xff]);
}

#[test]
fn programming_is_busy_and_then_done() {
    let mut flash = programming();
    flash.program(4, Size::Half, 0x1234, 10).unwrap();
    assert_eq!(flash.read_register(SR, 11), SR_BSY);
    assert_eq!(flash.read_register(SR, 10 + PROGRAM_CLOCKS), SR_EOP);
    assert_eq!(flash.memory()[4..6], [0x34, 0x12]);
}

#[test]
fn only_zero_goes_over_what_is_programmed() {
    let mut flash = programming();
    flash.program(0, Size::Half, 0x1234, 0).unwrap();
    flash.program(0, Size::Half, 0x1230, LATER).unwrap();
    assert_eq!(status(&flash) & SR_PGERR, SR_PGERR);
    assert_eq!(flash.memory()[..2], [0x34, 0x12]);
    flash.write_register(SR, SR_PGERR | SR_EOP, 2 * LATER).unwrap();
    flash.program(0, Size::Half, 0, 2 * LATER).unwrap();
    assert_eq!(flash.memory()[..2], [0, 0]);
}

#[test]
fn anything_but_half_words_is_a_bus_error() {
    let mut flash = programming();
    assert_eq!(flash.program(0, Size::Byte, 0, 0), Err(BusFault));
    assert_eq!(flash.program(0, Size::Word, 0, 0), Err(BusFault));
}

#[test]
fn a_page_is_erased_and_its_neighbours_are_not() {
    let mut flash = unlocked();
    flash.memory_mut()[..0xc00].fill(0);
    erase(&mut flash, 1);
    assert!(flash.read_register(SR, LATER + 1) & SR_BSY != 0);
    assert_eq!(status(&flash), SR_EOP);
    assert!(flash.memory()[0x400..0x800].iter().all(|byte| *byte == 0xff));
    assert!(flash.memory()[..0x400].iter().chain(&flash.memory()[0x800..0xc00]).all(|byte| *byte == 0));
}

#[test]
fn a_protected_page_refuses_erasing_and_programming() {
    let mut flash = unlocked();
    flash.options_mut()[8..10].copy_from_slice(&[0xfd, 0x02]);
    flash.reset();
    flash.write_register(KEYR, KEY1, 0).unwrap();
    flash.write_register(KEYR, KEY2, 0).unwrap();
    assert_eq!(flash.read_register(WRPR, 0), 0xffff_fffd);
    erase(&mut flash, 4);
    assert_eq!(status(&flash), SR_WRPRTERR);
    flash.write_register(SR, SR_WRPRTERR, 2 * LATER).unwrap();
    flash.write_register(CR, CR_PG, 2 * LATER).unwrap();
    flash.program(7 * PAGE_SIZE, Size::Half, 0, 2 * LATER).unwrap();
    assert_eq!(status(&flash), SR_WRPRTERR);
    assert_eq!(flash.memory()[7 * 0x400], 0xff);
    flash.program(8 * PAGE_SIZE, Size::Half, 0, 2 * LATER).unwrap();
    assert_eq!(flash.memory()[8 * 0x400], 0);
}

#[test]
fn option_bytes_have_their_own_lock_and_get_their_complement() {
    let mut flash = unlocked();
    flash.write_register(CR, CR_OPTER | CR_STRT, 0).unwrap();
    assert_eq!(flash.options()[0], RDP_OPEN, "still locked");
    flash.write_register(OPTKEYR, KEY1, LATER).unwrap();
    flash.write_register(OPTKEYR, KEY2, LATER).unwrap();
    flash.write_register(CR, CR_OPTWRE | CR_OPTER | CR_STRT, LATER).unwrap();
    assert!(flash.options().iter().all(|byte| *byte == 0xff));
    flash.write_register(CR, CR_OPTWRE | CR_OPTPG, 2 * LATER).unwrap();
    flash.program_option(0, Size::Half, 0xa5, 2 * LATER).unwrap();
    assert_eq!(flash.options()[..2], [0xa5, 0x5a]);
}

#[test]
fn giving_up_read_protection_erases_everything() {
    let mut flash = FlashController::new();
    flash.options_mut().fill(0xff);
    flash.memory_mut()[0x1000] = 7;
    flash.reset();
    assert!(flash.is_read_protected());
    for register in [KEYR, OPTKEYR] {
        flash.write_register(register, KEY1, 0).unwrap();
        flash.write_register(register, KEY2, 0).unwrap();
    }
    flash.write_register(CR, CR_OPTWRE | CR_OPTPG, 0).unwrap();
    flash.program_option(0, Size::Half, 0xa5, 0).unwrap();
    assert_eq!(flash.memory()[0x1000], 0xff);
    assert!(flash.is_read_protected(), "until the next reset");
    flash.reset();
    assert!(!flash.is_read_protected());
}

#[test]
fn faults_keep_pages_and_bits_and_cut_the_power() {
    let mut flash = programming();
    flash.faults.stuck_bits.insert(6, 0x0101);
    flash.faults.power_fails_after = Some(2);
    flash.program(6, Size::Half, 0x1234 & !0x0101, 0).unwrap();
    assert_eq!(flash.memory()[6..8], [0x35, 0x13]);
    assert!(!flash.power_lost);
    flash.program(8, Size::Half, 0x1234, LATER).unwrap();
    assert!(flash.power_lost);
    flash.faults.unerasable_pages.insert(0);
    erase(&mut flash, 0);
    assert_eq!(flash.memory()[8..10], [0x34, 0x12]);
}
