//! The host's side of semihosting: the calls that this crate serves itself.
//!
//! OpenOCD cannot be asked to serve a single call. When OpenOCD's own semihosting is enabled, it
//! serves every call, and exits when the firmware does. When it is disabled, nothing makes OpenOCD
//! serve a call that has halted the target.
//!
//! Source: Arm's semihosting specification (ABI for the Arm Architecture), chapters 5 to 7. The
//! number of a call is in the first register and its argument in the second. The argument is
//! usually the address of a block of words.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::block::{Block, TRANSFER_BYTES, low_word, whole};
use super::call::Call;
use super::files::Files;
use crate::error::Result;
use crate::stop_token::StopTokens;
use crate::target::Target;
use crate::wire::Deadline;

const SYS_OPEN: u64 = 0x01;
const SYS_CLOSE: u64 = 0x02;
const SYS_WRITEC: u64 = 0x03;
const SYS_WRITE0: u64 = 0x04;
const SYS_WRITE: u64 = 0x05;
const SYS_READ: u64 = 0x06;
const SYS_READC: u64 = 0x07;
const SYS_ISERROR: u64 = 0x08;
const SYS_ISTTY: u64 = 0x09;
const SYS_SEEK: u64 = 0x0a;
const SYS_FLEN: u64 = 0x0c;
const SYS_REMOVE: u64 = 0x0e;
const SYS_RENAME: u64 = 0x0f;
const SYS_CLOCK: u64 = 0x10;
const SYS_TIME: u64 = 0x11;
const SYS_ERRNO: u64 = 0x13;
const SYS_GET_CMDLINE: u64 = 0x15;
const SYS_HEAPINFO: u64 = 0x16;
const SYS_EXIT: u64 = 0x18;
const SYS_EXIT_EXTENDED: u64 = 0x20;
const SYS_ELAPSED: u64 = 0x30;
const SYS_TICKFREQ: u64 = 0x31;

/// `ADP_Stopped_ApplicationExit`: the program ended by itself.
const APPLICATION_EXIT: u64 = 0x20026;

/// The name of the console.
const CONSOLE: &[u8] = b":tt";
/// The name of the file that says which extensions the host has.
const FEATURES: &[u8] = b":semihosting-features";
/// Its content: a magic number, then `SH_EXT_EXIT_EXTENDED` and `SH_EXT_STDOUT_STDERR`. Without it
/// newlib exits with `SYS_EXIT`, which has no status.
const FEATURE_BYTES: &[u8] = b"SHFB\x03";

/// Handles, far from those that an operating system gives to files.
const INPUT_HANDLE: u64 = 0x7f00_0001;
const OUTPUT_HANDLE: u64 = 0x7f00_0002;
const ERROR_HANDLE: u64 = 0x7f00_0003;
const FEATURES_HANDLE: u64 = 0x7f00_0004;

/// -1, as wide as a register can be.
const FAILED: u64 = u64::MAX;

/// Longest name of a file.
const NAME_BYTES: u64 = 4096;
/// Most refused calls that are listed.
const LISTED_CALLS: usize = 1000;

/// `EPERM`, `EINVAL` and `EOVERFLOW`, for `SYS_ERRNO`.
const NOT_PERMITTED: i32 = 1;
const INVALID: i32 = 22;
const OVERFLOW: i32 = 75;

/// The answer to a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The target is resumed with this in its first register.
    Value(u64),
    /// The firmware has ended.
    Exit {
        /// Its exit status. 0 only for an end of its own will.
        status: i32,
        /// Its reason. 0x20026 for an end of its own will.
        reason: u32,
    },
}

/// Where the firmware prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
}

/// What the host gives to the firmware.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) input: VecDeque<u8>,
    pub(crate) refused_calls: Vec<u32>,
    command_line: Vec<u8>,
    files: Option<Files>,
    /// How far the firmware has read [`FEATURE_BYTES`].
    features_read: usize,
    errno: i32,
    begin: Instant,
    /// What ends a long call early.
    pub(crate) stops: StopTokens,
}

/// Takes what the firmware prints, and says whether it wants more of the same call.
pub(crate) type Print<'p> = &'p mut dyn FnMut(Stream, &[u8]) -> ControlFlow<()>;

impl Host {
    pub(crate) fn new(input: Vec<u8>, command_line: Vec<u8>, files: Option<Files>) -> Self {
        Host {
            input: input.into(),
            refused_calls: Vec::new(),
            command_line,
            files,
            features_read: 0,
            errno: 0,
            begin: Instant::now(),
            stops: StopTokens::default(),
        }
    }

    /// Serves a call of the halted target. After the deadline, and when a token stops, it takes no
    /// more of what the firmware writes by one call.
    pub(crate) fn serve(
        &mut self,
        call: &Call,
        target: Target<'_>,
        deadline: Deadline,
        print: Print<'_>,
    ) -> Result<Answer> {
        let block = Block::of(call, target, deadline, self.stops.clone());
        match call.number {
            // A 64-bit core passes the block of SYS_EXIT_EXTENDED.
            SYS_EXIT if call.bits == 32 => return Ok(exit(call.argument, 0)),
            SYS_EXIT | SYS_EXIT_EXTENDED => {
                let [reason, subcode] = block.words()?;
                return Ok(exit(reason, subcode));
            }
            _ => {}
        }
        let value = self.value(call, &block, print)?;
        Ok(Answer::Value(value.unwrap_or_else(|| self.refuse(call.number))))
    }

