//! The repl and colour in a real terminal: a pseudo-terminal of 80×24.

use std::process::Command;
use std::time::Duration;

use rexpect::ReadUntil;
use rexpect::session::{PtySession, spawn_command};

use crate::bench::{Bench, Ran};
use crate::running::{PATIENCE, eventually, exists};

const UP: &str = "\x1b[A";

/// Runs a shell script in a terminal. `$0` is `ocd` with the chip as its board.
fn shell(bench: &Bench, script: &str, environment: &[(&str, &str)]) -> PtySession {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("stty rows 24 cols 80; {script}"), env!("CARGO_BIN_EXE_ocd")]);
    let like = bench.board_command(&[]);
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env_remove("NO_COLOR").env("TERM", "xterm").env("XDG_DATA_HOME", bench.folder().join("data"));
    command.envs(environment.iter().copied()).current_dir(bench.folder());
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    spawn_command(command, Some(patience)).unwrap()
}

fn repl(bench: &Bench) -> PtySession {
    let mut terminal = shell(bench, "exec $0 repl --timeout 3s", &[]);
    terminal.exp_string("Ctrl-D ends").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    terminal
}

#[track_caller]
fn send(terminal: &mut PtySession, text: &str) {
    terminal.send(text).unwrap();
    terminal.flush().unwrap();
}

#[track_caller]
fn ends(mut terminal: PtySession, status: i32) -> String {
    let rest = terminal.exp_eof().unwrap();
    let ended = format!("{:?}", terminal.process().wait().unwrap());
    assert!(ended.starts_with("Exited(") && ended.ends_with(&format!(", {status})")), "{ended}: {rest}");
    rest
}

#[test]
fn repl_edits_lines_and_keeps_their_history() {
    let bench = Bench::new();
    let mut terminal = repl(&bench);
    // The cursor goes to the front, where a letter is missing.
    send(&mut terminal, "xpr 6*7\x01e\r");
    terminal.exp_string("42\r\n").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    send(&mut terminal, &format!("{UP}00\r"));
    terminal.exp_string("4200\r\n").unwrap();
    send(&mut terminal, "\x04");
    ends(terminal, 0);
    // Also in the next one.
    let mut terminal = repl(&bench);
    send(&mut terminal, &format!("{UP}\r"));
    terminal.exp_string("4200\r\n").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    terminal.send_line("exit").unwrap();
    ends(terminal, 0);
    let history = std::fs::read_to_string(bench.folder().join("data/ocd/history")).unwrap();
    assert_eq!(history.lines().filter(|line| *line == "expr 6*700").count(), 1, "{history}");
}

#[test]
fn lines_that_are_pasted_are_as_many_commands() {
    let bench = Bench::new();
    let mut terminal = repl(&bench);
    // Between these marks a terminal sends what is pasted.
    send(&mut terminal, "\x1b[200~expr 6*700\nocd status\nexpr {\n11*700\n}\x1b[201~\r");
    for answer in ["4200\r\n", "stm32f1x.cpu is running", "7700\r\n", "ocd> "] {
        terminal.exp_string(answer).unwrap();
    }
    send(&mut terminal, "exit\r");
    ends(terminal, 0);
}

#[test]
fn lines_that_are_typed_ahead_are_run_one_by_one() {
    let bench = Bench::new();
    let mut terminal = repl(&bench);
    // All at once, and while a command runs.
    send(&mut terminal, "expr 6*700\rexpr 7*700\rsleep 1500\r");
    for answer in ["4200\r\n", "4900\r\n"] {
        terminal.exp_string(answer).unwrap();
    }
    std::thread::sleep(Duration::from_millis(700));
    for line in ["expr 8*700\r", "expr 9*700\r", "exit\r"] {
        send(&mut terminal, line);
    }
    for answer in ["5600\r\n", "6300\r\n"] {
        terminal.exp_string(answer).unwrap();
    }
    ends(terminal, 0);
}

