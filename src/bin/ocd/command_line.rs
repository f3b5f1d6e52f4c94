//! The command line: what may be typed, and what was typed: a line that can be read, one that
//! cannot, one that asks for help.

use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::arguments::{BoardArgs, OutputArgs};
use crate::commands::Command;
use crate::exit_status;
use crate::failure::Failure;
use crate::output::{self, Output};

/// Flash, run, inspect and test microcontrollers through OpenOCD.
///
/// Every failure is an error with an exit status of its own, even where OpenOCD itself reports
/// success.
#[derive(Debug, Parser)]
#[command(name = "ocd", version, after_long_help = exit_status::TABLE, max_term_width = 100)]
#[command(propagate_version = true, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) board: BoardArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A command line that can be read.
pub(crate) struct Line {
    pub(crate) cli: Cli,
    pub(crate) matches: clap::ArgMatches,
}

impl Line {
    pub(crate) fn read(words: &[OsString]) -> Result<Line, clap::Error> {
        let matches = command().try_get_matches_from(words).map_err(|error| improved(error, words))?;
        let mut cli = Cli::from_arg_matches(&matches)?;
        if let Command::Run(arguments) = &mut cli.command {
            arguments.note_separator(words);
        }
        Ok(Line { cli, matches })
    }

    /// How its command prints.
    pub(crate) fn output(&self) -> Output {
        output(Some(&self.matches), &self.cli.output)
    }

    /// The same, of a line of a repl.
    pub(crate) fn output_within(&self, repl: &Output) -> Output {
        let mut output = self.output();
        output.inherit(repl, self.is_typed("progress"), self.is_typed("color"));
        output
    }

    /// Whether an option is among the words. There is none of this name without its feature.
    pub(crate) fn is_typed(&self, id: &str) -> bool {
        let is_known = self.matches.try_contains_id(id).is_ok();
        is_known && self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }
}

/// The command line. A variable that is empty is as good as none, also where clap refuses an empty
/// value.
fn command() -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    Cli::command().mut_args(|arg| if arg.get_env().is_some_and(is_empty) { arg.env(None::<&str>) } else { arg })
}

/// How the command prints. Failures that come before the settings are read name its board, too.
fn output(matches: Option<&clap::ArgMatches>, arguments: &OutputArgs) -> Output {
    let mut output = Output::new(&command_name(matches), arguments);
    output.set_board(matches.and_then(only_board));
    output
}

/// The board, if exactly one is chosen by name.
fn only_board(matches: &clap::ArgMatches) -> Option<&str> {
    let mut names = matches.try_get_many::<String>("board").ok()??;
    // A line that cannot be read may lack what has a default.
    let is_all = matches.try_get_one("all_boards").ok().flatten().copied().unwrap_or(false);
    let is_one = !is_all && names.len() == 1;
    names.next().filter(|name| is_one && !name.is_empty()).map(String::as_str)
}

/// The command and its subcommand: `mem read`.
fn command_name(matches: Option<&clap::ArgMatches>) -> String {
    let first = matches.and_then(clap::ArgMatches::subcommand);
    let names = std::iter::successors(first, |(_, own)| own.subcommand()).map(|(name, _)| name);
    let names: Vec<&str> = names.collect();
    if names.is_empty() { OCD.to_owned() } else { names.join(" ") }
}

/// What can be told of a command line that cannot be read.
fn readable(words: &[OsString]) -> Option<clap::ArgMatches> {
    command().ignore_errors(true).try_get_matches_from(words).ok()
}

