//! Flash that holds other firmware than the file on the command line: what the file says of a name
//! is then no success.

use std::fmt::Write as _;

use openocd::Image;
use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};
use crate::run::firmware;

/// A chip that holds a prebuilt firmware.
fn holding(name: &str) -> Bench {
    let bench = Bench::new();
    bench.chip.load_elf(&std::fs::read(firmware(name)).expect("it is prebuilt"));
    bench
}

#[track_caller]
fn is_refused(bench: &Bench, arguments: &[&str]) {
    let ran = bench.ocd(arguments).expect(75);
    let told = ran.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default().to_owned();
    assert!(told.starts_with("error: the chip holds other firmware than ") && told.contains("0x0800"), "{ran:?}");
    assert!(ran.stderr.contains("help: ") && ran.stderr.contains("--trust-file"), "{ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    let json: Ran = bench.ocd(&[&["--json"], arguments].concat());
    assert_eq!(json.expect(75).error()["id"], "flash.mismatch");
    assert_eq!(bench.chip.state(), CoreState::Halted);
}

#[test]
fn symbol_of_another_file_is_no_place_to_reach() {
    let bench = holding("rtt_plain");
    let main = Image::open(firmware("exits")).unwrap().symbol("main").unwrap().address;
    is_refused(&bench, &["run", "--no-flash", "--until", "main", "--timeout", "5", &firmware("exits")]);
    is_refused(&bench, &["run", "--no-flash", "--until", "0", "--until", "main+2", &firmware("exits")]);
    // Whoever trusts the file has its symbols.
    let trusted = ["run", "--no-flash", "--trust-file", "--until", "main", "--timeout", "2", &firmware("exits")];
    let ran = bench.ocd(&trusted);
    assert!(ran.status != 75 && ran.stderr.contains("warning: the chip holds other firmware"), "{ran:?}");
    // An address is one of what is in flash.
    let reached = Image::open(firmware("rtt_plain")).unwrap().symbol("main").unwrap().address;
    let place = format!("{reached:#x}");
    let ran = bench.ocd(&["run", "--no-flash", "--until", &place, "--timeout", "10", &firmware("exits")]).expect(0);
    assert!(ran.stderr.contains("warning: the chip holds other firmware"), "{ran:?}");
    assert!(ran.stderr.contains(&format!("the firmware reached {reached:#010x} (exit")), "{main:#x}: {ran:?}");
}

#[test]
fn symbols_of_elf_beside_a_file_without_symbols_are_compared_too() {
    let bench = holding("rtt_plain");
    let mut raw = vec![0xff; 64 * 1024];
    for segment in Image::open(firmware("rtt_plain")).unwrap().segments() {
        let Some(at) = segment.address.checked_sub(0x0800_0000) else { continue };
        let at = usize::try_from(at).unwrap();
        let Some(place) = raw.get_mut(at..at + segment.data.len()) else { continue };
        place.copy_from_slice(&segment.data);
    }
    let mut srec = String::from("S0030000FC\n");
    for (index, line) in raw.chunks(16).enumerate() {
        let mut bytes = vec![21];
        bytes.extend((0x0800_0000 + 16 * u32::try_from(index).unwrap()).to_be_bytes());
        bytes.extend(line);
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.push(!sum);
        srec.push_str("S3");
        bytes.iter().try_for_each(|byte| write!(srec, "{byte:02X}")).unwrap();
        srec.push('\n');
    }
    srec.push_str("S70508000000F2\n");
    bench.file("plain.srec", srec);
    let (own, other) = (firmware("rtt_plain"), firmware("exits"));
    for flashing in [&[][..], &["--no-flash"]] {
        let words =
            |elf| [&["run"], flashing, &["--until", "main", "--timeout", "10", "--elf", elf, "plain.srec"]].concat();
        bench.ocd(&words(&own)).expect(0);
        is_refused(&bench, &words(&other));
    }
}

#[test]
fn other_firmware_is_not_taken_for_a_test() {
    // It exits with 0, as a test that passes.
    let bench = holding("prints");
    is_refused(&bench, &["run", "--no-flash", "--timeout", "10", &firmware("tests"), "--", "offset"]);
    // Its own firmware is.
    let bench = holding("tests");
    bench.ocd(&["run", "--no-flash", "--timeout", "20", &firmware("tests"), "--", "offset"]).expect(0);
}

#[test]
fn a_file_for_another_machine_is_not_run() {
    let bench = holding("hello");
    let resets = bench.chip.reset_count();
    for (name, what) in [("riscv64", "is for another machine (ELF machine 243)"), ("big_endian", "is big-endian")] {
        let file = format!("{}/tests/images/{name}.elf", env!("CARGO_MANIFEST_DIR"));
        for no_flash in [&[][..], &["--no-flash"]] {
            let ran = bench.ocd(&[&["run", &file, "--timeout", "5s"][..], no_flash].concat()).expect(71);
            assert!(ran.stderr.contains(what), "{ran:?}");
        }
    }
    assert_eq!(bench.chip.reset_count(), resets);
}

#[test]
fn firmware_that_runs_in_the_place_of_the_file_is_told() {
    let bench = holding("hello");
    let image = Image::bin(0x0801_0000, [1, 2, 3, 4]).unwrap();
    image.save(bench.folder().join("app.hex"), openocd::ImageFormat::IntelHex).unwrap();
    let ran = bench.ocd(&["run", "app.hex", "--timeout", "10s"]).expect(0);
    assert!(ran.stderr.contains("warning: the reset begins at 0x0800"), "{ran:?}");
    assert!(ran.stderr.contains("where app.hex has nothing: another program runs first"), "{ran:?}");
    let ran = bench.ocd(&["run", &firmware("hello"), "--timeout", "10s"]).expect(0);
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
}
