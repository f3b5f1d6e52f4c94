//! `ocd protect` and `ocd unprotect`: the write protection of flash.

use std::fmt;

use clap::Args;
use openocd::{BankId, Flash, FlashInfo, SectorKind, Target, TargetState};
use serde::Serialize;

use super::erase::{bank_id, check_order, target_of};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::number;

#[derive(Debug, Args)]
pub(crate) struct ProtectArgs {
    /// The first sector; where the chip protects blocks of several sectors, the first block. `ocd
    /// banks --sectors` shows them.
    #[arg(value_parser = number::number_u32)]
    first: u32,
    /// The last one.
    #[arg(value_parser = number::number_u32)]
    last: u32,
    /// The flash bank, by its number or name [default: the only one].
    #[arg(long, value_name = "BANK")]
    bank: Option<String>,
}

#[derive(Serialize)]
struct Report {
    bank: String,
    kind: SectorKind,
    first: u32,
    last: u32,
    /// What was asked for.
    protect: bool,
    /// Whether the chip obeys it now. Many chips do only after a reset.
    in_effect: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { bank, kind, first, last, protect, in_effect } = self;
        let verb = if *protect { "protected" } else { "unprotected" };
        write!(f, "{kind}s {first} to {last} of {bank} are {verb}")?;
        if *in_effect { Ok(()) } else { f.write_str(" after the next reset: ocd reset") }
    }
}

pub(crate) fn run(context: &Context, arguments: &ProtectArgs, protect: bool) -> Outcome<u8> {
    let (first, last) = (arguments.first, arguments.last);
    check_order(first, last)?;
    context.each_board(|board| {
        let bank = one_bank(board.target()?.flash(), arguments.bank.as_deref())?;
        let target = target_of(board, &bank)?;
        let flash = target.flash();
        halted(&target, || {
            match protect {
                true => flash.protect(&bank, first..=last)?,
                false => flash.unprotect(&bank, first..=last)?,
            }
            let layout = flash.layout(&bank)?;
            let states = protection(&layout);
            let kind =
                if layout.protection_blocks.is_empty() { SectorKind::Sector } else { SectorKind::ProtectionBlock };
            let mut asked = states.iter().filter(|(index, _)| (first..=last).contains(index));
            let in_effect = asked.all(|(_, state)| *state == Some(protect));
            Ok(Report { bank: layout.bank.name, kind, first, last, protect, in_effect })
        })
    })
}

/// The numbers that the protection counts, and what the chip obeys.
fn protection(layout: &FlashInfo) -> Vec<(u32, Option<bool>)> {
    if layout.protection_blocks.is_empty() {
        layout.sectors.iter().map(|sector| (sector.index, sector.protected)).collect()
    } else {
        layout.protection_blocks.iter().map(|block| (block.index, block.protected)).collect()
    }
}

/// The bank that is meant.
fn one_bank(flash: Flash<'_>, wanted: Option<&str>) -> Outcome<openocd::FlashBank> {
    let banks = flash.banks()?;
    let is_wanted = |bank: &openocd::FlashBank| match wanted.map(bank_id) {
        None => true,
        Some(BankId::Number(number)) => bank.number == number,
        Some(BankId::Name(name)) => bank.name == name,
        Some(_) => false,
    };
    let list: Vec<String> = banks.iter().map(ToString::to_string).collect();
    let mut found: Vec<_> = banks.into_iter().filter(is_wanted).collect();
    match (found.pop(), found.is_empty()) {
        (Some(bank), true) => Ok(bank),
        (Some(_), false) => Err(Failure::usage("there are several flash banks, and none was chosen")
            .help(format!("choose with --bank: {}", list.join(", ")))),
        // For its list of banks.
        (None, _) => Ok(flash.probe(wanted.map_or(BankId::Number(0), bank_id))?),
    }
}

/// Runs `command` while the target is halted. A target that ran runs again afterwards.
fn halted<T>(target: &Target<'_>, command: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let ran = target.status()?.state == TargetState::Running;
    if ran {
        target.halt()?;
    }
    let done = command();
    let resumed = if ran { target.resume().map_err(Failure::from) } else { Ok(()) };
    done.and_then(|done| resumed.map(|()| done))
}
