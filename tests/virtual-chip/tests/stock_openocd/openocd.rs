//! Runs OpenOCD over a list of commands and collects what it says.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use virtual_chip::VirtualChip;

/// Far more than any run takes; only a run that hangs gets here.
const PATIENCE: Duration = Duration::from_secs(120);

/// What OpenOCD said, and how it ended.
pub(crate) struct Run {
    pub(crate) log: String,
    pub(crate) success: bool,
}

impl Run {
    /// The value of `NAME` in a line `NAME=value`, printed with `echo`.
    pub(crate) fn value(&self, name: &str) -> &str {
        let prefix = format!("{name}=");
        self.log
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap_or_else(|| panic!("no {name}= in:\n{self}"))
            .trim()
    }

    /// The same as a number, in hexadecimal with 0x or in decimal.
    pub(crate) fn number(&self, name: &str) -> u32 {
        let text = self.value(name);
        let number = match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.unwrap_or_else(|_| panic!("{name}={text:?} is no number in:\n{self}"))
    }

    /// Whether this was OpenOCD 0.12.0 of January 2023, not a later one.
    pub(crate) fn is_by_0_12_0(&self) -> bool {
        self.log.contains("Open On-Chip Debugger 0.12.0\n")
    }

    /// The lines with which OpenOCD warns or complains.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        let marks = ["Warn", "Error", "DEPRECATED"];
        self.log.lines().filter(|line| marks.iter().any(|mark| line.starts_with(mark))).collect()
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, text: &str) {
        assert!(self.log.contains(text), "{text:?} is not in:\n{self}");
    }

    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        assert!(self.success, "OpenOCD failed:\n{self}");
        assert_eq!(self.complaints(), Vec::<&str>::new(), "in:\n{self}");
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.log)
    }
}

/// Runs OpenOCD on the chip: `init`, the commands, then `shutdown`.
pub(crate) fn run(chip: &VirtualChip, commands: &[&str]) -> Run {
    run_over(chip, chip.openocd_args(), commands)
}

/// The same, with other arguments for this chip.
pub(crate) fn run_over(chip: &VirtualChip, arguments: Vec<String>, commands: &[&str]) -> Run {
    let run = run_with(arguments, commands);
    // What OpenOCD sent last, and needs no answer to, may still be on its way.
    wait_until(|| !chip.is_connected());
    run
}

/// Runs OpenOCD with these arguments: `init`, the commands, then `shutdown`. It listens on no port.
pub(crate) fn run_with(arguments: Vec<String>, commands: &[&str]) -> Run {
    run_with_input(arguments, commands, Stdio::null())
}

/// Runs OpenOCD as [`run_with`] does, with a standard input.
pub(crate) fn run_with_input(arguments: Vec<String>, commands: &[&str], input: impl Into<Stdio>) -> Run {
    let binary = std::env::var("OPENOCD").unwrap_or_else(|_| "openocd".to_string());
    let mut command = Command::new(&binary);
    // The names of these commands changed in 2025; each generation complains about the other's.
    for service in ["gdb", "tcl", "telnet"] {
        command.args(["-c", &format!("if {{[catch {{{service} port disabled}}]}} {{{service}_port disabled}}")]);
    }
    command.args(arguments);
    // Today's OpenOCD warns if a target is halted before it was polled once; a dead chain cannot be
    // polled.
    for line in ["init", "catch poll"].iter().chain(commands).chain(&["shutdown"]) {
        command.args(["-c", line]);
    }
    let spawned = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    match spawned {
        Ok(child) => collect(child),
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "there is no {binary:?}: install OpenOCD (apt-get install openocd), or set OPENOCD to a binary of it"
        ),
        Err(error) => panic!("{binary:?} does not start: {error}"),
    }
}

fn collect(mut child: Child) -> Run {
    let mut output = child.stdout.take().expect("it is piped");
    let mut errors = child.stderr.take().expect("it is piped");
    let (log, success) = std::thread::scope(|scope| {
        let from_output = scope.spawn(move || read_all(&mut output));
        let from_errors = scope.spawn(move || read_all(&mut errors));
        let success = wait(&mut child);
        let mut log = from_errors.join().expect("reading does not panic");
        log += &from_output.join().expect("reading does not panic");
        (log, success)
    });
    let success = success.unwrap_or_else(|| panic!("OpenOCD did not end in {PATIENCE:?}:\n{log}"));
    Run { log, success }
}

fn read_all(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("a pipe can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether the process ended well; none if it had to be killed.
fn wait(child: &mut Child) -> Option<bool> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status.success());
        }
        if Instant::now() > deadline {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for what must come, however slow the machine is.
#[track_caller]
pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "what was waited for did not come in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
