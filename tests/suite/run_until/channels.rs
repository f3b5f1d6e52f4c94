//! RTT channels that a run opens: bytes, modes, input, resets.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use openocd::{
    BreakpointKind, Error, HaltReason, OutputSource, ResetMode, RttDirection, RttError, RttMode, RunChannel, RunUntil,
    Verdict,
};
use virtual_chip::firmware::{self, rtt};

use super::rtt::BLOCK;
use super::{loaded, run, texts};
use crate::board::PATIENCE;

/// The flags of an up-channel.
fn flags(channel: u32) -> u32 {
    rtt::CONTROL_BLOCK + 24 + 24 * channel + 20
}

#[test]
fn bytes_of_a_binary_channel_and_lines_of_another_are_told_apart() {
    const LENGTH: u32 = 5000;
    let board = loaded(rtt::IMAGE);
    let chip = &board.chip;
    let (mut bytes, mut sources) = (Vec::new(), Vec::new());
    let (sender, input) = mpsc::channel();
    let until = RunUntil::new()
        .rtt(BLOCK, RunChannel::new(2).binary())
        .rtt(BLOCK, RunChannel::new(0).input(input).until_line(|line| line == "end"))
        .on_output(|output| {
            assert!(output.at.is_some());
            match output.source {
                OutputSource::Rtt(2) => {
                    bytes.extend_from_slice(output.bytes);
                    if bytes.len() == LENGTH as usize {
                        sender.send(b"end\n".to_vec()).unwrap();
                    }
                }
                source => sources.push(source),
            }
        })
        .on_line(|line| {
            assert_eq!(line.source, OutputSource::Rtt(0));
            if line.text == rtt::GREETING.trim() {
                chip.write_u32(rtt::FLOOD_REQUEST, LENGTH).unwrap();
            }
        });
    let outcome = run(&board, until);
    assert_eq!(outcome.verdict, Verdict::Line("end".to_owned()));
    assert_eq!(texts(&outcome), [rtt::GREETING.trim(), "end"]);
    assert!(sources.iter().all(|source| *source == OutputSource::Rtt(0)) && !sources.is_empty());
    let expected: Vec<_> = (0..LENGTH).map(rtt::flood_byte).collect();
    assert!(bytes == expected);
    assert_eq!(outcome.rtt_bytes, BTreeMap::from([(2, bytes)]));
    assert_eq!(outcome.output, b"");
}

#[test]
fn a_mode_lasts_for_the_run_also_over_a_reset() {
    let board = loaded(rtt::IMAGE);
    let mut seen = Vec::new();
    let outcome = thread::scope(|scope| {
        let (chip, session) = (&board.chip, &board.session);
        let (greeted, greetings) = mpsc::channel();
        scope.spawn(move || {
            greetings.recv().unwrap();
            // The firmware sets its own mode once more.
            session.command("reset run").unwrap();
        });
        let until = RunUntil::new().rtt(BLOCK, RunChannel::new(0).mode(RttMode::Skip)).on_line(|line| {
            if line.text == rtt::GREETING.trim() {
                seen.push(chip.read_u32(flags(0)).unwrap());
                let _ = greeted.send(());
            }
        });
        board.session.target().run_until(until, Duration::from_secs(3)).unwrap()
    });
    assert_eq!((&outcome.verdict, texts(&outcome).len()), (&Verdict::Deadline, 2), "{outcome:?}");
    assert_eq!(seen[0], 0, "set when the channel was opened");
    assert_eq!(board.chip.read_u32(flags(0)), Ok(2), "put back");
}

#[test]
fn the_mode_is_set_again_after_the_firmware_has_set_its_own() {
    let board = loaded(rtt::IMAGE);
    let chip = &board.chip;
    let (changed, watch) = mpsc::channel();
    let until = RunUntil::new().rtt(BLOCK, RunChannel::new(0).mode(RttMode::Skip)).on_line(|_| {
        chip.write_u32(flags(0), 2).unwrap();
        changed.send(()).unwrap();
    });
    let during = thread::scope(|scope| {
        let during = scope.spawn(move || {
            watch.recv().unwrap();
            thread::sleep(Duration::from_millis(700));
            chip.read_u32(flags(0))
        });
        board.session.target().run_until(until, Duration::from_millis(2500)).unwrap();
        during.join().unwrap()
    });
    assert_eq!(during, Ok(0));
}

#[test]
fn input_that_comes_during_the_run_reaches_the_firmware() {
    let board = loaded(rtt::IMAGE);
    // More than the ring of 64 bytes holds.
    let long = "x".repeat(300);
    let (sender, receiver) = mpsc::channel();
    let terminal = RunChannel::new(0).input(receiver).until_line(|line| line == "y");
    let until = RunUntil::new().rtt(BLOCK, terminal).on_line(|line| {
        let answer = if line.text == rtt::GREETING.trim() { format!("{long}\n") } else { "y\n".to_owned() };
        sender.send(answer.into_bytes()).unwrap();
    });
    let outcome = run(&board, until);
    assert_eq!(outcome.verdict, Verdict::Line("y".to_owned()));
    assert_eq!(texts(&outcome), [rtt::GREETING.trim(), &long, "y"]);
    assert!(outcome.lines.windows(2).all(|pair| pair[0].at < pair[1].at), "{:?}", outcome.lines);
}

#[test]
fn input_for_a_channel_that_the_firmware_lacks_is_an_error() {
    let board = loaded(rtt::IMAGE);
    let until = RunUntil::new().rtt(BLOCK, RunChannel::new(2).input("x"));
    let error = board.session.target().run_until(until, PATIENCE).unwrap_err();
    let expected = RttDirection::Down;
    assert!(
        matches!(error, Error::Rtt(RttError::NoChannel { direction, number: 2, .. }) if direction == expected),
        "{error:?}"
    );
}

