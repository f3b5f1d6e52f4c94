//! The JTAG chain of the virtual chip: what the test puts there comes out, and the other way round.

mod chain;
mod path;
mod playback;
mod scans;
mod svf_commands;

use std::time::Instant;

use openocd::{Bits, JtagError, OpenOcdBuilder, Session};
use virtual_chip::Transport;

use crate::board::{Board, PATIENCE};

/// The boundary scan TAP of the chip, and its instructions (RM0008, 31.6.1).
const BS: &str = "stm32f1x.bs";
const CPU: &str = "stm32f1x.cpu";
const EXTEST: u64 = 0;
const IDCODE: u64 = 1;
const SAMPLE: u64 = 2;
const BYPASS: u64 = 0x1f;

/// A session on a chip of its own, over JTAG.
pub fn jtag_board() -> Board {
    jtag_board_with(|openocd| openocd)
}

/// The same with more for OpenOCD after the chip's own configuration.
fn jtag_board_with(more: impl FnOnce(OpenOcdBuilder) -> OpenOcdBuilder) -> Board {
    Board::over(Transport::Jtag, Session::builder().timeout(PATIENCE), more)
}

fn bits(value: u64, length: usize) -> Bits {
    Bits::from_u64(value, length).unwrap()
}

#[track_caller]
fn jtag_error<T: std::fmt::Debug>(result: openocd::Result<T>) -> JtagError {
    match result {
        Err(openocd::Error::Jtag(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Waits until a cell drives its pin like this. OpenOCD does not wait for an adapter that it asks
/// nothing.
#[track_caller]
fn until_driven(board: &Board, cell: usize, level: Option<bool>) {
    let begin = Instant::now();
    while board.chip.boundary().driven(cell) != level {
        assert!(begin.elapsed() < PATIENCE, "cell {cell} is not driven {level:?}");
        std::thread::yield_now();
    }
}
