//! The TAPs: listing, declaring, switching, checking.

use openocd::{JtagError, NewTap, OpenOcdBuilder, OpenOcdProcess, Refused, Session};
use virtual_chip::{Model, VirtualBoard, VirtualChip};

use super::{BS, CPU, IDCODE, bits, jtag_board, jtag_board_with, jtag_error};
use crate::board::{Board, INSTALL, PATIENCE, interpreter};

fn start(openocd: OpenOcdBuilder) -> Session {
    let session = Session::builder().timeout(PATIENCE).start(openocd.ready_timeout(PATIENCE));
    session.unwrap_or_else(|error| panic!("{INSTALL}\n{error}"))
}

/// The chip with two more TAPs, which are behind a router that does not put them into the chain:
/// one can be switched, one lacks the handlers for it.
fn routed() -> Board {
    let taps = "jtag newtap x core -irlen 8 -disable;\
        jtag newtap x dsp -irlen 5 -ircapture 0x1 -irmask 0x1f -disable -ignore-version \
        -expected-id 0x32345671 -expected-id 0x42345671;\
        foreach event {tap-enable tap-disable} {jtag configure x.core -event $event {}}";
    jtag_board_with(|openocd| openocd.command(taps))
}

#[test]
fn the_chain_is_listed_as_it_is_configured_and_answers() {
    let board = jtag_board();
    let taps = board.session.jtag().scan_chain().unwrap();
    let [cpu, bs] = &taps[..] else { panic!("{taps:?}") };
    assert_eq!((cpu.position, &*cpu.name, cpu.enabled), (0, CPU, true));
    assert_eq!((cpu.idcode, &cpu.expected_ids[..]), (Some(0x3ba0_0477), &[0x3ba0_0477][..]));
    assert_eq!((cpu.ir_length, cpu.ir_capture, cpu.ir_mask), (4, 1, 0xf));
    assert_eq!((bs.position, &*bs.name, bs.idcode), (1, BS, Some(0x1641_0041)));
    assert!(bs.expected_ids.is_empty() && !bs.ignore_version);
    assert_eq!((bs.ir_length, bs.ir_capture, bs.ir_mask), (5, 1, 3));
    assert_eq!(board.session.jtag().tap_names().unwrap(), [CPU, BS]);
}

#[test]
fn disabled_taps_and_those_without_idcode_are_listed() {
    let board = routed();
    let taps = board.session.jtag().scan_chain().unwrap();
    let [_, _, core, dsp] = &taps[..] else { panic!("{taps:?}") };
    assert_eq!((&*core.name, core.enabled, core.idcode, core.ir_length), ("x.core", false, None, 8));
    assert!(core.expected_ids.is_empty());
    assert_eq!((&dsp.expected_ids[..], dsp.ignore_version), (&[0x0234_5671, 0x0234_5671][..], true));
    assert_eq!((dsp.ir_length, dsp.ir_capture, dsp.ir_mask), (5, 1, 0x1f));
    assert_eq!(board.session.jtag().tap_names().unwrap(), [CPU, BS, "x.core", "x.dsp"]);
}

#[test]
fn undeclared_taps_are_listed_if_they_answer() {
    let chip = VirtualChip::start().unwrap();
    let adapter = chip.openocd_config().replace("-f target/stm32f1x.cfg", "");
    let openocd = || OpenOcdProcess::builder().config(&adapter).command("adapter speed 1000");
    let session = start(openocd());
    let taps = session.jtag().scan_chain().unwrap();
    let listed: Vec<_> = taps.iter().map(|tap| (&*tap.name, tap.idcode, tap.ir_length)).collect();
    assert_eq!(listed, [("auto0.tap", Some(0x3ba0_0477), 4), ("auto1.tap", Some(0x1641_0041), 5)]);
    assert_eq!(session.jtag().scan("auto1.tap", IDCODE, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
    drop(session);
    // The declared TAP's instruction register is not that long, so those of the others are not
    // measured: newer OpenOCD would abort over them.
    let session = start(openocd().command("jtag newtap x cpu -irlen 4 -ircapture 0xf -irmask 0xf").command("noinit"));
    session.execute("init").unwrap();
    for error in [jtag_error(session.jtag().scan_chain()), jtag_error(session.jtag().irscan("auto0.tap", 1))] {
        assert!(matches!(&error, JtagError::ChainMismatch { .. }), "{error:?}");
    }
    assert_eq!(session.command("expr 1").unwrap(), "1");
}

#[test]
fn a_longer_chain_is_listed_from_tdo() {
    let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvHart, Model::Stm32f103]).unwrap();
    let session = start(OpenOcdProcess::builder().config(board.openocd_config()));
    let taps = session.jtag().scan_chain().unwrap();
    let listed: Vec<_> = taps.iter().map(|tap| (tap.position, &*tap.name, tap.idcode)).collect();
    assert_eq!(
        listed,
        [
            (0, "chip1.cpu", Some(0x3ba0_0477)),
            (1, "chip1.bs", Some(0x1641_0041)),
            (2, "hart0.cpu", Some(0x1000_1913)),
            (3, "chip0.cpu", Some(0x3ba0_0477)),
            (4, "chip0.bs", Some(0x1641_0041)),
        ]
    );
    // Each of the two boundary scan TAPs reaches its own chip.
    board.chips()[0].boundary().set_level(3, true);
    board.chips()[1].boundary().set_level(4, true);
    for (tap, pins) in [("chip0.bs", 8), ("chip1.bs", 16)] {
        let captured = session.jtag().scan(tap, 2, &[bits(0, 232)]).unwrap();
        assert_eq!(captured[0].to_u64(), Some(pins), "{tap}");
    }
}

