//! Checks `--log-format`: the formatter of defmt panics at a wrong one, and leaves out what follows
//! a wrong part.

use defmt_decoder::log::format::{Formatter, FormatterConfig, FormatterFormat};

use crate::panics;

/// The most digits of a width.
const WIDTH_DIGITS: usize = 3;

/// Reads a format: one of the names, or one that the formatter takes as a whole.
pub(super) fn parse(text: &str) -> Result<String, String> {
    if matches!(text, "oneline" | "full") {
        return Ok(text.to_owned());
    }
    if text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > WIDTH_DIGITS) {
        return Err(format!("a width has at most {WIDTH_DIGITS} digits"));
    }
    if !is_taken(text) {
        return Err("it is neither oneline nor full, and lacks {s}, the text of the entry".to_owned());
    }
    // The formatter reads up to the first part that it does not understand: then {s} is missing.
    match parts(text).into_iter().find(|part| !is_taken(&format!("{part}{{s}}"))) {
        Some(part) => Err(format!("defmt's formatter does not understand {part:?}")),
        None => Ok(text.to_owned()),
    }
}

fn is_taken(format: &str) -> bool {
    let config = FormatterConfig { format: FormatterFormat::Custom(format), is_timestamp_available: true };
    panics::caught(|| drop(Formatter::new(config))).is_ok()
}

/// The text between braces, and each outermost pair of braces with what is in it.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, character) in text.char_indices() {
        let end = match character {
            '{' if depth == 0 => at,
            '}' if depth == 1 => at + 1,
            _ => begin,
        };
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if end > begin {
            parts.push(&text[begin..end]);
            begin = end;
        }
    }
    parts.extend(Some(&text[begin..]).filter(|rest| !rest.is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_taken_as_a_whole_or_not_at_all() {
        for text in ["oneline", "full", "{s}", "{t} [{L}] {s}\n└─ {m} @ {F}:{l}", "{[{L:<5:bold}]%underline} {s:>40}"]
        {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        for text in ["", "{", "}", "{L}", "{s}{", "{s} {x} {L}", "{s} % {L}", "{s:>1000}", "{s:red:red}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(parts("a{b{c}}{d}e"), ["a", "{b{c}}", "{d}", "e"]);
        assert_eq!(parts("{a"), ["{a"]);
        assert_eq!(parts(""), [""; 0]);
    }
}
