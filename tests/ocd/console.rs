//! `rtt` and `semihosting`: consoles of a target that runs.

use virtual_chip::{CoreState, firmware};

use crate::bench::{Bench, Ran};
use crate::running::Running;

const RAM: &str = "0x2000_0000+20K";
const PREBUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/prebuilt/");
const COUNTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");

fn last(ran: &Ran) -> &str {
    ran.stderr.lines().last().unwrap_or_default()
}

#[test]
fn rtt_prints_the_channel_and_sends_it_standard_input() {
    let bench = Bench::new();
    bench.chip.load_firmware(firmware::rtt::IMAGE);
    let resets = bench.chip.reset_count();
    let mut running = Running::start(&mut bench.board_command(&["rtt", "--ram", RAM]));
    running.write("hello\n");
    running.line_with("hello");
    running.write("again\n");
    running.line_with("again");
    assert_eq!((bench.chip.state(), bench.chip.reset_count()), (CoreState::Running, resets));
    running.signal("INT");
    let ran = running.end().expect(130);
    assert_eq!(ran.stderr, "error: interrupted\n");
    assert_eq!(bench.chip.state(), CoreState::Running);
}

#[test]
fn rtt_is_found_by_the_symbol_of_the_elf_file() {
    let bench = Bench::new();
    let elf = format!("{PREBUILT}rtt_plain.elf");
    bench.chip.load_elf(&std::fs::read(&elf).unwrap());
    // The end of input ends nothing: the target goes on.
    let ran = bench.ocd(&["rtt", "--elf", &elf, "--timeout", "3s", "--json"]).expect(124);
    let lines = ran.lines();
    assert!(lines.iter().any(|line| line["type"] == "output" && line["event"]["text"] == "hello over RTT"), "{ran:?}");
    assert_eq!(ran.error()["id"], "ocd.timeout");

    let ran = bench.ocd(&["rtt", "--elf", &elf, "--channel", "9", "--timeout", "3s"]).expect(73);
    assert!(ran.stderr.contains("up-channel 9"), "{ran:?}");

    let ran = bench.ocd(&["rtt", "--elf", &elf, "--list"]).expect(0);
    assert!(ran.stdout.starts_with("up 0: "), "{ran:?}");
    let result = bench.ocd(&["rtt", "--elf", &elf, "--list", "--json"]).expect(0).result();
    assert_eq!(result["up"][0]["number"], 0, "{result}");
}

#[test]
fn rtt_needs_to_know_where_it_is() {
    let bench = Bench::new();
    let ran = bench.ocd_alone(&["rtt", "--config", "x"]).expect(64);
    assert!(ran.stderr.contains("--elf FILE") && ran.stderr.contains("--ram"), "{ran:?}");
    bench.ocd_alone(&["rtt", "--config", "x", "--ram", "0x100"]).expect(64);
    let ran = bench.ocd(&["rtt", "--elf", COUNTER]).expect(71);
    assert!(ran.stderr.contains("lacks the symbol _SEGGER_RTT"), "{ran:?}");
    let ran = bench.ocd(&["rtt", "--elf", COUNTER, "--openocd", "/nonexistent"]).expect(71);
    assert!(ran.stderr.contains("lacks the symbol _SEGGER_RTT"), "{ran:?}");
    // No firmware makes a control block.
    let ran = bench.ocd(&["rtt", "--ram", RAM, "--timeout", "2s"]).expect(124);
    assert!(ran.stderr.contains("no RTT control block yet"), "{ran:?}");
}

#[test]
fn semihosting_passes_output_input_command_line_and_status() {
    let bench = Bench::new();
    let elf = format!("{PREBUILT}prints.elf");
    let mut server = Running::start(&mut bench.board_command(&["server", "--tcl-port", "0", "--gdb-port", "0"]));
    let address = server.line_with("tcl ").split_once(' ').unwrap().1.to_owned();
    bench.chip.load_elf(&std::fs::read(elf).unwrap());
    bench.ocd_alone(&["--connect", &address, "reset", "halt"]).expect(0);
    let arguments = ["--connect", &address, "semihosting", "--", "prints", "--fast"];
    let mut running = Running::start(&mut bench.command(&arguments));
    running.write("some input\n");
    running.close_stdin();
    bench.ocd_alone(&["--connect", &address, "resume"]).expect(0);
    running.line_with("argument --fast");
    running.line_with("some input");
    let ran = running.end().expect(0);
    assert_eq!(last(&ran), "the firmware exited with status 0 (exit status 0, of the firmware)");

    bench.chip.load_elf(&std::fs::read(format!("{PREBUILT}exits.elf")).unwrap());
    bench.ocd_alone(&["--connect", &address, "reset", "halt"]).expect(0);
    let mut running = Running::start(&mut bench.command(&["--connect", &address, "semihosting", "--json"]));
    bench.ocd_alone(&["--connect", &address, "resume"]).expect(0);
    let ran = running.end().expect(7);
    assert_eq!(ran.lines().last().unwrap()["whose"], "firmware");
    assert_eq!(ran.result()["exit"]["status"], 7);

    // Away from the call that ended it.
    bench.ocd_alone(&["--connect", &address, "reset", "halt"]).expect(0);
    let ran = bench.ocd_alone(&["--connect", &address, "semihosting", "--timeout", "1s"]).expect(124);
    assert!(ran.stderr.contains("the time of 1s is over"), "{ran:?}");
    bench.ocd_alone(&["--connect", &address, "semihosting", "--files", "nowhere"]).expect(71);
}

