//! `ocd config`: each setting and where it comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::board;
use crate::context::Context;
use crate::exit_status;
use crate::failure::Outcome;
use crate::output::Done;
use crate::output::table::table;
use crate::settings::{Setting, Settings};

/// The settings of one board.
#[derive(Serialize)]
struct Report {
    #[serde(serialize_with = "crate::output::path::all_lossy")]
    files: Vec<PathBuf>,
    boards: Vec<String>,
    settings: BTreeMap<&'static str, Setting>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.settings.is_empty() {
            writeln!(f, "nothing is set")?;
        } else {
            let rows = self
                .settings
                .iter()
                .map(|(name, setting)| [(*name).to_owned(), setting.value.clone(), setting.origin.to_string()]);
            writeln!(f, "{}", table(["setting", "value", "from"], rows))?;
        }
        for file in &self.files {
            writeln!(f, "read {}", file.display())?;
        }
        if !self.boards.is_empty() {
            writeln!(f, "boards: {}", self.boards.join(", "))?;
        }
        Ok(())
    }
}

pub(crate) fn run(context: &Context) -> Outcome<u8> {
    let report = |settings: &Settings| Report {
        files: context.sources.files().map(PathBuf::from).collect(),
        boards: context.sources.board_names().into_iter().collect(),
        settings: settings.iter().map(|(key, setting)| (key.name(), setting.clone())).collect(),
    };
    let all = context.settings_of_all();
    let mut output = context.output.clone();
    output.several_boards = all.len() > 1;
    let mut status = exit_status::DONE;
    for (board, settings) in all {
        match settings.and_then(|settings| board::check(&settings).map(|()| settings)) {
            Ok(settings) => output.done(board.as_deref(), &Done::from(report(&settings)))?,
            Err(failure) => status = exit_status::worse(status, output.failure(board.as_deref(), &failure)),
        }
    }
    Ok(status)
}
