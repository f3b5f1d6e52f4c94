//! An RTT control block that is there and cannot be used: silence would look as if nothing was
//! printed.

use crate::bench::Bench;
use crate::run::firmware;

const FLAW: &str = "is no control block: the ring of up-channel 0 is invalid";

/// `hangs`, whose control block has a read offset beyond the end of its ring.
fn broken(bench: &Bench) {
    let mut bytes = std::fs::read(firmware("hangs")).unwrap();
    let block = bytes.windows(10).position(|window| window == b"SEGGER RTT").unwrap();
    // The id, two counts, the ring's name, place, size and write offset.
    let read_offset = block + 16 + 8 + 16;
    bytes[read_offset..read_offset + 4].copy_from_slice(&0x9999_u32.to_le_bytes());
    bench.file("broken.elf", bytes);
}

#[test]
fn run_tells_of_a_control_block_that_is_invalid() {
    let bench = Bench::new();
    broken(&bench);
    let ran = bench.ocd(&["run", "broken.elf", "--timeout", "2"]).expect(124);
    assert!(ran.stderr.contains("warning: nothing came by RTT: what is at 0x20000008 "), "{ran:?}");
    assert!(ran.stderr.contains(FLAW), "{ran:?}");
    let ran = bench.ocd(&["run", "broken.elf", "--timeout", "2", "--channel", "0"]).expect(124);
    let told = "warning: the firmware did not set up RTT channel 0: what is at 0x20000008 ";
    assert!(ran.stderr.contains(told) && ran.stderr.contains(FLAW), "{ran:?}");
}

#[test]
fn memory_that_holds_no_control_block_is_refused_before_anything_is_changed() {
    let bench = Bench::new();
    let hello = firmware("hello");
    for command in [&["run", &hello][..], &["attach", &hello], &["rtt"]] {
        for range in ["0x20000000+16", "0x20000000..+16"] {
            let ran = bench.ocd(&[command, &["--ram", range, "--timeout", "2"]].concat()).expect(64);
            assert!(ran.stderr.contains("expected at least the 24 bytes of a control block"), "{command:?}: {ran:?}");
        }
    }
    assert_eq!(bench.chip.reset_count(), 0);
    assert!(
        bench.ocd_alone(&["rtt", "--config", "x", "--ram", "0x20000000+16"]).expect(64).stderr.contains("24 bytes")
    );
}

#[test]
fn console_and_attach_tell_of_a_control_block_that_is_invalid() {
    let bench = Bench::new();
    broken(&bench);
    bench.ocd(&["flash", "broken.elf"]).expect(0);
    let ran = bench.ocd(&["rtt", "--elf", "broken.elf", "--timeout", "3"]).expect(124);
    assert!(ran.stderr.contains("no RTT control block yet: what is at 0x20000008 "), "{ran:?}");
    assert!(ran.stderr.contains(FLAW), "{ran:?}");
    let ran = bench.ocd(&["attach", "broken.elf", "--timeout", "3"]).expect(124);
    assert_eq!(ran.stderr.matches("warning: nothing came by RTT: what is at 0x20000008 ").count(), 1, "{ran:?}");
    // Firmware that has made none is none of it.
    bench.ocd(&["flash", &firmware("exits"), "--reset", "halt"]).expect(0);
    let ran = bench.ocd(&["rtt", "--ram", "0x2000_4000+4K", "--timeout", "2"]).expect(124);
    assert!(ran.stderr.contains("no RTT control block yet; waiting"), "{ran:?}");
}

/// A control block by hand, with one ring up and one down, and an up-channel without a ring.
fn block(bench: &Bench, name: &[u8]) {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let up = words(&[0x2000_1200, 0x2000_1300, 64, 6, 0, 2]);
    let down = words(&[0, 0x2000_1340, 16, 0, 0, 0]);
    let block = [b"SEGGER RTT\0\0\0\0\0\0".to_vec(), words(&[2, 1]), up, vec![0; 24], down].concat();
    bench.chip.halt();
    bench.chip.write_memory(0x2000_1000, &block).unwrap();
    bench.chip.write_memory(0x2000_1200, name).unwrap();
    bench.chip.write_memory(0x2000_1300, b"hello\n").unwrap();
}

#[test]
fn name_of_a_channel_lists_no_other_channel_and_hides_none() {
    let bench = Bench::new();
    for (name, shown, value) in [
        (&b"A 64 2\n1: B\0"[..], "A 64 2; 1: B", "A 64 2\n1: B"),
        (b"Name\x1b[2J\n\xff\0", "Name\\u{1b}[2J; \u{fffd}", "Name\u{1b}[2J\n\u{fffd}"),
    ] {
        block(&bench, name);
        let place = ["--ram", "0x2000_1000..+0x1000"];
        let ran = bench.ocd(&[&["rtt", "--list"], &place[..]].concat()).expect(0);
        assert_eq!(ran.stdout, format!("up 0: {shown}, 64 bytes, block\ndown 0: , 16 bytes, skip\n"), "{ran:?}");
        let result = bench.ocd(&[&["rtt", "--list", "--json"], &place[..]].concat()).expect(0).result();
        assert_eq!(result["up"].as_array().unwrap().len(), 1, "{result}");
        assert_eq!(result["up"][0]["name"], value, "{result}");
        let ran = bench.ocd(&[&["rtt", "--timeout", "2"], &place[..]].concat()).expect(124);
        assert_eq!(ran.stdout, "hello\n", "{ran:?}");
    }
}

/// A control block of two up-channels and two down-channels, with these sizes, which nobody uses.
fn idle_block(bench: &Bench, sizes: [u32; 4]) {
    let mut block = b"SEGGER RTT\0\0\0\0\0\0".to_vec();
    let mut words = vec![2, 2];
    for size in sizes {
        words.extend([0, if size == 0 { 0 } else { 0x2000_2000 }, size, 0, 0, 0]);
    }
    block.extend(words.iter().flat_map(|word: &u32| word.to_le_bytes()));
    bench.chip.write_memory(0x2000_1000, &block).unwrap();
}

#[test]
fn console_tells_of_a_channel_without_a_buffer() {
    let bench = Bench::new();
    for (sizes, others) in [([0, 0, 16, 0], "it has none with a buffer"), ([0, 64, 16, 0], "it has 1")] {
        idle_block(&bench, sizes);
        let rtt = ["rtt", "--ram", "0x2000_1000+256", "--timeout", "3"];
        let ran = bench.ocd(&rtt).expect(124);
        let told = format!("warning: the firmware has no up-channel 0, by which something could come: {others}");
        assert_eq!(ran.stderr.matches(&told).count(), 1, "{ran:?}");
    }
    // One that is only silent has a buffer.
    let ran = bench.ocd(&["rtt", "--ram", "0x2000_1000+256", "--channel", "1", "--timeout", "3"]).expect(124);
    assert!(!ran.stderr.contains("up-channel"), "{ran:?}");
    // Nothing is to be done with one that has no buffer in either direction.
    idle_block(&bench, [0, 64, 0, 64]);
    let ran = bench.ocd(&["rtt", "--ram", "0x2000_1000+256", "--timeout", "3"]).expect(73);
    assert!(ran.stderr.contains("the target does not use up-channel 0"), "{ran:?}");
}
