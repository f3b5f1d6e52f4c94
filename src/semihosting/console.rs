//! The semihosting calls that this crate serves itself: those of a console, the time, and the exit.
//!
//! OpenOCD cannot be asked to serve the others: at a call it is the first to see it exits by itself if that is an exit, and once a call has halted the target, nothing
//! makes OpenOCD serve it (`resume`, also with the call's address, goes on behind a BKPT: `src/target/armv7m.c`: `armv7m_maybe_skip_bkpt_inst`).
//!
//! Arm's semihosting specification (ABI for the Arm Architecture), chapters 2 and 7: the number of the call is in R0, its argument in R1, which is mostly the
//! address of a block of words; the answer goes to R0.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::memory::Memory;

const SYS_OPEN: u32 = 0x01;
const SYS_CLOSE: u32 = 0x02;
const SYS_WRITEC: u32 = 0x03;
const SYS_WRITE0: u32 = 0x04;
const SYS_WRITE: u32 = 0x05;
const SYS_READ: u32 = 0x06;
const SYS_READC: u32 = 0x07;
const SYS_ISTTY: u32 = 0x09;
const SYS_SEEK: u32 = 0x0a;
const SYS_FLEN: u32 = 0x0c;
const SYS_ISERROR: u32 = 0x08;
const SYS_CLOCK: u32 = 0x10;
const SYS_TIME: u32 = 0x11;
const SYS_ERRNO: u32 = 0x13;
const SYS_HEAPINFO: u32 = 0x16;
const SYS_EXIT: u32 = 0x18;
const SYS_EXIT_EXTENDED: u32 = 0x20;

/// `ADP_Stopped_ApplicationExit`: the program ended by itself.
const APPLICATION_EXIT: u32 = 0x20026;

/// The name of the console.
const CONSOLE: &[u8] = b":tt";
/// Handles of the console, far from those that OpenOCD gives to files.
const CONSOLE_INPUT: u32 = 0x7f00_0001;
const CONSOLE_OUTPUT: u32 = 0x7f00_0002;

/// -1, in the two's complement of R0.
const FAILED: u32 = u32::MAX;

/// The most that one call writes; the firmware is told what is left.
const LARGEST_WRITE: u32 = 64 * 1024;
/// The longest string that `SYS_WRITE0` may write: one without an end is no string.
const LONGEST_STRING: usize = 1024 * 1024;

/// What a call is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The target goes on with this in R0.
    Value(u32),
    /// The firmware has ended.
    Exit {
        /// Its exit status; 0 only for an end of its own will.
        status: i32,
        /// Its reason: 0x20026 for an end of its own will.
        reason: u32,
    },
}

/// What the firmware prints, and has to read.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) output: Vec<u8>,
    pub(crate) refused_calls: Vec<u32>,
    input: VecDeque<u8>,
    begin: Instant,
}

impl Console {
    pub(crate) fn new(input: Vec<u8>) -> Self {
        Console { output: Vec::new(), refused_calls: Vec::new(), input: input.into(), begin: Instant::now() }
    }

    pub(crate) fn serve(&mut self, call: u32, argument: u32, memory: &Memory<'_>) -> Result<Answer> {
        let value = match call {
            SYS_EXIT => {
                return Ok(Answer::Exit { status: exit_status(argument, 0), reason: argument });
            }
            SYS_EXIT_EXTENDED => {
                let [reason, subcode] = words(memory, argument)?;
                return Ok(Answer::Exit { status: exit_status(reason, subcode), reason });
            }
            SYS_WRITEC => {
                self.output.push(memory.read_u8(argument.into())?);
                0
            }
            SYS_WRITE0 => {
                self.write_string(memory, argument)?;
                0
            }
            SYS_READC => self.input.pop_front().map_or(FAILED, u32::from),
            SYS_OPEN => {
                let [name, mode, length] = words(memory, argument)?;
                if length as usize != CONSOLE.len() || memory.read_bytes(name.into(), CONSOLE.len() as u64)? != CONSOLE
                {
                    return Ok(self.refuse(call));
                }
                // 0 to 3 read, the others write (table 7-2).
                if mode < 4 { CONSOLE_INPUT } else { CONSOLE_OUTPUT }
            }
            SYS_CLOSE | SYS_WRITE | SYS_READ | SYS_ISTTY | SYS_SEEK | SYS_FLEN => {
                let [handle] = words(memory, argument)?;
                if handle != CONSOLE_INPUT && handle != CONSOLE_OUTPUT {
                    return Ok(self.refuse(call));
                }
                match call {
                    SYS_WRITE => self.write(memory, argument)?,
                    SYS_READ => self.read(memory, argument)?,
                    SYS_ISTTY => 1,
                    SYS_SEEK => FAILED,
                    _ => 0,
                }
            }
            // Centiseconds, and seconds since 1970, of which the firmware gets 32 bits.
            SYS_CLOCK => low_word(self.begin.elapsed().as_millis() / 10),
            SYS_TIME => low_word(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().into()),
            SYS_ERRNO => 0,
            // A negative value is an error (6.7); the handles here give 0 or -1.
            SYS_ISERROR => words::<1>(memory, argument)?[0] >> 31,
            SYS_HEAPINFO => {
                let [block] = words(memory, argument)?;
                // Zeros: the firmware knows best where its heap and stack are.
                memory.write_u32_slice(block.into(), &[0; 4])?;
                0
            }
            _ => return Ok(self.refuse(call)),
        };
        Ok(Answer::Value(value))
    }

