//! Where a board comes from.

use crate::bench::{Bench, Ran};

#[test]
fn without_a_board_the_error_says_how_to_describe_one() {
    let ran = Bench::new().ocd_alone(&["status"]).expect(71);
    assert!(ran.stderr.contains("--config") && ran.stderr.contains("--connect"), "{ran:?}");
}

#[test]
fn options_beat_the_environment_the_users_file_and_the_projects() {
    let bench = Bench::new();
    bench.file("ocd.toml", "speed = 1\nserial = \"1\"\ntransport = \"jtag\"\ntarget = \"a\"\n");
    bench.file("user/ocd/ocd.toml", "speed = 2\nserial = \"2\"\ntransport = \"swd\"\n");
    let mut command = bench.command(&["config", "--json", "--speed", "4"]);
    let settings = &Ran::of(command.env("OCD_SPEED", "3").env("OCD_SERIAL", "3")).expect(0).result()["settings"];
    let value = |name: &str| settings[name]["value"].as_str().unwrap().to_owned();
    assert_eq!([value("speed"), value("serial"), value("transport"), value("target")], ["4", "3", "swd", "a"]);
    assert_eq!(settings["speed"]["origin"], "option");
    assert_eq!(settings["serial"]["origin"], "environment variable OCD_SERIAL");
    let origin = settings["transport"]["origin"].as_str().unwrap();
    assert!(origin.ends_with("user/ocd/ocd.toml, line 3"), "{origin}");
}

#[test]
fn address_that_is_none_is_told_with_its_origin_and_an_unknown_host_is_waited_for() {
    let bench = Bench::new();
    for address in ["17661", "localhost", "localhost:", ":6666", "localhost:66666", "localhost:x"] {
        let ran = bench.ocd_alone(&["status", "--connect", address]).expect(64);
        assert!(ran.stderr.starts_with("error: --connect: "), "{ran:?}");
        Ran::of(bench.command(&["status"]).env("OCD_CONNECT", address)).expect(71);
    }
    bench.file("ocd.toml", "connect = \"17661\"\n");
    let ran = bench.ocd_alone(&["status"]).expect(71);
    assert!(ran.stderr.contains("connect") && ran.stderr.contains("ocd.toml, line 1"), "{ran:?}");
    // The name may be known later.
    let begin = std::time::Instant::now();
    let arguments = ["status", "--connect", "nowhere.invalid:6666", "--wait", "2s", "--json"];
    assert_eq!(bench.ocd_alone(&arguments).expect(76).error()["id"], "connection.resolve");
    assert!(begin.elapsed() >= std::time::Duration::from_secs(2));
}

#[test]
fn an_unknown_key_is_an_error_with_its_line() {
    let bench = Bench::new();
    bench.file("ocd.toml", "speed = 1\n\n[boards.left]\nserail = \"1\"\n");
    let error = bench.ocd_alone(&["config", "--json"]).expect(71).error();
    assert!(error["causes"][0].as_str().unwrap().starts_with("line 4: unknown key \"serail\""), "{error}");
}

#[test]
fn the_projects_file_is_found_from_a_folder_below() {
    let bench = Bench::new();
    bench.file("ocd.toml", format!("config = {:?}\n", bench.config()));
    bench.file("src/deep/x", "");
    let mut command = bench.command(&["status"]);
    Ran::of(command.current_dir(bench.folder().join("src/deep"))).expect(0);
}

