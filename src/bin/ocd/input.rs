//! Standard input, for the target.

use std::io::{self, BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use openocd::RunInput;

use crate::context::Context;
use crate::platform;

/// How many chunks wait for the target. Then reading waits, too.
const CHUNKS: usize = 16;

/// How long the reader waits for input before it looks whether anybody wants it.
const WAIT: Duration = Duration::from_millis(20);

/// How long the end of a reader may take.
const END: Duration = Duration::from_secs(1);

/// What comes on standard input while a command runs.
pub(crate) struct Input {
    chunks: Receiver<Vec<u8>>,
    has_ended: bool,
    /// After the chunks: the reader may wait until there is room for one.
    _reader: Option<Reader>,
}

/// What has come.
pub(crate) enum Typed {
    Bytes(Vec<u8>),
    Nothing,
    /// Told once.
    End,
}

impl Input {
    /// Nothing, if standard input has the lines of a repl.
    pub(crate) fn new(context: &Context) -> Input {
        if context.is_script {
            let (_, chunks) = sync_channel(0);
            return Input { chunks, has_ended: false, _reader: None };
        }
        let (reader, chunks) = Reader::start();
        Input { chunks, has_ended: false, _reader: Some(reader) }
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

/// Standard input as it comes, for a run that ends before the reader is dropped.
pub(crate) fn for_run() -> (RunInput, Reader) {
    let (reader, chunks) = Reader::start();
    (RunInput::from(chunks), reader)
}

/// Reads until it is dropped. What comes later is for whoever reads next, such as the prompt of a
/// repl.
pub(crate) struct Reader {
    thread: JoinHandle<()>,
    is_left: Arc<AtomicBool>,
}

impl Reader {
    fn start() -> (Reader, Receiver<Vec<u8>>) {
        let (sender, chunks) = sync_channel(CHUNKS);
        let is_left = Arc::new(AtomicBool::new(false));
        let is_left_there = Arc::clone(&is_left);
        let thread = std::thread::spawn(move || {
            while !is_left_there.load(Ordering::Relaxed) {
                if !platform::wait_for_input(WAIT) {
                    continue;
                }
                match read() {
                    // The end, of the input or of whoever wants it.
                    Ok(bytes) if bytes.is_empty() => return,
                    Ok(bytes) => {
                        if sender.send(bytes).is_err() {
                            return;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        // Nothing is left where a failure of this could be told.
                        let _ = writeln!(io::stderr(), "warning: the input ends too early: {error}");
                        return;
                    }
                }
            }
        });
        (Reader { thread, is_left }, chunks)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.is_left.store(true, Ordering::Relaxed);
        if !platform::WAITS_FOR_INPUT {
            // It ends with the program, or takes what comes next.
            return;
        }
        let begin = Instant::now();
        while !self.thread.is_finished() && begin.elapsed() < END {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// All that is there, nothing at the end. What stays in the buffer of the standard library would
/// not be seen by who waits for more.
fn read() -> io::Result<Vec<u8>> {
    let mut stdin = io::stdin().lock();
    let bytes = stdin.fill_buf()?.to_vec();
    stdin.consume(bytes.len());
    Ok(bytes)
}
