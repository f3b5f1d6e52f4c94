//! The contract of a command: every one comes back as its exact code, result and log.
//!
//! A TCL port answers with bare text and no status. So every command runs through one small Tcl procedure
//! (`prelude.tcl`), which returns all three, with a sequence number that no stray reply can carry.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use crate::error::{CommandError, ConnectionError, Error, Failure, Result, TimeoutError};
use crate::frame::SEPARATOR;
use crate::tcl;
use crate::text::excerpt;
use crate::transport::{Address, Connection, Deadline, TransferError};

/// OpenOCD's line buffer (`TCL_LINE_MAX` in `src/server/tcl_server.c`), separator included.
const LINE_LIMIT: usize = 4 * 1024 * 1024 - 1;

/// How much of a command or reply a trace line shows.
const TRACE_LIMIT: usize = 200;

const ALREADY_CLOSED: &str = "an earlier command ran; `Session::reconnect` makes a new one";

const PRELUDE: &str = include_str!("prelude.tcl");

/// What to run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request<'a> {
    /// The Tcl script.
    pub(crate) script: Cow<'a, str>,
    /// What errors and logs show in place of the script: the OpenOCD command that a user would type.
    pub(crate) shown: Option<Cow<'a, str>>,
    /// Run on this target in place of the connection's current one, which is the same again afterwards.
    pub(crate) target: Option<&'a str>,
    /// In place of the session's own.
    pub(crate) timeout: Option<Duration>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(script: impl Into<Cow<'a, str>>) -> Self {
        Request { script: script.into(), ..Request::default() }
    }

    pub(crate) fn shown(mut self, shown: impl Into<Cow<'a, str>>) -> Self {
        self.shown = Some(shown.into());
        self
    }

    pub(crate) fn on(mut self, target: Option<&'a str>) -> Self {
        self.target = target;
        self
    }

    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.script)
    }
}

/// What came back, borrowed from the receive buffer.
#[derive(Debug)]
pub(crate) struct Reply<'b> {
    pub(crate) code: i32,
    pub(crate) result: Cow<'b, [u8]>,
    pub(crate) log: Cow<'b, [u8]>,
}

impl Reply<'_> {
    /// The result if the code is 0, otherwise OpenOCD's refusal.
    pub(crate) fn success(&self, request: &Request<'_>) -> Result<&[u8], Box<Failure>> {
        if self.code == 0 { Ok(&self.result) } else { Err(Box::new(self.failure(request))) }
    }

    pub(crate) fn failure(&self, request: &Request<'_>) -> Failure {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Failure::new(request.name(), self.code, text(&self.result), text(&self.log))
    }
}

/// What a session asks of its connections.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) reply_limit: usize,
}

/// A connection through which commands run one at a time, and the knowledge of how to replace it.
#[derive(Debug)]
pub(crate) struct Link {
    address: Address,
    settings: Settings,
    state: State,
    sequence: u64,
    version: String,
}

#[derive(Debug)]
enum State {
    Ready(Connection),
    /// The last exchange did not end well, and the connection with it: the next command makes a new one.
    Stale,
    /// OpenOCD closed the connection. Only [`Link::reconnect`] makes a new one: whatever answers there now
    /// may be another OpenOCD.
    Closed {
        peer: SocketAddr,
    },
}

impl Link {
    pub(crate) fn open(address: Address, settings: Settings) -> Result<Self> {
        let mut link = Link { address, settings, state: State::Stale, sequence: 0, version: String::new() };
        link.reconnect()?;
        Ok(link)
    }

