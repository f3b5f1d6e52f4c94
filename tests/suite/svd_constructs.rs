//! Each construct of CMSIS-SVD in a description of a few lines, with the addresses and fields that it must give.

use openocd::svd::{Access, Device, EnumeratedValue, ModifiedWriteValues, ReadAction, Register, WriteConstraint};
use openocd::{Error, SvdError};

/// A device of these peripherals, with defaults of 32 bits, read-write, 0 after reset.
fn device(peripherals: &str) -> Device {
    let svd = format!(
        "<?xml version='1.0'?><device><name>D</name><size>32</size><access>read-write</access><resetValue>0</resetValue>\
         <peripherals>{peripherals}</peripherals></device>"
    );
    Device::parse_str(&svd).unwrap()
}

/// A device with the peripheral P at 0x1000 that has these registers.
fn registers(registers: &str) -> Device {
    device(&format!(
        "<peripheral><name>P</name><baseAddress>0x1000</baseAddress><registers>{registers}</registers></peripheral>"
    ))
}

/// A device with the register P.R at 0x1000 that has these fields.
fn fields(fields: &str) -> Device {
    registers(&format!("<register><name>R</name><addressOffset>0</addressOffset><fields>{fields}</fields></register>"))
}

fn register<'d>(device: &'d Device, peripheral: &str, register: &str) -> &'d Register {
    device.peripheral(peripheral).and_then(|found| found.register(register)).unwrap()
}

/// `NAME@ADDRESS` of every register of a peripheral.
fn addresses(device: &Device, peripheral: &str) -> String {
    let registers = device.peripheral(peripheral).unwrap().registers();
    let each: Vec<_> =
        registers.iter().map(|register| format!("{}@{:x}", register.name(), register.address())).collect();
    each.join(" ")
}

/// `NAME[OFFSET+WIDTH]` of every field of a register.
fn layout(register: &Register) -> String {
    let each =
        register.fields().iter().map(|field| format!("{}[{}+{}]", field.name(), field.bit_offset(), field.bit_width()));
    each.collect::<Vec<_>>().join(" ")
}

const A: &str = "<register><name>A</name><addressOffset>4</addressOffset></register>";

#[test]
fn a_derived_peripheral_has_the_base_s_registers_at_its_own_address() {
    // The base comes later in the file, and is itself derived.
    let device = device(&format!(
        "<peripheral derivedFrom='Q'><name>P</name><baseAddress>0x1000</baseAddress></peripheral>\
         <peripheral derivedFrom='B'><name>Q</name><baseAddress>0x2000</baseAddress><size>16</size></peripheral>\
         <peripheral><name>B</name><description>Base</description><groupName>G</groupName><baseAddress>0x3000</baseAddress>\
         <addressBlock><offset>0</offset><size>8</size><usage>registers</usage></addressBlock>\
         <addressBlock><offset>0x100</offset><size>4</size><usage>buffer</usage></addressBlock>\
         <interrupt><name>I</name><value>7</value></interrupt><registers>{A}</registers></peripheral>"
    ));
    assert_eq!(addresses(&device, "P"), "A@1004");
    assert_eq!(addresses(&device, "Q"), "A@2004");
    let derived = device.peripheral("P").unwrap();
    assert_eq!((derived.description(), derived.group_name()), (Some("Base"), Some("G")));
    let blocks: Vec<_> = derived.address_blocks().iter().map(|block| (block.address, block.size)).collect();
    assert_eq!(blocks, [(0x1000, 8), (0x1100, 4)]);
    assert_eq!(derived.interrupts()[0].value, 7);
    assert_eq!(register(&device, "P", "A").size(), 16, "from the peripheral between");
    assert_eq!(register(&device, "B", "A").size(), 32);
}

#[test]
fn a_derived_peripheral_s_own_registers_replace_the_base_s() {
    let device = device(&format!(
        "<peripheral><name>B</name><baseAddress>0</baseAddress><registers>{A}</registers></peripheral>\
         <peripheral derivedFrom='B'><name>P</name><baseAddress>0x1000</baseAddress><registers>\
         <register><name>C</name><addressOffset>8</addressOffset></register></registers></peripheral>"
    ));
    assert_eq!(addresses(&device, "P"), "C@1008");
}

