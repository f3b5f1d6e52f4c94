//! Semihosting: the firmware's calls to the host.

mod block;
pub(crate) mod call;
pub(crate) mod claim;
mod console;
pub(crate) mod files;
pub(crate) mod host;
mod options;
mod redirect;

pub use console::{SemihostingConsole, SemihostingExit};
pub use options::ConsoleOptions;
pub use redirect::{Redirected, SemihostingStream};

use crate::command::Script;
use crate::error::text::excerpt;
use crate::error::{Result, SemihostingError};
use crate::session::Session;
use crate::target::Target;

/// A view of a target's semihosting, from [`Session::semihosting`] or [`Target::semihosting`].
///
/// Firmware calls the host with `BKPT 0xAB` on a Cortex-M, and with an `ebreak` between two shifts
/// of register zero on RISC-V. There are three ways to serve the calls:
///
/// | | files and shell of the host | input | exit of the firmware |
/// |---|---|---|---|
/// | [`serve`](Self::serve) | refused, or files below one directory | held until it is asked for | a status; OpenOCD lives on |
/// | [`Target::run_until`] with [`RunUntil::semihosting`](crate::RunUntil::semihosting) | the same | given before the run | a verdict; OpenOCD lives on |
/// | [`enable`](Self::enable): by OpenOCD | **all of them** | of OpenOCD's terminal, or a [redirection](Self::redirect) | ends OpenOCD |
///
/// The other methods of this view are about OpenOCD's own semihosting; the first two ways do not
/// need them.
///
/// Sources: Arm's "Semihosting for `AArch32` and `AArch64`", RISC-V's "Semihosting" specification,
/// OpenOCD's `src/target/semihosting_common.c`.
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
#[derive(Clone, Copy)]
pub struct Semihosting<'a> {
    target: Target<'a>,
}

/// `Semihosting(Target(stm32f1x.cpu))`
impl std::fmt::Debug for Semihosting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Semihosting({:?})", self.target)
    }
}

impl Session {
    /// Returns a view of the current target's semihosting. Short for
    /// `session.target().semihosting()`.
    pub fn semihosting(&self) -> Semihosting<'_> {
        self.target().semihosting()
    }
}

impl<'a> Target<'a> {
    /// Returns a view of the target's semihosting.
    pub fn semihosting(self) -> Semihosting<'a> {
        Semihosting { target: self }
    }
}