    /// What `version` answered on the present connection.
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
            State::Closed { .. } | State::Stale => Err(ConnectionError::Closed { peer, doing: ALREADY_CLOSED }.into()),
        }
    }

    /// The address of the other end.
    pub(crate) fn peer(&self) -> SocketAddr {
        match &self.state {
            State::Ready(connection) => connection.peer(),
            State::Closed { peer } => *peer,
            State::Stale => self.address.first(),
        }
    }

    /// Replaces the connection by a new one.
    pub(crate) fn reconnect(&mut self) -> Result<()> {
        self.state = State::Stale;
        let deadline = Deadline::after(self.settings.timeout);
        let connection = self.connect(&Request::new("version"), deadline)?;
        self.state = State::Ready(connection);
        Ok(())
    }

    /// Connects, and makes sure that an OpenOCD answers, before the deadline of the request that waits for it.
    fn connect(&mut self, request: &Request<'_>, deadline: Deadline) -> Result<Connection> {
        let left = [self.settings.connect_timeout, deadline.remaining()].into_iter().flatten().min();
        let mut connection = Connection::open(&self.address, left, self.settings.reply_limit)?;
        let mut line = Vec::from(PRELUDE);
        line.push(SEPARATOR);
        let frame = exchange(&mut connection, &line, deadline)
            .map_err(|error| error.into_error(|| reply_timeout(&connection, request, deadline)))?;
        self.version = greeting(connection.bytes(frame.clone())).ok_or_else(|| ConnectionError::NotOpenOcd {
            peer: connection.peer(),
            reply: String::from_utf8_lossy(connection.bytes(frame)).into_owned(),
        })?;
        Ok(connection)
    }

    /// Runs a request and hands its reply to `read` while it is still in the receive buffer.
    pub(crate) fn run<T>(&mut self, request: &Request<'_>, read: impl FnOnce(&Reply<'_>) -> T) -> Result<T> {
        refuse_forbidden(&request.script)?;
        self.sequence += 1;
        let sequence = self.sequence;
        let line = wrap(sequence, request);
        refuse_too_long(&line)?;
        log::trace!(target: "openocd::command", "> {}", excerpt(request.name().as_bytes(), TRACE_LIMIT));
        let deadline = Deadline::after(request.timeout.or(self.settings.timeout));
        self.with_connection(request, deadline, |connection| {
            let mut frame = exchange(connection, &line, deadline)?;
            // A frame without our number answers nothing that we asked: a notification, or the rest of a `raw` reply.
            while sequence_of(connection.bytes(frame.clone())) != Some(sequence) {
                let stray = excerpt(connection.bytes(frame), TRACE_LIMIT);
                log::debug!(target: "openocd::connection", "skipped a frame that answers no command: {stray}");
                frame = connection.receive(deadline)?;
            }
            let peer = connection.peer();
            let bytes = connection.bytes(frame);
            let mut plain = Vec::new();
            let Some(reply) = parse_reply(bytes, &mut plain) else {
                let reply = String::from_utf8_lossy(bytes).into_owned();
                return Err(ConnectionError::NotOpenOcd { peer, reply }.into());
            };
            log::trace!(target: "openocd::command", "< {} {}", reply.code, excerpt(&reply.result, TRACE_LIMIT));
            Ok(read(&reply))
        })
    }

    /// Sends the text as it is and hands back the bare reply.
    ///
    /// A marker of our own follows in the same write. Its reply shows where the command's ends, which may hold 0x1a itself.
    pub(crate) fn raw(&mut self, command: &str) -> Result<Vec<u8>> {
        refuse_forbidden(command)?;
        let mut line = Vec::from(command);
        line.push(SEPARATOR);
        refuse_too_long(&line)?;
        self.sequence += 1;
        let marker = format!("openocd-rs-marker {}", self.sequence);
        line.extend_from_slice(format!("list {marker}").as_bytes());
        line.push(SEPARATOR);
        log::trace!(target: "openocd::command", "> (raw) {}", excerpt(command.as_bytes(), TRACE_LIMIT));
        let deadline = Deadline::after(self.settings.timeout);
        self.with_connection(&Request::new(command), deadline, |connection| {
            let frame = exchange(connection, &line, deadline)?;
            let mut reply = connection.bytes(frame).to_vec();
            loop {
                match connection.receive(deadline) {
                    Ok(frame) if connection.bytes(frame.clone()) == marker.as_bytes() => break,
                    Ok(frame) => {
                        reply.push(SEPARATOR);
                        reply.extend_from_slice(connection.bytes(frame));
                    }
                    // `shutdown` and `exit` answer, and then OpenOCD hangs up, which the next command will be told.
                    Err(TransferError::Connection(ConnectionError::Closed { .. })) => break,
                    Err(error) => return Err(error),
                }
            }
            log::trace!(target: "openocd::command", "< (raw) {}", excerpt(&reply, TRACE_LIMIT));
            Ok(reply)
        })
    }

    /// Runs one exchange. The connection is put back only if the exchange succeeded, so that neither an error nor a panic
    /// can leave one in use that still owes a reply.
    fn with_connection<T>(
        &mut self,
        request: &Request<'_>,
        deadline: Deadline,
        exchange: impl FnOnce(&mut Connection) -> Result<T, TransferError>,
    ) -> Result<T> {
        let mut connection = match std::mem::replace(&mut self.state, State::Stale) {
            State::Ready(connection) => connection,
            State::Stale => {
                log::debug!(target: "openocd::connection", "replacing the connection after a failed exchange");
                self.connect(request, deadline)?
            }
            State::Closed { peer } => {
                self.state = State::Closed { peer };
                return Err(ConnectionError::Closed { peer, doing: ALREADY_CLOSED }.into());
            }
        };
        match exchange(&mut connection) {
            Ok(value) => {
                self.state = State::Ready(connection);
                Ok(value)
            }
            Err(error) => {
                if let TransferError::Connection(ConnectionError::Closed { peer, .. }) = &error {
                    self.state = State::Closed { peer: *peer };
                }
                let error = error.into_error(|| reply_timeout(&connection, request, deadline));
                log::debug!(target: "openocd::connection", "gave up the connection to {}: {error}", connection.peer());
                Err(error)
            }
        }
    }
}