#[test]
fn a_derived_register_has_what_it_does_not_say_itself() {
    let device = registers(
        "<register derivedFrom='BASE'><name>NEAR</name><addressOffset>0</addressOffset><resetValue>7</resetValue></register>\
         <register derivedFrom='P.CL.DEEP'><name>FAR</name><addressOffset>4</addressOffset></register>\
         <register><name>BASE</name><description>Base</description><addressOffset>8</addressOffset><size>16</size>\
         <access>read-only</access><resetValue>5</resetValue><readAction>clear</readAction>\
         <fields><field><name>F</name><bitRange>[3:1]</bitRange></field></fields></register>\
         <cluster><name>CL</name><addressOffset>0x20</addressOffset>\
         <register derivedFrom='BASE'><name>DEEP</name><addressOffset>0</addressOffset><access>read-write</access></register>\
         </cluster>",
    );
    let near = register(&device, "P", "NEAR");
    assert_eq!((near.address(), near.size(), near.reset_value()), (0x1000, 16, Some(7)));
    assert_eq!((near.access(), near.read_action()), (Access::ReadOnly, Some(ReadAction::Clear)));
    assert_eq!((near.description(), &*layout(near)), (Some("Base"), "F[1+3]"));
    let far = register(&device, "P", "FAR");
    assert_eq!((far.access(), far.reset_value(), &*layout(far)), (Access::ReadWrite, Some(5), "F[1+3]"));
    assert_eq!(register(&device, "P", "CL_DEEP").address(), 0x1020);
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
}

#[test]
fn what_a_register_is_derived_from_goes_before_what_encloses_it() {
    let device = device(
        "<peripheral><name>B</name><baseAddress>0</baseAddress><registers>\
         <register><name>A</name><addressOffset>0</addressOffset><size>8</size></register></registers></peripheral>\
         <peripheral><name>P</name><baseAddress>0x1000</baseAddress><size>64</size><registers>\
         <register derivedFrom='B.A'><name>C</name><addressOffset>0</addressOffset></register></registers></peripheral>",
    );
    assert_eq!(register(&device, "P", "C").size(), 8);
}

#[test]
fn a_derived_cluster_has_the_base_s_registers() {
    let device = registers(
        "<cluster derivedFrom='TX'><name>RX</name><addressOffset>0x40</addressOffset><access>read-only</access></cluster>\
         <cluster><name>TX</name><addressOffset>0x10</addressOffset>\
         <register><name>ID</name><addressOffset>4</addressOffset></register></cluster>",
    );
    assert_eq!(addresses(&device, "P"), "RX_ID@1044 TX_ID@1014");
    assert_eq!(register(&device, "P", "RX_ID").access(), Access::ReadOnly);
    assert_eq!(register(&device, "P", "TX_ID").access(), Access::ReadWrite);
}

#[test]
fn a_derived_field_has_what_it_does_not_say_itself() {
    let device = registers(
        "<register><name>R</name><addressOffset>0</addressOffset><fields>\
         <field derivedFrom='BASE'><name>MOVED</name><bitOffset>8</bitOffset></field>\
         <field derivedFrom='P.R.BASE'><name>SAME</name></field>\
         <field><name>BASE</name><description>Base</description><lsb>4</lsb><msb>6</msb><access>read-only</access>\
         <enumeratedValues><enumeratedValue><name>On</name><value>1</value></enumeratedValue></enumeratedValues></field>\
         </fields></register>\
         <register><name>S</name><addressOffset>4</addressOffset><fields>\
         <field derivedFrom='R.BASE'><name>OTHER</name><bitRange>[1:0]</bitRange></field></fields></register>",
    );
    let first = register(&device, "P", "R");
    assert_eq!(layout(first), "MOVED[8+3] SAME[4+3] BASE[4+3]");
    let moved = first.field("MOVED").unwrap();
    assert_eq!((moved.access(), moved.description()), (Access::ReadOnly, Some("Base")));
    assert_eq!(moved.value_name(1).unwrap().name(), "On");
    let other = register(&device, "P", "S");
    assert_eq!(layout(other), "OTHER[0+2]");
    assert_eq!(other.field("OTHER").unwrap().value_name(1).unwrap().name(), "On");
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
}

