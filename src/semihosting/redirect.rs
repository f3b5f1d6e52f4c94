//! OpenOCD's redirection of the firmware's console, as a byte stream.

mod feeder;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use super::Semihosting;
use crate::command::Script;
use crate::error::{ConnectionError, Error, InvalidArgument, Result, SemihostingError, TimeoutError};
use crate::target::KeptTarget;
use crate::wire::number::flag;
use crate::wire::{ByteStream, Deadline, TransferError, tcl};
use feeder::Feeder;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

const DOING: &str = "reading from semihosting";

/// Which calls are redirected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Redirected {
    /// Both kinds.
    All,
    /// `SYS_WRITEC`, `SYS_WRITE0` and `SYS_READC`.
    Debug,
    /// `SYS_WRITE` and `SYS_READ` on the console (`:tt`).
    Stdio,
}

impl Redirected {
    fn word(self) -> &'static str {
        match self {
            Redirected::All => "all",
            Redirected::Debug => "debug",
            Redirected::Stdio => "stdio",
        }
    }
}

/// `all`, `debug` or `stdio`
impl fmt::Display for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Redirected {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [Redirected::All, Redirected::Debug, Redirected::Stdio];
        let found = all.into_iter().find(|what| what.word() == text);
        found.ok_or_else(|| {
            SemihostingError::from(InvalidArgument::new("redirection", "all, debug or stdio", text)).into()
        })
    }
}

/// The console of firmware whose semihosting OpenOCD serves, from [`Semihosting::redirect`].
///
/// Implements [`Read`] and [`Write`]; their errors hold an [`Error`] of this crate, and a timeout
/// has the kind [`io::ErrorKind::TimedOut`]. The stream owns a handle of its session and can be
/// moved into another thread. When the firmware exits, OpenOCD ends, and reading fails with
/// [`ConnectionError::ServerDied`] after the last byte.
///
/// # Input
/// A write returns at once. The crate holds the bytes until the firmware asks for input, and then
/// sends one at a time: OpenOCD drops input that the firmware has not asked for. OpenOCD does not
/// report that the firmware asks; it only stops answering commands. So a byte may be lost after
/// another client's command that takes longer than a quarter of a second. While the firmware waits
/// for input that is missing, OpenOCD answers no command, and the session's calls time out.
/// [`SemihostingConsole`](crate::SemihostingConsole) has none of these limits.
///
/// # End
/// Dropping the stream ends the redirection, and drops input that the firmware has not asked for.
/// OpenOCD before October 2025, 0.12.0 included, crashes at the end of a redirection. With such an
/// OpenOCD the redirection stays until OpenOCD ends, this crate discards its output, and the target
/// cannot be redirected again. A program must not end before such an OpenOCD does.
pub struct SemihostingStream {
    target: KeptTarget,
    stream: ByteStream,
    feeder: Feeder,
    /// OpenOCD survives the end of the redirection.
    can_end: bool,
    read_timeout: Option<Duration>,
}

impl Semihosting<'_> {
    /// Redirects what the firmware prints and reads to the returned stream (OpenOCD:
    /// `arm semihosting_redirect tcp PORT`). Semihosting must be [enabled](Self::enable); the
    /// target may be running.
    ///
    /// OpenOCD listens on a free port, on the address of its TCL port, and takes one client, which
    /// is the stream.
    ///
    /// # Errors
    /// [`SemihostingError::Refused`] if semihosting is not enabled,
    /// [`SemihostingError::AlreadyRedirected`], and [`ConnectionError::StreamUnreachable`] if the
    /// port cannot be reached. The redirection is ended then. An OpenOCD before October 2025 cannot
    /// end one: what the firmware prints is lost from then on, until OpenOCD is started anew.
    ///
    /// ```
    /// # use virtual_chip::firmware::semihosting as firmware;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(firmware::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::io::Read;
    /// use openocd::{Redirected, ResetMode};
    ///
    /// session.target().reset(ResetMode::Halt)?;
    /// session.semihosting().enable()?;
    /// let mut console = session.semihosting().redirect(Redirected::All)?;
    /// session.target().resume()?;
    /// let mut hello = [0; 5];
    /// console.read_exact(&mut hello)?;
    /// assert_eq!(&hello, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn redirect(self, what: Redirected) -> Result<SemihostingStream> {
        let session = self.target.session();
        let [first, last] = session.stream_ports().map_err(SemihostingError::from)?;
        let request = self.target.request(Script::call("redirect").word(what.word()).number(first).number(last));
        let request = request.shown(format!("arm semihosting_redirect tcp 0 {what}"));
        let request = request.to("redirect semihosting").expecting("a port");
        let (port, can_end) = session.ask::<SemihostingError, _>(&request, |answer| {
            let [kind, first, second] = tcl::strings::<3>(answer)?;
            match &*kind {
                "port" => Some(Ok((first.trim().parse().ok().filter(|port| *port != 0)?, flag(&second)?))),
                "busy" => Some(Err(SemihostingError::AlreadyRedirected { target: first })),
                "none" => Some(Err(SemihostingError::NoPort { log: first })),
                _ => None,
            }
        })??;
        let (feeder, stream) = self.connect_to(port).inspect_err(|_| {
            // What the firmware prints would be lost.
            if let Some(error) = can_end.then(|| self.end_redirection().err()).flatten() {
                log::debug!(target: "openocd::semihosting", "the redirection stays: {error}");
            }
        })?;
        let read_timeout = Some(DEFAULT_TIMEOUT);
        Ok(SemihostingStream { target: self.target.keep(), stream, feeder, can_end, read_timeout })
    }

    fn connect_to(&self, port: u16) -> Result<(Feeder, ByteStream)> {
        let session = self.target.session();
        let (mut peer, limit) = session.endpoint(Deadline::NEVER)?;
        let feeder = Feeder::new(session.clone(), peer);
        peer.set_port(port);
        let stream = ByteStream::connect(peer, "semihosting", Deadline::after(limit))?;
        session.let_openocd_accept(Deadline::NEVER)?;
        session.shut_down_at_close(stream.socket());
        Ok((feeder, stream))
    }
}

