//! Finding the chip, its memory, its registers.

use virtual_chip::{CoreState, Register, VirtualChip, firmware};

use crate::openocd::{run, wait_until};

#[test]
fn init_finds_the_chip_without_a_complaint() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, &[]);
    run.assert_clean();
    run.assert_says("JTAG tap: stm32f1x.cpu tap/device found: 0x3ba00477");
    run.assert_says("JTAG tap: stm32f1x.bs tap/device found: 0x16410041");
    run.assert_says("Cortex-M3 r1p1 processor detected");
    run.assert_says("target has 6 breakpoints, 4 watchpoints");
}

#[test]
fn the_firmware_counts_whether_openocd_watches_or_not() {
    let chip = VirtualChip::start().unwrap();
    let counter = || chip.read_u32(firmware::COUNTER_ADDRESS).unwrap();
    wait_until(|| counter() > 1000);
    let watched = format!(
        "set first [read_memory {0:#x} 32 1]; sleep 50; set second [read_memory {0:#x} 32 1]",
        firmware::COUNTER_ADDRESS
    );
    let run = run(&chip, &[&watched, "echo grown=[expr {$second - $first}]"]);
    run.assert_clean();
    assert!(run.number("grown") > 0, "{run}");
    let left = counter();
    wait_until(|| counter() > left);
}

#[test]
fn memory_is_written_and_read_at_every_width() {
    let chip = VirtualChip::start().unwrap();
    chip.write_u32(0x2000_1000, 0x8765_4321).unwrap();
    let run = run(
        &chip,
        &[
            "halt",
            "echo word=[read_memory 0x20001000 32 1]",
            "echo half=[read_memory 0x20001002 16 1]",
            "echo byte=[read_memory 0x20001001 8 1]",
            "mww 0x20001010 0xcafef00d",
            "mwh 0x20001014 0xbeef",
            "mwb 0x20001016 0x42",
            "mwb 0x20001021 0x11 3",
            "mwh 0x20001032 0x2233 3",
        ],
    );
    run.assert_clean();
    assert_eq!((run.number("word"), run.number("half"), run.number("byte")), (0x8765_4321, 0x8765, 0x43));
    let mut bytes = [0; 0x28];
    chip.read_memory(0x2000_1010, &mut bytes).unwrap();
    assert_eq!(bytes[..8], [0x0d, 0xf0, 0xfe, 0xca, 0xef, 0xbe, 0x42, 0]);
    assert_eq!(bytes[0x10..0x15], [0, 0x11, 0x11, 0x11, 0]);
    assert_eq!(bytes[0x20..], [0, 0, 0x33, 0x22, 0x33, 0x22, 0x33, 0x22]);
}

#[test]
fn images_of_ram_go_both_ways() {
    let chip = VirtualChip::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let image: Vec<u8> = (0..0x4001_u32).map(|index| ((index * 7) >> 3) as u8).collect();
    std::fs::write(path("in.bin"), &image).unwrap();
    let load = format!("load_image {} 0x20000003 bin", path("in.bin"));
    let dump = format!("dump_image {} 0x20000003 {}", path("out.bin"), image.len());
    run(&chip, &["halt", &load, &dump]).assert_clean();
    assert!(std::fs::read(path("out.bin")).unwrap() == image);
    let mut held = vec![0; image.len()];
    chip.read_memory(0x2000_0003, &mut held).unwrap();
    assert!(held == image);
}

#[test]
fn where_nothing_is_openocd_meets_a_bus_fault() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, &["halt", "catch {mdw 0x60000000}", "echo after=[read_memory 0x1ffff7e0 16 1]"]);
    run.assert_says("JTAG-DP STICKY ERROR");
    assert_eq!(run.number("after"), 128, "the next access works:\n{run}");
}

#[test]
fn registers_are_read_and_written() {
    let chip = VirtualChip::start().unwrap();
    chip.halt();
    for number in 0..=12 {
        chip.set_register(Register::R(number), 0x1000_0000 | u32::from(number));
    }
    chip.set_register(Register::Psp, 0x2000_0100);
    let run = run(
        &chip,
        &[
            "halt",
            "reg r0",
            "reg r12",
            "reg psp",
            "reg r7 0x77777777",
            "reg lr 0x08000101",
            "reg primask 1",
            "reg basepri 0x30",
            "reg faultmask 1",
            "reg pc 0x08000046",
            // A step makes OpenOCD write them.
            "step",
            "reg sp",
        ],
    );
    run.assert_clean();
    for line in ["r0 (/32): 0x10000000", "r12 (/32): 0x1000000c", "psp (/32): 0x20000100"] {
        run.assert_says(line);
    }
    assert_eq!(chip.register(Register::R(7)), 0x7777_7777);
    assert_eq!(chip.register(Register::Lr), 0x0800_0101);
    assert_eq!(chip.register(Register::Primask), 1);
    assert_eq!(chip.register(Register::Basepri), 0x30);
    assert_eq!(chip.register(Register::Faultmask), 1);
}

#[test]
fn peripherals_have_their_reset_values() {
    let chip = VirtualChip::start().unwrap();
    chip.set_port_inputs('A', 0x1234);
    let run = run(
        &chip,
        &[
            "echo crl=[read_memory 0x40010800 32 1]",
            "echo idr=[read_memory 0x40010808 32 1]",
            "echo rcc=[read_memory 0x40021000 32 1]",
            "echo device=[read_memory 0xe0042000 32 1]",
        ],
    );
    run.assert_clean();
    assert_eq!((run.number("crl"), run.number("idr")), (0x4444_4444, 0x1234));
    assert_eq!((run.number("rcc"), run.number("device")), (0x83, 0x2003_6410));
}

#[test]
fn the_debug_port_lists_its_components() {
    let chip = VirtualChip::start().unwrap();
    let run = run(&chip, &["echo [stm32f1x.dap info]", "echo idr=[stm32f1x.dap apreg 0 0xfc]"]);
    run.assert_clean();
    assert_eq!(run.number("idr"), 0x1477_0011);
    for line in ["MEM-AP BASE 0xe00ff003", "0x020, STMicro", "SCS", "DWT", "FPB", "ITM", "TPIU"] {
        run.assert_says(line);
    }
}

#[test]
fn the_next_openocd_finds_the_chip_as_the_last_one_left_it() {
    let chip = VirtualChip::start().unwrap();
    run(&chip, &["halt", "mww 0x20001000 0x5a5a5a5a"]).assert_clean();
    assert_eq!(chip.state(), CoreState::Halted);
    let run = run(&chip, &["echo left=[read_memory 0x20001000 32 1]", "resume"]);
    run.assert_clean();
    assert_eq!(run.number("left"), 0x5a5a_5a5a);
    assert_eq!(chip.state(), CoreState::Running);
}