#[test]
fn an_openocd_cfg_in_the_folder_is_found() {
    let bench = Bench::new();
    let words = bench.chip.openocd_args();
    // The chip's arguments are pairs of `-f FILE` and `-c COMMAND`.
    let script = words.chunks(2).map(|pair| match pair[0].as_str() {
        "-f" => format!("source [find {}]\n", pair[1]),
        _ => format!("{}\n", pair[1]),
    });
    bench.file("openocd.cfg", script.collect::<String>());
    bench.ocd_alone(&["status"]).expect(0);
    // It is the weakest of all settings: the boards of a file come first.
    bench.file("ocd.toml", "[boards.left]\nconnect = \"localhost:1\"\n");
    bench.ocd_alone(&["status"]).expect(76);
    bench.file("ocd.toml", "[boards.left]\nconnect = \"localhost:1\"\n[boards.right]\nserial = \"1\"\n");
    bench.ocd_alone(&["status"]).expect(64);
    let ran = bench.ocd_alone(&["config"]).expect(0);
    assert!(ran.stdout.starts_with("left"), "{ran:?}");
    // A board without a way of its own, and no board at all.
    for file in ["[boards.left]\ntimeout = \"20\"\n", "timeout = \"20\"\n"] {
        bench.file("ocd.toml", file);
        bench.ocd_alone(&["status"]).expect(0);
    }
}

#[test]
fn empty_variables_are_as_good_as_none() {
    let bench = Bench::new();
    let mut command = bench.command(&["config", "--json"]);
    for name in ["PROGRESS", "LOG_FILE", "CONFIG", "CONNECT", "TIMEOUT", "BOARD", "EXPECT", "STREAM_PORTS"] {
        command.env(format!("OCD_{name}"), "");
    }
    Ran::of(&mut command).expect(0);
    let ran = Ran::of(bench.command(&["config"]).envs([("OCD_PROGRESS", "nonsense"), ("OCD_BOARD", "a")])).expect(64);
    assert!(ran.stderr.contains("tip: the value is that of OCD_PROGRESS"), "{ran:?}");
}

#[test]
fn several_boards_without_a_choice_are_listed() {
    let bench = Bench::new();
    bench.file("ocd.toml", "[boards.left]\nconfig = \"a\"\n[boards.right]\nconfig = \"b\"\n");
    let ran = bench.ocd_alone(&["status"]).expect(64);
    assert!(ran.stderr.contains("--board left or --board right"), "{ran:?}");
    let ran = bench.ocd_alone(&["status", "--board", "middle"]).expect(71);
    assert!(ran.stderr.contains("the boards are left, right"), "{ran:?}");
}

#[test]
fn boards_are_used_side_by_side_and_the_worst_status_counts() {
    let bench = Bench::new();
    let config = bench.config();
    bench.file("ocd.toml", format!("[boards.good]\nconfig = {config:?}\n[boards.gone]\nconnect = \"localhost:1\"\n"));
    let ran = bench.ocd_alone(&["status", "--all-boards"]).expect(76);
    assert_eq!(ran.stdout, "good: stm32f1x.cpu is running\n");
    assert!(ran.stderr.starts_with("gone: error: cannot reach OpenOCD at localhost:1"), "{ran:?}");
}

#[test]
fn two_ways_to_an_openocd_exclude_each_other_and_the_stronger_origin_wins() {
    let bench = Bench::new();
    let ran = bench.ocd_alone(&["status", "--connect", "localhost:1", "--config", "x"]).expect(64);
    assert!(ran.stderr.contains("--connect and --config exclude each other"), "{ran:?}");
    bench.file("ocd.toml", "connect = \"localhost:1\"\n");
    bench.ocd(&["status"]).expect(0);
}

