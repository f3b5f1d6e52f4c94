//! What every test starts from: a virtual chip, and `ocd` in an empty folder with no settings.

use std::fmt::Debug;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use openocd::Session;
use serde_json::Value;
use tempfile::TempDir;
use virtual_chip::{Transport, VirtualChip};

/// A virtual chip and an empty folder, in which `ocd` runs.
pub struct Bench {
    pub chip: VirtualChip,
    folder: TempDir,
}

impl Bench {
    pub fn new() -> Bench {
        Bench {
            chip: VirtualChip::start().expect("a free port"),
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.folder().join(name);
        std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder is ours");
        std::fs::write(path, contents).expect("the folder is ours");
    }

    /// OpenOCD's configuration for the chip, over the transport that the suite is about.
    pub fn config(&self) -> String {
        let swd = std::env::var("OPENOCD_TRANSPORT").as_deref() == Ok("swd");
        self.chip.openocd_config_over(if swd { Transport::Swd } else { Transport::Jtag })
    }

    /// `ocd` with these arguments and no board.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocd"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OCD_")) {
            command.env_remove(name);
        }
        command.env("XDG_CONFIG_HOME", self.folder().join("user")).env("HOME", self.folder());
        command.current_dir(self.folder()).args(arguments).stdin(Stdio::null());
        command
    }

    /// `ocd` with the chip as its board.
    pub fn board_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("OCD_CONFIG", self.config());
        command
    }

    /// Runs `ocd` with the chip as its board.
    pub fn ocd(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.board_command(arguments))
    }

    /// An OpenOCD that stays, on the chip.
    pub fn session(&self) -> Session {
        Session::start(self.config()).expect("OpenOCD is installed")
    }

    /// Runs `ocd` on an OpenOCD that stays.
    pub fn ocd_on(&self, session: &Session, arguments: &[&str]) -> Ran {
        let port = session.process().expect("a process of its own").tcl_port();
        Ran::of(self.command(arguments).args(["--connect", &format!("localhost:{port}")]))
    }

    /// Runs `ocd` without a board.
    pub fn ocd_alone(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }
}

/// How `ocd` ended.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Ran {
        Ran::from(command.output().expect("ocd is built"))
    }

    /// Checks the exit status.
    #[track_caller]
    pub fn expect(self, status: i32) -> Ran {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// Each line of standard output as JSON.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let line = |text: &str| -> Value {
            let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}\n{self:#?}"));
            assert_eq!(value["ocd"], 1, "{text}");
            value
        };
        self.stdout.lines().map(line).collect()
    }

    /// The result in the last line of JSON. The exit status in it is the real one.
    #[track_caller]
    pub fn result(&self) -> Value {
        let last = self.lines().pop().unwrap_or_else(|| panic!("no line of JSON: {self:#?}"));
        assert_eq!(last["status"], self.status, "{self:#?}");
        assert_eq!(last["type"], "result", "{self:#?}");
        last["result"].clone()
    }

    /// The error in the last line of JSON.
    #[track_caller]
    pub fn error(&self) -> Value {
        let last = self.lines().pop().unwrap_or_else(|| panic!("no line of JSON: {self:#?}"));
        assert_eq!(last["status"], self.status, "{self:#?}");
        assert_eq!(last["type"], "error", "{self:#?}");
        last["error"].clone()
    }
}

/// Checks that no message names an item or a call of the library, such as `Session::raw` or
/// `svd().load(path)`: nobody can type it.
#[track_caller]
pub fn check_words(stderr: &str) {
    let mut quoted = stderr.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_item = |word: &str| word.contains("::") && word.starts_with(|c: char| c.is_ascii_uppercase());
    let item = quoted.find(|word| is_item(word) || word.contains("()"));
    assert_eq!(item, None, "{stderr}");
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        check_words(&stderr);
        Ran { status: output.status.code().unwrap_or(-1), stdout, stderr }
    }
}
