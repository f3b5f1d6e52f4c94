//! What a start that succeeded says against the configuration.

use openocd::Session;
use virtual_chip::{Transport, VirtualChip};

/// The file of another chip, with which every OpenOCD starts. The newer one would end.
fn of_another_chip(chip: &VirtualChip) -> String {
    let config = chip.openocd_config_over(Transport::Jtag).replace("target/stm32f1x.cfg", "target/stm32f4x.cfg");
    config + " -c 'proc jtag_init {} { catch {jtag arp_init} }'"
}

fn warnings(session: &Session) -> Vec<String> {
    session.process().unwrap().start_warnings().to_vec()
}

const WRONG: &str = "the configuration describes another chip: \
                     TAP stm32f1x.cpu has the identification code 0x3ba00477, expected 0x4ba00477";

#[test]
fn start_with_another_chip_is_a_warning_and_its_tap_is_not_expected() {
    let chip = VirtualChip::start().unwrap();
    let session = Session::start(of_another_chip(&chip)).unwrap();
    assert_eq!(warnings(&session), [WRONG]);
    let taps = session.jtag().scan_chain().unwrap();
    let wrong: Vec<&str> = taps.iter().filter(|tap| !tap.is_expected()).map(|tap| &*tap.name).collect();
    assert_eq!(wrong, ["stm32f1x.cpu"], "{taps:?}");
    drop(session);
    // The right one.
    let session = Session::start(chip.openocd_config_over(Transport::Jtag)).unwrap();
    assert_eq!(warnings(&session), [""; 0]);
    assert!(session.jtag().scan_chain().unwrap().iter().all(openocd::Tap::is_expected));
}

#[test]
fn warning_of_a_start_outlives_the_end_of_the_log() {
    let chip = VirtualChip::start().unwrap();
    let flood = " -c init -c 'for {set i 0} {$i < 400} {incr i} { echo $i }'";
    let session = Session::start(of_another_chip(&chip) + flood).unwrap();
    assert!(session.process().unwrap().log_tail().iter().all(|line| !line.contains("UNEXPECTED")));
    assert_eq!(warnings(&session), [WRONG]);
}

#[test]
fn chain_that_was_examined_at_the_start_is_what_is_listed() {
    let chip = VirtualChip::start().unwrap();
    let config = chip.openocd_config_over(Transport::Jtag);
    let session = Session::start(config).unwrap();
    let before = session.jtag().scan_chain().unwrap();
    chip.faults().power_off();
    assert_eq!(session.jtag().scan_chain().unwrap(), before);
    assert!(session.jtag().arp_init().is_err());
}