#[test]
fn boards_own_way_to_an_openocd_overrides_that_of_the_top_of_its_file() {
    let bench = Bench::new();
    let ways = [("connect", "\"a:1\"", "a:1"), ("config", "\"-f b.cfg\"", "-f b.cfg"), ("virtual", "true", "true")];
    for (top, value, _) in ways {
        for (own, own_value, shown) in ways {
            bench.file("ocd.toml", format!("{top} = {value}\n[boards.left]\n{own} = {own_value}\n"));
            let settings = bench.ocd_alone(&["config", "--board", "left", "--json"]).expect(0).result();
            let settings = settings["settings"].as_object().unwrap();
            assert_eq!(settings.keys().collect::<Vec<_>>(), [own], "{top} and {own}");
            assert_eq!(settings[own]["value"], shown);
        }
    }
    let of_left = |text: &str| {
        bench.file("ocd.toml", text);
        bench.ocd_alone(&["config", "--board", "left", "--json"])
    };
    // No virtual chip is no way to an OpenOCD.
    let settings = of_left("config = \"-f b.cfg\"\n[boards.left]\nvirtual = false\n").expect(0).result();
    assert_eq!(settings["settings"]["config"]["value"], "-f b.cfg", "{settings}");
    let error = of_left("[boards.left]\nconfig = \"x\"\nvirtual = true\n").expect(71).error();
    assert!(error["message"].as_str().unwrap().ends_with("line 3) exclude each other"), "{error}");
    // The user's file is stronger, as with all other settings.
    bench.file("user/ocd/ocd.toml", "connect = \"a:1\"\n");
    let settings = of_left("[boards.left]\nvirtual = true\n").expect(0).result();
    assert_eq!(settings["settings"]["connect"]["value"], "a:1", "{settings}");
}

#[test]
fn virtual_chip_that_is_not_wanted_is_not_driven() {
    let bench = Bench::new();
    bench.file("ocd.toml", "virtual = false\n");
    let ran = bench.ocd_alone(&["status"]).expect(71);
    assert!(ran.stderr.contains("nothing says which board is meant"), "{ran:?}");
    bench.file("ocd.toml", "virtual = false\nconnect = \"localhost:1\"\n");
    bench.ocd_alone(&["status"]).expect(76);
    for value in ["\"no\"", "0", "\"\""] {
        bench.file("ocd.toml", format!("virtual = {value}\n"));
        let ran = bench.ocd_alone(&["status"]).expect(71);
        assert!(ran.stderr.contains("line 1: virtual must be true or false"), "{ran:?}");
    }
    // The user's file is stronger than the project's.
    bench.file("ocd.toml", "virtual = true\n");
    bench.file("user/ocd/ocd.toml", "virtual = false\n");
    bench.ocd_alone(&["status"]).expect(71);
}

#[test]
fn empty_environment_variables_are_not_set() {
    let bench = Bench::new();
    let mut command = bench.board_command(&["status"]);
    for name in ["OCD_CONNECT", "OCD_TARGET", "OCD_TIMEOUT", "OCD_BOARD", "OCD_ON_EXIT", "OCD_SPEED"] {
        command.env(name, "");
    }
    Ran::of(&mut command).expect(0);
}

#[test]
#[cfg(unix)]
fn file_of_settings_that_is_no_file_is_an_error_that_names_it() {
    let bench = Bench::new();
    for name in ["ocd.toml", "user/ocd/ocd.toml", "openocd.cfg"] {
        let path = bench.folder().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let check = |kind: &str| {
            let ran = bench.ocd_alone(&["status"]).expect(71);
            let text = ran.stderr.replace("is a folder", "is no regular file");
            assert!(ran.stderr.contains(name) && text.contains(kind), "{name}: {ran:#?}");
        };
        std::fs::create_dir(&path).unwrap();
        check("is no regular file");
        std::fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        check("is a link that leads nowhere");
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        check("is no regular file");
        std::fs::remove_file(&path).unwrap();
    }
    // A link to a file is as good as the file.
    bench.file("shared.toml", "speed = 7\n");
    std::os::unix::fs::symlink("shared.toml", bench.folder().join("ocd.toml")).unwrap();
    let settings = bench.ocd_alone(&["config", "--json"]).expect(0).result();
    assert_eq!(settings["settings"]["speed"]["value"], "7", "{settings}");
}

