//! Memory.

use virtual_chip::firmware::COUNTER_ADDRESS;

use crate::bench::Bench;

const CRASH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/crash/crash.elf");
const SVD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");

#[test]
fn memory_is_printed_as_a_table_as_numbers_and_raw() {
    let bench = Bench::new();
    bench.chip.write_memory(0x2000_0000, b"Hello, chip!\0\x01\x02\xff").unwrap();
    let table = "20000000  48 65 6c 6c 6f 2c 20 63  68 69 70 21 00 01 02 ff  |Hello, chip!....|\n";
    assert_eq!(bench.ocd(&["mem", "read", "0x2000_0000", "16"]).expect(0).stdout, table);
    let words = bench.ocd(&["mem", "read", "0x2000_0000", "8", "--width", "32"]).expect(0);
    assert_eq!(words.stdout, "20000000  6c6c6548 63202c6f\n");
    let hex = bench.ocd(&["mem", "read", "0x2000_0000", "--count", "2", "-w", "16", "-f", "hex"]).expect(0);
    assert_eq!(hex.stdout, "6548\n6c6c\n");
    let raw = bench.ocd(&["mem", "read", "0x2000_0000", "8", "--format", "bin", "--width", "32"]).expect(0);
    assert_eq!((raw.stdout.as_str(), raw.stderr.as_str()), ("Hello, c", ""));
    let result = bench.ocd(&["mem", "read", "0x2000_0008", "-n", "1", "-w", "64", "--json"]).expect(0).result();
    assert_eq!(result["values"], serde_json::json!([0xff02_0100_2170_6968_u64]));
    assert_eq!((&result["address"], &result["width"]), (&0x2000_0008.into(), &64.into()));
}

#[test]
fn symbols_and_registers_are_addresses_with_a_size() {
    let bench = Bench::new();
    let symbol = openocd::Image::open(CRASH).unwrap().symbol("where").unwrap();
    bench.chip.halt();
    bench.chip.write_u32(u32::try_from(symbol.address).unwrap(), 0x55).unwrap();
    let ran = bench.ocd(&["mem", "read", "where", "--elf", CRASH, "-f", "hex"]).expect(0);
    assert_eq!(ran.stdout, "00000055\n");
    let ran = bench.ocd(&["mem", "read", "gpioa.crl", "--svd", SVD, "-f", "hex"]).expect(0);
    assert_eq!(ran.stdout, "44444444\n");
}

#[test]
fn file_that_would_name_an_address_is_asked_for() {
    let bench = Bench::new();
    let help = |options: &[&str], name: &str| {
        let error = bench.ocd(&[&["--json", "mem", "read", name][..], options].concat()).expect(64).error();
        error["help"][0].as_str().unwrap_or_default().to_owned()
    };
    let both = "for symbols name the firmware with --elf FILE, for registers of peripherals the chip's --svd FILE";
    assert_eq!(help(&[], "counter"), both);
    assert_eq!(help(&["--svd", SVD], "counter"), "for symbols name the firmware with --elf FILE");
    assert_eq!(help(&["--elf", CRASH], "GPIOA.CRL"), "for registers of peripherals name the chip's --svd FILE");
    assert_eq!(help(&["--elf", CRASH], "counter"), "");
    assert_eq!(help(&["--elf", CRASH, "--svd", SVD], "GPIOA.CRX"), "");
}

#[test]
fn wrong_arguments_are_found_before_openocd_starts() {
    let bench = Bench::new();
    for arguments in [
        &["mem", "read", "counter"][..],
        &["mem", "read", "0x2000_0001", "4", "--width", "32"],
        &["mem", "read", "0x2000_0000", "3", "--width", "16"],
        &["mem", "write", "0x2000_0000", "256", "--width", "8"],
        &["mem", "write", "0x2000_0002", "1"],
        &["mem", "search", "0x2000_0000..0x2000_0000", "00"],
        &["mem", "search", "0x2000_0000", "00"],
        &["mem", "search", "0x2000_0000..+16", "0x00"],
        &["mem", "test", "0x2000_0001..+16"],
        &["mem", "load", "absent.bin", "nowhere"],
        &["bp", "add", "main"],
        &["wp", "remove", "main"],
        &["regs", "--write", "pc"],
    ] {
        // It cannot start: there is no such program.
        let mut command = bench.board_command(arguments);
        let ran = crate::bench::Ran::of(command.args(["--openocd", "/nonexistent"]));
        assert_eq!(ran.status, 64, "{arguments:?}: {ran:#?}");
    }
}