impl Semihosting<'_> {
    /// Makes OpenOCD serve the firmware's calls (OpenOCD: `arm semihosting enable`). The target may
    /// be running.
    ///
    /// # The firmware can do on the host what OpenOCD may do
    /// OpenOCD serves all calls. `SYS_OPEN` opens, creates and overwrites any file, `SYS_REMOVE`
    /// and `SYS_RENAME` change any directory, and **`SYS_SYSTEM` runs any command of the host's
    /// shell**. A [base directory](Self::set_base_dir) confines nothing: a name with `..` leads out
    /// of it, and the shell ignores it. Enable this only for firmware that you trust as much as a
    /// program that you run on the host. [`serve`](Self::serve) refuses files and shell.
    ///
    /// # Exits
    /// When the firmware exits, **OpenOCD ends with its exit status**, unless a GDB is connected.
    /// The next call of this crate is then a
    /// [`ConnectionError::ServerDied`](crate::ConnectionError::ServerDied). Its report has the
    /// status, if the session started that OpenOCD. C programs with newlib exit with status 0
    /// whatever they return from `main`: newlib sends the status only to a host that lists its
    /// extensions in `:semihosting-features`, which OpenOCD does not.
    ///
    /// A call halts the target until the next time that OpenOCD polls it, 100 ms by default.
    ///
    /// # Errors
    /// [`SemihostingError::Refused`] if the target has no semihosting or was not examined,
    /// [`SemihostingError::InUse`] while a console or a run of any program serves its calls, and
    /// [`SemihostingError::NotInEffect`].
    pub fn enable(&self) -> Result<()> {
        let script = Script::call("semihosting_set").literal("enable");
        self.set(&script, "arm semihosting enable", "semihosting is ", "enabled", "enable semihosting")
    }

    /// Makes OpenOCD ignore the calls (OpenOCD: `arm semihosting disable`). A call then halts the
    /// target like any other breakpoint instruction. A console or a run that serves them now leaves
    /// OpenOCD's semihosting disabled when it ends.
    ///
    /// # Errors
    /// [`SemihostingError::Refused`] and [`SemihostingError::NotInEffect`].
    pub fn disable(&self) -> Result<()> {
        let script = Script::call("semihosting_set").literal("disable");
        self.set(&script, "arm semihosting disable", "semihosting is ", "disabled", "disable semihosting")
    }

    /// Reports whether OpenOCD serves the calls (OpenOCD: `arm semihosting`).
    ///
    /// # Errors
    /// The same as [`enable`](Self::enable).
    pub fn is_enabled(&self) -> Result<bool> {
        let script = Script::call("with_target").script(&Script::command("arm semihosting"));
        let request = self.target.request(script).shown("arm semihosting").to("ask about semihosting");
        let request = request.expecting("enabled or disabled");
        self.target.session().run(&request, |reply| {
            let answer = reply.value::<SemihostingError, _>(&request, |result| Some(result.to_vec()))?;
            let said = in_result_or_log(&answer, &reply.log);
            match said.lines().find_map(|line| line.strip_prefix("semihosting is ")) {
                Some("enabled") => Ok(true),
                Some("disabled") => Ok(false),
                _ => Err(reply.unexpected::<SemihostingError>(&request)),
            }
        })?
    }

    /// Sets the command line that the firmware gets from OpenOCD, program name first (OpenOCD:
    /// `arm semihosting_cmdline`).
    ///
    /// # Errors
    /// The same as [`enable`](Self::enable).
    pub fn set_command_line(&self, line: &str) -> Result<()> {
        let script = Script::command("arm semihosting_cmdline").word(line);
        let wanted = format!("[{line}]");
        self.set(&script, "arm semihosting_cmdline", "semihosting command line is ", &wanted, "set the command line")
    }

    /// Sets the directory on OpenOCD's machine that OpenOCD puts before the names of files that the
    /// firmware opens (OpenOCD: `arm semihosting_basedir`). Semihosting must be enabled. It
    /// [confines nothing](Self::enable).
    ///
    /// # Errors
    /// The same as [`enable`](Self::enable).
    pub fn set_base_dir(&self, directory: &str) -> Result<()> {
        let script = Script::command("arm semihosting_basedir").word(directory);
        self.set(&script, "arm semihosting_basedir", "semihosting base dir: ", directory, "set the base directory")
    }

    /// Allows the firmware to be resumed after an exit that OpenOCD survives (OpenOCD:
    /// `arm semihosting_resexit enable`). Semihosting must be enabled.
    ///
    /// OpenOCD survives an exit only while a GDB is connected to the target.
    ///
    /// # Errors
    /// The same as [`enable`](Self::enable).
    pub fn enable_resumable_exit(&self) -> Result<()> {
        self.set_resumable_exit("enable", "enabled")
    }

    /// Makes an exit of the firmware final, which is OpenOCD's default (OpenOCD:
    /// `arm semihosting_resexit disable`). Semihosting must be enabled.
    ///
    /// # Errors
    /// The same as [`enable`](Self::enable).
    pub fn disable_resumable_exit(&self) -> Result<()> {
        self.set_resumable_exit("disable", "disabled")
    }

    fn set_resumable_exit(&self, word: &'static str, state: &str) -> Result<()> {
        let script = Script::command("arm semihosting_resexit").literal(word);
        self.set(&script, "arm semihosting_resexit", "semihosting resumable exit is ", state, "set the resumable exit")
    }

    /// Runs a command that reports the setting afterwards, and checks the report.
    fn set(
        &self,
        script: &Script,
        shown: &'static str,
        prefix: &'static str,
        wanted: &str,
        operation: &'static str,
    ) -> Result<()> {
        let script = Script::call("with_target").script(script);
        let request = self.target.request(script).shown(shown).to(operation);
        self.target.session().run(&request, |reply| {
            let answer = reply.value::<SemihostingError, _>(&request, |result| Some(result.to_vec()))?;
            let said = in_result_or_log(&answer, &reply.log);
            if let Some(target) = said.strip_prefix("served ").and_then(|rest| rest.lines().next()) {
                return Err(SemihostingError::InUse { target: target.to_owned() }.into());
            }
            // A value may have several lines.
            if said.contains(&format!("{prefix}{wanted}\n")) {
                return Ok(());
            }
            let (wanted, said) = (wanted.to_owned(), excerpt(said.as_bytes(), 600));
            Err(SemihostingError::NotInEffect { operation, wanted, said }.into())
        })?
    }

    fn end_redirection(&self) -> Result<()> {
        let request = self.target.request("arm semihosting_redirect disable").to("end the redirection");
        self.target.session().ask::<SemihostingError, _>(&request, |_| Some(()))
    }
}

/// What a command reports: in its result or in its log, depending on OpenOCD's version and the
/// caller.
fn in_result_or_log(result: &[u8], log: &[u8]) -> String {
    format!("{}\n{}", String::from_utf8_lossy(result), String::from_utf8_lossy(log))
}
