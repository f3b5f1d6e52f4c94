//! Commands of SVF files that OpenOCD would run in another way than they are written.

use std::time::Duration;

use openocd::JtagError;

use super::playback::File;
use super::{BS, jtag_board, jtag_error};
use crate::board::Board;

/// Plays a file for the whole chain, or for one TAP: the numbers of commands and errors.
fn play(board: &Board, text: &str, tap: Option<&str>) -> openocd::Result<(u32, u32)> {
    let file = File::new("commands.svf", text);
    let mut svf = board.session.jtag().svf(&file.0).timeout(Duration::from_secs(20));
    if let Some(tap) = tap {
        svf = svf.tap(tap);
    }
    svf.run().map(|report| (report.commands, report.errors))
}

#[test]
fn commands_that_openocd_would_not_run_as_written_are_refused() {
    let board = jtag_board();
    for command in [
        "RUNTEST 0,3 SEC",
        "RUNTEST O.3 SEC",
        "RUNTEST junk TCK",
        "RUNTEST 100,000 TCK",
        "RUNTEST 3000000000 TCK",
        "RUNTEST 1.5 TCK",
        "RUNTEST 1E3 TCK",
        "RUNTEST -5 TCK",
        "RUNTEST IDLE nan TCK ENDSTATE IDLE",
        "RUNTEST 4294.967296 SEC",
        "RUNTEST -1 SEC",
        "RUNTEST nan SEC",
        "RUNTEST inf SEC",
        "RUNTEST 0x10 SEC",
        "RUNTEST 1E99 SEC",
        "RUNTEST 1 TCK 1,5 SEC",
        "RUNTEST 0.01 SEC MAXIMUM junk SEC",
        "RUNTEST 0.02 SEC MAXIMUM 0.01 SEC",
        "RUNTEST 0.01 SEC MAXIMUM 1",
        "RUNTEST 5",
        "RUNTEST IDLE 5",
        "RUNTEST IDLE",
        "RUNTEST 5 SCK",
        "RUNTEST IRSHIFT 5 TCK",
        "RUNTEST 5 TCK ENDSTATE",
        "RUNTEST 5 TCK ENDSTATE IRSHIFT",
        "RUNTEST 5 TCK 5 TCK",
        "FREQUENCY junk HZ",
        "FREQUENCY -5 HZ",
        "FREQUENCY 0 HZ",
        "FREQUENCY 999 HZ",
        "FREQUENCY 3E9 HZ",
        "FREQUENCY 1000",
        "FREQUENCY 1000 KHZ",
        "SDR 8 TDI (100)",
        "SDR 7 TDI (ff)",
        "SIR 5 TDI (3f)",
        "SDR 8 TDI (0g)",
        "SDR 8 TDI ()",
        "SDR 8 TDI 00",
        "SDR 8 TDI (00) TDO",
        "SDR 8 TDI (00) FOO (00)",
        "SDR 8 TDI (00) TDO (00) TDO (01)",
        "HDR 8 TDI (00) TDO (100)",
        "STATE",
        "STATE FOO",
        "STATE IDLE FOO",
        "STATE IRSHIFT",
        "ENDIR FOO",
        "ENDDR DRSHIFT",
        "ENDDR",
        "TRST",
        "TRST MAYBE",
        "PIO (HL)",
        "PIOMAP (IN A)",
        "FROB 5",
    ] {
        let error = jtag_error(play(&board, &format!("STATE RESET IDLE;\n{command};\n"), Some(BS)));
        assert!(error.to_string().contains("commands.svf: the command in line 2 "), "{command}: {error}");
        assert!(error.failure().is_none(), "{command} was sent: {error}");
    }
    let many = format!("\n\nSTATE {};", "IDLE ".repeat(300));
    assert!(jtag_error(play(&board, &many, None)).to_string().contains("line 3"));
    board.session.jtag().arp_init().unwrap();
}

#[test]
fn commands_that_openocd_runs_as_written_pass() {
    let board = jtag_board();
    let text = "TRST OFF; ENDIR IRPAUSE; ENDDR DRPAUSE; STATE RESET; STATE IDLE;\n\
        STATE DRSELECT DRCAPTURE DREXIT1 DRPAUSE; STATE RESET IDLE;\n\
        RUNTEST 0 TCK; RUNTEST 100 TCK; RUNTEST IDLE 10 TCK 1.00E-002 SEC ENDSTATE IDLE;\n\
        RUNTEST 10 TCK .001 SEC MAXIMUM 1. SEC; runtest drpause 1e-3 sec maximum 1E+0 sec endstate idle;\n\
        RUNTEST 0.5E-7 SEC; RUNTEST 0 SEC;\n\
        HDR 0; HIR 0; TDR 0; TIR 0;\n\
        SIR 5 TDI (00\n01); SDR 32 TDI (0) TDO (16410041) MASK (0fffffff) SMASK (ffffffff);\n";
    let commands = u32::try_from(text.matches(';').count()).unwrap();
    assert_eq!(play(&board, text, Some(BS)).unwrap(), (commands, 0));
}

