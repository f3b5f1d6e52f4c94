//! Breakpoints and watchpoints: that they stop the core, that removed ones do not, and every error.

mod evidence;
mod listings;
mod lost;
mod overwritten;
mod refusals;
mod scopes;
mod shared;
mod stops;

use std::time::Duration;

use openocd::{
    Breakpoint, BreakpointError, Error, Result, Session, TargetError, TargetState, TargetStatus, TimeoutError,
};
use virtual_chip::VirtualChip;
use virtual_chip::firmware::COUNTER_ADDRESS;

use crate::board::Board;

const HALTS: Duration = Duration::from_secs(10);
/// Long enough for the firmware to go round its loop many times.
const RUNS_ON: Duration = Duration::from_millis(100);

/// `movs r0, #1`, `movs r0, #2`, `ldr r1, [r2]`, `b` to the start.
const PROGRAM: [u16; 4] = [0x2001, 0x2002, 0x6811, 0xe7fb];
const PROGRAM_ADDRESS: u32 = 0x2000_0100;
const SECOND: u64 = PROGRAM_ADDRESS as u64 + 2;
/// The instruction that OpenOCD writes: `bkpt 0x11`.
const BKPT: u16 = 0xbe11;

const COUNTER: u64 = COUNTER_ADDRESS as u64;

impl Board {
    /// Halted, with a program in RAM that is about to run.
    fn with_program() -> Board {
        let board = Board::halted();
        write_program(&board.chip);
        board.session.registers().write("pc", PROGRAM_ADDRESS).unwrap();
        board
    }

    fn run_until_halted(&self) -> TargetStatus {
        self.session.target().resume().expect("the target resumes");
        self.session.target().wait_halt(HALTS).expect("the target runs into something")
    }

    /// That nothing stops the core; it runs afterwards.
    fn assert_runs_on(&self) {
        let waited = self.session.target().wait_halt(RUNS_ON);
        assert!(matches!(waited, Err(Error::Timeout(TimeoutError::Halt { .. }))), "{waited:?}");
    }

    fn command(&self, command: &str) -> String {
        self.session.command(command).expect("OpenOCD takes the command")
    }
}

fn write_program(chip: &VirtualChip) {
    let bytes: Vec<u8> = PROGRAM.iter().flat_map(|half_word| half_word.to_le_bytes()).collect();
    chip.write_memory(PROGRAM_ADDRESS, &bytes).unwrap();
}

fn half_word(chip: &VirtualChip, address: u64) -> u16 {
    let mut bytes = [0; 2];
    chip.read_memory(address.try_into().unwrap(), &mut bytes).unwrap();
    u16::from_le_bytes(bytes)
}

#[track_caller]
fn breakpoint_error<T: std::fmt::Debug>(result: Result<T>) -> BreakpointError {
    match result {
        Err(Error::Breakpoint(error)) => error,
        other => panic!("no breakpoint error: {other:?}"),
    }
}

#[track_caller]
fn assert_not_halted<T: std::fmt::Debug>(result: Result<T>, expected: TargetState) {
    match result {
        Err(Error::Target(TargetError::NotHalted { state, .. })) => assert_eq!(state, expected),
        other => panic!("no NotHalted: {other:?}"),
    }
}

/// Mainline OpenOCD lists what was set last at the end, Espressif's build at the beginning.
fn listed(session: &Session) -> Vec<Breakpoint> {
    let mut breakpoints = session.breakpoints().list().unwrap();
    breakpoints.sort_by_key(|breakpoint| breakpoint.address);
    breakpoints
}

fn addresses(session: &Session) -> Vec<u64> {
    listed(session).iter().map(|breakpoint| breakpoint.address).collect()
}
