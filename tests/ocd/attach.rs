//! `ocd attach`: watching firmware that runs.

use std::time::Duration;

use openocd::Image;
use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};
use crate::run::firmware;
use crate::running::Running;

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
    assert!(last(&ran).starts_with("the target is halted at 0x08") && !last(&ran).contains("unknown"), "{ran:?}");
    let help = "help: `ocd resume` lets the target run";
    assert!(ran.stderr.contains(help), "{ran:?}");
    let json = bench.ocd(&["attach", &firmware("hangs"), "--timeout", "60", "--json"]).expect(70).result();
    assert_eq!(json["help"], help.strip_prefix("help: ").unwrap());
    // An OpenOCD that halted it knows why.
    let session = bench.session();
    session.target().resume().unwrap();
    session.target().halt().unwrap();
    let ran = bench.ocd_on(&session, &["attach", &firmware("hangs"), "--timeout", "60"]).expect(70);
    assert!(last(&ran).starts_with("the target is halted at 0x08"), "{ran:?}");
    assert!(last(&ran).contains(" (debug-request) (exit status 70"), "{ran:?}");
}

#[test]
fn firmware_that_halts_while_it_is_watched_ends_the_watching() {
    // BKPT, behind an endless loop.
    let bench = waiting(&[0xe7fe, 0xbe00, 0xe7fe], 0x0800_0048, b"");
    let arguments = ["attach", &firmware("prints"), "--trust-file", "--timeout", "30"];
    let mut attached = Running::start(&mut bench.board_command(&arguments));
    release(&bench, &attached, 0x0800_0040, 0xbf00);
    let ran = attached.end().expect(70);
    assert!(last(&ran).starts_with("the target halted at 0x08000042"), "{ran:?}");
    assert!(last(&ran).contains("breakpoint"), "{ran:?}");
}

#[test]
fn log_of_other_firmware_is_not_invented() {
    let bench = running("hangs");
    let resets = bench.chip.reset_count();
    let ran = bench.ocd(&["attach", &firmware("exits"), "--timeout", "2"]).expect(75);
    assert_eq!(ran.stdout, "", "{ran:?}");
    assert!(ran.stderr.contains("the chip holds other firmware"), "{ran:?}");
    let error = bench.ocd(&["attach", &firmware("exits"), "--timeout", "2", "--json"]).expect(75).error();
    assert_eq!(error["id"], "flash.mismatch", "{error}");
    assert_eq!((bench.chip.state(), bench.chip.reset_count()), (CoreState::Running, resets));
    // As for firmware that writes to its own flash.
    let ran = bench.ocd(&["attach", &firmware("exits"), "--timeout", "2", "--trust-file"]).expect(124);
    assert!(ran.stderr.contains("warning: the chip holds other firmware"), "{ran:?}");
}

#[test]
fn line_that_does_not_come_before_the_exit_is_no_success() {
    // SYS_EXIT with success, behind an endless loop.
    let code = [0xe7fe, 0x2018, 0x4900, 0xbeab, 0x0026, 0x0002];
    let bench = waiting(&code, 0x0800_0048, &0x0002_0026_u32.to_le_bytes());
    let arguments = ["attach", &firmware("prints"), "--trust-file", "--until-line", "nothere", "--timeout", "30"];
    let mut attached = Running::start(&mut bench.board_command(&arguments));
    release(&bench, &attached, 0x0800_0040, 0xbf00);
    let ran = attached.end().expect(77);
    assert!(last(&ran).contains("the line of --until-line did not come"), "{ran:?}");
}

#[test]
fn missing_channel_is_told() {
    let bench = running("rtt_plain");
    let ran = bench.ocd(&["attach", &firmware("rtt_plain"), "--channel", "9", "--timeout", "60"]).expect(73);
    assert!(ran.stderr.contains("up-channel 9"), "{ran:?}");
}

#[test]
fn firmware_that_locks_up_is_a_crash() {
    let bench = running("locks_up");
    let ran = bench.ocd(&["attach", &firmware("locks_up"), "--timeout", "60"]).expect(134);
    assert!(last(&ran).starts_with("the firmware crashed"), "{ran:?}");
    assert!(last(&ran).ends_with("(exit status 134, of ocd)"), "{ran:?}");
}

