//! What a line of the repl is. No I/O.

/// A line, or several of which all but the last end in a backslash, without the white space around.
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
        let begun = text.trim_start();
        let text = begun.trim_end();
        if text.is_empty() || text.starts_with('#') {
            return Line::Empty;
        }
        if matches!(text, "exit" | "quit") {
            return Line::End;
        }
        // A backslash may escape white space at the end.
        match begun.strip_prefix("ocd") {
            Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => match split(rest) {
                Ok(words) => Line::Ours(words),
                Err(problem) => Line::Wrong(problem),
            },
            // It joins the next line, which may be empty.
            _ if text.ends_with('\\') => Line::Tcl(begun),
            _ => Line::Tcl(text),
        }
    }
}

/// Splits words as a shell does: quotes hold words together, a backslash escapes outside of single
/// quotes, and one at the end of a line joins the next line.
fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            ('\\', None | Some('"')) => match characters.next() {
                Some('\n') => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err("nothing follows the backslash"),
            },
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (_, None) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

/// Whether nothing of a command is missing. `is_complete` says it of Tcl. A command of ours is a
/// line, and so is a comment, whatever braces they have; a backslash at its end joins the next one.
pub(super) fn is_whole(text: &str, is_complete: impl Fn(&str) -> bool) -> bool {
    match Line::of(text) {
        Line::Tcl(_) => is_complete(text),
        // Two backslashes are one that is escaped.
        _ => text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0,
    }
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
        assert_eq!(Line::of("ocd a\\"), Line::Wrong("nothing follows the backslash"));
        assert_eq!(Line::of(" ocd a\\\nb \\\n 'c\\' \\ \n"), ours(&["ab", "c\\", " "]));
        assert_eq!(Line::of("# a comment \\\nresume"), Line::Empty);
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
        let line_by_line = (vec!["# a \\\n b".to_owned(), "ocd c \\\nd".to_owned(), "# \\\\".to_owned()], true);
        assert_eq!(of("# a \\\n b\nocd c \\\nd\n# \\\\"), line_by_line);
        assert_eq!(of(""), (Vec::new(), true));
    }
}
