//! `repl` without a terminal.

use virtual_chip::CoreState;

use crate::bench::{Bench, Ran};
use crate::running::Running;

const ELF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");

/// Runs the lines from a pipe.
fn piped(bench: &Bench, arguments: &[&str], lines: &str) -> Ran {
    let mut running = Running::start(&mut bench.board_command(&[&["repl"], arguments].concat()));
    running.write(lines);
    running.end()
}

#[test]
fn lines_of_a_pipe_are_run_and_the_first_failure_counts() {
    let bench = Bench::new();
    let ran = piped(&bench, &[], "expr 6*7\n\n# a comment\nset text hello\nstep\nerror nonsense\nexpr 1\n").expect(73);
    assert_eq!(ran.stdout, "42\nhello\n1");
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(errors.len() == 2 && errors[1].contains("nonsense"), "{ran:?}");
    // The last line may have no end, and `exit` ends.
    piped(&bench, &[], "expr 1\nexit\n# done\n\n").expect(0);
    assert_eq!(piped(&bench, &[], "set sum 0\nforeach n {1 2} {\nincr sum $n\n}\nset sum").expect(0).stdout, "0\n3");
}

#[test]
fn braces_in_quotes_and_in_commands_of_ocd_swallow_no_lines() {
    let bench = Bench::new();
    std::fs::copy(ELF, bench.folder().join("a{b.elf")).unwrap();
    let lines = "ocd symbols 'a{b.elf' counter\nset a \"{\"\nset b \"one\ntwo\"\nlindex {\n7 }\nocd status\nexpr 6*7\n";
    let ran = piped(&bench, &["--json"], lines).expect(0);
    let answers = ran.lines();
    let commands: Vec<_> = answers.iter().map(|answer| answer["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["symbols", "repl", "repl", "repl", "status", "repl"], "{ran:?}");
    assert_eq!(answers[2]["result"]["result"], "one\ntwo");
    assert_eq!(answers[5]["result"]["result"], "42");
}

#[test]
fn line_that_ends_in_a_backslash_goes_on_also_as_a_comment() {
    let bench = Bench::new();
    let halt = "reset halt\n";
    let script = "# comment \\\nresume\n  # two \\\n\\\nresume\necho [stm32f1x.cpu curstate]\n";
    bench.file("script.tcl", [halt, script].concat());
    for ran in [
        piped(&bench, &[], &[halt, script].concat()),
        bench.ocd(&["repl", "-c", halt, "-c", script]),
        bench.ocd(&["repl", "-c", "source script.tcl"]),
    ] {
        assert!(ran.status == 0 && ran.stderr.ends_with("\nhalted\n"), "{ran:#?}");
        assert_eq!(bench.chip.state(), CoreState::Halted);
    }
    // Two backslashes are one, and a command of this program may go on too.
    let ran = piped(&bench, &[], "# one \\\\\nexpr 6*7\nocd cmd \\\n  'expr 7*7'\nexpr 8*8\n").expect(0);
    assert_eq!(ran.stdout, "42\n49\n64");
    piped(&bench, &[], "exit\n# a comment \\\nof two lines\n").expect(0);
}

#[test]
fn lines_may_be_arguments() {
    let bench = Bench::new();
    let ran = bench.ocd(&["repl", "-c", "halt", "-c", "ocd status", "-c", "expr 1"]).expect(0);
    assert!(ran.stdout.starts_with("stm32f1x.cpu is halted") && ran.stdout.ends_with("\n1\n"), "{ran:?}");
    bench.ocd(&["repl", "-c", "error a", "-c", "expr 1"]).expect(70);
}

#[test]
fn commands_of_ocd_use_the_same_openocd_and_settings() {
    let bench = Bench::new();
    let lines = "set mine 5\nocd cmd 'set mine'\nocd halt\nocd nonsense\nocd repl\nocd --json status\nocd config\n";
    let ran = piped(&bench, &["--elf", ELF], lines).expect(64);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[..2], ["5", "5"], "{ran:?}");
    assert!(lines[2].contains("is halted"), "{ran:?}");
    assert!(lines[3].starts_with("{\"ocd\":1,\"command\":\"status\""), "{ran:?}");
    assert!(ran.stdout.contains("counter.elf"), "{ran:?}");
    assert!(ran.stderr.contains("unrecognized subcommand") && ran.stderr.contains("this is a repl already"), "{ran:?}");
    assert!(piped(&bench, &[], "ocd 'a\n").expect(64).stderr.contains("a quote is not closed"));
}

#[test]
fn results_are_json_one_line_each() {
    let bench = Bench::new();
    let ran = piped(&bench, &["--json"], "expr 1\nocd status\nerror a\n").expect(70);
    let lines = ran.lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["result"]["result"], "1");
    assert_eq!((&lines[1]["command"], &lines[1]["result"]["state"]), (&"status".into(), &"running".into()));
    assert_eq!(lines[2]["type"], "error");
}

