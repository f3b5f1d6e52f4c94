//! Flash that cannot be read: which address, in time, and without a trace.

use std::time::{Duration, Instant};

use openocd::{Error, FlashError, Image, Session, WriteOptions};
use virtual_chip::firmware;

use super::BASE;
use crate::board::Board;
use crate::random::Random;

/// OpenOCD waits 20 s for an algorithm that ran into a fault; a busy machine may take this long for
/// everything else.
const QUICK: Duration = Duration::from_secs(18);

fn board() -> Board {
    let limits = Session::builder().timeout(Duration::from_secs(120)).flash_timeout(Duration::from_secs(60));
    let board = Board::start_with(limits, |openocd| openocd);
    board.session.target().halt().unwrap();
    board
}

#[test]
fn verify_names_the_address_that_faults_and_returns_at_once() {
    let board = board();
    let flash = board.session.flash();
    flash.banks().unwrap();
    for (from, to, verified) in [(0x0800_9000, 0x0800_9004, 0x1000), (0x0800_8000, 0x0801_0000, 0)] {
        board.chip.faults().clear();
        board.chip.faults().bus_fault_at(from..to);
        let begun = Instant::now();
        let error = flash.verify(BASE + 0x8000, &[0xff; 0x3000]).unwrap_err();
        assert!(begun.elapsed() < QUICK, "{:?}", begun.elapsed());
        let Error::Flash(FlashError::Verify { address, verified: count, total: 0x3000, .. }) = &error else {
            panic!("{error:?}")
        };
        assert_eq!((*address, *count), (u64::from(from), verified));
        assert!(error.failure().is_some());
        assert!(error.to_string().contains(&format!("{from:#010x}")), "{error}");
    }
    board.chip.faults().clear();
    assert!(flash.verify(BASE + 0x8000, &[0xff; 0x3000]).unwrap(), "the session can be used at once");
}

#[test]
fn read_names_the_address_that_faults() {
    let board = board();
    board.chip.faults().bus_fault_at(0x0800_9124..0x0800_9128);
    let error = board.session.flash().read(BASE + 1, 0x1_0000).unwrap_err();
    let Error::Flash(FlashError::Read { address, read, total: 0x1_0000, .. }) = error else { panic!("{error:?}") };
    assert!((0x0800_9121..=0x0800_9127).contains(&address), "within 4 bytes: {address:#x}");
    assert_eq!(read, address - (BASE + 1));
}

#[test]
fn a_fault_of_an_algorithm_leaves_no_trace() {
    let board = board();
    let flash = board.session.flash();
    let image = Image::bin(BASE + 0x8000, vec![0x5a; 0x3000]).unwrap();
    flash.write_image(&image).unwrap();
    let ram = Random::new(74).bytes(0x5000);
    board.chip.write_memory(0x2000_0000, &ram).unwrap();
    let memory = board.session.memory();
    let state = || {
        let registers = board.session.registers().read_all().unwrap();
        let registers: Vec<_> =
            registers.registers.iter().map(|register| format!("{} {:?}", register.name, register.value)).collect();
        // ICSR (the active exception), SHCSR, CFSR and HFSR, DEMCR.
        let system = [0xe000_ed04, 0xe000_ed24, 0xe000_ed28, 0xe000_ed2c, 0xe000_edfc]
            .map(|address| memory.read_u32(address).unwrap());
        (registers, system)
    };
    let before = state();
    board.chip.faults().bus_fault_at(0x0800_9000..0x0800_9004);
    flash.verify(BASE + 0x8000, &[0x5a; 0x3000]).unwrap_err();
    assert_eq!(state(), before);
    // The checksums of all sectors fault, so nothing is known to be unchanged. The flash controller
    // does not answer either, so that this ends before it writes.
    board.chip.faults().bus_fault_at(0x4002_2000..0x4002_2014);
    let error = flash.write_image_with(&image, WriteOptions::new().skip_unchanged(true)).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::Erase { .. })), "{error}");
    assert_eq!(state(), before);
    assert!(board.held(0x2000_0000, ram.len()) == ram, "RAM, with the stack");
    // The firmware goes on.
    board.chip.faults().clear();
    board.session.target().reset(openocd::ResetMode::Halt).unwrap();
    board.session.command("resume").unwrap();
    assert!(flash.verify(BASE, firmware::IMAGE).unwrap());
}

#[test]
fn a_silent_chip_ends_verify_with_its_address() {
    let limits = Session::builder().timeout(Duration::from_secs(20)).flash_timeout(Duration::from_secs(2));
    let board = Board::start_with(limits, |openocd| openocd);
    board.session.target().halt().unwrap();
    let mut pieces = 0;
    let flash = board.session.flash().with_progress(|progress| {
        pieces += u32::from(progress.done > 0);
        board.chip.faults().stop_answering(pieces == 1);
    });
    let error = flash.verify(BASE + 0x4000, &vec![0xff; 0x14000]).unwrap_err();
    let Error::Flash(FlashError::Verify { address, verified, cause, .. }) = &error else { panic!("{error:?}") };
    assert!(matches!(**cause, Error::Timeout(_)), "{cause}");
    assert_eq!((*address, *verified > 0), (BASE + 0x4000 + verified, true));
    board.chip.faults().stop_answering(false);
}

#[test]
fn a_lost_connection_in_mid_call_says_how_far_it_came() {
    for verifies in [true, false] {
        let board = Board::halted();
        let mut pieces = 0;
        let flash = board.session.flash().with_progress(|progress| {
            pieces += u32::from(progress.done > 0);
            if pieces == 1 && progress.done > 0 {
                board.kill_openocd();
            }
        });
        let error = if verifies {
            flash.verify(BASE + 0x4000, &vec![0xff; 0x1_0000]).map(drop).unwrap_err()
        } else {
            flash.read(BASE + 0x4000, 0x1_0000).map(drop).unwrap_err()
        };
        let Error::Flash(
            FlashError::Verify { address, verified: done, cause, .. }
            | FlashError::Read { address, read: done, cause, .. },
        ) = &error
        else {
            panic!("{error:?}")
        };
        assert!(matches!(**cause, Error::Connection(_)), "{cause}");
        assert_eq!((*address, *done > 0), (BASE + 0x4000 + done, true));
    }
}