    /// Whether a call reads from the console's input.
    pub(crate) fn asks_for_input(call: &Call, target: Target<'_>) -> Result<bool> {
        let block = Block::of(call, target, Deadline::NEVER, StopTokens::default());
        match call.number {
            SYS_READC => Ok(true),
            SYS_READ => Ok(matches!(block.words()?, [INPUT_HANDLE, _, length] if length > 0)),
            _ => Ok(false),
        }
    }

    /// The value that answers a call, or `None` for a call that is refused.
    fn value(&mut self, call: &Call, block: &Block<'_>, print: Print<'_>) -> Result<Option<u64>> {
        Ok(Some(match call.number {
            SYS_WRITEC => {
                let _ = print(Stream::Output, &block.bytes(call.argument, 1)?);
                0
            }
            SYS_WRITE0 => return Ok(block.string(&mut |bytes| print(Stream::Output, bytes))?.map(|()| 0)),
            SYS_READC => self.input.pop_front().map_or(FAILED, u64::from),
            SYS_OPEN => return self.open(block),
            SYS_CLOSE | SYS_WRITE | SYS_READ | SYS_ISTTY | SYS_SEEK | SYS_FLEN => {
                return match block.words()? {
                    [INPUT_HANDLE] => self.console(call.number, None, block, print).map(Some),
                    [OUTPUT_HANDLE] => self.console(call.number, Some(Stream::Output), block, print).map(Some),
                    [ERROR_HANDLE] => self.console(call.number, Some(Stream::Error), block, print).map(Some),
                    [FEATURES_HANDLE] => self.features(call.number, block).map(Some),
                    [handle] => self.file(handle, call.number, block),
                };
            }
            SYS_REMOVE | SYS_RENAME => return self.change_entry(call.number, block),
            // Centiseconds, and seconds since 1970, of which the firmware gets 32 bits.
            SYS_CLOCK => low_word(self.begin.elapsed().as_millis() / 10).into(),
            SYS_TIME => {
                low_word(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().into()).into()
            }
            // 64 bits, whatever the width of a register.
            SYS_ELAPSED => {
                let ticks = self.begin.elapsed().as_micros();
                block.memory.write_u32_slice(call.argument, &[low_word(ticks), low_word(ticks >> 32)])?;
                0
            }
            SYS_TICKFREQ => 1_000_000,
            SYS_ERRNO => self.errno.unsigned_abs().into(),
            // A negative value is an error.
            SYS_ISERROR => block.words::<1>()?[0] >> (call.bits - 1),
            SYS_GET_CMDLINE => self.write_command_line(block)?,
            SYS_HEAPINFO => {
                let [heap] = block.words()?;
                // Zeros: the firmware knows best where its heap and its stack are.
                Block { address: heap, stops: StopTokens::default(), ..*block }.write_words(&[0; 4])?;
                0
            }
            _ => return Ok(None),
        }))
    }

    fn refuse(&mut self, call: u64) -> u64 {
        log::warn!(target: "openocd::semihosting", "the firmware's semihosting call {call:#04x} is refused: it gets -1");
        if self.refused_calls.len() < LISTED_CALLS {
            self.refused_calls.push(low_word(call.into()));
        }
        self.errno = NOT_PERMITTED;
        FAILED
    }

    fn failed(&mut self, errno: i32) -> u64 {
        self.errno = errno;
        FAILED
    }

    fn open(&mut self, block: &Block<'_>) -> Result<Option<u64>> {
        let [name, mode, length] = block.words()?;
        let console = match mode {
            0..=3 => INPUT_HANDLE,
            4..=7 => OUTPUT_HANDLE,
            8..=11 => ERROR_HANDLE,
            _ => return Ok(Some(self.failed(INVALID))),
        };
        let is_special = [CONSOLE, FEATURES].iter().any(|special| special.len() as u64 == length);
        if length > NAME_BYTES || (self.files.is_none() && !is_special) {
            return Ok(None);
        }
        let name = block.bytes(name, length)?;
        if name == CONSOLE {
            return Ok(Some(console));
        }
        if name == FEATURES && console == INPUT_HANDLE {
            self.features_read = 0;
            return Ok(Some(FEATURES_HANDLE));
        }
        match self.files.as_mut().and_then(|files| files.open(&name, mode)) {
            Some(opened) => Ok(Some(opened.unwrap_or_else(|error| self.failed(errno(&error))))),
            None => Ok(None),
        }
    }

