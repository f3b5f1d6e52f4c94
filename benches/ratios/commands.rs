//! Commands, one by one and in a batch.

use std::io::{Read, Write};
use std::net::TcpStream;

use openocd::Session;

use crate::measure::{Goal, Table};

pub(crate) fn run(table: &mut Table) {
    let session = Session::start(r#"-c "adapter driver dummy" -c noinit"#).expect("OpenOCD starts");
    let port = session.process().expect("a process of its own").tcl_port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_nodelay(true).expect("an open socket");

    let mut piece = vec![0; 4096];
    table.time(
        "one command, real OpenOCD",
        3000,
        Goal::AtMost(1.10),
        || assert_eq!(session.command("expr {40 + 2}").expect("an answer"), "42"),
        || {
            stream.write_all(b"expr {40 + 2}\x1a").expect("an open socket");
            let mut filled = 0;
            while filled == 0 || piece[filled - 1] != 0x1a {
                let read = stream.read(&mut piece[filled..]).expect("an open socket");
                assert_ne!(read, 0, "OpenOCD ended");
                filled += read;
            }
            assert_eq!(&piece[..filled], b"42\x1a");
        },
    );

    table.time(
        "100 commands in a `Batch`",
        200,
        Goal::AtMost(1.0 / 15.0),
        || {
            let mut batch = session.batch();
            let handles: Vec<_> = (0..100).map(|_| batch.command("adapter name")).collect();
            batch.run().expect("an answer");
            for handle in handles {
                assert_eq!(handle.result().expect("a name").trim_end(), "dummy");
            }
        },
        || {
            for _ in 0..100 {
                assert_eq!(session.command("adapter name").expect("a name").trim_end(), "dummy");
            }
        },
    );
}
