//! A production line with boards in trouble: a dead OpenOCD, one that is silent, a slow board.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use openocd::{OpenOcdProcess, Session};
use serde_json::Value;

use crate::bench::Bench;
use crate::flash::{held, noise};
use crate::running::Running;

const APP: u32 = 0x0800_4000;
const IMAGE: u32 = 8000;
const BOARDS: usize = 6;
/// Its OpenOCD was killed.
const DEAD: usize = 1;
/// Something accepts connections in place of its OpenOCD, and never answers.
const SILENT: usize = 3;
/// Each answer of its OpenOCD takes [`DELAY`].
const SLOW: usize = 4;
const DELAY: Duration = Duration::from_millis(150);
const TIMEOUT: Duration = Duration::from_secs(4);

struct Line {
    benches: Vec<Bench>,
    /// They end with the line.
    _sessions: Vec<Session>,
    _silent: TcpListener,
}

/// Six boards, each behind an OpenOCD of its own, as in a lab.
fn line() -> Line {
    let benches: Vec<Bench> = (0..BOARDS).map(|_| Bench::new()).collect();
    let sessions: Vec<Session> = benches.iter().map(Bench::session).collect();
    let process = |slot: usize| sessions[slot].process().expect("a process of its own");
    process(DEAD).kill().expect("it runs");
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let mut ports: Vec<u16> = (0..BOARDS).map(|slot| OpenOcdProcess::tcl_port(process(slot))).collect();
    ports[SILENT] = silent.local_addr().expect("it listens").port();
    ports[SLOW] = slowly(ports[SLOW]);
    let mut settings = String::new();
    for (slot, port) in ports.iter().enumerate() {
        writeln!(settings, "[boards.slot{slot}]\nconnect = \"127.0.0.1:{port}\"").unwrap();
    }
    benches[0].file("ocd.toml", settings);
    benches[0].file("app.bin", noise(40, IMAGE));
    Line { benches, _sessions: sessions, _silent: silent }
}

/// A port on which an OpenOCD is slow.
fn slowly(port: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let slow = listener.local_addr().expect("it listens").port();
    thread::spawn(move || {
        for ocd in listener.incoming().map_while(Result::ok) {
            let openocd = TcpStream::connect(("127.0.0.1", port)).expect("OpenOCD listens");
            thread::spawn(move || {
                thread::scope(|scope| {
                    scope.spawn(|| pass(&ocd, &openocd, Duration::ZERO));
                    pass(&openocd, &ocd, DELAY);
                });
            });
        }
    });
    slow
}

/// Ends when either end is closed.
fn pass(mut from: &TcpStream, mut to: &TcpStream, delay: Duration) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        thread::sleep(delay);
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

const ARGUMENTS: [&str; 5] = ["flash", "app.bin@0x08004000", "--all-boards", "--timeout", "4s"];

impl Line {
    #[track_caller]
    fn check_flash(&self) {
        for (slot, bench) in self.benches.iter().enumerate() {
            let is_flashed = held(bench, APP, IMAGE as usize) == noise(40, IMAGE);
            assert_eq!(is_flashed, ![DEAD, SILENT].contains(&slot), "slot {slot}");
        }
    }
}

#[test]
fn each_board_of_a_troubled_line_says_what_happened_to_it() {
    let line = line();
    let ran = line.benches[0].ocd_alone(&ARGUMENTS).expect(76);
    line.check_flash();
    let ends: BTreeMap<&str, &str> = ran.stdout.lines().filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(ends.keys().copied().collect::<Vec<_>>(), ["slot0", "slot2", "slot4", "slot5"], "{ran:#?}");
    assert!(ends.values().all(|end| end.contains(" 8000 written, 0 skipped, verified; ")), "{ran:#?}");
    assert!(ran.stderr.contains("slot1: error: cannot reach OpenOCD at 127.0.0.1:"), "{ran:#?}");
    assert!(ran.stderr.contains("slot3: error: "), "{ran:#?}");
    let last = ran.stderr.lines().last().unwrap();
    assert_eq!(last, "2 of 6 boards failed, with exit status: slot1 (76), slot3 (76)", "{ran:#?}");
}

#[test]
fn no_board_waits_for_a_dead_or_a_silent_one() {
    let line = line();
    let begin = Instant::now();
    let arguments = [&ARGUMENTS[..], &["--json", "--progress", "none"]].concat();
    let mut running = Running::start(&mut line.benches[0].command(&arguments));
    // In the order in which the boards end.
    let ends: Vec<(Value, Duration)> = (0..BOARDS)
        .map(|_| (serde_json::from_str(&running.line_with("\"status\":")).unwrap(), begin.elapsed()))
        .collect();
    let order: Vec<&str> = ends.iter().map(|(end, _)| end["board"].as_str().unwrap()).collect();
    assert_eq!(order[0], "slot1", "a refused connection is told at once: {order:?}");
    for (end, after) in &ends {
        let board = end["board"].as_str().unwrap();
        match board {
            "slot1" => {
                assert_eq!(end["status"], 76, "{end}");
                assert_eq!(end["error"]["id"], "connection.unreachable", "{end}");
            }
            "slot3" => {
                assert_eq!(end["status"], 76, "{end}");
                assert!(*after < TIMEOUT + Duration::from_secs(2), "{after:?}");
            }
            _ => {
                assert_eq!((&end["status"], &end["result"]["flash"]["written"]), (&0.into(), &8000.into()), "{end}");
                assert_eq!(end["result"]["verified"], "checksum", "{end}");
            }
        }
    }
    let seconds = |board: &str| {
        let (end, _) = ends.iter().find(|(end, _)| end["board"] == board).unwrap();
        end["result"]["durations"]["total_seconds"].as_f64().unwrap()
    };
    // Five answers or more.
    assert!(seconds("slot4") > seconds("slot0") + 5.0 * DELAY.as_secs_f64(), "{ends:?}");
    assert!(seconds("slot0").max(seconds("slot2")).max(seconds("slot5")) < TIMEOUT.as_secs_f64(), "{ends:?}");
    running.end().expect(76);
    line.check_flash();
}
