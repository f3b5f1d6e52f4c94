//! Completes a line: OpenOCD's commands, and ours after `ocd`. No I/O.

use std::collections::BTreeSet;

/// Where the word that is completed begins, and what it may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) start: usize,
    pub(super) words: Vec<String>,
}

/// Completes the last word of `line`. OpenOCD's commands are words with spaces between them, such
/// as `adapter speed`.
pub(super) fn tcl(line: &str, commands: &[&str]) -> Completion {
    // A command may begin inside of another one.
    let begin = line.rfind(['[', ';', '{']).map_or(0, |at| at + 1);
    let begin = begin + (line[begin..].len() - line[begin..].trim_start().len());
    let typed = &line[begin..];
    let start = begin + typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let before: Vec<&str> = line[begin..start].split_whitespace().collect();
    let word = &line[start..];
    let next = |command: &&str| {
        let mut words = command.split_whitespace();
        before.iter().all(|typed| words.next() == Some(typed)).then(|| words.next()).flatten().map(str::to_owned)
    };
    let words: BTreeSet<String> =
        commands.iter().filter_map(next).filter(|name| name.starts_with(word) && !name.starts_with('_')).collect();
    Completion { start, words: words.into_iter().collect() }
}

/// Completes the last word of a line that begins with `ocd`: commands, then options.
pub(super) fn ours(line: &str, cli: &clap::Command) -> Completion {
    let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = &line[start..];
    let mut command = cli;
    for typed in line[..start].split_whitespace().skip(1) {
        if let Some(found) = command.find_subcommand(typed) {
            command = found;
        }
    }
    let names: Vec<String> = if word.starts_with('-') {
        let options = command.get_arguments().chain(cli.get_arguments().filter(|option| option.is_global_set()));
        options
            .filter(|option| !option.is_hide_set())
            .filter_map(|option| option.get_long())
            .map(|long| format!("--{long}"))
            .collect()
    } else {
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect()
    };
    let words: BTreeSet<String> = names.into_iter().filter(|name| name.starts_with(word)).collect();
    Completion { start, words: words.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    const COMMANDS: [&str; 6] = ["adapter", "adapter speed", "adapter serial", "halt", "history", "_hidden"];

    #[test]
    fn openocds_commands_are_completed_word_by_word() {
        let words = |line| tcl(line, &COMMANDS).words;
        assert_eq!(words("h"), ["halt", "history"]);
        assert_eq!(words("ad"), ["adapter"]);
        assert_eq!(words("adapter s"), ["serial", "speed"]);
        assert_eq!(words("adapter x"), [""; 0]);
        assert_eq!(words("_"), [""; 0]);
        assert_eq!(tcl("echo [adapter sp", &COMMANDS), Completion { start: 14, words: vec!["speed".to_owned()] });
        assert_eq!(tcl("halt; his", &COMMANDS).start, 6);
    }

    #[test]
    fn our_commands_and_options_are_completed_after_our_name() {
        let cli = crate::command_line::Cli::command();
        assert_eq!(ours("ocd wait", &cli), Completion { start: 4, words: vec!["wait-halt".to_owned()] });
        assert_eq!(ours("ocd rtt --chan", &cli).words, ["--channel"]);
        assert_eq!(ours("ocd rtt --js", &cli).words, ["--json"]);
    }
}
