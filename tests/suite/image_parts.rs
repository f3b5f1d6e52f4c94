//! Images with parts outside of flash, and images that are in RAM alone.

use openocd::{Error, FlashError, Image, ImageError, ProgramOptions, RamStart, ResetMode, Session, TargetError};
use virtual_chip::{CoreState, Register, VirtualHart, firmware};

use crate::board::{Board, INSTALL};

const FLASH: u64 = 0x0800_0000;
const RAM: u64 = 0x2000_3000;
const OPTION_BYTES: u64 = 0x1fff_f800;

fn image() -> Image {
    let pieces = [(FLASH, firmware::IMAGE), (RAM, &[1, 2, 3]), (OPTION_BYTES, &[0xa5])];
    Image::merge(&pieces.map(|(address, bytes)| Image::bin(address, bytes).unwrap())).unwrap()
}

#[test]
fn each_part_goes_where_the_options_say() {
    let board = Board::start();
    let flash = board.session.flash();
    flash.banks().unwrap();
    let options = ProgramOptions::new().load_ram(0x2000_0000..0x2000_5000);
    let resets = board.chip.reset_count();
    let error = flash.program_with(&image(), &options).unwrap_err();
    assert!(matches!(error, Error::Flash(FlashError::NoBank { address: OPTION_BYTES, .. })), "{error}");
    assert_eq!((board.chip.reset_count(), board.held(RAM, 3)), (resets, vec![0; 3]), "nothing is changed");
    let report = flash.program_with(&image(), &options.leave_out(OPTION_BYTES..OPTION_BYTES + 16)).unwrap();
    assert_eq!((report.flash.skipped, report.loaded, report.left_out), (firmware::IMAGE.len() as u64, 3, 1));
    assert!(report.to_string().contains("92 skipped, 3 loaded into RAM, 1 left out; stm32f1x.cpu is "), "{report}");
    assert_eq!(board.held(RAM, 3), [1, 2, 3]);
}

#[test]
fn image_without_a_part_for_flash_is_not_programmed() {
    let board = Board::start();
    let options = ProgramOptions::new().load_ram(0x2000_0000..0x2000_5000);
    let error = board.session.flash().program_with(&Image::bin(RAM, [1]).unwrap(), &options).unwrap_err();
    assert!(error.to_string().contains("run_in_ram"), "{error}");
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "this is what is refused")]
fn nothing_is_programmed_when_a_range_ends_before_it_begins() {
    let board = Board::start();
    let resets = board.chip.reset_count();
    let turned = 0x2000_5000..0x2000_0000;
    for options in [ProgramOptions::new().leave_out(turned.clone()), ProgramOptions::new().load_ram(turned)] {
        let error = board.session.flash().program_with(&image(), &options).unwrap_err();
        assert!(matches!(error, Error::Image(ImageError::ReversedRange { .. })), "{error:?}");
    }
    assert_eq!(board.chip.reset_count(), resets);
}

/// Stack pointer and reset vector; ldr r0, =VTOR; ldr r0, [r0]; mov r1, sp; b .
fn ram_program() -> Image {
    let words = [0x2000_4000, 0x2000_0009, 0x6800_4801, 0xe7fe_4669, 0xe000_ed08_u32];
    Image::bin(0x2000_0000, words.map(u32::to_le_bytes).concat()).unwrap()
}

#[test]
fn program_in_ram_runs_with_its_own_stack_and_vectors() {
    let board = Board::start();
    let start = board.session.target().run_in_ram(&ram_program()).unwrap();
    assert_eq!((start.pc, start.sp, start.vector_table), (0x2000_0009, Some(0x2000_4000), Some(0x2000_0000)));
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(board.chip.state(), CoreState::Running);
    let [table, stack] = [0, 1].map(|number| board.chip.register(Register::R(number)));
    assert_eq!((table, stack), (0x2000_0000, 0x2000_4000));
    assert!(board.held(FLASH, firmware::IMAGE.len()) == firmware::IMAGE);
}

#[test]
fn program_in_ram_starts_whatever_flash_holds() {
    let board = Board::halted();
    // A core that is reset with this is in Arm state, in which nothing executes.
    board.chip.write_memory(0x0800_0000, &[0; 8]).unwrap();
    board.session.target().run_in_ram(&ram_program()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!((board.chip.state(), board.chip.register(Register::R(1))), (CoreState::Running, 0x2000_4000));
}

#[test]
fn image_in_flash_is_not_run_in_ram() {
    let board = Board::start();
    let resets = board.chip.reset_count();
    let error = board.session.target().run_in_ram_from(&image(), RamStart::at(FLASH)).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::InvalidArgument(_))), "{error}");
    assert!(error.to_string().contains("0x08000000 in flash bank \"stm32f1x.flash\""), "{error}");
    assert_eq!(board.chip.reset_count(), resets);
}

#[test]
fn what_ram_does_not_take_is_not_started() {
    let board = Board::start();
    board.session.target().reset(ResetMode::Halt).unwrap();
    // Option bytes ignore writes while they are locked.
    let rom = Image::bin(OPTION_BYTES, [1, 2, 3, 4]).unwrap();
    let error = board.session.target().run_in_ram_from(&rom, RamStart::at(OPTION_BYTES)).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotLoaded(_))), "{error}");
    assert_eq!(board.chip.state(), CoreState::Halted);
}

#[test]
fn vector_table_that_the_core_cannot_use_is_refused() {
    let board = Board::start();
    let resets = board.chip.reset_count();
    let (target, program) = (board.session.target(), ram_program());
    let start = RamStart::at(0x2000_0100);
    let wrong =
        [start.vectors(0x2000_0010), start.vectors(0x1_2000_0000), start.vectors(u64::MAX), start.stack(1 << 32)];
    for start in wrong {
        let error = target.run_in_ram_from(&program, start).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::InvalidArgument(_))), "{start:?}: {error}");
    }
    assert_eq!(board.chip.reset_count(), resets);
    // VTOR of a Cortex-M3 lacks the two highest bits.
    let error = target.run_in_ram_from(&program, start.vectors(0x6000_0000)).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotLoaded(_))), "{error}");
    assert_eq!(board.chip.state(), CoreState::Halted);
}

#[test]
fn program_in_the_ram_of_a_hart_runs() {
    let hart = VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    // li a0, 42; j .
    let words = [0x02a0_0513, 0x0000_006f_u32];
    let image = Image::bin(0x8000_1000, words.map(u32::to_le_bytes).concat()).unwrap();
    session.target().run_in_ram_from(&image, RamStart::at(0x8000_1000).stack(0x8000_3000)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!((hart.x(10), hart.x(2)), (42, 0x8000_3000));
    assert_ne!(hart.state(), CoreState::Halted);
}