/// `RUNTEST 0.3 SEC` waits for 0.3 s.
#[test]
fn a_time_passes() {
    let board = jtag_board();
    let begin = std::time::Instant::now();
    play(&board, "RUNTEST 3.0E-1 SEC;", None).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
}

#[test]
fn a_path_that_no_tap_can_take_is_an_error() {
    let board = jtag_board();
    for path in ["IDLE DRPAUSE", "DRSELECT IDLE", "DRSELECT RESET IDLE"] {
        assert!(play(&board, &format!("STATE RESET IDLE; STATE {path};\n"), None).is_err(), "{path}");
    }
}

/// OpenOCD forgets the mask with every scan that compares nothing, and then compares no bit.
#[test]
fn a_mask_stays_in_force_over_a_scan_that_compares_nothing() {
    let board = jtag_board();
    for (text, is_right) in [
        ("SDR 32 TDI (0); SDR 32 TDI (0) TDO (16410042);", false),
        ("SDR 32 TDI (0); SDR 32 TDI (0) TDO (16410041);", true),
        ("SDR 32 TDI (0) MASK (0000000f); SDR 32 TDI (0); SDR 32 TDO (00000002);", false),
        ("SDR 32 TDI (0) MASK (0000000f); SDR 32 TDI (0); SDR 32 TDO (00000001);", true),
        ("SDR 32 TDI (0) TDO (00000001) MASK (f); SDR 32 TDI (0); SDR 32 TDI (0) TDO (ffffff41);", true),
        // Another length, and all bits count again.
        ("SDR 32 TDI (0) TDO (00000001) MASK (f); SDR 31 TDI (0); SDR 31 TDI (0) TDO (16410041);", true),
        ("SDR 32 TDI (0) TDO (00000001) MASK (f); SDR 31 TDI (0); SDR 31 TDI (0) TDO (06410041);", false),
    ] {
        let played = play(&board, &format!("STATE RESET IDLE; SIR 5 TDI (01);\n{text}\n"), Some(BS));
        match played {
            Ok(_) => assert!(is_right, "{text}: no error"),
            Err(error) => {
                assert!(!is_right, "{text}: {error}");
                let error = jtag_error::<()>(Err(error));
                assert!(matches!(&error, JtagError::SvfMismatch { line: 2, .. }), "{text}: {error:?}");
            }
        }
    }
}

/// The chip's TAP for debugging, nearer to TDO, has an instruction register of 4 bits.
const CHAIN: &str = "STATE RESET IDLE; HIR 4 TDI (f); HDR 1 TDI (0); SIR 5 TDI (01);\n";

#[test]
fn comparisons_of_headers_and_trailers_are_made() {
    let board = jtag_board();
    for (text, is_right) in [
        ("SDR 32 TDI (0) TDO (16410041);", true),
        ("HDR 1 TDI (0) TDO (0) MASK (1); SDR 32 TDI (0) TDO (16410041);", true),
        ("HDR 1 TDI (0) TDO (1) MASK (1); SDR 32 TDI (0) TDO (16410041);", false),
        ("HDR 1 TDI (0) TDO (1) MASK (0); SDR 32 TDI (0) TDO (16410041);", true),
        // The trailer gets the first bit that was shifted in, which is the header's.
        ("TDR 1 TDI (1) TDO (0) MASK (1); SDR 32 TDI (ffffffff) TDO (16410041);", true),
        ("TDR 1 TDI (1) TDO (1) MASK (1); SDR 32 TDI (ffffffff) TDO (16410041);", false),
        ("HDR 1 TDI (1); TDR 1 TDI (1) TDO (1) MASK (1); SDR 32 TDI (ffffffff) TDO (16410041);", true),
        // Scans that compare nothing themselves.
        ("HDR 1 TDI (0) TDO (0) MASK (1); SDR 32 TDI (0);", true),
        ("HDR 1 TDI (0) TDO (1) MASK (1); SDR 32 TDI (0);", false),
        ("HDR 1 TDI (0) TDO (1); SDR 32 TDI (0) MASK (ffffffff) SMASK (0);", false),
        ("HDR 1 TDI (0) TDO (1) MASK (1); HDR 1 TDI (0); SDR 32 TDI (0);", true),
        ("HDR 1 TDI (0); HDR 1 TDI (0) TDO (1); SDR 32 TDI (0);", false),
        ("HIR 4 TDI (f) TDO (e) MASK (f); SIR 5 TDI (01);", false),
        ("HIR 4 TDI (f) TDO (1) MASK (f); SIR 5 TDI (01);", true),
        // A header alone.
        ("HDR 33 TDI (0) TDO (02c820082) MASK (1fffffffe); SDR 0;", true),
        ("HDR 33 TDI (0) TDO (02c820084) MASK (1fffffffe); SDR 0;", false),
        ("HDR 1 TDI (0) TDO (0); SDR 32 TDI (0); SDR 32 TDI (0) TDO (16410042);", false),
    ] {
        let played = play(&board, &format!("{CHAIN}{text}\n"), None);
        match played {
            Ok((_, errors)) => assert!(is_right && errors == 0, "{text}: no error"),
            Err(error) => {
                assert!(!is_right, "{text}: {error}");
                let error = jtag_error::<()>(Err(error));
                assert!(matches!(&error, JtagError::SvfMismatch { line: 2, .. }), "{text}: {error:?}");
            }
        }
    }
}

