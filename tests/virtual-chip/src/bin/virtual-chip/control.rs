//! The control socket: one line a request, one line a reply.

mod commands;
mod faults;
mod registers;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use virtual_chip::VirtualBoard;

/// The longest request in bytes. A `write` of the whole flash has 256 KiB of digits.
const MAX_REQUEST_BYTES: u64 = 512 * 1024;

/// What a request comes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    /// It is done; the text is the value that was asked for.
    Done(String),
    /// It is not done, and the text says why.
    Failed(String),
    /// It is done, and the process is to end.
    ShutDown,
}

/// Serves any number of clients at once, until the process ends.
pub(crate) fn serve(listener: &TcpListener, board: &Arc<VirtualBoard>) {
    for stream in listener.incoming().flatten() {
        let board = Arc::clone(board);
        // A client that breaks off is gone. The others are served as before.
        std::thread::spawn(move || talk(&stream, &board));
    }
}

fn talk(mut stream: &TcpStream, board: &VirtualBoard) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        (&mut input).take(MAX_REQUEST_BYTES).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            if line.len() as u64 + 1 == MAX_REQUEST_BYTES {
                stream.write_all(format!("error a request exceeds {MAX_REQUEST_BYTES} bytes\n").as_bytes())?;
            }
            // A request without its end may be a part of a longer one.
            return Ok(());
        }
        let reply = match std::str::from_utf8(&line) {
            Ok(line) => commands::perform(board, line),
            Err(_) => Reply::Failed("the request is not UTF-8".to_string()),
        };
        let text = match &reply {
            Reply::Done(value) if !value.is_empty() => format!("ok {value}\n"),
            Reply::Done(_) | Reply::ShutDown => "ok\n".to_string(),
            Reply::Failed(reason) => format!("error {}\n", reason.replace('\n', " ")),
        };
        stream.write_all(text.as_bytes())?;
        if reply == Reply::ShutDown {
            std::process::exit(0);
        }
    }
}
