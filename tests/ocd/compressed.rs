//! Firmware whose debug information its linker has compressed.

use crate::bench::Bench;
use crate::run::firmware;

fn u16_at(file: &[u8], at: usize) -> usize {
    u16::from_le_bytes([file[at], file[at + 1]]).into()
}

fn u32_at(file: &[u8], at: usize) -> usize {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
}

fn words(values: &[usize]) -> Vec<u8> {
    values.iter().flat_map(|&value| u32::try_from(value).unwrap().to_le_bytes()).collect()
}

/// A zlib stream (RFC 1950) whose blocks are stored as they are.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 1];
    let mut blocks = data.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        stream.push(blocks.peek().is_none().into());
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let sums = data.iter().fold((1, 0), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65521;
        (a, (b + a) % 65521)
    });
    stream.extend((sums.1 << 16 | sums.0).to_be_bytes());
    stream
}

/// The ELF file of 32 bits with its debug information compressed, as `ld` does with
/// `--compress-debug-sections=zlib`.
fn compressed(mut file: Vec<u8>) -> Vec<u8> {
    const ZLIB: usize = 1;
    const COMPRESSED: usize = 1 << 11;
    let header = |file: &[u8], index: usize| u32_at(file, 32) + u16_at(file, 46) * index;
    let names = u32_at(&file, header(&file, u16_at(&file, 50)) + 16);
    for index in 0..u16_at(&file, 48) {
        let header = header(&file, index);
        if !file[names + u32_at(&file, header)..].starts_with(b".debug_") {
            continue;
        }
        let [flags, offset, size] = [8, 16, 20].map(|at| u32_at(&file, header + at));
        let data = [words(&[ZLIB, size, 1]), zlib(&file[offset..offset + size])].concat();
        let place = words(&[file.len(), data.len()]);
        file[header + 8..header + 12].copy_from_slice(&words(&[flags | COMPRESSED]));
        file[header + 16..header + 24].copy_from_slice(&place);
        file.extend(data);
    }
    file
}

#[test]
fn compressed_debug_information_names_the_places_of_a_log_and_of_a_panic() {
    let bench = Bench::new();
    bench.file("panics.elf", compressed(std::fs::read(firmware("panics")).unwrap()));
    let ran = bench.ocd(&["run", "panics.elf"]).expect(134);
    let plain = Bench::new().ocd(&["run", &firmware("panics")]).expect(134);
    assert!(!ran.stderr.contains("no places"), "{ran:?}");
    assert_eq!(ran.stdout, plain.stdout);
    let calls =
        |stderr: &str| stderr.lines().filter(|line| line.contains(" at ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(calls(&ran.stderr), calls(&plain.stderr));
    assert!(calls(&ran.stderr).iter().any(|line| line.contains("panics.rs:")), "{ran:?}");
}
