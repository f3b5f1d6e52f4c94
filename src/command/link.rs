//! A connection that runs commands one at a time, and replaces itself after a failed exchange.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;

use super::exchange::{ExchangeError, TRACE_LIMIT, read_reply, receive_frame, receive_reply};
use super::interrupt::Interrupt;
use super::reply::Reply;
use super::request::{Request, push_batch, push_run, refuse_forbidden, refuse_too_long};
use super::settings::Settings;
use super::token::Token;
use super::{dial, greeting};
use crate::error::text::excerpt;
use crate::error::{CommandError, ConnectionError, Error, Result, UnexpectedReply};
use crate::wire::frame::SEPARATOR;
use crate::wire::{Address, Connection, Deadline, TransferError};

/// What a batch sets aside for each reply, in bytes. The procedure counts longer replies only.
pub(crate) const SHORT_REPLY: usize = 120;

/// A longer line is not kept for the next command.
const LINE_KEPT: usize = 64 * 1024;

pub(crate) const ALREADY_CLOSED: &str = "an earlier command ran; `Session::reconnect` makes a new one";

/// A connection for one command at a time, with what is needed to replace it.
pub(crate) struct Link {
    address: Address,
    pub(super) settings: Settings,
    state: State,
    sequence: u64,
    version: String,
    interrupt: Arc<Interrupt>,
    /// The last request was sent, at least in part.
    was_sent: bool,
    /// The last line, and the last script of a series: the next ones reuse their allocations.
    line: Vec<u8>,
    script: String,
}

enum State {
    Ready(Connection),
    /// The last exchange failed. The next command makes a new connection to the same OpenOCD.
    Stale,
    /// OpenOCD closed the connection, or cannot be reached. Only [`Link::reconnect`] makes one.
    Closed {
        peer: SocketAddr,
    },
    /// The session was closed, for all of its handles.
    Ended {
        peer: SocketAddr,
    },
}

impl Link {
    pub(crate) fn open(address: Address, settings: Settings) -> Result<Self> {
        let mut link = Link {
            address,
            settings,
            state: State::Stale,
            sequence: 0,
            version: String::new(),
            interrupt: Arc::default(),
            was_sent: false,
            line: Vec::new(),
            script: String::new(),
        };
        link.renew()?;
        Ok(link)
    }

    /// The reply to `version` on the present connection.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Where to connect to this OpenOCD once more, and with which limits.
    pub(crate) fn reach(&self) -> (Address, Settings) {
        (self.address.clone(), self.settings.clone())
    }

    /// The connection, for another use than commands.
    pub(crate) fn into_connection(self) -> Result<Connection> {
        let peer = self.peer();
        match self.state {
            State::Ready(connection) => Ok(connection),
            State::Ended { .. } => Err(ConnectionError::SessionClosed.into()),
            State::Closed { .. } | State::Stale => Err(ConnectionError::Closed { peer, doing: ALREADY_CLOSED }.into()),
        }
    }

    /// Another handle of the present connection's socket, to end a wait of another thread.
    pub(crate) fn handle(&self) -> io::Result<TcpStream> {
        match &self.state {
            State::Ready(connection) => connection.handle(),
            State::Closed { .. } | State::Stale | State::Ended { .. } => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The address of the other end.
    pub(crate) fn peer(&self) -> SocketAddr {
        match &self.state {
            State::Ready(connection) => connection.peer(),
            State::Closed { peer } | State::Ended { peer } => *peer,
            State::Stale => self.address.first(),
        }
    }

    /// Closes the connection for good.
    pub(crate) fn close(&mut self) {
        self.state = State::Ended { peer: self.peer() };
    }

    /// By which another thread ends the command that is under way.
    pub(crate) fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.interrupt)
    }

    /// Replaces the connection by a new one, to whatever OpenOCD is there.
    pub(crate) fn reconnect(&mut self) -> Result<()> {
        if let State::Ended { .. } = self.state {
            return Err(ConnectionError::SessionClosed.into());
        }
        self.settings.birth = None;
        self.renew()
    }

    fn renew(&mut self) -> Result<()> {
        self.interrupt.clear();
        self.state = State::Closed { peer: self.peer() };
        let deadline = Deadline::after(self.settings.timeout);
        let connection = self.connect(&Request::new("version"), deadline)?;
        self.state = State::Ready(connection);
        Ok(())
    }

    /// Whether OpenOCD may have run the last request that failed.
    pub(crate) fn was_sent(&self) -> bool {
        self.was_sent
    }

