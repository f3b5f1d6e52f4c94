//! Names similar to one that does not exist.

/// The number of similar names that an error offers.
const OFFERED: usize = 4;

/// The names most similar to `name`: those that differ in case first, then by the number of
/// different letters.
///
/// A name that contains `name`, or is contained in it, is similar, too.
pub(super) fn near_names<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = letters(name);
    let limit = wanted.len() / 3 + 1;
    let mut near: Vec<_> = known
        .filter_map(|known| {
            let letters = letters(known);
            let distance = match distance(&wanted, &letters, limit) {
                Some(distance) => distance,
                None if contains(&letters, &wanted) || contains(&wanted, &letters) => limit + 1,
                None => return None,
            };
            Some((distance, known))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.dedup_by_key(|(_, name)| *name);
    near.into_iter().take(OFFERED).map(|(_, name)| name.to_owned()).collect()
}

/// The letters and digits of a name, in lower case: `cluster[0].reg` is much like `CLUSTER0_REG`.
fn letters(name: &str) -> Vec<char> {
    name.chars().take(64).filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

fn contains(long: &[char], short: &[char]) -> bool {
    short.len() >= 2 && long.windows(short.len()).any(|window| window == short)
}

/// The number of letters to replace, insert or remove (Levenshtein), if it is at most `limit`.
fn distance(a: &[char], b: &[char], limit: usize) -> Option<usize> {
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
