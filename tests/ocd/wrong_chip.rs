//! A chip that is not the one of the configuration: OpenOCD 0.12.0 starts all the same.

use openocd::Session;
use virtual_chip::Transport;

use crate::bench::{Bench, Ran};

/// The file of another chip.
fn wrong(bench: &Bench) -> String {
    bench.chip.openocd_config_over(Transport::Jtag).replace("target/stm32f1x.cfg", "target/stm32f4x.cfg")
}

/// Every OpenOCD starts with it. The newer one would end.
fn lenient(bench: &Bench) -> String {
    wrong(bench) + " -c 'proc jtag_init {} { catch {jtag arp_init} }'"
}

fn with(bench: &Bench, config: &str, arguments: &[&str]) -> Ran {
    Ran::of(bench.command(arguments).env("OCD_CONFIG", config))
}

const WARNING: &str = "warning: the configuration describes another chip: \
                       TAP stm32f1x.cpu has the identification code 0x3ba00477, expected 0x4ba00477";

fn warnings(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.contains("warning: ")).collect()
}

#[test]
fn chip_that_is_not_the_one_of_the_configuration_is_told() {
    let bench = Bench::new();
    let config = lenient(&bench);
    for command in [&["halt"][..], &["status"], &["info"], &["scan"], &["regs"], &["mem", "read", "0x20000000"]] {
        let ran = with(&bench, &config, command).expect(0);
        assert_eq!(warnings(&ran), [WARNING], "{command:?}: {ran:#?}");
    }
    let ran = with(&bench, &config, &["status", "--json"]).expect(0);
    assert_eq!(ran.stderr, "");
    let lines = ran.lines();
    assert_eq!((&lines[0]["type"], &lines[1]["type"]), (&"warning".into(), &"result".into()), "{ran:#?}");
    assert_eq!(lines[0]["event"]["message"], WARNING.strip_prefix("warning: ").unwrap());
    // The right one.
    let ran = with(&bench, &bench.chip.openocd_config_over(Transport::Jtag), &["status"]).expect(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn help_for_a_wrong_chip_does_not_name_the_wrong_file() {
    let bench = Bench::new();
    let ran = with(&bench, &wrong(&bench), &["status"]);
    // OpenOCD 0.12.0 starts all the same.
    if ran.status == 0 {
        assert_eq!(warnings(&ran), [WARNING]);
        return;
    }
    let ran = ran.expect(73);
    assert!(ran.stderr.starts_with("error: the configuration describes another chip\n"), "{ran:#?}");
    assert!(!ran.stderr.contains("stm32f4x.cfg"), "{ran:#?}");
}

#[test]
fn failed_handler_of_a_reset_is_told_in_short() {
    let bench = Bench::new();
    bench.file("x.bin", [0, 0x50, 0, 0x20, 0x41, 0, 0, 8]);
    let ran = with(&bench, &lenient(&bench), &["flash", "x.bin@0x08000000"]).expect(73);
    assert!(ran.stderr.lines().all(|line| line.len() < 200), "{ran:#?}");
    assert!(
        ran.stderr.contains("\nerror: the handler of event reset-start failed\n")
            || ran.stderr.contains("\nerror: cannot reset: OpenOCD refused `reset init` (code -4)\n"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains("\n  cause: OpenOCD says: "), "{ran:#?}");
    assert!(ran.stderr.contains("\n  help: the configuration describes another chip: "), "{ran:#?}");
    let error = with(&bench, &lenient(&bench), &["flash", "x.bin@0x08000000", "--json"]).expect(73).error();
    assert!(error["log"].as_array().is_some_and(|lines| lines.len() > 2), "{error}");
}

#[test]
fn line_that_says_why_a_handler_failed_is_told() {
    let bench = Bench::new();
    bench.file("x.bin", [0, 0x50, 0, 0x20, 0x41, 0, 0, 8]);
    for (script, says) in [
        ("error oops", "oops"),
        ("nosuch", "invalid command name \"nosuch\""),
        ("mww 0x60000000 1", "Failed to write memory at 0x60000000"),
    ] {
        let config = bench.config() + &format!(" -c 'stm32f1x.cpu configure -event reset-init {{{script}}}'");
        let ran = with(&bench, &config, &["flash", "x.bin@0x08000000"]).expect(73);
        let told: Vec<&str> = ran.stderr.lines().skip_while(|line| !line.starts_with("error")).collect();
        let expected =
            ["error: the handler of event reset-init failed".to_owned(), format!("  cause: OpenOCD says: {says}")];
        assert_eq!(told[..2], expected, "{ran:#?}");
    }
}

#[test]
fn wrong_chip_is_told_of_an_openocd_that_ran_before() {
    let bench = Bench::new();
    let session = Session::start(lenient(&bench)).unwrap();
    for command in ["scan", "info"] {
        let ran = bench.ocd_on(&session, &[command]).expect(0);
        assert_eq!(warnings(&ran), [WARNING], "{command}: {ran:#?}");
    }
}

#[test]
fn second_probe_of_a_configuration_is_told() {
    let bench = Bench::new();
    let config = "-c 'adapter driver dummy; adapter driver dummy; transport select jtag; noinit'";
    let ran = with(&bench, config, &["cmd", "adapter", "name"]);
    assert_eq!(warnings(&ran).len(), 1, "{ran:#?}");
    assert!(warnings(&ran)[0].contains("the configuration names several debug probes"), "{ran:#?}");
}

#[test]
fn chain_that_does_not_answer_is_told_of_a_start_that_went_on() {
    let bench = Bench::new();
    bench.chip.faults().power_off();
    let probe = bench.chip.openocd_config_over(Transport::Jtag).replace("-f target/stm32f1x.cfg", "");
    let config = probe + " -c 'jtag newtap a b -irlen 5' -c 'proc jtag_init {} { catch {jtag arp_init} }'";
    let ran = with(&bench, &config, &["adapter"]).expect(0);
    assert!(
        warnings(&ran)[0].starts_with("warning: the JTAG chain does not answer: OpenOCD says: JTAG scan chain"),
        "{ran:#?}"
    );
}