#[test]
fn line_that_the_firmware_does_not_end_is_ended_before_its_status() {
    let bench = Bench::new();
    bench.chip.load_elf(virtual_chip::firmware::newlib::EXIT7);
    let session = openocd::Session::start(bench.config()).unwrap();
    session.target().reset(openocd::ResetMode::Halt).unwrap();
    let address = session.process().unwrap().tcl_address().to_string();
    // Whatever the environment says of a board, an option comes first.
    let mut terminal = shell(&bench, &format!("exec $0 --connect {address} semihosting"), &[]);
    std::thread::sleep(Duration::from_secs(1));
    session.target().resume().unwrap();
    terminal.exp_string("leaving with 7\r\nthe firmware exited with status 7").unwrap();
    ends(terminal, 7);
}

#[test]
fn repl_completes_openocds_commands_and_ours() {
    let mut terminal = repl(&Bench::new());
    send(&mut terminal, "adapter spe\t");
    // OpenOCD has a few seconds to list its commands. On a busy machine a person presses Tab again.
    let is_completed = (0..50).any(|_| {
        let [done, bell] = ["adapter speed", "\x07"].map(|text| ReadUntil::String(text.to_owned()));
        let (_, found) = terminal.exp_any(vec![done, bell]).unwrap();
        if found != "adapter speed" {
            std::thread::sleep(Duration::from_millis(200));
            send(&mut terminal, "\t");
        }
        found == "adapter speed"
    });
    assert!(is_completed);
    send(&mut terminal, "\x15ocd wait\t");
    terminal.exp_string("ocd wait-halt").unwrap();
    // Several: a list.
    send(&mut terminal, "\x15adapter \t\t");
    terminal.exp_string("deassert").unwrap();
    send(&mut terminal, "\x15exit\r");
    ends(terminal, 0);
}

/// Waits until a line of the repl has begun: the editor has given the terminal back, for which
/// Ctrl-C is a character of the line.
fn begins(terminal: &mut PtySession) {
    terminal.exp_string("\x1b[?2004l").unwrap();
    std::thread::sleep(Duration::from_secs(1));
}

#[test]
fn ctrl_c_ends_a_command_of_the_repl_and_ctrl_d_the_repl() {
    let bench = Bench::new();
    // What a busy machine delays by seconds must not end by its time instead.
    let mut terminal = shell(&bench, "exec $0 repl --timeout 30s", &[]);
    terminal.exp_string("Ctrl-D ends").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    send(&mut terminal, "nonsense");
    send(&mut terminal, "\x03");
    terminal.exp_string("ocd> ").unwrap();
    terminal.send_line("sleep 3000; echo slept").unwrap();
    begins(&mut terminal);
    send(&mut terminal, "\x03");
    terminal.exp_string("interrupted").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    // The session is usable again, and Ctrl-C too.
    terminal.send_line("expr 6*7").unwrap();
    terminal.exp_string("42\r\n").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    terminal.send_line("ocd wait-halt").unwrap();
    begins(&mut terminal);
    send(&mut terminal, "\x03");
    terminal.exp_string("interrupted").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    send(&mut terminal, "\x04");
    ends(terminal, 0);
}

#[test]
fn signal_at_the_prompt_does_not_end_the_next_command() {
    let bench = Bench::new();
    let mut terminal = shell(&bench, "echo I am $$.; exec $0 repl", &[]);
    terminal.exp_string("I am ").unwrap();
    let ocd = terminal.exp_string(".").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {ocd}")]).status().unwrap().success());
    std::thread::sleep(Duration::from_secs(1));
    send(&mut terminal, "ocd status\r");
    terminal.exp_string("stm32f1x.cpu is running").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    send(&mut terminal, "exit\r");
    ends(terminal, 0);
}

#[test]
fn window_that_changes_its_size_ends_no_command() {
    let bench = Bench::new();
    let mut terminal = shell(&bench, "echo I am $$.; exec $0 repl", &[]);
    terminal.exp_string("I am ").unwrap();
    let ocd = terminal.exp_string(".").unwrap();
    let resize = || assert!(Command::new("sh").args(["-c", &format!("kill -WINCH {ocd}")]).status().unwrap().success());
    bench.file("prints.elf", std::fs::read(crate::run::firmware("prints")).unwrap());
    for command in ["sleep 1000; expr 6*700", "ocd wait-halt --timeout 1s", "ocd run prints.elf --input -"] {
        terminal.exp_string("ocd> ").unwrap();
        send(&mut terminal, &format!("{command}\r"));
        for _ in 0..9 {
            std::thread::sleep(Duration::from_millis(100));
            resize();
        }
    }
    send(&mut terminal, "typed\n\x04");
    let before = terminal.exp_string("exited with status 0").unwrap();
    assert!(before.contains("typed") && !before.contains("nterrupted"), "{before}");
    terminal.exp_string("ocd> ").unwrap();
    send(&mut terminal, "exit\r");
    ends(terminal, 0);
}

