//! Firmware in Rust, made with the crates that people use: `examples/firmware/rust`.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use openocd::{Image, ResetMode, RunOutcome, RunUntil, TargetState, VectorCatch, Verdict};

use crate::board::{Board, PATIENCE};

fn path(program: &str) -> PathBuf {
    PathBuf::from(format!("{}/examples/firmware/rust/prebuilt/{program}.elf", env!("CARGO_MANIFEST_DIR")))
}

fn image(program: &str) -> Image {
    Image::open(path(program)).unwrap()
}

/// A chip that is halted at the start of a program.
fn loaded(program: &str) -> Board {
    let board = Board::start();
    board.chip.load_elf(&fs::read(path(program)).unwrap());
    board.session.target().reset(ResetMode::Halt).unwrap();
    board
}

fn run(board: &Board, until: RunUntil<'_>) -> RunOutcome {
    board.session.target().run_until(until.semihosting(), PATIENCE).unwrap()
}

/// How many frames of defmt wait in the ring of the firmware. With its usual encoding bytes 0
/// separate frames, also before the first one.
fn defmt_frames(board: &Board, program: &str) -> usize {
    let block = image(program).symbol("_SEGGER_RTT").unwrap();
    let rtt = board.session.rtt();
    rtt.setup(block.address, u32::try_from(block.size).unwrap(), "SEGGER RTT").unwrap();
    assert_eq!(rtt.start_wait(PATIENCE).unwrap(), block.address);
    assert_eq!(rtt.channels().unwrap().up[0].name, "defmt");
    let mut channel = rtt.channel(0).unwrap();
    channel.set_read_timeout(Some(Duration::from_millis(500)));
    let mut bytes = Vec::new();
    let mut part = [0; 256];
    while let Ok(length @ 1..) = channel.read(&mut part) {
        bytes.extend_from_slice(&part[..length]);
    }
    assert_eq!(bytes.last(), Some(&0), "{bytes:x?}");
    bytes.split(|byte| *byte == 0).filter(|frame| !frame.is_empty()).count()
}

#[test]
fn status_is_that_of_the_firmware() {
    for (program, status, reason, frames) in
        [("hello", 0, 0x20026, 5), ("exits", 7, 0x20026, 1), ("fails", 1, 0x20023, 1)]
    {
        let board = loaded(program);
        let outcome = run(&board, RunUntil::new());
        assert_eq!(outcome.verdict, Verdict::Exit { status, reason }, "{program}");
        assert_eq!(defmt_frames(&board, program), frames, "{program}");
    }
}

#[test]
fn semihosting_has_the_command_line_and_input() {
    let board = loaded("prints");
    let outcome = run(&board, RunUntil::new().command_line("prints one two").input("a line\nand another\n"));
    assert_eq!(outcome.verdict, Verdict::Exit { status: 0, reason: 0x20026 });
    let expected = [
        "hello over semihosting",
        "argument prints",
        "argument one",
        "argument two",
        "a line",
        "and another",
        "end of input",
    ];
    assert_eq!(outcome.texts().collect::<Vec<_>>(), expected);
}

#[test]
fn backtrace_of_a_panic_leads_from_the_handler_to_the_reset() {
    let board = loaded("panics");
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    let outcome = run(&board, RunUntil::new());
    assert!(
        matches!(outcome.verdict, Verdict::Crash { exception: openocd::crash::ExceptionNumber(3), fault_pc: Some(_) }),
        "{:?}",
        outcome.verdict
    );
    let backtrace = board.session.target().backtrace(&image("panics")).unwrap();
    let locations = || backtrace.frames.iter().flat_map(|frame| &frame.locations);
    let names: Vec<_> = locations().map(|location| location.function.as_deref().unwrap()).collect();
    #[cfg(feature = "demangle")]
    let expected = [
        "HardFault_",
        "cortex_m::asm::udf",
        "panic_probe::hard_fault",
        "__rustc::rust_begin_unwind",
        "core::panicking::panic_fmt",
        "core::panicking::panic_bounds_check",
        "panics::sample",
        "panics::sum_up_to",
        "panics::sum_down_from",
        "panics::__cortex_m_rt_main",
        "main",
        "Reset",
    ];
    #[cfg(feature = "demangle")]
    assert_eq!(names, expected, "{backtrace}");
    #[cfg(not(feature = "demangle"))]
    assert!(names[7].contains("sum_up_to") && names.last() == Some(&"Reset"), "{backtrace}");
    // What is found in the sources is where the debug information says.
    let source =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/rust/src/bin/panics.rs")).unwrap();
    let line = |text: &str| source.lines().position(|line| line.contains(text)).map(|index| index as u32 + 1);
    let place = |index: usize| locations().nth(index).unwrap();
    assert_eq!(place(6).line, line("u32::from(SAMPLES[index])"));
    assert_eq!(place(7).line, line("sum += sample(index)"));
    assert_eq!(place(6).file.as_deref(), Some("examples/firmware/rust/src/bin/panics.rs"));
    assert!(place(6).is_inlined && !place(7).is_inlined);
    assert_eq!(backtrace.end, openocd::crash::BacktraceEnd::Outermost);
    assert_eq!(backtrace.frames.iter().filter(|frame| frame.is_interrupted).count(), 1);
    assert_eq!(defmt_frames(&board, "panics"), 2);
}

