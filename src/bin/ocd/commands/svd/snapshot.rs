//! `ocd svd snapshot` and `diff`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use openocd::svd::{Device, Snapshot, SnapshotDiff, SnapshotRegister};
use serde::Serialize;

use crate::address::Names;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// The file, which is overwritten. `-` is standard output.
    file: PathBuf,
    /// The peripherals [default: all].
    peripherals: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier snapshot.
    before: PathBuf,
    /// The later one [default: the same peripherals of the board as they are now].
    after: Option<PathBuf>,
}

#[derive(Serialize)]
struct Saved {
    #[serde(serialize_with = "crate::output::path::lossy")]
    file: PathBuf,
    registers: usize,
    /// Registers that are write-only, that a read changes, or that could not be read.
    unread: usize,
    /// For standard output.
    #[serde(skip)]
    snapshot: Option<Snapshot>,
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Saved { file, registers, unread, snapshot } = self;
        if let Some(snapshot) = snapshot {
            return snapshot.fmt(f);
        }
        write!(f, "saved {} registers to {}", registers - unread, file.display())?;
        if *unread == 0 { Ok(()) } else { write!(f, "; {unread} were not read") }
    }
}

#[derive(Serialize)]
struct Difference {
    equal: bool,
    #[serde(flatten)]
    diff: SnapshotDiff,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diff.fmt(f)
    }
}

/// How many registers say why they were not compared, if none was.
const SHOWN_REASONS: usize = 3;

impl Difference {
    /// A failure with `status` if no register can be compared.
    fn done(before: &Snapshot, after: &Snapshot, status: u8) -> Outcome<Done<Difference>> {
        let diff = before.diff(after);
        if diff.compared == 0 {
            let failure = Failure::new(status, "ocd.unread", "no register could be compared");
            let unread = || diff.unread_once.iter().chain(&diff.unread);
            // What OpenOCD has refused is the cause. The rest was never to be read.
            let mut refused = unread().filter(|register| is_refused(register)).peekable();
            if refused.peek().is_some() {
                let failure = refused.take(SHOWN_REASONS).fold(failure, because_of);
                return Err(failure.help(is_it_this_chip(&after.device)));
            }
            return Err(diff.to_string().lines().skip(1).take(SHOWN_REASONS).fold(failure, Failure::cause));
        }
        let equal = diff.is_empty();
        let status = if equal { exit_status::DONE } else { exit_status::MISMATCH };
        Ok(Done::with(Difference { equal, diff }, status))
    }
}

/// Whether OpenOCD refused to read the register, and not the description.
fn is_refused(register: &SnapshotRegister) -> bool {
    register.unread.as_deref().is_some_and(|reason| reason.starts_with("OpenOCD refused "))
}

fn because_of(failure: Failure, register: &SnapshotRegister) -> Failure {
    failure.cause(format!("{}: {}", register.path, register.unread.as_deref().unwrap_or("it was not read")))
}

fn is_it_this_chip(device: &str) -> String {
    format!(
        "is the SVD file, for {device}, that of this chip? A peripheral without a clock mostly reads as 0, or fails"
    )
}

/// Why a snapshot has no value: the first register that OpenOCD refused to read, otherwise the
/// first.
fn nothing_read(snapshot: &Snapshot) -> Failure {
    let failure = Failure::new(exit_status::TARGET, "ocd.unread", "no register could be read");
    let registers = &snapshot.registers;
    match (registers.iter().find(|register| is_refused(register)), registers.first()) {
        (Some(refused), _) => because_of(failure, refused).help(is_it_this_chip(&snapshot.device)),
        (None, Some(first)) => because_of(failure, first),
        (None, None) => failure.cause("the SVD file describes no register of the peripherals"),
    }
}

pub(crate) fn run(context: &Context, arguments: &SnapshotArgs) -> Outcome<u8> {
    // Several boards would write one file.
    context.one_settings()?;
    let is_for_stdout = arguments.file == Path::new("-");
    if is_for_stdout && context.output.is_json() {
        return Err(Failure::usage("a snapshot has no JSON form: name a file"));
    }
    context.each_board_planned(
        |settings| {
            let names = Names::new(settings);
            let device = names.needed_device()?;
            forgotten_file(device, &arguments.file)?;
            let peripherals = peripherals(device, &arguments.peripherals)?;
            Ok((names, peripherals))
        },
        |board, (names, peripherals)| {
            board.session.svd().set(names.needed_device()?.clone());
            let snapshot = board.target()?.svd().snapshot(peripherals)?;
            let unread = snapshot.registers.iter().filter(|register| register.value.is_none()).count();
            let (file, registers) = (arguments.file.clone(), snapshot.registers.len());
            if registers == unread {
                return Err(nothing_read(&snapshot));
            }
            let snapshot = if is_for_stdout {
                Some(snapshot)
            } else {
                snapshot.save(&arguments.file)?;
                None
            };
            Ok(Done::from(Saved { file, registers, unread, snapshot }))
        },
    )
}

/// Refuses `ocd svd snapshot RCC`, which would overwrite a file of that name.
fn forgotten_file(device: &Device, file: &Path) -> Outcome<()> {
    let name = file.to_string_lossy();
    match device.peripheral_ignoring_case(&name) {
        Err(_) => Ok(()),
        Ok(_) => Err(Failure::usage(format!(
            "{name} is a peripheral; expected the file first, as in `ocd svd snapshot FILE {name}`; a file of that name is ./{name}"
        ))),
    }
}

/// The names as the device has them; all for none.
fn peripherals(device: &Device, names: &[String]) -> Outcome<Vec<String>> {
    if names.is_empty() {
        return Ok(device.peripherals().iter().map(|peripheral| peripheral.name().to_owned()).collect());
    }
    let found = names.iter().map(|name| Ok(device.peripheral_ignoring_case(name)?.name().to_owned()));
    found.collect()
}

pub(crate) fn diff(context: &Context, arguments: &DiffArgs) -> Outcome<u8> {
    let before = Snapshot::load(&arguments.before)?;
    if let Some(after) = &arguments.after {
        let mut after = Snapshot::load(after)?;
        let settings = context.one_settings()?;
        // Without the file fields have no names.
        if let Some(device) = Names::new(&settings).device()? {
            after = after.with_device(device);
        }
        let done = Difference::done(&before, &after, exit_status::CONFIGURATION)?;
        context.output.done(settings.board.as_deref(), &done)?;
        return Ok(done.status);
    }
    context.each_board_planned(
        |settings| {
            let names = Names::new(settings);
            let taken = before.registers.iter().filter_map(|register| register.path.split('.').next());
            let taken: BTreeSet<String> = taken.map(str::to_owned).collect();
            let taken: Vec<String> = taken.into_iter().collect();
            if taken.is_empty() {
                return Err(Failure::configuration(format!("{} is empty", arguments.before.display())));
            }
            let peripherals = peripherals(names.needed_device()?, &taken)?;
            Ok((names, peripherals))
        },
        |board, (names, peripherals)| {
            board.session.svd().set(names.needed_device()?.clone());
            Difference::done(&before, &board.target()?.svd().snapshot(peripherals)?, exit_status::TARGET)
        },
    )
}
