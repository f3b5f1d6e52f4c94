//! What a register itself allows to be written, when some of its fields are written.

use openocd::svd::WriteConstraint;
use openocd::{Error, SvdError};

use super::ram;

const ENUMERATED: &str = "<writeConstraint><useEnumeratedValues>true</useEnumeratedValues></writeConstraint>";
const VALUES: &str = "<enumeratedValues><enumeratedValue><name>One</name><value>1</value></enumeratedValue>\
     <enumeratedValue><name>High</name><value>0b1xxx</value></enumeratedValue></enumeratedValues>";

/// A register that takes values of a range, with a field of 8 bits at each end.
fn ranged(offset: u32, size: u32, minimum: &str, maximum: &str) -> String {
    let last = size - 8;
    format!(
        "<register><name>R{size}</name><addressOffset>{offset}</addressOffset><size>{size}</size>\
         <writeConstraint><range><minimum>{minimum}</minimum><maximum>{maximum}</maximum></range></writeConstraint><fields>\
         <field><name>LOW</name><bitRange>[7:0]</bitRange></field>\
         <field><name>HIGH</name><bitOffset>{last}</bitOffset><bitWidth>8</bitWidth></field></fields></register>"
    )
}

#[test]
fn kept_bits_count_for_the_range_of_a_register() {
    let board = ram(&ranged(0, 32, "0x3", "0x10"));
    let svd = board.session.svd();
    board.chip.write_u32(0x2000_0100, 0x100).unwrap();
    let error = svd.write_field("M", "R32", "LOW", 5).unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::ForbiddenValue { value: 0x105, .. })), "{error:?}");
    assert_eq!(error.to_string(), "M.R32 does not take the value 0x105, only 0x3 to 0x10");
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x100), "nothing was written");

    board.chip.write_u32(0x2000_0100, 0).unwrap();
    for (value, is_allowed) in [(0x3, true), (0x10, true), (0x2, false), (0x11, false)] {
        assert_eq!(svd.write_field("M", "R32", "LOW", value).is_ok(), is_allowed, "{value}");
    }
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x10));
}

#[test]
fn range_of_a_register_is_checked_in_every_width() {
    let board = ram(&[
        ranged(0, 16, "0x0100", "0x8000"),
        ranged(4, 24, "0x10000", "0x80ffff"),
        ranged(8, 64, "0x0100000000000000", "0x9000000000000000"),
    ]
    .concat());
    for offset in [0, 4, 8, 12] {
        board.chip.write_u32(0x2000_0100 + offset, 0xff00_0001).unwrap();
    }
    let svd = board.session.svd();
    for (name, address) in [("R16", 0x2000_0100), ("R24", 0x2000_0104), ("R64", 0x2000_010c)] {
        for (value, is_allowed) in [(0, false), (1, true), (0x80, name != "R16"), (0x91, false)] {
            let before = board.chip.read_u32(address);
            let written = svd.write_field("M", name, "HIGH", value);
            assert_eq!(written.is_ok(), is_allowed, "{name}: {value:#x}: {written:?}");
            assert!(is_allowed || board.chip.read_u32(address) == before, "{name}: nothing was written");
        }
    }
    // What is behind the 24 bits counts for nothing, and is kept.
    assert_eq!(board.chip.read_u32(0x2000_0104), Ok(0xff80_0001));
    assert_eq!(board.chip.read_u32(0x2000_010c), Ok(0x8000_0001));
}

#[test]
fn register_that_takes_enumerated_values_alone_says_so_for_its_fields() {
    let board = ram(&format!(
        "<register><name>R</name><addressOffset>0</addressOffset>{ENUMERATED}<fields>\
         <field><name>F</name><bitRange>[3:0]</bitRange>{VALUES}</field>\
         <field><name>NUMBER</name><bitRange>[7:4]</bitRange></field>\
         <field><name>FREE</name><bitRange>[11:8]</bitRange>{VALUES}<writeConstraint><useEnumeratedValues>false</useEnumeratedValues></writeConstraint></field>\
         <field><name>FIXED</name><bitRange>[15:12]</bitRange><access>read-only</access>{VALUES}</field>\
         </fields></register>"
    ));
    let svd = board.session.svd();
    let described = svd.describe("M", "R").unwrap();
    let constraint = |name: &str| described.field(name).unwrap().write_constraint();
    assert_eq!(described.write_constraint(), Some(WriteConstraint::UseEnumeratedValues));
    assert_eq!(constraint("F"), Some(WriteConstraint::UseEnumeratedValues));
    assert_eq!(["NUMBER", "FREE", "FIXED"].map(constraint), [None; 3]);

    board.chip.write_u32(0x2000_0100, 0x5).unwrap();
    svd.write_fields("M", "R", &[("NUMBER", 7.into()), ("FREE", 7.into())]).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x775));
    for error in [svd.write_field("M", "R", "F", 7).unwrap_err(), svd.write_register("M", "R", 7).unwrap_err()] {
        assert_eq!(error.to_string(), "M.R.F does not take the value 0x7, only One, High");
    }
    svd.write_field("M", "R", "F", "High").unwrap();
    svd.write_register("M", "R", 0x57a).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x57a));
}

#[test]
fn constraint_to_enumerated_values_without_any_forbids_nothing() {
    let read_only = VALUES.replace("<enumeratedValues>", "<enumeratedValues><usage>read</usage>");
    for values in ["", "<enumeratedValues/>", &read_only] {
        for (of_register, of_field) in [(ENUMERATED, ""), ("", ENUMERATED)] {
            let board = ram(&format!(
                "<register><name>R</name><addressOffset>0</addressOffset>{of_register}<fields>\
                 <field><name>F</name><bitRange>[3:0]</bitRange>{of_field}{values}</field></fields></register>"
            ));
            let svd = board.session.svd();
            svd.write_field("M", "R", "F", 7).unwrap();
            svd.write_register("M", "R", 5).unwrap();
            assert_eq!(board.chip.read_u32(0x2000_0100), Ok(5));
        }
    }
}