    /// Connects, and makes sure that an OpenOCD answers, before the deadline of the request that
    /// waits for it.
    fn connect(&mut self, request: &Request<'_>, deadline: Deadline) -> Result<Connection> {
        if let Some(own) = &self.settings.own {
            own.check_running("connecting")?;
        }
        let (mut connection, mut greeting) =
            dial::dial(&self.address, &self.settings, request, deadline, &self.interrupt)?;
        self.interrupt.cover(&connection)?;
        let peer = connection.peer();
        // A foreign OpenOCD is not given procedures.
        if self.settings.own.as_ref().is_some_and(|own| own.token.as_str() != greeting.token) {
            return Err(ConnectionError::ForeignServer { peer }.into());
        }
        if !greeting.is_prepared {
            let frame = exchange(&mut connection, &greeting::definitions(), deadline)
                .map_err(|error| error.into_error(|| dial::reply_timeout(peer, request, deadline)))?;
            let bytes = connection.bytes(frame);
            greeting = greeting::greeting(bytes).ok_or_else(|| ConnectionError::not_openocd(peer, bytes))?;
        }
        if *self.settings.birth.get_or_insert_with(|| greeting.birth.clone()) != greeting.birth {
            self.state = State::Closed { peer };
            return Err(ConnectionError::ForeignServer { peer }.into());
        }
        self.version = greeting.version;
        // Whoever started this OpenOCD tells our replies in its log by their numbers.
        if let Some(token) = Token::parse(&greeting.token) {
            self.sequence = token.sequence_after(self.sequence);
        }
        Ok(connection)
    }

