//! The probe, the JTAG chain and the debug access port.

use virtual_chip::Transport;

use crate::bench::{Bench, Ran};

/// `ocd` over JTAG, whatever the suite is about.
fn jtag(bench: &Bench, arguments: &[&str]) -> Ran {
    let mut command = bench.command(arguments);
    Ran::of(command.env("OCD_CONFIG", bench.chip.openocd_config_over(Transport::Jtag)))
}

#[test]
fn the_probe_is_described() {
    let bench = Bench::new();
    let ran = bench.ocd(&["adapter"]).expect(0);
    assert!(ran.stdout.starts_with("driver     remote_bitbang\ntransport  "), "{ran:?}");
    let result = bench.ocd(&["adapter", "info", "--json"]).expect(0).result();
    assert_eq!((&result["driver"], &result["speed_khz"]), (&"remote_bitbang".into(), &serde_json::Value::Null));
}

#[test]
fn the_drivers_of_openocd_need_no_board() {
    let bench = Bench::new();
    let ran = bench.ocd_alone(&["adapter", "drivers"]).expect(0);
    assert!(ran.stdout.lines().any(|line| line.starts_with("cmsis-dap")), "{ran:?}");
    let result = bench.ocd_alone(&["adapter", "drivers", "--json"]).expect(0).result();
    assert!(result["drivers"].as_array().unwrap().len() > 5, "{result}");
}

#[test]
fn a_reset_line_is_driven_if_the_configuration_has_it() {
    let bench = Bench::new();
    let error = bench.ocd(&["adapter", "assert", "srst", "--json"]).expect(71).error();
    assert_eq!(error["id"], "adapter.no_signal");
    let session = bench.session();
    session.command("reset_config srst_only srst_nogate").unwrap();
    let ran = bench.ocd_on(&session, &["adapter", "assert", "srst"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("srst asserted\n", ""));
    let ran = bench.ocd_on(&session, &["adapter", "deassert", "srst"]).expect(0);
    assert_eq!(ran.stdout, "srst deasserted\n");
}

#[test]
fn a_speed_that_the_probe_does_not_have_is_refused() {
    let error = Bench::new().ocd(&["adapter", "speed", "1000", "--json"]).expect(72).error();
    assert_eq!(error["id"], "adapter.fixed_speed");
}

#[test]
fn options_that_change_nothing_are_told() {
    let bench = Bench::new();
    let ran = bench.ocd(&["status", "--speed", "100"]).expect(0);
    assert!(ran.stderr.contains("--speed changes nothing: the driver remote_bitbang has no speed"), "{ran:?}");
    let session = bench.session();
    let ran = bench.ocd_on(&session, &["status", "--speed", "100"]).expect(0);
    assert!(ran.stderr.contains("--speed is for an OpenOCD that ocd starts"), "{ran:?}");
}

#[test]
fn the_chain_is_a_table() {
    let bench = Bench::new();
    let ran = jtag(&bench, &["scan"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{ran:?}");
    assert_eq!(lines[1], "0  stm32f1x.cpu  0x3ba00477  0xba00  4        yes      ARM (0x23b)");
    let result = jtag(&bench, &["scan", "--json"]).expect(0).result();
    assert_eq!(result["taps"][1]["idcode"], 0x1641_0041);
    assert_eq!(result["taps"][1]["manufacturer"]["name"], "STMicroelectronics");
}

#[test]
fn an_svf_file_is_played_and_compared() {
    let bench = Bench::new();
    bench.file("id.svf", "SIR 5 TDI (01); SDR 32 TDI (00000000) TDO (16410041) MASK (0FFFFFFF);");
    let play = |more: &[&str]| jtag(&bench, &[&["svf", "id.svf", "--tap", "stm32f1x.bs"], more].concat());
    assert_eq!(play(&[]).expect(0).stdout, "id.svf: 2 commands done\n");
    bench.file("id.svf", "SIR 5 TDI (01);\nSDR 32 TDI (00000000) TDO (16410043) MASK (0FFFFFFF);\n");
    let error = play(&["--json"]).expect(75).error();
    assert_eq!(error["id"], "jtag.svf_mismatch");
    let ran = play(&["--ignore-errors"]).expect(75);
    let told = "id.svf: 2 commands done, 1 comparison failed\n  line 2 expected 0x16410043, read 0x16410041\n";
    assert_eq!(ran.stdout, told);
    bench.file("id.svf", "SIR 5 TDI (01)");
    play(&[]).expect(71);
    jtag(&bench, &["svf", "absent.svf", "--openocd", "/nonexistent"]).expect(71);
}

#[test]
fn an_xsvf_file_is_played() {
    let bench = Bench::new();
    // XTDOMASK, XSIR and XSDRSIZE are not needed to go to Run-Test/Idle: XSTATE 1, XCOMPLETE.
    bench.file("idle.xsvf", [0x12, 0x01, 0x00]);
    assert_eq!(jtag(&bench, &["xsvf", "idle.xsvf"]).expect(0).stdout, "idle.xsvf: done\n");
    bench.file("cut.xsvf", [0x12, 0x01]);
    jtag(&bench, &["xsvf", "cut.xsvf"]).expect(71);
}

#[test]
fn registers_of_the_debug_access_port_are_read_and_written() {
    let bench = Bench::new();
    assert_eq!(bench.ocd(&["dap", "read", "ap", "0", "0xfc"]).expect(0).stdout, "0x14770011\n");
    let result = bench.ocd(&["dap", "read", "dp", "4", "--json"]).expect(0).result();
    assert_eq!(result["value"].as_u64().unwrap() >> 28, 0xf, "{result}");
    bench.ocd(&["dap", "write", "dp", "0", "0x1e"]).expect(0);
    // TAR and DRW: a word of RAM.
    let session = bench.session();
    let pause = session.pause_polling().unwrap();
    bench.ocd_on(&session, &["dap", "write", "ap", "0", "4", "0x2000_0000"]).expect(0);
    bench.ocd_on(&session, &["dap", "write", "ap", "0", "0xc", "0x1234_5678"]).expect(0);
    pause.resume().unwrap();
    assert_eq!(bench.chip.read_u32(0x2000_0000).unwrap(), 0x1234_5678);
    let error = bench.ocd_on(&session, &["dap", "read", "dp", "5", "--json"]).expect(64).error();
    assert_eq!(error["id"], "dap.invalid_argument");
}

#[test]
fn daps_are_listed_and_described() {
    let bench = Bench::new();
    assert_eq!(bench.ocd(&["dap", "list"]).expect(0).stdout, "stm32f1x.dap\n");
    let ran = bench.ocd(&["dap", "info", "--dap", "stm32f1x.dap"]).expect(0);
    assert!(ran.stdout.contains("Cortex-M3 DWT"), "{ran:?}");
    let result = bench.ocd(&["dap", "info", "--json"]).expect(0).result();
    assert_eq!((&result["name"], &result["is_complete"]), (&"stm32f1x.dap".into(), &true.into()));
    bench.ocd(&["dap", "info", "--dap", "other.dap"]).expect(73);
}
