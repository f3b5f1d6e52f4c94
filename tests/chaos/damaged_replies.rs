//! Replies of every call, damaged: no panic, and an answer in time.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openocd::Session;

use crate::calls::CALLS;
use crate::proxy::{self, Change};
use crate::random::Random;
use crate::{Bench, SLACK, attempts, seed};

const TIMEOUT: Duration = Duration::from_millis(500);

/// What takes the place of a piece of a reply.
const PIECES: [&[u8]; 16] = [
    b"",
    b"-1",
    b"0",
    b"99999999999999999999999",
    b"18446744073709551615",
    b"0xffffffffffffffff",
    b"0x",
    b"{",
    b"}",
    b"\\",
    b"\"",
    b" ",
    b"\n",
    b"\xff\x00\x1b[2J",
    b"{} {} {} {} {} {} {} {}",
    b"0xffffffffffffffff: ffffffff",
];

/// Changes the body of a reply. The sequence number stays in most cases, so that the damaged reply
/// is read.
fn damage(reply: &[u8], random: &mut Random) -> Vec<u8> {
    let end = reply.len() - 1;
    let body = reply.iter().position(|byte| *byte == b' ').unwrap_or(0).min(end);
    let mut damaged = reply[..end].to_vec();
    for _ in 0..=random.below(3) {
        let from = body + random.below((damaged.len() - body).max(1));
        let from = from.min(damaged.len());
        let to = (from + random.below(12)).min(damaged.len());
        let piece = PIECES[random.below(PIECES.len())];
        match random.below(4) {
            0 => drop(damaged.splice(from..from, piece.iter().copied())),
            1 => drop(damaged.drain(from..to)),
            2 => damaged.truncate(from),
            _ => drop(damaged.splice(from..to, piece.iter().copied())),
        }
    }
    damaged.push(0x1a);
    damaged
}

#[test]
fn damaged_replies_cause_no_panic_and_no_hang() {
    let bench = Bench::start();
    let random = Arc::new(Mutex::new(Random::new(seed())));
    let damaging: Arc<Change> = Arc::new(move |bytes, to| {
        let is_greeting = bytes.starts_with(b"openocd-rs ");
        let mut random = random.lock().unwrap();
        // A damaged part of a long reply would never end.
        if is_greeting || !bytes.ends_with(b"\x1a") || random.below(3) == 0 {
            return to.write_all(bytes).is_ok();
        }
        to.write_all(&damage(bytes, &mut random)).is_ok()
    });
    let address = proxy::start(bench.openocd.tcl_address(), proxy::unchanged(), damaging);
    let session = Session::builder().timeout(TIMEOUT).flash_timeout(TIMEOUT).connect(address).unwrap();
    for call in CALLS {
        for n in 0..attempts(40) {
            let begin = Instant::now();
            let outcome = (call.run)(&session);
            let took = begin.elapsed();
            assert!(took < TIMEOUT * 4 + SLACK, "{} ({n}) took {took:?}: {outcome:?}", call.name);
            if outcome.is_err_and(|error| error.is_disconnected()) {
                let _ = session.reconnect();
            }
        }
    }
}