    /// Serves a call on a handle of the console: the input, or where it prints.
    fn console(&mut self, call: u64, prints: Option<Stream>, block: &Block<'_>, print: Print<'_>) -> Result<u64> {
        match (call, prints) {
            (SYS_WRITE, Some(stream)) => {
                let (bytes, left) = block.data()?;
                let _ = print(stream, &bytes);
                Ok(left)
            }
            (SYS_READ, None) => {
                let [_, _, length] = block.words()?;
                let count = (self.input.len() as u64).min(length).min(TRANSFER_BYTES);
                let bytes: Vec<u8> = self.input.iter().take(whole(count)).copied().collect();
                let left = block.give(&bytes)?;
                self.input.drain(..bytes.len());
                Ok(left)
            }
            // All of it is left.
            (SYS_READ | SYS_WRITE, _) => Ok(block.words::<3>()?[2]),
            (SYS_ISTTY, _) => Ok(1),
            (SYS_SEEK, _) => Ok(self.failed(INVALID)),
            _ => Ok(0),
        }
    }

    /// Serves a call on the file that says which extensions this host has.
    fn features(&mut self, call: u64, block: &Block<'_>) -> Result<u64> {
        match call {
            SYS_READ => {
                let rest = FEATURE_BYTES.get(self.features_read..).unwrap_or_default();
                let [_, _, length] = block.words()?;
                let bytes = &rest[..rest.len().min(whole(length))];
                self.features_read += bytes.len();
                block.give(bytes)
            }
            SYS_SEEK => {
                let [_, position] = block.words()?;
                if position > FEATURE_BYTES.len() as u64 {
                    return Ok(self.failed(INVALID));
                }
                self.features_read = whole(position);
                Ok(0)
            }
            SYS_FLEN => Ok(FEATURE_BYTES.len() as u64),
            SYS_WRITE => Ok(block.words::<3>()?[2]),
            _ => Ok(0),
        }
    }

    /// Serves a call on the handle of a file.
    fn file(&mut self, handle: u64, call: u64, block: &Block<'_>) -> Result<Option<u64>> {
        let Some(files) = &mut self.files else { return Ok(None) };
        let done = match call {
            SYS_CLOSE => files.close(handle).map(|()| 0),
            SYS_ISTTY => files.length(handle).map(|_| 0),
            SYS_FLEN => match files.length(handle) {
                // -1 in a register, or more than it has room for.
                Ok(length) if length >= u64::MAX >> (64 - block.bits) => return Ok(Some(self.failed(OVERFLOW))),
                length => length,
            },
            SYS_SEEK => files.seek(handle, block.words::<2>()?[1]).map(|()| 0),
            SYS_READ => {
                let [_, _, length] = block.words()?;
                match files.read(handle, whole(length.min(TRANSFER_BYTES))) {
                    Ok(bytes) => Ok(block.give(&bytes)?),
                    Err(error) => Err(error),
                }
            }
            _ => {
                let (bytes, left) = block.data()?;
                files.write(handle, &bytes).map(|()| left)
            }
        };
        Ok(Some(done.unwrap_or_else(|error| self.failed(errno(&error)))))
    }

    /// Serves `SYS_REMOVE` and `SYS_RENAME`.
    fn change_entry(&mut self, call: u64, block: &Block<'_>) -> Result<Option<u64>> {
        let Some(files) = &self.files else { return Ok(None) };
        let name = |[address, length]: [u64; 2]| {
            if length > NAME_BYTES { Ok(Vec::new()) } else { block.bytes(address, length) }
        };
        let done = if call == SYS_REMOVE {
            files.remove(&name(block.words()?)?)
        } else {
            let [from, from_length, to, to_length] = block.words()?;
            files.rename(&name([from, from_length])?, &name([to, to_length])?)
        };
        Ok(done.map(|done| match done {
            Ok(()) => 0,
            Err(error) => self.failed(errno(&error)),
        }))
    }

    /// Writes the command line and its NUL where the firmware has room for them, and its length.
    fn write_command_line(&mut self, block: &Block<'_>) -> Result<u64> {
        let [buffer, room] = block.words()?;
        let length = self.command_line.len() as u64;
        if length >= room {
            return Ok(self.failed(INVALID));
        }
        let line: Vec<u8> = self.command_line.iter().copied().chain([0]).collect();
        block.memory.write_bytes(buffer, &line)?;
        block.write_words(&[buffer, length])?;
        Ok(0)
    }
}

/// The answer to an exit.
///
/// The subcode is an exit status only if the program ended by itself, says the specification. A
/// crash is never a success: for another reason, 0 becomes 1.
fn exit(reason: u64, subcode: u64) -> Answer {
    let status = low_word(subcode.into());
    let status = if reason != APPLICATION_EXIT && status == 0 { 1 } else { i32::from_ne_bytes(status.to_ne_bytes()) };
    Answer::Exit { status, reason: low_word(reason.into()) }
}

fn errno(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(INVALID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_no_success() {
        for (reason, subcode, status) in [
            (APPLICATION_EXIT, 0, 0),
            (APPLICATION_EXIT, 7, 7),
            (APPLICATION_EXIT, 0xffff_ffff, -1),
            (0x20023, 0, 1),
            (0x20023, 5, 5),
            (0, 0, 1),
        ] {
            let reason_word = low_word(reason.into());
            assert_eq!(exit(reason, subcode), Answer::Exit { status, reason: reason_word }, "{reason:#x} {subcode}");
        }
    }
}
