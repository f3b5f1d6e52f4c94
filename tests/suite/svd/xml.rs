//! Valid XML means the same, however it is written.

use openocd::svd::{Access, Device};

use super::{fields, layout, register, registers};

#[test]
fn comments_cdata_and_references_inside_a_value_do_not_change_it() {
    let device = registers(
        "<register><name>R<!-- x -->EG</name><addressOffset><!-- a -->0x<![CDATA[1]]>&#48;</addressOffset>\
         <access>read-only<!-- x --></access><size><?pi?>16</size><resetValue>&#x31;2</resetValue>\
         <description>a &lt;b&gt; &amp; <![CDATA[<c>]]></description><fields><field><name><![CDATA[F]]></name>\
         <bitRange>[3<!-- to -->:0]</bitRange><enumeratedValues><enumeratedValue><name>On<!-- or off --></name>\
         <value>0b1<!-- any -->x</value></enumeratedValue></enumeratedValues></field></fields></register>",
    );
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
    let register = register(&device, "P", "REG");
    assert_eq!((register.address(), register.access(), register.size()), (0x1010, Access::ReadOnly, 16));
    assert_eq!((register.reset_value(), register.description()), (Some(12), Some("a <b> & <c>")));
    assert_eq!(layout(register), "F[0+4]");
    let field = register.field("F").unwrap();
    assert_eq!(field.value_name(3).map(|value| (value.name(), value.dont_care())), Some(("On", 1)));
}

#[test]
fn vendor_extensions_may_hold_anything() {
    let deep = "<a>".repeat(200) + &"</a>".repeat(200);
    let extensions = format!(
        "<vendorExtensions><register><name>X</name></register><size><least>1</least></size><registers/>\
         <access>never</access>text <![CDATA[<]]> &lt;{deep}<vendorExtensions/></vendorExtensions>"
    );
    let text = format!(
        "<device><name>D</name>{extensions}<peripherals><peripheral><name>P</name>{extensions}<baseAddress>0</baseAddress>\
         <registers><register>{extensions}<name>R</name><addressOffset>0</addressOffset><fields>\
         <field><name>F</name><bitRange>[0:0]</bitRange>{extensions}</field></fields></register>{extensions}</registers>\
         </peripheral></peripherals>{extensions}</device>"
    );
    let device = Device::parse_str(&text).unwrap();
    assert_eq!(layout(register(&device, "P", "R")), "F[0+1]");
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
}

#[test]
fn a_document_type_without_entities_is_left_out() {
    for doctype in
        ["<!DOCTYPE device>", "<!DOCTYPE device SYSTEM 'device.dtd'>", "<!DOCTYPE device [<!ELEMENT device ANY>]>"]
    {
        let device =
            Device::parse_str(&format!("<?xml version='1.0'?>{doctype}<device><name>D</name><peripherals/></device>"));
        assert_eq!(device.unwrap().warnings(), ["line 1: a document type declaration is left out"]);
    }
}

#[test]
fn prefixes_of_namespaces_and_line_ends_do_not_matter() {
    let device = Device::parse_str(
        "<s:device xmlns:s='x'>\r\n<s:name>D</s:name><s:description>a\r\nb</s:description>\r<s:peripherals/></s:device>",
    );
    assert_eq!(device.unwrap().description(), "a\nb");
}

#[test]
fn attributes_may_hold_references() {
    let device = registers(
        "<register derivedFrom = \"&#66;ASE\"><name>A</name><addressOffset>0</addressOffset></register>\
         <register><name>BASE</name><addressOffset>4</addressOffset><size>8</size></register>",
    );
    assert_eq!(register(&device, "P", "A").size(), 8);
    assert!(fields("<field name='>'><name>F</name><bitRange>[0:0]</bitRange></field>").warnings().is_empty());
}

#[test]
fn utf_16_needs_no_byte_order_mark() {
    let text = "<device><name>D</name><description>\u{b5}C</description><peripherals/></device>";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (kind, bytes) in [("little", little), ("big", big)] {
        let path = std::env::temp_dir().join(format!("openocd-{kind}-{}.svd", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let device = Device::load(&path);
        std::fs::remove_file(&path).unwrap();
        let device = device.unwrap();
        assert_eq!(device.description(), "\u{b5}C", "{kind}");
        assert_eq!(device.warnings(), ["the text is read as UTF-16, though no byte order mark says so"]);
    }
}
