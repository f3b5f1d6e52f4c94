//! `ocd mem search`.

use std::fmt;
use std::ops::Range;

use clap::Args;
use serde::Serialize;

use super::{ByteOrder, Width, memory, watched};
use crate::address::Names;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::output::Done;

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Where: START..END without the end, START..+LENGTH, START+LENGTH, or the name of a symbol.
    range: String,
    /// Bytes in the order of their addresses, in hexadecimal: deadbeef or "de ad be ef".
    pattern: String,
    /// The pattern is text.
    #[arg(long, short)]
    text: bool,
    /// The pattern is a number of this many bits, in the target's byte order.
    #[arg(long, short, value_enum, conflicts_with = "text")]
    width: Option<Width>,
    /// The addresses are physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

enum Pattern {
    Bytes(Vec<u8>),
    Number(u64, Width),
}

#[derive(Serialize)]
struct Report {
    matches: Vec<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.matches.iter().try_for_each(|address| writeln!(f, "{address:#010x}"))
    }
}

pub(crate) fn run(context: &Context, arguments: &SearchArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| Ok((Names::new(settings).range(&arguments.range)?, arguments.pattern()?)),
        |board, (range, pattern): &(Range<u64>, Pattern)| {
            let bytes = match pattern {
                Pattern::Bytes(bytes) => bytes.clone(),
                Pattern::Number(value, width) => ByteOrder::of(board)?.bytes(*value, *width),
            };
            let memory = watched(context, board, &memory(board, arguments.phys)?, range.end - range.start);
            let matches = memory.search(range.clone(), &bytes)?;
            if matches.is_empty() {
                context.output.note(board.name(), "no match");
            }
            Ok(Done::from(Report { matches }))
        },
    )
}

impl SearchArgs {
    fn pattern(&self) -> Outcome<Pattern> {
        let text = &self.pattern;
        if let Some(width) = self.width {
            let value = number::value(text, width.bits()).map_err(Failure::usage)?;
            return Ok(Pattern::Number(value, width));
        }
        let bytes = if self.text { text.clone().into_bytes() } else { hexadecimal(text)? };
        if bytes.is_empty() {
            return Err(Failure::usage("the pattern is empty"));
        }
        Ok(Pattern::Bytes(bytes))
    }
}

fn hexadecimal(text: &str) -> Outcome<Vec<u8>> {
    let wrong = || {
        Failure::usage(format!("{text:?} is no list of bytes, such as deadbeef or \"de ad be ef\""))
            .help("for a number add --width 32, for text --text")
    };
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        if word.len() % 2 == 1 || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        for at in (0..word.len()).step_by(2) {
            bytes.push(u8::from_str_radix(&word[at..at + 2], 16).map_err(|_| wrong())?);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    #[test]
    fn bytes_are_hexadecimal_with_or_without_blanks() {
        assert_eq!(hexadecimal("deadBEEF").unwrap(), [0xde, 0xad, 0xbe, 0xef]);
        assert_eq!(hexadecimal(" de ad beef").unwrap(), [0xde, 0xad, 0xbe, 0xef]);
        for text in ["0x12", "123", "1 2", "zz", "é0", "de,ad"] {
            assert!(hexadecimal(text).is_err(), "{text}");
        }
    }
}
