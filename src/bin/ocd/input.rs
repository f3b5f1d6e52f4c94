//! Standard input, for the target.

use std::io::Read as _;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

/// How many chunks wait for the target. Then reading waits, too.
const CHUNKS: usize = 16;

/// What comes on standard input, read by a thread that ends with the program.
pub(crate) struct Input {
    chunks: Receiver<Vec<u8>>,
    has_ended: bool,
}

/// What has come.
pub(crate) enum Typed {
    Bytes(Vec<u8>),
    Nothing,
    /// Told once.
    End,
}

impl Input {
    pub(crate) fn new() -> Input {
        let (sender, chunks) = sync_channel(CHUNKS);
        // Reading a terminal cannot be interrupted.
        std::thread::spawn(move || {
            let mut stdin = std::io::stdin();
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stdin.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Input { chunks, has_ended: false }
    }

    /// What has come, without waiting.
    pub(crate) fn take(&mut self) -> Typed {
        match self.chunks.try_recv() {
            Ok(bytes) => Typed::Bytes(bytes),
            Err(TryRecvError::Disconnected) if !self.has_ended => {
                self.has_ended = true;
                Typed::End
            }
            Err(_) => Typed::Nothing,
        }
    }
}
