//! Semihosting: the firmware's calls to the host.

pub(crate) mod console;
mod redirect;

pub use redirect::{Redirected, SemihostingStream};

use crate::command::{Reply, Request};
use crate::error::{Error, Failure, Refused, Result, SemihostingError, UnexpectedReply};
use crate::session::Session;
use crate::target::Target;
use crate::wire::tcl;

/// OpenOCD's semihosting of a target: it serves the calls of the firmware (`BKPT 0xAB` on a Cortex-M) while it is enabled.
///
/// From [`Session::semihosting`](crate::Session::semihosting) or [`Target::semihosting`]. Each call halts the target until OpenOCD's next look at it, 100 ms away
/// by default.
///
/// # Exits end OpenOCD
/// When the firmware exits (`SYS_EXIT`, `SYS_EXIT_EXTENDED`), **OpenOCD ends with its exit status**, unless a GDB is connected. The next call of this crate is
/// then a [`ConnectionError::ServerDied`](crate::ConnectionError::ServerDied), whose report has the status, if the session started that OpenOCD. To get exit status and output and keep
/// OpenOCD, use [`Target::run_until`] with [`RunUntil::semihosting`](crate::RunUntil::semihosting), which needs nothing of this view.
///
/// Sources: OpenOCD's `arm semihosting` and its relatives, which serve RISC-V, too (`src/target/semihosting_common.c`); Arm's semihosting specification (ABI for the Arm Architecture).
///
/// ```
/// # use virtual_chip::firmware::semihosting as firmware;
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # chip.load_firmware(firmware::IMAGE);
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// # session.target().halt()?;
/// session.semihosting().set_command_line("firmware --self-test")?;
/// session.semihosting().enable()?;
/// assert!(session.semihosting().is_enabled()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Semihosting<'a> {
    target: Target<'a>,
}

impl Session {
    /// The current target's semihosting; short for `session.target().semihosting()`.
    pub fn semihosting(&self) -> Semihosting<'_> {
        self.target().semihosting()
    }
}

impl<'a> Target<'a> {
    /// The target's semihosting.
    pub fn semihosting(self) -> Semihosting<'a> {
        Semihosting { target: self }
    }
}

impl Semihosting<'_> {
    /// Makes OpenOCD serve the firmware's calls (OpenOCD: `arm semihosting enable`). The target may run.
    ///
    /// # Errors
    /// [`SemihostingError::Refused`] if the target has no semihosting or was not examined, [`NotInEffect`](SemihostingError::NotInEffect), and those of
    /// [`Session::command`](crate::Session::command).
    pub fn enable(&self) -> Result<()> {
        self.set("arm semihosting enable", "semihosting is ", "enabled", "semihosting", "enable semihosting")
    }

    /// Makes OpenOCD leave the calls alone: each halts the target, as any other breakpoint (OpenOCD: `arm semihosting disable`).
    ///
    /// # Errors
    /// Those of [`enable`](Self::enable).
    pub fn disable(&self) -> Result<()> {
        self.set("arm semihosting disable", "semihosting is ", "disabled", "semihosting", "disable semihosting")
    }

    /// Whether OpenOCD serves the calls (OpenOCD: `arm semihosting`).
    ///
    /// # Errors
    /// Those of [`enable`](Self::enable).
    pub fn is_enabled(&self) -> Result<bool> {
        let said = self.ask("arm semihosting", "ask about semihosting")?;
        match said.lines().find_map(|line| line.strip_prefix("semihosting is ")) {
            Some("enabled") => Ok(true),
            Some("disabled") => Ok(false),
            _ => Err(unexpected("arm semihosting", "enabled or disabled", said)),
        }
    }

    /// What the firmware gets as its command line, program name first (OpenOCD: `arm semihosting_cmdline`).
    ///
    /// # Errors
    /// Those of [`enable`](Self::enable).
    pub fn set_command_line(&self, line: &str) -> Result<()> {
        let command = format!("arm semihosting_cmdline {}", tcl::quote(line));
        self.set(
            &command,
            "semihosting command line is ",
            &format!("[{line}]"),
            "the command line",
            "set the command line",
        )
    }

    /// The directory on OpenOCD's machine in which the firmware opens files (OpenOCD: `arm semihosting_basedir`). Semihosting must be enabled.
    ///
    /// # Errors
    /// Those of [`enable`](Self::enable).
    pub fn set_base_dir(&self, directory: &str) -> Result<()> {
        let command = format!("arm semihosting_basedir {}", tcl::quote(directory));
        self.set(&command, "semihosting base dir: ", directory, "the base directory", "set the base directory")
    }

    /// Whether the firmware goes on after an exit, where OpenOCD survives it (OpenOCD: `arm semihosting_resexit`). Semihosting must be enabled.
    /// OpenOCD survives it while a GDB is connected to the target; otherwise it ends, whatever this is set to.
    ///
    /// # Errors
    /// Those of [`enable`](Self::enable).
    pub fn set_resumable_exit(&self, resumable: bool) -> Result<()> {
        let (word, state) = if resumable { ("enable", "enabled") } else { ("disable", "disabled") };
        let command = format!("arm semihosting_resexit {word}");
        self.set(&command, "semihosting resumable exit is ", state, "the resumable exit", "set the resumable exit")
    }

    /// Runs a command that says afterwards how things are, and checks that.
    fn set(&self, command: &str, prefix: &str, wanted: &str, what: &'static str, doing: &'static str) -> Result<()> {
        let said = self.ask(command, doing)?;
        // A value may have several lines.
        if said.contains(&format!("{prefix}{wanted}\n")) {
            return Ok(());
        }
        Err(SemihostingError::NotInEffect { what, wanted: wanted.to_owned(), said: said.trim().to_owned() }.into())
    }

    /// What a command says: in its result or, depending on version and caller, in its log.
    fn ask(&self, command: &str, doing: &'static str) -> Result<String> {
        let request = self.target.request(command);
        self.target.session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| refused(doing, failure))?;
            Ok(format!("{}\n{}", String::from_utf8_lossy(answer), String::from_utf8_lossy(&reply.log)))
        })?
    }
}

fn refused(doing: &'static str, failure: Box<Failure>) -> Error {
    Error::refused(failure, |failure| SemihostingError::Refused(Refused::new(doing, failure)).into())
}

fn unexpected(command: &str, expected: &'static str, reply: String) -> Error {
    SemihostingError::UnexpectedReply(UnexpectedReply { command: command.to_owned(), expected, reply }).into()
}

pub(crate) fn unexpected_reply(request: &Request<'_>, reply: &Reply<'_>) -> Error {
    unexpected(request.name(), "an answer about the target", String::from_utf8_lossy(&reply.result).into_owned())
}
