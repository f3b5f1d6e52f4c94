//! The example `monitor`: it goes on after each way to lose a board.

#[allow(dead_code, reason = "its `main` is the example's")]
#[path = "../../examples/monitor.rs"]
mod example;

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use example::{Monitor, watch};
use openocd::Session;
use virtual_chip::{VirtualChip, firmware};

const RAM: (u64, u32) = (0x2000_0000, 0x5000);

/// Loses the board after the third sample. The monitor must start anew, and take more samples.
fn goes_on_after(lose: impl FnOnce(&VirtualChip, Session)) {
    let chip = VirtualChip::start().unwrap();
    chip.load_firmware(firmware::rtt::IMAGE);
    let config = chip.openocd_config();
    let open = move || Monitor::open(&config, RAM, firmware::rtt::FLOOD_WRITTEN.into());
    let monitor = open().unwrap();
    let session = monitor.session.clone();
    let (sender, lines) = channel();
    let watching = thread::spawn(move || watch(monitor, open, &sender));
    for _ in 0..3 {
        lines.recv().unwrap();
    }
    lose(&chip, session);
    let begins_anew = |line: &String| line.ends_with(": starting anew");
    let failures = lines.iter().skip_while(|line| !begins_anew(line)).take_while(begins_anew).count();
    assert!(failures > 0 && lines.iter().take(3).all(|line| !begins_anew(&line)));
    drop(lines);
    watching.join().unwrap().unwrap();
}

#[test]
fn monitor_goes_on_after_openocd_was_killed() {
    goes_on_after(|_, session| assert!(session.process().unwrap().kill().is_ok()));
}

#[test]
fn monitor_goes_on_after_the_probe_was_unplugged() {
    goes_on_after(|chip, session| {
        drop(session);
        chip.faults().disconnect();
    });
}

#[test]
fn monitor_goes_on_after_the_power_was_off() {
    goes_on_after(|chip, session| {
        drop(session);
        chip.faults().power_off();
        thread::sleep(Duration::from_millis(500));
        chip.faults().power_on();
    });
}

#[test]
fn monitor_gives_up_where_nothing_answers() {
    let chip = VirtualChip::start().unwrap();
    chip.load_firmware(firmware::rtt::IMAGE);
    let config = chip.openocd_config();
    let (sender, _lines) = channel();
    let open = || Monitor::open(&config, RAM, 0x6000_0000);
    let error = watch(open().unwrap(), open, &sender).unwrap_err();
    assert_eq!(error.id(), "target.memory_read");
}
