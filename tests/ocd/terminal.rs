//! In a terminal of 80 columns and 24 lines: bars, and Ctrl-C. `script` is the terminal.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::bench::Bench;
use crate::flash::{held, noise};

const APP: u32 = 0x0800_4000;

/// `ocd` in a terminal.
struct Terminal {
    script: Child,
    keys: ChildStdin,
    seen: Vec<u8>,
    folder: PathBuf,
}

impl Terminal {
    /// With the chip as its board.
    fn with_board(bench: &Bench, arguments: &str) -> Terminal {
        Terminal::start(bench, &bench.board_command(&[]), arguments)
    }

    /// With the boards of `ocd.toml`.
    fn with_boards(bench: &Bench, arguments: &str) -> Terminal {
        Terminal::start(bench, &bench.command(&[]), arguments)
    }

    fn start(bench: &Bench, like: &Command, arguments: &str) -> Terminal {
        let mut script = Command::new("script");
        for (name, value) in like.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.current_dir(bench.folder()).env("TERM", "xterm").env_remove("NO_COLOR");
        let ocd = env!("CARGO_BIN_EXE_ocd");
        let typed = format!(
            "stty cols 80 rows 24 -echo; trap : INT; stty -g >before; '{ocd}' {arguments}; s=$?; stty -g >after; exit $s"
        );
        script.args(["--quiet", "--return", "--flush", "--command", &typed, "/dev/null"]);
        let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script is installed");
        let keys = script.stdin.take().unwrap();
        Terminal { script, keys, seen: Vec::new(), folder: bench.folder().to_owned() }
    }

    /// Reads until `text` is there.
    fn wait_for(&mut self, text: &str) {
        let mut byte = [0];
        while !self.seen.ends_with(text.as_bytes()) {
            let read = self.script.stdout.as_mut().unwrap().read(&mut byte).unwrap();
            assert_eq!(read, 1, "it ended without {text:?}: {}", String::from_utf8_lossy(&self.seen));
            self.seen.push(byte[0]);
        }
    }

    fn press(&mut self, key: u8) {
        self.keys.write_all(&[key]).and_then(|()| self.keys.flush()).unwrap();
    }

    /// All that was shown, and the exit status. The terminal must be as it was.
    fn end(mut self) -> (String, i32) {
        self.script.stdout.take().unwrap().read_to_end(&mut self.seen).unwrap();
        let shown = String::from_utf8(self.seen).unwrap();
        let status = self.script.wait().unwrap().code().unwrap();
        let [before, after] = ["before", "after"].map(|name| std::fs::read(self.folder.join(name)).unwrap());
        assert!(!before.is_empty() && before == after, "the terminal is as it was: {shown}");
        (shown, status)
    }
}

