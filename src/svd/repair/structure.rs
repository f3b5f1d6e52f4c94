//! Slips in elements that hold others.

use std::ops::Range;

use super::leaf::holds_text;
use super::number::{fits, is_plain, number};
use super::{Leaf, Malformed, OFFSET_FROM_BASE, Open, PATTERN_FOLLOWS, Reader};

/// More elements than any array has. A range such as `0-4294967295` must not become a list.
const LONGEST_LIST: usize = 65536;

impl<'t> Reader<'t> {
    /// Looks at an element that ends, `open` being popped already.
    pub(super) fn check_structure(&mut self, open: &Open<'t>, whole: &Range<usize>) -> Result<(), Malformed> {
        match (self.parent(), open.name) {
            ("registers", "register" | "cluster") | ("fields", "field") | ("peripherals", "peripheral") => {}
            ("registers" | "fields" | "peripherals", name) => {
                self.slip(whole.start, format!("<{name}> does not belong here and is left out"));
                self.remove(whole.clone());
                return Ok(());
            }
            _ => {}
        }
        match open.name {
            // The parser would take the text between them, which nothing here has looked at.
            name if holds_text(name) && !self.is_inside("vendorExtensions") => {
                let message = format!("<{name}> must not have elements inside");
                return Err(Malformed { offset: whole.start, message });
            }
            "range" => self.keep_constraint(),
            // The parser panics on one that has nothing in it.
            "writeConstraint" if !open.is_constraint => {
                self.slip(whole.start, "a <writeConstraint> that says nothing known is left out".to_owned());
                self.remove(whole.clone());
            }
            "field" => {
                self.check_bits(open)?;
                self.check_dim(open);
            }
            "peripheral" | "cluster" | "register" => self.check_dim(open),
            "enumeratedValue" => self.check_enumerated_value(open),
            "interrupt" if !self.has_number(open, "value") || self.leaf(open, "name").is_none() => {
                self.slip(whole.start, "an <interrupt> without name or number is left out".to_owned());
                self.remove(whole.clone());
            }
            "addressBlock" => {
                if self.leaf(open, "usage").is_none() {
                    self.replace(open.tag.end..open.tag.end, "<usage>registers</usage>");
                }
                if !self.has_number(open, "offset") || !self.has_number(open, "size") {
                    self.slip(whole.start, "an <addressBlock> without offset or size is left out".to_owned());
                    self.remove(whole.clone());
                }
            }
            "cpu" => {
                let needed = ["name", "revision", "endian", "nvicPrioBits", "vendorSystickConfig"];
                if let Some(missing) =
                    needed.iter().find(|name| self.leaf(open, name).is_none_or(|leaf| leaf.text.is_empty()))
                {
                    self.slip(whole.start, format!("<cpu> has no <{missing}> and is left out"));
                    self.remove(whole.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn leaf(&self, open: &Open<'t>, name: &str) -> Option<Leaf<'t>> {
        self.leaves[open.leaves_before..].iter().find(|leaf| leaf.name == name).cloned()
    }

    /// There is a number of at most 32 bits, which is what the parser takes.
    fn has_number(&self, open: &Open<'t>, name: &str) -> bool {
        self.leaf(open, name).is_some_and(|leaf| number(leaf.text).is_some() && fits(leaf.text, 32))
    }

    /// Where a field is: what the parser takes only in one form, and must have.
    fn check_bits(&mut self, open: &Open<'t>) -> Result<(), Malformed> {
        let at = open.tag.end..open.tag.end;
        let refused = |leaf: &Leaf<'t>| Malformed {
            offset: leaf.whole.start,
            message: format!("<{}> {:?} does not say which bits a field has", leaf.name, leaf.text),
        };
        if let Some(range) = self.leaf(open, "bitRange") {
            let inner = range.text.trim_start_matches('[').trim_end_matches(']');
            let ends = inner.split_once(':').or_else(|| inner.split_once('-')).unwrap_or((inner, inner));
            let (Some(msb), Some(lsb)) = (bit(ends.0), bit(ends.1)) else { return Err(refused(&range)) };
            let proper = format!("[{}:{}]", msb.max(lsb), msb.min(lsb));
            // The parser does not trim this one.
            if proper != self.text[range.inside.clone()] {
                if proper != range.text {
                    self.slip(range.whole.start, format!("<bitRange> {:?} is taken for {proper:?}", range.text));
                }
                self.replace(range.inside, proper);
            }
            return Ok(());
        }
        let [lsb, msb, offset, width] = ["lsb", "msb", "bitOffset", "bitWidth"].map(|name| self.leaf(open, name));
        if let Some(leaf) = [&lsb, &msb, &offset, &width].into_iter().flatten().find(|leaf| bit(leaf.text).is_none()) {
            return Err(refused(leaf));
        }
        let value = |leaf: &Option<Leaf<'t>>| leaf.as_ref().and_then(|leaf| bit(leaf.text));
        match (value(&lsb), value(&msb), value(&offset), value(&width)) {
            (Some(low), Some(high), ..) => {
                if low > high {
                    self.slip(open.tag.start, format!("<lsb> {low} and <msb> {high} are taken the other way round"));
                }
                for (leaf, value) in [(lsb, low.min(high)), (msb, low.max(high))] {
                    self.put(leaf, value);
                }
            }
            (.., Some(low), Some(bits)) => {
                self.put(offset, low);
                self.put(width, bits);
            }
            (.., Some(low), None) if width.is_none() => {
                if !open.derived {
                    self.slip(open.tag.start, "a field without <bitWidth> is taken for one bit".to_owned());
                }
                self.put(offset, low);
                self.replace(at, "<bitWidth>0</bitWidth>");
            }
            (.., None, bits) if offset.is_none() && lsb.is_none() && msb.is_none() && open.derived => {
                let width = if bits.is_none() { "<bitWidth>0</bitWidth>" } else { "" };
                self.replace(at, format!("<bitOffset>{OFFSET_FROM_BASE}</bitOffset>{width}"));
            }
            // The parser refuses it with its line.
            _ => {}
        }
        Ok(())
    }

    /// Writes a number in the form that the parser takes.
    fn put(&mut self, leaf: Option<Leaf<'t>>, value: u32) {
        if let Some(leaf) = leaf.filter(|leaf| leaf.text != value.to_string()) {
            self.replace(leaf.inside, value.to_string());
        }
    }

    /// An array without `%s` in its name, or with another number of indices than elements.
    fn check_dim(&mut self, open: &Open<'t>) {
        let [dim, increment, index, name] =
            ["dim", "dimIncrement", "dimIndex", "name"].map(|name| self.leaf(open, name));
        let (Some(dim), Some(name)) = (dim, name) else { return };
        if increment.is_none() {
            self.slip(open.tag.start, format!("<{}> has <dim> without <dimIncrement>; there is one", open.name));
        }
        let Some(count) = number(dim.text).and_then(|number| usize::try_from(number.value).ok()) else { return };
        if !name.text.contains("%s") {
            self.slip(name.whole.start, format!("array {:?} has no %s in its name; it is added", name.text));
            let end = name.text_end(self.text);
            self.replace(end..end, "%s");
        }
        let Some(index) = index else { return };
        // One that is no list is left out already.
        let Some(indices) = indices(index.text) else { return };
        if indices.len() == count {
            let list = indices.join(",");
            if list != index.text && number_range(index.text).is_none() {
                self.replace(index.inside, list);
            }
        } else {
            let message = format!("<dimIndex> {:?} is not for {count} elements; they are counted from 0", index.text);
            self.slip(index.whole.start, message);
            self.remove(index.whole);
        }
    }

    /// The parser takes one number only and wants a name.
    fn check_enumerated_value(&mut self, open: &Open<'t>) {
        let [name, value] = ["name", "value"].map(|name| self.leaf(open, name));
        let default = self.leaf(open, "isDefault").is_some();
        let mut pattern = None;
        if let Some(value) = &value {
            match number(value.text) {
                Some(number) => {
                    if !is_plain(value.text) {
                        self.replace(value.inside.clone(), number.value.to_string());
                    }
                    pattern = (number.any != 0).then_some(number);
                }
                // `*`, or words: with isDefault it says nothing.
                None if default || value.text.is_empty() => self.remove(value.whole.clone()),
                None => {
                    self.slip(
                        value.whole.start,
                        format!("an enumerated <value> {:?} is not a number and left out", value.text),
                    );
                    self.remove(value.whole.clone());
                }
            }
        }
        let suffix = pattern.map_or_else(String::new, |p| format!("{PATTERN_FOLLOWS}{:x}:{:x}", p.value, p.any));
        match name {
            Some(name) if !name.text.is_empty() => {
                if !suffix.is_empty() {
                    let end = name.text_end(self.text);
                    self.replace(end..end, suffix);
                }
            }
            other => {
                self.slip(open.tag.start, "an enumerated value without a name is named after its value".to_owned());
                let given = value.map_or("default", |value| value.text);
                let text = format!("<name>{given}{suffix}</name>");
                self.replace(other.map_or(open.tag.end..open.tag.end, |name| name.whole), text);
            }
        }
    }
}

/// A bit number: any register is narrower than this.
fn bit(text: &str) -> Option<u32> {
    let value = number(text)?.value;
    u32::try_from(value).ok().filter(|bit| *bit < 0x1_0000)
}

fn number_range(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse::<usize>().ok()?);
    (last.checked_sub(first)? < LONGEST_LIST).then_some((first, last))
}

/// `A,B,C`, `0-3`, `A-D`, and mixtures.
pub(super) fn indices(text: &str) -> Option<Vec<String>> {
    let mut list = Vec::new();
    for part in text.split(',').map(str::trim) {
        if let Some((first, last)) = number_range(part) {
            list.extend((first..=last).map(|index| index.to_string()));
        } else if let &[first, b'-', last] = part.as_bytes() {
            if !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric() || first > last {
                return None;
            }
            list.extend((first..=last).map(|letter| char::from(letter).to_string()));
        } else if part.is_empty() || part.contains(['-', '&', '<']) {
            // A reference such as `&#45;` may be a dash to the parser.
            return None;
        } else {
            list.push(part.to_owned());
        }
        if list.len() > LONGEST_LIST {
            return None;
        }
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::indices;

    #[test]
    fn lists_of_indices() {
        let list = |text| indices(text).map(|list| list.join(" "));
        assert_eq!(list("A, B,C").as_deref(), Some("A B C"));
        assert_eq!(list("3-6").as_deref(), Some("3 4 5 6"));
        assert_eq!(list("A-D").as_deref(), Some("A B C D"));
        assert_eq!(list("0-1,7").as_deref(), Some("0 1 7"));
        for invalid in ["", "0&#45;3", "A,B&#x2d;D", "4-1", "0-4294967295", "A-", "AA-BB"] {
            assert_eq!(indices(invalid), None, "{invalid:?}");
        }
    }
}
