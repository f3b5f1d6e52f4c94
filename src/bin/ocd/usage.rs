//! The command line as it was typed: one that can be read, one that cannot, one that asks for help.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::arguments::{Cli, OutputArgs};
use crate::exit_status;
use crate::failure::Failure;
use crate::output::{self, Output};

/// A command line that can be read.
pub(crate) struct Line {
    pub(crate) cli: Cli,
    pub(crate) matches: clap::ArgMatches,
}

impl Line {
    pub(crate) fn read(words: &[OsString]) -> Result<Line, clap::Error> {
        let matches = Cli::command().try_get_matches_from(words)?;
        let cli = Cli::from_arg_matches(&matches)?;
        Ok(Line { cli, matches })
    }

    /// How its command prints.
    pub(crate) fn output(&self) -> Output {
        Output::new(self.matches.subcommand_name().unwrap_or(OCD), &self.cli.output)
    }
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
        let command = Cli::command().ignore_errors(true).try_get_matches_from(words).ok();
        let command = command.as_ref().and_then(clap::ArgMatches::subcommand_name).unwrap_or(OCD);
        return Output::new(command, &OutputArgs::json()).failure(None, &failure(error));
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
    let mut cli = Cli::command();
    cli.build();
    let path = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(path)) => path.as_str(),
        _ => OCD,
    };
    let command = path.split(' ').skip(1).try_fold(&cli, |command, name| command.find_subcommand(name));
    let help = command.unwrap_or(&cli).clone().render_help();
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
    fn json_is_wanted_by_our_own_option_alone() {
        let wants = |line: &str| wants_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(wants("ocd --json nonsense") && wants("ocd step x --json"));
        assert!(!wants("ocd run a.elf -- --json") && !wants("ocd --jsonx"));
    }
}
