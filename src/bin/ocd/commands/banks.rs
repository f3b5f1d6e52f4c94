//! `ocd banks`: the flash of the target.

use std::fmt;

use clap::Args;
use openocd::{FlashBank, FlashInfo, ProtectionBlock, Sector};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::table::table;

#[derive(Debug, Args)]
pub(crate) struct BanksArgs {
    /// List the sectors too, and the blocks that are protected.
    #[arg(long)]
    sectors: bool,
    /// Find out which sectors are erased. Takes a halted target and some time.
    #[arg(long)]
    erased: bool,
}

impl BanksArgs {
    pub(crate) fn looks_for_erased(&self) -> bool {
        self.erased
    }
}

#[derive(Serialize)]
struct Report {
    banks: Vec<Bank>,
    #[serde(skip)]
    with_sectors: bool,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "its name in JSON")]
struct Bank {
    bank: FlashBank,
    sectors: Vec<Sector>,
    protection_blocks: Vec<ProtectionBlock>,
    /// Why its sectors are not known.
    problem: Option<Failure>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.banks.is_empty() {
            return f.write_str("no flash banks");
        }
        let rows = self.banks.iter().map(|Bank { bank, sectors, problem, .. }| {
            let about = problem.as_ref().map_or_else(|| summary(sectors), ToString::to_string);
            let size = if bank.size == 0 { "?".to_owned() } else { in_kib(bank.size) };
            let (number, base) = (bank.number.to_string(), format!("{:#010x}", bank.base));
            [number, bank.name.clone(), bank.driver.clone(), base, size, about]
        });
        f.write_str(&table(["bank", "name", "driver", "address", "size", "sectors"], rows))?;
        for Bank { bank, sectors, protection_blocks, .. } in self.banks.iter().filter(|_| self.with_sectors) {
            let address = |offset| format!("{:#010x}", bank.base.wrapping_add(offset));
            let rows = sectors.iter().map(|sector| {
                let flags = [flag(sector.protected, "protected"), flag(sector.erased, "erased")].concat();
                [sector.index.to_string(), address(sector.offset), in_kib(sector.size), flags.join(", ")]
            });
            write!(f, "\n\n{}\n{}", bank.name, table(["sector", "address", "size", ""], rows))?;
            if !protection_blocks.is_empty() {
                let rows = protection_blocks.iter().map(|block| {
                    let flags = flag(block.protected, "protected").join(", ");
                    [block.index.to_string(), address(block.offset), in_kib(block.size), flags]
                });
                write!(f, "\n\n{}", table(["protection block", "address", "size", ""], rows))?;
            }
        }
        Ok(())
    }
}

/// "128 of 1 KiB, 8 protected"
fn summary(sectors: &[Sector]) -> String {
    let sizes: Vec<u64> = sectors.chunk_by(|one, next| one.size == next.size).map(|chunk| chunk[0].size).collect();
    let mut text = sectors.len().to_string();
    match sizes[..] {
        [] => {}
        [size] => text = format!("{text} of {}", in_kib(size)),
        _ => text.push_str(" of several sizes"),
    }
    let protected = sectors.iter().filter(|sector| sector.protected == Some(true)).count();
    let erased = sectors.iter().filter(|sector| sector.erased == Some(true)).count();
    for (count, name) in [(protected, "protected"), (erased, "erased")].into_iter().filter(|(count, _)| *count > 0) {
        text = format!("{text}, {count} {name}");
    }
    text
}

fn flag(state: Option<bool>, name: &str) -> Vec<&str> {
    state.filter(|is| *is).map(|_| name).into_iter().collect()
}

fn in_kib(bytes: u64) -> String {
    if bytes % 1024 == 0 { format!("{} KiB", bytes / 1024) } else { format!("{bytes} bytes") }
}

pub(crate) fn run(context: &Context, arguments: &BanksArgs) -> Outcome<u8> {
    context.each_board(|board| {
        let flash = board.target()?.flash();
        let banks = flash.banks()?.into_iter().map(|bank| {
            let layout = if arguments.erased { flash.info(&bank) } else { flash.layout(&bank) };
            match layout {
                Ok(FlashInfo { bank, sectors, protection_blocks, .. }) => {
                    Bank { bank, sectors, protection_blocks, problem: None }
                }
                Err(error) => Bank {
                    bank,
                    sectors: Vec::new(),
                    protection_blocks: Vec::new(),
                    problem: Some(Failure::from(error)),
                },
            }
        });
        Ok(Report { banks: banks.collect(), with_sectors: arguments.sectors })
    })
}
