//! A server that answers `mdw` at once, so that only our side of a transfer is left to measure.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Where the answers are there before they are asked for, and for how many words.
pub(crate) const RAM: u64 = 0x2000_0000;
pub(crate) const READY: usize = 65536;

/// Serves for as long as the program runs.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            stream.set_nodelay(true).expect("an open socket");
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// The value of the n-th word.
pub(crate) fn word(n: u32) -> u32 {
    n.wrapping_mul(0x9e37_79b9)
}

/// The first `count` words as `read_memory` prints them.
pub(crate) fn numbers(count: usize) -> String {
    let all: Vec<_> = (0..count).map(|n| format!("{:#x}", word(n as u32))).collect();
    all.join(" ")
}

/// The first `count` words as `mdw` prints them.
pub(crate) fn display(address: u64, count: usize) -> String {
    let mut text = String::new();
    for begin in (0..count).step_by(8) {
        let _ = write!(text, "{:#010x}: ", address + 4 * begin as u64);
        for n in begin..count.min(begin + 8) {
            let _ = write!(text, "{:08x} ", word(n as u32));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end_matches('\n').len());
    text
}

/// The prelude is greeted; of anything else the last two words are taken for `ADDRESS COUNT` of an
/// `mdw`.
fn serve(mut stream: TcpStream) {
    let ready = display(RAM, READY);
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut line = Vec::new();
    let mut reply = Vec::new();
    loop {
        line.clear();
        match reader.read_until(0x1a, &mut line) {
            Ok(read) if read > 0 => {}
            _ => return,
        }
        line.pop();
        let text = String::from_utf8_lossy(&line);
        reply.clear();
        if let Some((_, command)) = text.split_once(' ').filter(|(name, _)| name.ends_with("_run")) {
            let sequence = command.split(' ').next().expect("a number");
            let mut words = command.trim_end_matches(['"', ']', '\\']).rsplit(' ');
            let count: usize = words.next().and_then(|count| count.parse().ok()).unwrap_or(1);
            let address = words.next().and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
            let address = address.unwrap_or(RAM);
            let begin = address.wrapping_sub(RAM) as usize / 4;
            let other;
            let lines = if begin + count <= READY && begin % 8 == 0 && count > 1 {
                // A line is 85 bytes, the last one without the newline.
                let rest = &ready[begin / 8 * 85..];
                &rest[..(count / 8 * 85 + if count % 8 > 0 { 12 + count % 8 * 9 } else { 0 }).min(rest.len())]
            } else {
                other = display(address, count);
                &other
            };
            // The answer to a read of bytes, and of words.
            if command.contains("read_bytes") {
                let _ = write!(reply, "{sequence} 0 {{little {{{lines}}}}} {{}}");
            } else {
                let _ = write!(reply, "{sequence} 0 {{{lines}}} {{}}");
            }
        } else {
            let _ = write!(reply, "openocd-rs {{Open On-Chip Debugger 0.12.0}} {{}} 0 1");
        }
        reply.push(0x1a);
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}