/// A chip with a program of its own, which stays in its first instruction until `release`.
fn waiting(code: &[u16], at: u32, text: &[u8]) -> Bench {
    let bench = Bench::new();
    bench.chip.halt();
    let flash = |address: u32, bytes: &[u8]| bench.chip.write_memory(address, bytes).expect("flash is mapped");
    flash(0x0800_0000, &[0x2000_5000_u32.to_le_bytes(), 0x0800_0041_u32.to_le_bytes()].concat());
    flash(0x0800_0040, &code.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<_>>());
    flash(at, text);
    bench.chip.reset();
    bench.chip.run();
    bench
}

/// Ends an endless loop of one instruction, once `ocd` watches.
fn release(bench: &Bench, running: &Running, address: u32, instruction: u16) {
    running.openocd();
    std::thread::sleep(Duration::from_secs(3));
    // The core does not look again at a loop of one instruction while it runs.
    bench.chip.halt();
    bench.chip.write_memory(address, &instruction.to_le_bytes()).expect("flash is mapped");
    bench.chip.run();
}

#[test]
fn what_rtt_holds_at_the_exit_is_shown() {
    let bench = running("hello");
    let main = u32::try_from(Image::open(firmware("hello")).unwrap().symbol("main").unwrap().address).unwrap();
    bench.chip.halt();
    let mut first = [0; 2];
    bench.chip.read_memory(main, &mut first).unwrap();
    bench.chip.write_memory(main, &0xe7fe_u16.to_le_bytes()).unwrap();
    bench.chip.reset();
    bench.chip.run();
    let mut attached =
        Running::start(&mut bench.board_command(&["attach", &firmware("hello"), "--trust-file", "--timeout", "30"]));
    release(&bench, &attached, main, u16::from_le_bytes(first));
    let ran = attached.end().expect(0);
    assert_eq!(ran.stdout.lines().count(), 5, "{ran:?}");
    assert!(last(&ran).starts_with("the firmware exited with status 0"), "{ran:?}");
}

#[test]
fn all_that_was_printed_before_the_exit_is_shown() {
    // Waits; SYS_WRITE0 of a long text; SYS_EXIT with success.
    let code = [0xe7fe, 0x2004, 0x4902, 0xbeab, 0x2018, 0x4902, 0xbeab, 0xe7fe, 0x0100, 0x0800, 0x0026, 0x0002];
    let text = "0123456789abcde\n".repeat(2500);
    let bench = waiting(&code, 0x0800_0100, &[text.as_bytes(), &[0]].concat());
    let mut attached =
        Running::start(&mut bench.board_command(&["attach", &firmware("prints"), "--trust-file", "--timeout", "30"]));
    release(&bench, &attached, 0x0800_0040, 0xbf00);
    let ran = attached.end().expect(0);
    assert_eq!(ran.stdout.lines().count(), 2500, "{} bytes; {}", ran.stdout.len(), ran.stderr);
}

#[test]
fn firmware_that_prints_all_the_time_is_not_taken_for_halted() {
    // SYS_WRITE0 for ever.
    let bench = waiting(&[0x2004, 0xa101, 0xbeab, 0xe7fb], 0x0800_0048, b"x\n\0");
    let ran = bench.ocd(&["attach", &firmware("prints"), "--trust-file", "--timeout", "2"]).expect(124);
    assert!(ran.stdout.starts_with("x\nx\n"), "{}", ran.stderr);
}

#[test]
fn console_of_rtt_says_that_the_firmware_logs_with_defmt() {
    let bench = running("hangs");
    let note = "note: this firmware logs with defmt: ocd attach FILE";
    let ran = bench.ocd(&["rtt", "--elf", &firmware("hangs"), "--timeout", "2"]).expect(124);
    assert!(ran.stderr.contains(note), "{ran:?}");
    let bench = running("rtt_plain");
    let ran = bench.ocd(&["rtt", "--elf", &firmware("rtt_plain"), "--timeout", "2"]).expect(124);
    assert!(!ran.stderr.contains("defmt"), "{ran:?}");
}
