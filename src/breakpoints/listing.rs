//! The listings of `bp` and `wp`, as 0.12.0 and as newer code write them (`src/target/target.c`).

use crate::breakpoints::{Breakpoint, BreakpointKind, WatchedValue, Watchpoint, WatchpointAccess};
use crate::wire::number::{hex, hex32};
use crate::wire::tcl;

/// Reads the reply to `bp`; `None` if a line has none of the known forms.
pub(super) fn breakpoints(text: &str) -> Option<Vec<Breakpoint>> {
    let mut found: Vec<Breakpoint> = Vec::new();
    // A hybrid breakpoint takes two lines, the second one with the context.
    let mut asid_due = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(asid) = line.strip_prefix("|--->linked with ContextID: ") {
            let hybrid = found.last_mut().filter(|_| asid_due)?;
            hybrid.kind = BreakpointKind::Hybrid { asid: hex32(asid)? };
            asid_due = false;
            continue;
        }
        if asid_due {
            return None;
        }
        let breakpoint = breakpoint(line)?;
        asid_due = matches!(breakpoint.kind, BreakpointKind::Hybrid { .. });
        found.push(breakpoint);
    }
    (!asid_due).then_some(found)
}

/// Listings of several targets, `{name listing name listing …}`: each breakpoint with its target's
/// name.
pub(super) fn of_targets(list: &str) -> Option<Vec<(String, Breakpoint)>> {
    let words = tcl::all_strings(list.as_bytes())?;
    let mut found = Vec::new();
    for pair in words.chunks(2) {
        let [name, listing] = pair else { return None };
        found.extend(breakpoints(listing)?.into_iter().map(|breakpoint| (name.clone(), breakpoint)));
    }
    Some(found)
}

/// `KIND: ADDRESS, LENGTH, NUMBER`, in newer code with the fields' names.
fn breakpoint(line: &str) -> Option<Breakpoint> {
    let (heading, fields) = line.split_once(": ")?;
    let mut fields = fields.split(", ");
    let [place, length, last] = [fields.next()?, fields.next()?, fields.next()?];
    if fields.next().is_some() {
        return None;
    }
    let address = |prefix| hex(place.strip_prefix(prefix)?);
    let comparator = |prefix| decimal(last.strip_prefix(prefix)?).map(Some);
    let (address, length, kind, comparator, original_instruction) = match heading {
        // 0.12.0 takes the length for a number of bits there and prints the lowest few of the
        // instruction.
        "IVA breakpoint" => {
            hex(last)?;
            (address("")?, hex32(length)?, BreakpointKind::Software, None, None)
        }
        "Software breakpoint(IVA)" => {
            // An instruction wider than 64 bits is no reason to fail, as long as it is a number.
            let digits = last.strip_prefix("orig_instr=0x").filter(|digits| is_hex(digits))?;
            let original = u64::from_str_radix(digits, 16).ok();
            (address("addr=")?, hex32(length.strip_prefix("len=")?)?, BreakpointKind::Software, None, original)
        }
        "Breakpoint(IVA)" => (address("")?, hex32(length)?, BreakpointKind::Hardware, comparator("")?, None),
        "Hardware breakpoint(IVA)" => {
            let length = hex32(length.strip_prefix("len=")?)?;
            (address("addr=")?, length, BreakpointKind::Hardware, comparator("num=")?, None)
        }
        "Context breakpoint" | "Hybrid breakpoint(IVA)" => {
            let named = length.starts_with("len=");
            let length = hex32(length.strip_prefix("len=").unwrap_or(length))?;
            let comparator = comparator(if named { "num=" } else { "" })?;
            if heading == "Context breakpoint" {
                let asid = hex32(place.strip_prefix(if named { "asid=" } else { "" })?)?;
                (0, length, BreakpointKind::Context { asid }, comparator, None)
            } else {
                let address = address(if named { "addr=" } else { "" })?;
                (address, length, BreakpointKind::Hybrid { asid: 0 }, comparator, None)
            }
        }
        _ => return None,
    };
    Some(Breakpoint { address, length, kind, comparator, original_instruction, in_effect: None })
}

/// Reads the reply to `wp`; `None` if a line has none of the known forms.
pub(super) fn watchpoints(text: &str) -> Option<Vec<Watchpoint>> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(watchpoint).collect()
}

