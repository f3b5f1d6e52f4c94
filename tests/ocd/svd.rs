//! Peripherals, registers and fields by name.

use crate::bench::{Bench, Ran};

const SVD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");

/// `ocd svd` with the chip's file; no board.
fn alone(bench: &Bench, arguments: &[&str]) -> Ran {
    bench.ocd_alone(&[&["svd", "--svd", SVD], arguments].concat())
}

/// `ocd svd` with the chip's file and the chip.
fn svd(bench: &Bench, arguments: &[&str]) -> Ran {
    bench.ocd(&[&["svd", "--svd", SVD], arguments].concat())
}

#[test]
fn snapshot_goes_to_standard_output_on_demand() {
    let bench = Bench::new();
    let ran = svd(&bench, &["snapshot", "-", "RCC"]).expect(0);
    assert!(ran.stdout.starts_with("openocd-snapshot 1") && ran.stdout.contains("RCC.CR\t0x40021000"), "{ran:?}");
    svd(&bench, &["snapshot", "rcc.txt", "RCC"]).expect(0);
    assert_eq!(std::fs::read_to_string(bench.folder().join("rcc.txt")).unwrap(), ran.stdout);
    svd(&bench, &["snapshot", "-", "--json"]).expect(64);
    bench.ocd(&["core", "-"]).expect(64);
    assert!(!bench.folder().join("-").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn pipe_by_the_name_of_a_device_is_told_as_one() {
    let bench = Bench::new();
    bench.chip.halt();
    for arguments in [
        &["svd", "--svd", SVD, "snapshot", "/dev/stdout"][..],
        &["mem", "dump", "0x20000000", "16", "/dev/stdout"],
        &["read", "0x08000000", "16", "/dev/stdout"],
        &["core", "/dev/stdout"],
    ] {
        let ran = bench.ocd(arguments).expect(71);
        assert!(ran.stderr.contains("it is a FIFO; expected a regular file"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn the_device_is_listed_down_to_the_values_of_a_field() {
    let bench = Bench::new();
    let first = |arguments: &[&str]| alone(&bench, arguments).expect(0).stdout.lines().next().unwrap().to_owned();
    assert_eq!(first(&["list"]), "RCC     0x40021000  Reset and clock control");
    assert_eq!(first(&["list", "rcc"]), "CR        0x40021000  32 bits  read-write  Clock control register");
    assert_eq!(first(&["list", "rcc.cr"]), "25    PLLRDY   read-only   PLL clock ready flag");
    assert_eq!(first(&["list", "RCC.CFGR.SW"]), "0x0  HSI  Internal oscillator");
    let result = alone(&bench, &["list", "--json"]).expect(0).result();
    assert_eq!(result["peripherals"][0]["base_address"], 0x4002_1000);
}

#[test]
fn registers_and_fields_are_read_in_either_case() {
    let bench = Bench::new();
    let ran = svd(&bench, &["read", "rcc.cr"]).expect(0);
    assert!(ran.stdout.starts_with("RCC.CR @ 0x40021000 = 0x00000083"), "{ran:?}");
    assert_eq!(svd(&bench, &["read", "RCC.CR.hsirdy"]).expect(0).stdout, "RCC.CR.HSIRDY = 0x1 (Ready)\n");
    let result = svd(&bench, &["read", "GPIOA.CRL", "--json"]).expect(0).result();
    assert_eq!((&result["value"], &result["peripheral"]), (&0x4444_4444_u32.into(), &"GPIOA".into()));
    let result = svd(&bench, &["read", "GPIOA", "--json"]).expect(0).result();
    assert!(result["registers"].as_array().unwrap().len() > 3, "{result}");
    assert!(result["unread"].as_array().unwrap().iter().any(|unread| unread["name"] == "BSRR"), "{result}");
}

#[test]
fn fields_are_written_by_number_and_by_name_together() {
    let bench = Bench::new();
    bench.chip.watch_accesses(0x4002_1004..0x4002_1008);
    let ran = svd(&bench, &["write", "RCC.CFGR.PLLMUL=mul9", "rcc.cfgr.adcpre=2", "GPIOA.ODR=0x5a5a"]).expect(0);
    assert!(ran.stdout.starts_with("RCC.CFGR @ 0x40021004 = 0x001c8000"), "{ran:?}");
    assert!(ran.stdout.contains("GPIOA.ODR @ 0x4001080c = 0x00005a5a"), "{ran:?}");
    assert_eq!(bench.chip.read_u32(0x4002_1004).unwrap(), 0x001c_8000);
    assert_eq!(bench.chip.read_u32(0x4001_080c).unwrap(), 0x5a5a);
    // Read, write, read back.
    assert_eq!(bench.chip.take_accesses().len(), 3);
    let result = svd(&bench, &["write", "GPIOA.BSRR.BS3=1", "--json"]).expect(0).result();
    assert_eq!(
        (&result["written"], &result["registers"]),
        (&serde_json::json!(["GPIOA.BSRR"]), &serde_json::json!([]))
    );
}

#[test]
fn a_field_that_does_not_take_the_value_is_a_mismatch() {
    let bench = Bench::new();
    // The flash is locked: CR takes nothing but the key's effect.
    let ran = svd(&bench, &["write", "FLASH.CR.PER=1"]);
    assert_eq!(ran.status, 75, "{ran:?}");
    assert!(ran.stderr.contains("FLASH.CR.PER reads 0x0 after 0x1 was written"), "{ran:?}");
    svd(&bench, &["write", "FLASH.CR.PER=1", "--no-verify"]).expect(0);
}

#[test]
fn a_value_is_decoded_without_a_board() {
    let bench = Bench::new();
    let ran = alone(&bench, &["decode", "rcc.cfgr", "0x1c_0000"]).expect(0);
    assert!(ran.stdout.contains("[21:18]  PLLMUL    0x7  Mul9"), "{ran:?}");
    alone(&bench, &["decode", "rcc.cfgr.pllmul", "7"]).expect(64);
}

#[test]
fn unknown_names_are_found_before_openocd_starts() {
    let bench = Bench::new();
    for (arguments, near) in [
        (&["read", "RCD"][..], "near: RCC"),
        (&["read", "RCC.CRR"], "near: CR"),
        (&["read", "RCC.CR.HSEONN"], "near: HSEON"),
        (&["write", "RCC.CFGR.PLLMUL=nine"], "Mul9"),
        (&["write", "RCC=1"], "is a peripheral"),
        (&["write", "RCC.CR"], "is not PATH=VALUE"),
    ] {
        let ran = svd(&bench, &[arguments, &["--openocd", "/nonexistent"]].concat());
        assert_eq!(ran.status, 64, "{arguments:?} {ran:?}");
        assert!(ran.stderr.contains(near), "{arguments:?} {ran:?}");
    }
    let ran = bench.ocd_alone(&["svd", "list"]).expect(64);
    assert!(ran.stderr.contains("--svd FILE"), "{ran:?}");
    bench.ocd_alone(&["svd", "list", "--svd", "absent.svd"]).expect(71);
}

#[test]
fn a_snapshot_is_compared_with_the_board_and_with_another_one() {
    let bench = Bench::new();
    let saved = svd(&bench, &["snapshot", "before.txt", "rcc", "GPIOA", "usart1"]).expect(0);
    assert!(saved.stdout.contains(" to before.txt; ") && saved.stdout.ends_with(" were not read\n"), "{saved:?}");
    let ran = svd(&bench, &["diff", "before.txt"]).expect(0);
    assert!(ran.stdout.starts_with("no differences in "), "{ran:?}");
    svd(&bench, &["write", "GPIOA.ODR=0x8"]).expect(0);
    let ran = svd(&bench, &["diff", "before.txt"]).expect(75);
    assert!(ran.stdout.contains("GPIOA.ODR"), "{ran:?}");
    assert!(ran.stdout.contains("ODR3   0x0         0x1\n"), "{ran:?}");
    svd(&bench, &["snapshot", "after.txt", "RCC", "GPIOA", "USART1"]).expect(0);
    // Two files need no board.
    let result = alone(&bench, &["diff", "before.txt", "after.txt", "--json"]).expect(75).result();
    assert_eq!(result["equal"], false);
    let odr = result["changed"].as_array().unwrap().iter().find(|change| change["path"] == "GPIOA.ODR").unwrap();
    assert_eq!((&odr["before"], &odr["after"]), (&0.into(), &8.into()));
    assert_eq!((&odr["fields"][0]["name"], &odr["fields"][0]["after"]), (&"ODR3".into(), &1.into()));
    bench.ocd_alone(&["svd", "diff", "before.txt", "before.txt"]).expect(0);
}

#[test]
fn a_snapshot_that_cannot_be_taken_or_read_is_a_failure() {
    let bench = Bench::new();
    svd(&bench, &["snapshot", "x.txt", "RCCC", "--openocd", "/nonexistent"]).expect(64);
    let forgotten = svd(&bench, &["snapshot", "rcc", "--openocd", "/nonexistent"]).expect(64);
    assert!(forgotten.stderr.contains("as in `ocd svd snapshot FILE rcc`"), "{}", forgotten.stderr);
    svd(&bench, &["diff", "absent.txt", "--openocd", "/nonexistent"]).expect(71);
    bench.file("broken.txt", "something else\n");
    svd(&bench, &["diff", "broken.txt", "--openocd", "/nonexistent"]).expect(71);
    svd(&bench, &["snapshot", "absent/x.txt", "RCC"]).expect(71);
}

#[test]
fn registers_that_could_not_be_read_are_no_success() {
    let bench = Bench::new();
    svd(&bench, &["snapshot", "good.txt", "GPIOA"]).expect(0);
    bench.chip.faults().bus_fault_at(0x4001_0804..0x4001_0808);
    // The others are shown.
    let ran = svd(&bench, &["read", "GPIOA", "--json"]).expect(73);
    assert_eq!(ran.result()["unread"][0]["name"], "CRH");
    assert!(ran.result()["registers"].as_array().is_some_and(|read| read.len() > 3));
    let ran = svd(&bench, &["diff", "good.txt", "--json"]).expect(75);
    let result = ran.result();
    assert_eq!((&result["equal"], &result["unread_once"][0]["path"]), (&false.into(), &"GPIOA.CRH".into()));
    bench.chip.faults().clear();
    bench.chip.faults().bus_fault_at(0x4001_0800..0x4001_0c00);
    svd(&bench, &["read", "GPIOA"]).expect(73);
    // A file that was there is left as it is.
    for (arguments, message) in [
        (&["snapshot", "good.txt", "GPIOA", "--json"][..], "no register could be read"),
        (&["diff", "good.txt", "--json"], "no register could be compared"),
    ] {
        let error = svd(&bench, arguments).expect(73).error();
        assert_eq!(error["message"], message, "{error}");
        let cause = error["causes"][0].as_str().unwrap_or_default();
        assert!(cause.starts_with("GPIOA.CRL: OpenOCD refused `"), "{error}");
        assert!(error["help"][0].as_str().is_some_and(|help| help.contains("STM32F103")), "{error}");
    }
    bench.chip.faults().clear();
    svd(&bench, &["diff", "good.txt"]).expect(0);
    // What never is read is no failure.
    svd(&bench, &["read", "USART1"]).expect(0);
}

#[test]
fn a_snapshot_without_a_value_names_the_cause() {
    let bench = Bench::new();
    let peripheral = |name: &str, registers: &str| {
        format!("<peripheral><name>{name}</name><baseAddress>0x60000000</baseAddress>{registers}</peripheral>")
    };
    let written = "<register><name>W</name><addressOffset>0</addressOffset><access>write-only</access></register>";
    let refused = "<register><name>R</name><addressOffset>4</addressOffset></register>";
    let peripherals = [
        peripheral("NONE", ""),
        peripheral("WRITTEN", &format!("<registers>{written}</registers>")),
        peripheral("BOTH", &format!("<registers>{written}{refused}</registers>")),
    ];
    let svd =
        format!("<device><name>D</name><size>32</size><peripherals>{}</peripherals></device>", peripherals.concat());
    bench.file("d.svd", svd);
    for (name, cause) in [
        ("NONE", "the SVD file describes no register of the peripherals"),
        ("WRITTEN", "WRITTEN.W: it is write-only"),
        ("BOTH", "BOTH.R: OpenOCD refused `"),
    ] {
        let error = bench.ocd(&["svd", "--svd", "d.svd", "snapshot", "x.txt", name, "--json"]).expect(73).error();
        assert!(error["causes"][0].as_str().is_some_and(|text| text.starts_with(cause)), "{error}");
    }
}

#[test]
fn the_peripherals_of_the_core_need_no_file() {
    let bench = Bench::new();
    let ran = bench.ocd(&["svd", "read", "scb.cpuid"]).expect(0);
    assert!(ran.stdout.starts_with("SCB.CPUID @ 0xe000ed00 = 0x411fc231"), "{ran:?}");
    // Beside a file that lacks them, too.
    let result = svd(&bench, &["read", "SCB.CPUID.PARTNO", "--json"]).expect(0).result();
    assert_eq!(result["value"], 0xc23);
    bench.ocd(&["svd", "read", "RCC", "--openocd", "/nonexistent"]).expect(64);
    bench.ocd(&["svd", "read", "SCB", "--svd", "absent.svd", "--openocd", "/nonexistent"]).expect(71);
}

#[test]
fn peripheral_in_the_place_of_a_register_is_told() {
    let bench = Bench::new();
    for command in [&["mem", "read", "RCC"][..], &["watch", "RCC", "--count", "1"], &["wp", "add", "rcc"]] {
        let ran = bench.ocd_alone(&[command, &["--svd", SVD, "--config", "-f absent.cfg"]].concat()).expect(64);
        assert!(ran.stderr.contains("RCC is a peripheral; expected a register of it, such as RCC.CR"), "{ran:?}");
        assert!(!ran.stderr.contains("no SVD file"), "{ran:?}");
    }
}

#[test]
fn a_peripheral_without_registers_is_told_with_the_mistake_of_the_file() {
    let bench = Bench::new();
    let peripheral = |name: &str, from: &str, base: &str| {
        format!("<peripheral{from}><name>{name}</name><baseAddress>{base}</baseAddress></peripheral>")
    };
    let peripherals = peripheral("P", " derivedFrom=\"NOPE\"", "0x20000000") + &peripheral("E", "", "0x20002000");
    bench.file("empty.svd", format!("<device><name>D</name><peripherals>{peripherals}</peripherals></device>"));
    for command in ["list", "read"] {
        let ran = bench.ocd(&["svd", command, "P", "--svd", "empty.svd"]).expect(0);
        assert!(ran.stderr.contains("warning: P has no registers in the SVD file: "), "{ran:?}");
        assert!(ran.stderr.contains(r#"is derived from "NOPE", which does not exist"#), "{ran:?}");
        let ran = bench.ocd(&["svd", command, "E", "--svd", "empty.svd", "--json"]).expect(0);
        assert_eq!(ran.lines()[0]["event"]["message"], "E has no registers in the SVD file", "{ran:?}");
    }
}

#[test]
fn register_of_a_second_peripheral_of_the_same_name_is_told() {
    let bench = Bench::new();
    let peripheral = |base: &str, register: &str| {
        format!(
            "<peripheral><name>P</name><baseAddress>{base}</baseAddress><registers><register><name>{register}</name>\
             <addressOffset>4</addressOffset><fields><field><name>F</name><bitRange>[0:0]</bitRange></field></fields>\
             </register></registers></peripheral>"
        )
    };
    let peripherals = [peripheral("0x20000000", "A"), peripheral("0x20001000", "S")].concat();
    bench.file("d.svd", format!("<device><name>D</name><peripherals>{peripherals}</peripherals></device>"));
    let told = "the SVD file has 2 peripherals P, and names are looked up in the first, at 0x20000000; another one has S at 0x20001004";
    for command in [
        &["svd", "read", "P.S"][..],
        &["svd", "read", "p.s.f"],
        &["svd", "list", "P.S"],
        &["svd", "write", "P.S.F=1"],
        &["svd", "decode", "P.S", "1"],
        &["mem", "read", "P.S"],
    ] {
        let ran = bench.ocd(&[command, &["--svd", "d.svd"]].concat()).expect(64);
        assert!(ran.stderr.contains(told), "{ran:?}");
    }
    bench.ocd(&["svd", "read", "P.A", "--svd", "d.svd"]).expect(0);
    for unknown in ["P.X", "Q.S", "P.A.G"] {
        let ran = bench.ocd(&["svd", "read", unknown, "--svd", "d.svd"]).expect(64);
        assert!(!ran.stderr.contains("2 peripherals"), "{ran:?}");
    }
}
