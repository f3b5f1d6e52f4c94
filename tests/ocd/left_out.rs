//! Firmware with parts that are in no flash bank, such as option bytes.

use openocd::{Image, ImageFormat};

use crate::bench::Bench;
use crate::flash::{held, noise};

const APP: u32 = 0x0800_4000;

#[test]
fn parts_outside_of_flash_are_left_out_on_demand() {
    let bench = Bench::new();
    let app = noise(21, 3000);
    let parts = [(u64::from(APP), &app[..]), (0x1fff_f800, &[0xa5; 16]), (0x2000_0000, &[7; 8])];
    let parts = parts.map(|(at, bytes)| Image::bin(at, bytes).unwrap());
    Image::merge(&parts).unwrap().save(bench.folder().join("all.hex"), ImageFormat::IntelHex).unwrap();
    for command in ["flash", "verify"] {
        let error = bench.ocd(&[command, "all.hex", "--json"]).expect(64).error();
        assert_eq!(error["id"], "flash.no_bank");
        assert!(error["help"].to_string().contains("with --leave-out 0x1ffff800+16"), "{error}");
    }
    let ranges = ["all.hex", "--leave-out", "0x1fff_f800+16", "--leave-out", "0x2000_0000..0x2000_5000"];
    let ran = bench.ocd(&[&["flash", "--reset", "none"], &ranges[..]].concat()).expect(0);
    assert!(ran.stderr.contains("note: 24 bytes of the firmware are left out"), "{ran:?}");
    assert!(held(&bench, APP, 3000) == app);
    let result = bench.ocd(&[&["verify", "--json"], &ranges[..]].concat()).expect(0).result();
    assert_eq!((&result["bytes"], &result["left_out"]), (&3000.into(), &24.into()));
    let result = bench.ocd(&[&["flash", "--reset", "none", "--json"], &ranges[..]].concat()).expect(0).result();
    assert_eq!(result["left_out"], 24);
}

#[test]
fn a_range_that_is_none_or_leaves_nothing_is_wrong_usage() {
    let bench = Bench::new();
    bench.file("app.bin", noise(22, 64));
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--leave-out", "0x08000000+128K"]).expect(64);
    assert!(ran.stderr.contains("--leave-out leaves nothing of the firmware"), "{ran:?}");
    for range in ["0x08004000", "0x1..0x0", "nonsense+4"] {
        // Before any OpenOCD is started.
        let arguments = ["flash", "app.bin@0x08004000", "--leave-out", range, "--openocd", "/nonexistent"];
        bench.ocd(&arguments).expect(64);
    }
}

#[test]
fn firmware_without_a_part_in_flash_gets_no_advice_to_leave_it_out() {
    let bench = Bench::new();
    bench.file("app.bin", noise(23, 64));
    let ran = bench.ocd(&["flash", "app.bin@0x20000000"]).expect(64);
    assert!(!ran.stderr.contains("--leave-out") && ran.stderr.contains("ocd mem load"), "{ran:?}");
}
