//! Batches without a reply: what was not sent is told as not run, and nothing else is.

use std::time::{Duration, Instant};

use openocd::{CommandError, Error, NotRunReason, Session, TimeoutError};

use super::{RAM, not_run};
use crate::board::{Board, interpreter};

fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Command(CommandError::OutcomeUnknown { .. }))
}

/// Fills a message, so that the next call is in another.
fn padded(command: &str) -> String {
    format!("{command};#{}", "#".repeat(1024 * 1024 - 20))
}

#[test]
fn a_single_reply_beyond_the_limit_is_a_connection_error_and_the_session_goes_on() {
    let session = Session::builder().reply_limit(10_000).start(crate::board::dummy().command("noinit")).unwrap();
    let mut batch = session.batch();
    let first = batch.command("expr {1 + 1}");
    let large = batch.command("string repeat x 20000");
    assert!(matches!(batch.run(), Err(Error::Connection(_))));
    for handle in [first, large] {
        assert!(is_unknown(&handle.result().unwrap_err()));
    }
    assert_eq!(session.command("expr {1 + 1}").unwrap(), "2");
}

#[test]
fn results_that_a_command_took_from_a_batch_are_given_to_no_other() {
    let session = interpreter();
    session.command("set n 0").unwrap();
    let mut batch = session.batch();
    let commands = ["incr n", "set ::[info globals _openocd_rs_*_results] {}", "incr n"];
    let handles = commands.map(|command| batch.command(command));
    let error = batch.run().unwrap_err();
    assert!(error.to_string().contains("has changed the variables of this crate"), "{error}");
    for handle in handles {
        assert!(is_unknown(&handle.result().unwrap_err()));
    }
    assert_eq!(session.command("set n").unwrap(), "2", "none ran twice");
}

#[test]
fn a_batch_that_takes_too_long_is_a_timeout() {
    let session = interpreter();
    let mut batch = session.batch().timeout(Duration::from_millis(100));
    let slow = batch.command("sleep 1000");
    let begin = Instant::now();
    assert!(matches!(batch.run(), Err(Error::Timeout(_))));
    assert!(begin.elapsed() >= Duration::from_millis(100));
    assert!(is_unknown(&slow.result().unwrap_err()));
    for n in 0..100 {
        assert_eq!(session.command(&format!("expr {{{n} + 1}}")).unwrap(), (n + 1).to_string());
    }
}

#[test]
fn only_calls_that_were_not_sent_are_told_as_not_run() {
    let board = Board::halted();
    let mut batch = board.session.batch().timeout(Duration::from_millis(500));
    let done = batch.command(&padded("expr 1"));
    let written = batch.memory().write_u32(RAM, 0x600d);
    let slow = batch.command("sleep 2000");
    let unsent = batch.command(&padded("set unsent 1"));
    let error = batch.run().unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    assert_eq!(done.result().unwrap(), "1");
    for handle in [written.result(), slow.result().map(drop)] {
        let error = handle.unwrap_err();
        assert!(is_unknown(&error) && error.to_string().contains("OpenOCD may have run it"), "{error}");
    }
    assert_eq!(not_run(&unsent.result().unwrap_err()), Some(NotRunReason::BatchBroken));
    assert_eq!(board.session.memory().read_u32(RAM).unwrap(), 0x600d, "it ran");
    assert_eq!(board.session.command("info exists unsent").unwrap(), "0");
}

#[test]
fn the_timeout_of_a_batch_is_for_all_of_its_messages() {
    let session = interpreter();
    let mut batch = session.batch().timeout(Duration::from_secs(1));
    let handles: Vec<_> = (0..6).map(|_| batch.command(&padded("sleep 400"))).collect();
    let begin = Instant::now();
    assert!(matches!(batch.run(), Err(Error::Timeout(_))));
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    let results: Vec<_> =
        handles.into_iter().map(|handle| handle.result().map_err(|error| is_unknown(&error))).collect();
    assert_eq!(results.iter().filter(|result| **result == Err(true)).count(), 1, "one was on its way: {results:?}");
    assert_eq!(results.last(), Some(&Err(false)), "the last was not sent");
}

#[test]
fn the_timeout_of_a_batch_bounds_the_wait_for_other_threads() {
    let session = interpreter();
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| session.command("sleep 2000"));
        std::thread::sleep(Duration::from_millis(300));
        let mut batch = session.batch().timeout(Duration::from_millis(300));
        let handle = batch.command("set ran 1");
        let error = batch.run().unwrap_err();
        assert!(matches!(error, Error::Timeout(TimeoutError::Turn { .. })), "{error:?}");
        assert!(not_run(&handle.result().unwrap_err()).is_some());
        busy.join().unwrap().unwrap();
    });
    assert_eq!(session.command("info exists ran").unwrap(), "0");
}