#[test]
fn beginning_of_a_line_is_shown_also_if_openocd_dies() {
    let elf = format!("{PREBUILT}prints.elf");
    for arguments in [&["run", "--input", "-", &elf][..], &["semihosting"]] {
        let bench = Bench::new();
        let mut server = Running::start(&mut bench.board_command(&["server", "--tcl-port", "0", "--gdb-port", "0"]));
        let address = server.line_with("tcl ").split_once(' ').unwrap().1.to_owned();
        bench.chip.load_elf(&std::fs::read(&elf).unwrap());
        bench.ocd_alone(&["--connect", &address, "reset", "halt"]).expect(0);
        let mut running = Running::start(&mut bench.command(&[&["--json", "--connect", &address], arguments].concat()));
        if arguments == ["semihosting"] {
            std::thread::sleep(std::time::Duration::from_millis(500));
            bench.ocd_alone(&["--connect", &address, "resume"]).expect(0);
        }
        running.line_with("hello over semihosting");
        // The firmware prints what it reads.
        running.write("partial");
        std::thread::sleep(std::time::Duration::from_secs(1));
        let openocd = server.openocd().to_string();
        assert!(std::process::Command::new("kill").args(["-9", &openocd]).status().unwrap().success());
        let ran = running.end().expect(76);
        let lines = ran.lines();
        let texts: Vec<_> = lines.iter().filter_map(|line| line["event"]["text"].as_str()).collect();
        assert!(texts.iter().any(|text| text.ends_with("partial")), "{arguments:?}: {texts:?}");
    }
}

#[test]
fn input_that_the_firmware_does_not_take_delays_neither_a_signal_nor_the_end() {
    let bench = Bench::new();
    bench.chip.load_firmware(firmware::rtt::IMAGE);
    let mut server = Running::start(&mut bench.board_command(&["server", "--tcl-port", "0", "--gdb-port", "0"]));
    let address = server.line_with("tcl ").split_once(' ').unwrap().1.to_owned();
    bench.ocd_alone(&["--connect", &address, "reset"]).expect(0);
    std::thread::sleep(std::time::Duration::from_millis(300));
    bench.ocd_alone(&["--connect", &address, "halt"]).expect(0);
    for (signal, status) in [(false, 124), (true, 130)] {
        let begin = std::time::Instant::now();
        let limit = if signal { "60s" } else { "2s" };
        let arguments = ["--connect", &address, "rtt", "--ram", RAM, "--timeout", limit];
        let mut running = Running::start(&mut bench.command(&arguments));
        running.write(&"a".repeat(20_000));
        if signal {
            std::thread::sleep(std::time::Duration::from_secs(2));
            running.signal("INT");
        }
        let ran = running.end().expect(status);
        assert!(begin.elapsed() < std::time::Duration::from_secs(7), "{:?}", begin.elapsed());
        assert!(ran.stderr.contains("bytes of standard input, the firmware took only"), "{ran:#?}");
    }
}

#[test]
fn input_waits_for_an_openocd_that_is_busy() {
    let bench = Bench::new();
    bench.chip.load_firmware(firmware::rtt::IMAGE);
    let session = bench.session();
    let address = session.process().unwrap().tcl_address().to_string();
    let mut running = Running::start(&mut bench.command(&["--connect", &address, "rtt", "--ram", RAM]));
    running.write("hello\n");
    running.line_with("hello");
    std::thread::scope(|scope| {
        scope.spawn(|| session.command("sleep 3000 busy").unwrap());
        std::thread::sleep(std::time::Duration::from_millis(300));
        running.write("again\n");
        running.line_with("again");
    });
    running.signal("INT");
    let ran = running.end().expect(130);
    // Once.
    assert!(!ran.stdout.contains("again"), "{ran:#?}");
}

#[test]
fn input_that_the_firmware_never_takes_is_told() {
    let bench = Bench::new();
    bench.chip.load_firmware(firmware::rtt::IMAGE);
    let session = bench.session();
    std::thread::sleep(std::time::Duration::from_millis(300));
    session.target().halt().unwrap();
    let address = session.process().unwrap().tcl_address().to_string();
    let mut running = Running::start(&mut bench.command(&["--connect", &address, "rtt", "--ram", RAM]));
    running.write(&"a".repeat(2000));
    running.close_stdin();
    let ran = running.end().expect(73);
    let told = "of 2000 bytes, and no more within 10s: the firmware does not read them";
    assert!(ran.stderr.contains(told) && !ran.stderr.contains("only 0 of"), "{ran:#?}");
}

#[test]
fn input_for_a_channel_that_only_prints_is_told() {
    let bench = Bench::new();
    let elf = format!("{PREBUILT}rtt_plain.elf");
    bench.ocd(&["flash", &elf]).expect(0);
    let mut running =
        Running::start(&mut bench.board_command(&["rtt", "--elf", &elf, "--channel", "1", "--timeout", "3s"]));
    running.write("lost\n");
    let ran = running.end().expect(124);
    assert!(ran.stderr.contains("warning: the firmware has no down-channel 1"), "{ran:#?}");
}

#[test]
fn consoles_that_overlap_leave_the_polling_interval_as_it_was() {
    let bench = Bench::new();
    bench.chip.load_firmware(firmware::rtt::IMAGE);
    let session = bench.session();
    let interval = || session.target().rtt().polling_interval().unwrap();
    let before = interval();
    let address = session.process().unwrap().tcl_address().to_string();
    let start = || {
        let mut running = Running::start(&mut bench.command(&["--connect", &address, "rtt", "--ram", RAM]));
        running.write("hello\n");
        running.line_with("hello");
        running
    };
    for first_ends_first in [true, false] {
        let mut all = [start(), start()];
        assert_ne!(interval(), before);
        if !first_ends_first {
            all.reverse();
        }
        for mut running in all {
            running.signal("INT");
            running.end().expect(130);
        }
        assert_eq!(interval(), before, "{first_ends_first}");
    }
}
