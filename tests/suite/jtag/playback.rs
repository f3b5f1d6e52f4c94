//! SVF and XSVF files.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use openocd::{Error, JtagError, OpenOcdProcess, Session, TimeoutError};
use virtual_chip::{BOUNDARY_LENGTH, VirtualHart};

use super::{BS, jtag_board, jtag_board_with, jtag_error};
use crate::board::{Board, PATIENCE};

/// A file of the test's own, deleted at its end.
#[derive(Debug)]
pub(super) struct File(pub(super) PathBuf);

impl File {
    pub(super) fn new(name: &str, contents: impl AsRef<[u8]>) -> File {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("openocd rs [x] {} {number} {name}", std::process::id()));
        fs::write(&path, contents).unwrap();
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Reads the IDCODE, samples the pins, of which cells 0, 4 and 231 should be high, and drives some.
fn vectors(pins: &str) -> String {
    format!(
        "! Checks the boundary scan TAP; this is a comment\n\
         TRST OFF;\n\
         ENDIR IDLE; ENDDR IDLE;\r\n\
         STATE RESET IDLE; // back to IDCODE\n\
         SIR 5 TDI (01);\n\
         SDR 32 TDI (00000000)\n\
         \tTDO (16410041)\n\
         \tMASK (0fffffff);\n\
         SIR 5 TDI (02) TDO (01) MASK (03);\n\
         SDR {BOUNDARY_LENGTH} TDI ({DRIVEN}) TDO ({pins});\n\
         SIR 5 TDI (00); RUNTEST 10 TCK; SIR 5 TDI (02)",
    )
}

const DRIVEN: &str = "0000000000000000000000000000000000000000000000000000000081";
const PINS: &str = "8000000000000000000000000000000000000000000000000000000011";

fn board() -> Board {
    let board = jtag_board();
    for cell in [0, 4, BOUNDARY_LENGTH - 1] {
        board.chip.boundary().set_level(cell, true);
    }
    board
}

#[test]
fn scans_that_would_crash_openocd_are_refused() {
    let board = board();
    for (n, scan) in ["SDR -1 TDI (0);", "SDR 32;"].into_iter().enumerate() {
        let file = File::new(&format!("crash {n}.svf"), format!("STATE RESET IDLE;\n{scan}\n"));
        let error = jtag_error(board.session.jtag().svf(&file.0).run());
        assert!(matches!(error, JtagError::InvalidSvf { line: 2, .. }), "{error}");
    }
    board.session.jtag().arp_init().unwrap();
}

#[test]
fn empty_commands_are_left_out() {
    let board = board();
    let file =
        File::new("empty.svf", ";\nSTATE RESET IDLE;;\nSIR 5 TDI (01); ;\n\n;SDR 32 TDI (00000000) TDO (16410042);");
    let report = board.session.jtag().svf(&file.0).run();
    let JtagError::SvfMismatch { line, .. } = jtag_error(report) else { panic!("it is wrong in line 5") };
    assert_eq!(line, 5);
    let file = File::new("only empty.svf", ";;\n");
    assert_eq!(board.session.jtag().svf(&file.0).run().unwrap().commands, 0);
}

#[test]
fn a_file_that_the_chip_agrees_with_passes() {
    let board = board();
    let file = File::new("good.svf", vectors(PINS) + ";");
    let report = board.session.jtag().svf(&file.0).tap(BS).run().unwrap();
    assert_eq!((report.commands, report.errors), (11, 0));
    assert!(!report.log.contains("SDR"), "quiet: {}", report.log);
    let report =
        board.session.jtag().svf(&file.0).tap(BS).log_commands().log_progress().timeout(PATIENCE).run().unwrap();
    assert!(report.log.contains("SDR 232") && report.log.contains('%'), "{}", report.log);
    // The target is reached as before.
    board.session.target().reexamine().unwrap();
    board.session.target().halt().unwrap();
}

/// OpenOCD would put bits of it into the TAPs around.
#[test]
fn an_instruction_of_another_width_than_the_taps_is_refused() {
    let board = board();
    let file = File::new("width.svf", "SIR 5 TDI (01);\nSIR 9 TDI (001);\n");
    let error = jtag_error(board.session.jtag().svf(&file.0).tap(BS).run());
    assert!(matches!(error, JtagError::InvalidSvf { line: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("9 bits, and the TAP takes 5"), "{error}");
    board.session.jtag().svf(&file.0).run().unwrap();
    let file = File::new("width.xsvf", [0x02, 4, 0x01, 0x00]);
    let error = jtag_error(board.session.jtag().xsvf(&file.0).tap(BS).run());
    assert!(matches!(error, JtagError::InvalidXsvf { offset: 0, .. }), "{error:?}");
}

#[test]
fn a_file_with_a_wrong_tdo_fails_with_its_line() {
    let board = board();
    let wrong = PINS.replace("11", "13");
    let file = File::new("wrong.svf", vectors(&wrong) + ";\n");
    let error = jtag_error(board.session.jtag().svf(&file.0).tap(BS).run());
    let JtagError::SvfMismatch { path, line, wanted, read, failure, .. } = &error else { panic!("{error:?}") };
    assert_eq!((path, *line), (&file.0, 10));
    // The values of the TAP itself: OpenOCD logs them one bit further to the left, as the other
    // TAP, in BYPASS, comes first.
    assert_eq!((wanted, read), (&format!("0x{wrong}"), &format!("0x{PINS}")));
    assert_eq!(failure.code(), -4);
    assert!(error.to_string().contains("wrong.svf: line 10 expected 0x8"), "{error}");
    // The check in line 10 is the only one that fails.
    let report = board.session.jtag().svf(&file.0).tap(BS).ignore_errors().run().unwrap();
    assert_eq!((report.commands, report.errors), (11, 1));
    let [mismatch] = &report.mismatches[..] else { panic!("{report:?}") };
    assert_eq!((mismatch.line, &mismatch.wanted, &mismatch.read), (10, wanted, read));
}

#[test]
fn failed_comparisons_that_are_ignored_have_their_lines() {
    let board = board();
    // Commands of several lines, and several on a line.
    let file = File::new(
        "ignored.svf",
        "! two checks\nSIR 5\n TDI (01);\nSDR 32 TDI (0) TDO (16410042); SDR 32 TDI (0)\n TDO (16410041) MASK (0fffffff);\n\
         SIR 5 TDI (01); SDR 32 TDI (0) TDO (06410043) MASK (0fffffff);\n",
    );
    let report = board.session.jtag().svf(&file.0).tap(BS).ignore_errors().run().unwrap();
    let found: Vec<_> = report.mismatches.iter().map(|found| (found.line, &*found.read)).collect();
    assert_eq!(found, [(4, "0x16410041"), (6, "0x16410041")], "{report:?}");
    assert_eq!(report.mismatches[0].to_string(), "line 4 expected 0x16410042, read 0x16410041");
    assert_eq!(report.errors, 2);
}

#[test]
fn what_openocd_would_leave_out_is_run() {
    let board = board();
    // The wrong check comes after another command on its line, and in a last line without an end.
    for (name, text) in [
        ("second on its line", "SIR 5 TDI (01); SDR 32 TDI (0) TDO (16410042);\n"),
        ("last line", "SIR 5 TDI (01);\nSDR 32 TDI (0) TDO (16410042);"),
    ] {
        let file = File::new(name, text);
        let error = jtag_error(board.session.jtag().svf(&file.0).tap(BS).run());
        assert!(matches!(error, JtagError::SvfMismatch { .. }), "{name}: {error:?}");
    }
    let file = File::new("open.svf", "SIR 5 TDI (01);\n! and now\nSDR 32 TDI (0)\nTDO (16410042)");
    let error = jtag_error(board.session.jtag().svf(&file.0).run());
    assert!(matches!(error, JtagError::Unterminated { line: 3, .. }), "{error:?}");
}

#[test]
fn paths_of_states_are_walked_or_refused_with_their_line() {
    let board = board();
    let play = |states: &str| {
        let file = File::new(
            "path.svf",
            format!("ENDDR IDLE;\n{states}\nSIR 5 TDI (01);\nSDR 32 TDI (0) TDO (16410041) MASK (0fffffff);"),
        );
        board.session.jtag().svf(&file.0).tap(BS).run()
    };
    play("STATE RESET;").unwrap();
    play("STATE IDLE; STATE DRSELECT IRSELECT RESET IDLE;").unwrap();
    play("STATE IDLE; STATE DRSELECT DRCAPTURE DREXIT1 DRPAUSE DREXIT2 DRUPDATE IDLE;").unwrap();
    for path in ["DRSELECT IDLE", "IDLE DRSELECT DRCAPTURE DREXIT1 DRUPDATE DRSELECT IRSELECT RESET"] {
        match jtag_error(play(&format!("STATE {path};"))) {
            JtagError::InvalidSvf { line: 2, .. } => {}
            error => panic!("{error:?}"),
        }
    }
}

#[test]
fn an_empty_file_runs_no_command() {
    let board = board();
    let file = File::new("empty.svf", "! nothing\n");
    assert_eq!(board.session.jtag().svf(&file.0).run().unwrap().commands, 0);
}

#[test]
fn what_cannot_be_played_is_an_error() {
    let board = board();
    let jtag = board.session.jtag();
    let missing = std::env::temp_dir().join("no such file.svf");
    let error = jtag_error(jtag.svf(&missing).run());
    assert!(matches!(&error, JtagError::File { path, .. } if path == &missing), "{error:?}");
    assert!(matches!(jtag_error(jtag.xsvf(&missing).run()), JtagError::File { .. }));
    assert!(matches!(jtag_error(jtag.svf(std::env::temp_dir()).run()), JtagError::File { .. }));

    // No TRST may follow ABSENT.
    let nonsense = File::new("nonsense.svf", "TRST ABSENT;\n\nTRST ON;\nTRST OFF;\n");
    let error = jtag_error(jtag.svf(&nonsense.0).run());
    let JtagError::Playback { line, failure, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*line, failure.code()), (Some(3), -4));
    let good = File::new("for no tap.xsvf", xsvf(0x1641_0041));
    for error in [jtag_error(jtag.svf(&nonsense.0).tap("x.y").run()), jtag_error(jtag.xsvf(&good.0).tap("0").run())] {
        assert!(matches!(error, JtagError::UnknownTap { .. }), "{error:?}");
    }
    let error = jtag_error(jtag.xsvf(&nonsense.0).run());
    assert!(matches!(error, JtagError::InvalidXsvf { offset: 0, .. }), "{error:?}");
}

#[test]
fn a_file_for_one_tap_is_played_while_others_are_disabled() {
    let board = jtag_board_with(|openocd| openocd.command("jtag newtap x core -irlen 8 -disable"));
    let file = File::new("routed.svf", "SIR 5 TDI (01);\nSDR 32 TDI (0) TDO (16410041);\n");
    // OpenOCD's `-tap` counts them.
    assert!(board.session.command(&format!("svf -tap {BS} {{{}}}", file.0.display())).is_err());
    let board = jtag_board_with(|openocd| openocd.command("jtag newtap x core -irlen 8 -disable"));
    let report = board.session.jtag().svf(&file.0).tap(BS).run().unwrap();
    assert_eq!((report.commands, report.errors), (2, 0));
    // For the whole chain: the other TAP's instruction is BYPASS.
    let whole = File::new("whole.svf", "SIR 9 TDI (01F);\nSDR 33 TDI (0) TDO (2c820082) MASK (1fffffffe);\n");
    board.session.jtag().svf(&whole.0).run().unwrap();
}

#[test]
fn a_file_has_a_timeout_of_its_own() {
    let board = board();
    // Not many commands: a busy machine can be through with those before the thread that waits gets
    // its turn, and then the reply is no late one.
    let file = File::new("slow.svf", "SIR 5 TDI (01);\nRUNTEST IDLE 1 TCK 2 SEC ENDSTATE IDLE;\n");
    let error = board.session.jtag().svf(&file.0).tap(BS).timeout(Duration::from_millis(1)).run().unwrap_err();
    assert!(matches!(error, Error::Timeout(TimeoutError::Reply { .. })), "{error:?}");
    // OpenOCD is through with the file some time, and the session goes on.
    assert_eq!(board.session.command("expr 1").unwrap(), "1");
}

#[test]
fn no_temporary_file_stays_behind() {
    let board = board();
    let wrong = File::new("untidy.svf", "SIR 5 TDI (01);\nSDR 32 TDI (0) TDO (1);\n");
    let error = jtag_error(board.session.jtag().svf(&wrong.0).tap(BS).run());
    // OpenOCD logs the name of its copy.
    let log = error.failure().unwrap().log();
    let copy = log.split('"').nth(1).unwrap_or_else(|| panic!("{log}"));
    assert!(copy != wrong.0.to_str().unwrap() && !std::path::Path::new(copy).exists(), "{copy}");
}

/// XSVF (XAPP503): the opcodes that OpenOCD knows, enough to compare an IDCODE.
fn xsvf(idcode: u32) -> Vec<u8> {
    const XCOMPLETE: u8 = 0x00;
    const XTDOMASK: u8 = 0x01;
    const XSIR: u8 = 0x02;
    const XRUNTEST: u8 = 0x04;
    const XREPEAT: u8 = 0x07;
    const XSDRSIZE: u8 = 0x08;
    const XSDRTDO: u8 = 0x09;
    const XSTATE: u8 = 0x12;
    let mut file = vec![XREPEAT, 0, XSTATE, 0, XSTATE, 1, XRUNTEST, 0, 0, 0, 0, XSIR, 5, 1, XSDRSIZE, 0, 0, 0, 32];
    file.push(XTDOMASK);
    file.extend([0xff; 4]);
    file.push(XSDRTDO);
    file.extend([0; 4]);
    file.extend(idcode.to_be_bytes());
    file.push(XCOMPLETE);
    file
}

#[test]
fn an_xsvf_file_passes_or_fails() {
    let board = board();
    let jtag = board.session.jtag();
    let good = File::new("good.xsvf", xsvf(0x1641_0041));
    jtag.xsvf(&good.0).tap(BS).run().unwrap();
    jtag.xsvf(&good.0).tap(BS).log_commands().virt2().timeout(PATIENCE).run().unwrap();
    let wrong = File::new("wrong.xsvf", xsvf(0x1641_0042));
    let error = jtag_error(jtag.xsvf(&wrong.0).tap(BS).run());
    assert!(matches!(&error, JtagError::Playback { failure, .. } if failure.code() == -4), "{error:?}");
}

/// Scans for the whole chain leave OpenOCD's idea of the TAPs' instructions as it was: its next
/// access to the debug port would go through the register that the file selected.
#[test]
fn debug_port_and_memory_are_read_right_after_a_file_for_the_whole_chain() {
    let board = board();
    let session = &board.session;
    board.chip.write_u32(0x2000_0100, 0x1234_5678).unwrap();
    // Both TAPs get BYPASS, of nine bits in all, and two bits are shifted through.
    let mut xsvf = vec![0x07, 0, 0x04, 0, 0, 0, 0, 0x02, 9, 0x01, 0xff];
    xsvf.extend([0x08, 0, 0, 0, 2, 0x01, 0x00, 0x09, 0x00, 0x00, 0x00]);
    let xsvf = File::new("whole chain.xsvf", xsvf);
    // A poll of OpenOCD's own would find the chain first, and mend it.
    let _pause = session.pause_polling().unwrap();
    let svf = File::new("whole chain.svf", "STATE IDLE;\nSIR 9 TDI (1FF);\nSDR 2 TDI (0);\n");
    let status = session.dap().read_dp(4).unwrap();
    for round in 0..6 {
        for play in [&xsvf, &svf] {
            if round % 2 == 0 {
                // The debug port's instruction is the last one that OpenOCD knows of, and the first
                // one that it needs.
                assert_eq!(session.dap().read_dp(4).unwrap(), status, "before round {round}");
            }
            match play.0.extension().and_then(|end| end.to_str()) {
                Some("svf") => drop(session.jtag().svf(&play.0).run().unwrap()),
                _ => session.jtag().xsvf(&play.0).run().unwrap(),
            }
            assert_eq!(session.dap().read_dp(4).unwrap(), status, "after {play:?}, round {round}");
            assert_eq!(session.memory().read_u32(0x2000_0100).unwrap(), 0x1234_5678, "after {play:?}, round {round}");
        }
    }
}

#[test]
fn a_riscv_hart_answers_after_a_file_for_the_whole_chain() {
    let hart = VirtualHart::start().unwrap();
    let openocd = OpenOcdProcess::builder().config(hart.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    let xsvf = [0x07, 0, 0x04, 0, 0, 0, 0, 0x02, 5, 0x1f, 0x08, 0, 0, 0, 1, 0x01, 0, 0x09, 0, 0, 0];
    let xsvf = File::new("hart.xsvf", xsvf);
    let version = session.riscv().dmi_read(0x11).unwrap() & 0xf;
    for round in 0..6 {
        session.jtag().xsvf(&xsvf.0).run().unwrap();
        assert_eq!(session.riscv().dmi_read(0x11).unwrap() & 0xf, version, "round {round}");
        session.target().halt().unwrap();
        session.target().resume().unwrap();
    }
}

#[test]
fn an_endless_file_is_refused() {
    let board = board();
    let error = jtag_error(board.session.jtag().svf("/dev/zero").run());
    assert!(matches!(error, JtagError::FileTooLarge { .. }), "{error:?}");
}

#[test]
fn an_xsvf_file_that_was_cut_is_refused_before_anything_is_sent() {
    let board = board();
    let jtag = board.session.jtag();
    let whole = xsvf(0x1641_0041);
    for (length, begin) in [(0, 0), (12, 11), (19, 19), (24, 24), (30, 24), (33, 33)] {
        let file = File::new(&format!("cut {length}.xsvf"), &whole[..length]);
        let error = jtag_error(jtag.xsvf(&file.0).tap(BS).run());
        assert!(matches!(&error, JtagError::InvalidXsvf { offset, .. } if *offset == begin), "{length}: {error:?}");
        assert!(
            error.to_string().contains(&format!("cut {length}.xsvf: the instruction at byte {begin} is ")),
            "{error}"
        );
    }
}

#[test]
fn without_jtag_there_is_nothing_to_play_on() {
    let session = Session::builder()
        .timeout(PATIENCE)
        .start(OpenOcdProcess::builder().command("noinit").ready_timeout(PATIENCE))
        .unwrap();
    let file = File::new("any.svf", "TRST OFF;\n");
    assert!(matches!(jtag_error(session.jtag().svf(&file.0).run()), JtagError::WrongTransport { .. }));
    let file = File::new("any.xsvf", xsvf(0));
    assert!(matches!(jtag_error(session.jtag().xsvf(&file.0).run()), JtagError::WrongTransport { .. }));
}
