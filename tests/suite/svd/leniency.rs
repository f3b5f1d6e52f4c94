//! What is wrong but unimportant is left out, and every correction is reported.

use openocd::svd::{Access, Device, WriteConstraint};

use super::{A, addresses, device, fields, layout, register, registers};

/// The only warning of a description.
fn warning(device: &Device) -> &str {
    match device.warnings() {
        [one] => one,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_list_is_merged_with_the_first() {
    let device = Device::parse_str(
        "<device><name>D</name><peripherals><peripheral><name>P</name><baseAddress>0x1000</baseAddress>\
         <registers><register><name>A</name><addressOffset>0</addressOffset><fields><field><name>X</name>\
         <bitRange>[0:0]</bitRange></field></fields><fields><field><name>Y</name><bitRange>[1:1]</bitRange></field>\
         </fields></register></registers>\n<registers><register><name>B</name><addressOffset>4</addressOffset></register>\
         </registers></peripheral></peripherals><peripherals><peripheral><name>Q</name><baseAddress>0</baseAddress>\
         </peripheral></peripherals></device>",
    )
    .unwrap();
    assert_eq!(addresses(&device, "P"), "A@1000 B@1004");
    assert_eq!(layout(register(&device, "P", "A")), "X[0+1] Y[1+1]");
    assert!(device.peripheral("Q").is_ok());
    assert_eq!(
        device.warnings(),
        [
            "line 1: one more <fields> in a <register> is merged with the first",
            "line 2: one more <registers> in a <peripheral> is merged with the first",
            "line 2: one more <peripherals> in a <device> is merged with the first",
        ]
    );
}

#[test]
fn the_access_that_a_register_states_goes_before_its_fields() {
    let field = "<fields><field><name>F</name><bitRange>[0:0]</bitRange><access>write-only</access></field></fields>";
    let device = registers(&format!(
        "<register><name>STATED</name><addressOffset>0</addressOffset><access>read-write</access>{field}</register>\
         <register derivedFrom='STATED'><name>DERIVED</name><addressOffset>4</addressOffset></register>\
         <register><name>INHERITED</name><addressOffset>8</addressOffset>{field}</register>"
    ));
    let access = |name| register(&device, "P", name).access();
    assert_eq!(access("STATED"), Access::ReadWrite);
    assert_eq!(access("DERIVED"), Access::ReadWrite);
    assert_eq!(access("INHERITED"), Access::WriteOnly);
}

#[test]
fn a_field_that_cannot_be_read_is_left_out() {
    for (bits, reason) in [
        ("<bitRange>[4294967295:0]</bitRange>", "does not say which bits a field has"),
        ("<bitRange>here</bitRange>", "<bitRange> \"here\" does not say which bits a field has"),
        ("<bitRange>[3:0]<x/></bitRange>", "<bitRange> must not have elements inside"),
        ("<x:bitRange xmlns:x='x'>[4294967295:0]</x:bitRange>", "does not say which bits a field has"),
        ("<lsb>0</lsb><msb>3<x>1</x></msb>", "<msb> must not have elements inside"),
        ("<bitOffset>none</bitOffset><bitWidth>2</bitWidth>", "<bitOffset> \"none\" does not say"),
        ("<bitOffset>0</bitOffset><bitWidth>0</bitWidth>", "its <bitWidth> is 0"),
        ("<lsb>3</lsb>", "nothing says which bits it has"),
        ("<dim>many</dim><dimIncrement>1</dimIncrement><bitRange>[0:0]</bitRange>", "<dim> \"many\" is not a number"),
        ("", "nothing says which bits it has"),
    ] {
        let device = fields(&format!(
            "<field><name>BAD</name>{bits}</field><field><name>GOOD</name><bitRange>[1:0]</bitRange></field>"
        ));
        assert_eq!(layout(register(&device, "P", "R")), "GOOD[0+2]", "{bits}");
        assert!(warning(&device).contains("left out") && warning(&device).contains(reason), "{:?}", device.warnings());
    }
}

#[test]
fn elements_without_a_name_are_left_out() {
    let device = device(&format!(
        "<peripheral><baseAddress>0</baseAddress></peripheral><peripheral><name>P</name><baseAddress>0x1000</baseAddress>\
         <registers><register><addressOffset>0</addressOffset></register><cluster><name/><addressOffset>0</addressOffset>\
         </cluster>{A}</registers></peripheral>"
    ));
    assert_eq!(addresses(&device, "P"), "A@1004");
    assert_eq!(
        device.warnings(),
        [
            "line 1: a <peripheral> without a name is left out",
            "line 1: a <register> without a name is left out",
            "line 1: a <cluster> without a name is left out",
        ]
    );
}

#[test]
fn what_a_file_says_about_the_core_refuses_nothing() {
    for cpu in [
        "<cpu/>",
        "<cpu><name>CM3</name><revision/><endian>middle</endian><nvicPrioBits>many</nvicPrioBits><fpuPresent>?</fpuPresent></cpu>",
        "<cpu><sauRegionsConfig><region><base>x</base></region></sauRegionsConfig><deviceNumInterrupts>-1</deviceNumInterrupts></cpu>",
    ] {
        let text = format!(
            "<device><name>D</name><addressUnitBits>x</addressUnitBits>{cpu}<width>?</width><peripherals/></device>"
        );
        assert!(Device::parse_str(&text).is_ok(), "{cpu}");
    }
}

#[test]
fn a_write_constraint_that_cannot_be_read_is_left_out() {
    let range = |inside: &str| format!("<range>{inside}</range>");
    for (inside, expected) in [
        (range("<minimum>0</minimum><maximum>most</maximum>"), None),
        (range("<minimum>5</minimum><maximum>4</maximum>"), None),
        (range("<minimum>0</minimum>"), None),
        ("<writeAsRead>perhaps</writeAsRead>".to_owned(), None),
        ("<writeAsRead>true</writeAsRead><useEnumeratedValues>true</useEnumeratedValues>".to_owned(), None),
        ("<writeAsRead>TRUE</writeAsRead>".to_owned(), Some(WriteConstraint::WriteAsRead)),
    ] {
        let device = fields(&format!(
            "<field><name>A</name><bitRange>[7:4]</bitRange><writeConstraint>{inside}</writeConstraint></field>"
        ));
        assert_eq!(register(&device, "P", "R").field("A").unwrap().write_constraint(), expected, "{inside}");
        assert!(!device.warnings().is_empty(), "{inside}");
    }
}

#[test]
fn reset_values_say_which_of_their_bits_are_known() {
    let reset = |reset: &str| {
        let device = registers(&format!(
            "<register><name>R</name><addressOffset>0</addressOffset><size>16</size>{reset}</register>"
        ));
        let (value, mask) = (register(&device, "P", "R").reset_value(), register(&device, "P", "R").reset_mask());
        (value, mask, device.warnings().join("\n"))
    };
    let (value, mask, warnings) = reset("<resetValue>0x12XX</resetValue>");
    assert_eq!((value, mask), (Some(0x1200), 0xff00));
    assert!(warnings.contains("\"0x12XX\" is taken for 0x1200; the bits 0xff are unknown"), "{warnings}");
    let (value, mask, warnings) = reset("<resetValue>0x12345</resetValue>");
    assert_eq!((value, mask), (Some(0x2345), 0xffff));
    assert!(warnings.contains("the reset value 0x12345 of \"R\" has more than 16 bits and is cut"), "{warnings}");
    let (value, mask, warnings) = reset("<resetValue>1</resetValue><resetMask>all</resetMask>");
    assert_eq!((value, mask), (Some(1), 0), "no bit is known by a mask that cannot be read");
    assert!(warnings.contains("<resetMask> \"all\" is not a number"), "{warnings}");
    let (value, _, warnings) = reset("<resetValue>unknown</resetValue>");
    assert_eq!(value, Some(0), "from the device");
    assert!(warnings.contains("<resetValue> \"unknown\" is not a number"), "{warnings}");
    // A default for registers of several widths is no slip.
    let device = Device::parse_str(
        "<device><name>D</name><resetValue>0xFFFFFFFF</resetValue><peripherals><peripheral><name>P</name>\
         <baseAddress>0</baseAddress><registers><register><name>R</name><addressOffset>0</addressOffset><size>8</size>\
         </register></registers></peripheral></peripherals></device>",
    )
    .unwrap();
    assert_eq!((register(&device, "P", "R").reset_value(), device.warnings()), (Some(0xff), &[][..]));
}

#[test]
fn a_correction_is_reported() {
    let of_register =
        |more: &str| registers(&format!("<register><name>R</name><addressOffset>0</addressOffset>{more}</register>"));
    let device = of_register("<size>0</size>");
    assert_eq!(
        (register(&device, "P", "R").size(), warning(&device)),
        (32, "line 1: <size> 0 of a <register> is left out")
    );
    let device = registers("<register><name>R</name><addressOffset>#0x10</addressOffset></register>");
    assert_eq!(
        (&*addresses(&device, "P"), warning(&device)),
        ("R@1010", "line 1: <addressOffset> \"#0x10\" is taken for 0x10")
    );
    let device = of_register("<register><name>LOST</name></register>");
    assert_eq!(warning(&device), "line 1: <register> does not belong in <register> and is left out");
    let device = of_register("<acces>read-only</acces>");
    assert_eq!(warning(&device), "line 1: <acces> does not belong in <register> and is left out");
    let device = of_register("<access>read-only</access><access>write-only</access>");
    assert_eq!(register(&device, "P", "R").access(), Access::ReadOnly);
    assert_eq!(warning(&device), "line 1: a second <access> in <register> is left out");
}

#[test]
fn lists_of_indices_with_white_space_are_read() {
    for (index, names) in [("A, B", "RA@1000 RB@1004"), ("A B", "RA@1000 RB@1004"), ("5 - 6", "R5@1000 R6@1004")] {
        let device = registers(&format!(
            "<register><dim>2</dim><dimIncrement>4</dimIncrement><dimIndex>{index}</dimIndex><name>R%s</name>\
             <addressOffset>0</addressOffset></register>"
        ));
        assert_eq!(addresses(&device, "P"), names);
        assert_eq!(warning(&device), format!("line 1: <dimIndex> {index:?} is read without its white space"));
    }
}

#[test]
fn a_name_that_cannot_be_reached_is_reported() {
    let field = |name: &str, more: &str| format!("<field><name>{name}</name><bitRange>[0:0]</bitRange>{more}</field>");
    let device = fields(&(field("F", "") + &field("F", "")));
    assert_eq!(warning(&device), "register \"R\" has more than one field \"F\"; look-ups find the first");
    let value = "<enumeratedValue><name>On</name><value>1</value></enumeratedValue>";
    let twice = format!("<enumeratedValues>{value}{value}</enumeratedValues>");
    let device = fields(&field("F", &twice));
    assert_eq!(warning(&device), "line 1: more than one value is named \"On\"; look-ups find the first");
    let lists = format!("<enumeratedValues>{value}</enumeratedValues>").repeat(2);
    let device = fields(&field("F", &lists));
    assert_eq!(warning(&device), "line 1: one more list of values of field \"F\" is left out");
}

#[test]
fn an_array_without_elements_is_reported() {
    let none = "<dim>0</dim><dimIncrement>4</dimIncrement>";
    let device = registers(&format!(
        "{A}<register>{none}<name>R%s</name><addressOffset>8</addressOffset></register>\
         <register derivedFrom='R%s'><name>D%s</name><addressOffset>8</addressOffset></register>\
         <cluster>{none}<name>K%s</name><addressOffset>8</addressOffset>{A}</cluster>"
    ));
    assert_eq!(addresses(&device, "P"), "A@1004");
    let expected = ["R%s", "D%s", "K%s"];
    assert_eq!(device.warnings(), expected.map(|name| format!("line 1: array {name:?} has 0 elements")));
    let device = fields(&format!("<field>{none}<name>F%s</name><bitRange>[0:0]</bitRange></field>"));
    assert_eq!(warning(&device), "line 1: array \"F%s\" has 0 elements");
    let device =
        crate::svd::device(&format!("<peripheral>{none}<name>Q%s</name><baseAddress>0</baseAddress></peripheral>"));
    assert_eq!((warning(&device), device.peripherals().len()), ("line 1: array \"Q%s\" has 0 elements", 0));
}
