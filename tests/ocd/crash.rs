//! What a halted target tells.

use std::time::{Duration, Instant};

use virtual_chip::Register;

use crate::bench::Bench;

const CRASH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/crash/crash.elf");

/// A bench whose firmware has crashed, and is halted in its handler.
fn crashed() -> Bench {
    let bench = Bench::new();
    bench.chip.load_elf(&std::fs::read(CRASH).unwrap());
    let handler = openocd::Image::open(CRASH).unwrap().symbol("hard_fault").unwrap().address;
    let end = Instant::now() + Duration::from_secs(20);
    while u64::from(bench.chip.register(Register::Pc)) != handler {
        assert!(Instant::now() < end, "the firmware does not crash");
        std::thread::sleep(Duration::from_millis(5));
    }
    bench.chip.halt();
    bench
}

#[test]
fn a_crash_is_explained_with_its_source_line() {
    let bench = crashed();
    let ran = bench.ocd(&["crash", "--elf", CRASH]).expect(0);
    assert!(ran.stdout.contains("HardFault"), "{ran:?}");
    assert!(ran.stdout.contains("inner at ") && ran.stdout.contains("crash.c:"), "{ran:?}");
    let result = bench.ocd(&["crash", "--json"]).expect(0).result();
    assert!(result["summary"].as_str().unwrap().starts_with("HardFault"), "{result}");
    assert_eq!((&result["core"]["kind"], &result["location"]), (&"cortex_m".into(), &serde_json::json!([])));
}

#[test]
fn the_calls_are_shown_with_their_source_lines() {
    let bench = crashed();
    let ran = bench.ocd(&["backtrace", "--elf", CRASH]).expect(0);
    let functions = ["hard_fault at", "inner at", "middle at", "outer at", "reset at"];
    let found: Vec<usize> = functions.iter().filter_map(|function| ran.stdout.find(function)).collect();
    assert!(found.len() == functions.len() && found.is_sorted(), "{ran:?}");
    let result = bench.ocd(&["backtrace", "--elf", CRASH, "--json"]).expect(0).result();
    assert_eq!(result["frames"][1]["locations"][1]["function"], "inner");
    for form in ["zlib", "zlib-gnu", "zstd"] {
        let elf = CRASH.replace(".elf", &format!("-{form}.elf"));
        assert_eq!(bench.ocd(&["backtrace", "--elf", &elf]).expect(0).stdout, ran.stdout, "{form}");
    }
    let mut damaged = std::fs::read(CRASH.replace(".elf", "-zlib.elf")).unwrap();
    damaged[0x150] ^= 0xff;
    bench.file("damaged.elf", damaged);
    for command in ["backtrace", "crash"] {
        let ran = bench.ocd(&[command, "damaged.elf"]).expect(0);
        let note =
            "no places in the sources: the ELF image has compressed debug information that cannot be decompressed";
        assert!(ran.stderr.contains(note), "{ran:?}");
    }
    // The file may be an argument, as it is for `attach`.
    let ran = bench.ocd(&["backtrace", CRASH]).expect(0);
    assert!(ran.stdout.contains("inner at "), "{ran:?}");
    let ran = bench.ocd(&["crash", CRASH, "--elf", "absent.elf"]).expect(0);
    assert!(ran.stdout.contains("inner at "), "{ran:?}");
    let ran = bench.ocd(&["backtrace"]).expect(64);
    assert!(ran.stderr.contains("--elf FILE"), "{ran:?}");
}

#[test]
fn other_firmware_than_the_file_is_told() {
    const OTHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/hangs.elf");
    let bench = crashed();
    let ran = bench.ocd(&["crash", "--elf", OTHER]).expect(0);
    assert!(ran.stderr.contains("warning: the chip holds other firmware than "), "{ran:?}");
    assert!(ran.stdout.contains("HardFault") && !ran.stdout.contains(" is in"), "{ran:?}");
    bench.ocd(&["backtrace", OTHER, "--elf", CRASH]).expect(75);
    let ran = bench.ocd(&["backtrace", "--elf", OTHER]).expect(75);
    assert!(ran.stderr.contains("error: the chip holds other firmware than "), "{ran:?}");
    assert_eq!(ran.stdout, "");
    let ran = bench.ocd(&["crash", "--elf", OTHER, "--trust-file"]).expect(0);
    assert!(ran.stderr.contains("warning: the chip holds other firmware: "), "{ran:?}");
}

#[test]
fn a_running_target_has_no_crash() {
    let bench = Bench::new();
    for command in ["crash", "backtrace"] {
        let error = bench.ocd(&[command, "--elf", CRASH, "--json"]).expect(73).error();
        assert_eq!(error["id"], "target.not_halted");
    }
}

#[test]
fn a_core_file_has_registers_and_memory() {
    let bench = crashed();
    let ran = bench.ocd(&["core", "crash.core", "0x2000_0000..+20K", "--elf", CRASH]).expect(0);
    assert_eq!(ran.stdout, "wrote the registers and 20480 bytes of memory to crash.core\n");
    let core = std::fs::read(bench.folder().join("crash.core")).unwrap();
    assert_eq!(core[..4], *b"\x7fELF");
    assert!(core.len() > 20480);
    let ran = bench.ocd(&["core", "small.core"]).expect(0);
    assert!(ran.stderr.contains("the core has no memory"), "{ran:?}");
    bench.ocd(&["core", "x.core", "0x2000_0000..+8", "0x2000_0004..+8", "--openocd", "/nonexistent"]).expect(64);
    assert!(!bench.folder().join("x.core").exists());
}
