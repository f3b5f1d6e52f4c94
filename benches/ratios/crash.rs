//! The calls that led to where a target is halted.

use std::fs;
use std::time::Duration;

use openocd::{Image, ResetMode, RunUntil, Session};
use virtual_chip::VirtualChip;

use crate::measure::{Goal, Table};

const CALLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/images/calls/calls.elf");
/// The scenario of that program with 21 frames.
const RECURSION: u32 = 0;

pub(crate) fn run(table: &mut Table) {
    let case = "`backtrace` of 21 frames, over reading the registers and the stack it needs";
    if !table.wants(case) {
        return;
    }
    let chip = VirtualChip::start().expect("a free port");
    let session = Session::start(chip.openocd_config()).expect("OpenOCD starts");
    let image = Image::open(CALLS).expect("a sound image");
    chip.load_elf(&fs::read(CALLS).expect("a file of the repository"));
    let target = session.target();
    target.reset(ResetMode::Halt).expect("the target resets");
    let symbol = |name| image.symbol(name).expect("a symbol of the program").address;
    session.memory().write_u32(symbol("scenario"), RECURSION).expect("RAM");
    let until = RunUntil::new().breakpoint(symbol("stop"));
    target.run_until(until, Duration::from_secs(10)).expect("the program runs");
    let frames = target.backtrace(&image).expect("the target is halted").frames;
    assert_eq!(frames.len(), 21);
    let (sp, end) = (frames[0].sp, frames[20].sp);
    let words = usize::try_from((end - sp) / 4).expect("a small stack");
    table.time(
        case,
        100,
        Goal::AtMost(1.5),
        || assert_eq!(target.backtrace(&image).expect("the target is halted").frames.len(), 21),
        || {
            let registers = session.registers().read_many(&REGISTERS).expect("the target is halted");
            assert_eq!(registers.len(), REGISTERS.len());
            assert_eq!(session.memory().read_u32_vec(sp, words).expect("RAM").len(), words);
        },
    );
}

const REGISTERS: [&str; 17] =
    ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr", "pc", "psp"];