fn exchange(
    connection: &mut Connection,
    line: &[u8],
    deadline: Deadline,
) -> Result<std::ops::Range<usize>, TransferError> {
    connection.discard_unasked();
    connection.send(line, deadline)?;
    connection.receive(deadline)
}

fn reply_timeout(connection: &Connection, request: &Request<'_>, deadline: Deadline) -> TimeoutError {
    TimeoutError::Reply { peer: connection.peer(), command: request.name().to_owned(), after: deadline.span() }
}

/// `_openocd_rs_1_run SEQUENCE TARGET COMMAND` and the separator.
fn wrap(sequence: u64, request: &Request<'_>) -> Vec<u8> {
    let target = tcl::quote(request.target.unwrap_or(""));
    let script = tcl::quote(&request.script);
    let mut line = format!("_openocd_rs_1_run {sequence} {target} {script}").into_bytes();
    line.push(SEPARATOR);
    line
}

fn refuse_forbidden(command: &str) -> Result<(), CommandError> {
    match memchr::memchr2(SEPARATOR, 0, command.as_bytes()) {
        Some(offset) => Err(CommandError::ForbiddenByte { byte: command.as_bytes()[offset], offset }),
        None => Ok(()),
    }
}

fn refuse_too_long(line: &[u8]) -> Result<(), CommandError> {
    if line.len() > LINE_LIMIT {
        return Err(CommandError::TooLong { length: line.len(), limit: LINE_LIMIT });
    }
    Ok(())
}

/// The version from the answer to the prelude, which only an OpenOCD can give.
fn greeting(reply: &[u8]) -> Option<String> {
    let [name, version] = tcl::elements(reply).take_array()?;
    (*name == *b"openocd-rs").then(|| String::from_utf8_lossy(&version).into_owned())
}

/// The sequence number that a wrapped reply begins with.
fn sequence_of(frame: &[u8]) -> Option<u64> {
    let frame = frame.strip_prefix(b"~").unwrap_or(frame);
    let digits = frame.iter().position(|b| !b.is_ascii_digit()).filter(|&end| frame[end] == b' ')?;
    std::str::from_utf8(&frame[..digits]).ok()?.parse().ok()
}

/// Reads `SEQUENCE CODE RESULT LOG`; `plain` takes the text if it had to be freed of stand-ins for 0x1a.
fn parse_reply<'b>(frame: &'b [u8], plain: &'b mut Vec<u8>) -> Option<Reply<'b>> {
    let list = match frame.strip_prefix(b"~") {
        None => frame,
        Some(escaped) => {
            *plain = restore_separators(escaped);
            plain
        }
    };
    let mut elements = tcl::elements(list);
    let [_sequence, code, result, log] = elements.take_array()?;
    let code = std::str::from_utf8(&code).ok()?.parse().ok()?;
    elements.next().is_none().then_some(Reply { code, result, log })
}

