//! The contract of a command: its code, result and log come back exactly.
//!
//! A TCL port answers with bare text and no status. So every command runs through one small Tcl
//! procedure (`procedures/commands.tcl`). It returns the three, with the sequence number of the
//! command.

mod dial;
mod exchange;
mod execution;
mod fair_lock;
mod greeting;
mod interrupt;
mod link;
mod reply;
mod request;
mod script;
mod settings;
mod token;
pub(crate) mod version;

pub use execution::Execution;
pub(crate) use fair_lock::{FairLock, Turn};
pub(crate) use interrupt::Interrupt;
pub(crate) use link::{ALREADY_CLOSED, Link, SHORT_REPLY};
pub(crate) use reply::Reply;
pub(crate) use request::{Request, refuse_forbidden};
pub(crate) use script::Script;
pub(crate) use settings::Settings;
pub(crate) use token::{OwnServer, Token};
