//! A test bench: runs three firmware tests on a virtual STM32F103 and prints a table of their verdicts (needs only `openocd`):
//!
//!     cargo run --example test_bench
//!
//! One program reports by its semihosting exit status, one by a line of RTT, and one must run for a while without getting into its fault handler. The
//! program's own exit status is 1 if one of them fails.

mod ending;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use openocd::{ResetMode, RunOutcome, RunUntil, Session, Verdict};
use virtual_chip::{VirtualChip, firmware};

const LIMIT: Duration = Duration::from_secs(10);

/// What a test gave, and whether that is as it should be.
type Judged = openocd::Result<(RunOutcome, bool)>;
/// Its name, its firmware, and how it is run.
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
        ("echo, by a line of RTT", firmware::rtt::IMAGE, echo),
        ("counter, without a fault", firmware::IMAGE, no_fault),
    ];
    let mut rows = vec![format!("{:<28} {:<6} {:<30} {:>9}", "test", "", "verdict", "time")];
    let mut passed = true;
    for (name, image, test) in tests {
        chip.load_firmware(image);
        session.target().reset(ResetMode::Halt)?;
        let (outcome, is_right) = test(&session)?;
        passed &= is_right;
        let (mark, verdict) = (if is_right { "ok" } else { "FAILED" }, outcome.verdict.to_string());
        rows.push(format!("{name:<28} {mark:<6} {verdict:<30} {:>6} ms", outcome.elapsed.as_millis()));
        rows.extend(
            outcome
                .output_text()
                .lines()
                .chain(outcome.lines.iter().map(String::as_str))
                .map(|line| format!("    | {line}")),
        );
    }
    session.close()?;
    let printed = writeln!(io::stdout(), "{}", rows.join("\n"));
    if passed { Ok(printed?) } else { Err("not all tests passed".into()) }
}

/// The firmware says itself whether it is well.
fn self_test(session: &Session) -> Judged {
    let outcome = session.target().run_until(RunUntil::new().semihosting(), LIMIT)?;
    let is_right = matches!(outcome.verdict, Verdict::Exit { status: 0, .. });
    Ok((outcome, is_right))
}

/// What is sent comes back.
fn echo(session: &Session) -> Judged {
    let (target, rtt) = (session.target(), session.rtt());
    target.resume()?;
    rtt.setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    rtt.start_wait(LIMIT)?;
    target.halt()?;
    let mut terminal = rtt.channel(0)?;
    terminal.write_text("ping\n")?;
    let until = RunUntil::new().breakpoint(firmware::rtt::STOP.into()).line(&mut terminal, |line| line == "ping");
    let outcome = target.run_until(until, LIMIT)?;
    let is_right = matches!(outcome.verdict, Verdict::Line(_));
    Ok((outcome, is_right))
}

/// It counts on until the time is over, and never gets where faults end.
fn no_fault(session: &Session) -> Judged {
    let until = RunUntil::new().breakpoint(firmware::STOP.into());
    let outcome = session.target().run_until(until, Duration::from_millis(200))?;
    let counted = session.memory().read_u32(firmware::COUNTER_ADDRESS.into())?;
    let is_right = outcome.verdict == Verdict::Deadline && counted > 1000;
    Ok((outcome, is_right))
}