#[test]
fn derived_enumerations() {
    let values = "<enumeratedValue><name>On</name><value>1</value></enumeratedValue>";
    let device = registers(&format!(
        "<register><name>R</name><addressOffset>0</addressOffset><fields>\
         <field><name>A</name><bitRange>[0:0]</bitRange><enumeratedValues derivedFrom='V'/></field>\
         <field><name>B</name><bitRange>[1:1]</bitRange><enumeratedValues derivedFrom='F.V'/></field>\
         <field><name>C</name><bitRange>[2:2]</bitRange><enumeratedValues derivedFrom='R.F.V'/></field>\
         <field><name>D</name><bitRange>[3:3]</bitRange><enumeratedValues derivedFrom='P.R.F.V'/></field>\
         <field><name>E</name><bitRange>[4:4]</bitRange><enumeratedValues derivedFrom='W'/></field>\
         <field><name>F</name><bitRange>[5:5]</bitRange><enumeratedValues><name>V</name>{values}</enumeratedValues></field>\
         </fields></register>\
         <register><name>S</name><addressOffset>4</addressOffset><fields>\
         <field><name>F</name><bitRange>[5:5]</bitRange><enumeratedValues derivedFrom='V'><name>W</name></enumeratedValues>\
         </field></fields></register>"
    ));
    for name in ["A", "B", "C", "D", "E", "F"] {
        let field = register(&device, "P", "R").field(name).unwrap();
        assert_eq!(field.value_name(1).map(EnumeratedValue::name), Some("On"), "{name}");
        assert!(field.value_name(0).is_none());
    }
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
}

#[test]
fn a_derivation_that_leads_nowhere_or_in_a_circle_is_a_warning() {
    let device = registers(
        "<register derivedFrom='NONE'><name>A</name><addressOffset>0</addressOffset></register>\
         <register derivedFrom='C'><name>B</name><addressOffset>4</addressOffset></register>\
         <register derivedFrom='B'><name>C</name><addressOffset>8</addressOffset></register>\
         <register derivedFrom='D'><name>D</name><addressOffset>12</addressOffset></register>\
         <cluster derivedFrom='L'><name>K</name><addressOffset>16</addressOffset></cluster>\
         <cluster derivedFrom='K'><name>L</name><addressOffset>20</addressOffset></cluster>",
    );
    assert_eq!(addresses(&device, "P"), "A@1000 B@1004 C@1008 D@100c");
    let warnings = device.warnings().join("\n");
    assert!(warnings.contains("\"A\" is derived from \"NONE\", which does not exist"), "{warnings}");
    assert!(warnings.contains("\"B\" is derived from itself"), "{warnings}");
}

#[test]
fn a_cluster_inside_itself_is_refused() {
    let svd = "<device><name>D</name><peripherals><peripheral><name>P</name><baseAddress>0</baseAddress><registers>\
               <cluster><name>K</name><addressOffset>0</addressOffset>\
               <cluster derivedFrom='K'><name>L</name><addressOffset>0</addressOffset></cluster></cluster>\
               </registers></peripheral></peripherals></device>";
    let error = Device::parse_str(svd).unwrap_err();
    assert!(matches!(&error, Error::Svd(SvdError::Impossible { .. })), "{error}");
    assert!(error.to_string().contains("nested more than 16 deep"), "{error}");
}

