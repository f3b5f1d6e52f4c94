//! `ocd erase`, `verify`, `read`, `protect`, `unprotect`, `banks`: flash by sectors and addresses.

use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};
use crate::flash::{held, noise};

const APP: u32 = 0x0800_4000;
const END: u32 = 0x0802_0000;

#[test]
fn a_range_of_addresses_is_erased_and_nothing_else() {
    let bench = Bench::new();
    bench.chip.write_memory(APP, &[0; 0x1000]).unwrap();
    let ran = bench.ocd(&["erase", "0x0800_4400", "2K"]).expect(0);
    assert!(ran.stdout.starts_with("2048 bytes erased; stm32f1x.cpu is halted at 0x"), "{ran:?}");
    let mut expected = vec![0; 0x1000];
    expected[0x400..0xc00].fill(0xff);
    assert!(held(&bench, APP, 0x1000) == expected);
    // The part of a sector that was not named would be lost.
    let error = bench.ocd(&["erase", "0x08004000", "1000", "--json"]).expect(64).error();
    assert_eq!(error["id"], "flash.misaligned");
    assert!(held(&bench, APP, 0x1000) == expected);
}

#[test]
fn sectors_of_a_bank_are_erased() {
    let bench = Bench::new();
    bench.chip.write_memory(APP, &[0; 0x1000]).unwrap();
    let report = bench.ocd(&["erase", "--bank", "0", "16", "17", "--json"]).expect(0).result();
    assert_eq!(report["erased"], 2048);
    bench.ocd(&["erase", "--bank", "stm32f1x.flash", "19", "19"]).expect(0);
    let states: Vec<u8> = [0, 1, 2, 3].map(|n| held(&bench, APP + n * 0x400, 1)[0]).into();
    assert_eq!(states, [0xff, 0xff, 0, 0xff]);
    let error = bench.ocd(&["erase", "--bank", "0", "18", "128", "--json"]).expect(64).error();
    assert_eq!(error["id"], "flash.invalid_sectors");
    assert_eq!(bench.ocd(&["erase", "--bank", "7", "1", "2", "--json"]).expect(64).error()["id"], "flash.unknown_bank");
}

#[test]
fn a_whole_bank_is_read() {
    let bench = Bench::new();
    bench.chip.write_memory(APP, &noise(7, 0x1000)).unwrap();
    let whole = held(&bench, 0x0800_0000, 128 * 1024);
    let read = || std::fs::read(bench.folder().join("flash.bin")).unwrap();
    for bank in ["0", "stm32f1x.flash"] {
        let report = bench.ocd(&["read", "--bank", bank, "flash.bin", "--json"]).expect(0).result();
        assert_eq!((&report["address"], &report["bytes"]), (&0x0800_0000.into(), &(128 * 1024).into()));
        assert!(read() == whole, "{bank}");
        std::fs::remove_file(bench.folder().join("flash.bin")).unwrap();
    }
    for wrong in
        [&["read", "--bank", "0"][..], &["read", "--bank", "0", "0x08000000", "4", "x.bin"], &["read", "x.bin"]]
    {
        bench.ocd_alone(wrong).expect(64);
    }
    let error = bench.ocd(&["read", "--bank", "7", "x.bin", "--json"]).expect(64).error();
    assert_eq!(error["id"], "flash.unknown_bank");
}

#[test]
fn everything_is_erased_only_when_it_is_asked_for() {
    let bench = Bench::new();
    bench.chip.write_memory(END - 4, &[0; 4]).unwrap();
    for wrong in [
        &["erase"][..],
        &["erase", "--bank", "0"],
        &["erase", "0x08000000"],
        &["erase", "--all", "0", "1"],
        &["erase", "0x08000000", "x"],
        &["erase", "0xzz", "1K"],
    ] {
        bench.ocd_alone(wrong).expect(64);
    }
    let ran = bench.ocd(&["erase"]).expect(64);
    assert!(ran.stderr.contains("say --all for all flash"), "{ran:?}");
    assert_eq!(held(&bench, END - 4, 4), [0; 4]);
    for all in [&["erase", "--all", "--json"][..], &["erase", "--bank", "0", "--all", "--json"]] {
        bench.chip.write_memory(END - 4, &[0; 4]).unwrap();
        assert_eq!(bench.ocd(all).expect(0).result()["erased"], 128 * 1024);
        assert!(held(&bench, 0x0800_0000, 128 * 1024).iter().all(|byte| *byte == 0xff));
    }
}

#[test]
fn a_sector_that_stays_is_no_success() {
    let bench = Bench::new();
    bench.chip.write_memory(APP, &[0; 0x1000]).unwrap();
    bench.chip.faults().unerasable_page(17);
    let ran = bench.ocd(&["erase", "0x08004000", "4K"]).expect(74);
    assert!(ran.stderr.contains("0x08004400"), "{ran:?}");
}

