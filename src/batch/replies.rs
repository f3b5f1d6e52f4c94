//! Reads the reply to a batch. No I/O.

use std::borrow::Cow;

use crate::command::Reply;
use crate::wire::tcl;

/// Reads the list of results, which an empty element ends, and the list `index code log …` of the
/// commands that failed or logged.
pub(super) fn parse<'r>(results: &'r [u8], others: &'r [u8]) -> Option<Vec<Reply<'r>>> {
    let reply = |result| Some(Reply { code: 0, result, log: Cow::Borrowed(&[][..]) });
    let mut replies: Vec<_> = tcl::elements(results).map(|result| reply(result.ok()?)).collect::<Option<_>>()?;
    replies.pop().filter(|end| end.result.is_empty())?;
    let mut others = tcl::elements(others).peekable();
    let mut next = 0;
    while others.peek().is_some() {
        let index: usize = number(&others.next()?.ok()?)?;
        let reply = replies.get_mut(index).filter(|_| index >= next)?;
        reply.code = number(&others.next()?.ok()?)?;
        reply.log = others.next()?.ok()?;
        next = index + 1;
    }
    Some(replies)
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(results: &str, others: &str) -> Option<Vec<(i32, String, String)>> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let replies = parse(results.as_bytes(), others.as_bytes())?;
        Some(replies.iter().map(|r| (r.code, text(&r.result), text(&r.log))).collect())
    }

    fn reply(code: i32, result: &str, log: &str) -> (i32, String, String) {
        (code, result.to_owned(), log.to_owned())
    }

    #[test]
    fn failures_and_logs_go_to_their_commands() {
        assert_eq!(
            read("{dummy\n} {} {no such thing} x {}", "2 -4 {Error: it failed} 3 0 {a log\n}"),
            Some(vec![
                reply(0, "dummy\n", ""),
                reply(0, "", ""),
                reply(-4, "no such thing", "Error: it failed"),
                reply(0, "x", "a log\n"),
            ])
        );
        assert_eq!(read("{}", ""), Some(vec![]));
    }

    #[test]
    fn other_lists_are_refused() {
        for (results, others) in [
            ("", ""),
            ("a", ""),
            ("{a", ""),
            ("a {}", "0"),
            ("a {}", "0 1"),
            ("a {}", "1 1 {}"),
            ("a {}", "x 1 {}"),
            ("a {}", "0 x {}"),
            ("a {}", "0 1 {"),
            ("a {}", "0 1 {} 0 1 {}"),
        ] {
            assert_eq!(read(results, others), None, "{results:?} {others:?}");
        }
    }
}
