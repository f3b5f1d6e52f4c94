//! Arrays: the number of elements, and what stands for `%s` in each.

use std::borrow::Cow;

/// `dim`, `dimIncrement` and `dimIndex` of an element that is an array.
#[derive(Debug, Clone)]
pub(in crate::svd) struct Dim {
    pub(in crate::svd) count: u32,
    /// Bytes, or bits of a field, from one element to the next.
    pub(in crate::svd) increment: u32,
    /// As many indices as elements. Without any, the elements are counted from 0.
    pub(super) indices: Option<Vec<Indices>>,
}

/// A part of a list of indices: `0-3`, `A-D`, `X`. A range stays a range, however long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Indices {
    Numbers { first: u64, last: u64 },
    Letters { first: u8, last: u8 },
    Word(String),
}

impl Dim {
    /// What stands for `%s`, element by element.
    pub(in crate::svd) fn index_texts(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let counted = (self.indices.is_none()).then(|| (0..self.count).map(|index| index.to_string().into()));
        let listed = self.indices.iter().flatten().flat_map(Indices::texts);
        counted.into_iter().flatten().chain(listed)
    }

    /// A text stands for `%s` in one of the elements.
    pub(in crate::svd) fn has_index(&self, text: &str) -> bool {
        let number = || text.parse::<u64>().ok().filter(|number| number.to_string() == text);
        match &self.indices {
            None => number().is_some_and(|number| number < self.count.into()),
            Some(list) => list.iter().any(|part| match part {
                Indices::Numbers { first, last } => number().is_some_and(|number| (*first..=*last).contains(&number)),
                Indices::Letters { first, last } => {
                    matches!(text.as_bytes(), [letter] if (first..=last).contains(&letter))
                }
                Indices::Word(word) => word == text,
            }),
        }
    }

    /// How many parts [`has_index`](Self::has_index) may have to look at.
    pub(in crate::svd) fn parts(&self) -> usize {
        self.indices.as_ref().map_or(1, Vec::len)
    }
}

impl Indices {
    fn count(&self) -> u64 {
        match self {
            Indices::Numbers { first, last } => last - first + 1,
            Indices::Letters { first, last } => u64::from(last - first) + 1,
            Indices::Word(_) => 1,
        }
    }

    fn texts(&self) -> Box<dyn Iterator<Item = Cow<'_, str>> + '_> {
        match self {
            Indices::Numbers { first, last } => Box::new((*first..=*last).map(|number| number.to_string().into())),
            Indices::Letters { first, last } => {
                Box::new((*first..=*last).map(|letter| char::from(letter).to_string().into()))
            }
            Indices::Word(word) => Box::new(std::iter::once(Cow::Borrowed(&**word))),
        }
    }
}

/// Reads `A,B,C`, `0-3`, `A-D`, and mixtures, for so many elements. `None` for what is no list, or
/// one of another length.
///
/// The second value tells that the list is not written as the standard has it: with white space.
pub(super) fn indices(text: &str, count: u32) -> Option<(Vec<Indices>, bool)> {
    let is_unusual = text.contains(char::is_whitespace);
    let has_comma = text.contains(',');
    let parts: Vec<&str> = if has_comma || text.contains('-') {
        text.split(',').map(str::trim).collect()
    } else {
        text.split_whitespace().collect()
    };
    if parts.len() as u64 > u64::from(count) {
        return None;
    }
    let list: Option<Vec<_>> = parts.into_iter().map(part).collect();
    let list = list?;
    let total = list.iter().fold(0_u64, |total, part| total.saturating_add(part.count()));
    (total == u64::from(count)).then_some((list, is_unusual))
}

fn part(text: &str) -> Option<Indices> {
    let Some((first, last)) = text.split_once('-') else {
        return (!text.is_empty()).then(|| Indices::Word(text.to_owned()));
    };
    let (first, last) = (first.trim_end(), last.trim_start());
    if let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>()) {
        return (first <= last && last < u64::MAX).then_some(Indices::Numbers { first, last });
    }
    match (first.as_bytes(), last.as_bytes()) {
        (&[first], &[last]) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() && first <= last => {
            Some(Indices::Letters { first, last })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str, count: u32) -> Option<String> {
        let (list, _) = indices(text, count)?;
        let dim = Dim { count, increment: 4, indices: Some(list) };
        let texts: Vec<_> = dim.index_texts().collect();
        assert!(texts.iter().all(|text| dim.has_index(text)));
        assert!(!dim.has_index("none"));
        Some(texts.join(" "))
    }

    #[test]
    fn lists_of_indices_are_read() {
        assert_eq!(list("A, B,C", 3).as_deref(), Some("A B C"));
        assert_eq!(list("A B C", 3).as_deref(), Some("A B C"));
        assert_eq!(list("3-6", 4).as_deref(), Some("3 4 5 6"));
        assert_eq!(list("3 - 6", 4).as_deref(), Some("3 4 5 6"));
        assert_eq!(list("A-D", 4).as_deref(), Some("A B C D"));
        assert_eq!(list("0-1,7", 3).as_deref(), Some("0 1 7"));
    }

    #[test]
    fn a_list_of_another_length_is_none() {
        for (text, count) in
            [("", 1), ("A,B", 3), ("0-4294967295", 5), ("4-1", 4), ("A-", 1), ("AA-BB", 2), ("A,,B", 3)]
        {
            assert_eq!(list(text, count), None, "{text:?}");
        }
    }

    #[test]
    fn white_space_in_a_list_is_reported() {
        assert!(indices("A, B", 2).unwrap().1);
        assert!(!indices("A,B", 2).unwrap().1);
    }
}
