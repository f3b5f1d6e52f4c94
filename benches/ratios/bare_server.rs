//! OpenOCD's TCL port without this crate: bytes out, bytes in.

use std::io::{Read, Write};
use std::net::TcpStream;

pub(crate) struct BareServer {
    stream: TcpStream,
    piece: Vec<u8>,
}

impl BareServer {
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_nodelay(true).expect("an open socket");
        BareServer { stream, piece: vec![0; 64 * 1024] }
    }

    /// Sends a command and returns the answer, which must fit.
    pub(crate) fn ask(&mut self, command: &str) -> &[u8] {
        let mut line = Vec::with_capacity(command.len() + 1);
        line.extend_from_slice(command.as_bytes());
        line.push(0x1a);
        self.stream.write_all(&line).expect("an open socket");
        let mut filled = 0;
        while filled == 0 || self.piece[filled - 1] != 0x1a {
            let read = self.stream.read(&mut self.piece[filled..]).expect("an open socket");
            assert_ne!(read, 0, "OpenOCD ended");
            filled += read;
        }
        &self.piece[..filled - 1]
    }
}
