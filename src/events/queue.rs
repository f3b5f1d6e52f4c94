//! Between the socket and who takes the events: a bounded queue that says what it had to drop.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Event, TargetEvent};
use crate::error::ConnectionError;
use crate::wire::Deadline;

/// What an event costs apart from its bytes.
const COST: usize = 64;

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// How much it holds, in bytes.
    room: usize,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    held: usize,
    /// Dropped since the last event that had room.
    lost: u64,
    end: Option<ConnectionError>,
    ended: bool,
}

/// What [`Queue::next`] found.
#[derive(Debug)]
pub(super) enum Next {
    Event(Event),
    DeadlinePassed,
    /// The connection is gone; the error comes once.
    Ended(Option<ConnectionError>),
}

impl Queue {
    pub(super) fn new(room: usize) -> Self {
        Queue { state: Mutex::default(), changed: Condvar::new(), room }
    }

    pub(super) fn push(&self, event: Event) {
        let mut state = self.state();
        let cost = cost(&event);
        if state.held + cost + COST > self.room {
            if state.lost == 0 {
                log::warn!(target: "openocd::events", "nobody takes the events: the next ones are dropped, which is counted");
            }
            state.lost += 1;
        } else {
            if state.lost > 0 {
                let lost = Event::Lost { count: std::mem::take(&mut state.lost) };
                state.held += COST;
                state.events.push_back(lost);
            }
            state.held += cost;
            state.events.push_back(event);
        }
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn end(&self, error: ConnectionError) {
        let mut state = self.state();
        state.end = Some(error);
        state.ended = true;
        drop(state);
        self.changed.notify_all();
    }

    /// The next event, in the order in which they came; what came before the end of the connection
    /// comes before the end.
    pub(super) fn next(&self, deadline: Deadline) -> Next {
        let mut state = self.state();
        loop {
            if let Some(event) = state.events.pop_front() {
                state.held -= cost(&event);
                return Next::Event(event);
            }
            if state.lost > 0 {
                return Next::Event(Event::Lost { count: std::mem::take(&mut state.lost) });
            }
            if state.ended {
                return Next::Ended(state.end.take());
            }
            state = match deadline.remaining() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Next::DeadlinePassed,
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cost(event: &Event) -> usize {
    COST + match event {
        Event::Trace(bytes) => bytes.capacity(),
        Event::Other(text) | Event::Target(TargetEvent::Other(text)) => text.capacity(),
        Event::Target(_) | Event::State(_) | Event::Reset(_) | Event::Lost { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(queue: &Queue) -> Option<Event> {
        match queue.next(Deadline::after(Some(Duration::ZERO))) {
            Next::Event(event) => Some(event),
            _ => None,
        }
    }

    #[test]
    fn events_without_room_are_counted_at_their_place() {
        let queue = Queue::new(4 * COST);
        let halted = Event::Target(TargetEvent::Halted);
        for _ in 0..3 {
            queue.push(halted.clone());
        }
        queue.push(Event::Trace(vec![0; 1000]));
        queue.push(Event::Trace(vec![0; 1000]));
        assert_eq!(next(&queue), Some(halted.clone()));
        queue.push(Event::State(crate::types::TargetState::Running));
        assert_eq!(next(&queue), Some(halted.clone()));
        assert_eq!(next(&queue), Some(halted.clone()));
        assert_eq!(next(&queue), Some(Event::Lost { count: 2 }));
        assert_eq!(next(&queue), Some(Event::State(crate::types::TargetState::Running)));
        assert_eq!(next(&queue), None);
        queue.push(Event::Trace(vec![0; 1000]));
        assert_eq!(next(&queue), Some(Event::Lost { count: 1 }));
        assert_eq!(next(&queue), None);
        queue.push(halted.clone());
        assert_eq!(next(&queue), Some(halted), "and there is room again");
    }

    #[test]
    fn names_of_events_take_room() {
        let queue = Queue::new(10_000);
        for _ in 0..100 {
            queue.push(Event::Target(TargetEvent::Other("x".repeat(1000))));
        }
        let mut kept = 0;
        while let Some(Event::Target(_)) = next(&queue) {
            kept += 1;
        }
        assert!((5..=9).contains(&kept), "{kept}");
    }
}
