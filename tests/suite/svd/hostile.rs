//! Descriptions made to exhaust time or memory, and mutated ones.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use openocd::svd::{Device, Peripheral, Register};
use openocd::{Error, SvdError};

use super::device;
use crate::random::Random;

/// Loading took this long, in a debug build on a busy machine, at most.
const TIME: Duration = Duration::from_secs(20);

fn with_registers(registers: &str) -> String {
    with_peripherals(&format!(
        "<peripheral><name>P</name><baseAddress>0</baseAddress><registers>{registers}</registers></peripheral>"
    ))
}

fn with_peripherals(peripherals: &str) -> String {
    format!("<device><name>D</name><peripherals>{peripherals}</peripherals></device>")
}

/// Loads a text within its time, and within so many MiB.
fn load(text: &str, mebibytes: u64) -> Result<Device, SvdError> {
    let start = Instant::now();
    let mut result = None;
    let used = measure(|| result = Some(Device::parse_str(text)));
    let shown: String = text.chars().take(300).collect();
    assert!(start.elapsed() < TIME, "{:?}: {shown}", start.elapsed());
    assert!(used.bytes_max < mebibytes << 20, "{} MiB: {shown}", used.bytes_max >> 20);
    match result {
        Some(Ok(device)) => Ok(device),
        Some(Err(Error::Svd(error))) => Err(error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nested_arrays_do_not_multiply_the_time() {
    let mut levels = String::new();
    for level in 0..14 {
        let _ = write!(levels, "<cluster><name>L{level}</name><addressOffset>0</addressOffset>");
        for copy in 0..10 {
            let _ = write!(
                levels,
                "<cluster derivedFrom='P.L{}'><dim>DIM</dim><dimIncrement>4</dimIncrement><name>X{copy}%s</name>\
                 <addressOffset>0</addressOffset></cluster>",
                level + 1
            );
        }
        levels += "</cluster>";
    }
    for dim in ["0", "1", "3"] {
        let device = load(&with_registers(&levels.replace("DIM", dim)), 8).unwrap();
        assert!(device.peripheral("P").unwrap().registers().is_empty());
    }
    let mut nested = "<register><name>R</name><addressOffset>0</addressOffset></register>".to_owned();
    for level in 0..10 {
        nested = format!(
            "<cluster><dim>1000</dim><dimIncrement>0</dimIncrement><name>C{level}%s</name><addressOffset>0</addressOffset>\
             {nested}</cluster>"
        );
    }
    let error = load(&with_registers(&nested), 256).unwrap_err();
    assert!(error.to_string().contains("there are more than 1048576 registers"), "{error}");
}

#[test]
fn large_arrays_with_long_texts_are_refused() {
    let array = "<dim>1000000</dim><dimIncrement>0</dimIncrement>";
    let long = "N".repeat(300);
    let register = |name: &str, more: &str| {
        with_registers(&format!(
            "<register>{array}<name>{name}%s</name>{more}<addressOffset>0</addressOffset></register>"
        ))
    };
    let blocks = "<addressBlock><offset>0</offset><size>4</size></addressBlock>".repeat(10);
    for text in [
        register(&long, ""),
        register("R", &format!("<description>{long}%s</description>")),
        with_peripherals(&format!(
            "<peripheral>{array}<name>P%s</name><baseAddress>0</baseAddress>{blocks}</peripheral>"
        )),
    ] {
        let error = load(&text, 300).unwrap_err();
        assert!(matches!(error, SvdError::Impossible { .. }), "{error}");
        assert!(error.to_string().contains("have more than 64 MiB"), "{error}");
    }
}

#[test]
fn elements_of_an_array_share_their_interrupts() {
    let interrupt = format!("<interrupt><name>{}</name><value>1</value></interrupt>", "I".repeat(300));
    let text = with_peripherals(&format!(
        "<peripheral><dim>20000</dim><dimIncrement>4</dimIncrement><name>P%s</name><baseAddress>0</baseAddress>{}</peripheral>",
        interrupt.repeat(10)
    ));
    let device = load(&text, 16).unwrap();
    assert_eq!(device.peripheral("P19999").unwrap().interrupts().len(), 10);
}

#[test]
fn ranges_of_indices_need_no_memory_before_they_are_used() {
    let lists = many(300, |number| {
        format!(
            "<register><dim>2</dim><dimIncrement>4</dimIncrement><dimIndex>0-65535</dimIndex><name>R{number}_%s</name>\
             <addressOffset>0</addressOffset></register>"
        )
    });
    assert_eq!(load(&with_registers(&lists), 8).unwrap().peripheral("P").unwrap().registers().len(), 600);
}

/// `number` elements, each made from its number.
fn many(number: usize, element: impl Fn(usize) -> String) -> String {
    (0..number).map(element).collect()
}

#[test]
fn long_chains_take_linear_time() {
    const LINKS: usize = 10_000;
    let address = "<addressOffset>0</addressOffset>";
    let chain =
        many(LINKS, |link| format!("<register derivedFrom='R{}'><name>R{link}</name>{address}</register>", link + 1));
    let last = format!("<register><name>R{LINKS}</name>{address}<size>8</size></register>");
    let device = load(&with_registers(&(chain.clone() + &last)), 64).unwrap();
    assert_eq!(super::register(&device, "P", "R0").size(), 8, "from the other end of the chain");
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());

    let ring = chain.replace(&format!("'R{LINKS}'"), "'R0'");
    assert_eq!(load(&with_registers(&ring), 64).unwrap().warnings().len(), 1);

    let peripherals = many(LINKS, |link| {
        format!("<peripheral derivedFrom='P{}'><name>P{link}</name><baseAddress>0</baseAddress></peripheral>", link + 1)
    });
    load(&with_peripherals(&peripherals), 64).unwrap();
    let clusters =
        many(LINKS, |link| format!("<cluster derivedFrom='K{}.X'><name>K{link}</name>{address}</cluster>", link + 1));
    load(&with_registers(&clusters), 64).unwrap();
    let values = many(LINKS, |link| {
        format!(
            "<register><name>R{link}</name>{address}<fields><field><name>F</name><bitRange>[1:0]</bitRange>\
             <enumeratedValues derivedFrom='V{}'><name>V{link}</name></enumeratedValues></field></fields></register>",
            link + 1
        )
    });
    load(&with_registers(&values), 64).unwrap();
    // The name of each leads to all the arrays before it.
    let arrays = many(LINKS, |link| {
        format!(
            "<register derivedFrom='R{link}x'><dim>1</dim><dimIncrement>1</dimIncrement><name>R%s</name>{address}</register>"
        )
    });
    let error = load(&with_registers(&arrays), 64).unwrap_err();
    assert!(error.to_string().contains("too many elements are derived from arrays"), "{error}");
}

#[test]
fn many_mistakes_on_one_line_take_linear_time() {
    let slips = many(10_000, |number| {
        format!(
            "<register><name>R{number}</name><addressOffset>0</addressOffset><access>bad{number}</access><fields>\
             <field><bitRange>q{number}</bitRange></field><field><name>F</name><bitRange>[0:0]</bitRange><enumeratedValues>\
             <enumeratedValue><value>bad{number}</value></enumeratedValue></enumeratedValues></field></fields></register>\
             <register><addressOffset>0</addressOffset></register>"
        )
    });
    let device = load(&with_registers(&slips), 64).unwrap();
    let warnings = device.warnings();
    assert_eq!(warnings.len(), 1001);
    assert!(warnings[1000].ends_with(" more warnings are not shown"), "{}", warnings[1000]);
}

#[test]
fn a_text_from_the_file_is_cut_in_messages() {
    let long = "x".repeat(100_000);
    let device = device(&format!(
        "<peripheral derivedFrom='{long}'><name>{long}</name><baseAddress>0</baseAddress><access>{long}</access></peripheral>"
    ));
    assert!(device.warnings().iter().all(|warning| warning.len() < 300));
    let error = load(&with_registers(&format!("<register><name>{long}</name></register>")), 8).unwrap_err();
    assert!(error.to_string().len() < 300);
}

#[cfg(unix)]
#[test]
fn a_file_without_end_is_refused() {
    let start = Instant::now();
    let mut error = None;
    let used = measure(|| error = Device::load("/dev/zero").err());
    let error = error.unwrap();
    assert!(matches!(&error, Error::Svd(SvdError::TooLarge { limit: 0x400_0000, .. })), "{error}");
    assert_eq!(error.to_string(), "/dev/zero: the text is larger than 64 MiB, the limit for such a file");
    assert!(start.elapsed() < TIME && used.bytes_max < 256 << 20);
}

#[cfg(unix)]
#[test]
fn a_fifo_that_nobody_writes_to_is_refused() {
    let fifo = std::env::temp_dir().join(format!("openocd-fifo-{}.svd", std::process::id()));
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let error = Device::load(&fifo).unwrap_err();
    std::fs::remove_file(&fifo).unwrap();
    let Error::Svd(SvdError::Unreadable { source, .. }) = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), "it is a FIFO; expected a regular file");
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let path = std::env::temp_dir().join(format!("openocd-large-{}.svd", std::process::id()));
    std::fs::File::create(&path).and_then(|file| file.set_len(1 << 40)).unwrap();
    let mut error = None;
    let used = measure(|| error = Device::load(&path).err());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(error, Some(Error::Svd(SvdError::TooLarge { .. }))), "{error:?}");
    assert!(used.bytes_max < 1 << 20);
}

