//! What every test starts from: a virtual chip, and a session with a real OpenOCD that drives it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openocd::{OpenOcdBuilder, OpenOcdProcess, Session, SessionBuilder};
use virtual_chip::{Transport, VirtualChip};

/// The wire that this run of the suite is about: JTAG, or with `OPENOCD_TRANSPORT=swd` SWD, for
/// which OpenOCD has to be newer than 0.12.0.
///
/// The rule for a test: what is about targets takes this one, as `Board::start` does. What is about
/// JTAG itself (TAPs, scans, several chips on a chain, RISC-V) names it: [`Board::jtag`],
/// `VirtualBoard` and `VirtualHart` are on JTAG in every run.
pub fn transport() -> Transport {
    match std::env::var("OPENOCD_TRANSPORT").as_deref() {
        Err(_) | Ok("jtag") => Transport::Jtag,
        Ok("swd") => Transport::Swd,
        Ok(other) => panic!("OPENOCD_TRANSPORT is {other:?}, but must be jtag or swd"),
    }
}

/// The configuration of a chip for this run's [`transport`].
pub fn config(chip: &VirtualChip) -> String {
    chip.openocd_config_over(transport())
}

/// A session on a chip of its own. The session ends before the chip.
///
/// When the test panics, the end of OpenOCD's log is printed, also what OpenOCD logs while it ends.
pub struct Board {
    pub session: Session,
    pub chip: VirtualChip,
    // Fields are dropped in this order, so the log is complete when it is printed.
    _log: LogOnPanic,
}

impl Board {
    pub fn start() -> Board {
        Board::start_with(Session::builder().timeout(PATIENCE), |openocd| openocd)
    }

    pub fn halted() -> Board {
        let board = Board::start();
        board.session.target().halt().expect("the target halts");
        board
    }

    /// On JTAG, whatever this run is about.
    pub fn jtag() -> Board {
        Board::over(Transport::Jtag, Session::builder().timeout(PATIENCE), |openocd| openocd)
    }

    /// What the chip holds, past OpenOCD.
    pub fn held(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.chip.read_memory(address.try_into().expect("32 bits"), &mut bytes).expect("the chip has memory there");
        bytes
    }

    /// With limits of its own for the session, and more for OpenOCD after the chip's own
    /// configuration.
    pub fn start_with(limits: SessionBuilder, more: impl FnOnce(OpenOcdBuilder) -> OpenOcdBuilder) -> Board {
        Board::over(transport(), limits, more)
    }

    pub fn over(
        transport: Transport,
        limits: SessionBuilder,
        more: impl FnOnce(OpenOcdBuilder) -> OpenOcdBuilder,
    ) -> Board {
        // `RUST_LOG=openocd=trace` shows the wire. Only the first board of a run can set the
        // logger.
        let _ = env_logger::builder().is_test(true).try_init();
        let chip = VirtualChip::start().expect("a free port");
        let config = chip.openocd_config_over(transport);
        let log = LogOnPanic::default();
        let openocd = OpenOcdProcess::builder().config(config).ready_timeout(PATIENCE).on_log(log.collector());
        let openocd = more(openocd);
        let session = limits.start(openocd).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
        Board { session, chip, _log: log }
    }

    /// Ends the session's OpenOCD as a crash does.
    pub fn kill_openocd(&self) {
        let pid = self.session.process().expect("a process of its own").pid().to_string();
        let killed = std::process::Command::new("kill").args(["-9", &pid]).status().expect("a `kill` command");
        assert!(killed.success());
    }
}

/// Prints the end of OpenOCD's log when it is dropped by a panic.
#[derive(Default)]
struct LogOnPanic(Arc<Mutex<VecDeque<String>>>);

impl LogOnPanic {
    /// Lines that are kept.
    const LINES: usize = 200;

    /// Returns a callback that keeps the last lines.
    fn collector(&self) -> impl FnMut(&str) + Send + 'static {
        let lines = Arc::clone(&self.0);
        move |line| {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == Self::LINES {
                lines.pop_front();
            }
            lines.push_back(line.to_owned());
        }
    }
}

impl Drop for LogOnPanic {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        eprintln!("the end of OpenOCD's log:");
        for line in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            eprintln!("  {line}");
        }
    }
}

/// OpenOCD without a chip: an interpreter, and two targets of the type `testee`, which hold
/// nothing.
pub fn dummy() -> OpenOcdBuilder {
    OpenOcdProcess::builder()
        .ready_timeout(PATIENCE)
        .command("adapter driver dummy")
        .command("jtag newtap a cpu -irlen 4; jtag newtap b cpu -irlen 4")
        .command("target create a.cpu testee -chain-position a.cpu; target create b.cpu testee -chain-position b.cpu")
}

/// A session with an OpenOCD that has no chip and does not initialise anything.
pub fn interpreter() -> Session {
    Session::builder()
        .timeout(PATIENCE)
        .start(dummy().command("noinit"))
        .unwrap_or_else(|error| panic!("{INSTALL}\n{error}"))
}

/// What a machine that is busy with other things may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub const INSTALL: &str = "these tests drive a real OpenOCD; on Debian: apt-get install openocd";
