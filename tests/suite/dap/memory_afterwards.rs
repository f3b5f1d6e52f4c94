//! OpenOCD remembers what it wrote to SELECT, CSW and TAR. Calls of the DAP view change these
//! registers past it, and memory calls afterwards must still use the right address.

use openocd::{DapError, InvalidArgument, Session};
use virtual_chip::{Transport, VirtualChip};

use super::{DRW, TAR, dap_error};
use crate::board::{Board, transport};

const RAM: u32 = 0x2000_0000;
const CSW: u32 = 0x00;
const ABORT: u32 = 0x0;
const CTRL_STAT: u32 = 0x4;

/// Words that tell their own place.
fn fill(chip: &VirtualChip) {
    for word in 0..16 {
        chip.write_u32(RAM + 4 * word, 0x1000 + word).unwrap();
    }
}

/// Reads and writes of memory beside and at the address that OpenOCD used last.
#[track_caller]
fn assert_memory_is_right(session: &Session, chip: &VirtualChip) {
    let memory = session.memory();
    for word in [1, 2, 0, 3, 5] {
        let address = u64::from(RAM + 4 * word);
        assert_eq!(memory.read_u32(address).unwrap(), chip.read_u32(RAM + 4 * word).unwrap(), "word {word}");
    }
    memory.write_u32(u64::from(RAM) + 4, 0xaaaa_bbbb).unwrap();
    let held: Vec<_> = (0..4).map(|word| chip.read_u32(RAM + 4 * word).unwrap()).collect();
    assert_eq!(held, [0x1000, 0xaaaa_bbbb, 0x1002, 0x1003]);
}

#[test]
fn an_access_to_drw_leaves_memory_calls_right() {
    let board = Board::halted();
    let (session, chip) = (&board.session, &board.chip);
    let _pause = session.pause_polling().unwrap();
    let dap = session.dap();
    for first in [0, 1, 4] {
        for is_write in [false, true] {
            fill(chip);
            session.memory().read_u32(u64::from(RAM) + 4 * first).unwrap();
            if is_write {
                // Where DRW leads is left to OpenOCD, so it is put elsewhere first.
                dap.write_ap(0, TAR, RAM + 0x100).unwrap();
                dap.write_ap(0, DRW, 0xdead).unwrap();
            } else {
                dap.read_ap(0, DRW).unwrap();
            }
            assert_memory_is_right(session, chip);
        }
    }
}

#[test]
fn drw_still_counts_from_one_access_to_the_next() {
    let board = Board::halted();
    fill(&board.chip);
    let _pause = board.session.pause_polling().unwrap();
    let dap = board.session.dap();
    dap.write_ap(0, CSW, 0x2300_0012).unwrap();
    dap.write_ap(0, TAR, RAM).unwrap();
    for word in 0..3 {
        assert_eq!(dap.read_ap(0, DRW).unwrap(), 0x1000 + word);
    }
    dap.write_ap(0, DRW, 0x77).unwrap();
    assert_eq!(board.chip.read_u32(RAM + 12), Ok(0x77));
    assert_eq!(dap.read_ap(0, TAR).unwrap(), RAM + 16);
}

#[test]
fn a_read_over_the_end_of_the_address_block_leaves_memory_calls_right() {
    let board = Board::halted();
    let (session, chip) = (&board.session, &board.chip);
    fill(chip);
    chip.write_u32(RAM + 0xffc, 0x7777_8888).unwrap();
    let _pause = session.pause_polling().unwrap();
    let dap = session.dap();
    dap.write_ap(0, CSW, 0x2300_0012).unwrap();
    dap.write_ap(0, TAR, RAM + 0xffc).unwrap();
    dap.read_ap(0, DRW).unwrap();
    let end = u64::from(RAM) + 0xffc;
    assert_eq!(session.memory().read_bytes(end, 4).unwrap(), board.held(end, 4));
    dap.write_ap(0, TAR, RAM + 0xffc).unwrap();
    dap.read_ap(0, DRW).unwrap();
    assert_eq!(dap.read_ap(0, TAR).unwrap(), RAM, "this chip counts the lower 12 bits only");
    assert_memory_is_right(session, chip);
}

#[test]
fn other_registers_of_the_access_port_leave_memory_calls_right() {
    let board = Board::halted();
    let (session, chip) = (&board.session, &board.chip);
    let _pause = session.pause_polling().unwrap();
    let dap = session.dap();
    for csw in [0x2300_0002, 0x2300_0010, 0x2300_0011, 0x2300_0012, 0x2300_0021, 0x2300_0020] {
        fill(chip);
        session.memory().read_u32(RAM.into()).unwrap();
        dap.write_ap(0, CSW, csw).unwrap();
        for banked in [0x10, 0x14, 0x18, 0x1c] {
            dap.read_ap(0, banked).unwrap();
        }
        dap.write_ap(0, TAR, RAM + 0x20).unwrap();
        dap.write_ap(0, 0x14, 0x55).unwrap();
        dap.write_ap(0, 0x08, 0).unwrap(); // the high half of TAR
        dap.read_ap(0, DRW).unwrap();
        // Access ports that do not exist.
        dap.read_ap(1, DRW).unwrap();
        dap.write_ap(255, TAR, 0x1234).unwrap();
        dap.write_ap(255, DRW, 0x1234).unwrap();
        assert_memory_is_right(session, chip);
    }
}