/// The error with the usage of its command in full, and without names that are not similar.
///
/// Clap's own usage lists the options that are given as if they were mandatory, also those that
/// environment variables give, and leaves `[OPTIONS]` out.
fn improved(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    if error.get(ContextKind::Usage).is_some() {
        let name = command_name(readable(words).as_ref());
        let usage = with_command(name.split(' '), clap::Command::render_usage);
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    }
    let kinds = [
        (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        (ContextKind::InvalidValue, ContextKind::SuggestedValue),
    ];
    for (typed, suggested) in kinds {
        let Some(ContextValue::String(typed)) = error.get(typed).cloned() else { continue };
        let similar = |name: &String| is_similar(typed.trim_start_matches('-'), name.trim_start_matches('-'));
        let names = match error.remove(suggested) {
            Some(ContextValue::Strings(names)) => ContextValue::Strings(names.into_iter().filter(similar).collect()),
            Some(ContextValue::String(name)) if similar(&name) => ContextValue::String(name),
            _ => continue,
        };
        match names {
            // Tips come with names only; without them an empty line would stay.
            ContextValue::Strings(names) if names.is_empty() => drop(error.remove(ContextKind::Suggested)),
            names => drop(error.insert(suggested, names)),
        }
    }
    if error.kind() == ErrorKind::UnknownArgument {
        tell_value(&mut error, words);
    }
    tell_variable(&mut error, words);
    error
}

/// Names the variable that has a wrong value: clap names the option, which nobody typed.
fn tell_variable(error: &mut clap::Error, words: &[OsString]) {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return };
    let option = option.split(' ').next().unwrap_or_default();
    let is_typed = |word: &OsString| word.to_str().is_some_and(|word| word.split('=').next() == Some(option));
    let cli = command();
    let argument = cli.get_arguments().find(|argument| argument.get_long() == option.strip_prefix("--"));
    let named = argument.and_then(clap::Arg::get_env).filter(|name| std::env::var_os(name).is_some());
    if let (ErrorKind::InvalidValue, Some(name), false) = (error.kind(), named, words.iter().any(is_typed)) {
        let tip = StyledStr::from(format!("the value is that of {}", name.to_string_lossy()));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
}

/// Replaces clap's tips for an option that does not exist. No value of `ocd` begins with a dash,
/// but a value or a command may be meant.
fn tell_value(error: &mut clap::Error, words: &[OsString]) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg).cloned() else { return };
    let tips = match error.remove(ContextKind::Suggested) {
        Some(ContextValue::StyledStrs(tips)) => tips,
        _ => Vec::new(),
    };
    let is_useless = |tip: &str| tip.contains("as a value") || tip.contains("to use it, remove");
    let mut tips: Vec<StyledStr> = tips.into_iter().filter(|tip| !is_useless(&tip.to_string())).collect();
    let name = command_name(readable(words).as_ref());
    let path = if name == OCD { OCD.to_owned() } else { format!("{OCD} {name}") };
    // A word without dashes is one too many.
    let typed = typed.strip_prefix("--").and_then(|typed| typed.split('=').next()).filter(|typed| !typed.is_empty());
    let known = typed.map(|_| with_command(name.split(' '), |command| values(command))).unwrap_or_default();
    let typed = typed.unwrap_or_default();
    if known.iter().any(|value| value == typed) {
        tips.push(format!("say it without dashes: {path} {typed}").into());
    } else if error.get(ContextKind::SuggestedArg).is_none() {
        let similar = known.iter().filter(|value| is_similar(typed, value));
        if let Some(value) = similar.min_by_key(|value| distance(typed, value)) {
            tips.push(format!("a similar value exists: {path} {value}").into());
        }
    }
    if !tips.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
}

/// The names that may follow a command: its subcommands, and the values that an argument is limited
/// to.
fn values(command: &clap::Command) -> Vec<String> {
    let subcommands = command.get_subcommands();
    let subcommands = subcommands.flat_map(|own| std::iter::once(own.get_name()).chain(own.get_all_aliases()));
    let values = command.get_positionals().flat_map(clap::Arg::get_possible_values);
    subcommands.map(str::to_owned).chain(values.map(|value| value.get_name().to_owned())).collect()
}