    /// Runs a request and hands its reply to `read` while it is still in the receive buffer.
    pub(crate) fn run<T>(&mut self, request: &Request<'_>, read: impl FnOnce(&Reply<'_>) -> T) -> Result<T> {
        refuse_forbidden(&request.script)?;
        self.run_line(request, |line, sequence| push_run(line, sequence, request, &request.script), read)
    }

    /// Runs commands one after the other. The result of the reply is the list of their results, and
    /// its log lists the failures and logs (the procedure `batch` in `procedures/commands.tcl`).
    ///
    /// Ends early when the replies take half of the reply limit, or at the first failure if
    /// `stop_at_failure` is set. `request` gives the target and the timeout of all commands; its
    /// script is not run.
    pub(crate) fn run_batch<T>(
        &mut self,
        request: &Request<'_>,
        stop_at_failure: bool,
        commands: &[&Request<'_>],
        read: impl FnOnce(&Reply<'_>) -> T,
    ) -> Result<T> {
        let room = self.settings.reply_limit / 2;
        let room = room.saturating_sub(commands.len() * SHORT_REPLY);
        let write =
            |line: &mut Vec<u8>, sequence| push_batch(line, sequence, request.target, stop_at_failure, room, commands);
        self.run_line(request, write, read)
    }

    /// Runs several commands that are one call to its caller. The next commands are sent while a
    /// reply is read.
    ///
    /// `prepare` writes the next script, or returns false if there is none or enough commands are
    /// under way. `read` takes the next reply. The first error ends the series. OpenOCD executes
    /// the commands that are under way then, so this is for commands that change nothing. Scripts
    /// must be short: OpenOCD reads nothing while it writes a reply.
    pub(crate) fn run_series(
        &mut self,
        request: &Request<'_>,
        mut prepare: impl FnMut(&mut String) -> bool,
        mut read: impl FnMut(&Reply<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut line = std::mem::take(&mut self.line);
        let mut script = std::mem::take(&mut self.script);
        let first = self.sequence + 1;
        let mut sent = 0;
        let mut outcome = Ok(());
        let timeout = request.timeout.or(self.settings.timeout);
        let deadline = || Deadline::after(timeout).sooner(request.deadline());
        let exchanged = self.with_connection(request, deadline(), |connection| {
            let mut plain = Vec::new();
            let mut received = 0;
            let mut arrived: Option<Range<usize>> = None;
            loop {
                line.clear();
                while outcome.is_ok() {
                    script.clear();
                    if !prepare(&mut script) {
                        break;
                    }
                    log::trace!(target: "openocd::command", "> {}", excerpt(script.as_bytes(), TRACE_LIMIT));
                    push_run(&mut line, first + sent, request, &script);
                    sent += 1;
                }
                if !line.is_empty() {
                    connection.send(&line, deadline())?;
                }
                // OpenOCD works on the next commands while this reply is read.
                if let Some(frame) = arrived.take() {
                    let reply = read_reply(connection, frame, &mut plain)?;
                    if outcome.is_ok() {
                        outcome = read(&reply);
                    }
                }
                if received == sent {
                    return Ok(());
                }
                // A command's time begins when OpenOCD has answered the one before.
                arrived = Some(receive_frame(connection, first + received, deadline())?);
                received += 1;
            }
        });
        self.sequence += sent;
        exchanged?;
        self.line = line;
        self.script = script;
        outcome
    }

    /// When a request that is sent now gives up.
    fn deadline_of(&self, request: &Request<'_>) -> Deadline {
        Deadline::after(request.timeout.or(self.settings.timeout)).sooner(request.deadline())
    }

    /// Sends the line that `write` makes of a sequence number, and hands the reply over.
    fn run_line<T>(
        &mut self,
        request: &Request<'_>,
        write: impl FnOnce(&mut Vec<u8>, u64),
        read: impl FnOnce(&Reply<'_>) -> T,
    ) -> Result<T> {
        self.sequence += 1;
        let sequence = self.sequence;
        self.was_sent = false;
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        write(&mut line, sequence);
        refuse_too_long(&line)?;
        log::trace!(target: "openocd::command", "> {}", excerpt(request.name().as_bytes(), TRACE_LIMIT));
        let deadline = self.deadline_of(request);
        let value = self.with_connection(request, deadline, |connection| {
            connection.send(&line, deadline)?;
            Ok(read(&receive_reply(connection, sequence, deadline, &mut Vec::new())?))
        });
        if line.capacity() <= LINE_KEPT {
            self.line = line;
        }
        value
    }

    /// Sends the text as it is and returns the bare reply.
    ///
    /// A marker of our own follows in the same write. Its reply shows where the reply of the
    /// command ends, which may hold 0x1a itself.
    pub(crate) fn raw(&mut self, request: &Request<'_>) -> Result<Vec<u8>> {
        let command = &*request.script;
        refuse_forbidden(command)?;
        let mut line = Vec::from(command);
        line.push(SEPARATOR);
        refuse_too_long(&line)?;
        self.sequence += 1;
        let marker = format!("{} 0 openocd-rs-marker", self.sequence);
        line.extend_from_slice(format!("list {marker}").as_bytes());
        line.push(SEPARATOR);
        log::trace!(target: "openocd::command", "> (raw) {}", excerpt(command.as_bytes(), TRACE_LIMIT));
        let deadline = self.deadline_of(request);
        let limit = self.settings.reply_limit;
        self.with_connection(request, deadline, |connection| {
            connection.send(&line, deadline)?;
            let frame = connection.receive(deadline)?;
            let mut reply = connection.bytes(frame).to_vec();
            loop {
                match connection.receive(deadline) {
                    Ok(frame) if connection.bytes(frame.clone()) == marker.as_bytes() => break,
                    Ok(frame) => {
                        reply.push(SEPARATOR);
                        reply.extend_from_slice(connection.bytes(frame));
                        if reply.len() > limit {
                            return Err(connection.too_long(&reply).into());
                        }
                    }
                    // `shutdown` and `exit` answer, and then OpenOCD hangs up. The next command
                    // reports that.
                    Err(TransferError::Connection(ConnectionError::Closed { .. })) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            log::trace!(target: "openocd::command", "< (raw) {}", excerpt(&reply, TRACE_LIMIT));
            Ok(reply)
        })
    }

    /// Runs one exchange. The connection is put back only if the exchange succeeded, so neither an
    /// error nor a panic can leave a connection in use that still owes a reply.
    fn with_connection<T>(
        &mut self,
        request: &Request<'_>,
        deadline: Deadline,
        exchange: impl FnOnce(&mut Connection) -> Result<T, ExchangeError>,
    ) -> Result<T> {
        self.was_sent = false;
        let mut connection = match std::mem::replace(&mut self.state, State::Stale) {
            State::Ready(connection) => connection,
            State::Stale => {
                log::debug!(target: "openocd::connection", "replacing the connection after a failed exchange");
                self.connect(request, deadline)?
            }
            State::Ended { peer } => {
                self.state = State::Ended { peer };
                return Err(ConnectionError::SessionClosed.into());
            }
            State::Closed { peer } => {
                self.state = State::Closed { peer };
                return Err(ConnectionError::Closed { peer, doing: ALREADY_CLOSED }.into());
            }
        };
        if self.interrupt.is_set() {
            return Err(ConnectionError::Interrupted.into());
        }
        connection.discard_unasked();
        self.was_sent = true;
        let peer = connection.peer();
        let error = match exchange(&mut connection) {
            Ok(value) => {
                self.state = State::Ready(connection);
                return Ok(value);
            }
            Err(_) if self.interrupt.is_set() => ConnectionError::Interrupted.into(),
            Err(ExchangeError::Unreadable(reply)) => {
                let expected =
                    "a reply with its number, in Tcl's form (has a command redefined `list`, `set` or `catch`?)";
                Error::from(CommandError::from(UnexpectedReply::new(request.name(), expected, reply)))
            }
            Err(ExchangeError::Transfer(error)) => {
                if let TransferError::Connection(ConnectionError::Closed { peer, .. }) = &error {
                    self.state = State::Closed { peer: *peer };
                }
                error.into_error(|| dial::reply_timeout(peer, request, deadline))
            }
        };
        log::debug!(target: "openocd::connection", "gave up the connection to {peer}: {error}");
        Err(error)
    }
}

/// `Link(localhost:6666)`
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.address.text())
    }
}

fn exchange(connection: &mut Connection, line: &[u8], deadline: Deadline) -> Result<Range<usize>, TransferError> {
    connection.discard_unasked();
    connection.send(line, deadline)?;
    connection.receive(deadline)
}
