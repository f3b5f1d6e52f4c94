//! Ranges of addresses: outside of flash, over several banks and chips, without any bank.

use openocd::{Error, FlashError, Image, Segment, Session, WriteOptions};
use virtual_chip::{Model, VirtualBoard, firmware};

use crate::board::{Board, INSTALL, interpreter};
use crate::directory::Directory;
use crate::random::Random;

const BASE: u64 = 0x0800_0000;
const END: u64 = 0x0802_0000;

#[track_caller]
fn no_bank<T: std::fmt::Debug>(result: openocd::Result<T>) -> (u64, String) {
    match result {
        Err(Error::Flash(error @ FlashError::NoBank { address, .. })) => (address, error.to_string()),
        other => panic!("no NoBank: {other:?}"),
    }
}

#[test]
fn a_range_beyond_the_flash_is_refused_with_its_first_address_outside() {
    let board = Board::halted();
    let flash = board.session.flash();
    let directory = Directory::new();
    for (address, length, first) in [
        (0, 1, 0),
        (BASE - 1, 2, BASE - 1),
        (BASE, u64::MAX, END),
        (END - 1, 2, END),
        (END, 1, END),
        (0x1_0800_0000, 4, 0x1_0800_0000),
        (0xffff_ffff, 2, 0xffff_ffff),
        (u64::MAX, 1, u64::MAX),
        (u64::MAX, u64::MAX, u64::MAX),
    ] {
        let (at, text) = no_bank(flash.read(address, length));
        assert_eq!(at, first, "{address:#x} {length:#x}");
        assert!(text.contains(&format!("{first:#010x}")), "{text}");
        assert_eq!(no_bank(flash.erase_address(address, length)).0, first);
        let path = directory.path().join("never");
        assert_eq!(no_bank(flash.read_to_file(address, length, &path)).0, first);
        assert!(!path.exists());
        if length <= 4 {
            let bytes = vec![0; length as usize];
            assert_eq!(no_bank(flash.write(address, &bytes)).0, first);
            assert_eq!(no_bank(flash.verify(address, &bytes)).0, first);
        }
    }
    let mut random = Random::new(51);
    for _ in 0..200 {
        let number = |random: &mut Random| u64::from_le_bytes(random.bytes(8).try_into().unwrap());
        // Of all magnitudes.
        let (address, length) =
            (number(&mut random) >> random.below(64), 1 + (number(&mut random) >> random.below(64)) / 2);
        let inside = (BASE..END).contains(&address) && length <= END - address;
        if !inside {
            no_bank(flash.read(address, length));
        }
    }
    assert_eq!(board.held(BASE, firmware::IMAGE.len()), firmware::IMAGE);
}

#[test]
fn an_empty_range_succeeds() {
    let board = Board::halted();
    let flash = board.session.flash();
    for address in [0, BASE + 1, u64::MAX] {
        assert_eq!(flash.read(address, 0).unwrap(), []);
        assert!(flash.verify(address, &[]).unwrap());
        flash.write(address, &[]).unwrap();
        flash.erase_address(address, 0).unwrap();
    }
}

#[test]
fn an_image_with_a_segment_outside_of_flash_is_refused_with_its_address() {
    let board = Board::halted();
    let flash = board.session.flash();
    let piece = |address| Segment { address, data: vec![1; 4] };
    for address in [0, END - 2, 0x2000_0000, 0x1_0800_0000, u64::MAX - 3] {
        let image = Image::from_segments([piece(BASE + 0x4000), piece(address)]).unwrap();
        for result in [
            flash.write_image_with(&image, WriteOptions::new().erase(false)).map(drop),
            flash.program(&image).map(drop),
            flash.verify_image(&image).map(drop),
            flash.verify_image_at(&image).map(drop),
        ] {
            assert_eq!(no_bank(result).0, if address == END - 2 { END } else { address });
        }
    }
    assert!(flash.verify(BASE + 0x4000, &[0xff; 4]).unwrap(), "nothing was written");
}

