//! Semihosting calls of one core, which this crate serves, while the other one is resumed.

use std::io::Write as _;
use std::time::Duration;

use openocd::{SemihostingConsole, Session, Target};
use virtual_chip::Register;

use super::{Pair, start, wait_until};
use crate::board::PATIENCE;

const CODE: u32 = 0x2000_1000;
const TEXT: u32 = 0x2000_1100;

/// Sets a core, which is halted, before a loop that makes a call and counts it in r6.
fn begin(core: Target<'_>, number: u16) {
    // movs r0, #number; bkpt 0xab; adds r6, #1; b CODE
    core.memory().write_u16_slice(CODE.into(), &[0x2000 | number, 0xbeab, 0x3601, 0xe7fb]).unwrap();
    core.memory().write_bytes(TEXT.into(), b"x").unwrap();
    for (register, value) in [("r1", TEXT), ("r6", 0), ("pc", CODE)] {
        core.registers().write(register, value).unwrap();
    }
}

/// The cores as a group, core 1 in such a loop, and who serves its calls. Core 0 has been resumed.
fn serving(number: u16) -> Option<(Pair, SemihostingConsole)> {
    let pair = start(true)?;
    pair.wait_until_both_count();
    pair.session.halt_all().unwrap();
    begin(pair.core(1), number);
    let console = pair.core(1).semihosting().serve().unwrap();
    pair.core(0).resume().unwrap();
    Some((pair, console))
}

#[test]
fn calls_of_one_core_are_served_whichever_core_of_the_group_is_resumed() {
    let Some((pair, mut console)) = serving(3) else { return };
    let counted = || pair.board.cores()[1].register(Register::R(6));
    console.set_read_timeout(Some(Duration::from_millis(100)));
    let ways: [fn(&Session, [Target<'_>; 2]); 2] = [
        |_, cores| {
            cores[1].halt().unwrap();
            cores[0].resume().unwrap();
        },
        |session, _| {
            session.halt_all().unwrap();
            session.resume_all().unwrap();
        },
    ];
    for round in 0..12 {
        let before = counted();
        wait_until(|| counted() > before);
        ways[round % 2](&pair.session, [pair.core(0), pair.core(1)]);
    }
    let before = counted();
    wait_until(|| counted() > before);
    pair.core(1).halt().unwrap();
    let mut printed = 0;
    while let Ok(read) = console.receive(&mut [0; 64]) {
        printed += read;
    }
    let counted = usize::try_from(counted()).unwrap();
    // The last call may have got its answer without having gone on.
    assert!([counted, counted + 1].contains(&printed), "{printed} printed, {counted} counted");
}

#[test]
fn call_that_waits_for_input_waits_on_when_the_other_core_is_resumed() {
    let Some((pair, mut console)) = serving(7) else { return };
    let counted = || pair.board.cores()[1].register(Register::R(6));
    for _ in 0..3 {
        pair.core(1).wait_halt(PATIENCE).unwrap();
        pair.core(0).halt().unwrap();
        pair.core(0).resume().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(counted(), 0, "the call was passed");
    }
    console.write_all(b"a").unwrap();
    wait_until(|| counted() == 1);
}
