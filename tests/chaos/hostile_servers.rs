//! Servers that flood, drip, stay silent or answer with nonsense: each call ends in time, with
//! bounded memory.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use openocd::Session;

use crate::SLACK;
use crate::calls::CALLS;

const TIMEOUT: Duration = Duration::from_millis(200);

const REPLY_LIMIT: usize = 1 << 20;

/// What a call may allocate at most at one time: the receive buffer, which doubles, and the
/// elements of a reply.
const MEMORY: u64 = 16 * REPLY_LIMIT as u64;

/// What a server does with a command, whose sequence number it is told. `false` hangs up.
type Answer = fn(&mut TcpStream, &str) -> bool;

fn say(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

fn endless(stream: &mut TcpStream, piece: &[u8]) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < TIMEOUT * 4 {
        if !say(stream, piece) {
            return false;
        }
    }
    true
}

fn reply(stream: &mut TcpStream, sequence: &str, rest: &str) -> bool {
    say(stream, format!("{sequence} {rest}\x1a").as_bytes())
}

const SERVERS: &[(&str, Answer)] = &[
    ("stays silent", |_, _| true),
    ("hangs up", |_, _| false),
    ("drips", |stream, sequence| {
        let _ = say(stream, sequence.as_bytes());
        (0..100).all(|_| {
            thread::sleep(Duration::from_millis(10));
            say(stream, b" ")
        })
    }),
    ("drips frames", |stream, _| {
        (0..100).all(|_| {
            thread::sleep(Duration::from_millis(10));
            say(stream, b"type target_state state running\r\n\x1a")
        })
    }),
    ("floods without an end", |stream, _| endless(stream, &[b'x'; 65536])),
    ("floods with a reply that has no end", |stream, sequence| {
        say(stream, format!("{sequence} 0 {{").as_bytes()) && endless(stream, &[b'x'; 65536])
    }),
    ("floods with notifications", |stream, _| endless(stream, &b"type target_state state running\r\n\x1a".repeat(500))),
    ("floods with old replies", |stream, _| endless(stream, &b"0 0 {not yours} {}\x1a".repeat(500))),
    ("floods with separators", |stream, _| endless(stream, &[0x1a; 65536])),
    ("answers with another number", |stream, _| say(stream, b"18446744073709551615 0 x {}\x1a")),
    ("answers with a number that is too large", |stream, _| say(stream, b"99999999999999999999999 0 x {}\x1a")),
    ("answers with an old number", |stream, _| say(stream, b"0 0 x {}\x1a")),
    ("answers with a negative number", |stream, _| say(stream, b"-1 0 x {}\x1a")),
    ("answers without a number", |stream, _| say(stream, b"0x42\x1a")),
    ("answers with nothing", |stream, _| say(stream, b"\x1a")),
    ("answers with binary bytes", |stream, sequence| {
        say(stream, sequence.as_bytes()) && say(stream, b" 0 \xff\xfe\x00\x1b[2J {}\x1a")
    }),
    ("answers with a code that is too large", |stream, sequence| reply(stream, sequence, "99999999999 x {}")),
    ("answers with a list that is not closed", |stream, sequence| reply(stream, sequence, "0 {x {}")),
    ("answers with too few elements", |stream, sequence| reply(stream, sequence, "0 x")),
    ("answers with too many elements", |stream, sequence| reply(stream, sequence, "0 x {} y")),
    ("answers with deep braces", |stream, sequence| {
        let (open, close) = ("{".repeat(100_000), "}".repeat(100_000));
        reply(stream, sequence, &format!("0 {open}{close} {{}}"))
    }),
    ("answers with backslashes", |stream, sequence| {
        reply(stream, sequence, &format!("0 {} {{}}", "\\".repeat(100_001)))
    }),
    ("answers with a broken escape", |stream, sequence| say(stream, format!("~{sequence} 0 \x1b {{}}\x1a").as_bytes())),
    ("answers with many words", |stream, sequence| {
        reply(stream, sequence, &format!("0 {{{}}} {{}}", "{} ".repeat(100_000)))
    }),
    ("answers with huge numbers", |stream, sequence| {
        reply(stream, sequence, &format!("0 {{{}}} {{}}", "0xffffffffffffffffffff ".repeat(1000)))
    }),
    ("answers with control characters", |stream, sequence| {
        reply(stream, sequence, "-4 {\x1b[2J\x07\u{202e}no luck} {\x1b]0;title\x07}")
    }),
    ("says not halted", |stream, sequence| reply(stream, sequence, "-304 {} {}")),
];