#[test]
fn two_chips_with_flash_at_one_address_are_told_apart() {
    let chain = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).expect("a free port");
    let session = Session::start(chain.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let banks = session.flash().banks().unwrap();
    assert_eq!(banks.len(), 2);
    assert_eq!((banks[0].base, banks[1].base), (BASE, BASE));
    for (number, chip) in chain.chips().iter().enumerate() {
        let target = session.target_named(chip.target_name()).unwrap();
        target.halt().unwrap();
        let data = vec![number as u8; 3001];
        let image = Image::bin(BASE + 0x4000, data.clone()).unwrap();
        let flash = target.flash();
        flash.write_image_with(&image, WriteOptions::new()).unwrap();
        assert!(flash.verify(BASE + 0x4000, &data).unwrap());
        assert_eq!(flash.read(BASE + 0x4000, 3001).unwrap(), data);
        let mut held = vec![0; data.len()];
        chip.read_memory(0x0800_4000, &mut held).unwrap();
        assert_eq!(held, data);
    }
    let mut held = [0; 4];
    chain.chips()[0].read_memory(0x0800_4000, &mut held).unwrap();
    assert_eq!(held, [0; 4], "writing the second left the first alone");

    // The number or the name of a bank does not depend on the current target.
    let [first, second] = [0, 1].map(|number: usize| {
        let target = chain.chips()[number].target_name();
        banks.iter().find(|bank| bank.target == target).expect("each chip has a bank")
    });
    session.target_named(&second.target).unwrap().flash().erase_sector(first.number, 16, 16).unwrap();
    session.target_named(&first.target).unwrap().flash().erase_sector(&*second.name, 17, 17).unwrap();
    let holds = |number: usize, address| {
        let mut held = [0];
        chain.chips()[number].read_memory(address, &mut held).unwrap();
        held[0]
    };
    assert_eq!([holds(0, 0x0800_4000), holds(0, 0x0800_4400)], [0xff, 0]);
    assert_eq!([holds(1, 0x0800_4000), holds(1, 0x0800_4400)], [1, 0xff]);
}

#[test]
fn a_range_may_span_two_banks() {
    // The second bank is the same flash (src/flash/nor/virtual.c) at the addresses behind the
    // first.
    let second = "flash bank second virtual 0x08020000 0 0 0 stm32f1x.cpu stm32f1x.flash";
    let board = Board::start_with(Session::builder(), |openocd| openocd.command(second));
    board.session.target().halt().unwrap();
    board.chip.write_memory(0x0800_0000, &vec![0; 0x2_0000]).unwrap();
    let flash = board.session.flash();
    let data = Random::new(52).bytes(3001);
    let image = Image::bin(END - 1025, data.clone()).unwrap();
    flash.write_image_with(&image, WriteOptions::new()).unwrap();
    let mut expected = vec![0; 0x2_0000];
    expected[0x2_0000 - 2048..].fill(0xff);
    expected[..2048].fill(0xff);
    expected[0x2_0000 - 1025..].copy_from_slice(&data[..1025]);
    expected[..1976].copy_from_slice(&data[1025..]);
    assert!(board.held(BASE, 0x2_0000) == expected, "both halves are where they belong");
    assert_eq!(flash.read(END - 1025, 3001).unwrap(), data);
    assert!(flash.verify_image(&image).unwrap());
    board.chip.write_memory(0x0800_0100, &[!expected[0x100]]).unwrap();
    assert_eq!(flash.verify_image_at(&image).unwrap().unwrap().address, END + 0x100);
    assert_eq!(no_bank(flash.read(END + 0x1_ffff, 2)).0, END + 0x2_0000);

    flash.erase_address(END - 2048, 4096).unwrap();
    assert_eq!((board.held(BASE, 2048), board.held(END - 2048, 2048)), (vec![0xff; 2048], vec![0xff; 2048]));
    let error = flash.erase_address(END - 2048, 2048 + 512).unwrap_err();
    assert!(
        matches!(error, Error::Flash(FlashError::Misaligned { whole_address: END, whole_length: 1024, .. })),
        "{error}"
    );
}

#[test]
fn an_openocd_without_flash_has_no_banks() {
    let session = interpreter();
    assert_eq!(session.flash().banks().unwrap(), []);
    let (_, text) = no_bank(session.flash().read(BASE, 4));
    assert!(text.ends_with("the target has no flash bank"), "{text}");
    let error = session.flash().erase_all(0).unwrap_err();
    assert_eq!(error.to_string(), "there is no flash bank 0; there are no flash banks");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_read_to_file_with_the_bytes_written() {
    let board = Board::halted();
    let error = board.session.flash().read_to_file(BASE, 1024, "/dev/full").unwrap_err();
    assert_eq!(error.to_string(), "cannot write /dev/full after 0 bytes: No space left on device (os error 28)");
    let Error::Flash(FlashError::File { written: 0, source, .. }) = error else { panic!("{error:?}") };
    assert_eq!(source.raw_os_error(), Some(28), "ENOSPC");
}
