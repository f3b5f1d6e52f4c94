//! Stands between a session and an OpenOCD, and changes what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What happens to the bytes of one read. `false` ends the connection.
pub type Change = dyn Fn(&[u8], &mut TcpStream) -> bool + Send + Sync;

/// Serves clients for as long as the test runs. `requests` handles what goes to OpenOCD, `replies`
/// what comes back.
pub fn start(openocd: SocketAddr, requests: Arc<Change>, replies: Arc<Change>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(openocd)) else { continue };
            for stream in [&client, &server] {
                let _ = stream.set_nodelay(true);
            }
            let (Ok(client_back), Ok(server_back)) = (client.try_clone(), server.try_clone()) else { continue };
            let (requests, replies) = (Arc::clone(&requests), Arc::clone(&replies));
            thread::spawn(move || pump(client, server, &*requests));
            thread::spawn(move || pump(server_back, client_back, &*replies));
        }
    });
    address
}

fn pump(mut from: TcpStream, mut to: TcpStream, change: &Change) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut bytes) {
        if read == 0 || !change(&bytes[..read], &mut to) {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Passes everything on as it is.
pub fn unchanged() -> Arc<Change> {
    Arc::new(|bytes, to| to.write_all(bytes).is_ok())
}
