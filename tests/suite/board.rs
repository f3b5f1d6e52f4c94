//! What every test starts from: a virtual chip, and a session with a real OpenOCD that drives it.

use std::time::Duration;

use openocd::{OpenOcdBuilder, OpenOcdProcess, Session, SessionBuilder};
use virtual_chip::VirtualChip;

/// A session on a chip of its own. The session ends before the chip.
pub struct Board {
    pub session: Session,
    pub chip: VirtualChip,
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

    /// What the chip holds, past OpenOCD.
    pub fn held(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.chip.read_memory(address.try_into().expect("32 bits"), &mut bytes).expect("the chip has memory there");
        bytes
    }

    /// With limits of its own for the session, and more for OpenOCD after the chip's own configuration.
    pub fn start_with(limits: SessionBuilder, more: impl FnOnce(OpenOcdBuilder) -> OpenOcdBuilder) -> Board {
        let chip = VirtualChip::start().expect("a free port");
        let openocd = more(OpenOcdProcess::builder().config(chip.openocd_config()).ready_timeout(PATIENCE));
        let session = limits.start(openocd).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
        Board { session, chip }
    }

    /// Ends the session's OpenOCD as a crash does.
    pub fn kill_openocd(&self) {
        let pid = self.session.process().expect("a process of its own").pid().to_string();
        let killed = std::process::Command::new("kill").args(["-9", &pid]).status().expect("a `kill` command");
        assert!(killed.success());
    }
}

/// OpenOCD without a chip: an interpreter, and two targets of the type `testee`, which hold nothing.
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
