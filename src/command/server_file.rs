//! A temporary file on the machine of the OpenOCD, for commands that take their data from a file only.

use crate::Session;
use crate::command::{Reply, Request};
use crate::error::{Error, JtagError, Refused, Result, UnexpectedReply};
use crate::wire::tcl;

/// How much of the data one command carries: at most four times as much on the wire, where OpenOCD takes 4 MiB.
const CHUNK: usize = 512 * 1024;

/// A file that belongs to the OpenOCD's user alone, and is deleted with this unless a script [takes it over](Self::into_path).
pub(crate) struct ServerFile<'a> {
    session: &'a Session,
    path: String,
    taken: bool,
}

impl<'a> ServerFile<'a> {
    /// A new file with these bytes in it.
    pub(crate) fn with(session: &'a Session, bytes: &[u8]) -> Result<Self> {
        let request = Request::new("_openocd_rs_1_temporary_file").shown("file tempfile");
        let path = run(session, &request, |reply| String::from_utf8_lossy(&reply.result).into_owned())?;
        let file = ServerFile { session, path, taken: false };
        let path = file.word();
        for chunk in bytes.chunks(CHUNK) {
            let script = format!("_openocd_rs_1_append_file {path} {}", tcl::quote_bytes(chunk));
            run(session, &Request::new(script).shown(format!("puts {path}")), |_| ())?;
        }
        let request = Request::new(format!("file size {path}"));
        let size = run(session, &request, |reply| String::from_utf8_lossy(&reply.result).into_owned())?;
        if size.trim().parse() != Ok(bytes.len()) {
            let command = request.name().to_owned();
            return Err(JtagError::UnexpectedReply(UnexpectedReply {
                command,
                expected: "the length of what was written",
                reply: size,
            })
            .into());
        }
        Ok(file)
    }

    /// Its path, for a command that deletes it.
    pub(crate) fn into_path(mut self) -> String {
        self.taken = true;
        self.path.clone()
    }

    fn word(&self) -> String {
        tcl::quote(&self.path).into_owned()
    }
}

impl Drop for ServerFile<'_> {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let request = Request::new(format!("file delete {}", self.word()));
        if let Err(error) = run(self.session, &request, |_| ()) {
            log::warn!(target: "openocd::command", "a temporary file stays behind on OpenOCD's machine: {error}");
        }
    }
}

fn run<T>(session: &Session, request: &Request<'_>, read: impl FnOnce(&Reply<'_>) -> T) -> Result<T> {
    session.run(request, |reply| match reply.success(request) {
        Ok(_) => Ok(read(reply)),
        Err(failure) => {
            let doing = "put the data into a file on OpenOCD's machine".to_owned();
            Err(Error::from(JtagError::Refused(Refused { operation: doing, failure })))
        }
    })?
}
