//! Memory: decoding, transfers, allocations.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Read, Write as _};
use std::net::TcpStream;

use allocation_counter::measure;
use openocd::Session;
use virtual_chip::VirtualChip;

use crate::instant_server::{self, RAM, display, numbers, word};
use crate::measure::{Goal, Table};

/// 64 Ki words.
const COUNT: usize = instant_server::READY;

const FLASH: u64 = 0x0800_0000;

pub(crate) fn run(table: &mut Table) {
    decode(table);
    instant(table);
    chip(table);
}

fn decode(table: &mut Table) {
    let text = numbers(COUNT);
    let mut values = vec![0; COUNT];
    table.time(
        "decode a 64 Ki-word `read_memory` reply",
        200,
        Goal::AtLeast(2.5),
        || {
            openocd::bench::decode_u32(black_box(text.as_bytes()), &mut values).expect("a sound reply");
            assert_eq!(values[COUNT - 1], word(COUNT as u32 - 1));
        },
        || {
            let numbers = black_box(&*text).split(' ').map(|number| u32::from_str_radix(&number[2..], 16));
            let values: Vec<_> = numbers.map(|number| number.expect("a sound reply")).collect();
            assert_eq!(values[COUNT - 1], word(COUNT as u32 - 1));
        },
    );
    let text = display(RAM, COUNT);
    table.time(
        "decode a 64 Ki-word `mdw` reply",
        200,
        Goal::AtLeast(2.5),
        || {
            openocd::bench::decode_mdw(black_box(text.as_bytes()), RAM, &mut values).expect("a sound reply");
            assert_eq!(values[COUNT - 1], word(COUNT as u32 - 1));
        },
        || {
            let lines = black_box(&*text).split('\n').flat_map(|line| line.split(' ').skip(1));
            let numbers = lines.filter(|number| !number.is_empty()).map(|number| u32::from_str_radix(number, 16));
            let values: Vec<_> = numbers.map(|number| number.expect("a sound reply")).collect();
            assert_eq!(values[COUNT - 1], word(COUNT as u32 - 1));
        },
    );
}

fn instant(table: &mut Table) {
    let server = instant_server::start();
    let session = Session::connect(server).expect("a connection");
    let mut values = vec![0; COUNT];

    let mut stream = TcpStream::connect(server).expect("a connection");
    let mut piece = vec![0; 64 * 1024];
    table.time(
        "`read_u32_into` 64 Ki words from an instant server",
        500,
        Goal::AtMost(1.5),
        || session.memory().read_u32_into(RAM, &mut values).expect("the server answers"),
        // The same bytes, asked for at once.
        || {
            let mut request = String::new();
            for n in 0..COUNT / 4096 {
                let address = RAM + 4 * 4096 * n as u64;
                let _ = write!(request, "instant_run {n} \"mdw {address:#x} 4096\"\x1a");
            }
            stream.write_all(request.as_bytes()).expect("an open socket");
            let mut replies = 0;
            while replies < COUNT / 4096 {
                let read = stream.read(&mut piece).expect("an open socket");
                replies += memchr::memchr_iter(0x1a, &piece[..read]).count();
            }
        },
    );

    for count in [1, 4096, COUNT] {
        let case = format!("allocations per `read_u32_into` of {count} words");
        if table.wants(&case) {
            session.memory().read_u32_into(RAM, &mut values[..count]).expect("the server answers");
            let used = measure(|| session.memory().read_u32_into(RAM, &mut values[..count]).expect("an answer"));
            let used = used.count_total;
            table.row(&case, Goal::AtMost(4.0), &used.to_string(), "0", used as f64);
        }
    }

    let case = "peak memory of `dump_to` of 16 MiB";
    if table.wants(case) {
        let session = Session::connect(server).expect("a connection");
        let used = measure(|| session.memory().dump_to(RAM, 16 << 20, std::io::sink()).expect("the server answers"));
        let peak = used.bytes_max as f64 / f64::from(1 << 20);
        table.row(case, Goal::AtMost(2.0), &format!("{peak:.2} MiB"), "16 MiB", peak);
    }
}

fn chip(table: &mut Table) {
    let chip = VirtualChip::start().expect("a free port");
    let session = Session::start(chip.openocd_config()).expect("OpenOCD starts");
    session.target().halt().expect("the target halts");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("image");
    let quoted = openocd::quote(path.to_str().expect("a path of text")).into_owned();

    // The chip is a thread of this program, and OpenOCD waits for it: both ways have the same of
    // that.
    table.time(
        "`read_bytes` 64 KiB over `dump_image`, virtual chip",
        7,
        Goal::AtMost(1.0 / 0.95),
        || drop(session.memory().read_bytes(FLASH, 64 << 10).expect("the chip answers")),
        || drop(session.command(&format!("dump_image {quoted} {FLASH:#x} 65536")).expect("the chip answers")),
    );
    let image: Vec<_> = (0..16 << 10).map(|n: u32| word(n) as u8).collect();
    std::fs::write(&path, &image).expect("a file");
    table.time(
        "`write_bytes` 16 KiB over `load_image`, virtual chip",
        15,
        Goal::AtMost(1.0 / 0.9),
        || session.memory().write_bytes(RAM, &image).expect("the chip answers"),
        || drop(session.command(&format!("load_image {quoted} {RAM:#x} bin")).expect("the chip answers")),
    );

    byte_wide(table, &session, "packed transfers", Goal::AtMost(1.0 / 0.95));
    let chip = VirtualChip::start().expect("a free port");
    chip.set_packed_transfers(false);
    let session = Session::start(chip.openocd_config()).expect("OpenOCD starts");
    byte_wide(table, &session, "no packed transfers", Goal::AtLeast(3.5));
}

/// With packed transfers, as the Cortex-M3 has them, OpenOCD moves four bytes at once also in
/// byte-wide reads, so there is no traffic to be saved.
fn byte_wide(table: &mut Table, session: &Session, port: &str, goal: Goal) {
    table.time(
        &format!("`read_bytes` 64 KiB over byte-wide reads, {port}"),
        3,
        goal,
        || drop(session.memory().read_bytes(FLASH, 64 << 10).expect("the chip answers")),
        || drop(session.command(&format!("read_memory {FLASH:#x} 8 65536")).expect("the chip answers")),
    );
}
