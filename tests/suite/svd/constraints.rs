//! What a register itself allows to be written, when some of its fields are written.

use openocd::svd::WriteConstraint;

use super::ram;

const ENUMERATED: &str = "<writeConstraint><useEnumeratedValues>true</useEnumeratedValues></writeConstraint>";
const VALUES: &str = "<enumeratedValues><enumeratedValue><name>One</name><value>1</value></enumeratedValue>\
     <enumeratedValue><name>High</name><value>0b1xxx</value></enumeratedValue></enumeratedValues>";

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
