//! The pure parsers. Names are group/case/implementation; what implementations give is asserted to
//! be equal.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_main};

/// The answer to `read_memory` of 64 Ki words: of `values` of all sizes, or all of the same.
fn answer(values: impl Iterator<Item = u32>) -> (String, Vec<u32>) {
    let values: Vec<_> = values.take(65536).collect();
    (values.iter().map(|value| format!("{value:#x}")).collect::<Vec<_>>().join(" "), values)
}

/// What anybody would write first.
fn split(text: &str) -> Vec<u32> {
    text.split(' ').map(|number| u32::from_str_radix(&number[2..], 16).unwrap()).collect()
}

/// The answer to `mdw 0 65536`.
fn display(values: impl Iterator<Item = u32>) -> (String, Vec<u32>) {
    let values: Vec<_> = values.take(65536).collect();
    let line = |(index, line): (usize, &[u32])| {
        let words: Vec<_> = line.iter().map(|value| format!("{value:08x}")).collect();
        format!("{:#010x}: {} \n", 32 * index, words.join(" "))
    };
    (values.chunks(8).enumerate().map(line).collect(), values)
}

/// What anybody would write first.
fn split_lines(text: &str) -> Vec<u32> {
    let numbers = text.lines().flat_map(|line| line.split_whitespace().skip(1));
    numbers.map(|number| u32::from_str_radix(number, 16).unwrap()).collect()
}

fn decode_words(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_words");
    // The shifts make numbers of one digit as likely as such of eight.
    let noise = |n: u32| n.wrapping_mul(0x9e37_79b9);
    let cases = [
        ("noise", answer((0..).map(noise))),
        ("all_lengths", answer((0..).map(|n| noise(n) >> (n % 8 * 4)))),
        ("zeros", answer(std::iter::repeat(0))),
    ];
    for (case, (text, values)) in &cases {
        let mut room = vec![0; values.len()];
        openocd::bench::decode_u32(text.as_bytes(), &mut room).unwrap();
        assert_eq!((&room, &split(text)), (values, values));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("{case}/openocd"), |bencher| {
            bencher.iter(|| openocd::bench::decode_u32(black_box(text.as_bytes()), &mut room));
        });
        group.bench_function(format!("{case}/split"), |bencher| bencher.iter(|| split(black_box(text))));
    }
    group.finish();
}

fn decode_display(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_display");
    let (text, values) = display((0..).map(|n: u32| n.wrapping_mul(0x9e37_79b9)));
    let mut room = vec![0; values.len()];
    openocd::bench::decode_mdw(text.as_bytes(), 0, &mut room).unwrap();
    assert_eq!((&room, &split_lines(&text)), (&values, &values));
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("noise/openocd", |bencher| {
        bencher.iter(|| openocd::bench::decode_mdw(black_box(text.as_bytes()), 0, &mut room));
    });
    group.bench_function("noise/split", |bencher| bencher.iter(|| split_lines(black_box(&text))));
    group.finish();
}

fn benches() {
    let mut criterion = Criterion::default().configure_from_args();
    decode_words(&mut criterion);
    decode_display(&mut criterion);
    criterion.final_summary();
}

criterion_main!(benches);
