//! The exit statuses of `ocd`: one table, which `--help` shows.

use std::process::ExitCode;

use openocd::{AdapterError, BreakpointError, DapError, Error, FlashError, JtagError, RttError, SvdError, TargetError};

/// The command did what it says.
pub(crate) const DONE: u8 = 0;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 64;
/// Something failed that no other status names.
pub(crate) const FAILED: u8 = 70;
/// A configuration or a file is wrong: `ocd.toml`, OpenOCD's configuration, an image, an SVD file.
pub(crate) const CONFIGURATION: u8 = 71;
/// No probe was found, it cannot be opened, or there are several and none was chosen.
pub(crate) const PROBE: u8 = 72;
/// The probe works, but the target does not answer or refuses.
pub(crate) const TARGET: u8 = 73;
/// Erasing, writing or protecting flash failed.
pub(crate) const FLASH: u8 = 74;
/// What was compared differs.
pub(crate) const MISMATCH: u8 = 75;
/// OpenOCD cannot be reached, went away, or does not answer.
pub(crate) const CONNECTION: u8 = 76;
/// The firmware exited with success before what was waited for came.
pub(crate) const UNMET: u8 = 77;
/// Tests of a test binary failed, as of libtest.
pub(crate) const FAILED_TESTS: u8 = 101;
/// The time given by `--timeout` is over.
pub(crate) const TIMEOUT: u8 = 124;
/// Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;
/// The firmware panicked, faulted or locked up.
pub(crate) const CRASH: u8 = 134;
/// Nobody reads standard output any more.
pub(crate) const BROKEN_PIPE: u8 = 141;
/// SIGTERM.
pub(crate) const TERMINATED: u8 = 143;

/// The table at the end of `ocd --help`.
pub(crate) const TABLE: &str = "\
Exit status:
    0  done
   64  wrong usage
   70  something failed that no other status names
   71  wrong configuration (ocd.toml, OpenOCD's) or file (image, SVD, output)
   72  no probe, the wrong one, one that does not open, or several, none chosen
   73  the target does not answer, or refuses
   74  erasing, writing or protecting flash failed
   75  a comparison found a difference
   76  OpenOCD cannot be reached, went away or does not answer
   77  the firmware exited with 0 before what --until-line or --until waits for
  101  tests of a test binary failed
  124  the time of --timeout is over (`watch` and `events`: with --count only)
  130  Ctrl-C
  134  the firmware panicked, faulted or locked up, also as a command started it
  141  nobody reads standard output any more
  143  SIGTERM, or the terminal was closed
`run`, `attach` and `semihosting` end with the firmware's own status when the
firmware exits: their last line on standard error says whose status it is.
`gdb` ends with GDB's. In JSON, `whose` says so of every command.";

/// The status for an error of the library.
pub(crate) fn of(error: &Error) -> u8 {
    match error {
        Error::Flash(FlashError::Mismatch(_)) => MISMATCH,
        Error::Flash(error) => of_flash(error),
        Error::Process(_) | Error::Image(_) => CONFIGURATION,
        Error::Svd(error) if is_file(error) => CONFIGURATION,
        // A name or a value that was typed.
        Error::Svd(_) => USAGE,
        Error::Adapter(AdapterError::NoDriver | AdapterError::NoSignal { .. }) => CONFIGURATION,
        Error::Adapter(AdapterError::InvalidArgument(_)) => USAGE,
        Error::Adapter(_) => PROBE,
        Error::Connection(_) | Error::Timeout(_) => CONNECTION,
        Error::Target(TargetError::File { .. } | TargetError::Stream { .. }) => CONFIGURATION,
        Error::Target(TargetError::NotRestored { cause, .. }) => of(cause),
        Error::Target(TargetError::Unknown { .. } | TargetError::NoTarget { .. }) => CONFIGURATION,
        Error::Target(
            TargetError::InvalidArgument(_)
            | TargetError::Misaligned { .. }
            | TargetError::OutOfAddressSpace { .. }
            | TargetError::UnknownRegister { .. }
            | TargetError::ValueTooWide { .. },
        )
        | Error::Breakpoint(BreakpointError::InvalidArgument(_))
        | Error::Dap(DapError::InvalidArgument(_))
        | Error::Rtt(RttError::InvalidArgument(_))
        | Error::Jtag(JtagError::InvalidArgument(_)) => USAGE,
        Error::Jtag(JtagError::SvfMismatch { .. }) => MISMATCH,
        Error::Jtag(
            JtagError::File { .. }
            | JtagError::FileTooLarge { .. }
            | JtagError::Unterminated { .. }
            | JtagError::InvalidSvf { .. }
            | JtagError::InvalidXsvf { .. },
        ) => CONFIGURATION,
        Error::Target(_) | Error::Dap(_) | Error::Jtag(_) | Error::Breakpoint(_) | Error::Rtt(_) => TARGET,
        _ => FAILED,
    }
}

fn of_flash(error: &FlashError) -> u8 {
    match error {
        // A bank, a sector, an address or a length that was typed. Nothing was changed.
        FlashError::UnknownBank { .. }
        | FlashError::NoBank { .. }
        | FlashError::InvalidSectors { .. }
        | FlashError::NoSectors { .. }
        | FlashError::Misaligned { .. }
        | FlashError::InvalidArgument(_) => USAGE,
        FlashError::File { .. } => CONFIGURATION,
        FlashError::UnexpectedReply(_) => FAILED,
        FlashError::Banks(_) | FlashError::Probe { .. } | FlashError::Info { .. } => TARGET,
        // Flash is as it was, or as it should be.
        FlashError::Read { cause, .. } | FlashError::Verify { cause, .. } | FlashError::NotStarted { cause } => {
            match of(cause) {
                FLASH | FAILED => TARGET,
                status => status,
            }
        }
        _ => error.cause().map(of).filter(|&status| status == CONNECTION).unwrap_or(FLASH),
    }
}

/// Whether the SVD file itself is the problem.
fn is_file(error: &SvdError) -> bool {
    matches!(
        error,
        SvdError::NotFound { .. }
            | SvdError::Unreadable { .. }
            | SvdError::Unwritable { .. }
            | SvdError::Parse { .. }
            | SvdError::Impossible { .. }
            | SvdError::TooLarge { .. }
    )
}

/// The worse of two statuses: any failure is worse than none, otherwise the higher one.
pub(crate) fn worse(one: u8, other: u8) -> u8 {
    one.max(other)
}

pub(crate) fn code(status: u8) -> ExitCode {
    ExitCode::from(status)
}