/// What a person saw, line by line, without the codes that move the cursor.
fn frames(shown: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = shown.chars();
    while let Some(char) = rest.next() {
        match char {
            '\x1b' => drop(rest.by_ref().find(char::is_ascii_alphabetic)),
            '\r' => text.push('\n'),
            char => text.push(char),
        }
    }
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_flash_shows_a_bar_that_fits_and_leaves_one_line() {
    let bench = Bench::new();
    bench.file("app.bin", noise(40, 40_000));
    let (shown, status) = Terminal::with_board(&bench, "flash app.bin@0x08004000").end();
    assert_eq!(status, 0, "{shown}");
    let frames = frames(&shown);
    let has = |words: &[&str]| frames.iter().any(|frame| words.iter().all(|word| frame.contains(word)));
    for phase in ["erasing", "writing", "verifying"] {
        assert!(has(&[phase, " [==", "> ", " KiB of "]), "{phase}: {frames:#?}");
    }
    let bars = frames.iter().filter(|frame| frame.contains('['));
    assert!(bars.clone().count() > 3 && bars.clone().all(|bar| bar.chars().count() <= 80), "{frames:#?}");
    let last = frames.iter().rfind(|frame| !frame.is_empty()).unwrap();
    assert!(last.contains("40960 bytes erased, 40000 written, 0 skipped, verified; "), "{frames:#?}");
    assert!(held(&bench, APP, 40_000) == noise(40, 40_000));
}

#[test]
fn boards_have_a_bar_each() {
    let benches = [Bench::new(), Bench::new()];
    let boards = ["left", "right"].iter().zip(&benches);
    let boards: Vec<String> =
        boards.map(|(name, bench)| format!("[boards.{name}]\nconfig = {:?}\n", bench.config())).collect();
    benches[0].file("ocd.toml", boards.concat());
    benches[0].file("app.bin", noise(41, 40_000));
    let mut terminal = Terminal::with_boards(&benches[0], "flash app.bin@0x08004000 --all-boards");
    terminal.wait_for("left: ");
    let (shown, status) = terminal.end();
    assert_eq!(status, 0, "{shown}");
    let frames = frames(&shown);
    for name in ["left", "right"] {
        let bar = |frame: &String| frame.contains(&format!("{name}: ")) && frame.contains("writing [=");
        assert!(frames.iter().any(bar), "{name}: {frames:#?}");
        let end = |frame: &&String| frame.contains(&format!("{name}: 40960 bytes erased, 40000 written"));
        assert_eq!(frames.iter().filter(end).count(), 1, "{frames:#?}");
    }
}

#[test]
fn ctrl_c_cancels_and_the_terminal_is_as_it_was() {
    let bench = Bench::new();
    bench.file("app.bin", noise(42, 100_000));
    let mut terminal = Terminal::with_board(&bench, "flash app.bin@0x08004000");
    terminal.wait_for("writing [=");
    terminal.press(3);
    let (shown, status) = terminal.end();
    assert_eq!(status, 130, "{shown}");
    assert!(shown.contains("cancelled while writing: "), "{shown}");
    assert!(!shown.contains("\x1b[?25l") || shown.contains("\x1b[?25h"), "the cursor is there: {shown:?}");
}

#[test]
fn watched_numbers_are_whole_or_not_there() {
    let bench = Bench::new();
    bench.chip.write_memory(0x2000_0000, &926_157_313_u32.to_le_bytes()).unwrap();
    bench.chip.write_memory(0x2000_0008, &f64::MAX.to_le_bytes()).unwrap();
    bench.chip.write_memory(0x2000_0010, &[0xff; 8]).unwrap();
    let number = "926157313";
    let long = |zeros: usize| format!("0x20000000+0x{}", "0".repeat(zeros));
    for (name, type_, values) in [
        (long(26), "", &[number, "0x37340a01", number, number][..]),
        (long(57), "", &[number, "0x37340a01", number, number]),
        ("0x20000010".to_owned(), ":u64", &["18446744073709551615", "0xffffffffffffffff"]),
        ("0x20000008".to_owned(), ":f64", &["1.7976931348623157e308"]),
    ] {
        // Another one beside it, of the same length.
        let shown = Terminal::with_board(&bench, &format!("watch {name}{type_} 0x20000000 -n 1")).end().0;
        let lines: Vec<&str> =
            shown.split("\r\n").map(|line| line.split("\x1b[K").next().unwrap_or_default().trim()).collect();
        let line = lines.iter().find(|line| line.starts_with(&name[..6])).unwrap_or_else(|| panic!("{shown}"));
        assert!(lines.iter().all(|line| line.chars().count() < 80), "{shown}");
        assert_eq!(line.split_whitespace().skip(1).collect::<Vec<_>>(), values, "{shown}");
        // The end of a name tells more than its beginning.
        assert!(line.contains(&format!("{type_} ")) && line.contains(&name[name.len() - 4..]), "{shown}");
    }
}

#[test]
fn a_pipe_has_no_bars() {
    let bench = Bench::new();
    bench.file("app.bin", noise(43, 4000));
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--color", "always"]).expect(0);
    assert!(!ran.stderr.contains(['\x1b', '\r', '[']), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    let ran = bench.ocd(&["flash", "app.bin@0x08004000", "--progress", "none"]).expect(0);
    assert_eq!(ran.stderr, "");
}
