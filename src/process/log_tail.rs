//! The last lines of OpenOCD's log, and waiting for what the log tells.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::log_line::LineNews;
use super::start_log;

/// How many lines of OpenOCD's log are kept.
pub const LOG_TAIL_LINES: usize = 200;

/// How many lines that tell something of the start are kept, for a start that logs them without
/// end.
const START_LINES: usize = 200;

/// The last lines of the log, and whether more can come.
#[derive(Debug, Default)]
pub(super) struct LogTail {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    /// What [`start_log::warnings`] needs: `lines` may have lost it by the end of the start.
    start_lines: Vec<String>,
    tcl_port: Option<u16>,
    /// The target that the next GDB port is for.
    gdb_target: String,
    /// Each port, and the target that it is for.
    gdb_ports: Vec<(String, u16)>,
    telnet_port: Option<u16>,
    is_port_unavailable: bool,
    stage: Stage,
    is_closed: bool,
    is_callback_busy: bool,
}

/// How far OpenOCD is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Starting,
    /// A client has connected to the TCL port; the first is ours.
    Serving,
    /// Somebody waits for the end.
    Ending,
}

impl LogTail {
    pub(super) fn lines(&self) -> Vec<String> {
        self.state().lines.iter().cloned().collect()
    }

    /// The warnings that the log of the start gives reason for. Their lines are dropped.
    pub(super) fn take_start_warnings(&self) -> Vec<String> {
        start_log::warnings(&std::mem::take(&mut self.state().start_lines))
    }

    /// The TCL port, once it is announced.
    pub(super) fn tcl_port(&self) -> Option<u16> {
        self.state().tcl_port
    }

    /// The GDB ports, each with the name of its target.
    pub(super) fn gdb_ports(&self) -> Vec<(String, u16)> {
        self.state().gdb_ports.clone()
    }

    pub(super) fn telnet_port(&self) -> Option<u16> {
        self.state().telnet_port
    }

    /// Whether OpenOCD could not open one of its own ports. OpenOCD 0.12.0 goes on without a GDB
    /// port.
    pub(super) fn is_port_unavailable(&self) -> bool {
        self.state().is_port_unavailable
    }

    /// Whether OpenOCD, and whoever got its standard error from OpenOCD, have closed it.
    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Waits until the TCL port is announced or the log ends.
    pub(super) fn wait_until_listening(&self, deadline: Instant) {
        self.wait_while(deadline, |state| state.tcl_port.is_none() && !state.is_closed);
    }

    /// Waits until the log tells of a client: whatever was announced before is known then.
    pub(super) fn wait_until_visited(&self, deadline: Instant) {
        self.wait_while(deadline, |state| state.stage == Stage::Starting && !state.is_closed);
    }

    /// Waits until the log has ended.
    pub(super) fn wait_until_closed(&self, deadline: Instant) {
        self.state().stage = Stage::Ending;
        self.changed.notify_all();
        self.wait_while(deadline, |state| !state.is_closed);
    }

    /// Waits until the caller's callback has been called for all lines.
    pub(super) fn wait_for_callback(&self, deadline: Instant) {
        self.wait_while(deadline, |state| state.is_callback_busy);
    }

    /// Tells whether a callback of the caller may have lines left.
    pub(super) fn set_callback_busy(&self, is_busy: bool) {
        self.state().is_callback_busy = is_busy;
        self.changed.notify_all();
    }

    fn wait_while(&self, deadline: Instant, is_pending: impl Fn(&State) -> bool) {
        let span = deadline.saturating_duration_since(Instant::now());
        drop(self.changed.wait_timeout_while(self.state(), span, |state| is_pending(state)));
    }

    /// Lets some time pass, unless somebody waits for the start or for the end.
    pub(super) fn pause(&self, span: Duration) {
        drop(self.changed.wait_timeout_while(self.state(), span, |state| state.stage == Stage::Serving));
    }

    pub(super) fn push(&self, line: String, news: Option<LineNews>) {
        let mut state = self.state();
        if state.lines.len() == LOG_TAIL_LINES {
            state.lines.pop_front();
        }
        if state.stage == Stage::Starting && state.start_lines.len() < START_LINES && start_log::may_tell(&line) {
            state.start_lines.push(line.clone());
        }
        state.lines.push_back(line);
        match news {
            Some(LineNews::TclPort(port)) => state.tcl_port = state.tcl_port.or(Some(port)),
            Some(LineNews::GdbTarget(target)) => state.gdb_target = target,
            Some(LineNews::GdbPort(port)) => {
                let target = std::mem::take(&mut state.gdb_target);
                state.gdb_ports.push((target, port));
            }
            Some(LineNews::TelnetPort(port)) => state.telnet_port = Some(port),
            Some(LineNews::PortUnavailable) => state.is_port_unavailable = true,
            Some(LineNews::Client) if state.stage == Stage::Starting => state.stage = Stage::Serving,
            Some(LineNews::Client) | None => return,
        }
        self.changed.notify_all();
    }

    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
