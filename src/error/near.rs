//! Names that are similar to one that does not exist.

use std::borrow::Cow;

/// How many names an error offers.
const OFFERED: usize = 4;

/// How many letters of a name are compared.
const COMPARED: usize = 64;

/// Finds the names most like `name`, the most similar first.
///
/// Case and punctuation do not count. Of a path (`my_crate::counter`) the last part also counts. A
/// name that contains `name`, or is contained in it, is similar too.
pub(crate) fn near_names<'a, N: Into<Cow<'a, str>>>(name: &str, known: impl Iterator<Item = N>) -> Vec<String> {
    let (wanted, wanted_last) = (letters(name), letters(last(name)));
    let limit = wanted.len() / 3 + 1;
    let mut near: Vec<(usize, String)> = Vec::new();
    for known in known {
        let known = known.into();
        let letters_of_known = letters(&known);
        let distances = [distance(&wanted, &letters_of_known), distance(&wanted_last, &letters(last(&known)))];
        let contains = contains(&letters_of_known, &wanted) || contains(&wanted, &letters_of_known);
        let contained = contains.then_some(limit + 1);
        let Some(distance) = distances.into_iter().flatten().min().or(contained) else { continue };
        let place = near.partition_point(|(other, _)| *other <= distance);
        if place < OFFERED && !near.iter().any(|(_, name)| **name == *known) {
            near.insert(place, (distance, known.into_owned()));
            near.truncate(OFFERED);
        }
    }
    near.into_iter().map(|(_, name)| name).collect()
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or_default()
}

fn letters(name: &str) -> Vec<char> {
    name.chars().take(COMPARED).filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

fn contains(long: &[char], short: &[char]) -> bool {
    short.len() >= 2 && long.windows(short.len()).any(|window| window == short)
}

/// Counts the letters to replace, insert or remove (Levenshtein), if they are at most about a third
/// of `a`.
fn distance(a: &[char], b: &[char]) -> Option<usize> {
    let limit = a.len() / 3 + 1;
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::near_names;

    fn near(name: &str, known: &[&str]) -> String {
        near_names(name, known.iter().copied()).join(" ")
    }

    #[test]
    fn the_most_similar_name_comes_first() {
        assert_eq!(near("gpioa", &["GPIOB", "GPIOA", "RCC"]), "GPIOA GPIOB");
        assert_eq!(near("CFG", &["CR", "CFGR", "CFGR2"]), "CFGR CR CFGR2");
        assert_eq!(near("PSEL.SCK", &["PSEL_MOSI", "PSEL_SCK"]), "PSEL_SCK");
    }

    #[test]
    fn a_name_that_is_not_similar_is_not_offered() {
        assert_eq!(near("USART1", &["RCC", "FLASH"]), "");
        assert_eq!(near("", &["A"]), "A");
    }
}
