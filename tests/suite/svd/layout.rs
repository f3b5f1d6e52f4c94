//! Arrays, clusters, addresses, names, and which bits a field has.

use openocd::svd::Register;

use super::{A, addresses, device, fields, layout, register, registers};

#[test]
fn an_array_of_registers_becomes_its_elements() {
    let array = |name: &str, more: &str| {
        registers(&format!(
            "<register><dim>3</dim><dimIncrement>8</dimIncrement>{more}<name>{name}</name><displayName>{name}</displayName>\
             <description>Number %s</description><addressOffset>4</addressOffset></register>"
        ))
    };
    assert_eq!(addresses(&array("R%s", ""), "P"), "R0@1004 R1@100c R2@1014");
    assert_eq!(addresses(&array("R[%s]", ""), "P"), "R[0]@1004 R[1]@100c R[2]@1014");
    assert_eq!(addresses(&array("R%s_X", "<dimIndex>A,B, C</dimIndex>"), "P"), "RA_X@1004 RB_X@100c RC_X@1014");
    assert_eq!(addresses(&array("R%s", "<dimIndex>4-6</dimIndex>"), "P"), "R4@1004 R5@100c R6@1014");
    assert_eq!(addresses(&array("R%s", "<dimIndex>B-D</dimIndex>"), "P"), "RB@1004 RC@100c RD@1014");
    let device = array("R%s", "");
    let last = register(&device, "P", "R2");
    assert_eq!((last.description(), last.display_name()), (Some("Number 2"), Some("R2")));
}

#[test]
fn an_array_of_fields_or_peripherals_becomes_its_elements() {
    let device = device(
        "<peripheral><dim>2</dim><dimIncrement>0x400</dimIncrement><dimIndex>A,B</dimIndex><name>GPIO%s</name>\
         <baseAddress>0x1000</baseAddress><registers><register><name>R</name><addressOffset>4</addressOffset><fields>\
         <field><dim>3</dim><dimIncrement>4</dimIncrement><dimIndex>1-3</dimIndex><name>PIN%s</name>\
         <bitRange>[2:1]</bitRange></field></fields></register></registers></peripheral>\
         <peripheral derivedFrom='GPIOB'><name>OTHER</name><baseAddress>0x5000</baseAddress></peripheral>",
    );
    assert_eq!(addresses(&device, "GPIOA"), "R@1004");
    assert_eq!(addresses(&device, "GPIOB"), "R@1404");
    assert_eq!(addresses(&device, "OTHER"), "R@5004");
    assert_eq!(layout(register(&device, "GPIOB", "R")), "PIN1[1+2] PIN2[5+2] PIN3[9+2]");
}

#[test]
fn registers_in_nested_clusters_have_flat_names() {
    let device = registers(
        "<cluster><dim>2</dim><dimIncrement>0x100</dimIncrement><name>CH[%s]</name><addressOffset>0x10</addressOffset>\
         <register><name>CR</name><addressOffset>0</addressOffset></register>\
         <cluster><dim>2</dim><dimIncrement>0x20</dimIncrement><name>BUF%s</name><addressOffset>0x40</addressOffset>\
         <register><dim>2</dim><dimIncrement>4</dimIncrement><name>D%s</name><addressOffset>8</addressOffset></register>\
         </cluster></cluster>",
    );
    assert_eq!(
        addresses(&device, "P"),
        "CH[0]_CR@1010 CH[0]_BUF0_D0@1058 CH[0]_BUF0_D1@105c CH[0]_BUF1_D0@1078 CH[0]_BUF1_D1@107c \
         CH[1]_CR@1110 CH[1]_BUF0_D0@1158 CH[1]_BUF0_D1@115c CH[1]_BUF1_D0@1178 CH[1]_BUF1_D1@117c"
    );
}

#[test]
fn a_field_states_its_bits_in_three_ways() {
    let device = fields(
        "<field><name>A</name><bitRange>[7:4]</bitRange></field>\
         <field><name>B</name><bitOffset>0x8</bitOffset><bitWidth>3</bitWidth></field>\
         <field><name>C</name><lsb>30</lsb><msb>31</msb></field>",
    );
    let all = register(&device, "P", "R");
    assert_eq!(layout(all), "A[4+4] B[8+3] C[30+2]");
    assert_eq!(all.field("C").unwrap().mask(), 0xc000_0000);
}

