//! The page about what is connected.

use virtual_chip::{CoreState, Transport};

use crate::bench::Bench;

#[test]
fn the_page_has_every_part_and_changes_nothing() {
    let bench = Bench::new();
    let ran = bench.ocd(&["info"]).expect(0);
    let titles: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for title in ["OpenOCD", "probe", "chain", "targets", "DAP", "flash"] {
        assert!(titles.contains(&title), "{title} in {ran:?}");
    }
    assert!(ran.stdout.contains("stm32f1x.cpu (cortex_m) is running"), "{ran:?}");
    assert!(ran.stdout.contains("Cortex-M3 FPB (Flash Patch and Breakpoint)"), "{ran:?}");
    assert!(ran.stdout.contains("(0x08000000 to 0x0801ffff), 128 KiB, driver stm32f1x"), "{ran:?}");
    assert_eq!(ran.stderr, "");
    assert_eq!(bench.chip.state(), CoreState::Running);
}

#[test]
fn the_page_is_data_too() {
    let bench = Bench::new();
    bench.chip.halt();
    let page = bench.ocd(&["info", "--json"]).expect(0).result();
    assert_eq!(page["probe"]["driver"], "remote_bitbang");
    assert_eq!(page["targets"][0]["state"], "halted");
    assert!(page["targets"][0]["pc"].as_u64().unwrap() >= 0x0800_0000, "{page}");
    assert_eq!(page["daps"][0]["name"], "stm32f1x.dap");
    assert_eq!(page["flash"][0]["size"], 128 * 1024);
    assert!(page["openocd"]["text"].as_str().unwrap().contains("0.12.0"), "{page}");
}

#[test]
fn what_there_is_none_of_is_said_in_its_place() {
    let bench = Bench::new();
    // No target, so no DAP and no flash.
    let config = bench.chip.openocd_config_over(Transport::Jtag);
    let config = config.split(" -f target/stm32f1x.cfg").next().unwrap();
    let taps = "jtag newtap chip cpu -irlen 4 -expected-id 0x3ba00477; jtag newtap chip bs -irlen 5";
    let config = format!("{config} -c \"{taps}\"");
    let ran = bench.ocd_alone(&["info", "--config", &config]).expect(0);
    assert!(ran.stdout.contains("chip.cpu: 0x3ba00477"), "{ran:?}");
    for missing in ["\ntargets  none\n", "\nDAP      none\n", "\nflash    no banks\n"] {
        assert!(ran.stdout.contains(missing), "{missing:?} in {ran:?}");
    }
}

#[test]
fn a_part_that_fails_does_not_spoil_the_page() {
    let bench = Bench::new();
    let session = bench.session();
    bench.chip.faults().power_off();
    let ran = bench.ocd_on(&session, &["info"]).expect(0);
    assert!(ran.stdout.contains("\nDAP      not available: "), "{ran:?}");
    assert!(ran.stdout.contains("driver     remote_bitbang\n"), "{ran:?}");
    let page = bench.ocd_on(&session, &["info", "--json"]).expect(0).result();
    assert!(page["daps"][0]["unavailable"]["id"].is_string(), "{page}");
}
