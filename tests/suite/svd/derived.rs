//! `derivedFrom` at every level.

use openocd::svd::{Access, Device, EnumeratedValue, ReadAction};
use openocd::{Error, SvdError};

use super::{A, addresses, device, layout, register, registers};

#[test]
fn a_derived_peripheral_has_the_registers_of_its_base_at_its_own_address() {
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
fn own_registers_of_a_derived_peripheral_replace_those_of_its_base() {
    let device = device(&format!(
        "<peripheral><name>B</name><baseAddress>0</baseAddress><registers>{A}</registers></peripheral>\
         <peripheral derivedFrom='B'><name>P</name><baseAddress>0x1000</baseAddress><registers>\
         <register><name>C</name><addressOffset>8</addressOffset></register></registers></peripheral>"
    ));
    assert_eq!(addresses(&device, "P"), "C@1008");
}

#[test]
fn a_derived_register_inherits_what_it_does_not_state() {
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
fn the_base_of_a_register_precedes_what_encloses_it() {
    let device = device(
        "<peripheral><name>B</name><baseAddress>0</baseAddress><registers>\
         <register><name>A</name><addressOffset>0</addressOffset><size>8</size></register></registers></peripheral>\
         <peripheral><name>P</name><baseAddress>0x1000</baseAddress><size>64</size><registers>\
         <register derivedFrom='B.A'><name>C</name><addressOffset>0</addressOffset></register></registers></peripheral>",
    );
    assert_eq!(register(&device, "P", "C").size(), 8);
}

#[test]
fn a_derived_cluster_has_the_registers_of_its_base() {
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
fn a_derived_field_inherits_what_it_does_not_state() {
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
fn a_derived_enumeration_has_the_values_of_its_base() {
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
fn a_path_that_leads_through_itself_is_a_warning() {
    // To find K.R, K's registers must be found, which are those of L.R, which…
    let device = registers(
        "<cluster derivedFrom='L.R'><name>K</name><addressOffset>0</addressOffset></cluster>\
         <cluster derivedFrom='K.R'><name>L</name><addressOffset>0</addressOffset></cluster>\
         <register derivedFrom='K.R'><name>A</name><addressOffset>8</addressOffset><fields>\
         <field derivedFrom='L.R.F'><name>F</name><bitRange>[0:0]</bitRange></field></fields></register>",
    );
    assert_eq!(addresses(&device, "P"), "A@1008");
    assert!(device.warnings().join("\n").contains("\"A\" is derived from \"K.R\", which does not exist"));
}

#[test]
fn an_element_of_an_array_can_be_derived_from() {
    let array = |index: &str| {
        format!(
            "<dim>3</dim><dimIncrement>4</dimIncrement>{index}<addressOffset>0</addressOffset><size>8</size><access>read-only</access>"
        )
    };
    for (name, index, of) in [
        ("R%s", "", "R2"),
        ("R[%s]", "", "R[2]"),
        ("R[%s]", "", "R"),
        ("R%s_X", "<dimIndex>A,B,C</dimIndex>", "RC_X"),
        ("R%s", "", "R%s"),
    ] {
        let device = registers(&format!(
            "<register derivedFrom='{of}'><name>S</name><addressOffset>0x40</addressOffset></register>\
             <register><name>{name}</name>{}</register>",
            array(index)
        ));
        assert_eq!(register(&device, "P", "S").size(), 8, "{of}");
        assert!(device.warnings().is_empty(), "{:?}", device.warnings());
    }
    for of in ["R3", "R02", "R", "R+1", "R2_"] {
        let device = registers(&format!(
            "<register derivedFrom='{of}'><name>S</name><addressOffset>0x40</addressOffset></register>\
             <register><name>R%s</name>{}</register>",
            array("")
        ));
        assert_eq!(device.warnings().len(), usize::from(of != "R"), "{of}: {:?}", device.warnings());
    }
}
