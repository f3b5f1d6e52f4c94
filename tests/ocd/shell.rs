//! `completions` and `man`.

use crate::bench::{Bench, Ran};

#[test]
fn completions_are_made_for_each_shell() {
    let bench = Bench::new();
    // Also where the settings are wrong.
    bench.file("ocd.toml", "nonsense = 1\n");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = bench.ocd_alone(&["completions", shell]).expect(0);
        assert!(ran.stdout.contains("wait-halt") && ran.stdout.contains("--connect"), "{shell}");
        assert_eq!(ran.stderr, "");
    }
    let text = bench.ocd_alone(&["completions", "bash", "--json"]).expect(0).result()["text"].clone();
    assert!(text.as_str().unwrap().starts_with("_ocd() {"));
    bench.ocd_alone(&["completions", "tcsh"]).expect(64);
    let mut bash = std::process::Command::new("bash");
    let script = format!(
        "source <({} completions bash); COMP_WORDS=(ocd wait); COMP_CWORD=1; _ocd ocd wait ocd; echo ${{COMPREPLY[0]}}",
        env!("CARGO_BIN_EXE_ocd")
    );
    assert_eq!(Ran::of(bash.args(["-c", &script])).expect(0).stdout, "wait-halt\n");
}

#[test]
fn manual_pages_are_made_for_each_command() {
    let bench = Bench::new();
    let page = bench.ocd_alone(&["man"]).expect(0).stdout;
    assert!(page.contains(".TH ocd 1") && page.contains("Exit status"), "{page}");
    let ran = bench.ocd_alone(&["man", "pages"]).expect(0);
    assert!(ran.stdout.contains("pages/ocd-wait-halt.1\n"), "{ran:?}");
    let page = std::fs::read_to_string(bench.folder().join("pages/ocd-wait-halt.1")).unwrap();
    assert!(page.contains("Wait until the target halts"), "{page}");
    // Pages of another program, and all of this one.
    bench.file("pages/ocdx.1", "");
    let pages = bench.ocd_alone(&["man", "pages", "--json"]).expect(0).result()["pages"].as_array().unwrap().len();
    assert_eq!(pages + 1, std::fs::read_dir(bench.folder().join("pages")).unwrap().count());
    bench.file("taken", "");
    bench.ocd_alone(&["man", "taken/pages"]).expect(71);
}

const GUIDE: &str = include_str!("../../src/guide/ocd.md");

/// The cells of the first two columns of the table with this header.
fn table(header: &str) -> Vec<(String, String)> {
    let lines = GUIDE.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let mut cells = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        (cells.next().unwrap(), cells.next().unwrap())
    };
    rows.map(cells).collect()
}

#[test]
fn guide_has_the_statuses_of_the_help() {
    let help = Bench::new().ocd_alone(&["--help"]).expect(0).stdout;
    let statuses = help.lines().skip_while(|line| *line != "Exit status:").skip(1);
    let statuses = statuses.map_while(|line| {
        let (number, text) = line.trim().split_once("  ")?;
        number.parse::<u8>().ok().map(|_| (number.to_owned(), text.trim().to_owned()))
    });
    let statuses: Vec<_> = statuses.collect();
    assert_eq!(statuses.len(), 16);
    assert_eq!(table("| status |"), statuses);
}

#[test]
fn statuses_of_the_help_fit_a_terminal() {
    let help = Bench::new().ocd_alone(&["--help"]).expect(0).stdout;
    for line in help.lines().skip_while(|line| *line != "Exit status:") {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn guide_has_all_keys_of_the_settings() {
    let bench = Bench::new();
    bench.file("ocd.toml", "nonsense = 1\n");
    let error = bench.ocd_alone(&["config"]).expect(71).stderr;
    let keys = error.split_once("the keys are ").unwrap().1.split_once(" and boards").unwrap().0;
    let documented: Vec<String> = table("| key, and option |").into_iter().map(|(key, _)| key).collect();
    assert_eq!(documented.join(", "), keys);
}