impl SemihostingStream {
    /// Sets how long a read waits for the first byte; `None` waits for ever. 10 s by default.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// Returns the address of OpenOCD's semihosting server.
    pub fn peer(&self) -> SocketAddr {
        self.stream.peer()
    }

    /// Waits for bytes, and returns how many were put into `buffer`.
    ///
    /// # Errors
    /// [`TimeoutError::Semihosting`], and [`Error::Connection`] if OpenOCD ended, as it does when
    /// the firmware exits.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let deadline = Deadline::after(self.read_timeout);
        self.stream.read(buffer, deadline, DOING).map_err(|error| match error {
            TransferError::DeadlinePassed => TimeoutError::Semihosting { after: deadline.span() }.into(),
            TransferError::Connection(error) => self.lost(error),
        })
    }

    fn lost(&self, error: ConnectionError) -> Error {
        self.target.session().explain(error.into())
    }
}

/// `SemihostingStream(127.0.0.1:40113)`
impl fmt::Debug for SemihostingStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SemihostingStream({})", self.stream.peer())
    }
}

impl Read for SemihostingStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer).map_err(into_io)
    }
}

impl Write for SemihostingStream {
    /// Holds the bytes until the firmware asks for input. See [`SemihostingStream`].
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let fed = self.feeder.feed(&self.stream, buffer);
        fed.map(|()| buffer.len()).map_err(|error| into_io(self.lost(error)))
    }

    /// Does nothing. Only the firmware can take what is held.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn into_io(error: Error) -> io::Error {
    let kind =
        if matches!(error, Error::Timeout(_)) { io::ErrorKind::TimedOut } else { io::ErrorKind::ConnectionAborted };
    io::Error::new(kind, error)
}

impl Drop for SemihostingStream {
    fn drop(&mut self) {
        self.feeder.end();
        if self.can_end {
            if let Err(error) = self.target.view().semihosting().end_redirection() {
                log::debug!(target: "openocd::semihosting", "the redirection stays: {error}");
            }
            self.stream.shut_down();
            return;
        }
        // Somebody must read, or OpenOCD waits for that with all of its clients when the firmware
        // prints.
        let stream = self.stream.clone();
        let drain = move || {
            let mut buffer = [0; 4096];
            // Until OpenOCD ends, however that is reported.
            while stream.read(&mut buffer, Deadline::NEVER, DOING).is_ok() {}
        };
        if let Err(error) = std::thread::Builder::new().name("openocd semihosting".into()).spawn(drain) {
            log::warn!(target: "openocd::semihosting", "the redirection cannot be kept: {error}");
        }
    }
}

const _: () = {
    const fn is_sent<T: Send + 'static>() {}
    is_sent::<SemihostingStream>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_is_printed_as_it_is_typed() {
        for what in [Redirected::All, Redirected::Debug, Redirected::Stdio] {
            assert_eq!(what.to_string().parse::<Redirected>().unwrap(), what);
        }
        let error = "none".parse::<Redirected>().unwrap_err();
        assert_eq!(error.to_string(), "invalid redirection: expected all, debug or stdio, got none");
    }
}