#[test]
fn semihosting_input_that_comes_during_the_run_reaches_the_firmware() {
    let board = super::semihosting::exiting(3, 0);
    let (sender, receiver) = mpsc::channel();
    let outcome = thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(Duration::from_millis(200));
            sender.send(b"z".to_vec()).unwrap();
        });
        run(&board, RunUntil::new().input(receiver))
    });
    assert!(matches!(outcome.verdict, Verdict::Exit { status: 0, .. }));
    assert!(outcome.elapsed >= Duration::from_millis(200));
    assert_eq!(board.chip.read_u32(firmware::semihosting::CHARACTER), Ok(u32::from(b'z')));
}

#[test]
fn the_last_line_of_a_channel_may_lack_its_end() {
    let board = loaded(rtt::IMAGE);
    let outcome = board
        .session
        .target()
        .run_until(RunUntil::new().rtt(BLOCK, RunChannel::new(0).input("begun")), Duration::from_secs(1))
        .unwrap();
    assert_eq!((outcome.verdict.clone(), texts(&outcome)), (Verdict::Deadline, vec![rtt::GREETING.trim(), "begun"]));
}

#[test]
fn a_channel_that_the_firmware_never_sets_up_is_reported() {
    let board = loaded(rtt::IMAGE);
    let until = RunUntil::new().rtt(BLOCK, 0).rtt(BLOCK, 7);
    let outcome = board.session.target().run_until(until, Duration::from_millis(500)).unwrap();
    assert_eq!((&*outcome.missing_channels, texts(&outcome)), (&[7][..], vec![rtt::GREETING.trim()]));
}

#[test]
fn the_polling_interval_is_as_before_after_the_run() {
    let board = loaded(rtt::IMAGE);
    let mut during = None;
    let session = &board.session;
    let until = RunUntil::new().rtt(BLOCK, 0).on_line(|_| {
        during = Some(session.rtt().polling_interval().unwrap());
    });
    let outcome = session.target().run_until(until, Duration::from_millis(500)).unwrap();
    assert_eq!((outcome.lines.len(), during), (1, Some(Duration::from_millis(10))));
    assert_eq!(session.rtt().polling_interval().unwrap(), Duration::from_millis(100));
    session.target().reset(ResetMode::Halt).unwrap();
}

#[test]
fn channels_open_where_the_caller_says_before_the_firmware_goes_on() {
    let board = loaded(rtt::IMAGE);
    let loop_start = u64::from(rtt::LOOP);
    // Whatever the debugger does, in order: the flags of the channel, and DHCSR, which resumes.
    board.chip.watch_accesses(rtt::CONTROL_BLOCK..0xe000_f000);
    let until = RunUntil::new()
        .rtt(BLOCK, RunChannel::new(0).mode(RttMode::Skip))
        .rtt_from(loop_start)
        .breakpoint(loop_start + 2);
    let outcome = run(&board, until);
    let writes: Vec<_> = board.chip.take_accesses().into_iter().filter(|access| access.is_write).collect();
    // The first write clears an old block, the last puts the mode back.
    let of_flags: Vec<_> = (0..writes.len()).filter(|&number| writes[number].address == flags(0)).collect();
    let [_clears, sets_mode, _puts_back] = of_flags[..] else { panic!("{writes:x?}") };
    let last_resume = writes.iter().rposition(|access| access.address == 0xe000_edf0).unwrap();
    assert!(sets_mode < last_resume, "{writes:x?}");
    assert_eq!(
        (outcome.verdict.clone(), texts(&outcome)),
        (Verdict::Breakpoint { address: loop_start + 2 }, vec![rtt::GREETING.trim()])
    );
    assert!(board.session.breakpoints().list().unwrap().is_empty());
    assert_eq!(board.chip.read_u32(flags(0)), Ok(2));
}

#[test]
fn a_breakpoint_of_the_caller_where_channels_open_ends_the_run_with_the_channels_open() {
    let board = loaded(rtt::IMAGE);
    let place = u64::from(rtt::LOOP);
    board.session.breakpoints().add(place, BreakpointKind::Hardware).unwrap();
    board.chip.watch_accesses(flags(0)..flags(0) + 4);
    let until = RunUntil::new().rtt(BLOCK, RunChannel::new(0).mode(RttMode::Skip)).rtt_from(place);
    let outcome = board.session.target().run_until(until, Duration::from_secs(5)).unwrap();
    assert_eq!(
        (outcome.verdict.clone(), texts(&outcome)),
        (Verdict::Halt(HaltReason::Breakpoint), vec![rtt::GREETING.trim()])
    );
    assert_eq!(outcome.pc(), Some(place));
    let sets_mode = board.chip.take_accesses().into_iter().filter(|access| access.is_write).count();
    assert_eq!(sets_mode, 3, "an old block is cleared, the mode is set and put back");
    let left: Vec<_> = board.session.breakpoints().list().unwrap().iter().map(|point| point.address).collect();
    assert_eq!(left, [place]);
}

#[test]
fn a_place_that_the_target_never_reaches_opens_no_channel_before_the_end() {
    let board = loaded(rtt::IMAGE);
    let until = RunUntil::new().rtt(BLOCK, 0).rtt_from(rtt::STOP.into());
    let outcome = board.session.target().run_until(until, Duration::from_millis(300)).unwrap();
    // What was printed until then is collected at the end.
    assert_eq!((outcome.verdict.clone(), texts(&outcome)), (Verdict::Deadline, vec![rtt::GREETING.trim()]));
    assert!(board.session.breakpoints().list().unwrap().is_empty());
}
