//! Names of files and directories are names, whatever characters they hold.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use openocd::{OpenOcdBuilder, OpenOcdProcess, Session};

use crate::board::dummy;
use crate::directory::Directory;

/// Names that a shell, Tcl or getopt could misread. All can be names of files.
fn names(canary: &str) -> Vec<OsString> {
    let mut names: Vec<OsString> = [
        "a{b", "a}b", "a\\", "a\\\\b", "[exit]", "a]b", "$x", "${x}", "\"", "a\"b", "a;b", "#a", "a b", " a ", "a\nb",
        "a\tb", "é", "-x", "-c", "--help", "{}", "}{", "a'b", "*?", "~", "a\x1b[2J", "\\x41", "a,b=c",
    ]
    .map(OsString::from)
    .into();
    names.push(format!("a}} ; exec touch {canary} ; list {{").into());
    names.push(format!("a}}\nexec touch {canary}\nlist {{").into());
    names.push(format!("[exec touch {canary}]").into());
    names.push(format!("a\" ; exec touch {canary} ; list \"").into());
    names.push(OsStr::from_bytes(b"not \xff text\xc3").to_owned());
    names
}

fn value(openocd: OpenOcdBuilder, variable: &str) -> String {
    let session = Session::builder().start(openocd.command("noinit")).unwrap_or_else(|error| panic!("{error}"));
    session.command(&format!("set {variable}")).unwrap()
}

#[test]
fn every_file_and_directory_is_found_and_none_is_executed() {
    let directory = Directory::new();
    // In OpenOCD's working directory, for the names are relative: they cannot hold a slash.
    let canary = format!("canary-{}", std::process::id());
    for (n, name) in names(&canary).iter().enumerate() {
        let script = format!("set seen {n}");
        // By its name in a search directory, with an argument of its own and in one word, and by
        // its path.
        std::fs::write(directory.path().join(name), &script).unwrap();
        let path = directory.path().join(name);
        let openocd = || dummy().search_dir(directory.path());
        assert_eq!(value(openocd().config_file(name), "seen"), n.to_string(), "{name:?}");
        assert_eq!(value(dummy().config_file(&path), "seen"), n.to_string(), "{path:?}");
        assert_eq!(value(openocd().arg("-f").arg(name), "seen"), n.to_string(), "{name:?}");
        let mut word = OsString::from("--file=");
        word.push(name);
        assert_eq!(value(openocd().arg(word), "seen"), n.to_string(), "{name:?}");
        if let (Some(path), Some(name)) = (path.to_str(), name.to_str()) {
            assert_eq!(value(dummy().config(path), "seen"), n.to_string(), "{path:?}");
            // Inside double quotes a backslash escapes a double quote or a backslash.
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            let config = format!("-c 'set before 1' -f \"{quoted}\"");
            assert_eq!(value(openocd().config(config), "seen"), n.to_string(), "{name:?}");
        }
        std::fs::remove_file(&path).unwrap();
        // And the same name as a directory.
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("inside.cfg"), &script).unwrap();
        assert_eq!(value(dummy().search_dir(&path).config_file("inside.cfg"), "seen"), n.to_string(), "{path:?}");
        std::fs::remove_dir_all(&path).unwrap();
        assert!(!std::path::Path::new(&canary).exists(), "{name:?} was executed");
    }
}

#[test]
fn missing_file_is_named_and_not_executed() {
    let directory = Directory::new();
    let canary = directory.path().join("canary");
    let name = format!("/dev/null}} ; exec touch {} ; list {{", canary.to_str().unwrap().replace(' ', "\\ "));
    for openocd in [
        OpenOcdProcess::builder().config_file(&name),
        OpenOcdProcess::builder().config(format!("-f \"{name}\"")),
        dummy().arg("-f").arg(&name),
        dummy().arg(format!("-f{name}")),
    ] {
        let text = openocd.spawn().unwrap_err().to_string();
        assert!(text.contains(&format!("Can't find {name}")), "{text}");
        assert!(!canary.exists());
    }
}

#[test]
fn command_line_shows_what_was_asked_for() {
    let directory = Directory::new();
    std::fs::write(directory.path().join("a}b.cfg"), "").unwrap();
    let process = dummy().search_dir("/dir").arg("-d0").config_file(directory.path().join("a}b.cfg")).command("noinit");
    let process = process.spawn().unwrap();
    let line = process.command_line();
    let name = directory.path().join("a}b.cfg");
    assert!(line.ends_with(&format!("-f '{}' -c noinit", name.display())), "{line}");
    assert!(line.contains(" -d0 -s /dir -c 'adapter driver dummy' "), "{line}");
    assert!(!line.contains("_openocd_rs"), "{line}");
}