#[test]
fn written_values_are_in_the_chip_and_are_read_back() {
    let bench = Bench::new();
    let ran = bench.ocd(&["mem", "write", "0x2000_0100", "1", "0xffff_ffff", "-2"]).expect(0);
    assert_eq!(ran.stdout, "wrote 3 values of 32 bits at 0x20000100, verified\n");
    let held = [0x2000_0100, 0x2000_0104, 0x2000_0108].map(|address| bench.chip.read_u32(address).unwrap());
    assert_eq!(held, [1, u32::MAX, u32::MAX - 1]);
    bench.ocd(&["mem", "write", "0x2000_0101", "-w", "8", "7", "8"]).expect(0);
    assert_eq!(bench.chip.read_u32(0x2000_0100).unwrap(), 0x0008_0701);
}

#[test]
fn a_value_that_does_not_stay_is_a_mismatch() {
    let bench = Bench::new();
    // The upper half of GPIOA.ODR does not exist.
    let error = bench.ocd(&["mem", "write", "0x4001_080c", "0x1_5a5a", "--json"]).expect(75).error();
    assert_eq!(error["id"], "ocd.mismatch");
    assert_eq!(error["message"], "0x4001080c reads 0x00005a5a after 0x00015a5a was written");
    bench.ocd(&["mem", "write", "0x4001_080c", "0x1_5a5a", "--no-verify"]).expect(0);
}

#[test]
fn a_write_to_flash_says_which_command_does_that() {
    let bench = Bench::new();
    bench.chip.halt();
    let ran = bench.ocd(&["mem", "write", "0x0800_1000", "0x1234"]).expect(75);
    let help = "help: 0x08001000 is in flash bank \"stm32f1x.flash\", which a write to memory does not change: ocd flash FILE@0x08001000 writes it";
    assert!(ran.stderr.contains(help), "{ran:?}");
    assert!(!ran.stderr.contains("a register may read"), "{ran:?}");
    // What is no flash.
    let ran = bench.ocd(&["mem", "write", "0x4001_080c", "0x1_5a5a"]).expect(75);
    assert!(ran.stderr.contains("a register may read") && !ran.stderr.contains("flash"), "{ran:?}");
}

#[test]
fn a_file_to_load_may_have_its_address_at_its_end() {
    let bench = Bench::new();
    bench.file("d.bin", [1, 2, 3, 4]);
    let result = bench.ocd(&["mem", "load", "d.bin@0x2000_1000", "--json"]).expect(0).result();
    assert_eq!((&result["file"], &result["segments"][0]["address"]), (&"d.bin".into(), &0x2000_1000.into()));
    assert_eq!(bench.chip.read_u32(0x2000_1000).unwrap(), 0x0403_0201);
    bench.ocd(&["mem", "load", "d.bin@0x2000_1010", "--raw"]).expect(0);
    assert_eq!(bench.chip.read_u32(0x2000_1010).unwrap(), 0x0403_0201);
    // A file of the whole name comes first.
    bench.file("d.bin@0x20001020", [5, 5, 5, 5]);
    bench.ocd(&["mem", "load", "d.bin@0x20001020", "0x2000_1030"]).expect(0);
    assert_eq!(bench.chip.read_u32(0x2000_1030).unwrap(), 0x0505_0505);
    let ran = bench.ocd(&["mem", "load", "d.bin@0x20001020"]).expect(71);
    assert!(ran.stderr.contains("raw bytes need an address: ocd mem load FILE@ADDRESS"), "{ran:?}");
    let ran = bench.ocd(&["mem", "load", "d.bin", "--raw"]).expect(64);
    assert!(ran.stderr.contains("--raw needs an address"), "{ran:?}");
    let ran = bench.ocd(&["mem", "load", "none.bin@0x20001000"]).expect(71);
    assert!(ran.stderr.contains("none.bin:") || ran.stderr.contains("none.bin "), "{ran:?}");
}

#[test]
fn memory_that_cannot_be_read_is_a_failure_of_the_target() {
    let bench = Bench::new();
    let error = bench.ocd(&["mem", "read", "0x6000_0000", "4", "--json"]).expect(73).error();
    assert_eq!(error["id"], "target.memory_read");
}

#[test]
fn memory_goes_to_a_file_and_back() {
    let bench = Bench::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(1001).collect();
    bench.chip.write_memory(0x2000_1001, &bytes).unwrap();
    let ran = bench.ocd(&["mem", "dump", "0x2000_1001", "1001", "ram.bin"]).expect(0);
    assert_eq!(ran.stdout, "wrote 1001 bytes from 0x20001001 to ram.bin\n");
    assert_eq!(std::fs::read(bench.folder().join("ram.bin")).unwrap(), bytes);
    let result = bench.ocd(&["mem", "load", "ram.bin", "0x2000_0000", "--json"]).expect(0).result();
    assert_eq!((&result["length"], &result["verified"]), (&1001.into(), &true.into()));
    let mut held = vec![0; 1001];
    bench.chip.read_memory(0x2000_0000, &mut held).unwrap();
    assert_eq!(held, bytes);
    let ran = bench.ocd(&["mem", "dump", "0x2000_1042", "4", "-"]).expect(0);
    assert_eq!(ran.stdout.as_bytes(), b"ABCD");
}

