//! `ocd flash`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use openocd::Segment;
use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};

const BASE: u32 = 0x0800_0000;
/// Behind the firmware that the chip runs.
const APP: u32 = 0x0800_4000;

/// Bytes that are different everywhere, and from one seed to the next.
pub fn noise(seed: u32, length: u32) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_add(seed).wrapping_mul(0x9e37_79b9) >> 24) as u8).collect()
}

/// What flash holds.
pub fn held(bench: &Bench, address: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bench.chip.read_memory(address, &mut bytes).expect("there is flash");
    bytes
}

#[test]
fn an_elf_file_is_written_and_runs_and_is_skipped_the_next_time() {
    let bench = Bench::new();
    let elf = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/hello.elf");
    let image = openocd::Image::open(elf).unwrap();
    let ran = bench.ocd(&["flash", elf]).expect(0);
    assert!(ran.stdout.contains(&format!(" bytes erased, {} written, 0 skipped, verified; ", image.len())), "{ran:?}");
    assert!(ran.stdout.contains("stm32f1x.cpu is "), "{ran:?}");
    for phase in ["resetting", "comparing", "erasing", "writing", "verifying", "starting"] {
        assert!(ran.stderr.contains(phase), "{phase}: {ran:?}");
    }
    for Segment { address, data, .. } in image.segments() {
        assert!(held(&bench, u32::try_from(*address).unwrap(), data.len()) == *data);
    }
    let ran = bench.ocd(&["flash", elf]).expect(0);
    assert!(ran.stdout.contains(&format!("0 bytes erased, 0 written, {} skipped, verified; ", image.len())), "{ran:?}");
    let ran = bench.ocd(&["flash", elf, "--no-skip"]).expect(0);
    assert!(ran.stdout.contains(&format!(" {} written, 0 skipped", image.len())), "{ran:?}");
}

#[test]
fn the_report_has_files_bytes_state_and_durations() {
    let bench = Bench::new();
    bench.file("app.bin", noise(1, 3000));
    let report =
        bench.ocd(&["flash", "app.bin", "--base", "0x0800_4000", "--reset", "halt", "--json"]).expect(0).result();
    assert_eq!(report["files"][0]["path"], "app.bin");
    assert_eq!(report["files"][0]["format"], "bin");
    assert_eq!(report["files"][0]["bytes"], 3000);
    assert_eq!(report["flash"]["erased"], 3072);
    assert_eq!(report["flash"]["written"], 3000);
    assert_eq!(report["verified"], "checksum");
    assert_eq!(report["status"]["state"], "halted");
    assert_eq!(bench.chip.state(), CoreState::Halted);
    let durations = &report["durations"];
    let seconds =
        |name: &str| durations[format!("{name}_seconds")].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    let steps: f64 = ["open", "reset", "compare", "erase", "write", "verify", "start"]
        .into_iter()
        .map(seconds)
        .inspect(|s| assert!(*s > 0.0))
        .sum();
    assert!((seconds("total") - steps).abs() < 0.01, "{report}");
    assert!(held(&bench, APP, 3000) == noise(1, 3000));
}

#[test]
fn several_files_are_one_image() {
    let bench = Bench::new();
    // Both are in one sector.
    bench.file("boot.bin", noise(2, 500));
    bench.file("app.hex", ":020000040800F2\n:0442000001020304B0\n:00000001FF\n");
    let report = bench.ocd(&["flash", "boot.bin@0x08004000", "app.hex", "--json"]).expect(0).result();
    assert_eq!(report["flash"]["erased"], 1024);
    assert_eq!(report["flash"]["written"], 504);
    assert_eq!(report["files"].as_array().unwrap().len(), 2);
    assert!(held(&bench, APP, 500) == noise(2, 500));
    assert_eq!(held(&bench, APP + 0x200, 5), [1, 2, 3, 4, 0xff]);
    // They disagree about an address.
    let error = bench.ocd(&["flash", "boot.bin@0x08004010", "app.hex", "--json"]).expect(71).error();
    assert_eq!(error["id"], "image.conflict");
    assert_eq!(error["message"], "boot.bin and app.hex hold different bytes for 0x08004200");
}

