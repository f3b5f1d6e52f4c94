//! What registers and fields are: inherited properties, access, actions, constraints, enumerated
//! values.

use openocd::svd::{Access, Device, ModifiedWriteValues, ReadAction, WriteConstraint};

use super::{fields, register, registers};

#[test]
fn properties_are_inherited_level_by_level() {
    let device = Device::parse_str(
        "<device><name>D</name><size>8</size><access>read-only</access><resetValue>0x11</resetValue><resetMask>0x0F</resetMask>\
         <peripherals><peripheral><name>P</name><baseAddress>0</baseAddress><size>16</size><registers>\
         <register><name>A</name><addressOffset>0</addressOffset></register>\
         <cluster><name>K</name><addressOffset>8</addressOffset><access>read-write</access>\
         <register><name>B</name><addressOffset>0</addressOffset><resetValue>0x22</resetValue>\
         <fields><field><name>F</name><bitRange>[0:0]</bitRange></field>\
         <field><name>G</name><bitRange>[1:1]</bitRange><access>write-only</access></field></fields></register>\
         </cluster></registers></peripheral></peripherals></device>",
    )
    .unwrap();
    let a = register(&device, "P", "A");
    assert_eq!((a.size(), a.access(), a.reset_value(), a.reset_mask()), (16, Access::ReadOnly, Some(0x11), 0x0f));
    let b = register(&device, "P", "K_B");
    assert_eq!((b.size(), b.access(), b.reset_value(), b.reset_mask()), (16, Access::ReadWrite, Some(0x22), 0x0f));
    assert_eq!(b.field("F").unwrap().access(), Access::ReadWrite);
    assert_eq!(b.field("G").unwrap().access(), Access::WriteOnly);
}

#[test]
fn without_any_property_a_register_has_32_bits_and_no_known_reset_value() {
    let device = Device::parse_str(
        "<device><name>D</name><peripherals><peripheral><name>P</name><baseAddress>0</baseAddress><registers>\
         <register><name>A</name><addressOffset>0</addressOffset></register></registers></peripheral></peripherals></device>",
    )
    .unwrap();
    let a = register(&device, "P", "A");
    assert_eq!((a.size(), a.access(), a.reset_value(), a.reset_mask()), (32, Access::ReadWrite, None, 0xffff_ffff));
}

#[test]
fn an_access_is_as_wide_as_the_register_needs() {
    for (size, access) in [(8, Some(8)), (16, Some(16)), (32, Some(32)), (64, Some(64)), (24, Some(32)), (128, None)] {
        let device = registers(&format!(
            "<register><name>R</name><addressOffset>0</addressOffset><size>{size}</size></register>"
        ));
        let register = register(&device, "P", "R");
        assert_eq!((register.size(), register.access_bits()), (size, access));
    }
}

#[test]
fn an_enumerated_value_may_have_wildcards_or_be_the_default() {
    let value = |name: &str, value: &str| format!("<enumeratedValue><name>{name}</name>{value}</enumeratedValue>");
    let device = fields(&format!(
        "<field><name>F</name><bitRange>[2:0]</bitRange><enumeratedValues>{}{}{}{}</enumeratedValues></field>",
        value("Off", "<value>0b00x</value>"),
        value("Odd", "<value>#1X1</value>"),
        value("Six", "<value>0x6</value>"),
        value("Other", "<isDefault>true</isDefault>"),
    ));
    let field = register(&device, "P", "R").field("F").unwrap();
    let names: Vec<_> = (0..8).map(|value| field.value_name(value).unwrap().name()).collect();
    assert_eq!(names, ["Off", "Off", "Other", "Other", "Other", "Odd", "Six", "Odd"]);
    let odd = &field.read_values()[1];
    assert_eq!((odd.value(), odd.dont_care()), (Some(0b101), 0b010));
    assert_eq!(field.read_values()[3].value(), None);
}

#[test]
fn values_may_have_other_names_for_reading_than_for_writing() {
    let device = fields(
        "<field><name>F</name><bitRange>[0:0]</bitRange>\
         <enumeratedValues><usage>write</usage><enumeratedValue><name>Clear</name><value>1</value></enumeratedValue></enumeratedValues>\
         <enumeratedValues><usage>read</usage><enumeratedValue><name>Pending</name><value>1</value></enumeratedValue></enumeratedValues>\
         </field>",
    );
    let field = register(&device, "P", "R").field("F").unwrap();
    assert_eq!(field.value_name(1).unwrap().name(), "Pending");
    assert_eq!(field.write_values()[0].name(), "Clear");
}