/// Greets each client and then answers each command, for as long as the test runs.
fn serve(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || talk(stream, answer));
        }
    });
    address
}

fn talk(mut stream: TcpStream, answer: Answer) {
    let _ = stream.set_nodelay(true);
    let Ok(mut reader) = stream.try_clone() else { return };
    let (mut pending, mut piece) = (Vec::new(), vec![0; 65536]);
    while let Ok(read @ 1..) = reader.read(&mut piece) {
        pending.extend_from_slice(&piece[..read]);
        while let Some(end) = pending.iter().position(|byte| *byte == 0x1a) {
            let line = String::from_utf8_lossy(&pending[..end]).into_owned();
            pending.drain(..=end);
            let goes_on = if line.contains("list openocd-rs [version]") {
                say(&mut stream, b"openocd-rs {Open On-Chip Debugger 0.12.0} {} 0 1\x1a")
            } else {
                let sequence = line.split(' ').nth(1).unwrap_or_default();
                answer(&mut stream, sequence)
            };
            if !goes_on {
                return;
            }
        }
    }
}

#[test]
fn calls_end_in_time_with_bounded_memory_whatever_the_server_does() {
    let begin = Instant::now();
    thread::scope(|scope| {
        for (name, answer) in SERVERS {
            scope.spawn(move || {
                let address = serve(*answer);
                let builder = || Session::builder().timeout(TIMEOUT).flash_timeout(TIMEOUT).reply_limit(REPLY_LIMIT);
                // A busy machine may take longer than this short timeout.
                let connect = || (0..100).find_map(|_| builder().connect(address).ok());
                let session = connect().expect("the greeting is answered");
                for call in CALLS {
                    let begin = Instant::now();
                    let mut outcome = Ok(());
                    let used = measure(|| outcome = (call.run)(&session));
                    let took = begin.elapsed();
                    // A call of several commands has the timeout for each of them.
                    assert!(took < TIMEOUT * 5 + SLACK, "{} of a server that {name} took {took:?}", call.name);
                    assert!(used.bytes_max < MEMORY, "{} of a server that {name}: {used:?}", call.name);
                    if let Err(error) = outcome {
                        for text in [error.to_string(), format!("{error:?}")] {
                            assert!(!text.contains(|c: char| c.is_control()), "{} of {name}: {text:?}", call.name);
                            assert!(text.len() < 4000, "{} of {name}: an error of {} bytes", call.name, text.len());
                        }
                        if error.is_disconnected() {
                            let _ = session.reconnect();
                        }
                    }
                }
            });
        }
    });
    println!("{} servers, {} calls each, in {:?}", SERVERS.len(), CALLS.len(), begin.elapsed());
}

#[test]
fn a_greeting_ends_in_time_with_bounded_memory_whatever_the_server_does() {
    const GREETINGS: &[fn(&mut TcpStream) -> bool] = &[
        |_| true,
        |_| false,
        |stream| say(stream, b"SSH-2.0-OpenSSH_9.2\r\n"),
        |stream| endless(stream, &[b'x'; 65536]),
        |stream| endless(stream, b"openocd-rs {"),
        |stream| endless(stream, &[0x1a; 65536]),
        |stream| say(stream, b"openocd-rs\x1a"),
        |stream| say(stream, b"openocd-rs {Open On-Chip Debugger 0.12.0"),
        |stream| say(stream, b"openocd-rs {0.12.0} {} 99999999999999999999999 1\x1a"),
    ];
    for (n, greeting) in GREETINGS.iter().enumerate() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    if greeting(&mut stream) {
                        thread::sleep(TIMEOUT * 10);
                    }
                });
            }
        });
        let begin = Instant::now();
        let used = measure(|| {
            let _ = Session::builder().timeout(TIMEOUT).reply_limit(REPLY_LIMIT).connect(address);
        });
        assert!(begin.elapsed() < TIMEOUT + SLACK, "{n} took {:?}", begin.elapsed());
        assert!(used.bytes_max < MEMORY, "{n}: {used:?}");
    }
}