#[test]
fn report_of_a_fault_names_the_address() {
    let board = loaded("faults");
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    run(&board, RunUntil::new());
    let report = board.session.target().crash_report().unwrap();
    let text = report.to_string();
    assert!(text.contains("a data access failed on the bus, to address 0x60000000"), "{text}");
    let at = image("faults").location(report.fault_pc().unwrap()).unwrap();
    assert!(at.last().unwrap().function.as_ref().unwrap().contains("read_sensor"), "{at:?}");
}

#[test]
fn lockup_is_a_verdict_without_vector_catch() {
    let board = loaded("locks_up");
    let outcome = run(&board, RunUntil::new());
    assert_eq!((outcome.verdict, outcome.status.state), (Verdict::Lockup, TargetState::Halted));
}

#[test]
fn overflowed_stack_ends_in_a_report_and_a_backtrace_with_a_reason() {
    let board = loaded("overflows");
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    run(&board, RunUntil::new());
    let report = board.session.target().crash_report().unwrap().to_string();
    assert!(report.contains("the entry to an exception could not write to the stack"), "{report}");
    let backtrace = board.session.target().backtrace(&image("overflows")).unwrap();
    assert!(
        matches!(backtrace.end, openocd::crash::BacktraceEnd::UnreadableStack { address: 0x1fff_0000..0x2000_0000 }),
        "{backtrace}"
    );
}

#[test]
fn deadline_ends_a_run_that_never_ends_by_itself() {
    let board = loaded("hangs");
    let until = RunUntil::new().semihosting();
    let outcome = board.session.target().run_until(until, Duration::from_secs(1)).unwrap();
    assert_eq!((outcome.verdict, outcome.status.state), (Verdict::Deadline, TargetState::Halted));
    let counter = image("hangs").symbol("COUNTER").unwrap();
    assert!(board.session.memory().read_u32(counter.address).unwrap() > 0);
}

#[test]
fn plain_text_goes_both_ways_over_rtt() {
    let board = loaded("rtt_plain");
    board.session.target().resume().unwrap();
    let rtt = board.session.rtt();
    rtt.setup(0x2000_0000, 0x5000, "SEGGER RTT").unwrap();
    rtt.start_wait(PATIENCE).unwrap();
    let mut terminal = rtt.channel(0).unwrap();
    let mut echo = rtt.channel(1).unwrap().into_lines();
    terminal.write_text("quiet\n").unwrap();
    assert_eq!(echo.next().unwrap().unwrap(), "QUIET");
    let mut lines = terminal.into_lines();
    assert_eq!(lines.next().unwrap().unwrap(), "hello over RTT");
    assert!(lines.next().unwrap().unwrap().ends_with(" bytes so far"));
}

/// The tests of a binary of `embedded-test`, and the address of the function that runs each.
fn embedded_tests(file: &[u8]) -> Vec<(String, u32)> {
    use object::read::elf::{ElfFile32, FileHeader, SectionHeader, Sym};
    let elf = ElfFile32::<object::Endianness>::parse(file).unwrap();
    let endian = elf.endian();
    let sections = elf.elf_section_table();
    let (_, section) = sections.section_by_name(endian, b".embedded_test").unwrap();
    let data = section.data(endian, file).unwrap();
    let symbols =
        elf.elf_header().sections(endian, file).unwrap().symbols(endian, file, object::elf::SHT_SYMTAB).unwrap();
    let mut tests = Vec::new();
    for symbol in symbols.iter() {
        let name = String::from_utf8_lossy(symbols.symbol_name(endian, symbol).unwrap());
        // {"disambiguator":1,"name":"sum_is_right","ignored":false,"should_panic":false}
        let Some((_, name)) = name.split_once("\"name\":\"") else { continue };
        let start = (symbol.st_value(endian) - section.sh_addr(endian)) as usize;
        let function = u32::from_le_bytes(data[start..start + 4].try_into().unwrap());
        tests.push((name.split('"').next().unwrap().to_owned(), function));
    }
    tests
}

#[test]
fn tests_of_embedded_test_run_one_by_one() {
    let file = fs::read(path("tests")).unwrap();
    let tests = embedded_tests(&file);
    assert_eq!(tests.len(), 7);
    let board = loaded("tests");
    for (name, function) in tests {
        board.session.target().reset(ResetMode::Halt).unwrap();
        let until = RunUntil::new().command_line(format!("run_addr {function}"));
        let time = if name == "this_one_never_ends" { Duration::from_secs(1) } else { PATIENCE };
        let outcome = board.session.target().run_until(until, time).unwrap();
        let expected = match name.as_str() {
            "offset_is_known" | "sum_is_right" => Verdict::Exit { status: 0, reason: 0x20026 },
            "this_one_never_ends" => Verdict::Deadline,
            _ => Verdict::Exit { status: 134, reason: 0x20026 },
        };
        assert_eq!(outcome.verdict, expected, "{name}");
    }
}