fn restore_separators(escaped: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            0x1b => plain.push(if bytes.next() == Some(&b'A') { 0x1b } else { SEPARATOR }),
            byte => plain.push(byte),
        }
    }
    plain
}

/// What a command gave: OpenOCD's code, the result and the log, apart from each other.
///
/// From [`Session::execute`](crate::Session::execute), which reports a refusal here and not as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    command: String,
    code: i32,
    result: Vec<u8>,
    log: Vec<u8>,
}

impl Execution {
    pub(crate) fn new(request: &Request<'_>, reply: &Reply<'_>) -> Self {
        let (result, log) = (reply.result.to_vec(), reply.log.to_vec());
        Execution { command: request.name().to_owned(), code: reply.code, result, log }
    }

    /// OpenOCD's error number; 0 and nothing else is success.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The command succeeded.
    pub fn is_success(&self) -> bool {
        self.code == 0
    }

    /// What the command returned, byte for byte.
    pub fn result(&self) -> &[u8] {
        &self.result
    }

    /// What the command returned, as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.result)
    }

    /// What OpenOCD logged while the command ran: its messages of the levels that its `debug_level` lets through.
    pub fn log(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.log)
    }

    /// The result as text if the command succeeded, otherwise the error that it stands for.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`](crate::TargetError::NotHalted) if OpenOCD refused because the target runs,
    /// [`CommandError::Failed`] for any other refusal, [`CommandError::NotText`] if the result is not UTF-8.
    pub fn into_result(self) -> Result<String> {
        if self.code != 0 {
            let result = self.text().into_owned();
            let log = self.log().into_owned();
            return Err(Error::refused(Box::new(Failure::new(self.command, self.code, result, log)), |failure| {
                CommandError::Failed(failure).into()
            }));
        }
        String::from_utf8(self.result).map_err(|_| CommandError::NotText { command: self.command }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(frame: &[u8]) -> Option<(i32, Vec<u8>, Vec<u8>)> {
        parse_reply(frame, &mut Vec::new()).map(|r| (r.code, r.result.into_owned(), r.log.into_owned()))
    }

    #[test]
    fn replies_of_both_generations() {
        assert_eq!(parse(b"7 0 {  two words } {}"), Some((0, b"  two words ".to_vec(), b"".to_vec())));
        assert_eq!(
            parse(b"8 -4 {} {timed out while waiting for target halted\n}"),
            Some((-4, b"".to_vec(), b"timed out while waiting for target halted\n".to_vec()))
        );
    }

    #[test]
    fn a_separator_inside_a_result_survives() {
        assert_eq!(parse(b"~9 0 a\x1bBb\x1bAc {}"), Some((0, b"a\x1ab\x1bc".to_vec(), b"".to_vec())));
    }

    #[test]
    fn invalid_replies_are_refused() {
        for frame in ["", "7", "7 0", "7 0 x", "7 x {} {}", "7 0 {} {} extra", "7 0 {a {}"] {
            assert_eq!(parse(frame.as_bytes()), None, "{frame:?}");
        }
    }

    #[test]
    fn only_wrapped_replies_have_a_sequence_number() {
        assert_eq!(sequence_of(b"12 0 {} {}"), Some(12));
        assert_eq!(sequence_of(b"~12 0 {} {}"), Some(12));
        for stray in ["type target_state state running\r\n", "", "12", "0x12 0", " 12 0"] {
            assert_eq!(sequence_of(stray.as_bytes()), None, "{stray:?}");
        }
    }

    #[test]
    fn commands_that_the_wire_cannot_carry_are_refused() {
        let refused = |command: &str| refuse_forbidden(command).unwrap_err().to_string();
        assert!(refused("echo \x1a").contains("byte 0x1a at offset 5"), "{}", refused("echo \x1a"));
        assert!(refused("\0").contains("byte 0x00 at offset 0"));
        assert!(refuse_too_long(&vec![b' '; LINE_LIMIT]).is_ok());
        assert!(refuse_too_long(&vec![b' '; LINE_LIMIT + 1]).unwrap_err().to_string().contains("4194304 bytes"));
    }
}
