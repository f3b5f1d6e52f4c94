//! Splits a configuration that is given as one string into OpenOCD's arguments.

use std::path::Path;

use crate::error::ProcessError;

pub(super) const NUL_BYTE: &str = "it holds a NUL byte, which no argument of a program can";
pub(super) const LOG_REDIRECTED: &str =
    "it sends OpenOCD's log elsewhere (-l), but ports and errors are read from the log";

/// OpenOCD's options that take an argument.
const WITH_ARGUMENT: [(&str, &str); 3] = [("-f", "file"), ("-s", "search"), ("-c", "command")];

/// Splits `interface/cmsis-dap.cfg -f target/stm32f1x.cfg` into `-f`, `interface/cmsis-dap.cfg`,
/// `-f`, `target/stm32f1x.cfg`.
///
/// Each option with an argument becomes two words, whichever form OpenOCD's getopt accepts:
/// `--file=x.cfg` and `-fx.cfg` are `-f`, `x.cfg`. A word that follows no option is a configuration
/// file. A string that is the path of an existing file is that file, white space included.
pub(super) fn split(config: &str) -> Result<Vec<String>, ProcessError> {
    let invalid = |problem| ProcessError::InvalidConfig { config: config.to_owned(), problem };
    if config.contains('\0') {
        return Err(invalid(NUL_BYTE));
    }
    if let Some(file) = [config, config.trim()].into_iter().find(|file| Path::new(file).is_file()) {
        return Ok(vec!["-f".to_owned(), file.to_owned()]);
    }
    let words = words(config).ok_or_else(|| invalid("a quote is not closed"))?;
    if words.is_empty() || words.iter().all(String::is_empty) {
        return Err(invalid("it is empty; expected such as \"-f interface/cmsis-dap.cfg -f target/stm32f1x.cfg\""));
    }
    let mut arguments = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if let Some((option, argument)) = with_argument(word.as_bytes()) {
            // Cut after ASCII characters, so this is text.
            let argument = argument.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).or_else(|| words.next());
            let argument = argument.ok_or_else(|| invalid("its last option lacks an argument"))?;
            arguments.extend([option.to_owned(), argument]);
        } else if redirects_log(&word) {
            return Err(invalid(LOG_REDIRECTED));
        } else if word.starts_with('-') {
            arguments.push(word);
        } else {
            arguments.extend(["-f".to_owned(), word]);
        }
    }
    Ok(arguments)
}

/// The short form of an option that takes an argument, and the argument if it is in the same word.
///
/// Forms are `-fFILE`, `--file=FILE` and, as getopt accepts abbreviations, `--fi=FILE`.
pub(super) fn with_argument(word: &[u8]) -> Option<(&'static str, Option<&[u8]>)> {
    WITH_ARGUMENT.into_iter().find_map(|(short, long)| {
        if let Some(given) = word.strip_prefix(b"--") {
            let equals = memchr::memchr(b'=', given);
            let (name, argument) = equals.map_or((given, None), |at| (&given[..at], Some(&given[at + 1..])));
            return (!name.is_empty() && long.as_bytes().starts_with(name)).then_some((short, argument));
        }
        let argument = word.strip_prefix(short.as_bytes())?;
        Some((short, Some(argument).filter(|text| !text.is_empty())))
    })
}

/// `-l FILE`, `-lFILE`, `--log_output FILE` and what getopt takes for it.
pub(super) fn redirects_log(word: &str) -> bool {
    word.starts_with("-l") || word.starts_with("--l")
}

/// Splits at white space outside of single or double quotes; `None` if a quote is not closed.
///
/// Inside double quotes a backslash escapes a double quote or a backslash; anywhere else it is
/// itself, as Windows paths need.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' if matches!(chars.peek(), Some('"' | '\\')) => word.extend(chars.next()),
                        c => word.push(c),
                    }
                }
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(config: &str) -> Vec<String> {
        split(config).unwrap()
    }

    #[test]
    fn bare_words_are_files() {
        assert_eq!(
            arguments("interface/cmsis-dap.cfg -f target/stm32f1x.cfg"),
            ["-f", "interface/cmsis-dap.cfg", "-f", "target/stm32f1x.cfg"]
        );
        assert_eq!(arguments(" board/x.cfg\n"), ["-f", "board/x.cfg"]);
    }

    #[test]
    fn options_have_one_form() {
        for config in
            ["-f a.cfg", "-fa.cfg", "--file a.cfg", "--file=a.cfg", "--fi=a.cfg", "--f a.cfg", "a.cfg", "'-fa.cfg'"]
        {
            assert_eq!(arguments(config), ["-f", "a.cfg"], "{config}");
        }
        for config in ["-c 'echo a=b'", "'-cecho a=b'", "--command='echo a=b'", "--comm 'echo a=b'"] {
            assert_eq!(arguments(config), ["-c", "echo a=b"], "{config}");
        }
        assert_eq!(arguments("-s/x --search=/y -s /z"), ["-s", "/x", "-s", "/y", "-s", "/z"]);
        assert_eq!(arguments("-d3 --debug=3 -c -f"), ["-d3", "--debug=3", "-c", "-f"]);
    }

    #[test]
    fn quotes_are_honoured() {
        assert_eq!(
            arguments(r#"-c "adapter driver dummy" -f 'my board.cfg' -c "echo \"a\\b\" {c\d}" -d3"#),
            ["-c", "adapter driver dummy", "-f", "my board.cfg", "-c", r#"echo "a\b" {c\d}"#, "-d3"]
        );
        assert_eq!(arguments("-c \"\""), ["-c", ""]);
        assert_eq!(arguments(r#"a"b c"d"#), ["-f", "ab cd"]);
    }

    #[test]
    fn backslash_outside_of_quotes_is_literal() {
        assert_eq!(arguments(r"C:\boards\x.cfg"), ["-f", r"C:\boards\x.cfg"]);
    }

    #[test]
    fn existing_file_may_have_white_space_in_its_name() {
        let directory = std::env::temp_dir().join(format!("openocd config {}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("my board.cfg");
        std::fs::write(&file, "").unwrap();
        let name = file.to_str().unwrap();
        assert_eq!(arguments(name), ["-f", name]);
        assert_eq!(arguments(&format!("  {name}\n")), ["-f", name]);
        let odd = format!("{name} ");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(arguments(&odd), ["-f", odd.as_str()]);
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn invalid_configurations_are_refused() {
        for (config, problem) in [
            ("", "empty"),
            ("  \n", "empty"),
            ("''", "empty"),
            ("-c \"adapter", "quote"),
            ("a.cfg 'b", "quote"),
            ("a.cfg -f", "lacks an argument"),
            ("a.cfg --command", "lacks an argument"),
            ("a.cfg -l openocd.log", "log"),
            ("a.cfg -lopenocd.log", "log"),
            ("--log_output=x a.cfg", "log"),
            ("a\0b", "NUL"),
        ] {
            let text = split(config).unwrap_err().to_string();
            assert!(text.contains(problem) && text.contains(&format!("{config:?}")), "{config:?}: {text}");
        }
    }
}