#[test]
fn terminal_is_as_it_was_after_a_signal_at_the_prompt() {
    let bench = Bench::new();
    let script = "echo I am $$.; stty -a > before; $0 repl; echo status $?; stty -a > after";
    let mut terminal = shell(&bench, script, &[]);
    terminal.exp_string("I am ").unwrap();
    let shell = terminal.exp_string(".").unwrap();
    terminal.exp_string("ocd> ").unwrap();
    let ocd = child(&shell);
    let openocd = child(&ocd);
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {ocd}")]).status().unwrap().success());
    terminal.exp_string("status 143").unwrap();
    ends(terminal, 0);
    let mode = |name: &str| std::fs::read_to_string(bench.folder().join(name)).unwrap();
    assert_eq!(mode("after"), mode("before"));
    let openocd = openocd.parse().unwrap();
    eventually("the end of OpenOCD", || !exists(openocd));
}

fn child(pid: &str) -> String {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let bench = Bench::new();
    let red = "\x1b[1m\x1b[31merror";
    for (environment, options, is_coloured) in [
        (&[][..], "", true),
        (&[("NO_COLOR", "1")], "", false),
        (&[("TERM", "dumb")], "", false),
        (&[], "--color never", false),
        (&[("NO_COLOR", "1")], "--color always", true),
    ] {
        let text = ends(shell(&bench, &format!("exec $0 step {options}"), environment), 73);
        assert!(text.contains("needs a halted target"), "{text}");
        assert_eq!(text.contains(red), is_coloured, "{environment:?} {options}: {text:?}");
        assert_eq!(text.contains('\x1b'), is_coloured, "{environment:?} {options}: {text:?}");
    }
}

#[test]
fn pipe_gets_data_and_no_escape_codes() {
    let bench = Bench::new();
    for arguments in [&["status"][..], &["config"], &["repl", "-c", "targets"], &["man"], &["cmd", "targets"]] {
        let ran = bench.ocd(arguments).expect(0);
        assert!(!ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'), "{ran:?}");
        assert!(!ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    }
    let ran = bench.ocd(&["step"]).expect(73);
    assert!(!ran.stderr.contains('\x1b') && ran.stdout.is_empty(), "{ran:?}");
    let ran: Ran = bench.ocd(&["step", "--color", "always"]).expect(73);
    assert!(ran.stderr.contains('\x1b'), "{ran:?}");
    // Standard output alone may be a pipe.
    let text = ends(shell(&bench, "$0 status | cat; exit 0", &[]), 0);
    assert!(text.contains("is running") && !text.contains('\x1b'), "{text:?}");
}

#[test]
fn line_after_a_command_that_reads_the_terminal_is_run() {
    let bench = Bench::new();
    for name in ["prints", "rtt_plain"] {
        bench.file(&format!("{name}.elf"), std::fs::read(crate::run::firmware(name)).unwrap());
    }
    // What a busy machine delays by seconds must not end by its time instead.
    let mut terminal = shell(&bench, "exec $0 repl --timeout 30s", &[]);
    terminal.exp_string("ocd> ").unwrap();
    let commands = [
        ("ocd run prints.elf --input - --timeout 8s", "of ocd)"),
        ("ocd cmd 'reset halt'", ""),
        ("ocd semihosting --timeout 8s", "is over"),
        ("ocd flash rtt_plain.elf", "verified"),
        ("ocd rtt --elf rtt_plain.elf --timeout 8s", "is over"),
    ];
    for (number, (command, end)) in (6..).zip(commands) {
        send(&mut terminal, &format!("{command}\r"));
        terminal.exp_string(end).unwrap();
        terminal.exp_string("ocd> ").unwrap();
        // A line that is lost is told here, and not by the next command.
        send(&mut terminal, &format!("expr {number}*700\r"));
        terminal.exp_string(&format!("{}\r\n", number * 700)).unwrap();
        terminal.exp_string("ocd> ").unwrap();
    }
    send(&mut terminal, "exit\r");
    ends(terminal, 0);
}
