//! Words among the firmware's arguments that look like options of ours.

use std::borrow::Cow;

use clap::{Arg, Command};

use crate::command_line;
use crate::failure::{Failure, Outcome};

/// An option of ours, known or mistyped, must not become an argument of the firmware in silence.
/// What follows `--` is not looked at.
pub(super) fn refuse(arguments: &[String]) -> Outcome<()> {
    let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    let (typed, rest) = arguments.split_at(end);
    let Some(first) = typed.iter().find(|word| is_dashed(word)) else { return Ok(()) };
    let Some((options, others)) = command_line::with_command(["run"].into_iter(), |run| sorted(run, first, typed))
    else {
        return Err(Failure::usage(format!("unknown option {first}"))
            .help("arguments for the firmware that begin with - follow --: ocd run FILE -- --fast"));
    };
    let name = first.split('=').next().unwrap_or(first);
    let line =
        |words: &[&[String]]| words.iter().copied().flatten().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let (right, all) = (line(&[&options, &others, rest]), line(&[arguments]));
    Err(Failure::usage(format!("{name} is an option of ocd, but stands among the firmware's arguments"))
        .help(format!("options of ocd go before the firmware's arguments: ocd run FILE {right}"))
        .help(format!("all that follows -- is the firmware's: ocd run FILE -- {all}")))
}

/// The options of ocd among the words of another program's command, each with its value, and the
/// other words. `None` without a known one that begins with two dashes.
pub(crate) fn options_among(command: &str, words: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    command_line::with_command([command].into_iter(), |command| {
        let is_known = |word: &&String| word.starts_with("--") && option(command, word).is_some();
        sorted(command, words.iter().find(is_known)?, words)
    })
}

fn is_dashed(word: &str) -> bool {
    word.starts_with('-') && word.len() > 1
}

/// The options of the command, each with its value, and the other words. `None` if `first` is no
/// option of the command.
fn sorted(command: &Command, first: &str, words: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    option(command, first)?;
    let (mut options, mut others) = (Vec::new(), Vec::new());
    let mut words = words.iter().cloned();
    while let Some(word) = words.next() {
        let Some(takes_next) = option(command, &word) else {
            others.push(word);
            continue;
        };
        options.push(word);
        options.extend(takes_next.then(|| words.next()).flatten());
    }
    Some((options, others))
}

/// Whether the next word is the value of this option; `None` if it is no option of the command.
fn option(command: &Command, word: &str) -> Option<bool> {
    let takes_value = |arg: &Arg| arg.get_action().takes_values();
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        let is_named = |arg: &&Arg| {
            arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|names| names.contains(&name))
        };
        return command.get_arguments().find(is_named).map(|arg| value.is_none() && takes_value(arg));
    }
    // Several letters may share a dash; the value of the last one may follow at once.
    let mut letters = word.strip_prefix('-')?.chars();
    let mut takes_next = None;
    while let Some(letter) = letters.next() {
        let arg = command.get_arguments().find(|arg| arg.get_short() == Some(letter))?;
        takes_next = Some(takes_value(arg) && letters.as_str().is_empty());
        if takes_value(arg) {
            break;
        }
    }
    takes_next
}

/// The word as a shell takes it.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")).into(),
    }
}
