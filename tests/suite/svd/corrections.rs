//! Mistakes in vendors' files are corrected and reported.

use openocd::svd::{Access, ReadAction, WriteConstraint};

use super::{addresses, device, fields, layout, register, registers};

#[test]
fn mistakes_are_corrected_and_reported() {
    let device = registers(
        "<register><name>R</name>\n<addressOffset>0x0000_0004</addressOffset><access>read-writeonce</access>\
         <resetValue>0xXXXX0001</resetValue><fields>\
         <field><name>A</name><bitRange>[0 : 3]</bitRange><access>WO</access></field>\n\
         <field><name>B</name><bitOffset>8</bitOffset><readAction>Clear</readAction><writeConstraint/></field>\
         <field><name>C</name><lsb>31</lsb><msb>30</msb><access>sometimes</access></field></fields></register>\
         <register><name>S</name><dim>2</dim><dimIncrement>4</dimIncrement><dimIndex>A,B,C</dimIndex>\
         <addressOffset>8U</addressOffset><size></size></register>",
    );
    assert_eq!(addresses(&device, "P"), "R@1004 S0@1008 S1@100c");
    let first = register(&device, "P", "R");
    assert_eq!((first.access(), first.reset_value()), (Access::ReadWriteOnce, Some(1)));
    assert_eq!(layout(first), "A[0+4] B[8+1] C[30+2]");
    assert_eq!(first.field("A").unwrap().access(), Access::WriteOnly);
    assert_eq!(first.field("B").unwrap().read_action(), Some(ReadAction::Clear));
    let warnings = device.warnings().join("\n");
    assert!(warnings.contains("line 2: <access> \"read-writeonce\" is taken for \"read-writeOnce\""), "{warnings}");
    assert!(warnings.contains("line 3: <access> \"sometimes\" is not known and left out"), "{warnings}");
    assert!(warnings.contains("<dimIndex> \"A,B,C\" is not for 2 elements"), "{warnings}");
    assert!(warnings.contains("array \"S\" has no %s in its name"), "{warnings}");
}

#[test]
fn mistakes_in_blocks_interrupts_and_values_are_corrected() {
    let device = device(
        "<peripheral><name>P</name><baseAddress>0x1000</baseAddress>\
         <addressBlock><offset>0</offset><size>4</size><usage>reg</usage></addressBlock>\
         <addressBlock><offset>8</offset><size>4</size></addressBlock>\
         <addressBlock><offset>0</offset><size>0x100000000</size></addressBlock>\
         <interrupt><name>I</name></interrupt><interrupt><name>K</name><value>-1</value></interrupt><interrupt><name>J</name><value>3</value></interrupt>\
         <registers><register><name>R</name><addressOffset>0</addressOffset><fields><field><name>F</name><bitRange>[3:0]</bitRange>\
         <enumeratedValues><enumeratedValue><name>Two words</name><value>0b01XX</value></enumeratedValue>\
         <enumeratedValue><value>1</value></enumeratedValue>\
         <enumeratedValue><name>Rest</name><value>*</value><isDefault>True</isDefault></enumeratedValue></enumeratedValues>\
         </field></fields></register><vendorThing>1</vendorThing></registers></peripheral>",
    );
    let peripheral = device.peripheral("P").unwrap();
    assert_eq!(peripheral.address_blocks().len(), 2);
    assert_eq!(peripheral.interrupts().len(), 1);
    let field = peripheral.register("R").unwrap().field("F").unwrap();
    assert_eq!(field.value_name(7).unwrap().name(), "Two words");
    assert_eq!(field.value_name(1).unwrap().name(), "1");
    assert_eq!(field.value_name(15).unwrap().name(), "Rest");
}

#[test]
fn comments_and_quotes_do_not_mislead() {
    let device = registers(
        "<!-- <register><access>nonsense</access> --><register a='>' derivedFrom='B'><name>A</name>\
         <addressOffset>0</addressOffset><description><![CDATA[</register> <access>x</access>]]></description></register>\
         <register><name>B</name><addressOffset>4</addressOffset><size>16</size></register>",
    );
    let derived = register(&device, "P", "A");
    assert_eq!((derived.size(), derived.description()), (16, Some("</register> <access>x</access>")));
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
}

#[test]
fn an_invalid_list_of_indices_is_left_out() {
    // Without <dim> it stands for nothing. With one it must not become a list of 4294967296
    // numbers.
    let device = registers(
        "<register><dimIndex>0-4294967295</dimIndex><name>R</name><addressOffset>0</addressOffset></register>\
         <register><dim>2</dim><dimIncrement>4</dimIncrement><dimIndex>9-1</dimIndex><name>S%s</name><addressOffset>8</addressOffset></register>",
    );
    assert_eq!(addresses(&device, "P"), "R@1000 S0@1008 S1@100c");
    assert_eq!(device.warnings().len(), 2, "{:?}", device.warnings());
}

#[test]
fn mistakes_side_by_side_are_each_corrected() {
    // Where the offset of M is put in is where an empty element is taken out.
    let device = fields(
        "<field><name>A</name><bitRange>[7:4]</bitRange></field>\
         <field derivedFrom='A'><access></access><name>M</name><bitWidth>2</bitWidth></field>\
         <field><bitOffset>0x8</bitOffset><access>RO</access><access>RO</access><name>N</name></field>",
    );
    assert_eq!(layout(register(&device, "P", "R")), "A[4+4] M[4+2] N[8+1]");
}

#[test]
fn a_dash_may_be_written_as_a_reference() {
    // A list of ten million numbers, for no array.
    for dash in ["&#45;", "&#x2d;"] {
        let device = registers(&format!(
            "<register><dimIndex>0{dash}9999999</dimIndex><name>R</name><addressOffset>0</addressOffset></register>"
        ));
        assert_eq!(addresses(&device, "P"), "R@1000");
        assert!(device.warnings().join("\n").contains("cannot be understood and is left out"), "{dash}");
        let device = registers(&format!(
            "<register><dim>2</dim><dimIncrement>4</dimIncrement><dimIndex>3{dash}4</dimIndex><name>R%s</name>\
             <addressOffset>0</addressOffset></register>"
        ));
        assert_eq!(addresses(&device, "P"), "R3@1000 R4@1004");
    }
}

#[test]
fn a_write_constraint_without_a_known_one_is_left_out() {
    let constrained = |inside: &str| {
        fields(&format!(
            "<field><name>A</name><bitRange>[7:4]</bitRange><writeConstraint>{inside}</writeConstraint></field>"
        ))
    };
    for inside in [
        "<access>any</access>",
        "<access/>",
        "<size/>",
        "<dataType>x</dataType>",
        "<vendorThing>1</vendorThing>",
        "<other><range><minimum>1</minimum><maximum>2</maximum></range></other>",
        "<!-- nothing -->",
    ] {
        let device = constrained(inside);
        assert_eq!(register(&device, "P", "R").field("A").unwrap().write_constraint(), None, "{inside}");
        assert!(device.warnings().join("\n").contains("is left out"), "{inside}");
    }
    for (inside, expected) in [
        ("<writeAsRead>true</writeAsRead>", WriteConstraint::WriteAsRead),
        ("<access/><useEnumeratedValues>1</useEnumeratedValues>", WriteConstraint::UseEnumeratedValues),
        ("<range><minimum>1</minimum><maximum>2</maximum></range>", WriteConstraint::Range { minimum: 1, maximum: 2 }),
    ] {
        let device = constrained(inside);
        assert_eq!(register(&device, "P", "R").field("A").unwrap().write_constraint(), Some(expected), "{inside}");
    }
}