/// Whether one may be a mistyped form of the other: a beginning of it, or the same but for a few
/// letters.
fn is_similar(typed: &str, name: &str) -> bool {
    name.starts_with(typed) || distance(typed, name) <= typed.chars().count().min(name.chars().count()) / 2
}

/// How many letters must be replaced, added or removed to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for column in 1..row.len() {
            let replaced = diagonal + usize::from(other[column - 1] != letter);
            diagonal = row[column];
            row[column] = replaced.min(diagonal + 1).min(row[column - 1] + 1);
        }
    }
    row[other.len()]
}

/// Does something with the command of this path, or with the whole if there is none.
pub(crate) fn with_command<'n, T>(path: impl Iterator<Item = &'n str>, act: impl FnOnce(&mut clap::Command) -> T) -> T {
    let mut cli = Cli::command();
    cli.build();
    let found = path.into_iter().try_fold(&cli, |command, name| command.find_subcommand(name));
    let mut command = found.unwrap_or(&cli).clone();
    act(&mut command)
}

/// Stands for the command where none can be told.
const OCD: &str = "ocd";

/// Whether JSON is wanted, also in a command line that cannot be read. What follows `--` is another
/// program's.
pub(crate) fn wants_json(words: &[OsString]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// Tells what clap has to say of a command line. Help and version are answers; everything else is
/// wrong usage, and in JSON an error like all others.
pub(crate) fn answer(error: &clap::Error, words: &[OsString], json: bool) -> u8 {
    if !error.use_stderr() {
        let printed = error.print();
        return printed.map_or_else(|error| output::unwritable(&error.into()), |()| exit_status::DONE);
    }
    if json {
        return output(readable(words).as_ref(), &OutputArgs::json()).failure(None, &failure(error));
    }
    // Nobody to tell is no reason for another status.
    let _ = match error.kind() {
        // Clap lists no more than names here.
        ErrorKind::MissingSubcommand => write_help(error),
        _ => error.print(),
    };
    exit_status::USAGE
}

/// The short help of the command that lacks a subcommand, as without any option.
fn write_help(error: &clap::Error) -> std::io::Result<()> {
    let path = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(path)) => path.as_str(),
        _ => OCD,
    };
    let help = with_command(path.split(' ').skip(1), clap::Command::render_help);
    std::io::Write::write_all(&mut anstream::stderr(), help.ansi().to_string().as_bytes())
}

/// The same error in the form of all others: without "error:" and without the advice to ask for
/// help.
fn failure(error: &clap::Error) -> Failure {
    if matches!(error.kind(), ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        return Failure::usage("a command is missing").help("--help lists the commands");
    }
    let text = error.render().to_string();
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.trim().split("\n\n").map(in_one_line);
    let message = paragraphs.next().unwrap_or_default();
    let mut failure = Failure::usage(message.strip_prefix("error: ").unwrap_or(&message));
    let advice = paragraphs.filter(|text| !text.starts_with("For more information"));
    failure.help.extend(advice.map(|text| text.strip_prefix("tip: ").unwrap_or(&text).to_owned()));
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn only_mistyped_names_are_similar() {
        for (typed, name) in [("flsh", "flash"), ("rests", "reset"), ("stat", "status"), ("brekpoint", "breakpoint")] {
            assert!(is_similar(typed, name), "{typed}");
        }
        for (typed, name) in [("nope", "unprotect"), ("xyz", "svf"), ("nope", "events")] {
            assert!(!is_similar(typed, name), "{typed}");
        }
        assert_eq!([distance("", "ab"), distance("abc", "abc"), distance("kitten", "sitting")], [2, 0, 3]);
    }

    #[test]
    fn json_is_wanted_by_our_own_option_alone() {
        let wants = |line: &str| wants_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(wants("ocd --json nonsense") && wants("ocd step x --json"));
        assert!(!wants("ocd run a.elf -- --json") && !wants("ocd --jsonx"));
    }
}
