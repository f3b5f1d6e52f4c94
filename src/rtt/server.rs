//! OpenOCD's side of an open channel: the RTT server on a port, and what is to be undone when the
//! channel closes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::ring::{Ring, RingState};
use super::write::{Restarts, of_failed_access};
use super::{Rtt, RttMode, replies};
use crate::command::Script;
use crate::error::{ConnectionError, Result, RttError};
use crate::target::{KeptTarget, Target};
use crate::types::RttDirection;
use crate::wire::{ByteStream, Deadline};

/// Ends with the last handle of its channel.
#[derive(Debug)]
pub(super) struct Server {
    target: KeptTarget,
    pub(super) channel: u32,
    pub(super) peer: SocketAddr,
    is_stopped: AtomicBool,
    /// The session's count of restarts when the channel was opened.
    restarts_before: u32,
    /// The mode of the up-channel to put back, and the one that replaced it.
    replaced_mode: Mutex<Option<(RttMode, RttMode)>>,
    /// When stopping gives up, for a channel that is part of one call.
    deadline: Deadline,
}

impl Server {
    /// Starts a server and connects to it.
    pub(super) fn start(rtt: Rtt<'_>, channel: u32, deadline: Deadline) -> Result<(Server, ByteStream)> {
        let [first, last] = rtt.session().stream_ports().map_err(RttError::from)?;
        let script = Script::call("rtt_serve").number(channel).number(first).number(last);
        let request = rtt.request(script).shown(format!("rtt server start 0 {channel}"));
        let request = request.to("start an RTT server").expecting("a port").before(deadline);
        let port = rtt.ask(&request, |answer| replies::server(answer, channel))??;
        let session = rtt.session();
        let (mut peer, connect_timeout) = session.endpoint(deadline)?;
        peer.set_port(port);
        // From here on dropping the server stops it.
        let server = Server {
            target: rtt.target.keep(),
            channel,
            peer,
            is_stopped: AtomicBool::new(false),
            restarts_before: Restarts::count(session),
            replaced_mode: Mutex::default(),
            deadline,
        };
        let connected_before = Deadline::after(connect_timeout).sooner(deadline);
        let stream = ByteStream::connect(peer, &format!("RTT channel {channel}"), connected_before);
        let stream = stream.map_err(|error| session.explain(error))?;
        session.shut_down_at_close(stream.socket());
        session.let_openocd_accept(deadline)?;
        Ok((server, stream))
    }

    pub(super) fn rtt(&self) -> Rtt<'_> {
        Target::rtt(self.target.view())
    }

    pub(super) fn restarts(&self) -> u32 {
        Restarts::count(self.target.session()).wrapping_sub(self.restarts_before)
    }

    /// Fails if a handle has closed the channel.
    pub(super) fn check_open(&self, doing: &'static str) -> Result<()> {
        if self.is_stopped.load(Ordering::Acquire) {
            return Err(ConnectionError::Closed { peer: self.peer, doing }.into());
        }
        Ok(())
    }

    /// Sets the mode of the up-channel. The first call keeps the mode that was there before.
    pub(super) fn set_mode(&self, mode: RttMode) -> Result<()> {
        self.check_open("setting the mode of an RTT channel")?;
        let before = self.change_mode(None, mode, self.deadline)?;
        let mut replaced = self.replaced_mode.lock().unwrap_or_else(PoisonError::into_inner);
        let first = replaced.map_or(before, |(first, _)| first);
        *replaced = Some((first, mode));
        Ok(())
    }

    /// Changes the mode, if it is `expected`, and returns the one before.
    fn change_mode(&self, expected: Option<RttMode>, mode: RttMode, deadline: Deadline) -> Result<RttMode> {
        let script = Script::call("rtt_set_mode").number(self.channel);
        let script = match expected {
            Some(expected) => script.number(expected.bits()),
            None => script.word(""),
        };
        let rtt = self.rtt();
        let request =
            rtt.request(script.number(mode.bits())).shown("write_memory").to("set the mode of the up-channel");
        let answer = rtt.ask(&request.before(deadline).expecting("an answer about RTT"), Ring::parse);
        let ring = answer.map_err(of_failed_access)??;
        match ring.state {
            RingState::Ready => Ok(RttMode::of(ring.flags)),
            _ => Err(ring.no_channel(RttDirection::Up, self.channel).into()),
        }
    }

    /// Stops the server, once. Gives up at the deadline.
    pub(super) fn stop(&self, deadline: Deadline) -> Result<()> {
        if self.is_stopped.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let deadline = self.deadline.sooner(deadline);
        let replaced = self.replaced_mode.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Firmware that has been reset has set its own mode again; then there is nothing to put
        // back.
        let put_back = replaced.map(|(first, set)| self.change_mode(Some(set), first, deadline));
        let rtt = self.rtt();
        let port = self.peer.port();
        let script = Script::call("rtt_unserve").number(port);
        let request = rtt.request(script).shown(format!("rtt server stop {port}"));
        let stopped = rtt.ask(&request.to("stop an RTT server").before(deadline), |_| Some(()));
        match put_back {
            Some(Err(error)) => stopped.and(Err(error)),
            _ => stopped,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.stop(self.deadline) {
            Ok(()) => {}
            // It ended with its OpenOCD, or OpenOCD closes it some time.
            Err(error) if self.target.session().is_closed() => log::debug!(target: "openocd::rtt", "{error}"),
            Err(error) => {
                log::warn!(target: "openocd::rtt", "closing RTT channel {} failed: {error}", self.channel);
            }
        }
    }
}
