//! A configuration given as one string, split into OpenOCD's arguments.

use std::path::Path;

use crate::error::ProcessError;

/// OpenOCD's options that take an argument.
const WITH_ARGUMENT: [(&str, &str); 3] = [("-f", "file"), ("-s", "search"), ("-c", "command")];

/// Splits `interface/cmsis-dap.cfg -f target/stm32f1x.cfg` into `-f`, `interface/cmsis-dap.cfg`, `-f`, `target/stm32f1x.cfg`.
///
/// All that OpenOCD's getopt takes for an option with an argument becomes one form, two words: `--file=x.cfg` and `-fx.cfg` are `-f`, `x.cfg`.
/// A word that follows no option is a configuration file. A string that is the path of an existing file is that file, blanks and all.
pub(super) fn split(config: &str) -> Result<Vec<String>, ProcessError> {
    let invalid = |problem| ProcessError::InvalidConfig { config: config.to_owned(), problem };
    if config.contains('\0') {
        return Err(invalid("it holds a NUL byte, which no argument can"));
    }
    if Path::new(config.trim()).is_file() {
        return Ok(vec!["-f".to_owned(), config.trim().to_owned()]);
    }
    let words = words(config).ok_or_else(|| invalid("a quote is not closed"))?;
    if words.is_empty() || words.iter().all(String::is_empty) {
        return Err(invalid("it is empty; expected such as \"interface/cmsis-dap.cfg -f target/stm32f1x.cfg\""));
    }
    let mut arguments = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if let Some((option, argument)) = with_argument(&word) {
            let argument = argument.map(str::to_owned).or_else(|| words.next());
            let argument = argument.ok_or_else(|| invalid("its last option lacks an argument"))?;
            arguments.extend([option.to_owned(), argument]);
        } else if redirects_log(&word) {
            return Err(invalid(
                "it sends OpenOCD's log elsewhere (-l), but its ports and errors are read from the log",
            ));
        } else if word.starts_with('-') {
            arguments.push(word);
        } else {
            arguments.extend(["-f".to_owned(), word]);
        }
    }
    Ok(arguments)
}

/// The short form of an option that takes an argument, and the argument if it is in the same word: `-fFILE`, `--file=FILE`, `--fi=FILE`.
fn with_argument(word: &str) -> Option<(&'static str, Option<&str>)> {
    WITH_ARGUMENT.into_iter().find_map(|(short, long)| {
        if let Some(given) = word.strip_prefix("--") {
            let (name, argument) = given.split_once('=').map_or((given, None), |(name, text)| (name, Some(text)));
            return (!name.is_empty() && long.starts_with(name)).then_some((short, argument));
        }
        let argument = word.strip_prefix(short)?;
        Some((short, Some(argument).filter(|text| !text.is_empty())))
    })
}

/// `-l FILE`, `-lFILE`, `--log_output FILE` and what getopt takes for it.
pub(super) fn redirects_log(word: &str) -> bool {
    word.starts_with("-l") || word.starts_with("--l")
}

/// Splits at white space outside of single or double quotes; `None` if a quote is not closed.
///
/// Inside double quotes a backslash escapes a double quote or a backslash; anywhere else it is itself, as Windows paths need.
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
    fn a_backslash_outside_of_quotes_is_itself() {
        assert_eq!(arguments(r"C:\boards\x.cfg"), ["-f", r"C:\boards\x.cfg"]);
    }

    #[test]
    fn an_existing_file_may_have_blanks_in_its_name() {
        let directory = std::env::temp_dir().join(format!("openocd config {}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("my board.cfg");
        std::fs::write(&file, "").unwrap();
        let name = file.to_str().unwrap();
        assert_eq!(arguments(name), ["-f", name]);
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
