//! What files have in names reaches no terminal as it is.

use crate::bench::{Bench, Ran};
use crate::run::firmware;

#[track_caller]
fn plain(ran: &Ran) {
    let acts = |character: char| character.is_control() && character != '\n';
    assert!(!ran.stdout.contains(acts) && !ran.stderr.contains(acts), "{ran:#?}");
}

#[test]
fn names_of_boards_are_escaped() {
    let bench = Bench::new();
    bench.file("ocd.toml", "[boards.\"a\\u001b[31m\\nb\"]\nconnect = \"x:1\"\n[boards.c]\nconnect = \"x:1\"\n");
    let ran = bench.ocd_alone(&["config", "--all-boards"]).expect(0);
    assert!(ran.stdout.starts_with("a\\u{1b}[31m\\nb: "), "{ran:#?}");
    plain(&ran);
    // The two are the same.
    plain(&bench.ocd_alone(&["status", "--all-boards"]));
    plain(&bench.ocd_alone(&["status", "--board", "\x1b[31m"]).expect(71));
}

#[test]
fn names_of_tests_are_escaped() {
    let bench = Bench::new();
    let mut bytes = std::fs::read(firmware("tests")).unwrap();
    let (name, evil) = (b"this_one_returns_an_error", br"a ... ok\ntest b\u001b[31m");
    assert!(evil.len() == name.len() + 1, "{}", evil.len());
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(name)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..][..name.len()].copy_from_slice(&evil[..name.len()]);
    }
    bench.file("evil.elf", bytes);
    for arguments in [&["run", "evil.elf", "ok"][..], &["run", "evil.elf", "--list"]] {
        let ran = bench.ocd(arguments);
        plain(&ran);
        assert!(ran.stdout.contains(r"tests::a ... ok\ntest b\u{1b}[31"), "{ran:#?}");
        assert!(!ran.stdout.lines().any(|line| line.trim_end() == "test tests::a ... ok"), "{ran:#?}");
    }
}

#[test]
fn names_of_symbols_and_descriptions_are_escaped() {
    let bench = Bench::new();
    let mut bytes = std::fs::read(firmware("hello")).unwrap();
    let name = b"_SEGGER_RTT";
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(name)).collect();
    for at in places {
        bytes[at + 7..][..4].copy_from_slice(b"\x1b[1m");
    }
    bench.file("evil.elf", bytes);
    let ran = bench.ocd_alone(&["symbols", "evil.elf", "_SEGGER"]).expect(0);
    plain(&ran);
    assert!(ran.stdout.contains("_SEGGER\\u{1b}[1m"), "{ran:#?}");
    plain(&bench.ocd(&["watch", "_SEGGER\x1b[1m", "--elf", "evil.elf"]));

    let svd = include_str!("../virtual-chip/svd/virtual-stm32f103.svd");
    let evil = svd.replacen("<description>", "<description>\u{9b}31m", 40);
    assert_ne!(svd, evil);
    bench.file("evil.svd", evil);
    let ran = bench.ocd_alone(&["svd", "list", "--svd", "evil.svd"]).expect(0);
    plain(&ran);
    assert!(ran.stdout.contains("\\u{9b}31m"), "{ran:#?}");
}
