//! The symbols of the firmware.

use crate::bench::Bench;

const CRASH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/crash/crash.elf");
const RUST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/exits.elf");

fn names(bench: &Bench, arguments: &[&str]) -> Vec<String> {
    let ran = bench.ocd_alone(&[&["symbols", "--elf", CRASH], arguments].concat()).expect(0);
    let name = |line: &str| line.split_whitespace().next_back().unwrap().to_owned();
    ran.stdout.lines().skip(1).map(name).collect()
}

#[test]
fn symbols_are_listed_in_order() {
    let bench = Bench::new();
    let ran = bench.ocd_alone(&["symbols", "inner", "--elf", CRASH]).expect(0);
    assert_eq!(ran.stdout, "address     size  kind      name\n0x0800001c  20    function  inner\n");
    let by_address = names(&bench, &[]);
    assert_eq!(by_address[..3], ["vectors", "inner", "middle"]);
    assert_eq!(names(&bench, &["--sort", "size"])[0], "reset");
    assert_eq!(names(&bench, &["--sort", "name"])[..2], ["hard_fault", "inner"]);
    assert_eq!(names(&bench, &["--kind", "object"]), ["vectors", "values", "where"]);
    assert_eq!(names(&bench, &["INNER"]), ["inner"]);
}

#[test]
fn names_are_demangled_and_both_are_data() {
    let result = Bench::new().ocd_alone(&["symbols", "exits::", "--elf", RUST, "--json"]).expect(0).result();
    let symbol = &result["symbols"][0];
    assert_eq!(symbol["demangled"], "exits::__cortex_m_rt_main");
    assert!(symbol["name"].as_str().unwrap().starts_with('_'), "{symbol}");
    assert_eq!((&symbol["kind"], &symbol["thumb"]), (&"function".into(), &true.into()));
}

#[test]
fn strings_of_defmt_are_no_addresses() {
    const HELLO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/hello.elf");
    let ran = Bench::new().ocd_alone(&["symbols", HELLO]).expect(0);
    let first = ran.stdout.lines().nth(1).unwrap_or_default();
    assert!(first.starts_with("0x08000000"), "{ran:#?}");
    assert!(!ran.stdout.contains("defmt_prim") && !ran.stdout.contains('{'), "{ran:#?}");
}

#[test]
fn a_file_is_needed_that_has_symbols() {
    let bench = Bench::new();
    let ran = bench.ocd_alone(&["symbols"]).expect(64);
    assert!(ran.stderr.contains("--elf FILE"), "{ran:?}");
    bench.file("x.hex", ":020000042000DA\n:020010001234A8\n:00000001FF\n");
    let error = bench.ocd_alone(&["symbols", "--elf", "x.hex", "--json"]).expect(71).error();
    assert_eq!(error["id"], "image.no_symbols");
    let ran = bench.ocd_alone(&["symbols", "absent", "--elf", CRASH]).expect(0);
    assert_eq!(ran.stderr, "no such symbols\n");
}

#[test]
fn firmware_may_be_named_without_its_option() {
    let bench = Bench::new();
    let elf = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");
    let all = bench.ocd_alone(&["symbols", "--elf", elf]).expect(0).stdout;
    assert_eq!(bench.ocd_alone(&["symbols", elf]).expect(0).stdout, all);
    let some = bench.ocd_alone(&["symbols", "--elf", elf, "count"]).expect(0).stdout;
    assert_eq!(bench.ocd_alone(&["symbols", elf, "count"]).expect(0).stdout, some);
    assert!(some.len() < all.len());
    bench.ocd_alone(&["symbols", "missing.elf"]).expect(71);
}
