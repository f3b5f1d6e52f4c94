//! `ocd info`: what is connected, on one page.

use crate::context::Context;
use crate::failure::Outcome;

pub(crate) fn run(_: &Context) -> Outcome<u8> {
    unreachable!()
}
