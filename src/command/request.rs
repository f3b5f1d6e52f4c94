//! What is asked of OpenOCD, and the lines that ask for it. No I/O.

use std::borrow::Cow;
use std::io::Write as _;
use std::time::Duration;

use crate::error::CommandError;
use crate::procedures;
use crate::wire::Deadline;
use crate::wire::frame::SEPARATOR;
use crate::wire::tcl;

/// OpenOCD's line buffer (`TCL_LINE_MAX` in `src/server/tcl_server.c`), separator included.
const LINE_LIMIT: usize = 4 * 1024 * 1024 - 1;

/// How many commands of a batch may follow each other without a poll. Newer OpenOCD needs time for
/// their log that grows with the square of its length.
const GROUP: usize = 64;

/// What to run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request<'a> {
    /// The Tcl script.
    pub(crate) script: Cow<'a, str>,
    /// What errors and logs show in place of the script: the OpenOCD command that a user would
    /// type.
    pub(crate) shown: Option<Cow<'a, str>>,
    /// The target to run on, in place of the connection's current one, which is current again
    /// afterwards.
    pub(crate) target: Option<&'a str>,
    /// How long OpenOCD may take to answer, in place of the session's timeout.
    pub(crate) timeout: Option<Duration>,
    /// The deadline of the public call that this is a part of. It also limits the wait for the
    /// session's lock.
    pub(crate) deadline: Option<Deadline>,
    /// What the call is about to do, for the error of a refusal.
    pub(crate) operation: Cow<'a, str>,
    /// What OpenOCD should reply, for the error if it replies something else.
    pub(crate) expected: &'static str,
    /// In a batch OpenOCD need not poll its targets before.
    pub(crate) is_unpolled: bool,
    /// It is a command of a caller, of which nothing is known.
    pub(crate) is_callers: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn new(script: impl Into<Cow<'a, str>>) -> Self {
        Request { script: script.into(), ..Request::default() }
    }

    /// A command that a caller supplied.
    pub(crate) fn of_caller(command: &'a str) -> Self {
        Request { is_callers: true, ..Request::new(command) }
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

    /// Sets the deadline of the public call that this is a part of. Of several deadlines the
    /// soonest counts.
    pub(crate) fn before(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(self.deadline().sooner(deadline));
        self
    }

    /// What the call is about to do, such as "set up RTT".
    pub(crate) fn to(mut self, operation: impl Into<Cow<'a, str>>) -> Self {
        self.operation = operation.into();
        self
    }

    /// What OpenOCD should reply, such as "a speed in kHz".
    pub(crate) fn expecting(mut self, expected: &'static str) -> Self {
        self.expected = expected;
        self
    }

    /// The deadline of the public call that this is a part of.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline.unwrap_or(Deadline::NEVER)
    }

    pub(crate) fn unpolled(mut self) -> Self {
        self.is_unpolled = true;
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.script)
    }
}

/// Appends the name of a procedure, without an allocation.
fn push_call(procedure: &'static str, line: &mut Vec<u8>) {
    line.extend_from_slice(procedures::prefix().as_bytes());
    line.extend_from_slice(procedure.as_bytes());
}

/// Appends the line that runs a script, `run SEQUENCE SCRIPT` or `run_on SEQUENCE SCRIPT TARGET`,
/// with its separator.
pub(super) fn push_run(line: &mut Vec<u8>, sequence: u64, request: &Request<'_>, script: &str) {
    let target = request.target;
    match target {
        None if request.is_callers => push_call("run_callers", line),
        None => push_call("run", line),
        Some(_) => push_call("run_on", line),
    }
    let _ = write!(line, " {sequence} ");
    tcl::push_quoted(line, script);
    if let Some(target) = target {
        line.push(b' ');
        tcl::push_quoted(line, target);
    }
    line.push(SEPARATOR);
}

/// Appends the line `batch SEQUENCE TARGET STOP ROOM GROUPS COMMAND …` with its separator.
pub(super) fn push_batch(
    line: &mut Vec<u8>,
    sequence: u64,
    target: Option<&str>,
    stop_at_failure: bool,
    room: usize,
    commands: &[&Request<'_>],
) {
    push_call("batch", line);
    let _ = write!(line, " {sequence} ");
    tcl::push_quoted(line, target.unwrap_or_default());
    let _ = write!(line, " {} {room} {{", u8::from(stop_at_failure));
    for group in commands.chunk_by(|one, next| one.is_unpolled == next.is_unpolled) {
        for group in group.chunks(GROUP) {
            let _ = write!(line, "{} {} ", group.len(), u8::from(group[0].is_unpolled));
        }
    }
    line.push(b'}');
    for command in commands {
        line.push(b' ');
        tcl::push_quoted(line, &command.script);
    }
    line.push(SEPARATOR);
}

pub(crate) fn refuse_forbidden(command: &str) -> Result<(), CommandError> {
    match memchr::memchr2(SEPARATOR, 0, command.as_bytes()) {
        Some(offset) => Err(CommandError::ForbiddenByte { byte: command.as_bytes()[offset], offset }),
        None => Ok(()),
    }
}

pub(super) fn refuse_too_long(line: &[u8]) -> Result<(), CommandError> {
    if line.len() > LINE_LIMIT {
        return Err(CommandError::TooLong { length: line.len(), limit: LINE_LIMIT });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_the_wire_cannot_carry_are_refused() {
        let refused = |command: &str| refuse_forbidden(command).unwrap_err().to_string();
        assert!(refused("echo \x1a").contains("byte 0x1a at offset 5"), "{}", refused("echo \x1a"));
        assert!(refused("\0").contains("byte 0x00 at offset 0"));
        assert!(refuse_too_long(&vec![b' '; LINE_LIMIT]).is_ok());
        assert!(refuse_too_long(&vec![b' '; LINE_LIMIT + 1]).unwrap_err().to_string().contains("4194304 bytes"));
    }
}
