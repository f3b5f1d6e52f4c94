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
    table.time(
        case,
        5,
        Goal::AtMost(1.0 / 0.9),
        || session.flash().write_image(&image, WriteOptions::new().erase(true)).expect("the chip takes it"),
        || {
            let command = format!("flash write_image erase {quoted} {FLASH:#x} bin");
            session.command(&command).expect("the chip takes it");
        },
    );
}