#[test]
fn every_format_of_the_guide_is_taken() {
    let bench = Bench::new();
    bench.file("app.srec", "S30D08005000010203040506070876\nS70500000000FA\n");
    let mut block = vec![0_u8; 512];
    for (at, word) in
        [(0, 0x0a32_4655_u32), (4, 0x9e5d_5157), (12, 0x0800_6000), (16, 256), (24, 1), (508, 0x0ab1_6f30)]
    {
        block[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
    block[32..288].copy_from_slice(&noise(3, 256));
    bench.file("app.uf2", block);
    bench.ocd(&["flash", "app.srec", "app.uf2"]).expect(0);
    assert_eq!(held(&bench, BASE + 0x5000, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(held(&bench, BASE + 0x6000, 256) == noise(3, 256));
}

#[test]
fn raw_bytes_need_an_address_and_others_refuse_one() {
    let bench = Bench::new();
    bench.file("app.bin", noise(4, 64));
    bench.file("app.hex", ":020000040800F2\n:0442000001020304B0\n:00000001FF\n");
    // Found before a board is looked for.
    let ran = bench.ocd_alone(&["flash", "app.bin"]).expect(71);
    assert!(ran.stderr.contains("app.bin@0x08000000, or --base 0x08000000"), "{ran:?}");
    let ran = bench.ocd_alone(&["flash", "app.hex", "--base", "0x08000000"]).expect(64);
    assert!(ran.stderr.contains("has addresses of its own"), "{ran:?}");
    let ran = bench.ocd_alone(&["flash", "app.bin", "app.hex", "--base", "0x08000000"]).expect(64);
    assert!(ran.stderr.contains("FILE@ADDRESS"), "{ran:?}");
    bench.ocd_alone(&["flash", "app.bin", "--base", "0xzz"]).expect(64);
    bench.ocd_alone(&["flash", "missing.elf"]).expect(71);
    bench.ocd_alone(&["flash"]).expect(64);
}

#[test]
fn an_image_outside_of_flash_is_refused_and_flash_stays() {
    let bench = Bench::new();
    bench.file("app.bin", noise(5, 64));
    bench.chip.write_memory(BASE + 0x100, &[1, 2, 3]).unwrap();
    let error = bench.ocd(&["flash", "app.bin@0x20000000", "--json"]).expect(64).error();
    assert_eq!(error["id"], "flash.no_bank");
    assert_eq!(held(&bench, BASE + 0x100, 3), [1, 2, 3]);
}

#[test]
fn a_chip_erase_erases_what_the_image_does_not_touch() {
    let bench = Bench::new();
    bench.file("app.bin", noise(6, 64));
    bench.chip.write_memory(BASE + 0x1_f000, &[1, 2, 3]).unwrap();
    bench.ocd(&["flash", "app.bin@0x08004000"]).expect(0);
    assert_eq!(held(&bench, BASE + 0x1_f000, 3), [1, 2, 3]);
    let report =
        bench.ocd(&["flash", "app.bin@0x08004000", "--chip-erase", "--reset", "halt", "--json"]).expect(0).result();
    assert_eq!(report["flash"]["erased"], 128 * 1024);
    assert_eq!(report["flash"]["written"], 64);
    assert_eq!(held(&bench, BASE + 0x1_f000, 3), [0xff; 3]);
    assert!(held(&bench, APP, 64) == noise(6, 64));
}

#[test]
fn bytes_beside_the_image_are_kept_on_demand_and_never_lost() {
    let bench = Bench::new();
    bench.file("app.bin", noise(13, 100));
    let beside = APP + 0x200;
    bench.chip.write_memory(beside, &[1, 2, 3, 4]).unwrap();
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--keep-unwritten"]).expect(0);
    assert!(ran.stdout.contains("1024 bytes erased, 100 written, 0 skipped, 924 kept, verified; "), "{ran:?}");
    assert_eq!(held(&bench, beside, 4), [1, 2, 3, 4]);
    bench.ocd_alone(&["flash", "app.bin", "--keep-unwritten", "--chip-erase"]).expect(64);
    // The power fails in the middle: the bytes are in a file.
    bench.file("app.bin", noise(14, 100));
    bench.chip.faults().power_fails_after(20);
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--keep-unwritten"]);
    assert!(ran.status != 0 && ran.stderr.contains("help: the bytes are in ocd-kept-board-"), "{ran:?}");
    let name = ran.stderr.split_whitespace().find(|word| word.starts_with("ocd-kept-board-")).unwrap();
    let saved = openocd::Image::open(bench.folder().join(name.trim_end_matches(':'))).unwrap();
    let [.., last] = saved.segments() else { panic!("{saved:?}") };
    let at = usize::try_from(u64::from(beside) - last.address).unwrap();
    assert_eq!(last.data[at..at + 4], [1, 2, 3, 4]);
}

#[cfg(target_os = "linux")]
#[test]
fn bytes_that_were_to_be_kept_are_told_if_no_file_takes_them() {
    let bench = Bench::new();
    let image = format!("{}@0x08004000", bench.folder().join("app.bin").display());
    let beside = APP + 0x200;
    let failed = |command: &mut Command, name: &str| {
        bench.chip.write_memory(APP, &[0xff; 1024]).unwrap();
        bench.chip.write_memory(beside, &[1, 2, 3, 4]).unwrap();
        bench.chip.faults().power_fails_after(20);
        let ran = Ran::of(command.args(["flash", &image, "--keep-unwritten"]));
        bench.chip.faults().clear();
        assert!(ran.status != 0 && ran.status != 64, "{name}: {ran:#?}");
        ran
    };
    let has_them = |image: &openocd::Image, ran: &Ran| {
        let kept = image.within(u64::from(beside)..u64::from(beside) + 4).unwrap();
        assert_eq!(kept.segments()[0].data, [1, 2, 3, 4], "{ran:#?}");
    };
    // A folder in which no file can be made, and one for temporary files.
    bench.file("app.bin", noise(15, 100));
    let temporary = tempfile::tempdir().unwrap();
    let mut command = bench.board_command(&[]);
    let ran = failed(command.current_dir("/proc").env("TMPDIR", temporary.path()), "temporary");
    let saved: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(saved.len() == 1 && ran.stderr.contains(&*saved[0].to_string_lossy()), "{ran:#?}");
    has_them(&openocd::Image::open(&saved[0]).unwrap(), &ran);
    // A board's name is no path.
    bench.file("ocd.toml", format!("[boards.\"../lab/1\"]\nconfig = {:?}\n", bench.config()));
    let ran = failed(&mut bench.command(&["--board", "../lab/1"]), "slash");
    let name = ran.stderr.split_whitespace().find(|word| word.starts_with("ocd-kept-..%2Flab%2F1-")).unwrap();
    has_them(&openocd::Image::open(bench.folder().join(name.trim_end_matches(':'))).unwrap(), &ran);
    // None at all; OpenOCD has files of its own.
    let session = bench.session();
    let address = session.process().unwrap().tcl_address().to_string();
    let mut command = bench.command(&["--json", "--connect", &address]);
    let ran = failed(command.current_dir("/proc").env("TMPDIR", "/proc"), "none");
    let error = ran.error();
    let lines: Vec<&str> = error["notes"].as_array().unwrap().iter().filter_map(|note| note.as_str()).collect();
    has_them(&openocd::Image::parse(lines.join("\n").as_bytes()).unwrap(), &ran);
}

#[test]
fn flash_that_is_erased_and_not_written_is_told() {
    let bench = Bench::new();
    for (seed, status) in [(50, 0), (51, 74)] {
        bench.file("app.bin", noise(seed, 3000));
        if status != 0 {
            bench.chip.faults().bus_fault_at(APP + 3000..APP + 3072);
        }
        let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--reset", "halt"]).expect(status);
        let note = "note: the sectors of the image are erased, and nothing was written";
        assert_eq!(ran.stderr.contains(note), status != 0, "{ran:#?}");
    }
    bench.chip.faults().clear();
    assert_eq!(held(&bench, APP, 3000), [0xff; 3000]);
}

#[test]
fn a_cell_that_does_not_change_is_a_failure_unless_nothing_is_verified() {
    let bench = Bench::new();
    bench.file("app.bin", [0x55; 64]);
    bench.chip.faults().stuck_bits(0x4010, 0x2);
    let error = bench.ocd(&["flash", "app.bin@0x08004000", "--json"]).expect(75).error();
    assert_eq!(error["id"], "flash.mismatch");
    assert!(error["message"].as_str().unwrap().contains("0x08004010"), "{error}");
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--no-verify", "--no-skip"]).expect(0);
    assert!(ran.stdout.contains(", not verified; "), "{ran:?}");
}

#[test]
fn reading_back_is_asked_for() {
    let bench = Bench::new();
    bench.file("app.bin", noise(7, 5000));
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--verify", "--reset", "none", "--json"]).expect(0);
    assert_eq!(ran.result()["verified"], "read_back");
    let is_read = |line: &serde_json::Value| line["event"]["phase"] == "read" && line["event"]["done"] == 5000;
    assert!(ran.lines().iter().any(is_read), "{ran:?}");
    assert_eq!(bench.chip.state(), CoreState::Halted);
    bench.ocd_alone(&["flash", "app.bin", "--verify", "--no-verify"]).expect(64);
}

#[test]
fn a_cancelled_flash_says_how_far_it_came_and_ends_its_openocd() {
    let bench = Bench::new();
    bench.file("app.bin", noise(8, 100 * 1024));
    std::fs::create_dir(bench.folder().join("tmp")).unwrap();
    for json in [false, true] {
        let mut command = bench.board_command(&["flash", "app.bin@0x08004000", "--no-skip"]);
        // OpenOCD's temporary files would be there.
        command.env("TMPDIR", bench.folder().join("tmp"));
        command.args(json.then_some("--json")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut out, mut err) =
            (BufReader::new(child.stdout.take().unwrap()), BufReader::new(child.stderr.take().unwrap()));
        let mut seen = String::new();
        while !seen.contains(if json { "\"write\"" } else { "writing" }) {
            let read = if json { out.read_line(&mut seen) } else { err.read_line(&mut seen) };
            assert_ne!(read.unwrap(), 0, "{seen}");
        }
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let stdout = std::io::read_to_string(out).unwrap();
        let stderr = std::io::read_to_string(err).unwrap();
        let status = child.wait().unwrap().code().unwrap();
        let ran = Ran { status, stdout, stderr }.expect(130);
        if json {
            let error = ran.error();
            assert_eq!(error["id"], "cancelled");
            assert!(error["message"].as_str().unwrap().starts_with("cancelled while writing: "), "{error}");
        } else {
            assert!(ran.stderr.contains("error: cancelled while writing: "), "{ran:?}");
            assert!(ran.stderr.contains(" of 102400 bytes are done, up to 0x08"), "{ran:?}");
            assert!(ran.stderr.contains("help: flash may hold a part"), "{ran:?}");
        }
        // The chip talks to one OpenOCD at a time.
        let ran = bench.ocd(&["status"]).expect(0);
        assert!(ran.stdout.contains("halted"), "half an image does not run: {ran:?}");
    }
    assert_eq!(std::fs::read_dir(bench.folder().join("tmp")).unwrap().count(), 0);
}

#[test]
fn another_chip_is_refused_before_anything_is_erased() {
    let bench = Bench::new();
    bench.file("app.bin", noise(9, 64));
    let swd = std::env::var("OPENOCD_TRANSPORT").as_deref() == Ok("swd");
    let expected = if swd { "0x1ba01477" } else { "0x3ba0_0477" };
    bench.ocd(&["flash", "app.bin@0x08004000", "--expect", expected]).expect(0);
    bench.file("app.bin", noise(10, 64));
    bench.file("ocd.toml", format!("[boards.left]\nconfig = {:?}\nexpect = 0x1234_5678\n", bench.config()));
    let ran = bench.ocd_alone(&["flash", "app.bin@0x08004000"]).expect(73);
    assert!(ran.stderr.contains("this is another chip: expected 0x12345678"), "{ran:?}");
    assert!(ran.stderr.contains("ocd.toml, line 3"), "{ran:?}");
    assert!(held(&bench, APP, 64) == noise(9, 64));
}

#[test]
fn another_probe_is_refused_before_anything_is_erased() {
    let bench = Bench::new();
    bench.file("app.bin", noise(11, 64));
    // What the driver of CMSIS-DAP logs.
    let logged = format!("{} -c \"echo {{Info : CMSIS-DAP: Serial# = RIGHT}}\"", bench.config());
    let arguments = |serial| ["flash", "app.bin@0x08004000", "--serial", serial];
    let ran = Ran::of(bench.command(&arguments("LEFT")).env("OCD_CONFIG", &logged)).expect(72);
    assert!(ran.stderr.contains("the probe is RIGHT, not LEFT (--serial)"), "{ran:?}");
    assert_eq!(held(&bench, APP, 64), [0xff; 64]);
    Ran::of(bench.command(&arguments("RIGHT")).env("OCD_CONFIG", &logged)).expect(0);
    assert!(held(&bench, APP, 64) == noise(11, 64));
}

#[test]
fn a_running_openocd_must_tell_its_probe_if_one_is_wanted() {
    let bench = Bench::new();
    bench.file("app.bin", noise(12, 64));
    let start = |serial: Option<&str>| {
        let openocd = openocd::OpenOcdProcess::builder().config(bench.config());
        let openocd = if let Some(serial) = serial { openocd.adapter_serial(serial) } else { openocd };
        openocd::Session::builder().start(openocd).unwrap()
    };
    let flash = |session: &openocd::Session, serial| {
        let address = session.process().unwrap().tcl_address().to_string();
        bench.ocd_alone(&["flash", "app.bin@0x08004000", "--connect", &address, "--serial", serial, "--json"])
    };
    let session = start(Some("RIGHT"));
    assert_eq!(flash(&session, "LEFT").expect(72).error()["id"], "ocd.probe.other");
    assert_eq!(held(&bench, APP, 64), [0xff; 64]);
    flash(&session, "RIGHT").expect(0);
    assert!(held(&bench, APP, 64) == noise(12, 64));
    session.close().unwrap();
    assert_eq!(flash(&start(None), "RIGHT").expect(72).error()["id"], "ocd.probe.unknown");
    // OpenOCD's driver for the virtual chip has no serial numbers.
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--serial", "RIGHT"]).expect(72);
    assert!(ran.stderr.contains("OpenOCD's driver remote_bitbang ignores serial numbers"), "{ran:?}");
}

#[test]
fn a_program_that_locks_up_at_its_start_is_no_success() {
    let bench = Bench::new();
    bench.file("r.bin", noise(30, 64));
    let ran = bench.ocd(&["flash", "r.bin@0x08000001"]).expect(134);
    assert!(ran.stderr.contains("warning: r.bin goes to 0x08000001, where no program can begin"), "{ran:#?}");
    assert!(ran.stderr.contains("error: flash is written, but the target locked up when it was started"), "{ran:#?}");
    let ran = bench.ocd(&["flash", "r.bin@0x08000001", "--json"]).expect(134);
    assert_eq!(ran.lines()[0]["type"], "warning", "{ran:#?}");
    assert_eq!(ran.error()["id"], "ocd.flash.lockup");
    // They are data then, and nothing is wrong with that.
    bench.ocd(&["flash", "r.bin@0x08000001", "--reset", "halt"]).expect(0);
    let ran = bench.ocd(&["flash", "r.bin@0x08000004", "--reset", "none"]).expect(0);
    assert!(!ran.stderr.contains("warning"), "{ran:#?}");
}

#[test]
fn elf_file_of_another_machine_is_told() {
    let bench = Bench::new();
    let file = |name: &str| format!("{}/tests/images/{name}", env!("CARGO_MANIFEST_DIR"));
    let ran = bench.ocd(&["flash", &file("riscv64.elf"), "--reset", "halt"]).expect(0);
    let told = "riscv64.elf is for another machine (ELF machine 243), and stm32f1x.cpu is a Cortex-M\n";
    assert!(ran.stderr.contains(told), "{ran:#?}");
    let ran = bench.ocd(&["flash", &file("crash/crash.elf"), "--reset", "halt"]).expect(0);
    assert!(!ran.stderr.contains("warning"), "{ran:#?}");
}

#[test]
fn a_program_that_crashes_into_a_breakpoint_of_its_handler_is_no_success() {
    let bench = Bench::new();
    // The reset handler is `udf #0` at 0x40. HardFault's is at 0x44: `bkpt 0xab`, `bkpt 0`, or
    // `movs r0, #4; mov r1, pc; bkpt 0xab`.
    for handler in [&[0xbeab_u16][..], &[0xbe00], &[0x2004, 0x4679, 0xbeab]] {
        let mut program: Vec<u8> =
            [0x2000_1000_u32, 0x0800_0041, 0, 0x0800_0045].into_iter().flat_map(u32::to_le_bytes).collect();
        program.resize(0x40, 0);
        program
            .extend([0xde00_u16, 0xde00].iter().chain(handler).chain(&[0xe7fe; 8]).flat_map(|half| half.to_le_bytes()));
        bench.file("crashes.bin", program);
        let ran = bench.ocd(&["flash", "crashes.bin@0x08000000", "--json"]).expect(134);
        assert_eq!(ran.error()["id"], "ocd.flash.crash", "{handler:x?}: {ran:#?}");
    }
}

#[test]
fn a_usb_location_that_cannot_be_compared_is_refused() {
    let bench = Bench::new();
    bench.file("app.bin", noise(12, 64));
    let session = bench.session();
    let arguments = ["flash", "app.bin@0x08004000", "--usb-location", "1-2.3", "--json"];
    assert_eq!(bench.ocd_on(&session, &arguments).expect(72).error()["id"], "ocd.probe.unknown");
    assert_eq!(held(&bench, APP, 64), [0xff; 64]);
}
