//! A connection that delays, splits, repeats, cuts and litters: a reply that is `Ok` is the right
//! one for its command.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use openocd::Session;

use crate::proxy::{self, Change};
use crate::random::Random;
use crate::{Bench, SLACK, attempts, seed};

const TIMEOUT: Duration = Duration::from_millis(300);

/// Splits and delays what goes to OpenOCD, and cuts a connection now and then. Other bytes would be
/// other commands.
fn requests(random: Arc<Mutex<Random>>) -> Arc<Change> {
    Arc::new(move |bytes, to| {
        let (chance, cut) = {
            let mut random = random.lock().unwrap();
            (random.below(100), random.below(bytes.len()))
        };
        match chance {
            0 => {
                let _ = to.write_all(&bytes[..cut]);
                false
            }
            1..=4 => in_two(to, bytes, cut),
            _ => to.write_all(bytes).is_ok(),
        }
    })
}

/// What may happen to replies. `tampered` is set if the text of a reply may have changed: no client
/// can find that out.
fn replies(random: Arc<Mutex<Random>>, tampered: Arc<AtomicBool>) -> Arc<Change> {
    Arc::new(move |bytes, to| {
        let (chance, at, garbage) = {
            let mut random = random.lock().unwrap();
            (random.below(200), random.below(bytes.len()), random.bytes(20))
        };
        let mut parts = |parts: &[&[u8]]| parts.iter().all(|part| to.write_all(part).is_ok());
        match chance {
            // A half reply, no reply, or a reply that is too late; then the end.
            0..=2 => {
                parts(&[&bytes[..at]]);
                false
            }
            3 => false,
            4 => {
                thread::sleep(TIMEOUT + Duration::from_millis(100));
                parts(&[bytes])
            }
            // Never a reply, on a connection that stays.
            5 => true,
            // The same reply twice, or its beginning first.
            6..=9 => parts(&[bytes, bytes]),
            10..=11 => parts(&[&bytes[..at], b"\x1a", bytes]),
            // Litter with and without an end.
            12..=14 => parts(&[&garbage, b"\x1a", bytes]),
            15..=16 => parts(&[b"type target_state state running\r\n\x1a", bytes]),
            17 => parts(&[&garbage, bytes]),
            18 => parts(&[b"0 0 {not yours} {}\x1a1 0 {not yours} {}\x1a", bytes]),
            // A byte twice.
            19..=20 => {
                tampered.store(true, Ordering::Release);
                parts(&[&bytes[..at], &bytes[at..=at], &bytes[at..]])
            }
            21..=26 => in_two(to, bytes, at),
            _ => parts(&[bytes]),
        }
    })
}

/// Writes the bytes in two pieces, with a pause between them.
fn in_two(to: &mut TcpStream, bytes: &[u8], at: usize) -> bool {
    if to.write_all(&bytes[..at]).is_err() {
        return false;
    }
    thread::sleep(Duration::from_millis(2));
    to.write_all(&bytes[at..]).is_ok()
}

/// A result that no other command has.
fn token(n: usize) -> String {
    format!("{n}-{:016x}", Random::new(n as u64 + 1).next())
}

#[test]
fn no_reply_is_given_to_another_command() {
    let bench = Bench::start();
    let random = Arc::new(Mutex::new(Random::new(seed())));
    let tampered = Arc::new(AtomicBool::new(false));
    let address = proxy::start(
        bench.openocd.tcl_address(),
        requests(Arc::clone(&random)),
        replies(Arc::clone(&random), Arc::clone(&tampered)),
    );
    let connect = || (0..100).find_map(|_| Session::builder().timeout(TIMEOUT).connect(address).ok());
    let mut session = connect().expect("one of 100 connections is made");
    let commands = attempts(2000);
    let mut outcomes: HashMap<&str, usize> = HashMap::new();
    for n in 0..commands {
        tampered.store(false, Ordering::Release);
        let begin = Instant::now();
        let memory = u32::try_from(n).expect("a number of 32 bits");
        let address = 0x2000_0000 + 4 * u64::from(memory % 64);
        // What is right, and what came.
        let outcome = match n % 5 {
            0..=2 => session.command(&format!("list {}", token(n))).map(|result| (token(n), result)),
            3 => session.memory().write_u32(address, memory).map(|()| {
                let mut held = [0; 4];
                let at = u32::try_from(address).expect("an address of 32 bits");
                bench.chip.read_memory(at, &mut held).expect("the chip has memory there");
                (memory.to_string(), u32::from_le_bytes(held).to_string())
            }),
            _ => {
                let at = u32::try_from(address).expect("an address of 32 bits");
                bench.chip.write_memory(at, &memory.to_le_bytes()).expect("the chip has memory there");
                session.memory().read_u32(address).map(|value| (memory.to_string(), value.to_string()))
            }
        };
        assert!(begin.elapsed() < TIMEOUT * 2 + SLACK, "command {n} took {:?}", begin.elapsed());
        match outcome {
            Ok((right, came)) => {
                let is_tampered = tampered.load(Ordering::Acquire);
                assert!(right == came || is_tampered, "seed {}: command {n} gave {came}, not {right}", seed());
                let others = n.saturating_sub(50)..n;
                assert!(!others.map(token).any(|other| other == came), "command {n} gave another's reply: {came}");
                *outcomes.entry("ok").or_default() += 1;
            }
            Err(error) => {
                *outcomes.entry(error.id()).or_default() += 1;
                if error.is_disconnected() && (0..100).all(|_| session.reconnect().is_err()) {
                    session = connect().expect("one of 100 connections is made");
                }
            }
        }
    }
    println!("{commands} commands: {outcomes:?}");
    assert!(outcomes["ok"] > commands / 2, "{outcomes:?}");
    assert!(commands < 1000 || outcomes.len() > 3, "the connection was not bad enough: {outcomes:?}");
}

#[test]
fn requests_that_are_cut_are_not_executed() {
    let bench = Bench::start();
    let cutting: Arc<Change> = Arc::new(|bytes: &[u8], to: &mut TcpStream| {
        if bytes.windows(6).any(|word| word == b"canary") {
            let _ = to.write_all(&bytes[..bytes.len() - 1]);
            return false;
        }
        to.write_all(bytes).is_ok()
    });
    let address = proxy::start(bench.openocd.tcl_address(), cutting, proxy::unchanged());
    let session = Session::builder().timeout(Duration::from_secs(10)).connect(address).unwrap();
    let error = session.command("set canary 1").unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
    let direct = bench.connect(Session::builder());
    assert_eq!(direct.command("info exists canary").unwrap(), "0");
}
