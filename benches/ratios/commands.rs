//! Commands, one by one and in a batch.

use openocd::Session;

use crate::bare_server::BareServer;
use crate::measure::{Goal, Table};

pub(crate) fn run(table: &mut Table) {
    let session = Session::start(r#"-c "adapter driver dummy" -c noinit"#).expect("OpenOCD starts");
    let port = session.process().expect("a process of its own").tcl_port();
    let mut server = BareServer::connect(port);

    table.time(
        "one command, real OpenOCD",
        3000,
        Goal::AtMost(1.10),
        || assert_eq!(session.command("expr {40 + 2}").expect("an answer"), "42"),
        || assert_eq!(server.ask("expr {40 + 2}"), b"42"),
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
