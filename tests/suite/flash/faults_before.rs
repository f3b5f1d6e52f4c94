//! Flash calls after a fault that an earlier command left behind.

use openocd::{BreakpointKind, Error, FlashError, Image};

use super::BASE;
use crate::board::Board;

type Call<'c> = Box<dyn Fn() -> openocd::Result<()> + 'c>;

/// No memory is there.
const NOWHERE: &str = "mww 0x60000000 1";

#[test]
fn failed_write_of_a_raw_command_is_told_to_no_later_call() {
    let board = Board::halted();
    let session = &board.session;
    let image = Image::bin(BASE + 0x4000, vec![0x33; 2500]).unwrap();
    let calls: [(&str, Call); 9] = [
        ("flash", Box::new(|| session.flash().write_image(&image).map(drop))),
        ("verify", Box::new(|| session.flash().verify_image(&image).map(drop))),
        ("read", Box::new(|| session.memory().read_u32(0x2000_0000).map(drop))),
        ("write", Box::new(|| session.memory().write_u32(0x2000_0000, 1).map(drop))),
        ("register", Box::new(|| session.registers().write("r5", 7_u32).map(drop))),
        (
            "breakpoint",
            Box::new(|| {
                session.breakpoints().add(0x0800_004e, BreakpointKind::Hardware)?;
                session.breakpoints().remove(0x0800_004e)
            }),
        ),
        ("dap", Box::new(|| session.dap().read_ap(0, 4).map(drop))),
        ("step", Box::new(|| session.target().step().map(drop))),
        ("status", Box::new(|| session.target().status().map(drop))),
    ];
    let mut failed = Vec::new();
    for (name, call) in &calls {
        for command in [NOWHERE.to_owned(), format!("catch {{{NOWHERE}}}")] {
            let _ = session.command(&command);
            if let Err(error) = call() {
                failed.push(format!("{name}: {error}"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn fault_during_the_first_probe_does_not_hide_a_bank() {
    let board = Board::halted();
    board.chip.faults().garble_write();
    // Over JTAG nothing is garbled.
    let image = Image::bin(BASE + 0x4000, vec![0x33; 100]).unwrap();
    board.session.flash().write_image(&image).unwrap();
    assert_eq!(board.held(BASE + 0x4000, 100), [0x33; 100]);
}

#[test]
fn bank_that_cannot_be_probed_is_told_with_the_failure_of_the_probe() {
    let board = Board::halted();
    // DBGMCU_IDCODE, which tells the driver the size of the flash.
    board.chip.faults().bus_fault_at(0xe004_2000..0xe004_2004);
    let image = Image::bin(BASE + 0x4000, vec![0x33; 100]).unwrap();
    let flash = board.session.flash();
    for error in [flash.write_image(&image).map(drop), flash.read(BASE, 4).map(drop)].map(Result::unwrap_err) {
        assert!(matches!(error, Error::Flash(FlashError::Probe { .. })), "{error}");
    }
    board.chip.faults().clear();
    flash.write_image(&image).unwrap();
}

#[test]
fn failed_write_of_a_raw_command_is_logged() {
    let board = Board::halted();
    let done = board.session.execute(NOWHERE).unwrap();
    // Over JTAG OpenOCD itself notices.
    let is_told = done.code() != 0 || done.log().contains("the debug port tells that the write failed");
    assert!(is_told, "{done:?}");
    assert_eq!(board.session.command("mww 0x20000000 1").unwrap(), "");
}
