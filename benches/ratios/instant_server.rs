//! A server that answers `read_memory` at once, so that only our side of a transfer is left to measure.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Numbers in the answers repeat after so many.
const NUMBERS: usize = 65536;

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

/// The first `count` words as OpenOCD prints them.
pub(crate) fn words(count: usize) -> String {
    let all: Vec<_> = (0..count).map(|n| format!("{:#x}", word(n as u32))).collect();
    all.join(" ")
}

/// The prelude is greeted; of anything else the last three words are taken for `ADDRESS WIDTH COUNT` of a `read_memory`.
fn serve(mut stream: TcpStream) {
    let all = words(NUMBERS);
    // Where the first n numbers end.
    let ends: Vec<_> = all.match_indices(' ').map(|(at, _)| at).chain([all.len()]).collect();
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
        if let Some(command) = text.strip_prefix("_openocd_rs_1_run ") {
            let sequence = command.split(' ').next().expect("a number");
            let count: usize =
                command.trim_end_matches(['"', ']', '\\']).rsplit(' ').next().expect("a word").parse().unwrap_or(1);
            let numbers = &all[..ends[count - 1]];
            // The answer to `list ENDIANNESS [read_memory …]`, and to `read_memory …`.
            if command.contains("cget -endian") {
                let _ = write!(reply, "{sequence} 0 {{little {{{numbers}}}}} {{}}");
            } else {
                let _ = write!(reply, "{sequence} 0 {{{numbers}}} {{}}");
            }
        } else {
            let _ = write!(reply, "openocd-rs {{Open On-Chip Debugger 0.12.0}} {{}}");
        }
        reply.push(0x1a);
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}