#[test]
fn failed_accesses_leave_memory_calls_right() {
    let board = Board::halted();
    let (session, chip) = (&board.session, &board.chip);
    chip.faults().bus_fault_at(RAM + 0x300..RAM + 0x304);
    let _pause = session.pause_polling().unwrap();
    let dap = session.dap();
    for is_write in [false, true] {
        fill(chip);
        session.memory().read_u32(RAM.into()).unwrap();
        dap.write_ap(0, TAR, RAM + 0x300).unwrap();
        let failed = if is_write { dap.write_ap(0, DRW, 1) } else { dap.read_ap(0, DRW).map(drop) };
        assert!(matches!(dap_error(failed), DapError::Refused { .. }));
        assert!(session.memory().read_u32(u64::from(RAM) + 0x300).is_err());
        assert_memory_is_right(session, chip);
    }
}

/// Over SWD a debug port drops writes while STICKYERR or WDATAERR is set, here by a client that does
/// not check its own write.
#[test]
fn a_dropped_write_leaves_memory_calls_right() {
    let board = Board::halted();
    if transport() == Transport::Jtag {
        return;
    }
    let (session, chip) = (&board.session, &board.chip);
    chip.faults().bus_fault_on_write_at(RAM + 0x300..RAM + 0x304);
    let _pause = session.pause_polling().unwrap();
    let dap = session.dap();
    for (register, value) in [(TAR, RAM + 0x10), (CSW, 0x2300_0052), (DRW, 1)] {
        fill(chip);
        dap.write_ap(0, TAR, RAM + 0x300).unwrap();
        session.raw("stm32f1x.dap apreg 0 0xc 1").unwrap();
        assert!(matches!(dap_error(dap.write_ap(0, register, value)), DapError::Refused { .. }));
        assert_eq!(session.memory().read_u32(u64::from(RAM) + 0x14).unwrap(), 0x1005);
        assert_memory_is_right(session, chip);
    }
    fill(chip);
    dap.write_ap(0, TAR, RAM).unwrap();
    chip.faults().garble_write();
    assert!(matches!(dap_error(dap.write_ap(0, DRW, 1)), DapError::Refused { .. }));
    assert_memory_is_right(session, chip);
}

#[test]
fn a_write_to_select_is_refused() {
    let board = Board::halted();
    let (session, chip) = (&board.session, &board.chip);
    fill(chip);
    let _pause = session.pause_polling().unwrap();
    let dap = session.dap();
    session.memory().read_u32(RAM.into()).unwrap();
    // At 8 whatever the bank, and SELECT1.
    for address in [0x08, 0x18, 0xf8, 0x54] {
        for value in [0xf0, 0xff00_0000, 0x10, 0x1, 0] {
            let error = dap_error(dap.write_dp(address, value));
            assert!(matches!(error, DapError::InvalidArgument(InvalidArgument { .. })), "{error:?}");
            assert!(error.to_string().contains("SELECT"), "{error}");
        }
    }
    assert_memory_is_right(session, chip);
}

#[test]
fn registers_of_other_banks_leave_memory_calls_right() {
    let board = Board::halted();
    let (session, chip) = (&board.session, &board.chip);
    let _pause = session.pause_polling().unwrap();
    let dap = session.dap();
    for address in (0..0x100).step_by(4) {
        fill(chip);
        session.memory().read_u32(RAM.into()).unwrap();
        // Over SWD, 8 is RESEND, which may have nothing to send again.
        let _ = dap.read_dp(address);
        assert_memory_is_right(session, chip);
    }
    fill(chip);
    // DLCR, where there is one, of which these bits are reserved. A debug port without banks has
    // CTRL/STAT there, and keeps its power.
    dap.write_dp(0x14, 0x5000_0000).unwrap();
    assert_memory_is_right(session, chip);
}

#[test]
fn the_power_of_the_debug_domain_comes_back() {
    let board = Board::halted();
    let (session, chip) = (&board.session, &board.chip);
    let _pause = session.pause_polling().unwrap();
    let dap = session.dap();
    for requests in [0, 0x1000_0000, 0x4000_0000] {
        fill(chip);
        session.memory().read_u32(RAM.into()).unwrap();
        dap.write_dp(CTRL_STAT, requests).unwrap();
        // The first access may fail, but is not wrong.
        for _ in 0..2 {
            if let Ok(value) = session.memory().read_u32(u64::from(RAM) + 4) {
                assert_eq!(value, 0x1001);
            }
        }
        assert_memory_is_right(session, chip);
    }
}

/// A JTAG debug port takes ABORT by an instruction of its own, and clears its flags in CTRL/STAT.
#[test]
fn abort_clears_flags_on_both_wires_and_cancels_a_transfer_over_swd_only() {
    let board = Board::halted();
    let dap = board.session.dap();
    let _pause = board.session.pause_polling().unwrap();
    let status = dap.read_dp(CTRL_STAT).unwrap();
    dap.write_dp(ABORT, 0x1e).unwrap();
    assert_eq!(dap.read_dp(CTRL_STAT).unwrap(), status);
    let cancelled = dap.write_dp(ABORT, 0x1);
    if transport() == Transport::Jtag {
        let error = dap_error(cancelled);
        assert!(
            matches!(error, DapError::InvalidArgument { .. }) && error.to_string().contains("DAPABORT"),
            "{error:?}"
        );
    } else {
        cancelled.unwrap();
    }
    fill(&board.chip);
    assert_memory_is_right(&board.session, &board.chip);
}
