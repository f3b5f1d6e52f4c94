//! The chip over SWD. Only a newer OpenOCD can drive it; 0.12.0 has to say that it cannot.

use virtual_chip::{CoreState, Register, Transport, VirtualChip, firmware};

use crate::openocd::{Run, run, run_over};

/// Runs commands over SWD; none with OpenOCD 0.12.0, whose `remote_bitbang` knows JTAG only, and
/// which has to say so.
fn run_swd(chip: &VirtualChip, commands: &[&str]) -> Option<Run> {
    run_swd_with(chip, chip.openocd_args_over(Transport::Swd), commands)
}

fn run_swd_with(chip: &VirtualChip, arguments: Vec<String>, commands: &[&str]) -> Option<Run> {
    let run = run_over(chip, arguments, commands);
    let too_old = run.log.contains("Open On-Chip Debugger 0.12.0\n");
    if too_old {
        assert!(!run.success, "{run}");
        // It has chosen the only wire that it knows for this adapter.
        run.assert_says("Can't change session's transport after the initial selection was made");
    }
    (!too_old).then_some(run)
}

#[test]
fn init_finds_the_chip_without_a_complaint() {
    let chip = VirtualChip::start().unwrap();
    let Some(run) = run_swd(&chip, &["echo transport=[transport select]"]) else { return };
    run.assert_clean();
    run.assert_says("SWD DPIDR 0x1ba01477");
    run.assert_says("Cortex-M3 r1p1 processor detected");
    run.assert_says("target has 6 breakpoints, 4 watchpoints");
    assert_eq!(run.value("transport"), "swd");
}

#[test]
fn openocd_leaves_the_chip_with_jtag_and_either_wire_finds_it_again() {
    let chip = VirtualChip::start().unwrap();
    if run_swd(&chip, &["halt", "mww 0x20001000 0x5a5a5a5a"]).is_none() {
        return;
    }
    assert_eq!((chip.state(), chip.transport()), (CoreState::Halted, Transport::Jtag));
    let over_jtag = run(&chip, &["echo left=[read_memory 0x20001000 32 1]", "echo [scan_chain]"]);
    over_jtag.assert_clean();
    assert_eq!(over_jtag.number("left"), 0x5a5a_5a5a);
    let over_swd = run_swd(&chip, &["echo left=[read_memory 0x20001000 32 1]", "resume"]).unwrap();
    over_swd.assert_clean();
    assert_eq!(over_swd.number("left"), 0x5a5a_5a5a);
    assert_eq!(chip.state(), CoreState::Running);
}

#[test]
fn memory_registers_and_run_control_work() {
    let chip = VirtualChip::start().unwrap();
    let Some(run) = run_swd(
        &chip,
        &[
            "reset halt",
            "mwb 0x20001001 0x42",
            "mwh 0x20001002 0xbeef",
            "echo word=[read_memory 0x20001000 32 1]",
            "reg r7 0x77777777",
            "bp 0x0800004e 2 hw",
            "resume",
            "wait_halt 60000",
            "echo pc=[lindex [reg pc] 2]",
            "echo [stm32f1x.dap info]",
        ],
    ) else {
        return;
    };
    run.assert_clean();
    assert_eq!((run.number("word"), run.number("pc")), (0xbeef_4200, firmware::WORK));
    assert_eq!(chip.register(Register::Pc), firmware::WORK);
    for line in ["MEM-AP BASE 0xe00ff003", "0x020, STMicro", "SCS", "DWT", "FPB", "ITM", "TPIU"] {
        run.assert_says(line);
    }
}

#[test]
fn flash_is_programmed_by_openocds_own_loader() {
    let chip = VirtualChip::start().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let image: Vec<u8> = (0..2000_u32).map(|index| ((index * 7) >> 3) as u8).collect();
    std::fs::write(file.path(), &image).unwrap();
    let path = file.path().display();
    let write = format!("flash write_image erase {path} 0x08002000 bin");
    let verify = format!("verify_image {path} 0x08002000 bin");
    let Some(run) = run_swd(&chip, &["reset halt", &write, &verify]) else { return };
    assert!(run.success, "{run}");
    let mut held = vec![0; image.len()];
    chip.read_memory(0x0800_2000, &mut held).unwrap();
    assert!(held == image);
}

#[test]
fn where_nothing_is_openocd_meets_a_fault_and_recovers() {
    let chip = VirtualChip::start().unwrap();
    let Some(run) =
        run_swd(&chip, &["halt", "echo code=[catch {mdw 0x60000000}]", "echo after=[read_memory 0x1ffff7e0 16 1]"])
    else {
        return;
    };
    assert_ne!(run.value("code"), "0");
    run.assert_says("Failed to read memory at 0x60000000");
    assert_eq!(run.number("after"), 128, "the next access works:\n{run}");
}

#[test]
fn openocd_asks_again_where_the_chip_says_wait() {
    let chip = VirtualChip::start().unwrap();
    chip.write_u32(0x2000_1000, 7).unwrap();
    chip.faults().answer_wait(5);
    // With `-d3` OpenOCD says how it is answered.
    let arguments = [vec!["-d3".to_string()], chip.openocd_args_over(Transport::Swd)].concat();
    let Some(run) = run_swd_with(&chip, arguments, &["echo value=[read_memory 0x20001000 32 1]"]) else { return };
    run.assert_says("value=0x7");
    run.assert_says("SWD WAIT: retried 5 times");
}

#[test]
fn without_power_nobody_answers() {
    let chip = VirtualChip::start().unwrap();
    chip.faults().power_off();
    let Some(run) = run_swd(&chip, &[]) else { return };
    run.assert_says("Error connecting DP: cannot read IDR");
    chip.faults().power_on();
    run_swd(&chip, &["halt"]).unwrap().assert_clean();
}

#[test]
fn the_reset_pin_works_beside_swd() {
    let chip = VirtualChip::start().unwrap();
    let before = chip.reset_count();
    let Some(run) = run_swd(
        &chip,
        &["reset_config srst_only srst_nogate", "adapter assert srst", "sleep 20", "adapter deassert srst", "halt"],
    ) else {
        return;
    };
    assert!(run.success, "{run}");
    assert_eq!((chip.reset_count(), chip.state()), (before + 1, CoreState::Halted));
}