#[test]
fn a_mismatch_has_its_status_and_its_first_address() {
    let bench = Bench::new();
    bench.file("app.bin", noise(20, 3000));
    bench.chip.write_memory(APP, &noise(20, 3000)).unwrap();
    let ran = bench.ocd(&["verify", "app.bin@0x08004000"]).expect(0);
    assert!(ran.stdout.starts_with("3000 bytes verified ("), "{ran:?}");
    assert_eq!(bench.chip.state(), CoreState::Running, "it was not halted");
    bench.chip.write_memory(APP + 0x9ab, &[!noise(20, 3000)[0x9ab]]).unwrap();
    let ran = bench.ocd(&["verify", "app.bin@0x08004000"]).expect(75);
    assert!(ran.stdout.starts_with("flash differs: 0x080049ab holds 0x"), "{ran:?}");
    bench.chip.halt();
    let report = bench.ocd(&["verify", "app.bin@0x08004000", "--json"]).expect(75).result();
    assert_eq!(report["mismatch"]["address"], 0x0800_49ab);
    assert_eq!(report["mismatch"]["expected"], noise(20, 3000)[0x9ab]);
    bench.ocd(&["verify", "missing.elf"]).expect(71);
}

#[test]
fn flash_is_read_into_a_file_or_to_standard_output() {
    let bench = Bench::new();
    bench.chip.write_memory(APP, &noise(21, 0x1000)).unwrap();
    let ran = bench.ocd(&["read", "0x0800_4000", "4K", "dump.bin"]).expect(0);
    assert!(ran.stdout.starts_with("4096 bytes from 0x08004000 are in dump.bin"), "{ran:?}");
    assert!(std::fs::read(bench.folder().join("dump.bin")).unwrap() == noise(21, 0x1000));
    let output = bench.board_command(&["read", "0x08004000", "4096", "-"]).output().unwrap();
    assert!(output.stdout == noise(21, 0x1000), "nothing but the bytes");
    assert_eq!(output.status.code(), Some(0));
    bench.ocd_alone(&["read", "0x08004000", "4096", "-", "--json"]).expect(64);
    let report = bench.ocd(&["read", "0x08004000", "16", "dump.bin", "--json"]).expect(0).result();
    assert_eq!(report["bytes"], 16);
    assert_eq!(std::fs::read(bench.folder().join("dump.bin")).unwrap().len(), 16);
}

#[test]
fn a_read_that_fails_leaves_no_file_and_keeps_the_old_one() {
    let bench = Bench::new();
    bench.file("dump.bin", "old");
    let error = bench.ocd(&["read", "0x0801_fff0", "32", "dump.bin", "--json"]).expect(64).error();
    assert_eq!(error["id"], "flash.no_bank");
    bench.chip.faults().bus_fault_at(APP + 0x100..APP + 0x104);
    let ran = bench.ocd(&["read", "0x08004000", "4K", "new.bin"]).expect(73);
    assert!(ran.stderr.contains("0x08004100"), "{ran:?}");
    assert_eq!(std::fs::read(bench.folder().join("dump.bin")).unwrap(), b"old");
    let names = std::fs::read_dir(bench.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| name.to_string_lossy().contains("bin")).collect();
    assert_eq!(names, ["dump.bin"]);
    // Before anything is read.
    let ran = bench.ocd(&["read", "0x08004000", "4K", "missing/dump.bin"]).expect(71);
    assert!(ran.stderr.contains("cannot write missing/dump.bin"), "{ran:?}");
}

