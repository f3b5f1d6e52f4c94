//! The test of RAM.

use crate::bench::Bench;

#[test]
fn good_ram_passes_and_keeps_its_contents() {
    let bench = Bench::new();
    bench.chip.halt();
    let contents: Vec<u8> = (0..=255).cycle().take(512).collect();
    bench.chip.write_memory(0x2000_1000, &contents).unwrap();
    bench.ocd(&["mem", "test", "0x2000_1000", "16"]).expect(0);
    let ran = bench.ocd(&["mem", "test", "0x2000_1000..+512"]).expect(0);
    assert!(ran.stdout.ends_with("0x20001000..0x20001200: passed, contents restored\n"), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 7, "{ran:?}");
    let mut held = vec![0; 512];
    bench.chip.read_memory(0x2000_1000, &mut held).unwrap();
    assert_eq!(held, contents);
}

#[test]
fn words_that_do_not_hold_what_is_written_are_listed() {
    let bench = Bench::new();
    bench.chip.halt();
    // GPIOA.ODR has 16 bits.
    let result = bench.ocd(&["mem", "test", "0x4001_080c..+4", "--json"]).expect(75).result();
    assert_eq!(result["passed"], false);
    let step = &result["steps"][0];
    assert_eq!((&step["name"], &step["wrong"]), (&"data lines".into(), &16.into()), "{result}");
    assert_eq!(step["faults"][0], serde_json::json!({"address": 0x4001_080c_u32, "written": 0x1_0000, "read": 0}));
    let ran = bench.ocd(&["mem", "test", "0x4001_080c..+4"]).expect(75);
    assert!(ran.stdout.contains("wrote 0x55555555, read 0x00005555, bits 0x55550000"), "{ran:?}");
}

#[test]
fn the_ram_of_a_running_target_is_not_touched() {
    let bench = Bench::new();
    bench.chip.write_u32(0x2000_1000, 0x1234).unwrap();
    bench.chip.watch_accesses(0x2000_1000..0x2000_1010);
    let error = bench.ocd(&["mem", "test", "0x2000_1000..+16", "--json"]).expect(73).error();
    assert_eq!(error["id"], "target.not_halted");
    assert!(bench.chip.take_accesses().is_empty());
}

#[test]
fn ram_is_restored_also_after_a_failure() {
    let bench = Bench::new();
    bench.chip.halt();
    bench.chip.write_u32(0x2000_1000, 0x1234).unwrap();
    bench.chip.write_u32(0x2000_1004, 0x5678).unwrap();
    bench.chip.faults().bus_fault_on_write_at(0x2000_1008..0x2000_100c);
    let ran = bench.ocd(&["mem", "test", "0x2000_1000..+16"]).expect(73);
    assert!(ran.stderr.contains("cannot write memory at 0x20001008"), "{ran:?}");
    // The word that cannot be written was never changed.
    assert!(!ran.stderr.contains("do not hold their former contents"), "{ran:?}");
    assert!(!ran.stderr.contains("is written"), "{ran:?}");
    assert!(ran.stderr.contains("0x20001000..0x20001010 holds its former contents"), "{ran:?}");
    assert_eq!(bench.chip.read_u32(0x2000_1000).unwrap(), 0x1234);
    assert_eq!(bench.chip.read_u32(0x2000_1004).unwrap(), 0x5678);
}