#[test]
fn headers_and_trailers_are_refused_for_one_tap() {
    let board = jtag_board();
    for command in ["HDR 1 TDI (0)", "HIR 4 TDI (f) TDO (e) MASK (f)", "TDR 1 TDI (0)", "TIR 7 TDI (7f)"] {
        let text = format!("STATE RESET IDLE;\n{command};\nSIR 5 TDI (01);\n");
        let error = jtag_error(play(&board, &text, Some(BS)));
        assert!(error.to_string().contains("the command in line 2 "), "{command}: {error}");
        assert!(error.to_string().contains("without `tap`"), "{command}: {error}");
    }
    // All of the chain is the TAP then.
    let text = format!("HDR 0; TDR 0; HIR 0; TIR 0; {IDCODE}");
    assert_eq!(play(&board, &text, Some(BS)).unwrap(), (6, 0));
}

/// Of the boundary scan TAP, which is behind another one.
const IDCODE: &str = "SIR 5 TDI (01);\nSDR 32 TDI (00000000) TDO (16410041) MASK (0fffffff);\n";

/// The same for the whole chain: the other TAP is nearer to TDO.
fn with_headers(idcode: &str) -> String {
    format!("HIR 4 TDI (f);\nHDR 1 TDI (0);\n{idcode}")
}

#[test]
fn headers_are_played_after_a_file_for_one_tap() {
    let board = jtag_board();
    let file = File::new("log.svf", with_headers(IDCODE));
    let log = board.session.jtag().svf(&file.0).run().unwrap().log;
    assert_eq!(log.matches("svf processing file").count(), 1, "{log}");
    for _ in 0..2 {
        assert_eq!(play(&board, IDCODE, Some(BS)).unwrap(), (2, 0));
        assert_eq!(play(&board, &with_headers(IDCODE), None).unwrap(), (4, 0));
    }
    let wrong = IDCODE.replace("16410041", "16410042");
    let JtagError::SvfMismatch { line, wanted, .. } = jtag_error(play(&board, &wrong, Some(BS))) else { panic!() };
    assert_eq!((line, wanted.trim_start_matches("0x")), (2, "16410042"));
}

#[test]
fn headers_that_openocd_leaves_out_are_an_error() {
    let board = jtag_board();
    // As another client may do.
    let file = File::new("idcode.svf", IDCODE);
    board.session.command(&format!("svf -tap {BS} {{{}}}", file.0.display())).unwrap();
    let error = jtag_error(play(&board, &with_headers(IDCODE), None));
    assert!(matches!(error, JtagError::SurroundingsDropped), "{error:?}");
    // Nothing of it is needed here.
    assert_eq!(play(&board, IDCODE, Some(BS)).unwrap(), (2, 0));
    assert_eq!(play(&board, "SIR 9 TDI (01f);\n", None).unwrap(), (1, 0));
    assert_eq!(play(&board, "HIR 0; SIR 9 TDI (01f);\n", None).unwrap(), (2, 0));
    // Also where OpenOCD logs errors alone.
    board.session.command("debug_level 0").unwrap();
    assert!(matches!(jtag_error(play(&board, &with_headers(IDCODE), None)), JtagError::SurroundingsDropped));
}

#[test]
fn all_parts_of_a_path_through_reset_are_played() {
    let board = jtag_board();
    let both = "SDR 64 TDI (0) TDO (164100413ba00477) MASK (0fffffff0fffffff);\n";
    let pause = "DRSELECT DRCAPTURE DREXIT1 DRPAUSE DREXIT2 DRUPDATE DRSELECT";
    for path in [
        format!("STATE IDLE; STATE {pause} IRSELECT RESET IDLE;"),
        "STATE IDLE RESET IDLE;".to_owned(),
        "STATE RUN/IDLE RESET RUN/IDLE; RUNTEST RUN/IDLE 2 TCK ENDSTATE RUN/IDLE;".to_owned(),
        "STATE IDLE; STATE DRSELECT IRSELECT RESET; STATE IDLE;".to_owned(),
    ] {
        // The reset selects the identification codes.
        let text = format!("SIR 9 TDI (1ff);\n{path}\n{both}");
        let commands = u32::try_from(text.matches(';').count()).unwrap();
        assert_eq!(play(&board, &text, None).unwrap(), (commands, 0), "{path}");
    }
    let text = format!("SIR 9 TDI (1ff);\nSTATE IDLE; STATE {pause} IRSELECT RESET IDLE;\nSDR 8 TDI (0) TDO (ff);\n");
    let JtagError::SvfMismatch { line, .. } = jtag_error(play(&board, &text, None)) else { panic!("it is wrong") };
    assert_eq!(line, 3);
}
