//! Names that are similar to one that does not exist.

use std::borrow::Cow;

/// How many names an error offers.
const OFFERED: usize = 4;

/// How many letters of a name are compared.
const COMPARED: usize = 64;

/// Finds the names most like `name`, the most similar first. Of a path (`my_crate::counter`) the last part also counts.
pub(super) fn near_names<'a>(name: &str, known: impl Iterator<Item = Cow<'a, str>>) -> Vec<String> {
    let (wanted, wanted_last) = (letters(name), letters(last(name)));
    let mut near: Vec<(usize, String)> = Vec::new();
    for known in known {
        let distances = [distance(&wanted, &letters(&known)), distance(&wanted_last, &letters(last(&known)))];
        let Some(distance) = distances.into_iter().flatten().min() else { continue };
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
    name.chars().take(COMPARED).map(|c| c.to_ascii_lowercase()).collect()
}

/// Counts the letters to replace, insert or remove (Levenshtein), if they are at most about a third of `a`.
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