#[test]
fn settings_are_named_as_they_were_typed() {
    let bench = Bench::new();
    let first = |ran: Ran| ran.stderr.lines().next().unwrap_or_default().to_owned();
    let wrong = "\"soon\" is not a time, such as 10, 0.5, 500ms, 10s or 2m";
    let option = bench.ocd(&["status", "--timeout", "soon"]).expect(64);
    assert_eq!(first(option), format!("error: --timeout: {wrong}"));
    let variable = Ran::of(bench.board_command(&["status"]).env("OCD_TIMEOUT", "soon")).expect(71);
    assert_eq!(first(variable), format!("error: OCD_TIMEOUT: {wrong}"));
    bench.file("ocd.toml", "timeout = \"soon\"\n");
    let file = bench.ocd(&["status"]).expect(71);
    assert!(first(file).starts_with("error: timeout (") && bench.ocd(&["status"]).stderr.contains("ocd.toml, line 1)"));
    bench.file("ocd.toml", "");
    let both = bench.ocd_alone(&["status", "--connect", "localhost:1", "--virtual"]).expect(64);
    assert_eq!(first(both), "error: --connect and --virtual exclude each other");
}

#[test]
fn config_shows_all_boards_if_none_is_chosen() {
    let bench = Bench::new();
    bench.file("ocd.toml", "[boards.one]\nconnect = \"a:1\"\n[boards.two]\nconnect = \"b:2\"\n");
    let ran = bench.ocd_alone(&["config"]).expect(0);
    let has = |board: &str, value: &str| ran.stdout.lines().any(|line| line.starts_with(board) && line.contains(value));
    assert!(has("one: ", "a:1") && has("two: ", "b:2"), "{ran:#?}");
    let lines = bench.ocd_alone(&["config", "--json"]).expect(0).lines();
    assert_eq!((&lines[0]["board"], &lines[1]["board"]), (&"one".into(), &"two".into()));
    let ran = bench.ocd_alone(&["config", "--board", "two"]).expect(0);
    assert!(!ran.stdout.contains("a:1"), "{ran:#?}");
    // Commands on a board must know which.
    bench.ocd_alone(&["status"]).expect(64);
}

#[test]
fn config_shows_all_boards_besides_the_one_without_a_name() {
    let bench = Bench::new();
    let file = "config = \"-f top.cfg\"\nspeed = 1\n[boards.left]\nspeed = 2\n[boards.right]\nconnect = \"b:2\"\n";
    bench.file("ocd.toml", file);
    let lines = bench.ocd_alone(&["config", "--json"]).expect(0).lines();
    let value = |index: usize, key: &str| lines[index]["result"]["settings"][key]["value"].clone();
    // First what holds for a command without --board.
    assert!(lines[0].get("board").is_none(), "{lines:#?}");
    assert_eq!((value(0, "config"), value(0, "speed")), ("-f top.cfg".into(), "1".into()));
    assert_eq!(
        (&lines[1]["board"], value(1, "config"), value(1, "speed")),
        (&"left".into(), "-f top.cfg".into(), "2".into())
    );
    assert_eq!(
        (&lines[2]["board"], value(2, "connect"), value(2, "speed")),
        (&"right".into(), "b:2".into(), "1".into())
    );
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let ran = bench.ocd_alone(&["config"]).expect(0);
    let has = |begin: &str, value: &str| ran.stdout.lines().any(|line| line.starts_with(begin) && line.contains(value));
    assert!(has("config ", "-f top.cfg") && has("left: speed ", "2") && has("right: connect ", "b:2"), "{ran:#?}");
    // One board that only adds to the top.
    bench.file("ocd.toml", "config = \"-f top.cfg\"\n[boards.left]\nspeed = 2\n");
    let ran = bench.ocd_alone(&["config"]).expect(0);
    assert!(ran.stdout.contains("\nleft: speed "), "{ran:#?}");
}

#[test]
fn settings_of_a_start_are_noted_with_a_connection() {
    let bench = Bench::new();
    let session = bench.session();
    let ran = bench.ocd_on(&session, &["status", "--speed", "100", "--transport", "swd"]).expect(0);
    for option in ["--speed", "--transport"] {
        assert!(ran.stderr.contains(&format!("{option} is for an OpenOCD that ocd starts")), "{ran:?}");
    }
}

