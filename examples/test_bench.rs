//! A test bench: runs three firmware tests on a virtual STM32F103 and prints a table of their
//! verdicts. Needs only `openocd`.
//!
//!     cargo run --example test_bench
//!
//! One program reports by its semihosting exit status, and one by a line of RTT. One must run for a
//! while without reaching its fault handler. The example's own exit status is 1 if a test fails.

mod ending;

use std::io::{self, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use openocd::{ResetMode, RunOutcome, RunUntil, Session, Verdict};
use virtual_chip::{VirtualChip, firmware};

const LIMIT: Duration = Duration::from_secs(10);
const RAM: Range<u64> = 0x2000_0000..0x2000_5000;

/// The outcome of a test, and whether it passed.
type Judged = openocd::Result<(RunOutcome, bool)>;
/// A test's name, its firmware, and how it is run.
type Test = (&'static str, &'static [u8], fn(&Session) -> Judged);

fn main() -> ExitCode {
    env_logger::init();
    ending::report(run_all())
}

fn run_all() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().len() > 1 {
        return Err("usage: test_bench, without arguments".into());
    }
    // The chip must outlive the session.
    let chip = VirtualChip::start()?;
    let session = Session::start(chip.openocd_config())?;
    let tests: [Test; 3] = [
        ("self test, by exit status", firmware::semihosting::IMAGE, self_test),
        ("greeting, by a line of RTT", firmware::rtt::IMAGE, greeting),
        ("counter, without a fault", firmware::IMAGE, no_fault),
    ];
    let mut rows = vec![format!("{:<28} {:<6} {:<30} {:>9}", "test", "", "verdict", "time")];
    let mut passed = true;
    for (name, image, test) in tests {
        chip.load_firmware(image);
        session.target().reset(ResetMode::Halt)?;
        let (outcome, test_passed) = test(&session)?;
        passed &= test_passed;
        let (mark, verdict) = (if test_passed { "ok" } else { "FAILED" }, outcome.verdict.to_string());
        rows.push(format!("{name:<28} {mark:<6} {verdict:<30} {:>6} ms", outcome.elapsed.as_millis()));
        rows.extend(outcome.lines.iter().map(|line| format!("    {} | {line}", line.source)));
    }
    session.close()?;
    let printed = writeln!(io::stdout(), "{}", rows.join("\n"));
    if passed { Ok(printed?) } else { Err("not all tests passed".into()) }
}

/// The firmware reports by its exit status.
fn self_test(session: &Session) -> Judged {
    let outcome = session.target().run_until(RunUntil::new().semihosting(), LIMIT)?;
    let passed = matches!(outcome.verdict, Verdict::Exit { status: 0, .. });
    Ok((outcome, passed))
}

/// The firmware prints a line by RTT, and does not fault before.
fn greeting(session: &Session) -> Judged {
    let until = RunUntil::new().breakpoint(firmware::rtt::STOP.into()).rtt_line(RAM, 0, |line| line.ends_with("ready"));
    let outcome = session.target().run_until(until, LIMIT)?;
    let passed = matches!(outcome.verdict, Verdict::Line(_));
    Ok((outcome, passed))
}

/// The firmware counts until the deadline, and does not fault.
fn no_fault(session: &Session) -> Judged {
    let until = RunUntil::new().breakpoint(firmware::STOP.into());
    let outcome = session.target().run_until(until, Duration::from_millis(200))?;
    let count = session.memory().read_u32(firmware::COUNTER_ADDRESS.into())?;
    let passed = outcome.verdict == Verdict::Deadline && count > 1000;
    Ok((outcome, passed))
}
