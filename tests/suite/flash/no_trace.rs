//! What a flash call leaves on the target beside its purpose: nothing.

use std::time::Duration;

use openocd::{BreakpointKind, HaltReason, Image, WatchpointAccess, WriteOptions};

use super::{BASE, PAGE};
use crate::board::Board;
use crate::random::Random;

const RAM: u64 = 0x2000_0000;
const RAM_BYTES: usize = 0x5000;

/// Everything that must survive a flash call.
#[derive(Debug, PartialEq)]
struct State {
    ram: Vec<u8>,
    registers: Vec<(String, String)>,
    demcr: u32,
    settings: String,
    halt_reason: Option<HaltReason>,
    /// `DWT_FUNCTION0` and 1, and `FP_CTRL`.
    comparators: [u32; 3],
}

impl State {
    fn of(board: &Board) -> State {
        let dump = board.session.registers().read_all().unwrap();
        State {
            ram: board.held(RAM, RAM_BYTES),
            registers: dump
                .registers
                .iter()
                .map(|register| (register.name.clone(), format!("{:?}", register.value)))
                .collect(),
            demcr: board.session.memory().read_u32(0xe000_edfc).unwrap(),
            settings: board
                .session
                .command("list [stm32f1x.cpu cget -work-area-backup] [target current] [bp] [wp] [cortex_m maskisr]")
                .unwrap(),
            halt_reason: board.session.target().status().unwrap().halt_reason,
            comparators: [0xe000_1028, 0xe000_1038, 0xe000_2000]
                .map(|register| board.session.memory().read_u32(register).unwrap()),
        }
    }
}

/// A halted board whose RAM holds random bytes.
fn board() -> Board {
    let board = Board::halted();
    let ram = Random::new(71).bytes(RAM_BYTES);
    board.chip.write_memory(u32::try_from(RAM).unwrap(), &ram).unwrap();
    board
}

type Call<'c> = (&'c str, Box<dyn Fn() -> openocd::Result<()> + 'c>);

#[test]
fn no_flash_call_changes_ram_registers_or_settings() {
    let board = board();
    let flash = board.session.flash();
    let data = Random::new(72).bytes(5000);
    let image = Image::bin(BASE + 0x4000, data.clone()).unwrap();
    flash.banks().unwrap();
    let before = State::of(&board);
    let calls: Vec<Call<'_>> = vec![
        ("banks", Box::new(|| flash.banks().map(drop))),
        ("probe", Box::new(|| flash.probe(0).map(drop))),
        ("layout", Box::new(|| flash.layout(0).map(drop))),
        ("info", Box::new(|| flash.info(0).map(drop))),
        ("erase_sector", Box::new(|| flash.erase_sector(0, 16, 40))),
        ("erase_address", Box::new(|| flash.erase_address(BASE + 0x8000, PAGE))),
        ("write", Box::new(|| flash.write(BASE + 0x4000, &data))),
        ("verify", Box::new(|| flash.verify(BASE + 0x4000, &data).map(drop))),
        ("verify of other bytes", Box::new(|| flash.verify(BASE + 0x4002, &data).map(drop))),
        ("verify_image", Box::new(|| flash.verify_image(&image).map(drop))),
        ("read", Box::new(|| flash.read(BASE, 5000).map(drop))),
        ("write_image", Box::new(|| flash.write_image(&image).map(drop))),
        (
            "write_image of what is there",
            Box::new(|| flash.write_image_with(&image, WriteOptions::new().skip_unchanged(true)).map(drop)),
        ),
        ("a write that fails", Box::new(|| flash.write(BASE + 0x4000, &[0x5a; 64]).or(Ok(())))),
        ("unprotect", Box::new(|| flash.unprotect(0, 0..=31))),
        ("erase_all", Box::new(|| flash.erase_all(0))),
    ];
    for (name, call) in calls {
        call().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(State::of(&board) == before, "{name} leaves a trace: {:?}", difference(&before, &State::of(&board)));
    }
}

#[test]
fn no_breakpoint_or_watchpoint_stops_the_program_of_a_flash_call() {
    let board = board();
    let (breakpoints, flash) = (board.session.breakpoints(), board.session.flash());
    // OpenOCD's program begins at the first, and reads what is watched.
    breakpoints.add(RAM, BreakpointKind::Software).unwrap();
    breakpoints.add_watchpoint(BASE + 0x4000, 4, WatchpointAccess::Access).unwrap();
    breakpoints.add_watchpoint(RAM + 0x40, 4, WatchpointAccess::Access).unwrap();
    // The core has them from here on.
    board.session.target().resume().unwrap();
    board.session.target().halt().unwrap();
    flash.banks().unwrap();
    let before = State::of(&board);
    let image = Image::bin(BASE + 0x4000, Random::new(75).bytes(5000)).unwrap();
    let calls: [Call<'_>; 4] = [
        ("info", Box::new(|| flash.info(0).map(drop))),
        ("write_image", Box::new(|| flash.write_image(&image).map(drop))),
        (
            "write_image of what is there",
            Box::new(|| flash.write_image_with(&image, WriteOptions::new().skip_unchanged(true)).map(drop)),
        ),
        ("verify_image", Box::new(|| flash.verify_image(&image).map(drop))),
    ];
    for (name, call) in calls {
        call().unwrap_or_else(|error| panic!("{name}: {error}"));
        let after = State::of(&board);
        assert!(after == before, "{name} leaves a trace: {}", difference(&before, &after));
    }
}

