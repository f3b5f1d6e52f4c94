//! Evil strings through every call that takes text: nothing of a text is executed.

use std::path::Path;

use openocd::Session;

use crate::calls::TEXT_CALLS;
use crate::random::Random;
use crate::{Bench, PATIENCE, attempts, seed};

/// Each tries to set the canary variable, or to create the canary file FILE.
const EVIL: [&str; 24] = [
    "[set ::canary 1]",
    "; set ::canary 1",
    "\nset ::canary 1",
    "\r\nset ::canary 1\r\n",
    "x; exec touch FILE",
    "[exec touch FILE]",
    "} ; exec touch FILE ; list {",
    "}; set ::canary 1; #",
    "\"; exec touch FILE; \"",
    "\" [exec touch FILE] \"",
    "{*}[exec touch FILE]",
    "$canary [set ::canary 1] ${canary}",
    "\\[exec touch FILE\\]",
    "\\\\[exec touch FILE]",
    "\\",
    "a\\\n[exec touch FILE]",
    "{[exec touch FILE]}",
    "pc [exec touch FILE]",
    "-signal set ::canary 1",
    "--",
    "\u{0}[set ::canary 1]",
    "\u{1a}set ::canary 1\u{1a}",
    "\u{1b}A\u{1b}B[set ::canary 1]",
    "\u{202e}[set ::canary 1]é\u{1f600}",
];

/// A random mixture of what Tcl gives a meaning.
fn mixture(random: &mut Random) -> String {
    const PARTS: [&str; 18] = [
        "[",
        "]",
        "{",
        "}",
        "\"",
        "\\",
        "$",
        ";",
        "\n",
        " ",
        "#",
        "set ::canary 1",
        "exec touch FILE",
        "x",
        "\u{1a}",
        "\t",
        "{*}",
        "\\\n",
    ];
    (0..=random.below(12)).map(|_| PARTS[random.below(PARTS.len())]).collect()
}

#[test]
fn no_text_of_a_caller_is_executed() {
    let bench = Bench::start();
    let session = bench.connect(Session::builder().timeout(PATIENCE));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("canary-{}", std::process::id()));
    let mut random = Random::new(seed());
    let mixtures: Vec<_> = (0..attempts(60)).map(|_| mixture(&mut random)).collect();
    let long = format!("{}[set ::canary 1]", "x".repeat(200_000));
    for call in TEXT_CALLS {
        for text in EVIL.iter().copied().chain(mixtures.iter().map(String::as_str)).chain([long.as_str()]) {
            let text = text.replace("FILE", &file.display().to_string());
            let outcome = (call.run)(&session, &text);
            if let Err(error) = &outcome {
                let shown = error.to_string();
                assert!(!shown.contains(|c: char| c.is_control()), "{}: {shown:?}", call.name);
                // Subsystems without codes of their own do not cut what they show yet.
                let is_cut = shown.len() < 3000 || !error.id().contains('.');
                assert!(is_cut, "{}: an error of {} bytes", call.name, shown.len());
            }
            assert!(!file.exists(), "{} executed {text:?}", call.name);
        }
        assert_eq!(session.command("info exists ::canary").unwrap(), "0", "{}", call.name);
    }
}
