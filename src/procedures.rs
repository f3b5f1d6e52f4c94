//! The Tcl procedures that OpenOCD runs for this crate; `src/procedures/README.md` says what may be
//! one.
//!
//! The files name everything with the prefix `_openocd_rs_1_`. What is sent carries a hash of the
//! text in its place, so two versions of this crate at one OpenOCD never meet, and an OpenOCD that
//! has the names has this text.

use std::sync::LazyLock;

/// The prefix in the files.
const WRITTEN: &str = "_openocd_rs_1_";

/// Every file, in the order in which OpenOCD reads them.
const FILES: &[&str] = &[
    include_str!("procedures/commands.tcl"),
    include_str!("procedures/poll.tcl"),
    include_str!("procedures/target.tcl"),
    include_str!("procedures/run.tcl"),
    include_str!("procedures/reset.tcl"),
    include_str!("procedures/halt_reason.tcl"),
    include_str!("procedures/registers.tcl"),
    include_str!("procedures/memory.tcl"),
    include_str!("procedures/files.tcl"),
    include_str!("procedures/flash.tcl"),
    include_str!("procedures/breakpoints.tcl"),
    include_str!("procedures/jtag.tcl"),
    include_str!("procedures/riscv.tcl"),
    include_str!("procedures/dap.tcl"),
    include_str!("procedures/adapter.tcl"),
    include_str!("procedures/events.tcl"),
    include_str!("procedures/rtt.tcl"),
    include_str!("procedures/calls.tcl"),
    include_str!("procedures/semihosting.tcl"),
    include_str!("procedures/smp.tcl"),
    include_str!("procedures/crash.tcl"),
    include_str!("procedures/leave.tcl"),
];

/// What is sent: OpenOCD reads 256 bytes at a time (`tcl_input` in `src/server/tcl_server.c`), and
/// comments are half of the files.
static STRIPPED: LazyLock<String> = LazyLock::new(|| {
    let lines = FILES.iter().flat_map(|file| file.lines());
    let lines = lines.map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
});

static PREFIX: LazyLock<String> = LazyLock::new(|| format!("_openocd_rs_{:08x}_", fnv1a(STRIPPED.as_bytes())));

static DEFINITIONS: LazyLock<String> = LazyLock::new(|| STRIPPED.replace(WRITTEN, prefix()));

/// What the names of the procedures and of their variables begin with.
pub(crate) fn prefix() -> &'static str {
    &PREFIX
}

/// The text that defines the procedures.
pub(crate) fn definitions() -> &'static str {
    &DEFINITIONS
}

/// How many procedures there are, aliases included.
pub(crate) fn count() -> usize {
    static COUNT: LazyLock<usize> = LazyLock::new(|| {
        let names = definitions().lines().filter_map(|line| {
            let definition = line.strip_prefix("proc ").or_else(|| line.strip_prefix("alias "))?;
            definition.split(' ').next().filter(|name| name.starts_with(prefix()))
        });
        names.collect::<std::collections::HashSet<_>>().len()
    });
    *COUNT
}

/// A hash that is the same with every version of Rust (Fowler, Noll and Vo, 32 bits).
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn definitions_carry_no_comments_and_no_written_prefix() {
        let text = definitions();
        assert!(!text.contains("\n#") && !text.contains("\n ") && !text.contains("\n\n"));
        assert!(!text.contains(WRITTEN) && text.contains(prefix()));
        let written: String = FILES.concat();
        assert_eq!(text.matches("\nproc ").count() + 1, written.matches("\nproc ").count());
    }

    #[test]
    fn a_line_that_is_left_out_is_a_comment_to_tcl_too() {
        // No string spans lines, and no line before a comment or of it goes on.
        let mut before = "";
        for line in FILES.iter().flat_map(|file| file.lines()) {
            let is_comment = line.trim_start().starts_with('#');
            let quotes = line.replace("\\\"", "").matches('"').count();
            assert!(quotes % 2 == 0 || is_comment, "{line}");
            assert!(!is_comment || !(line.ends_with('\\') || before.ends_with('\\')), "{line}");
            before = line;
        }
    }

    #[test]
    fn failure_of_a_temporary_file_has_the_text_that_rust_knows() {
        assert!(definitions().contains(crate::error::NO_TEMPORARY_FILE));
    }

    #[test]
    fn fnv1a_gives_the_published_values() {
        assert_eq!((fnv1a(b""), fnv1a(b"a"), fnv1a(b"foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
    }

    #[test]
    fn procedures_that_rust_calls_are_those_that_are_defined() {
        let word = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
        let text = FILES.concat();
        let defined: BTreeSet<_> = ["proc ", "alias "]
            .iter()
            .flat_map(|keyword| text.split(&format!("\n{keyword}{WRITTEN}")).skip(1).map(word).collect::<Vec<_>>())
            .collect();
        let used_in_tcl: BTreeSet<_> = text
            .lines()
            .filter(|line| {
                !line.starts_with("proc ") && !line.starts_with("alias ") && !line.trim_start().starts_with('#')
            })
            .flat_map(|line| line.split(WRITTEN).skip(1).map(word).collect::<Vec<_>>())
            .collect();
        let mut called = BTreeSet::new();
        for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
            let source = fs::read_to_string(file).unwrap();
            called.extend(source.split("call(\"").skip(1).map(word));
        }
        let undefined: Vec<_> = called.difference(&defined).collect();
        assert!(undefined.is_empty(), "called, but not defined: {undefined:?}");
        // `END` of the process calls those for its end by a pattern.
        let is_used = |name: &String| called.contains(name) || used_in_tcl.contains(name) || name.ends_with("_at_end");
        let unused: Vec<_> = defined.iter().filter(|name| !is_used(name)).collect();
        assert!(unused.is_empty(), "defined, but not used: {unused:?}");
    }

    fn rust_files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
        files.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
    }
}