#[test]
fn values_of_a_wrong_kind_are_told_with_their_line() {
    let bench = Bench::new();
    for (line, wanted) in [
        ("config = 5", "config must be a string"),
        ("connect = 6666", "connect must be a string"),
        ("openocd = true", "openocd must be a string"),
        ("target = 0", "target must be a string"),
        ("transport = false", "transport must be a string"),
        ("usb-location = 1.2", "usb-location must be a string"),
        ("on-exit = 1", "on-exit must be a string"),
        ("svd = 3", "svd must be a string"),
        ("elf = [\"a\"]", "elf must be a string"),
        ("speed = 1.5", "speed must be a whole number"),
        ("speed = true", "speed must be a whole number"),
        ("serial = 1.0", "serial must be a string or a whole number"),
        ("expect = 1.0", "expect must be a string or a whole number"),
        ("stream-ports = 1.5", "stream-ports must be a string or a whole number"),
        ("timeout = true", "timeout must be a string or a number"),
        ("wait = 1979-05-27", "wait must be a string or a number"),
        ("virtual = \"yes\"", "virtual must be true or false"),
    ] {
        bench.file("ocd.toml", format!("\n[boards.left]\n{line}\n"));
        let error = bench.ocd_alone(&["config", "--json"]).expect(71).error();
        assert_eq!(error["causes"][0], format!("line 3: {wanted}"), "{line}: {error}");
    }
}

#[test]
fn config_shows_the_other_boards_if_the_settings_of_one_are_contradictory() {
    let bench = Bench::new();
    let file =
        "[boards.a]\nconnect = \"a:1\"\n[boards.b]\nconnect = \"b:1\"\nvirtual = true\n[boards.c]\nconnect = \"c:1\"\n";
    bench.file("ocd.toml", file);
    let ran = bench.ocd_alone(&["config"]).expect(71);
    for board in ["a", "c"] {
        assert!(ran.stdout.contains(&format!("{board}: connect  {board}:1")), "{ran:#?}");
    }
    assert!(ran.stderr.starts_with("b: error: ") && ran.stderr.contains("exclude each other"), "{ran:#?}");
    let ran = bench.ocd_alone(&["config", "--json"]).expect(71);
    let lines = ran.lines();
    let kinds: Vec<_> = lines.iter().map(|line| (&line["board"], &line["type"], &line["status"])).collect();
    let [a, b, c] = ["a", "b", "c"].map(Into::into);
    let [result, error] = ["result", "error"].map(Into::into);
    assert_eq!(kinds, [(&a, &result, &0.into()), (&b, &error, &71.into()), (&c, &result, &0.into())]);
    // One that is chosen is all that counts.
    bench.ocd_alone(&["config", "--board", "c"]).expect(0);
    bench.ocd_alone(&["config", "--board", "b"]).expect(71);
    // A contradiction at the top concerns each board without a way of its own.
    bench.file("ocd.toml", "connect = \"a:1\"\nvirtual = true\n[boards.b]\nconnect = \"b:1\"\n");
    let ran = bench.ocd_alone(&["config"]).expect(71);
    assert!(ran.stdout.contains("b: connect  b:1") && ran.stderr.starts_with("error: "), "{ran:#?}");
}

#[test]
fn config_checks_words_and_numbers_as_other_commands_do() {
    let bench = Bench::new();
    for (line, wanted) in [
        ("speed = \"fast\"", "speed ("),
        ("on-exit = \"stop\"", "on-exit ("),
        ("timeout = \"soon\"", "timeout ("),
        ("wait = -1", "wait ("),
        ("expect = \"arm\"", "expect ("),
        ("stream-ports = \"9000-\"", "stream-ports ("),
    ] {
        bench.file("ocd.toml", format!("connect = \"a:1\"\n{line}\n"));
        for command in ["config", "status"] {
            let error = bench.ocd_alone(&[command, "--json"]).expect(71).error();
            let message = error["message"].as_str().unwrap();
            assert!(message.starts_with(wanted) && message.contains("ocd.toml, line 2): "), "{line}: {error}");
        }
    }
}
