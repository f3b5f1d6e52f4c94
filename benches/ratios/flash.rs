//! Programming flash.

use std::cell::{Cell, RefCell};

use openocd::{Image, Session, SessionBuilder, WriteOptions};
use virtual_chip::VirtualChip;

use crate::measure::{Goal, Table};

const FLASH: u64 = 0x0800_0000;

pub(crate) fn run(table: &mut Table) {
    let case = "`flash().write_image` 64 KiB over `flash write_image`";
    if !table.wants(case) {
        return;
    }
    let chip = VirtualChip::start().expect("a free port");
    let limits: SessionBuilder = Session::builder().timeout(std::time::Duration::from_secs(120));
    let openocd = openocd::OpenOcdProcess::builder().config(chip.openocd_config());
    let session = limits.start(openocd).expect("OpenOCD starts");
    session.target().halt().expect("the target halts");
    let bytes: Vec<u8> = (0..64_u32 << 10).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("image.bin");
    std::fs::write(&path, &bytes).expect("a file");
    let quoted = openocd::quote(path.to_str().expect("a path of text")).into_owned();
    let image = Image::bin(FLASH, bytes.clone()).expect("an image");
    let by_hand = |command: &str| drop(session.command(command).expect("the chip takes it"));
    let write = format!("flash write_image erase {quoted} {FLASH:#x} bin");
    let verify = format!("flash verify_image {quoted} {FLASH:#x} bin");
    let ours = |options| {
        session.flash().write_image_with(&image, options).expect("the chip takes it");
    };
    // OpenOCD does not restore the RAM that its algorithm uses.
    let options = WriteOptions::new().restore_ram(false);
    let goal = Goal::AtMost(1.0 / 0.9);
    table.time(case, 5, goal, || ours(options.verify(false)), || by_hand(&write));
    let both = || {
        by_hand(&write);
        by_hand(&verify);
    };
    table.time("the same, and `flash verify_image`", 5, goal, || ours(options), both);
    let skip = options.skip_unchanged(true);
    let whole = || ours(options);
    table.time("the same image again, over writing it whole", 5, Goal::AtMost(0.2), || ours(skip), whole);
    let changed = RefCell::new(bytes);
    let write = |options| {
        let image = Image::bin(FLASH, changed.borrow().clone()).expect("an image");
        session.flash().write_image_with(&image, options).expect("the chip takes it")
    };
    let sectors = Cell::new(0);
    let one_sector = || {
        // Another sector each time: some are found sooner than others.
        sectors.set((sectors.get() + 27) % 64);
        changed.borrow_mut()[sectors.get() << 10] ^= 0xff;
        let report = write(skip);
        assert_eq!((report.written, report.skipped), (1 << 10, 63 << 10));
    };
    let whole = || {
        write(options);
    };
    table.time("one sector of 64 changed, over writing all 64", 7, Goal::AtMost(0.25), one_sector, whole);
}
