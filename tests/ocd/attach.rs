//! `ocd attach`: watching firmware that runs.

use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};
use crate::run::firmware;

/// A chip that runs a prebuilt firmware.
fn running(name: &str) -> Bench {
    let bench = Bench::new();
    bench.chip.load_elf(&std::fs::read(firmware(name)).expect("it is prebuilt"));
    bench.chip.reset();
    bench.chip.run();
    bench
}

fn last(ran: &Ran) -> &str {
    ran.stderr.lines().last().unwrap_or_default()
}

#[test]
fn the_log_of_running_firmware_is_shown_without_a_reset_or_a_halt() {
    let bench = running("hangs");
    let resets = bench.chip.reset_count();
    let ran = bench.ocd(&["attach", &firmware("hangs"), "--until-line", "count", "--timeout", "60"]).expect(0);
    assert!(ran.stdout.contains("count"), "{ran:?}");
    assert!(last(&ran).starts_with("the line came: "), "{ran:?}");
    assert_eq!((bench.chip.state(), bench.chip.reset_count()), (CoreState::Running, resets));
    let ran = bench.ocd(&["attach", &firmware("hangs"), "--timeout", "1"]).expect(124);
    assert!(last(&ran).starts_with("the time is over"), "{ran:?}");
}

#[test]
fn plain_text_of_rtt_is_shown_as_it_is() {
    let bench = running("rtt_plain");
    let ran = bench.ocd(&["attach", &firmware("rtt_plain"), "--until-line", "hello", "--timeout", "60"]).expect(0);
    assert_eq!(ran.stdout, "hello over RTT\n");
}

#[test]
fn firmware_that_is_halted_ends_the_watching() {
    let bench = running("hangs");
    bench.chip.halt();
    let ran = bench.ocd(&["attach", &firmware("hangs"), "--timeout", "60"]).expect(70);
    assert!(last(&ran).starts_with("the target halted"), "{ran:?}");
}

#[test]
fn firmware_that_locks_up_is_a_crash() {
    let bench = running("locks_up");
    let ran = bench.ocd(&["attach", &firmware("locks_up"), "--timeout", "60"]).expect(134);
    assert!(last(&ran).starts_with("the firmware crashed"), "{ran:?}");
}
