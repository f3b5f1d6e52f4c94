//! A server of our own, only for what a real OpenOCD cannot be made to do: garbage, half replies,
//! silence.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Serves each connection with `serve`, on a thread of its own, as long as the test runs.
pub fn serve(serve: impl Fn(Client) + Send + Sync + 'static) -> SocketAddr {
    serve_on(TcpListener::bind("127.0.0.1:0").expect("a free port"), serve)
}

/// The same on a socket of the test's own.
pub fn serve_on(listener: TcpListener, serve: impl Fn(Client) + Send + Sync + 'static) -> SocketAddr {
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(Client::new(stream.expect("a connection")));
        }
    });
    address
}

/// Stands between a client and an OpenOCD, and counts the commands.
pub fn counting(openocd: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let address = serve(move |mut client| {
        let mut server = TcpStream::connect(openocd).expect("OpenOCD");
        server.set_nodelay(true).expect("a socket");
        let (mut replies, mut back) =
            (server.try_clone().expect("a handle"), client.stream.try_clone().expect("a handle"));
        thread::spawn(move || io::copy(&mut replies, &mut back));
        while let Some(command) = client.command() {
            counter.fetch_add(1, Ordering::AcqRel);
            server.write_all(format!("{command}\x1a").as_bytes()).expect("OpenOCD reads");
        }
        let _ = server.shutdown(Shutdown::Both);
    });
    (address, count)
}

/// One connection, from the server's side.
pub struct Client {
    reader: BufReader<TcpStream>,
    pub stream: TcpStream,
}

impl Client {
    fn new(stream: TcpStream) -> Client {
        Client { reader: BufReader::new(stream.try_clone().expect("a second handle")), stream }
    }

    /// The next command, without its separator; `None` once the client is gone.
    pub fn command(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        loop {
            let mut byte = [0];
            match self.reader.read(&mut byte) {
                Ok(1) if byte[0] == 0x1a => return Some(String::from_utf8(bytes).expect("text")),
                Ok(1) => bytes.push(byte[0]),
                _ => return None,
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // The client may have hung up on purpose.
        let _ = self.stream.write_all(bytes);
    }

    /// Answers the question for our procedures, and their definitions, as every OpenOCD does that
    /// does not know them.
    pub fn greet(&mut self) -> Option<()> {
        for _ in 0..2 {
            self.command()?;
            self.send(b"openocd-rs {Open On-Chip Debugger 0.12.0} {} 0 1\x1a");
        }
        Some(())
    }

    /// The sequence number of the next command, for an answer of the test's own.
    pub fn sequence(&mut self) -> Option<String> {
        let command = self.command()?;
        Some(command.split(' ').nth(1).expect("a wrapped command").to_owned())
    }
}