#[test]
fn shutdown_ends_the_repl() {
    let ran = piped(&Bench::new(), &[], "expr 1\nshutdown\n").expect(0);
    assert_eq!(ran.stdout, "1");
}

#[test]
fn last_line_of_json_is_there_whatever_the_script_has() {
    let bench = Bench::new();
    let results = |lines: &str| piped(&bench, &["--json"], lines).expect(0).lines();
    let lines = results("expr 1\nshutdown\n");
    assert_eq!((lines.len(), &lines[1]["result"]["line"]), (2, &"shutdown".into()), "{lines:?}");
    for script in ["", "# nothing\n", "exit\n"] {
        let lines = results(script);
        assert_eq!((lines.len(), &lines[0]["type"]), (1, &"result".into()), "{script:?}: {lines:?}");
    }
    assert_eq!(results("ocd status\n").len(), 1);
}

#[test]
fn gdb_finds_the_openocd_of_the_repl() {
    let bench = Bench::new();
    let lines = ["repl", "-c", "halt", "-c", "ocd gdb -- -batch -nx -ex 'p/x *(int*)0xe000ed00'", "-c", "expr 6*7"];
    let ran = bench.ocd(&lines).expect(0);
    assert!(ran.stdout.contains("= 0x411fc231") && ran.stdout.ends_with("42\n"), "{ran:#?}");
}

#[test]
fn on_exit_is_for_the_end_of_the_repl() {
    let bench = Bench::new();
    let lines = ["repl", "-c", "ocd halt", "-c", "ocd step", "-c", "ocd status"];
    let check = |ran: Ran| {
        let ran = ran.expect(0);
        assert!(ran.stdout.lines().all(|line| line.contains("is halted")), "{ran:#?}");
        assert_eq!(bench.chip.state(), CoreState::Running);
    };
    check(bench.ocd(&[&["--on-exit", "resume"], &lines[..]].concat()));
    check(Ran::of(bench.board_command(&lines).env("OCD_ON_EXIT", "resume")));
    bench.file("ocd.toml", "on-exit = \"resume\"\n");
    check(bench.ocd(&lines));
    // A line may have its own.
    let ran = bench.ocd(&["repl", "-c", "ocd halt", "-c", "ocd step --on-exit resume", "-c", "ocd status"]).expect(0);
    assert!(ran.stdout.contains("is running"), "{ran:#?}");
}

#[test]
fn ctrl_c_ends_a_repl_that_waits_for_a_pipe() {
    let bench = Bench::new();
    let mut running = Running::start(&mut bench.board_command(&["repl"]));
    running.write("expr 1\n");
    running.line_with("1");
    running.signal("INT");
    let mut is_over = || !running.is_running();
    crate::running::eventually("the end", &mut is_over);
    running.end().expect(130);
}

#[test]
fn lines_after_the_end_are_told() {
    let bench = Bench::new();
    let ran = bench.ocd(&["repl", "-c", "shutdown", "-c", "ocd halt", "-c", "nosuch"]).expect(70);
    assert!(ran.stderr.contains("error: lines after `shutdown` were not run"), "{ran:?}");
    let ran = piped(&bench, &[], "expr 1\nexit\n# a comment\nexpr 2\n").expect(70);
    assert_eq!(ran.stdout, "1");
    assert!(ran.stderr.contains("error: lines after `exit` were not run"), "{ran:?}");
}

#[test]
fn shutdown_without_an_answer_is_a_failure() {
    let bench = Bench::new();
    let mut running = Running::start(&mut bench.board_command(&["repl", "--timeout", "2s"]));
    running.write("expr 1\n");
    running.line_with("1");
    let openocd = running.openocd().to_string();
    let send = |signal: &str| {
        assert!(std::process::Command::new("kill").args([signal, openocd.as_str()]).status().unwrap().success());
    };
    send("-STOP");
    running.write("shutdown\n");
    let ran = running.end().expect(76);
    assert!(ran.stderr.contains("error: "), "{ran:?}");
}

#[test]
fn block_is_not_run_in_part_if_openocd_cannot_say_where_it_ends() {
    let bench = Bench::new();
    let session = openocd::Session::start(bench.config()).unwrap();
    session.target().halt().unwrap();
    let address = session.process().unwrap().tcl_address();
    let busy = openocd::Session::connect(address).unwrap();
    let address = format!("localhost:{}", address.port());
    let mut running = Running::start(&mut bench.command(&["repl", "--connect", &address, "--timeout", "2s"]));
    running.write("expr 1\n");
    running.line_with("1");
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| busy.command("sleep 4000 busy").unwrap());
        std::thread::sleep(std::time::Duration::from_millis(500));
        running.write("if {0} {\nresume\n}\necho done\n");
        running.close_stdin();
        running.end()
    });
    let ran = ran.expect(76);
    let told = "error: cannot tell where the command ends, and nothing of it was run";
    assert!(ran.stderr.starts_with(told), "{ran:#?}");
    assert_eq!(session.target().status().unwrap().state, openocd::TargetState::Halted);
}

