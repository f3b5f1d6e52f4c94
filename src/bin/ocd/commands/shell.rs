//! `ocd completions` and `ocd man`: from the same definition as the command line.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde::Serialize;

use crate::command_line::Cli;
use crate::failure::{Failure, Outcome};
use crate::output::{Done, Output};

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that will read it.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write the pages of `ocd` and of all its commands into this folder.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// A text that is the answer.
#[derive(Serialize)]
struct Text {
    text: String,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The pages that were written.
#[derive(Serialize)]
struct Pages {
    #[serde(serialize_with = "crate::output::path::all_lossy")]
    pages: Vec<PathBuf>,
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pages.iter().try_for_each(|page| writeln!(f, "{}", page.display()))
    }
}

pub(crate) fn completions(output: &Output, arguments: &CompletionsArgs) -> Outcome<u8> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "ocd", &mut script);
    print(output, &script)
}

pub(crate) fn man(output: &Output, arguments: &ManArgs) -> Outcome<u8> {
    let Some(folder) = &arguments.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        return print(output, &page);
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .map_err(|error| Failure::file("write the pages into", folder, &error))?;
    let mut command = Cli::command();
    command.build();
    // The folder may have others.
    let mut pages: Vec<PathBuf> = names(&command).into_iter().map(|name| folder.join(name)).collect();
    pages.retain(|page| page.is_file());
    pages.sort();
    output.done(None, &Done::from(Pages { pages }))?;
    Ok(0)
}

/// The names of the pages of a command and its subcommands.
fn names(command: &clap::Command) -> Vec<String> {
    let own = format!("{}.1", command.get_display_name().unwrap_or_else(|| command.get_name()));
    std::iter::once(own).chain(command.get_subcommands().flat_map(names)).collect()
}

fn print(output: &Output, text: &[u8]) -> Outcome<u8> {
    output.done(None, &Done::from(Text { text: String::from_utf8_lossy(text).into_owned() }))?;
    Ok(0)
}