#[test]
fn arrays_of_registers() {
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
fn arrays_of_fields_and_peripherals() {
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
fn nested_clusters_and_arrays_of_clusters() {
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
fn the_three_ways_to_say_which_bits() {
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
fn sizes_and_the_width_of_their_accesses() {
    for (size, access) in [(8, Some(8)), (16, Some(16)), (32, Some(32)), (64, Some(64)), (24, Some(32)), (128, None)] {
        let device = registers(&format!(
            "<register><name>R</name><addressOffset>0</addressOffset><size>{size}</size></register>"
        ));
        let register = register(&device, "P", "R");
        assert_eq!((register.size(), register.access_bits()), (size, access));
    }
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
    assert_eq!(register(&device, "P", "IN").alternate_register(), Some("OUT"));
    assert_eq!(register(&device, "P", "BYTE").alternate_group(), Some("BYTES"));
}

#[test]
fn enumerated_values_with_wildcards_and_a_default() {
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
fn access_actions_and_constraints() {
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
fn names_with_additions() {
    let device = device(&format!(
        "<peripheral><name>P</name><prependToName>P_</prependToName><appendToName>_X</appendToName>\
         <baseAddress>0x1000</baseAddress><registers>{A}</registers></peripheral>"
    ));
    assert_eq!(addresses(&device, "P"), "P_A_X@1004");
}

#[test]
fn what_does_not_fit_into_its_register_is_cut_or_left_out() {
    let device = registers(
        "<register><name>R</name><addressOffset>0</addressOffset><size>8</size><fields>\
         <field><name>A</name><bitRange>[9:6]</bitRange></field><field><name>B</name><bitRange>[8:8]</bitRange></field>\
         </fields></register>",
    );
    assert_eq!(layout(register(&device, "P", "R")), "A[6+2]");
    assert_eq!(device.warnings().len(), 2, "{:?}", device.warnings());
}

#[test]
fn slips_are_put_right_and_told() {
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
fn slips_in_blocks_interrupts_and_values() {
    let device = device(
        "<peripheral><name>P</name><baseAddress>0x1000</baseAddress>\
         <addressBlock><offset>0</offset><size>4</size><usage>reg</usage></addressBlock>\
         <addressBlock><offset>8</offset><size>4</size></addressBlock>\
         <interrupt><name>I</name></interrupt><interrupt><name>J</name><value>3</value></interrupt>\
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

/// Line, column and message of the error for a text.
fn parse_error(svd: &str) -> (u32, u32, String) {
    match Device::parse_str(svd) {
        Err(Error::Svd(SvdError::Parse { line, column, message, .. })) => (line, column, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_xml_is_located() {
    let (line, column, message) = parse_error("<device>\n  <name>D</nane>\n</device>");
    assert_eq!((line, column), (2, 10));
    assert!(message.contains("expected </name>"), "{message}");
    let (line, _, message) = parse_error("<device>\n<name>D</name>\n");
    assert_eq!(line, 3);
    assert!(message.contains("ends inside the element <device> of line 1"), "{message}");
    let (line, column, _) = parse_error("<device>\n<name>&nothing;</name></device>");
    assert_eq!(line, 2, "column {column}");
    let (line, column, message) = parse_error("<device>\n <name");
    assert_eq!((line, column, &*message), (2, 2, "the text ends inside this tag"));
    for text in ["", "plain words", "<!-- -->"] {
        assert_eq!(parse_error(text).0, 1, "{text:?}");
    }
    let (line, _, message) = parse_error(
        "<device><name>D</name><peripherals><peripheral><name>P</name><baseAddress>0</baseAddress><registers><register><name>R</name>\
         <addressOffset>0</addressOffset><fields><field><name>F</name>\n<bitRange>[4294967295:0]</bitRange></field></fields></register>\
         </registers></peripheral></peripherals></device>",
    );
    assert_eq!((line, &*message), (2, "<bitRange> \"[4294967295:0]\" does not say which bits a field has"));
    let deep = "<a>".repeat(100_000);
    assert!(parse_error(&deep).2.contains("nested more than"), "deep nesting is no stack overflow");
}

#[test]
fn a_description_that_lacks_what_it_must_have_is_located() {
    let (line, column, message) = parse_error(
        "<device><name>D</name><peripherals>\n<peripheral><name>P</name><baseAddress>0</baseAddress><registers>\n\
         <register><name>R</name></register></registers></peripheral></peripherals></device>",
    );
    assert_eq!((line, column), (3, 1));
    assert!(message.contains("addressOffset") && message.contains("`R`"), "{message}");
    let (line, _, message) = parse_error("<svd>\n</svd>");
    assert!(message.contains("<device>"), "{line}: {message}");
    let (line, _, message) = parse_error(
        "<device>\n<name>D</name><peripherals><peripheral><name>P</name>\n\
         <baseAddress>here</baseAddress></peripheral></peripherals></device>",
    );
    assert_eq!(line, 3, "{message}");
}

#[test]
fn sizes_that_would_eat_up_memory_are_refused() {
    let array = |dim: &str| {
        format!(
            "<device><name>D</name><peripherals><peripheral><name>P</name><baseAddress>0</baseAddress><registers>\
             <register><dim>{dim}</dim><dimIncrement>4</dimIncrement><dimIndex>0-4294967294</dimIndex><name>R%s</name>\
             <addressOffset>0</addressOffset></register></registers></peripheral></peripherals></device>"
        )
    };
    let error = Device::parse_str(&array("4294967295")).unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::Impossible { .. })), "{error}");
    let error =
        Device::parse_str(&array("5").replace("<baseAddress>0", "<baseAddress>0xfffffffffffffffc")).unwrap_err();
    assert!(error.to_string().contains("beyond the 64-bit address space"), "{error}");
}