#[test]
fn a_file_with_addresses_goes_there() {
    let bench = Bench::new();
    // Two bytes at 0x20000010.
    let hex = ":020000042000DA\n:020010001234A8\n:00000001FF\n";
    bench.file("two.hex", hex);
    let ran = bench.ocd(&["mem", "load", "two.hex"]).expect(0);
    assert_eq!(ran.stdout, "0x20000010  2 bytes\nloaded 2 bytes of two.hex, verified\n");
    assert_eq!(bench.chip.read_u32(0x2000_0010).unwrap() & 0xffff, 0x3412);
    let ran = bench.ocd(&["mem", "load", "two.hex", "0x2000_0020"]).expect(64);
    assert!(ran.stderr.contains("two.hex is Intel HEX") && ran.stderr.contains("--raw"), "{ran:?}");
    bench.ocd(&["mem", "load", "two.hex", "0x2000_0020", "--raw"]).expect(0);
    let mut held = vec![0; hex.len()];
    bench.chip.read_memory(0x2000_0020, &mut held).unwrap();
    assert_eq!(held, hex.as_bytes());
    bench.file("raw.bin", [1, 2, 3]);
    let ran = bench.ocd(&["mem", "load", "raw.bin"]).expect(71);
    assert!(ran.stderr.contains("raw bytes need an address"), "{ran:?}");
}

#[test]
fn a_file_for_flash_is_not_loaded() {
    let bench = Bench::new();
    bench.file("raw.bin", [1, 2, 3]);
    for more in [&[][..], &["--no-verify"]] {
        let ran = bench.ocd(&[&["mem", "load", "raw.bin", "0x0800_1000"], more].concat()).expect(64);
        assert!(ran.stderr.contains("0x08001000 in flash bank \"stm32f1x.flash\""), "{ran:?}");
        assert!(ran.stderr.contains("`ocd flash` writes flash"), "{ran:?}");
    }
}

#[test]
fn bytes_text_and_numbers_are_found() {
    let bench = Bench::new();
    bench.chip.write_memory(0x2000_0803, b"SEGGER RTT").unwrap();
    bench.chip.write_u32(0x2000_0900, 0xdead_beef).unwrap();
    let search = |pattern: &[&str]| {
        let arguments = [&["mem", "search", "0x2000_0000..+4K"], pattern].concat();
        bench.ocd(&arguments).expect(0).stdout
    };
    assert_eq!(search(&["SEGGER", "--text"]), "0x20000803\n");
    assert_eq!(search(&["53 45 47 47"]), "0x20000803\n");
    assert_eq!(search(&["0xdeadbeef", "--width", "32"]), "0x20000900\n");
    assert_eq!(search(&["efbeadde"]), "0x20000900\n");
    assert_eq!(search(&["deadbeef"]), "");
    let result = bench.ocd(&["mem", "search", "0x2000_0000..+4K", "efbe", "--json"]).expect(0).result();
    assert_eq!(result["matches"], serde_json::json!([0x2000_0900]));
}

#[test]
fn a_running_target_is_read_without_halting_it() {
    let bench = Bench::new();
    let address = format!("{COUNTER_ADDRESS:#x}");
    bench.ocd(&["mem", "read", &address, "4"]).expect(0);
    assert_eq!(bench.chip.state(), virtual_chip::CoreState::Running);
}

#[test]
fn digits_that_are_not_hexadecimal_are_no_size() {
    let ran = Bench::new().ocd_alone(&["mem", "read", "0x2000000g", "16"]).expect(64);
    assert!(ran.stderr.contains("\"0x2000000g\" is not a number"), "{ran:?}");
}

#[test]
fn fifo_that_nobody_reads_does_not_hold_a_command() {
    let bench = Bench::new();
    let fifo = bench.folder().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let fifo = fifo.to_str().unwrap();
    for arguments in [
        &["mem", "dump", "0x2000_0000", "0x100", fifo] as &[&str],
        &["read", "0x0800_0000", "0x100", fifo],
        &["status", "--log-file", fifo],
    ] {
        let ran = bench.ocd(arguments);
        assert!(ran.status != 0 && ran.stderr.contains("it is a FIFO; expected a regular file"), "{ran:?}");
    }
}

#[test]
#[cfg(unix)]
fn file_that_is_replaced_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;

    let bench = Bench::new();
    bench.file("secret.bin", "s");
    let path = bench.folder().join("secret.bin");
    for mode in [0o600, 0o640] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        for command in [&["read", "0x0800_0000"] as &[&str], &["mem", "dump", "0x2000_0000"]] {
            bench.ocd(&[command, &["0x100", "secret.bin"]].concat()).expect(0);
            let metadata = std::fs::metadata(&path).unwrap();
            assert_eq!((metadata.permissions().mode() & 0o777, metadata.len()), (mode, 0x100), "{command:?}");
        }
    }
}
