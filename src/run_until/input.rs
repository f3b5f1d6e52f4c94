//! What the firmware reads during a run.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{Receiver, TryRecvError};

/// How many bytes are taken before the target wants them. The rest stays with the sender.
const ENOUGH: usize = 64 * 1024;

/// Input for the firmware during a run: bytes, text, or a [`Receiver`] for bytes that come during
/// the run. For [`RunUntil::input`](crate::RunUntil::input) and
/// [`RunChannel::input`](crate::RunChannel::input).
///
/// ```
/// use std::sync::mpsc;
/// use openocd::RunUntil;
///
/// let fixed = RunUntil::new().input("42\n");
///
/// let (sender, receiver) = mpsc::channel();
/// let live = RunUntil::new().input(receiver);
/// std::thread::spawn(move || {
///     for line in std::io::stdin().lines().map_while(Result::ok) {
///         if sender.send(format!("{line}\n").into_bytes()).is_err() {
///             break; // the run has ended
///         }
///     }
/// });
/// ```
pub struct RunInput {
    bytes: VecDeque<u8>,
    /// Brings more bytes, until all senders are dropped.
    more: Option<Receiver<Vec<u8>>>,
}

impl RunInput {
    pub(super) fn empty() -> Self {
        RunInput { bytes: VecDeque::new(), more: None }
    }

    /// Takes what has come. Returns the bytes that are there.
    pub(super) fn bytes(&mut self) -> &mut VecDeque<u8> {
        while let Some(more) = self.more.as_ref().filter(|_| self.bytes.len() < ENOUGH) {
            match more.try_recv() {
                Ok(bytes) => self.bytes.extend(bytes),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.more = None,
            }
        }
        &mut self.bytes
    }

    /// Whether more bytes may come.
    pub(super) fn is_open(&self) -> bool {
        self.more.is_some()
    }
}

impl From<Vec<u8>> for RunInput {
    fn from(bytes: Vec<u8>) -> Self {
        RunInput { bytes: bytes.into(), more: None }
    }
}

impl From<&[u8]> for RunInput {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<&[u8; N]> for RunInput {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<&str> for RunInput {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for RunInput {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

/// The input ends when all senders are dropped.
impl From<Receiver<Vec<u8>>> for RunInput {
    fn from(more: Receiver<Vec<u8>>) -> Self {
        RunInput { bytes: VecDeque::new(), more: Some(more) }
    }
}

/// `RunInput(3 bytes)`, or `RunInput(3 bytes and more)`
impl fmt::Debug for RunInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunInput({} bytes{})", self.bytes.len(), if self.is_open() { " and more" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_wants_yet_stays_with_its_sender() {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1000);
        let mut input = RunInput::from(receiver);
        (0..1000).for_each(|_| sender.send(vec![7; 4096]).unwrap());
        drop(sender);
        assert_eq!(input.bytes().len(), ENOUGH);
        let mut all = 0;
        while input.is_open() {
            all += std::mem::take(input.bytes()).len();
        }
        assert_eq!(all, 4096 * 1000);
    }

    #[test]
    fn input_is_open_until_all_senders_are_gone() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut input = RunInput::from(receiver);
        assert!(input.bytes().is_empty() && input.is_open());
        sender.send(b"ab".to_vec()).unwrap();
        sender.send(b"c".to_vec()).unwrap();
        drop(sender);
        assert_eq!(*input.bytes(), *b"abc");
        assert!(!input.is_open());
        for mut input in [RunInput::from("x"), b"x".into(), "x".to_owned().into(), RunInput::from(&b"x"[..])] {
            assert_eq!(input.bytes().pop_front(), Some(b'x'));
            assert!(!input.is_open());
        }
    }
}
