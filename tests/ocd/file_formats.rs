//! `ocd read` and `ocd mem dump` into files of a format: what they write can be flashed and loaded.

use openocd::{Image, ImageFormat};

use crate::bench::Bench;
use crate::flash::{held, noise};

const APP: u32 = 0x0800_4010;

#[test]
fn what_is_read_has_the_format_of_its_name_and_can_be_flashed() {
    let bench = Bench::new();
    let bytes = noise(11, 3000);
    bench.chip.write_memory(APP, &bytes).unwrap();
    bench.chip.write_memory(0x2000_1000, &bytes).unwrap();
    let session = bench.session();
    for (name, format, json) in [
        ("out.hex", ImageFormat::IntelHex, "intel_hex"),
        ("out.IHEX", ImageFormat::IntelHex, "intel_hex"),
        ("out.srec", ImageFormat::SRecord, "s_record"),
        ("out.s19", ImageFormat::SRecord, "s_record"),
        ("out.uf2", ImageFormat::Uf2, "uf2"),
    ] {
        for (command, base, place) in
            [(&["read"][..], APP, "0x08004010..+3000"), (&["mem", "dump"], 0x2000_1000, "0x20001000..+3000")]
        {
            let arguments = [command, &[place, name]].concat();
            let ran = bench.ocd_on(&session, &arguments).expect(0);
            assert!(ran.stdout.contains(&format!("{name}, as {format}")), "{ran:?}");
            let image = Image::open(bench.folder().join(name)).unwrap();
            assert_eq!(image.format(), format);
            let part = image.within(u64::from(base)..u64::from(base) + 3000).unwrap();
            assert!(part.segments()[0].data == bytes, "{arguments:?}");
            let result = bench.ocd_on(&session, &[&arguments[..], &["--json"]].concat()).expect(0).result();
            assert_eq!(result["format"], json);
        }
    }
    bench.ocd_on(&session, &["read", "0x08004010..+3000", "out.hex"]).expect(0);
    bench.ocd_on(&session, &["erase", "--all"]).expect(0);
    bench.ocd_on(&session, &["flash", "out.hex", "--reset", "none"]).expect(0);
    assert!(held(&bench, APP, 3000) == bytes);
    // A whole bank.
    bench.ocd_on(&session, &["read", "--bank", "0", "bank.hex"]).expect(0);
    let image = Image::open(bench.folder().join("bank.hex")).unwrap();
    assert_eq!((image.segments()[0].address, image.len()), (0x0800_0000, 0x2_0000));
}

#[test]
fn a_format_is_chosen_for_any_name() {
    let bench = Bench::new();
    let session = bench.session();
    let vectors = held(&bench, 0x0800_0000, 64);
    for command in [&["read"][..], &["mem", "dump"]] {
        let run = |rest: &[&str]| bench.ocd_on(&session, &[command, &["0x08000000", "64"], rest].concat());
        let file = |name: &str| std::fs::read(bench.folder().join(name)).unwrap();
        for name in ["out.hex", "out.elf", "out"] {
            run(&[name, "--format", "bin"]).expect(0);
            assert_eq!(file(name), vectors, "{name}");
        }
        run(&["out", "--format", "hex"]).expect(0);
        assert_eq!(Image::parse(&file("out")).unwrap().segments()[0].data, vectors);
        let ran = run(&["-", "--format", "srec"]).expect(0);
        assert_eq!(Image::parse(ran.stdout.as_bytes()).unwrap().segments()[0].data, vectors);
        for other in ["out.img", "out.d", "hex", ".hex"] {
            run(&[other]).expect(0);
            assert_eq!(file(other), vectors, "{other}");
        }
        run(&["out.bin", "--format", "elf"]).expect(64);
        let error = run(&["none/out.hex", "--json"]).expect(71).error();
        assert_eq!(error["id"], "image.write");
    }
    let error = bench.ocd_on(&session, &["mem", "dump", "0x1_0000_0000", "4", "x.hex", "--json"]).error();
    assert_eq!(error["id"], "image.cannot_save");
}

#[test]
fn a_format_that_cannot_be_written_is_refused_without_a_board() {
    let bench = Bench::new();
    for name in ["out.elf", "out.AXF"] {
        for command in [&["read", "0x08000000", "64"][..], &["read", "--bank", "0"], &["mem", "dump", "0", "64"]] {
            let ran = bench.ocd_alone(&[command, &[name]].concat()).expect(64);
            assert!(ran.stderr.contains("is the name of an ELF file, which cannot be written"), "{ran:?}");
            assert!(ran.stderr.contains("--format"), "{ran:?}");
            assert!(!bench.folder().join(name).exists());
        }
    }
}