/// OpenOCD passes a BKPT if the reason of the halt is a breakpoint, which the end of its own program is.
#[test]
fn a_breakpoint_instruction_that_was_not_executed_is_executed_after_a_flash_call() {
    let board = board();
    let target = board.session.target();
    // `bkpt 0`, `b` back to it
    board.session.memory().write_bytes(RAM + 0x3000, &[0x00, 0xbe, 0xfd, 0xe7]).unwrap();
    board.session.registers().write("pc", RAM + 0x3000).unwrap();
    board.session.flash().info(0).unwrap();
    assert_eq!(target.status().unwrap().halt_reason, Some(HaltReason::DebugRequest));
    target.resume().unwrap();
    let status = target.wait_halt(Duration::from_secs(5)).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(RAM + 0x3000), Some(HaltReason::Breakpoint)));
    // The reason is a new one also after a resume that the crate knows nothing of.
    target.step().unwrap();
    board.session.registers().write("pc", RAM + 0x3000).unwrap();
    board.session.flash().info(0).unwrap();
    board.session.command("resume").unwrap();
    let status = target.wait_halt(Duration::from_secs(5)).unwrap();
    assert_eq!(status.halt_reason, Some(HaltReason::Breakpoint));
}

#[test]
fn without_restore_ram_a_write_changes_ram_and_nothing_else() {
    let board = board();
    let flash = board.session.flash();
    let image = Image::bin(BASE + 0x4000, Random::new(74).bytes(5000)).unwrap();
    flash.banks().unwrap();
    let before = State::of(&board);
    let options = WriteOptions::new().restore_ram(false);
    flash.write_image_with(&image, options).unwrap();
    let after = State::of(&board);
    assert!(after.ram != before.ram, "OpenOCD's algorithm runs in RAM");
    assert_eq!((&after.registers, after.demcr, &after.settings), (&before.registers, before.demcr, &before.settings));
    flash.write_image_with(&image, options.erase(false)).unwrap_err();
    // The working area is free again, and the next call restores it.
    let before = State::of(&board);
    flash.write_image(&image).unwrap();
    assert!(State::of(&board) == before, "{}", difference(&before, &State::of(&board)));
}

/// What differs, in short.
fn difference(before: &State, after: &State) -> String {
    let bytes = before.ram.iter().zip(&after.ram).filter(|(before, after)| before != after).count();
    let registers = before.registers.iter().zip(&after.registers).filter(|(before, after)| before != after);
    let registers: Vec<_> =
        registers.map(|(before, after)| format!("{} {} is now {}", before.0, before.1, after.1)).collect();
    format!(
        "{bytes} bytes of RAM, {registers:?}, {:#x}, {}, {:?}, {:#x?}",
        after.demcr, after.settings, after.halt_reason, after.comparators
    )
}

#[test]
fn a_backup_that_the_configuration_asks_for_stays() {
    let board = board();
    board.session.command("stm32f1x.cpu configure -work-area-backup 1").unwrap();
    board.session.flash().info(0).unwrap();
    assert_eq!(board.session.command("stm32f1x.cpu cget -work-area-backup").unwrap(), "1");
}

#[test]
fn flash_works_without_a_working_area() {
    let board = board();
    board.session.command("stm32f1x.cpu configure -work-area-size 0").unwrap();
    let before = board.held(RAM, RAM_BYTES);
    let flash = board.session.flash();
    flash.write(BASE + 0x4000, b"by hand").unwrap();
    assert!(flash.verify(BASE + 0x4000, b"by hand").unwrap());
    assert_eq!(flash.info(0).unwrap().sectors[16].erased, Some(false));
    assert!(board.held(RAM, RAM_BYTES) == before);
}

#[test]
fn verify_of_another_target_keeps_the_current_one() {
    use openocd::Session;
    use virtual_chip::{Model, VirtualBoard};
    let chain = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).expect("a free port");
    let session = Session::start(chain.openocd_config()).unwrap();
    let current = session.command("target current").unwrap();
    for chip in chain.chips() {
        let target = session.target_named(chip.target_name()).unwrap();
        target.halt().unwrap();
        let ram = Random::new(73).bytes(RAM_BYTES);
        chip.write_memory(0x2000_0000, &ram).unwrap();
        assert!(target.flash().verify(BASE + 0x4000, &[0xff; 3000]).unwrap());
        target.flash().write(BASE + 0x4000, &[1; 3000]).unwrap();
        let mut held = vec![0; RAM_BYTES];
        chip.read_memory(0x2000_0000, &mut held).unwrap();
        assert!(held == ram, "{}", chip.target_name());
    }
    assert_eq!(session.command("target current").unwrap(), current);
}

#[test]
fn a_breakpoint_instruction_in_flash_is_executed_also_with_all_comparators_in_use() {
    let board = board();
    let (target, code) = (board.session.target(), BASE + 0x3000);
    // bkpt 0; b .
    board.chip.write_memory(u32::try_from(code).unwrap(), &[0x00, 0xbe, 0xfe, 0xe7]).unwrap();
    for number in 0..6 {
        board.session.breakpoints().add(BASE + 0x6000 + 4 * number, BreakpointKind::Hardware).unwrap();
    }
    board.session.registers().write("pc", code).unwrap();
    board.session.flash().info(0).unwrap();
    target.resume().unwrap();
    let status = target.wait_halt(Duration::from_secs(5)).unwrap();
    assert_eq!((status.pc, status.halt_reason), (Some(code), Some(HaltReason::Breakpoint)));
    let set = board.session.breakpoints().list().unwrap();
    assert!(set.len() == 6 && set.iter().all(|breakpoint| breakpoint.in_effect == Some(true)), "{set:?}");
}
