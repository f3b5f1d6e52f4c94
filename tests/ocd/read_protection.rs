//! A chip whose flash cannot be read: nothing is lost, and what ends that is told.

use crate::bench::{Bench, Ran};
use crate::flash::{held, noise};

/// Behind the pages that a locked STM32F1 protects against writing.
const APP: u32 = 0x0800_4c00;

fn locked() -> Bench {
    let bench = Bench::new();
    bench.chip.write_memory(APP, &noise(3, 0x1000)).unwrap();
    bench.chip.faults().read_protect(true);
    bench.file("app.bin", noise(8, 5000));
    bench
}

fn help(ran: &Ran) -> String {
    ran.error()["help"].to_string()
}

#[test]
fn flash_that_cannot_be_read_is_not_erased() {
    let bench = locked();
    for options in [&[][..], &["--no-skip"], &["--chip-erase"], &["--unlock"]] {
        let ran = bench.ocd(&[&["flash", "app.bin@0x08004c00", "--json"], options].concat()).expect(74);
        assert_eq!(ran.error()["id"], "flash.unreadable", "{options:?}");
        assert!(help(&ran).contains("stm32f1x unlock 0"), "{options:?}");
        assert!(held(&bench, APP, 0x1000) == noise(3, 0x1000), "{options:?}");
    }
    let ran = bench.ocd(&["flash", "app.bin@0x08004c00"]).expect(74);
    let text = "error: flash at 0x08004c00 cannot be read, nor any other place of it that was tried, so what is written could not be verified, and no flash was changed: ";
    assert!(ran.stderr.contains(text) && ran.stderr.contains("--no-verify"), "{ran:#?}");
    bench.ocd(&["flash", "app.bin@0x08004c00", "--no-verify", "--reset", "none"]).expect(0);
    assert!(held(&bench, APP, 5000) == noise(8, 5000));
    // What the help says.
    bench.ocd(&["cmd", "halt; stm32f1x unlock 0"]).expect(0);
    bench.ocd(&["reset", "halt"]).expect(0);
    bench.ocd(&["flash", "app.bin@0x08004c00", "--reset", "none"]).expect(0);
}

#[test]
fn what_fails_on_a_locked_chip_names_read_protection() {
    let bench = locked();
    for (arguments, id, status) in [
        (&["read", "0x08000000", "4K", "out.bin"][..], "flash.read", 73),
        (&["verify", "app.bin@0x08004c00"], "flash.verify", 73),
        (&["erase", "0x08005000", "1K"], "flash.erase", 74),
        (&["erase", "--all"], "flash.erase", 74),
        (&["flash", "app.bin@0x08000000", "--no-verify"], "flash.erase", 74),
        (&["flash", "app.bin@0x08004c00", "--chip-erase", "--no-verify"], "flash.erase", 74),
        (&["flash", "app.bin@0x08004c00", "--keep-unwritten", "--no-verify"], "flash.read", 73),
        (&["protect", "10", "11"], "flash.read_protected", 74),
        (&["unprotect", "10", "11"], "flash.read_protected", 74),
    ] {
        let ran = bench.ocd(&[arguments, &["--json"]].concat()).expect(status);
        assert_eq!(ran.error()["id"], id, "{arguments:?}");
        let help = help(&ran);
        let at = |text| help.find(text);
        assert!(at("read protection").is_some() && at("stm32f1x unlock 0").is_some(), "{arguments:?}: {help}");
        // That of writing may be on besides.
        assert!(at("--unlock").is_none_or(|unlock| at("read protection").unwrap() < unlock), "{arguments:?}: {help}");
    }
}

#[test]
fn a_board_that_is_gone_is_not_taken_for_a_locked_one() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    bench.chip.faults().power_off();
    let ran = bench.ocd_on(&session, &["read", "0x08000000", "4K", "out.bin", "--json"]);
    assert!(ran.status != 0 && !ran.stdout.contains("read protection"), "{ran:#?}");
}
