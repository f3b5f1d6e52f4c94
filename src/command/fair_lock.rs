//! A lock whose waiters get their turn in the order in which they came.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::wire::Deadline;

/// A mutex that serves its waiters in order: with `std::sync::Mutex` a thread that calls in a loop
/// can keep others waiting for seconds.
#[derive(Debug)]
pub(crate) struct FairLock<T> {
    queue: Mutex<Queue>,
    moved: Condvar,
    value: Mutex<T>,
}

#[derive(Debug, Default)]
struct Queue {
    next_ticket: u64,
    /// The first one holds the lock.
    tickets: VecDeque<u64>,
}

/// The value, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'l, T> {
    lock: &'l FairLock<T>,
    /// `None` only while this is dropped.
    value: Option<MutexGuard<'l, T>>,
}

impl<T> FairLock<T> {
    pub(crate) fn new(value: T) -> Self {
        FairLock { queue: Mutex::default(), moved: Condvar::new(), value: Mutex::new(value) }
    }

    /// Waits for the turn; `None` if the deadline passes before it comes.
    pub(crate) fn lock(&self, deadline: Deadline) -> Option<Turn<'_, T>> {
        let mut queue = self.queue();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.tickets.push_back(ticket);
        while queue.tickets.front() != Some(&ticket) {
            queue = match deadline.remaining() {
                None => self.moved.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    queue.tickets.retain(|other| *other != ticket);
                    return None;
                }
                Some(left) => self.moved.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        drop(queue);
        // Nobody else holds it: this ticket is the first. A panic in another thread leaves nothing
        // half done that the link does not know of.
        Some(Turn { lock: self, value: Some(self.value.lock().unwrap_or_else(PoisonError::into_inner)) })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        let mut queue = self.lock.queue();
        queue.tickets.pop_front();
        if !queue.tickets.is_empty() {
            self.lock.moved.notify_all();
        }
    }
}

impl<T> Deref for Turn<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect("the value is there until the turn ends")
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_deref_mut().expect("the value is there until the turn ends")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    const FOREVER: Option<Duration> = None;

    #[test]
    fn waiters_get_their_turn_in_order() {
        let lock = FairLock::new(Vec::new());
        let held = lock.lock(Deadline::after(FOREVER)).unwrap();
        thread::scope(|scope| {
            for number in 0..8 {
                scope.spawn({
                    let lock = &lock;
                    move || lock.lock(Deadline::after(FOREVER)).unwrap().push(number)
                });
                while lock.queue().tickets.len() < number + 2 {
                    thread::yield_now();
                }
            }
            drop(held);
        });
        assert_eq!(*lock.lock(Deadline::after(FOREVER)).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_waiter_that_gives_up_does_not_hold_up_the_next() {
        let lock = FairLock::new(0);
        let passed = AtomicUsize::new(0);
        let held = lock.lock(Deadline::after(FOREVER)).unwrap();
        assert!(lock.lock(Deadline::after(Some(Duration::from_millis(5)))).is_none());
        thread::scope(|scope| {
            scope.spawn(|| {
                *lock.lock(Deadline::after(FOREVER)).unwrap() += 1;
                passed.fetch_add(1, Ordering::AcqRel);
            });
            drop(held);
        });
        assert_eq!((passed.into_inner(), *lock.lock(Deadline::after(FOREVER)).unwrap()), (1, 1));
    }

    #[test]
    fn a_panic_does_not_keep_the_lock() {
        let lock = FairLock::new(7);
        let panicked = thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _turn = lock.lock(Deadline::after(FOREVER));
                    panic!("on purpose");
                })
                .join()
        });
        assert!(panicked.is_err());
        assert_eq!(*lock.lock(Deadline::after(FOREVER)).unwrap(), 7);
    }
}