    fn refuse(&mut self, call: u32) -> Answer {
        log::warn!(target: "openocd::semihosting", "the firmware's semihosting call {call:#04x} is not served here: it gets -1");
        self.refused_calls.push(call);
        Answer::Value(FAILED)
    }

    /// Takes a string up to its NUL.
    fn write_string(&mut self, memory: &Memory<'_>, address: u32) -> Result<()> {
        let begin = self.output.len();
        let mut address = u64::from(address);
        while self.output.len() - begin < LONGEST_STRING {
            // Up to the next multiple of 64, which no memory ends before.
            let length = 64 - (address % 64);
            let chunk = memory.read_bytes(address, length)?;
            if let Some(end) = memchr::memchr(0, &chunk) {
                self.output.extend_from_slice(&chunk[..end]);
                return Ok(());
            }
            self.output.extend_from_slice(&chunk);
            address += length;
        }
        log::warn!(target: "openocd::semihosting", "the firmware writes a string without an end; {LONGEST_STRING} bytes of it are taken");
        Ok(())
    }

    /// The count of bytes that were not written.
    fn write(&mut self, memory: &Memory<'_>, argument: u32) -> Result<u32> {
        let [_, address, length] = words(memory, argument)?;
        let taken = length.min(LARGEST_WRITE);
        self.output.extend(memory.read_bytes(address.into(), taken.into())?);
        Ok(length - taken)
    }

    /// The count of bytes that were not read: all of them at the end of the input.
    fn read(&mut self, memory: &Memory<'_>, argument: u32) -> Result<u32> {
        let [_, address, length] = words(memory, argument)?;
        let count = self.input.len().min(length as usize);
        let bytes: Vec<u8> = self.input.drain(..count).collect();
        memory.write_bytes(address.into(), &bytes)?;
        Ok(length - u32::try_from(count).unwrap_or(length))
    }
}

/// The subcode of `SYS_EXIT_EXTENDED` is an exit status only of a program that ended by itself, says the specification: a crash is never a success. OpenOCD takes it for
/// one only then, too, and calls all else an exception (`src/target/semihosting_common.c`: `semihosting_common`).
fn exit_status(reason: u32, subcode: u32) -> i32 {
    if reason != APPLICATION_EXIT && subcode == 0 { 1 } else { i32::from_le_bytes(subcode.to_le_bytes()) }
}

/// The block of a call.
fn words<const N: usize>(memory: &Memory<'_>, address: u32) -> Result<[u32; N]> {
    let mut words = [0; N];
    memory.read_u32_into(address.into(), &mut words)?;
    Ok(words)
}

/// What the firmware gets of a longer number.
fn low_word(number: u128) -> u32 {
    #[allow(clippy::cast_possible_truncation, reason = "a register has 32 bits")]
    let word = number as u32;
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_no_success() {
        for (reason, subcode, status) in [
            (APPLICATION_EXIT, 0, 0),
            (APPLICATION_EXIT, 7, 7),
            (APPLICATION_EXIT, u32::MAX, -1),
            (0x20023, 0, 1),
            (0x20023, 5, 5),
            (0, 0, 1),
        ] {
            assert_eq!(exit_status(reason, subcode), status, "{reason:#x} {subcode}");
        }
    }
}
