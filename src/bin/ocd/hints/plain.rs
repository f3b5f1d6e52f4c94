//! Errors of the library in the words of a person at a terminal, who can call none of its items.

/// What the library says to programmers, and what is said in its place.
const WORDS: &[(&str, &str)] = &[
    ("; a raw binary needs an address: use `Image::open_bin` or `Image::bin`", "; raw bytes need an address"),
    ("; choose one with `ImageOptions::uf2_family`", ""),
    (": `ElfParts::Segments` loads those", ""),
    ("; `Target::run_in_ram` runs one that is in RAM alone", "; `ocd mem load` loads one that is in RAM alone"),
    ("; `Target::run_in_ram_from` starts an image without one", ""),
    ("; `Session::execute` gives its bytes", ""),
    ("; `Session::reconnect` makes a new one", ""),
    ("; `Session::raw` sends it, `Session::close` ends a session", ""),
    ("; `Variable::u32` and its like take any address", ""),
    ("; `Target::reexamine` examines a target that has power again", ""),
    (": `Rtt::setup` says where to search for the control block", ""),
    // The help says which commands end a protection, and when the chip obeys.
    ("`Flash::unprotect` unprotects ", ""),
    (", on many chips from the next reset on", ""),
    (
        ": `Target::run_in_ram` runs an image in RAM, and `ProgramOptions::load_ram` loads the parts for RAM of one for flash",
        ": `ocd mem load` loads one that is in RAM alone",
    ),
    (" (`Session::program` and `Flash::write_image` write flash)", " (`ocd flash` writes flash)"),
    (": `Rtt::start` searches for the control block and starts", ""),
    ("; call `svd().load(path)` first", ""),
    ("`Svd::write_fields_over_reset`", "--over-reset"),
];

/// Says it without items of the library.
pub(super) fn without_library_items(text: &mut String) {
    for (library, plain) in WORDS {
        if text.contains(library) {
            *text = text.replace(library, plain);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// An item of a type or a call in backquotes, as messages of the library name them.
    fn item(text: &str) -> Option<&str> {
        let mut words = text.split('`').skip(1).step_by(2);
        let is_item = |word: &str| word.contains("::") && word.starts_with(|c: char| c.is_ascii_uppercase());
        words.find(|word| is_item(word) || word.contains("()"))
    }

    fn check(folder: &Path, checked: &mut usize) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("bin") && !path.ends_with("tests") {
                check(&path, checked);
            }
            if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("tests.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let lines = text.lines().take_while(|line| !line.contains("#[cfg(test)]")).map(str::trim_start);
            let said = lines.filter(|line| {
                !line.starts_with("//")
                    && (!line.starts_with("#[") || line.starts_with("#[error("))
                    && line.contains('"')
            });
            for line in said.filter(|line| item(line).is_some()) {
                let mut plain = line.to_owned();
                without_library_items(&mut plain);
                assert_eq!(item(&plain), None, "{}: {line}", path.display());
                *checked += 1;
            }
        }
    }

    #[test]
    fn no_message_of_the_library_names_its_items_here() {
        let mut checked = 0;
        check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut checked);
        assert!(checked > 3, "{checked}");
    }
}
