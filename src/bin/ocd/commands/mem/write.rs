//! `ocd mem write`.

use std::fmt;

use clap::Args;
use openocd::FlashBank;
use serde::Serialize;

use super::{Width, memory};
use crate::address::{Names, Place};
use crate::board::Board;
use crate::context::Context;
use crate::core_registers::is_core_register;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// Where to begin: a number, a symbol of --elf or an SVD register; or ADDRESS=VALUE with the
    /// first value.
    address: String,
    /// The values, one after the other. A negative one is taken as its two's complement.
    #[arg(allow_negative_numbers = true)]
    values: Vec<String>,
    /// Bits of each value [default: that of the symbol or SVD register, otherwise 32].
    #[arg(long, short, value_enum)]
    width: Option<Width>,
    /// Do not read the values back: some registers read as something else, or change when read.
    #[arg(long)]
    no_verify: bool,
    /// The address is physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

struct Plan {
    address: u64,
    width: Width,
    values: Vec<u64>,
}

#[derive(Serialize)]
struct Report {
    address: u64,
    width: u32,
    values: Vec<u64>,
    /// Whether they were read back.
    verified: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.values.len();
        let (what, width) = (if count == 1 { "value" } else { "values" }, self.width);
        let verified = if self.verified { "verified" } else { "not verified" };
        write!(f, "wrote {count} {what} of {width} bits at {:#010x}, {verified}", self.address)
    }
}

pub(crate) fn run(context: &Context, arguments: &WriteArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| {
            let (place, values) = arguments.place_and_values(&Names::new(settings))?;
            let width = arguments.width.or(Width::of(&place)).unwrap_or(Width::W32);
            width.check(place.address)?;
            let values = values.into_iter().map(|text| number::value(text, width.bits()).map_err(Failure::usage));
            Ok(Plan { address: place.address, width, values: values.collect::<Outcome<_>>()? })
        },
        |board, Plan { address, width, values }| {
            let memory = memory(board, arguments.phys)?;
            width.write(&memory, *address, values).map_err(|failure| with_hint_to_flash(failure, board, *address))?;
            if !arguments.no_verify {
                let held = width.read(&memory, *address, values.len())?;
                check(board, *address, *width, values, &held)?;
            }
            let (width, verified) = (width.bits(), !arguments.no_verify);
            Ok(Done::from(Report { address: *address, width, values: values.clone(), verified }))
        },
    )
}

impl WriteArgs {
    /// Where to begin, and the values as they were typed.
    fn place_and_values(&self, names: &Names) -> Outcome<(Place, Vec<&str>)> {
        let values = self.values.iter().map(String::as_str);
        let place = names.place(&self.address);
        // The name of an operator of C++ may hold the sign, too.
        if let (Err(_), Some((address, value))) = (&place, self.address.rsplit_once('=')) {
            self.one_place()?;
            if is_core_register(address) && names.place(address).is_err() {
                let message = format!("{address} is a core register, which has no address");
                return Err(Failure::usage(message).help(format!("ocd regs --write {}", self.address)));
            }
            return Ok((names.place(address)?, std::iter::once(value).chain(values).collect()));
        }
        if self.values.is_empty() {
            return Err(Failure::usage(format!("no value for {}", self.address))
                .help(format!("ocd mem write {address} VALUE, or {address}=VALUE", address = self.address)));
        }
        self.one_place()?;
        Ok((place?, values.collect()))
    }

    /// Refuses `PLACE=VALUE` among the values.
    fn one_place(&self) -> Outcome<()> {
        let Some(other) = self.values.iter().find(|value| value.contains('=')) else { return Ok(()) };
        let message = format!("{other:?} is no value: all values of one command follow each other");
        Err(Failure::usage(message).help(format!("write it by a command of its own: ocd mem write {other}")))
    }
}

/// Checks what was read back.
fn check(board: &Board, address: u64, width: Width, written: &[u64], held: &[u64]) -> Outcome<()> {
    let different = written.iter().zip(held).zip(0..).find(|((written, held), _)| written != held);
    let Some(((written, held), index)) = different else { return Ok(()) };
    let address = address.wrapping_add(index * width.bytes());
    let digits = width.bits() as usize / 4 + 2;
    let message = format!("{address:#010x} reads {held:#0digits$x} after {written:#0digits$x} was written");
    let failure = with_hint_to_flash(Failure::new(exit_status::MISMATCH, "ocd.mismatch", message), board, address);
    if !failure.help.is_empty() {
        return Err(failure);
    }
    Err(failure.help(
        "a register may read as something else, or the firmware may have changed it: --no-verify skips the check",
    ))
}

/// Says which command writes flash, if the address is there.
fn with_hint_to_flash(failure: Failure, board: &Board, address: u64) -> Failure {
    // Without an OpenOCD that answers, nothing more can be asked.
    if ![exit_status::MISMATCH, exit_status::TARGET].contains(&failure.status) {
        return failure;
    }
    // What failed counts, not that the banks cannot be listed.
    let banks = board.target().ok().and_then(|target| target.flash().banks().ok()).unwrap_or_default();
    let is_in = |bank: &FlashBank| address.checked_sub(bank.base).is_some_and(|offset| offset < bank.size);
    match banks.into_iter().find(is_in) {
        Some(FlashBank { name, .. }) => failure.help(format!(
            "{address:#010x} is in flash bank \"{}\", which a write to memory does not change: ocd flash FILE@{address:#010x} writes it",
            name.escape_debug()
        )),
        None => failure,
    }
}