#[test]
fn alternate_registers_share_an_address() {
    let device = registers(
        "<register><name>OUT</name><addressOffset>0</addressOffset></register>\
         <register><name>IN</name><alternateRegister>OUT</alternateRegister><addressOffset>0</addressOffset></register>\
         <register><name>BYTE</name><alternateGroup>BYTES</alternateGroup><addressOffset>2</addressOffset><size>8</size></register>",
    );
    let names = |address| device.registers_at(address).map(Register::name).collect::<Vec<_>>().join(" ");
    assert_eq!(names(0x1000), "OUT IN");
    assert_eq!(names(0x1002), "OUT IN BYTE");
    assert_eq!(names(0x1004), "");
    assert_eq!(device.register_at(0x1003).unwrap().path(), "P.OUT");
    assert!(device.register_at(0xfff).is_none());
    // By address, not by place in the file.
    let byte_first = registers(
        "<register><name>BYTE</name><addressOffset>2</addressOffset><size>8</size></register>\
         <register><name>WORD</name><addressOffset>0</addressOffset></register>",
    );
    assert_eq!(byte_first.register_at(0x1002).unwrap().name(), "WORD");
    assert_eq!(register(&device, "P", "IN").alternate_register(), Some("OUT"));
    assert_eq!(register(&device, "P", "BYTE").alternate_group(), Some("BYTES"));
}

#[test]
fn a_peripheral_adds_to_the_names_of_its_registers() {
    let device = device(&format!(
        "<peripheral><name>P</name><prependToName>P_</prependToName><appendToName>_X</appendToName>\
         <baseAddress>0x1000</baseAddress><registers>{A}</registers></peripheral>"
    ));
    assert_eq!(addresses(&device, "P"), "P_A_X@1004");
}

#[test]
fn a_field_that_does_not_fit_its_register_is_cut_or_left_out() {
    let device = registers(
        "<register><name>R</name><addressOffset>0</addressOffset><size>8</size><fields>\
         <field><name>A</name><bitRange>[9:6]</bitRange></field><field><name>B</name><bitRange>[8:8]</bitRange></field>\
         </fields></register>",
    );
    assert_eq!(layout(register(&device, "P", "R")), "A[6+2]");
    assert_eq!(device.warnings().len(), 2, "{:?}", device.warnings());
}

#[test]
fn alternate_groups_keep_equal_names_apart() {
    let again = |name: &str, offset: u32, group: &str| {
        format!("<register><name>{name}</name><addressOffset>{offset}</addressOffset>{group}</register>")
    };
    let group = "<alternateGroup>TX</alternateGroup>";
    let device = registers(&[again("R", 0, ""), again("R", 0, group), again("S", 4, group)].concat());
    assert_eq!(addresses(&device, "P"), "R@1000 R_TX@1000 S@1004");
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
}

#[test]
fn look_ups_find_the_first_of_equal_names() {
    let device = device(&format!(
        "<peripheral><name>P</name><baseAddress>0x1000</baseAddress><registers>{A}{}</registers></peripheral>\
         <peripheral><name>P</name><baseAddress>0x2000</baseAddress></peripheral>",
        A.replace('4', "8")
    ));
    assert_eq!(register(&device, "P", "A").address(), 0x1004);
    assert_eq!(
        device.warnings(),
        [
            "peripheral \"P\" has more than one register \"A\"; look-ups find the first",
            "there is more than one peripheral \"P\"; look-ups find the first"
        ]
    );
}

#[test]
fn an_array_may_be_empty_or_overlap() {
    let device = registers(
        "<register><dim>0</dim><dimIncrement>4</dimIncrement><name>NONE%s</name><addressOffset>0</addressOffset></register>\
         <register><dim>2</dim><dimIncrement>0</dimIncrement><name>SAME%s</name><addressOffset>4</addressOffset></register>",
    );
    assert_eq!(addresses(&device, "P"), "SAME0@1004 SAME1@1004");
}

#[test]
fn registers_at_the_end_of_the_address_space_are_found() {
    let device = device(
        "<peripheral><name>P</name><baseAddress>0xfffffffffffffff8</baseAddress><registers>\
         <register><name>A</name><addressOffset>0</addressOffset><size>64</size></register>\
         <register><name>B</name><addressOffset>7</addressOffset><size>8</size></register></registers></peripheral>",
    );
    let names = |address| device.registers_at(address).map(Register::name).collect::<Vec<_>>().join(" ");
    assert_eq!(names(u64::MAX), "A B");
    assert_eq!(names(u64::MAX - 1), "A");
    assert_eq!(names(u64::MAX - 8), "");
}