#[test]
fn argument_may_have_several_lines() {
    let bench = Bench::new();
    let ran = bench.ocd(&["repl", "-c", "ocd halt\nexpr 6*7\n\nlindex {\n7 } 0\nocd status", "-c", "expr 1"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines.len() == 5 && lines[3].contains("is halted"), "{ran:#?}");
    assert_eq!([lines[1], lines[2], lines[4]], ["42", "7", "1"]);
    let ran = bench.ocd(&["repl", "-c", "exit\nexpr 1"]).expect(70);
    assert!(ran.stderr.contains("lines after `exit` were not run"), "{ran:#?}");
}

#[test]
fn command_of_a_repl_prints_as_the_repl_does() {
    let bench = Bench::new();
    bench.file("app.bin", crate::flash::noise(44, 4000));
    let flash = ["repl", "-c", "ocd flash app.bin@0x08004000"];
    let ran = bench.ocd(&[&["--progress", "none", "--json"], &flash[..]].concat()).expect(0);
    assert!(ran.lines().iter().all(|line| line["type"] != "progress"), "{ran:#?}");
    assert_eq!(bench.ocd(&[&["--progress", "none"], &flash[..]].concat()).expect(0).stderr, "");
    // Also after a line that has another one.
    let lines = ["repl", "-c", "ocd step --color never", "-c", "ocd step"];
    let ran = bench.ocd(&[&["--color", "always"], &lines[..]].concat()).expect(73);
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("\x1b[1m\x1b[31merror"), "{ran:#?}");
}

#[test]
fn commands_that_read_standard_input_leave_the_script_alone() {
    let bench = Bench::new();
    let prints = crate::run::firmware("prints");
    bench.chip.load_elf(&std::fs::read(&prints).unwrap());
    bench.file("gdb", "#!/bin/sh\ncat >swallowed\n");
    assert!(std::process::Command::new("chmod").arg("+x").arg(bench.folder().join("gdb")).status().unwrap().success());
    let free = std::net::TcpListener::bind("localhost:0").unwrap().local_addr().unwrap().port();
    let config = bench.config() + &format!(" -c 'stm32f1x.cpu configure -gdb-port {free}'");
    let mut command = bench.command(&["repl"]);
    let mut running = Running::start(command.env("OCD_CONFIG", config).env("GDB", bench.folder().join("gdb")));
    running.write(&format!("ocd run {prints} --input -\nexpr 1*7\n"));
    assert_eq!(running.line(), "7");
    // The firmware finds the end of its input.
    running.write("reset\nsleep 300\nocd semihosting --timeout 20s\nexpr 2*7\nocd gdb\nexpr 3*7\n");
    running.line_with("14");
    running.line_with("21");
    let ran = running.end().expect(64);
    let told = "error: standard input has the lines of the repl, and cannot be the firmware's input";
    assert!(ran.stderr.contains(told), "{ran:#?}");
    assert!(ran.stderr.contains("the firmware exited with status 0"), "{ran:#?}");
    assert_eq!(std::fs::read(bench.folder().join("swallowed")).unwrap(), b"");
}

#[test]
fn typed_options_take_the_place_of_those_of_the_repl() {
    let bench = Bench::new();
    let config = bench.config();
    bench.file(
        "ocd.toml",
        format!("[boards.a]\nconfig = {config:?}\n[boards.b]\nconfig = {config:?}\nserial = \"b\"\n"),
    );
    let repl =
        |line: &str| bench.ocd_alone(&["--board", "a", "--timeout", "20", "--elf", "absent", "repl", "-c", line]);
    let ran = repl(&format!("ocd --timeout 10 --elf {ELF} mem read greeting 4")).expect(0);
    assert!(ran.stdout.starts_with("20000000  "), "{ran:?}");
    repl("ocd --board a status").expect(0);
    let openocd = std::env::var("OPENOCD").unwrap_or_else(|_| "openocd".to_owned());
    let ran = bench.ocd_alone(&["--board", "a", "--openocd", &openocd, "repl", "-c", "ocd status"]).expect(0);
    assert_eq!(ran.stderr, "", "nothing is told of an option that was for the start");
    for other in ["--board b", "--all-boards", "--board a,b", "--connect localhost:1", "--config x"] {
        let ran = repl(&format!("ocd {other} status")).expect(64);
        let option = other.split(' ').next().unwrap();
        let told = format!("error: the lines of a repl use its own board, and {option} would mean another one\n");
        assert!(ran.stderr.starts_with(&told), "{ran:?}");
    }
}

#[test]
fn backslash_before_an_empty_line_ends_the_command() {
    let bench = Bench::new();
    let ran = piped(&bench, &[], "expr 1 \\\n\nexpr 6*7\n").expect(0);
    assert_eq!(ran.stdout, "1\n42");
}
