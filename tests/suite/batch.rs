//! Many calls in one round trip: each its own result or error, and nothing out of step, however
//! large.

mod lost_replies;

use std::time::Duration;

use openocd::{CommandError, Error, NotRunReason, Session, TargetError};
use virtual_chip::{Model, VirtualBoard};

use crate::board::{Board, INSTALL, dummy, interpreter};

const RAM: u64 = 0x2000_0000;

fn not_run(error: &Error) -> Option<NotRunReason> {
    match error {
        Error::Command(CommandError::NotRun { reason, .. }) => Some(*reason),
        _ => None,
    }
}

/// What the chip's RAM holds.
fn held<const N: usize>(board: &Board, offset: u32) -> [u8; N] {
    let mut bytes = [0; N];
    board.chip.read_memory(RAM as u32 + offset, &mut bytes).unwrap();
    bytes
}

#[test]
fn each_call_has_its_own_result_or_its_own_error() {
    let board = Board::halted();
    board.chip.write_memory(RAM as u32, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    let mut batch = board.session.batch();
    let byte = batch.memory().read_u8(RAM + 2);
    let half = batch.memory().read_u16(RAM);
    let missing = batch.memory().read_u32(0x6000_0000);
    let long = batch.memory().read_u64(RAM);
    let bytes = batch.memory().read_bytes(RAM + 1, 6);
    let words = batch.memory().read_u32_vec(RAM, 2);
    let written = batch.memory().write_u16_slice(RAM + 0x100, &[0xaaaa, 0xbbbb]);
    let written_bytes = batch.memory().write_bytes(RAM + 0x105, &[9, 8, 7, 6, 5, 4]);
    let unwritten = batch.memory().write_u8(0x6000_0000, 1);
    let odd = batch.memory().read_u32(RAM + 1);
    let nothing = batch.memory().read_u32_vec(RAM, 0);
    let physical = batch.memory().physical().read_u8(RAM);
    let sp = batch.registers().write("sp", 0x2000_0800_u32);
    let registers = batch.registers().read_many(&["r0", "sp"]);
    let no_register = batch.registers().read("r77");
    let too_wide = batch.registers().write("r1", 1_u64 << 40);
    let text = batch.command("set x {  an error  }");
    let refused = batch.command("echo {what was logged}; return -code error {no luck}");
    let forbidden = batch.command("echo \x1a");
    // What can't be sent is not in it.
    assert_eq!(batch.len(), 16);
    batch.run().unwrap();

    assert_eq!((byte.result().unwrap(), half.result().unwrap()), (3, 0x0201));
    assert_eq!(long.result().unwrap(), 0x0807_0605_0403_0201);
    assert_eq!(bytes.result().unwrap(), [2, 3, 4, 5, 6, 7]);
    assert_eq!(words.result().unwrap(), [0x0403_0201, 0x0807_0605]);
    assert_eq!(nothing.result().unwrap(), [0; 0]);
    assert_eq!(physical.result().unwrap(), 1);
    written.result().unwrap();
    written_bytes.result().unwrap();
    assert_eq!(held::<4>(&board, 0x100), [0xaa, 0xaa, 0xbb, 0xbb]);
    assert_eq!(held::<6>(&board, 0x105), [9, 8, 7, 6, 5, 4]);
    sp.result().unwrap();
    let registers = registers.result().unwrap();
    assert_eq!((&*registers[1].name, registers[1].value.to_u64()), ("sp", Some(0x2000_0800)));
    assert_eq!(text.result().unwrap(), "  an error  ");

    let missing = missing.result().unwrap_err();
    assert!(matches!(missing, Error::Target(TargetError::MemoryRead { address: 0x6000_0000, .. })), "{missing:?}");
    let unwritten = unwritten.result().unwrap_err();
    assert!(matches!(unwritten, Error::Target(TargetError::MemoryWrite { address: 0x6000_0000, .. })), "{unwritten:?}");
    let odd = odd.result().unwrap_err();
    assert!(matches!(odd, Error::Target(TargetError::Misaligned { .. })), "{odd:?}");
    let no_register = no_register.result().unwrap_err();
    assert!(matches!(no_register, Error::Target(TargetError::UnknownRegister { .. })), "{no_register:?}");
    let too_wide = too_wide.result().unwrap_err();
    assert!(matches!(too_wide, Error::Target(TargetError::ValueTooWide { .. })), "{too_wide:?}");
    let refused = refused.result().unwrap_err();
    assert_eq!((refused.message(), refused.code()), (Some("no luck"), Some(1)));
    assert!(refused.log().unwrap().contains("what was logged"), "{refused:?}");
    let forbidden = forbidden.result().unwrap_err();
    assert!(matches!(forbidden, Error::Command(CommandError::ForbiddenByte { byte: 0x1a, .. })), "{forbidden:?}");
}

#[test]
fn a_batch_takes_questions_about_flash() {
    let board = Board::halted();
    let bank = board.session.flash().probe(0).unwrap();
    let mut batch = board.session.batch().timeout(Duration::from_secs(120));
    let banks = batch.flash().banks();
    let info = batch.flash().info(&bank);
    let layout = batch.flash().layout(&bank);
    let mut missing = bank.clone();
    missing.number = 7;
    let missing = batch.flash().layout(&missing);
    batch.run().unwrap();
    assert_eq!(banks.result().unwrap(), [bank]);
    assert_eq!(info.result().unwrap(), board.session.flash().info(0).unwrap());
    assert_eq!(layout.result().unwrap().sectors.len(), 128);
    let missing = missing.result().unwrap_err();
    assert!(matches!(missing, Error::Flash(openocd::FlashError::Info { .. })), "{missing:?}");
}

#[test]
fn the_first_error_stops_the_rest_if_asked_to() {
    let board = Board::halted();
    let mut batch = board.session.batch().stop_at_first_error();
    let first = batch.memory().write_u32(RAM, 1);
    let second = batch.memory().write_u32(0x6000_0000, 2);
    let third = batch.memory().write_u32(RAM, 3);
    batch.run().unwrap();
    first.result().unwrap();
    assert!(matches!(second.result(), Err(Error::Target(TargetError::MemoryWrite { .. }))));
    let third = third.result().unwrap_err();
    assert_eq!(not_run(&third), Some(NotRunReason::EarlierCallFailed), "{third:?}");
    assert!(third.to_string().contains("write_memory 0x20000000 32 {0x3}"), "{third}");
    assert_eq!(board.chip.read_u32(RAM as u32).unwrap(), 1);
}

/// Puts `failing` between two writes: the first one is done, the second is not.
#[track_caller]
fn stops<T>(board: &Board, failing: impl FnOnce(&mut openocd::Batch<'_>) -> openocd::Handle<T>) -> Error {
    let mut batch = board.session.batch().stop_at_first_error();
    let first = batch.memory().write_u32(RAM, 1);
    let failed = failing(&mut batch);
    let last = batch.memory().write_u32(RAM, 3);
    batch.run().unwrap();
    first.result().unwrap();
    let Err(error) = failed.result() else { panic!("it did not fail") };
    let last = last.result().unwrap_err();
    assert_eq!(not_run(&last), Some(NotRunReason::EarlierCallFailed), "after {error:?}: {last:?}");
    assert_eq!(board.chip.read_u32(RAM as u32).unwrap(), 1, "after {error:?}");
    error
}

#[test]
fn failures_that_only_the_reply_shows_stop_the_rest_too() {
    let board = Board::halted();
    let error = stops(&board, |batch| batch.registers().write("r77", 1_u32));
    assert!(matches!(error, Error::Target(TargetError::UnknownRegister { .. })), "{error:?}");
    let error = stops(&board, |batch| batch.registers().read("r77"));
    assert!(matches!(error, Error::Target(TargetError::UnknownRegister { .. })), "{error:?}");
    let error = stops(&board, |batch| batch.registers().write("r0", 1_u64 << 40));
    assert!(matches!(error, Error::Target(TargetError::ValueTooWide { .. })), "{error:?}");
    let error = stops(&board, |batch| batch.memory().write_u32(RAM + 1, 2));
    assert!(matches!(error, Error::Target(TargetError::Misaligned { .. })), "{error:?}");
    let error = stops(&board, |batch| batch.command("echo \x1a"));
    assert!(matches!(error, Error::Command(CommandError::ForbiddenByte { .. })), "{error:?}");
    let mut missing = board.session.flash().probe(0).unwrap();
    missing.number = 7;
    let error = stops(&board, |batch| batch.flash().layout(&missing));
    assert!(matches!(error, Error::Flash(openocd::FlashError::Info { .. })), "{error:?}");
    board.session.target().resume().unwrap();
    let error = stops(&board, |batch| batch.registers().read_many(&["r0", "r1"]));
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
}

#[test]
fn a_handle_of_a_batch_that_was_not_run_says_so() {
    let session = interpreter();
    let mut batch = session.batch();
    let handle = batch.command("set ran 1");
    drop(batch);
    assert_eq!(not_run(&handle.result().unwrap_err()), Some(NotRunReason::BatchNotRun));
    assert_eq!(session.command("info exists ran").unwrap(), "0");
    session.batch().run().unwrap();
}

#[test]
fn commands_beyond_openocds_line_and_replies_beyond_the_limit_are_split() {
    let limits = Session::builder().timeout(Duration::from_secs(120)).reply_limit(200_000);
    let session =
        limits.start(crate::board::dummy().command("noinit")).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let mut batch = session.batch();
    // 12 MB of commands, 6 MB of replies: more than any buffer on the way, in both directions.
    let handles: Vec<_> = (0..120)
        .map(|n| {
            batch.command(&format!("set last {n}; string range {{{}}} 0 49999", format!("{n:04} x").repeat(16_000)))
        })
        .collect();
    batch.run().unwrap();
    for (n, handle) in handles.into_iter().enumerate() {
        let result = handle.result().unwrap();
        assert!(result.len() == 50_000 && result.starts_with(&format!("{n:04} x")), "{n}");
    }
    assert_eq!(session.command("set last").unwrap(), "119");
}

#[test]
fn a_batch_reports_of_a_command_what_the_command_alone_reports() {
    let session = interpreter();
    let commands = [
        "expr {40 + 2}",
        "list",
        "list a {b c} \\{",
        "return 5",
        "echo logged; return 5",
        "return -code error no",
        "return -code 7 odd",
        "echo logged; error {no luck}",
        "error {}",
        "no_such_command",
        "break",
        "continue",
        "string repeat x 300",
        "echo [string repeat y 300]; expr 1",
        r#"string repeat "\x1b\x1a" 80"#,
        "proc twice {} { return -level 2 -code error deep }; twice",
        // What the procedures of this crate keep.
        "foreach name [info globals _openocd_rs_*] { if {[regexp {_(command|code|result|options|log)$} $name]} { set ::$name mine } }; list theirs",
        "set code 1; set result 2; set log 3; set command 4",
        "foreach name {others room stop goes_on next} { set ::$name 0 }",
        "set ::errorCode {OpenOCD 0}; error {a failure is none with 0}",
        "set ::errorCode {OpenOCD x}; error {nor with a word}",
        "expr 3",
    ];
    let mut batch = session.batch();
    let handles = commands.map(|command| batch.command(command));
    batch.run().unwrap();
    for (command, handle) in commands.iter().zip(handles) {
        let (alone, together) = (session.command(command), handle.result());
        assert_eq!(format!("{together:?}"), format!("{alone:?}"), "{command}");
    }
    assert_eq!(session.command("expr 3").unwrap(), "3");
}

#[test]
fn a_failure_counts_whatever_number_its_script_sets() {
    let session = interpreter();
    for number in ["0", "x", ""] {
        let failed = session.command(&format!("set ::errorCode {{OpenOCD {number}}}; error boom")).unwrap_err();
        assert_eq!((failed.code(), failed.message()), (Some(1), Some("boom")), "{number}");
    }
}

#[test]
fn a_handle_that_was_asked_too_early_does_not_stop_its_batch() {
    let session = interpreter();
    // What one message takes, so that there are two.
    let long = "#".repeat(1024 * 1024 - 10);
    for (first, goes_on) in [("expr 1", true), ("error no", false)] {
        let mut batch = session.batch().stop_at_first_error();
        let early = batch.command(&format!("{first};{long}"));
        assert!(not_run(&early.result().unwrap_err()).is_some());
        let later = batch.command("expr 2;# in the next message");
        batch.run().unwrap();
        assert_eq!(later.result().is_ok(), goes_on);
    }
}

#[test]
fn results_that_cannot_stand_in_braces_do_not_make_the_reply_too_long() {
    let openocd = dummy().command("noinit").spawn().unwrap();
    let session = Session::builder().reply_limit(100_000).connect(openocd.tcl_address()).unwrap();
    let mut batch = session.batch();
    let lengths = [20_000, 19_000];
    let braces = lengths.map(|length| batch.command(&format!("string repeat \\{{ {length}")));
    let backslash = batch.command("format %c 92");
    batch.run().unwrap();
    for (length, braces) in lengths.into_iter().zip(braces) {
        assert_eq!(braces.result().unwrap(), "{".repeat(length));
    }
    assert_eq!(backslash.result().unwrap(), "\\");
}

#[test]
fn results_may_hold_any_byte() {
    let session = interpreter();
    let mut batch = session.batch();
    let odd = batch.command(r#"set x "a\x1ab\x1bc {d""#);
    let next = batch.command("expr {6 * 7}");
    batch.run().unwrap();
    assert_eq!(odd.result().unwrap(), "a\x1ab\x1bc {d");
    assert_eq!(next.result().unwrap(), "42");
}

#[test]
fn a_batch_for_a_named_target_leaves_the_current_one() {
    let chips = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).expect("a free port");
    let session = Session::start(chips.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let other = session.target_named("chip1.cpu").unwrap();
    let mut batch = other.batch();
    let written = batch.memory().write_u32(RAM, 0x1234);
    let name = batch.command("target current");
    batch.run().unwrap();
    written.result().unwrap();
    assert_eq!(name.result().unwrap(), "chip1.cpu");
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
    assert_eq!(other.memory().read_u32(RAM).unwrap(), 0x1234);
    assert_ne!(session.memory().read_u32(RAM).unwrap(), 0x1234);

    let mut batch = session.target_named("chip1.cpu").unwrap().batch();
    let failed = batch.command("error x");
    batch.run().unwrap();
    failed.result().unwrap_err();
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
}

#[test]
fn the_targets_are_not_polled_before_each_memory_access() {
    const DHCSR: u32 = 0xe000_edf0;
    let board = Board::halted();
    let mut batch = board.session.batch();
    let words: Vec<_> = (0..50).map(|n| batch.memory().read_u32(RAM + 4 * n)).collect();
    board.chip.watch_accesses(DHCSR..DHCSR + 4);
    batch.run().unwrap();
    // One is OpenOCD 0.12.0's own, before the batch as before any command.
    let polls = board.chip.take_accesses().len();
    assert!(polls < 10, "{polls} polls");
    for word in words {
        word.result().unwrap();
    }
}

#[test]
fn calls_that_depend_on_a_targets_state_see_the_present_state() {
    let board = Board::halted();
    let mut batch = board.session.batch();
    let word = batch.memory().read_u32(RAM);
    let reset = batch.command("reset run");
    // One look sees that there was a reset, the next that the core runs: only then does OpenOCD
    // 0.12.0 halt it.
    let state = batch.command("[target current] curstate");
    let halt = batch.command("halt");
    let pc = batch.command("reg pc");
    batch.run().unwrap();
    word.result().unwrap();
    reset.result().unwrap();
    state.result().unwrap();
    halt.result().unwrap();
    assert!(pc.result().unwrap().starts_with("pc (/32): 0x0800"));
}

#[test]
fn an_exit_in_a_batch_for_a_named_target_leaves_the_current_one() {
    let chips = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).expect("a free port");
    let session = Session::start(chips.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let mut batch = session.target_named("chip1.cpu").unwrap().batch();
    let name = batch.command("target current");
    // 0.12.0 refuses it, newer OpenOCD breaks the batch off.
    let exit = batch.command("exit");
    let outcome = batch.run();
    assert!(outcome.is_err() || (name.result().unwrap() == "chip1.cpu" && exit.result().is_err()));
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
}