/// `address: 0x20000010, len: 0x00000004, r/w/a: 1, value: 0x00000000, mask: 0xffffffff`
fn watchpoint(line: &str) -> Option<Watchpoint> {
    let mut fields = line.split(", ");
    let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix(": ");
    let (address, length) = (hex(field("address")?)?, hex32(field("len")?)?);
    // Since 64-bit masks came, a letter stands for the access, so it tells how wide a mask is that
    // compares nothing.
    let (access, ignore_all) = match field("r/w/a")? {
        "0" => (WatchpointAccess::Read, u64::from(u32::MAX)),
        "1" => (WatchpointAccess::Write, u64::from(u32::MAX)),
        "2" => (WatchpointAccess::Access, u64::from(u32::MAX)),
        "r" => (WatchpointAccess::Read, u64::MAX),
        "w" => (WatchpointAccess::Write, u64::MAX),
        "a" => (WatchpointAccess::Access, u64::MAX),
        _ => return None,
    };
    let (value, mask) = (hex(field("value")?)?, hex(field("mask")?)?);
    if fields.next().is_some() {
        return None;
    }
    let value = (mask != ignore_all).then_some(WatchedValue { value, mask });
    Some(Watchpoint { address, length, access, value })
}

fn decimal(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

fn is_hex(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: u64, length: u32, kind: BreakpointKind, comparator: Option<u32>) -> Breakpoint {
        Breakpoint { address, length, kind, comparator, original_instruction: None, in_effect: None }
    }

    #[test]
    fn breakpoints_of_0_12_0() {
        let text = "IVA breakpoint: 0x80000014, 0x4, 0x03\n\
                    Breakpoint(IVA): 0x08000200, 0x2, 0\n\
                    Context breakpoint: 0x00000007, 0x4, 1\n\
                    Hybrid breakpoint(IVA): 0x80001000, 0x4, 2\n\
                    \t|--->linked with ContextID: 0x00000009\n\
                    Breakpoint(IVA): 0xffffffc000080000, 0x4, 3\n";
        let expected = [
            at(0x8000_0014, 4, BreakpointKind::Software, None),
            at(0x0800_0200, 2, BreakpointKind::Hardware, Some(0)),
            at(0, 4, BreakpointKind::Context { asid: 7 }, Some(1)),
            at(0x8000_1000, 4, BreakpointKind::Hybrid { asid: 9 }, Some(2)),
            at(0xffff_ffc0_0008_0000, 4, BreakpointKind::Hardware, Some(3)),
        ];
        assert_eq!(breakpoints(text).unwrap(), expected);
    }

    #[test]
    fn breakpoints_of_newer_code() {
        let text = "Software breakpoint(IVA): addr=0x80000014, len=0x4, orig_instr=0x00000013\n\
                    Hardware breakpoint(IVA): addr=0x08000200, len=0x2, num=5\n\
                    Context breakpoint: asid=0x00000007, len=0x4, num=1\n\
                    Hybrid breakpoint(IVA): addr=0x80001000, len=0x4, num=2\n\
                    \t|--->linked with ContextID: 0x00000009";
        let software = at(0x8000_0014, 4, BreakpointKind::Software, None);
        let expected = [
            Breakpoint { original_instruction: Some(0x13), ..software },
            at(0x0800_0200, 2, BreakpointKind::Hardware, Some(5)),
            at(0, 4, BreakpointKind::Context { asid: 7 }, Some(1)),
            at(0x8000_1000, 4, BreakpointKind::Hybrid { asid: 9 }, Some(2)),
        ];
        assert_eq!(breakpoints(text).unwrap(), expected);
    }

    #[test]
    fn an_instruction_of_more_than_64_bits_is_left_out() {
        let text = "Software breakpoint(IVA): addr=0x10, len=0x9, orig_instr=0x010203040506070809";
        assert_eq!(breakpoints(text).unwrap(), [at(0x10, 9, BreakpointKind::Software, None)]);
    }

    #[test]
    fn nothing_is_an_empty_list() {
        assert_eq!(breakpoints("").unwrap(), []);
        assert_eq!(breakpoints("\n\n").unwrap(), []);
        assert_eq!(watchpoints("\n").unwrap(), []);
    }

    #[test]
    fn invalid_breakpoints_are_refused() {
        for text in [
            "no breakpoints",
            "Breakpoint(IVA): 0x08000200, 0x2",
            "Breakpoint(IVA): 0x08000200, 0x2, 0, 1",
            "Breakpoint(IVA): 08000200, 0x2, 0",
            "Breakpoint(IVA): 0x+8000200, 0x2, 0",
            "Breakpoint(IVA): 0x08000200, 0x2, +1",
            "Breakpoint(IVA): 0x08000200, 0x2, -1",
            "Breakpoint(IVA): 0x10000000000000000, 0x2, 0",
            "Breakpoint(IVA): addr=0x08000200, len=0x2, num=0",
            "Hardware breakpoint(IVA): 0x08000200, 0x2, 0",
            "Hardware breakpoint(IVA): addr=0x, len=0x2, num=0",
            "Hardware breakpoint(IVA): addr=0x08000200, len=0x100000000, num=0",
            "Software breakpoint(IVA): addr=0x10, len=0x2, orig_instr=",
            "Software breakpoint(IVA): addr=0x10, len=0x2, orig_instr=0xzz",
            "IVA breakpoint: 0x80000014, 0x4, zz",
            "Context breakpoint: asid=0x7, 0x4, 1",
            "Hybrid breakpoint(IVA): 0x80001000, 0x4, 2",
            "Hybrid breakpoint(IVA): 0x80001000, 0x4, 2\nBreakpoint(IVA): 0x08000200, 0x2, 0",
            "\t|--->linked with ContextID: 0x00000009",
            "Breakpoint(IVA): 0x08000200, 0x2, 0\n\t|--->linked with ContextID: 0x00000009",
            "Quantum breakpoint(IVA): 0x08000200, 0x2, 0",
        ] {
            assert_eq!(breakpoints(text), None, "{text:?}");
        }
    }

    fn watching(access: WatchpointAccess, value: Option<WatchedValue>) -> Watchpoint {
        Watchpoint { address: 0x2000_2000, length: 4, access, value }
    }

    #[test]
    fn watchpoints_of_both_generations() {
        use WatchpointAccess::{Access, Read, Write};
        let old = |code| {
            format!("address: 0x20002000, len: 0x00000004, r/w/a: {code}, value: 0x00000000, mask: 0xffffffff\n")
        };
        let new = |code| {
            format!("address: 0x20002000, len: 0x00000004, r/w/a: {code}, value: 0x00000000, mask: 0xffffffffffffffff")
        };
        for (code, letter, access) in [(0, 'r', Read), (1, 'w', Write), (2, 'a', Access)] {
            assert_eq!(watchpoints(&old(code)).unwrap(), [watching(access, None)]);
            assert_eq!(watchpoints(&new(letter)).unwrap(), [watching(access, None)]);
        }
    }

    #[test]
    fn watchpoints_with_a_value() {
        let old = "address: 0x20002000, len: 0x00000004, r/w/a: 1, value: 0x00000012, mask: 0xffffff00";
        let new = "address: 0x20002000, len: 0x00000004, r/w/a: w, value: 0x00000012, mask: 0xffffffff";
        let value = |mask| Some(WatchedValue { value: 0x12, mask });
        assert_eq!(watchpoints(old).unwrap(), [watching(WatchpointAccess::Write, value(0xffff_ff00))]);
        // 32 ones leave the upper half to be compared.
        assert_eq!(watchpoints(new).unwrap(), [watching(WatchpointAccess::Write, value(0xffff_ffff))]);
    }

    #[test]
    fn invalid_watchpoints_are_refused() {
        for text in [
            "none",
            "address: 0x20002000, len: 0x00000004, r/w/a: 3, value: 0x00000000, mask: 0xffffffff",
            "address: 0x20002000, len: 0x00000004, r/w/a: x, value: 0x00000000, mask: 0xffffffff",
            "address: 0x20002000, len: 0x00000004, r/w/a: 1, value: 0x00000000",
            "address: 0x20002000, len: 0x00000004, r/w/a: 1, value: 0x00000000, mask: 0xffffffff, more: 0x0",
            "address: 20002000, len: 0x00000004, r/w/a: 1, value: 0x00000000, mask: 0xffffffff",
            "address: 0x20002000, length: 0x00000004, r/w/a: 1, value: 0x00000000, mask: 0xffffffff",
        ] {
            assert_eq!(watchpoints(text), None, "{text:?}");
        }
    }
}
