use std::fmt::Write as _;

use super::*;

const HEAD: &str = "<device><name>D</name><size>32</size><resetValue>0</resetValue><peripherals><peripheral><name>P</name>\
    <baseAddress>0x1000</baseAddress><registers>";
const TAIL: &str = "</registers></peripheral></peripherals></device>";

fn planned(registers: &[(&str, u32, &str)], unguarded: bool) -> (String, Vec<Origin>) {
    let mut svd = HEAD.to_owned();
    for (name, offset, more) in registers {
        let _ = write!(svd, "<register><name>{name}</name><addressOffset>{offset}</addressOffset>{more}</register>");
    }
    let device = Device::parse_str(&(svd + TAIL)).unwrap();
    let Plan { runs, origins } = plan(&device, device.peripheral("P").unwrap(), unguarded);
    let runs: Vec<_> = runs.iter().map(|run| format!("{:x}/{}x{}", run.address, run.bits, run.count)).collect();
    (runs.join(" "), origins)
}

fn runs(registers: &[(&str, u32, &str)]) -> String {
    planned(registers, false).0
}

#[test]
fn neighbors_of_one_width_are_read_together() {
    assert_eq!(runs(&[("B", 4, ""), ("A", 0, ""), ("C", 8, "")]), "1000/32x3");
    assert_eq!(runs(&[("A", 0, "<size>16</size>"), ("B", 2, "<size>16</size>"), ("C", 4, "")]), "1000/16x2 1004/32x1");
    assert_eq!(runs(&[("A", 0, "<size>8</size>"), ("B", 8, "<size>64</size>")]), "1000/8x1 1008/64x1");
}

#[test]
fn gaps_are_never_read() {
    assert_eq!(runs(&[("A", 0, ""), ("B", 8, "")]), "1000/32x1 1008/32x1");
}

#[test]
fn a_register_that_must_not_be_read_splits_a_run() {
    let registers = [
        ("A", 0, ""),
        ("KEY", 4, "<access>write-only</access>"),
        ("B", 8, ""),
        ("DATA", 12, "<readAction>modify</readAction>"),
        ("C", 16, ""),
    ];
    let (runs, origins) = planned(&registers, false);
    assert_eq!(runs, "1000/32x1 1008/32x1 1010/32x1");
    assert_eq!(origins[1], Origin::Skipped(SkipReason::WriteOnly));
    assert_eq!(planned(&registers, true).0, "1000/32x3 100c/32x1 1010/32x1");
}

#[test]
fn a_view_of_a_guarded_address_is_guarded() {
    let registers = [("A", 0, ""), ("A_DATA", 1, "<size>8</size><readAction>clear</readAction>"), ("B", 4, "")];
    let (runs, origins) = planned(&registers, false);
    assert_eq!(runs, "1004/32x1");
    assert!(
        matches!(&origins[0], Origin::Skipped(SkipReason::ReadChangesState { register, .. }) if register == "P.A_DATA")
    );
}

#[test]
fn an_address_is_read_once() {
    let registers = [("LOW", 0, "<size>8</size>"), ("ALL", 0, ""), ("HIGH", 2, "<size>16</size>"), ("SAME", 0, "")];
    let (runs, origins) = planned(&registers, false);
    assert_eq!(runs, "1000/32x1");
    let shifts: Vec<_> = origins
        .iter()
        .map(|origin| match origin {
            Origin::Element { shift, .. } => *shift,
            Origin::Skipped(_) => u32::MAX,
        })
        .collect();
    assert_eq!(shifts, [0, 0, 16, 0]);
}

#[test]
fn a_register_that_one_access_cannot_read_is_skipped() {
    let (runs, origins) = planned(&[("A", 2, ""), ("WIDE", 8, "<size>128</size>")], true);
    assert_eq!(runs, "");
    assert_eq!(origins[0], Origin::Skipped(SkipReason::Misaligned { address: 0x1002, bits: 32 }));
    assert_eq!(origins[1], Origin::Skipped(SkipReason::UnsupportedSize { bits: 128 }));
}

#[test]
fn a_register_that_a_read_changes_is_read_apart_from_its_neighbors() {
    let registers =
        [("A", 0, ""), ("DATA", 4, "<readAction>modify</readAction>"), ("VIEW", 4, ""), ("B", 8, ""), ("C", 12, "")];
    assert_eq!(planned(&registers, true).0, "1000/32x1 1004/32x1 1008/32x2");
}

#[test]
fn the_last_byte_of_the_address_space_is_read_once() {
    let svd = HEAD.replace("0x1000", "0xffffffffffffffff")
        + "<register><name>A</name><addressOffset>0</addressOffset><size>8</size></register>\
           <register><name>B</name><addressOffset>0</addressOffset><size>8</size></register>"
        + TAIL;
    let device = Device::parse_str(&svd).unwrap();
    let plan = plan(&device, device.peripheral("P").unwrap(), false);
    assert_eq!(plan.runs, [Run { address: u64::MAX, bits: 8, count: 1 }]);
}

#[test]
fn in_a_big_endian_device_the_first_byte_is_the_highest() {
    let svd = HEAD.replace(
        "<size>",
        "<cpu><name>other</name><revision>r0p0</revision><endian>big</endian><mpuPresent>false</mpuPresent><fpuPresent>false</fpuPresent>\
         <nvicPrioBits>0</nvicPrioBits><vendorSystickConfig>false</vendorSystickConfig></cpu><size>",
    ) + "<register><name>ALL</name><addressOffset>0</addressOffset></register>\
         <register><name>FIRST</name><addressOffset>0</addressOffset><size>8</size></register>\
         <register><name>LAST</name><addressOffset>2</addressOffset><size>16</size></register>"
        + TAIL;
    let device = Device::parse_str(&svd).unwrap();
    let shifts: Vec<_> = plan(&device, device.peripheral("P").unwrap(), false).origins;
    let at = |shift| Origin::Element { run: 0, index: 0, shift };
    assert_eq!(shifts, [at(0), at(24), at(0)]);
}
