//! An OpenOCD that is killed in the middle of a command: the right error, at once.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use openocd::{ConnectionError, Error, OpenOcdProcess, Session};

use crate::random::Random;
use crate::{PATIENCE, SLACK, attempts, seed};

#[test]
fn a_killed_openocd_is_told_at_once_with_its_end() {
    let mut random = Random::new(seed());
    for n in 0..attempts(50) {
        let openocd =
            OpenOcdProcess::builder().command("adapter driver dummy").command("noinit").ready_timeout(PATIENCE);
        let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
        let pid = session.process().unwrap().pid().to_string();
        let wait = Duration::from_micros(random.below(20_000) as u64);
        let killer = thread::spawn(move || {
            thread::sleep(wait);
            let killed = Command::new("kill").args(["-9", &pid]).status().expect("a `kill` command");
            assert!(killed.success());
            Instant::now()
        });
        // In the middle of one long command, of many short ones, or of a long reply.
        let error = loop {
            let outcome = match n % 3 {
                0 => session.command("sleep 60000"),
                1 => session.command("expr {40 + 2}"),
                _ => session.command("string repeat x 1000000"),
            };
            match outcome {
                Ok(result) => assert!(result == "42" || result.len() == 1_000_000, "{n}"),
                Err(error) => break error,
            }
        };
        let death = killer.join().unwrap();
        assert!(death.elapsed() < SLACK, "{n} took {:?}", death.elapsed());
        for error in [error, session.command("expr 1").unwrap_err(), session.reconnect().unwrap_err()] {
            assert!(matches!(error, Error::Connection(ConnectionError::ServerDied { .. })), "{n}: {error:?}");
            assert!(error.is_disconnected() && error.to_string().contains("signal: 9"), "{n}: {error}");
        }
        assert!(death.elapsed() < SLACK * 2, "{n} took {:?}", death.elapsed());
    }
}