#[test]
fn a_tap_is_switched_and_disabled_ones_are_not_scanned() {
    let board = routed();
    let jtag = board.session.jtag();
    assert!(!jtag.is_enabled("x.core").unwrap() && jtag.is_enabled(BS).unwrap());
    for error in [
        jtag_error(jtag.irscan("x.core", 1)),
        jtag_error(jtag.drscan("x.core", &[bits(0, 8)])),
        jtag_error(jtag.scan("x.core", 1, &[bits(0, 8)])),
        jtag_error(jtag.svf("/dev/null").tap("x.core").run()),
    ] {
        assert!(matches!(&error, JtagError::TapDisabled { tap } if tap == "x.core"), "{error:?}");
    }
    jtag.enable_tap(BS).unwrap();
    jtag.disable_tap("x.dsp").unwrap();
    // Without a handler for it OpenOCD can't.
    for error in [jtag_error(jtag.disable_tap(BS)), jtag_error(jtag.enable_tap("x.dsp"))] {
        assert!(matches!(error, JtagError::Refused { .. }), "{error:?}");
        assert!(error.to_string().contains("able TAP "), "{error}");
    }
    assert!(jtag.is_enabled(BS).unwrap());
    for error in [jtag_error(jtag.enable_tap("c.cpu")), jtag_error(jtag.disable_tap("0"))] {
        assert!(matches!(&error, JtagError::UnknownTap { known, .. } if known.len() == 4), "{error:?}");
    }
    assert!(matches!(jtag_error(jtag.is_enabled("c.cpu")), JtagError::UnknownTap { .. }));
    for _ in 0..2 {
        jtag.enable_tap("x.core").unwrap();
        assert!(jtag.is_enabled("x.core").unwrap());
    }
    for _ in 0..2 {
        jtag.disable_tap("x.core").unwrap();
        assert!(!jtag.is_enabled("x.core").unwrap());
    }
    assert_eq!(jtag.scan(BS, IDCODE, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
}

#[test]
fn taps_are_declared_before_init_only() {
    let session = start(OpenOcdProcess::builder().command("adapter driver dummy").command("noinit"));
    let jtag = session.jtag();
    let tap = NewTap::new("chip", "cpu", 4).expected_id(0x3ba0_0477).ir_capture(1, 0xf).ignore_version();
    jtag.new_tap(&tap).unwrap();
    jtag.new_tap(&NewTap::new("chip", "bs", 5).disabled()).unwrap();
    assert_eq!(jtag.tap_names().unwrap(), ["chip.cpu", "chip.bs"]);
    let taps = jtag.scan_chain().unwrap();
    assert_eq!((taps[0].ir_length, taps[0].ir_mask, taps[0].expected_ids[0]), (4, 0xf, 0x0ba0_0477));
    assert!(taps[0].ignore_version && taps[0].enabled && !taps[1].enabled);
    // OpenOCD would take the name twice.
    let error = jtag_error(jtag.new_tap(&tap));
    assert!(matches!(&error, JtagError::DuplicateTap { tap } if tap == "chip.cpu"), "{error:?}");
    assert_eq!(jtag.tap_names().unwrap().len(), 2);
    assert!(matches!(jtag_error(jtag.new_tap(&NewTap::new("chip", "[exit]", 4))), JtagError::InvalidArgument { .. }));

    let board = jtag_board();
    let error = jtag_error(board.session.jtag().new_tap(&NewTap::new("chip", "late", 4)));
    let JtagError::Refused(Refused { operation, failure, .. }) = &error else { panic!("{error:?}") };
    assert!(operation.contains("chip.late") && failure.message().contains("before 'init'"), "{error}");
}

#[test]
fn the_chain_is_checked() {
    let board = jtag_board();
    board.session.jtag().arp_init().unwrap();
    board.session.target().halt().unwrap();
    board.chip.faults().power_off();
    let error = jtag_error(board.session.jtag().arp_init());
    assert!(matches!(error, JtagError::ChainMismatch { .. }), "{error:?}");
    assert!(error.to_string().contains("JTAG scan chain interrogation failed: all ones"), "{error}");
    board.chip.faults().power_on();
    board.session.jtag().arp_init().unwrap();
    assert_eq!(board.session.jtag().scan(BS, IDCODE, &[bits(0, 32)]).unwrap()[0].to_u64(), Some(0x1641_0041));
}

#[test]
fn a_foreign_chip_in_the_chain_is_noticed() {
    let chip = VirtualChip::start().unwrap();
    let adapter = chip.openocd_config().replace("-f target/stm32f1x.cfg", "");
    for taps in [
        "jtag newtap x cpu -irlen 4 -expected-id 0x4ba00477; jtag newtap x bs -irlen 5",
        "jtag newtap x cpu -irlen 5; jtag newtap x bs -irlen 4",
        "jtag newtap x cpu -irlen 4; jtag newtap x bs -irlen 5; jtag newtap x more -irlen 5",
    ] {
        let openocd = OpenOcdProcess::builder().config(&adapter).command("adapter speed 1000").command(taps);
        let session = start(openocd.command("noinit"));
        // OpenOCD's own `init` may fail or not; the check must.
        session.execute("init").unwrap();
        let error = jtag_error(session.jtag().arp_init());
        assert!(matches!(error, JtagError::ChainMismatch { .. }), "{taps}: {error:?}");
    }
}

#[test]
fn handlers_of_the_configuration_still_run_when_the_chain_is_checked() {
    let board = jtag_board_with(|openocd| {
        openocd.command("set setups 0; jtag configure stm32f1x.cpu -event setup {incr setups}")
    });
    let setups = || board.session.command("set setups").unwrap().parse::<u32>().unwrap();
    let before = setups();
    board.session.jtag().arp_init().unwrap();
    assert_eq!(setups(), before + 1);
    board.session.command("jtag arp_init").unwrap();
    assert_eq!(setups(), before + 2, "the handler is as it was");
}

#[test]
fn without_a_chain_everything_says_so() {
    // No adapter, so no transport.
    let session = start(OpenOcdProcess::builder().command("noinit"));
    let jtag = session.jtag();
    let errors = [
        jtag_error(jtag.scan_chain()),
        jtag_error(jtag.tap_names()),
        jtag_error(jtag.irscan("a", 1)),
        jtag_error(jtag.drscan("a", &[bits(0, 1)])),
        jtag_error(jtag.runtest(1)),
        jtag_error(jtag.pathmove(&[openocd::TapState::RunTestIdle])),
        jtag_error(jtag.arp_init()),
        jtag_error(jtag.new_tap(&NewTap::new("a", "b", 4))),
        jtag_error(jtag.enable_tap("a")),
    ];
    for error in errors {
        assert!(matches!(&error, JtagError::WrongTransport { transport } if transport == "none"), "{error:?}");
    }
    drop(session);
    // An adapter, but nothing is initialised: OpenOCD refuses.
    let session = interpreter();
    assert!(matches!(jtag_error(session.jtag().irscan("a.cpu", 1)), JtagError::Refused { .. }));
    assert!(matches!(jtag_error(session.jtag().runtest(1)), JtagError::Refused { .. }));
}

#[test]
fn over_another_wire_there_is_no_chain() {
    let openocd = OpenOcdProcess::builder().command("adapter driver hla; transport select hla_swd").command("noinit");
    let session = start(openocd);
    let error = jtag_error(session.jtag().scan_chain());
    // 0.12.0 calls it hla_swd, later ones swd (hla).
    assert!(matches!(&error, JtagError::WrongTransport { transport } if transport.contains("swd")), "{error:?}");
    assert!(error.to_string().starts_with("this call requires JTAG, but the transport is "), "{error}");
}
