//! SVD: loading, look-ups, decoding. Names are group/case/implementation.
//!
//! No vendor's file is in this repository, so the large description is the virtual chip's, over and
//! over, until it has the 2 MB of the largest microcontrollers' files. `svd_parser_alone` is
//! another reader of the same text, which leaves out arrays, derivation and indices. `scan` is what
//! a look-up costs without an index.

use std::hint::black_box;

use criterion::{Criterion, criterion_main};
use openocd::svd::{Device, Peripheral, Register};

const CHIP: &str = include_str!("../tests/virtual-chip/svd/virtual-stm32f103.svd");

/// The chip's peripherals again and again, under names and at addresses of their own.
fn large() -> String {
    let (head, rest) = CHIP.split_once("<peripherals>").expect("a device has peripherals");
    let (body, tail) = rest.rsplit_once("</peripherals>").expect("a device has peripherals");
    let mut svd = format!("{head}<peripherals>");
    for copy in 0..2_000_000 / body.len() {
        // RCC and GPIO also occur in paths, which must lead to the copy.
        let mut body = body.replace("<baseAddress>0x", &format!("<baseAddress>0x{:x}", copy + 1));
        for name in ["RCC", "GPIO", "FLASH", "USART1", "TIM2", "DBGMCU", "UID", "DMA1", "CAN1", "PWR", "DWT"] {
            body = body.replace(&format!("<name>{name}"), &format!("<name>X{copy}{name}"));
            body = body.replace(&format!("derivedFrom=\"{name}"), &format!("derivedFrom=\"X{copy}{name}"));
        }
        svd += &body;
    }
    svd + "</peripherals>" + tail
}

fn load(criterion: &mut Criterion) {
    let large = large();
    let registers = |text: &str| {
        let device = Device::parse_str(text).expect("the description is sound");
        assert!(device.warnings().is_empty(), "{:?}", device.warnings());
        device.peripherals().iter().map(|peripheral| peripheral.registers().len()).sum::<usize>()
    };
    let copies = large.matches("RCC global interrupt").count();
    assert_eq!(registers(&large), copies * registers(CHIP));
    let mut group = criterion.benchmark_group("svd_load");
    for (case, text) in [("the_chip", CHIP), ("2MB", &large)] {
        group.bench_function(format!("{case}/openocd"), |bencher| {
            bencher.iter(|| Device::parse_str(black_box(text)).unwrap());
        });
        group.bench_function(format!("{case}/svd_parser_alone"), |bencher| {
            let config = svd_parser::Config::default().validate_level(svd_parser::ValidateLevel::Disabled);
            bencher.iter(|| svd_parser::parse_with_config(black_box(text), &config).unwrap());
        });
    }
    group.finish();
}

fn look_up(criterion: &mut Criterion) {
    let device = Device::parse_str(&large()).unwrap();
    let wanted = device.peripherals().last().unwrap().registers().last().unwrap();
    let (peripheral, name, address) = (wanted.peripheral(), wanted.name(), wanted.address());
    let mut group = criterion.benchmark_group("svd_look_up");
    group.bench_function("by_name/openocd", |bencher| {
        bencher.iter(|| device.peripheral(black_box(peripheral)).unwrap().register(black_box(name)).unwrap());
    });
    let all = || device.peripherals().iter().flat_map(Peripheral::registers);
    let by_name = |register: &&Register| register.peripheral() == peripheral && register.name() == name;
    assert_eq!(all().find(by_name), Some(wanted));
    group
        .bench_function("by_name/scan", |bencher| bencher.iter(|| all().find(|register| by_name(black_box(register)))));
    group.bench_function("by_address/openocd", |bencher| {
        bencher.iter(|| device.register_at(black_box(address)).unwrap());
    });
    let by_address = |register: &&Register| register.address() == black_box(address);
    assert_eq!(all().find(by_address), device.register_at(address));
    group.bench_function("by_address/scan", |bencher| bencher.iter(|| all().find(by_address)));
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let device = Device::parse_str(CHIP).unwrap();
    let register = device.peripheral("RCC").and_then(|rcc| rcc.register("CFGR")).unwrap();
    let decoded = register.decode(0x001d_840a).unwrap();
    let values: Vec<_> = decoded.fields().map(|field| field.value).collect();
    assert_eq!(values, [0, 0, 7, 0, 1, 2, 0, 4, 0, 2, 2]);
    assert_eq!(decoded.field("PLLMUL").unwrap().value_name(), Some("Mul9"));
    assert!(decoded.to_string().starts_with("RCC.CFGR @ 0x40021004 = 0x001d840a  "));
    let mut group = criterion.benchmark_group("svd_decode");
    group.bench_function("values/openocd", |bencher| {
        bencher.iter(|| {
            let decoded = register.decode(black_box(0x001d_840a)).unwrap();
            decoded.fields().map(|field| field.value).sum::<u64>()
        });
    });
    group.bench_function("value_names/openocd", |bencher| {
        bencher.iter(|| {
            let decoded = register.decode(black_box(0x001d_840a)).unwrap();
            decoded.fields().filter_map(|field| field.value_name()).map(str::len).sum::<usize>()
        });
    });
    group.bench_function("text/openocd", |bencher| {
        bencher.iter(|| register.decode(black_box(0x001d_840a)).unwrap().to_string());
    });
    group.finish();
}

#[allow(missing_docs, reason = "criterion makes a public function")]
mod group {
    use super::{decode, load, look_up};
    criterion::criterion_group!(benches, load, look_up, decode);
}
criterion_main!(group::benches);
