//! What goes over a socket: frames, Tcl words, deadlines, connections. Nothing here knows OpenOCD's
//! commands.

mod address;
mod byte_stream;
mod connection;
mod deadline;
pub(crate) mod frame;
pub(crate) mod number;
pub(crate) mod tcl;

pub(crate) use address::Address;
pub use address::Endpoint;
pub(crate) use byte_stream::ByteStream;
pub(crate) use connection::{Connection, TransferError};
pub(crate) use deadline::Deadline;
