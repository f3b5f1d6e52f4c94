//! OpenOCD's flash driver and its loaders, which run on the virtual core.

use virtual_chip::{VirtualChip, firmware};

use crate::openocd::run;

const SIZE: usize = 5000;

/// A file with an image that is no multiple of anything.
fn image() -> (tempfile::NamedTempFile, Vec<u8>) {
    let bytes: Vec<u8> = (0..SIZE).map(|index| ((index * 31) >> 4) as u8 ^ 0x5a).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    (file, bytes)
}

fn flash(chip: &VirtualChip, offset: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    chip.read_memory(firmware::START + offset, &mut bytes).unwrap();
    bytes
}

#[test]
fn an_image_is_written_and_verified_by_the_chip_itself() {
    let chip = VirtualChip::start().unwrap();
    let (file, bytes) = image();
    let path = file.path().display();
    let write = format!("flash write_image erase {path} 0x08002000 bin");
    let verify = format!("verify_image {path} 0x08002000 bin");
    let run = run(&chip, &["reset halt", "flash probe 0", &write, &verify]);
    assert!(run.success, "{run}");
    run.assert_says("flash size = 128 KiB");
    run.assert_says("verified 5000 bytes");
    assert!(flash(&chip, 0x2000, SIZE) == bytes);
    assert!(flash(&chip, 0, firmware::IMAGE.len()) == firmware::IMAGE, "the other pages are as they were");
}

#[test]
fn a_difference_is_found() {
    let chip = VirtualChip::start().unwrap();
    let (file, mut bytes) = image();
    bytes[1234] ^= 4;
    chip.write_memory(firmware::START + 0x2000, &bytes).unwrap();
    let verify =
        format!("echo code=[catch {{verify_image {} 0x08002000 bin}} text]; echo $text", file.path().display());
    let run = run(&chip, &["reset halt", &verify]);
    assert_ne!(run.value("code"), "0");
    run.assert_says("diff 0 address 0x080024d2");
}

#[test]
fn pages_are_erased_and_checked() {
    let chip = VirtualChip::start().unwrap();
    chip.write_memory(firmware::START + 0x4000, &[0; 0x1000]).unwrap();
    let run = run(&chip, &["reset halt", "flash erase_sector 0 17 18", "flash erase_check 0"]);
    run.assert_clean();
    let listed: Vec<&str> = run.log.lines().filter(|line| line.contains("not erased")).collect();
    let pages: Vec<&str> = listed.iter().filter_map(|line| line.trim().strip_prefix('#')?.split(':').next()).collect();
    assert_eq!(pages.iter().map(|page| page.trim()).collect::<Vec<_>>(), ["0", "16", "19"]);
    assert!(flash(&chip, 0x4400, 0x800).iter().all(|byte| *byte == 0xff));
    assert!(flash(&chip, 0x4000, 0x400).iter().all(|byte| *byte == 0));
}

#[test]
fn a_mass_erase_leaves_nothing() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, &["reset halt", "stm32f1x mass_erase 0", "flash erase_check 0"]);
    run.assert_clean();
    assert!(flash(&chip, 0, 0x2_0000).iter().all(|byte| *byte == 0xff));
    assert!(!run.log.contains("not erased"), "{run}");
}

#[test]
fn protection_holds_from_the_next_reset_on() {
    let chip = VirtualChip::start().unwrap();
    let protected = run(&chip, &["reset halt", "flash protect 0 2 3 on", "reset halt", "flash info 0"]);
    protected.assert_clean();
    let listed: Vec<&str> = protected.log.lines().filter(|line| line.ends_with(") protected")).collect();
    assert_eq!(listed.len(), 2, "{protected}");
    let refused = run(&chip, &["reset halt", "echo code=[catch {flash fillw 0x08002000 0 4}]"]);
    assert_ne!(refused.value("code"), "0");
    assert_eq!(flash(&chip, 0x2000, 4), [0xff; 4]);
    let freed = run(&chip, &["reset halt", "flash protect 0 0 last off", "reset halt", "flash fillw 0x08002000 0 4"]);
    freed.assert_clean();
    assert_eq!(flash(&chip, 0x2000, 4), [0; 4]);
}

#[test]
fn a_half_word_that_is_not_erased_is_refused() {
    let chip = VirtualChip::start().unwrap();
    chip.write_u32(firmware::START + 0x2000, 0x1234_5678).unwrap();
    let run = run(&chip, &["reset halt", "echo code=[catch {flash fillw 0x08002000 0x11111111 1}]"]);
    assert_ne!(run.value("code"), "0");
    run.assert_says("programming failed / flash not erased");
    assert_eq!(chip.read_u32(firmware::START + 0x2000), Ok(0x1234_5678));
}

#[test]
fn a_new_program_runs() {
    let chip = VirtualChip::start().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut program = firmware::IMAGE.to_vec();
    // adds r1, #2 in the place of adds r1, #1
    program[0x44] = 2;
    std::fs::write(file.path(), program).unwrap();
    let write = format!("program {} 0x08000000 verify", file.path().display());
    let run = run(&chip, &[&write, "reset halt", "bp 0x0800004e 2 hw", "resume", "wait_halt 60000", "rbp 0x0800004e"]);
    run.assert_says("** Verified OK **");
    run.assert_says("halted due to breakpoint");
    assert_eq!(chip.read_u32(firmware::COUNTER_ADDRESS), Ok(2));
}
