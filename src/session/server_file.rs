//! Temporary files on the machine of the OpenOCD, for commands that take their data from a file
//! only.
//!
//! The rule: a file exists only while OpenOCD runs the one command that uses it. So it is removed
//! however that command ends, and also if nobody waits for the reply any more. Data that is too
//! long for one command waits in OpenOCD's memory.

use std::time::Duration;

use super::Session;
use crate::command::{Request, Script, refuse_forbidden};
use crate::error::{CommandError, Result};
use crate::wire::{Deadline, tcl};

/// How much data one command carries. It takes up to five times as much on the wire, where OpenOCD
/// takes 4 MiB.
const PART_BYTES: usize = 512 * 1024;

/// How long OpenOCD may take to forget data that was not used.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(1);

/// The data of a temporary file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FileData<'a> {
    Bytes(&'a [u8]),
    /// The same byte, repeated.
    Fill {
        byte: u8,
        length: u64,
    },
}

impl Script {
    /// Runs `script` with a temporary file that holds `data`. In `script`, [`file`](Self::file)
    /// stands for the file's path.
    ///
    /// The data is part of the command, so this is for up to 512 KiB. [`ServerFile`] takes any
    /// length.
    pub(crate) fn with_file(data: FileData<'_>, script: &Script) -> Script {
        let call = Script::call("with_file");
        match data {
            FileData::Bytes(bytes) => call.bytes(bytes),
            FileData::Fill { byte, length } => {
                call.substituted("string repeat", |words| words.bytes(&[byte]).number(length))
            }
        }
        .script(script)
    }
}

/// Data of any length for a script that reads it from a temporary file.
pub(crate) struct ServerFile<'a> {
    session: &'a Session,
    script: Script,
    /// The number of the data that waits in OpenOCD's memory.
    waiting: Option<u64>,
}

impl<'a> ServerFile<'a> {
    /// Prepares a script, in which [`Script::file`] stands for the file's path. Data that is too
    /// long for one command is sent before.
    ///
    /// Nothing is sent if the script holds what the wire cannot carry.
    pub(crate) fn new(session: &'a Session, data: &[u8], script: &Script, deadline: Deadline) -> Result<Self> {
        refuse_forbidden(script.as_str())?;
        if data.len() <= PART_BYTES {
            let script = Script::with_file(FileData::Bytes(data), script);
            return Ok(ServerFile { session, script, waiting: None });
        }
        let mut file = ServerFile { session, script: Script::default(), waiting: None };
        let mut sent = 0;
        for part in data.chunks(PART_BYTES) {
            let number = file.waiting.map(|number| number.to_string()).unwrap_or_default();
            let script = Script::call("add_data").word(&number).bytes(part);
            let request = Request::new(script).shown("append").expecting("the length of the data that was sent");
            let request = request.before(deadline);
            sent += part.len();
            file.waiting = Some(session.ask::<CommandError, _>(&request, |reply| {
                let [number, length] = tcl::strings(reply)?;
                (length.parse() == Ok(sent)).then(|| number.parse().ok())?
            })?);
        }
        let number = file.waiting.unwrap_or_default();
        file.script =
            Script::call("with_file").substituted_call("take_data", |words| words.number(number)).script(script);
        Ok(file)
    }

    /// The script to run, once.
    pub(crate) fn script(&self) -> Script {
        self.script.clone()
    }
}

/// Makes OpenOCD forget the data if the script was not run.
impl Drop for ServerFile<'_> {
    fn drop(&mut self) {
        let Some(number) = self.waiting else { return };
        let deadline = Deadline::after(Some(CLEANUP_TIMEOUT));
        let request = Request::new(Script::call("drop_data").number(number)).shown("unset").before(deadline);
        if let Err(error) = self.session.run(&request, |_| ()) {
            log::debug!(target: "openocd::command", "data may stay in OpenOCD's memory: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_and_the_script_are_one_word_each() {
        let inner = Script::command("flash write_bank").number(0_u32).file();
        let script = Script::with_file(FileData::Bytes(b"a\0]"), &inner);
        let prefix = crate::procedures::prefix();
        let path = format!("\\$::{prefix}file");
        assert_eq!(script.as_str(), format!("{prefix}with_file \"a\\x00\\]\" \"flash write_bank 0 {path}\""));
        let script = Script::with_file(FileData::Fill { byte: 0xff, length: 16 }, &Script::command("list"));
        assert_eq!(script.as_str(), format!("{prefix}with_file [string repeat \"\\xff\" 16] list"));
    }
}
