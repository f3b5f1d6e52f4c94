//! What a line of the repl is. No I/O.

/// A line, without the white space around it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Empty,
    End,
    /// A command of OpenOCD.
    Tcl(&'a str),
    /// A command of ours, without `ocd`.
    Ours(Vec<String>),
    /// A command of ours that cannot be read.
    Wrong(&'static str),
}

impl Line<'_> {
    pub(super) fn of(text: &str) -> Line<'_> {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            return Line::Empty;
        }
        if matches!(text, "exit" | "quit") {
            return Line::End;
        }
        match text.strip_prefix("ocd") {
            Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => match split(rest) {
                Some(words) => Line::Ours(words),
                None => Line::Wrong("a quote is not closed"),
            },
            _ => Line::Tcl(text),
        }
    }
}

/// Splits words as a shell does: quotes hold words together, a backslash escapes outside of single
/// quotes.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(characters.next()?),
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (_, None) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Whether nothing of a command is missing. `is_complete` says it of Tcl. A command of ours is a
/// line, whatever braces it has.
pub(super) fn is_whole(text: &str, is_complete: impl Fn(&str) -> bool) -> bool {
    !matches!(Line::of(text), Line::Tcl(_)) || is_complete(text)
}

/// The commands of a text with several lines, and whether the last one is whole.
pub(super) fn commands(text: &str, is_complete: impl Fn(&str) -> bool) -> (Vec<String>, bool) {
    let mut all = Vec::new();
    let mut rest = String::new();
    for line in text.lines() {
        rest.push_str(line);
        if is_whole(&rest, &is_complete) {
            all.push(std::mem::take(&mut rest));
        } else {
            rest.push('\n');
        }
    }
    let is_last_whole = rest.is_empty();
    all.extend(Some(rest).filter(|_| !is_last_whole));
    (all, is_last_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(words: &[&str]) -> Line<'static> {
        Line::Ours(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(Line::of("  \t"), Line::Empty);
        assert_eq!(Line::of("# a comment"), Line::Empty);
        assert_eq!(Line::of(" exit "), Line::End);
        assert_eq!(Line::of(" targets; halt "), Line::Tcl("targets; halt"));
        assert_eq!(Line::of("ocdx"), Line::Tcl("ocdx"));
        assert_eq!(Line::of("ocd"), ours(&[]));
        assert_eq!(
            Line::of("ocd  mem read 'a b' \"c\\\"d\" e\\ f ''"),
            ours(&["mem", "read", "a b", "c\"d", "e f", ""])
        );
        assert_eq!(Line::of("ocd 'a"), Line::Wrong("a quote is not closed"));
        assert_eq!(Line::of("ocd a\\"), Line::Wrong("a quote is not closed"));
    }

    #[test]
    fn text_is_cut_into_its_commands() {
        let is_complete = |text: &str| text.matches('{').count() == text.matches('}').count();
        let of = |text| commands(text, is_complete);
        assert_eq!(
            of("if 1 {\nhalt\n}\nocd run 'p{y.elf'\nresume"),
            (vec!["if 1 {\nhalt\n}".to_owned(), "ocd run 'p{y.elf'".to_owned(), "resume".to_owned()], true)
        );
        assert_eq!(of("# {\nif 1 {\nocd run"), (vec!["# {".to_owned(), "if 1 {\nocd run\n".to_owned()], false));
        assert_eq!(of(""), (Vec::new(), true));
    }
}