#[test]
fn protection_holds_after_a_reset_and_the_target_runs_on() {
    let bench = Bench::new();
    let ran = bench.ocd(&["protect", "4", "7"]).expect(0);
    assert!(ran.stdout.contains(" 4 to 7 of stm32f1x.flash are protected after the next reset"), "{ran:?}");
    assert_eq!(bench.chip.state(), CoreState::Running);
    bench.ocd(&["reset"]).expect(0);
    let banks = bench.ocd(&["banks", "--json"]).expect(0).result();
    let blocks = banks["banks"][0]["protection_blocks"].as_array().unwrap();
    let protected: Vec<_> =
        blocks.iter().filter(|block| block["protected"] == true).map(|block| block["index"].clone()).collect();
    assert_eq!(protected, [4, 5, 6, 7]);
    bench.file("app.bin", noise(22, 100));
    let error = bench.ocd(&["flash", "app.bin@0x08004000", "--json"]).expect(74).error();
    let help = error["help"].to_string();
    assert!(help.contains("--unlock") && help.contains("ocd unprotect"), "{error}");
    let help = bench.ocd(&["erase", "0x08004000", "1K"]).expect(74).stderr;
    assert!(help.contains("ocd unprotect"), "{help}");
    assert_eq!(error["id"], "flash.protected");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.ends_with("so no flash was changed: protection block 4 of flash bank \"stm32f1x.flash\""),
        "{message}"
    );
    assert_eq!(help.matches("next reset").count(), 1, "{help}");
    // The chip loads the protection at a reset only.
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--unlock"]).expect(0);
    assert!(ran.stdout.starts_with("1024 bytes erased, 100 written"), "{ran:?}");
    assert!(held(&bench, APP, 100) == noise(22, 100));
    bench.ocd(&["flash", "app.bin@0x08004000", "--no-skip"]).expect(0);
    let report = bench.ocd(&["unprotect", "--bank", "0", "0", "31", "--json"]).expect(0).result();
    assert_eq!(report["kind"], "protection_block");
    assert_eq!(report["protect"], false);
    assert_eq!(bench.ocd(&["protect", "4", "32", "--json"]).expect(64).error()["id"], "flash.invalid_sectors");
    assert_eq!(
        bench.ocd(&["protect", "4", "5", "--bank", "x", "--json"]).expect(64).error()["id"],
        "flash.unknown_bank"
    );
}

#[test]
fn what_stays_protected_through_the_reset_is_not_written() {
    let bench = Bench::new();
    bench.ocd(&["protect", "4", "7"]).expect(0);
    bench.ocd(&["reset"]).expect(0);
    bench.file("app.bin", noise(23, 100));
    // A configuration that protects the flash before each reset.
    let protect = "stm32f1x.cpu configure -event reset-start { catch { flash protect 0 4 7 on } }";
    let config = format!("{} -c \"{protect}\"", bench.config());
    let resets = bench.chip.reset_count();
    let mut command = bench.command(&["flash", "app.bin@0x08004000", "--unlock"]);
    let ran = Ran::of(command.env("OCD_CONFIG", &config)).expect(74);
    assert!(ran.stderr.contains("0x08004000 is still protected"), "{ran:?}");
    assert!(!ran.stderr.contains("repeat"), "{ran:?}");
    assert!(held(&bench, APP, 100).iter().all(|byte| *byte == 0xff), "it was written");
    assert_eq!(bench.chip.reset_count() - resets, 2);
}

#[test]
fn banks_are_listed_with_their_sectors_on_demand() {
    let bench = Bench::new();
    let ran = bench.ocd(&["banks"]).expect(0);
    let lines: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1], ["0", "stm32f1x.flash", "stm32f1x", "0x08000000", "128", "KiB", "128", "of", "1", "KiB"]);
    assert_eq!(lines.len(), 2);
    let ran = bench.ocd(&["banks", "--sectors"]).expect(0);
    assert!(ran.stdout.contains("\n127     0x0801fc00  1 KiB"), "{ran:?}");
    bench.chip.halt();
    bench.chip.write_memory(APP, &[0; 4]).unwrap();
    let banks = bench.ocd(&["banks", "--erased", "--json"]).expect(0).result();
    assert_eq!(banks["banks"][0]["sectors"][16]["erased"], false);
    assert_eq!(banks["banks"][0]["sectors"][17]["erased"], true);
}

#[test]
fn a_bank_that_does_not_answer_says_why_beside_the_others() {
    let bench = Bench::new();
    bench.chip.halt();
    // Parallel flash, at an address where the chip has nothing.
    let config = format!("{} -c \"flash bank other cfi 0x90000000 0x10000 2 2 stm32f1x.cpu\"", bench.config());
    let mut command = bench.command(&["banks"]);
    let ran = Ran::of(command.env("OCD_CONFIG", &config)).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[1].ends_with("128 of 1 KiB"), "{ran:?}");
    assert!(lines[2].starts_with("1     other"), "{ran:?}");
    assert!(lines[2].contains("cannot list the sectors of flash bank \"other\": "), "{ran:?}");
    let mut command = bench.command(&["banks", "--json"]);
    let banks = Ran::of(command.env("OCD_CONFIG", &config)).expect(0).result();
    assert_eq!(banks["banks"][0]["problem"], serde_json::Value::Null);
    assert_eq!(banks["banks"][1]["problem"]["id"], "flash.info");
}

#[test]
fn another_chip_is_neither_erased_nor_protected() {
    let bench = Bench::new();
    bench.chip.write_memory(APP, &[0; 4]).unwrap();
    bench.ocd(&["erase", "--all", "--expect", "0x12345678"]).expect(73);
    bench.ocd(&["protect", "0", "1", "--expect", "0x12345678"]).expect(73);
    assert_eq!(held(&bench, APP, 4), [0; 4]);
}