#[test]
fn access_actions_and_constraints_are_read() {
    let device = registers(
        "<register><name>R</name><addressOffset>0</addressOffset><modifiedWriteValues>oneToClear</modifiedWriteValues><fields>\
         <field><name>A</name><bitRange>[0:0]</bitRange></field>\
         <field><name>B</name><bitRange>[1:1]</bitRange><modifiedWriteValues>zeroToSet</modifiedWriteValues>\
         <access>writeOnce</access></field>\
         <field><name>C</name><bitRange>[7:4]</bitRange><readAction>set</readAction>\
         <writeConstraint><range><minimum>2</minimum><maximum>0x9</maximum></range></writeConstraint></field>\
         <field><name>D</name><bitRange>[8:8]</bitRange>\
         <writeConstraint><useEnumeratedValues>true</useEnumeratedValues></writeConstraint></field>\
         <field><name>E</name><bitRange>[9:9]</bitRange><writeConstraint><writeAsRead>true</writeAsRead></writeConstraint></field>\
         </fields></register>",
    );
    let register = register(&device, "P", "R");
    let field = |name| register.field(name).unwrap();
    assert_eq!(field("A").modified_write_values(), ModifiedWriteValues::OneToClear);
    assert_eq!(field("B").modified_write_values(), ModifiedWriteValues::ZeroToSet);
    assert_eq!(field("B").access(), Access::WriteOnce);
    assert_eq!(field("C").read_action(), Some(ReadAction::Set));
    assert_eq!(field("C").write_constraint(), Some(WriteConstraint::Range { minimum: 2, maximum: 9 }));
    assert_eq!(field("D").write_constraint(), Some(WriteConstraint::UseEnumeratedValues));
    assert_eq!(field("E").write_constraint(), Some(WriteConstraint::WriteAsRead));
    assert_eq!(register.read_action(), Some(ReadAction::Set), "reading the register reads the field");
}

#[test]
fn a_register_of_write_only_fields_is_write_only() {
    let device = fields("<field><name>A</name><bitRange>[0:0]</bitRange><access>write-only</access></field>");
    assert_eq!(register(&device, "P", "R").access(), Access::WriteOnly);
}

#[test]
fn keywords_are_read_and_printed_as_in_the_file() {
    for word in ["read-only", "read-write", "read-writeOnce", "writeOnce", "write-only"] {
        assert_eq!(word.parse::<Access>().unwrap().to_string(), word);
    }
    for word in ["clear", "set", "modify", "modifyExternal"] {
        assert_eq!(word.parse::<ReadAction>().unwrap().to_string(), word);
    }
    for word in ["oneToClear", "zeroToToggle", "modify"] {
        assert_eq!(word.parse::<ModifiedWriteValues>().unwrap().to_string(), word);
    }
    let error = "readonly".parse::<Access>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"readonly\" is not a value of <access>; expected one of read-only, read-write, read-writeOnce, writeOnce, write-only"
    );
}

#[test]
fn debug_output_is_one_short_line() {
    let device = fields(
        "<field><name>F</name><bitRange>[3:0]</bitRange><enumeratedValues><enumeratedValue><name>On</name><value>0b1x</value>\
         </enumeratedValue></enumeratedValues></field>",
    );
    assert_eq!(format!("{device:?}"), "Device(D: 1 peripherals, 1 registers)");
    assert_eq!(format!("{:?}", device.peripheral("P").unwrap()), "Peripheral(P at 0x00001000, 1 registers)");
    let register = register(&device, "P", "R");
    assert_eq!(format!("{register:?}"), "Register(P.R at 0x00001000, 32 bits, read-write)");
    assert_eq!(format!("{:?}", register.field("F").unwrap()), "Field(F [3:0] read-write)");
    let decoded = register.decode(3).unwrap();
    assert_eq!(format!("{decoded:?}"), "DecodedRegister(P.R = 0x00000003)");
    let field = decoded.field("F").unwrap();
    assert_eq!(
        format!("{field:?} {:?}", field.enumerated()),
        "DecodedField(F = 0x3 (On)) Some(EnumeratedValue(On = 0x2, any 0x1))"
    );
}
