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
    bench.file("taken", "");
    bench.ocd_alone(&["man", "taken/pages"]).expect(71);
}
