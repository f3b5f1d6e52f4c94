//! The contract of a command: every one comes back as its exact code, result and log.
//!
//! A TCL port answers with bare text and no status. So every command runs through one small Tcl procedure
//! (`procedures/commands.tcl`), which returns all three, with a sequence number that no stray reply can carry.

mod execution;
mod fair_lock;
mod greeting;
mod link;
mod reply;
mod request;
mod script;
pub(crate) mod server_file;
mod token;
pub(crate) mod version;

pub use execution::Execution;
pub(crate) use fair_lock::{FairLock, Turn};
pub(crate) use link::{ALREADY_CLOSED, Link, SHORT_REPLY, Settings};
pub(crate) use reply::Reply;
pub(crate) use request::{Request, refuse_forbidden};
pub(crate) use script::Script;
pub(crate) use token::{OwnServer, Token};
