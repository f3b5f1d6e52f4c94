//! Files whose paths are not UTF-8.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use openocd::Session;

use crate::bench::{Bench, Ran};
use crate::run::firmware;

const SVD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");

/// A name in a folder with a newline, both not UTF-8.
fn odd(name: &str) -> OsString {
    OsString::from_vec([b"bad\xff\n/\xfe", name.as_bytes()].concat())
}

fn ocd(bench: &Bench, session: &Session, words: &[&OsStr]) -> Ran {
    let address = session.process().unwrap().tcl_address().to_string();
    Ran::of(bench.command(&["--connect", &address]).args(words))
}

fn bench() -> Bench {
    let bench = Bench::new();
    std::fs::create_dir(bench.folder().join(OsStr::from_bytes(b"bad\xff\n"))).unwrap();
    for name in ["exits", "hello"] {
        std::fs::copy(firmware(name), bench.folder().join(odd(name))).unwrap();
    }
    std::fs::write(bench.folder().join(odd("raw")), [1; 16]).unwrap();
    bench
}

#[test]
fn commands_end_in_json_as_they_do_in_text() {
    let bench = bench();
    let session = bench.session();
    let words: [&[&str]; 9] = [
        &["flash", "--reset", "halt", "@exits"],
        &["verify", "@exits"],
        &["read", "0x08000000", "64", "@read.bin"],
        &["mem", "dump", "0x20000000", "64", "@dump.bin"],
        &["mem", "load", "@raw", "0x20000000"],
        &["svd", "snapshot", "--svd", SVD, "@snapshot.txt", "RCC"],
        &["svd", "diff", "--svd", SVD, "@snapshot.txt"],
        &["core", "@core.elf"],
        &["man", "@"],
    ];
    for words in words {
        let words: Vec<OsString> =
            words.iter().map(|word| word.strip_prefix('@').map_or_else(|| OsString::from(word), odd)).collect();
        let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
        let text = ocd(&bench, &session, &words);
        let json = ocd(&bench, &session, &[&[OsStr::new("--json")], &words[..]].concat());
        assert_eq!(json.status, text.status, "{words:?}: {json:#?} {text:#?}");
        let result = json.result().to_string();
        if !matches!(words[0].as_bytes(), b"svd") || words[1] == "snapshot" {
            assert!(result.contains("bad\u{fffd}\\n/"), "{words:?}: {result}");
        }
    }
}

#[test]
fn an_address_follows_such_a_path() {
    let bench = bench();
    let session = bench.session();
    let file = OsString::from_vec([odd("raw").as_bytes(), b"@0x08004000"].concat());
    ocd(&bench, &session, &[OsStr::new("flash"), &file]).expect(0);
    ocd(&bench, &session, &[OsStr::new("verify"), &file]).expect(0);
    let held = session.memory().read_bytes(0x0800_4000, 18).unwrap();
    assert_eq!(held, [&[1; 16][..], &[0xff; 2]].concat());
}

#[test]
fn symbols_of_until_are_those_of_the_file() {
    let bench = bench();
    let session = bench.session();
    let file = odd("hello");
    let ran = ocd(&bench, &session, &[OsStr::new("run"), OsStr::new("--until"), OsStr::new("main"), &file]).expect(0);
    assert!(ran.stderr.contains("the firmware reached 0x"), "{ran:#?}");
}

#[test]
fn settings_may_be_in_such_a_folder() {
    let bench = bench();
    let folder = bench.folder().join(OsStr::from_bytes(b"bad\xff\n"));
    std::fs::create_dir(folder.join("below")).unwrap();
    std::fs::rename(bench.folder().join(odd("hello")), folder.join("hello.elf")).unwrap();
    std::fs::write(folder.join("ocd.toml"), "elf = \"hello.elf\"\n").unwrap();
    for here in [folder.clone(), folder.join("below")] {
        let mut command = bench.command(&["symbols"]);
        let ran = Ran::of(command.current_dir(here)).expect(0);
        assert!(ran.stdout.contains("main"), "{ran:#?}");
    }
}