/// One of each construct.
const SEED: &str = include_str!("seed.svd");
/// What is put into a text in place of something else.
const PIECES: &[&str] = &[
    "<",
    ">",
    "&",
    "&#",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<!DOCTYPE d [",
    "\"",
    "'",
    "/",
    "%s",
    "%s%s",
    "0",
    "-1",
    "0x",
    "#0x10",
    "0xXX",
    "4096",
    "4294967295",
    "18446744073709551615",
    "<dim>3</dim><dimIncrement>4</dimIncrement>",
    "<registers>",
    "</registers>",
    "</register>",
    "<fields>",
    "<cluster>",
    " derivedFrom='CTRL'",
    " derivedFrom='P0.K.R'",
    "P0.K",
    ".",
    "\u{e000}",
    "\0",
    "\u{1f980}",
    "0-9999",
    "A-Z",
    "<vendorExtensions>",
    "<writeConstraint>",
    "",
];

fn mutated(seed: &str, random: &mut Random) -> String {
    let mut text = seed.to_owned();
    for _ in 0..=random.below(4) {
        let mut place = |text: &str| {
            let mut at = random.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (a, b, at) = (place(&text), place(&text), place(&text));
        let (start, end) = (a.min(b), a.max(b).min(a.min(b) + 200));
        let end = (start..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(start);
        let piece = text[start..end].to_owned();
        match random.below(4) {
            0 => text.replace_range(start..end, ""),
            1 => text.insert_str(at, &piece),
            2 => text.replace_range(
                start..end.min(start + usize::from(piece.is_ascii())),
                PIECES[random.below(PIECES.len())],
            ),
            _ => text.insert_str(at, PIECES[random.below(PIECES.len())]),
        }
    }
    text
}

/// Uses everything that a description has.
fn use_all(device: &Device) -> usize {
    let mut length = format!("{device:?}{:?}", device.warnings()).len();
    for peripheral in device.peripherals().iter().take(50) {
        length += format!("{peripheral}{peripheral:?}").len();
        for register in peripheral.registers().iter().take(50) {
            let decoded = register.decode(register.reset_value().unwrap_or(0)).expect("the value fits");
            length += format!("{register}{register:?}{decoded}{decoded:?}").len();
            assert!(device.registers_at(register.address()).any(|found| found.address() == register.address()));
            length += register.fields().iter().filter_map(|field| field.value_name(1)).count();
        }
        let _ = peripheral.register("nothing");
    }
    length
}

/// As many as `OPENOCD_SVD_MUTATIONS` says.
#[test]
fn a_mutated_description_is_read_or_refused() {
    let number = std::env::var("OPENOCD_SVD_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let device = Device::parse_str(SEED).unwrap();
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
    assert!(device.peripherals().iter().flat_map(Peripheral::registers).map(Register::path).count() > 10);
    let (mut read, mut refused) = (0, 0);
    for seed in 0..number {
        let text = mutated(SEED, &mut Random::new(seed));
        match load(&text, 300) {
            Ok(device) => read += usize::from(use_all(&device) > 0),
            Err(error) => refused += usize::from(!error.to_string().is_empty()),
        }
    }
    assert!(read > 0 && refused > 0, "{read} were read, {refused} refused");
}

#[test]
fn a_mutated_file_is_read_or_refused() {
    let path = std::env::temp_dir().join(format!("openocd-mutated-{}.svd", std::process::id()));
    let wide: Vec<u8> = SEED.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut bytes = if seed % 2 == 0 { SEED.as_bytes().to_owned() } else { wide.clone() };
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = random.bytes(1)[0];
        }
        bytes.truncate(bytes.len() - random.below(2) * random.below(20));
        std::fs::write(&path, bytes).unwrap();
        if let Ok(device) = Device::load(Path::new(&path)) {
            use_all(&device);
        }
    }
    std::fs::remove_file(&path).unwrap();
}
