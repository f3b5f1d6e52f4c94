//! Programming flash.

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
    let image = Image::bin(FLASH, bytes).expect("an image");
    let by_hand = |command: &str| drop(session.command(command).expect("the chip takes it"));
    let write = format!("flash write_image erase {quoted} {FLASH:#x} bin");
    let verify = format!("flash verify_image {quoted} {FLASH:#x} bin");
    let ours = |options| {
        session.flash().write_image_with(&image, options).expect("the chip takes it");
    };
    let options = WriteOptions::new();
    let goal = Goal::AtMost(1.0 / 0.9);
    table.time(case, 5, goal, || ours(options.verify(false)), || by_hand(&write));
    let both = || {
        by_hand(&write);
        by_hand(&verify);
    };
    table.time("the same, and `flash verify_image`", 5, goal, || ours(options), both);
}
