//! What OpenOCD makes of a chip that is broken on purpose.

use std::time::Duration;

use virtual_chip::{CoreState, VirtualChip, firmware};

use crate::openocd::{run, wait_until};

#[test]
fn without_power_the_scan_chain_is_dead() {
    let chip = VirtualChip::start().unwrap();
    chip.write_u32(0x2000_1000, 7).unwrap();
    chip.faults().power_off();
    assert_eq!(chip.state(), CoreState::Off);
    run(&chip, &[]).assert_says("JTAG scan chain interrogation failed: all ones");
    chip.faults().power_on();
    run(&chip, &["halt"]).assert_clean();
    assert_eq!(chip.read_u32(0x2000_1000), Ok(0), "RAM is lost");
    assert_eq!(chip.read_u32(firmware::START), Ok(firmware::INITIAL_SP), "flash is not");
}

#[test]
fn a_failing_address_fails_until_cleared() {
    let chip = VirtualChip::start().unwrap();
    chip.faults().bus_fault_at(0x2000_1000..0x2000_1004);
    let commands =
        ["halt", "echo code=[catch {read_memory 0x20001000 32 1}]", "echo next=[read_memory 0x20001004 32 1]"];
    let failing = run(&chip, &commands);
    assert_ne!(failing.value("code"), "0");
    assert_eq!(failing.number("next"), 0);
    chip.faults().clear();
    run(&chip, &commands).assert_clean();
}

#[test]
fn a_core_that_refuses_to_halt_times_out() {
    let chip = VirtualChip::start().unwrap();
    chip.faults().refuse_halt(true);
    run(&chip, &["echo code=[catch {halt 0; wait_halt 50}]"]).assert_says("timed out while waiting for target halted");
    assert_eq!(chip.state(), CoreState::Running);
    chip.faults().refuse_halt(false);
    run(&chip, &["halt"]).assert_clean();
}

#[test]
fn silence_ends_where_it_began() {
    let chip = VirtualChip::start().unwrap();
    chip.write_u32(0x2000_1000, 7).unwrap();
    chip.faults().stop_answering(true);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| run(&chip, &["halt", "echo value=[read_memory 0x20001000 32 1]"]));
        wait_until(|| chip.is_connected());
        // Several times what a run takes: nothing may happen, however long this is.
        std::thread::sleep(Duration::from_secs(1));
        assert!(!waiting.is_finished());
        assert_eq!(chip.state(), CoreState::Running);
        chip.faults().stop_answering(false);
        let finished = waiting.join().unwrap();
        finished.assert_clean();
        assert_eq!(finished.number("value"), 7);
    });
}

#[test]
fn a_dropped_connection_is_an_error_and_the_next_one_is_taken() {
    let chip = VirtualChip::start().unwrap();
    chip.faults().stop_answering(true);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| run(&chip, &[]));
        wait_until(|| chip.is_connected());
        chip.faults().disconnect();
        assert!(!waiting.join().unwrap().success);
    });
    chip.faults().stop_answering(false);
    run(&chip, &["halt"]).assert_clean();
}

#[test]
fn a_page_that_does_not_erase_is_found_by_the_check() {
    let chip = VirtualChip::start().unwrap();
    chip.write_u32(firmware::START + 0x2000, 0).unwrap();
    chip.faults().unerasable_page(8);
    let run = run(&chip, &["reset halt", "flash erase_sector 0 8 9", "flash erase_check 0"]);
    run.assert_says("#  8: 0x00002000 (0x400 1kB) not erased");
    assert_eq!(chip.read_u32(firmware::START + 0x2000), Ok(0));
}

#[test]
fn a_stuck_bit_is_found_by_the_verification() {
    let chip = VirtualChip::start().unwrap();
    chip.faults().stuck_bits(0x2002, 0x0080);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [0; 8]).unwrap();
    let path = file.path().display();
    let write = format!("flash write_image {path} 0x08002000 bin");
    let verify = format!("echo code=[catch {{verify_image {path} 0x08002000 bin}} text]; echo $text");
    let run = run(&chip, &["reset halt", &write, &verify]);
    assert_ne!(run.value("code"), "0");
    run.assert_says("diff 0 address 0x08002002. Was 0x80 instead of 0x00");
}

#[test]
fn power_lost_while_writing_leaves_half_an_image() {
    let chip = VirtualChip::start().unwrap();
    chip.faults().power_fails_after(100);
    let run = run(&chip, &["reset halt", "echo code=[catch {flash fillw 0x08002000 0 200}]"]);
    assert_ne!(run.value("code"), "0");
    assert_eq!(chip.state(), CoreState::Off);
    chip.faults().power_on();
    let mut bytes = [0x55; 400];
    chip.read_memory(firmware::START + 0x2000, &mut bytes).unwrap();
    let programmed = bytes.iter().take_while(|byte| **byte == 0).count();
    assert_eq!(programmed, 200);
    assert!(bytes[programmed..].iter().all(|byte| *byte == 0xff));
}

#[test]
fn a_read_protected_chip_hides_its_flash_and_unlocking_erases_it() {
    let chip = VirtualChip::start().unwrap();
    chip.faults().read_protect(true);
    let locked = run(&chip, &["reset halt", "echo code=[catch {mdw 0x08000000}]", "echo ram=[catch {mdw 0x20000000}]"]);
    assert_ne!(locked.value("code"), "0");
    assert_eq!(locked.value("ram"), "0", "{locked}");
    let unlocked =
        run(&chip, &["reset halt", "stm32f1x unlock 0", "reset halt", "echo word=[read_memory 0x08000000 32 1]"]);
    assert_eq!(unlocked.number("word"), 0xffff_ffff, "{unlocked}");
}
