//! Descriptions that are refused, and where their errors point.

use openocd::svd::Device;
use openocd::{Error, SvdError};

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
fn arrays_that_would_exhaust_memory_are_refused() {
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

/// What a device with these peripherals is refused for.
fn refusal(peripherals: &str) -> String {
    let svd = format!("<device><name>D</name><peripherals>{peripherals}</peripherals></device>");
    match Device::parse_str(&svd) {
        Err(error @ Error::Svd(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

const ARRAY: &str = "<dim>1000000</dim><dimIncrement>16</dimIncrement>";

#[test]
fn large_arrays_of_empty_elements_are_refused() {
    let peripherals = format!("<peripheral>{ARRAY}<name>P%s</name><baseAddress>0</baseAddress></peripheral>").repeat(3);
    assert!(refusal(&peripherals).contains("more than 1048576 registers"));
    let cluster = format!("<cluster>{ARRAY}<name>K%s</name><addressOffset>0</addressOffset></cluster>").repeat(3);
    let peripheral =
        format!("<peripheral><name>P</name><baseAddress>0</baseAddress><registers>{cluster}</registers></peripheral>");
    assert!(refusal(&peripheral).contains("more than 1048576 registers"));
}

#[test]
fn too_many_fields_are_refused() {
    let field =
        "<field><dim>4096</dim><dimIncrement>0</dimIncrement><name>F%s</name><bitRange>[0:0]</bitRange></field>";
    let base = format!("<register><name>R</name><addressOffset>0</addressOffset><fields>{field}</fields></register>");
    let derived = "<register derivedFrom='R'><name>S</name><addressOffset>4</addressOffset></register>".repeat(600);
    let peripheral = format!(
        "<peripheral><name>P</name><baseAddress>0</baseAddress><registers>{base}{derived}</registers></peripheral>"
    );
    assert!(refusal(&peripheral).contains("more than 2097152 fields"));
    assert!(refusal(&peripheral.replace("4096", "4097")).contains("register \"R\" has more than 4096 fields"));
}

#[test]
fn numbers_that_do_not_fit_are_located() {
    let register = |more: &str| {
        parse_error(&format!(
            "<device><name>D</name><peripherals><peripheral><name>P</name><baseAddress>0</baseAddress><registers>\n<register>\
             <name>R</name>{more}</register></registers></peripheral></peripherals></device>"
        ))
    };
    for (more, expected) in [
        (
            "<addressOffset>0x100000000</addressOffset>",
            "<addressOffset> \"0x100000000\" is not a number of at most 32 bits",
        ),
        ("<addressOffset>-4</addressOffset>", "<addressOffset> \"-4\" is not a number of at most 32 bits"),
        (
            "<addressOffset>0</addressOffset><size>99999999999</size>",
            "<size> \"99999999999\" is not a number of at most 32 bits",
        ),
        (
            "<addressOffset>0</addressOffset><dim>many</dim><dimIncrement>4</dimIncrement>",
            "<dim> \"many\" is not a number of at most 32 bits",
        ),
    ] {
        let (line, _, message) = register(more);
        assert_eq!((line, &*message), (2, expected), "{more}");
    }
}

#[test]
fn a_document_type_with_entities_is_refused() {
    let message = parse_error("<!DOCTYPE d [<!ENTITY a 'aaaa'>]>\n<device><name>&a;</name></device>").2;
    assert!(message.contains("DTD"), "{message}");
}

#[test]
fn elements_inside_of_an_array_s_numbers_are_located() {
    let register = |dim: &str| {
        format!(
            "<device><name>D</name><peripherals><peripheral><name>P</name><baseAddress>0</baseAddress><registers><register>{dim}\
             <name>R%s</name><addressOffset>0</addressOffset></register></registers></peripheral></peripherals></device>"
        )
    };
    for (dim, name) in [
        ("<dimIndex>0-9999999<x/></dimIndex>", "dimIndex"),
        ("<dim>4000000000<x/></dim><dimIncrement>4</dimIncrement>", "dim"),
    ] {
        let (at, _, message) = parse_error(&register(dim));
        assert_eq!((at, message), (1, format!("<{name}> must not have elements inside")), "{dim}");
    }
}

#[test]
fn text_that_is_no_well_formed_xml_is_refused() {
    let peripherals = "<peripherals/></device>";
    for (text, expected) in [
        (format!("<device><name>D & E</name>{peripherals}"), "the reference \"&\" is not known"),
        (format!("<device><name>&#0;</name>{peripherals}"), "the reference \"&#0;"),
        (format!("<device><name>a\u{1b}b</name>{peripherals}"), "the character U+001B is not allowed"),
        (format!("<device x=1><name>D</name>{peripherals}"), "an attribute of this tag is not NAME=\"VALUE\""),
        (format!("<device><name>D</name>{peripherals}<device/>"), "more than one element that holds all others"),
        (format!("<device><name>D</name>{peripherals}text"), "text outside of the element that holds all others"),
        (format!("<device><name>a < b</name>{peripherals}"), "this `<` does not begin a tag"),
        ("</device>".to_owned(), "</device> ends nothing"),
        ("<device><!-- ".to_owned(), "the text ends inside this tag"),
    ] {
        let message = parse_error(&text).2;
        assert!(message.contains(expected), "{text}: {message}");
    }
}
