//! `ocd erase`: sectors, a range of addresses, or whole banks. Never all without being asked.

use std::fmt;
use std::ops::Range;

use clap::Args;
use openocd::{BankId, Flash, FlashBank, ProgressReport, Result, Target, TargetStatus};
use serde::Serialize;

use crate::address::Names;
use crate::board::Board;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::others::{Others, check_has_flash};
use crate::output::Done;
use crate::output::progress::Watch;
use crate::settings::{Key, Settings};

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The first address, and the length; or a range in place of the two: START..END,
    /// START..+LENGTH or START+LENGTH. With --bank the first sector, and the last.
    #[arg(value_names = ["ADDRESS", "LENGTH"], num_args = 0..=2, conflicts_with = "all")]
    range: Vec<String>,
    /// Erase sectors of this bank, by its number or name: --bank 0 4 7.
    #[arg(long, value_name = "BANK")]
    bank: Option<String>,
    /// Erase everything: all flash banks of the target, or all of --bank.
    #[arg(long)]
    all: bool,
}

/// What is to be erased, as far as it is known without a board.
enum Plan<'a> {
    Range(Range<u64>),
    Sectors { bank: BankId<'a>, first: u32, last: u32 },
    Bank(BankId<'a>),
    Everything,
}

#[derive(Serialize)]
struct Report {
    /// Number of bytes that were erased.
    erased: u64,
    status: TargetStatus,
    elapsed_seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes erased; {} ({:.1} s)", self.erased, self.status, self.elapsed_seconds)
    }
}

pub(crate) fn run(context: &Context, arguments: &EraseArgs) -> Outcome<u8> {
    let plan = |settings: &Settings| plan(arguments, &Names::new(settings));
    context.each_board_planned(plan, |board, plan| {
        let mut watch = Watch::new(&context.output, board.name(), &context.signals);
        watch.interrupted("nothing was changed")?;
        let bank = match *plan {
            Plan::Sectors { bank, .. } | Plan::Bank(bank) => Some(bank_of(board.target()?.flash(), bank)?),
            Plan::Range(_) | Plan::Everything => None,
        };
        let target = bank.as_ref().map_or_else(|| board.target(), |bank| target_of(board, bank))?;
        if let Plan::Range(_) | Plan::Everything = *plan {
            check_has_flash(&target)?;
        }
        let others = Others::of(board, &target)?;
        watch.step("resetting");
        board.reset_before_writing(&target, "flash was not changed")?;
        let erased = watch
            .interrupted("flash was not changed, and the target is halted")
            .and_then(|()| erase(target, plan, &mut watch));
        let erased = others.after(&context.output, board, erased)?;
        let elapsed_seconds = board.opened.elapsed().as_secs_f64();
        Ok(Done::from(Report { erased, status: target.status()?, elapsed_seconds }))
    })
}

fn erase(target: Target<'_>, plan: &Plan<'_>, watch: &mut Watch) -> Outcome<u64> {
    let flash = target.flash();
    let erased = match *plan {
        Plan::Range(Range { start, end }) => watch.flash(flash).erase_address(start, end - start).map(|()| end - start),
        Plan::Sectors { bank, first, last } => sectors(&watch.flash(flash), bank, first, last),
        Plan::Bank(bank) => whole(&watch.flash(flash), bank),
        Plan::Everything => everything(&watch.flash(flash), &target.status()?.name),
    };
    erased.map_err(|error| watch.failure(error))
}

/// The bank that is meant: one that does not exist is no reason to reset the target.
pub(crate) fn bank_of(flash: Flash<'_>, wanted: BankId<'_>) -> Outcome<FlashBank> {
    let found = flash.banks()?.into_iter().find(|bank| match wanted {
        BankId::Number(number) => bank.number == number,
        BankId::Name(name) => bank.name == name,
        _ => true,
    });
    // For its list of banks.
    found.map_or_else(|| Ok(flash.probe(wanted)?), Ok)
}

/// The target that a bank belongs to, unless --target names another one.
pub(crate) fn target_of<'b>(board: &'b Board, bank: &'b FlashBank) -> Outcome<Target<'b>> {
    match board.settings.value(Key::Target) {
        Some(name) if name != bank.target => {
            let message = format!("flash bank {} belongs to {}, not to {name}", bank.name, bank.target);
            Err(Failure::usage(message).help(format!("leave --target out, or name {}", bank.target)))
        }
        _ => Ok(board.session.target_named(&bank.target)?),
    }
}

fn sectors<R: ProgressReport>(flash: &Flash<'_, R>, bank: BankId<'_>, first: u32, last: u32) -> Result<u64> {
    flash.erase_sector(bank, first, last)?;
    let erased = flash.layout(bank)?.sectors.into_iter().filter(|sector| (first..=last).contains(&sector.index));
    Ok(erased.map(|sector| sector.size).sum())
}

fn whole<R: ProgressReport>(flash: &Flash<'_, R>, bank: BankId<'_>) -> Result<u64> {
    flash.erase_all(bank)?;
    Ok(flash.probe(bank)?.size)
}

/// A bank that cannot be erased ends it: its error names the address.
fn everything<R: ProgressReport>(flash: &Flash<'_, R>, target: &str) -> Result<u64> {
    let banks = flash.banks()?;
    banks.iter().filter(|bank| bank.target == target).map(|bank| whole(flash, bank.into())).sum()
}

fn plan<'a>(arguments: &'a EraseArgs, names: &Names) -> Outcome<Plan<'a>> {
    let bank = arguments.bank.as_deref().map(bank_id);
    match (bank, &arguments.range[..], arguments.all) {
        (None, [], true) => Ok(Plan::Everything),
        (Some(bank), [], true) => Ok(Plan::Bank(bank)),
        (Some(bank), [first, last], false) => {
            let number = |text| number::number_u32(text).map_err(Failure::usage);
            let (first, last) = (number(first)?, number(last)?);
            check_order(first, last)?;
            Ok(Plan::Sectors { bank, first, last })
        }
        (Some(_), [word], false) if number::number_u32(word).is_ok() => {
            let bank = arguments.bank.as_deref().unwrap_or_default();
            Err(Failure::usage("the last sector is missing")
                .help(format!("for sector {word} alone: --bank {bank} {word} {word}"))
                .help(format!("for the whole bank: --bank {bank} --all")))
        }
        (_, [word], false) if word == "all" => {
            Err(Failure::usage("what is to be erased?").help("to erase everything say --all"))
        }
        (None, words @ [_, ..], false) => {
            let range = names.extent(words)?;
            if range.is_empty() {
                return Err(Failure::usage("the length is 0: there is nothing to erase"));
            }
            Ok(Plan::Range(range))
        }
        (bank, ..) => Err(Failure::usage("what is to be erased?").help(match bank {
            Some(_) => "name the first and the last sector, or say --all for the whole bank",
            None => "name an address and a length, or a range, or sectors with --bank, or say --all for all flash",
        })),
    }
}

/// Refuses a first sector that is after the last.
pub(crate) fn check_order(first: u32, last: u32) -> Outcome<()> {
    if first <= last {
        return Ok(());
    }
    let message = format!("the range is reversed: its first sector {first} is after its last, {last}");
    Err(Failure::usage(message).help(format!("the lower number goes first: {last} {first}")))
}

/// A bank by its number, or else by its name.
pub(crate) fn bank_id(text: &str) -> BankId<'_> {
    match number::number_u32(text) {
        Ok(number) => BankId::Number(number),
        Err(_) => BankId::Name(text),
    }
}
