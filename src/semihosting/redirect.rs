//! The firmware's console as a byte stream.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::{Semihosting, refused, unexpected_reply};
use crate::error::{ConnectionError, Error, Result, SemihostingError, TimeoutError};
use crate::wire::Deadline;
use crate::wire::tcl;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which calls go to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Redirected {
    /// All of both kinds.
    All,
    /// `SYS_WRITEC`, `SYS_WRITE0` and `SYS_READC`.
    Debug,
    /// `SYS_WRITE` and `SYS_READ` on the console (`:tt`).
    Stdio,
}

/// What the firmware prints and reads by semihosting, from [`Semihosting::redirect`].
///
/// It is [`Read`] and [`Write`]; the errors hold an [`Error`] of this crate, a timeout has the kind [`io::ErrorKind::TimedOut`]. When the firmware exits, OpenOCD
/// ends, and reading is a [`ConnectionError::ServerDied`] after the last byte.
///
/// **Input.** While the firmware waits for input, OpenOCD waits with it and answers nothing else. It drops what is sent while the firmware does not wait. So write when the firmware
/// asks, or let [`RunUntil::input`](crate::RunUntil::input) serve it.
///
/// **End.** Dropping the stream ends the redirection where OpenOCD survives that: it does since October 2025. Before, 0.12.0 included, it crashes at the end of a redirection;
/// then it stays in place until OpenOCD ends, what still comes is thrown away, and there can't be another for the target. A program must not end before such an OpenOCD does.
#[derive(Debug)]
pub struct SemihostingStream<'a> {
    semihosting: Semihosting<'a>,
    stream: Option<TcpStream>,
    peer: SocketAddr,
    /// OpenOCD survives the end of the redirection.
    can_end: bool,
    read_timeout: Option<Duration>,
}

impl<'a> Semihosting<'a> {
    /// Gets what the firmware prints, and gives it what it reads (OpenOCD: `arm semihosting_redirect tcp PORT`). Semihosting must be enabled.
    ///
    /// OpenOCD listens on a free port, on the address of its TCL port, and takes one client, which is the returned stream.
    ///
    /// # Errors
    /// [`SemihostingError::Refused`] if semihosting is not enabled, [`AlreadyRedirected`](SemihostingError::AlreadyRedirected),
    /// [`NoPort`](SemihostingError::NoPort), [`Error::Connection`] if the port can't be reached, and those of [`Session::command`](crate::Session::command).
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
    pub fn redirect(self, what: Redirected) -> Result<SemihostingStream<'a>> {
        let word = match what {
            Redirected::All => "all",
            Redirected::Debug => "debug",
            Redirected::Stdio => "stdio",
        };
        let session = self.target.session();
        let request = self.target.request(format!("_openocd_rs_1_redirect {word}"));
        let request = request.shown(format!("arm semihosting_redirect tcp 0 {word}"));
        let (port, can_end) = session.run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| refused("redirect semihosting", failure))?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let Some([kind, first, second]) = tcl::elements(answer).take_array() else {
                return Err(unexpected_reply(&request, reply));
            };
            match (&*kind, crate::rtt::replies::port(&text(&first))) {
                (b"port", Some(port)) => Ok((port, *second == *b"1")),
                (b"busy", _) => Err(SemihostingError::AlreadyRedirected { target: text(&first) }.into()),
                (b"none", _) => Err(SemihostingError::NoPort { log: text(&first) }.into()),
                _ => Err(unexpected_reply(&request, reply)),
            }
        })??;
        let mut peer = session.peer();
        peer.set_port(port);
        let unreachable = |error| ConnectionError::Unreachable {
            address: format!("{peer} (semihosting)"),
            attempts: vec![(peer, error)],
        };
        let stream = match session.reach().1.connect_timeout {
            Some(limit) => TcpStream::connect_timeout(&peer, limit),
            None => TcpStream::connect(peer),
        };
        let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream)).map_err(unreachable)?;
        session.let_openocd_accept(Deadline::NEVER)?;
        Ok(SemihostingStream {
            semihosting: self,
            stream: Some(stream),
            peer,
            can_end,
            read_timeout: Some(DEFAULT_TIMEOUT),
        })
    }
}

impl SemihostingStream<'_> {
    /// How long a read waits for the first byte; `None` waits for ever. 10 s at first.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// The address of OpenOCD's semihosting server.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Waits for bytes, and takes what has come, as far as there is room.
    ///
    /// # Errors
    /// [`TimeoutError::Semihosting`], and [`Error::Connection`] if OpenOCD ended, as it does when the firmware exits.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let deadline = Deadline::after(self.read_timeout);
        let Some(stream) = &mut self.stream else { return Err(self.lost("reading from semihosting", None)) };
        loop {
            // A socket timeout of zero is none at all.
            let wait = deadline.remaining().map(|left| left.max(Duration::from_millis(1)));
            let read = stream.set_read_timeout(wait).and_then(|()| stream.read(buffer));
            match read {
                Ok(0) if !buffer.is_empty() => return Err(self.lost("reading from semihosting", None)),
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if deadline.remaining() == Some(Duration::ZERO) {
                        return Err(TimeoutError::Semihosting { after: deadline.span() }.into());
                    }
                }
                Err(error) => return Err(self.lost("reading from semihosting", Some(error))),
            }
        }
    }

    fn lost(&self, doing: &'static str, error: Option<io::Error>) -> Error {
        let peer = self.peer;
        let error = match error {
            Some(source) if source.kind() != io::ErrorKind::ConnectionReset => {
                ConnectionError::Io { peer, doing, source }
            }
            _ => ConnectionError::Closed { peer, doing },
        };
        self.semihosting.target.session().explain(error.into())
    }
}

impl Read for SemihostingStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer).map_err(into_io)
    }
}

impl Write for SemihostingStream<'_> {
    /// Sends input. Only what comes while the firmware waits for it gets there.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Err(into_io(self.lost("writing to semihosting", None))) };
        stream.write(buffer).map_err(|error| into_io(self.lost("writing to semihosting", Some(error))))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn into_io(error: Error) -> io::Error {
    let kind =
        if matches!(error, Error::Timeout(_)) { io::ErrorKind::TimedOut } else { io::ErrorKind::ConnectionAborted };
    io::Error::new(kind, error)
}

impl Drop for SemihostingStream<'_> {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        if !self.can_end {
            // OpenOCD must find somebody who reads, or it waits with every other client for the firmware's next word.
            let drain = move || {
                // Until OpenOCD ends, however that is reported.
                let _ = stream.set_read_timeout(None).and_then(|()| io::copy(&mut stream, &mut io::sink()));
            };
            if let Err(error) = std::thread::Builder::new().name("openocd semihosting".into()).spawn(drain) {
                log::warn!(target: "openocd::semihosting", "the redirection can't be kept: {error}");
            }
            return;
        }
        if let Err(error) = self.semihosting.ask("arm semihosting_redirect disable", "end the redirection") {
            log::debug!(target: "openocd::semihosting", "the redirection stays: {error}");
        }
        // It may be closed already, which is what is wanted.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
