//! The tables of core peripherals.

use super::*;
use crate::svd::{Access, ModifiedWriteValues};

const ALL: [CortexM; 3] = [CortexM::V6, CortexM::V7, CortexM::V8];

#[test]
fn the_tables_are_read_without_a_warning() {
    for core in ALL {
        let device = load::text(&svd(core), "core").unwrap();
        assert_eq!((device.warnings(), device.name()), (&[][..], &*core.to_string()));
        for peripheral in device.peripherals() {
            for register in peripheral.registers() {
                assert!(register.description().is_some_and(|text| !text.is_empty()), "{register}");
                let mut bits = 0;
                for field in register.fields() {
                    assert_eq!(bits & field.mask(), 0, "{}.{} overlaps", register.path(), field.name());
                    bits |= field.mask();
                    assert!(field.description().is_some_and(|text| !text.is_empty()), "{register}");
                }
            }
        }
    }
}

#[test]
fn each_line_of_a_table_is_an_element_of_some_architecture() {
    let lines = TABLES.iter().flat_map(|table| table.lines()).filter(|line| !line.starts_with('#'));
    let (mut registers, mut fields, mut values) = (0, 0, 0);
    for line in lines {
        match line.len() - line.trim_start().len() {
            1 => registers += 1,
            2 => fields += 1,
            3 => values += 1,
            _ => {}
        }
    }
    let mut known = [std::collections::HashSet::new(), std::collections::HashSet::new()];
    let mut named = 0;
    for core in ALL {
        for register in Device::core(core).peripherals().iter().flat_map(crate::svd::Peripheral::registers) {
            let base = register.name().trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
            known[0].insert(format!("{}.{base}", register.peripheral()));
            for field in register.fields() {
                known[1].insert(format!("{}.{base}.{}", register.peripheral(), field.name()));
                named += field.read_values().len();
            }
        }
    }
    // Some are in more than one line, and some names differ by a digit only.
    assert!(known[0].len() + 40 > registers, "{} of {registers} registers", known[0].len());
    assert!(known[1].len() + 40 > fields, "{} of {fields} fields", known[1].len());
    assert!(named >= values, "{named} of {values} values");
}

#[test]
fn registers_are_where_the_manuals_have_them() {
    let v7 = Device::core(CortexM::V7);
    for (peripheral, register, address) in [
        ("SCB", "CPUID", 0xe000_ed00),
        ("SCB", "CFSR", 0xe000_ed28),
        ("SCB", "CPACR", 0xe000_ed88),
        ("NVIC", "ISER1", 0xe000_e104),
        ("NVIC", "IPR59", 0xe000_e4ec),
        ("NVIC", "STIR", 0xe000_ef00),
        ("SysTick", "CALIB", 0xe000_e01c),
        ("MPU", "RASR", 0xe000_eda0),
        ("FPU", "FPCCR", 0xe000_ef34),
        ("FPU", "MVFR0", 0xe000_ef40),
        ("DCB", "DEMCR", 0xe000_edfc),
        ("DWT", "CYCCNT", 0xe000_1004),
        ("DWT", "COMP3", 0xe000_1050),
        ("DWT", "FUNCTION3", 0xe000_1058),
        ("FPB", "COMP0", 0xe000_2008),
        ("ITM", "TCR", 0xe000_0e80),
    ] {
        assert_eq!(v7.peripheral(peripheral).unwrap().register(register).unwrap().address(), address, "{register}");
    }
    let has = |core, peripheral, register| {
        Device::core(core).peripheral(peripheral).is_ok_and(|found| found.register(register).is_ok())
    };
    for (peripheral, register, cores) in [
        ("SCB", "CFSR", [false, true, true]),
        ("MPU", "RASR", [true, true, false]),
        ("MPU", "RLAR", [false, false, true]),
        ("SAU", "CTRL", [false, false, true]),
        ("NVIC", "ITNS0", [false, false, true]),
        ("FPU", "FPCAR", [false, true, true]),
    ] {
        assert_eq!(ALL.map(|core| has(core, peripheral, register)), cores, "{peripheral}.{register}");
    }
}

#[test]
fn accesses_and_values_are_those_of_the_tables() {
    let v7 = Device::core(CortexM::V7);
    let register = |peripheral, name| v7.peripheral(peripheral).unwrap().register(name).unwrap();
    let cfsr = register("SCB", "CFSR").field("DIVBYZERO").unwrap();
    assert_eq!((cfsr.bit_offset(), cfsr.modified_write_values()), (25, ModifiedWriteValues::OneToClear));
    assert_eq!(register("SCB", "CPUID").access(), Access::ReadOnly);
    assert!(register("SysTick", "CSR").read_action().is_some() && register("DCB", "DHCSR").read_action().is_some());
    let core = register("SCB", "CPUID").decode(0x411f_c231).unwrap();
    let names = ["PARTNO", "IMPLEMENTER", "ARCHITECTURE"].map(|name| core.field(name).unwrap().value_name());
    assert_eq!(names, [Some("Cortex_M3"), Some("Arm"), Some("Extended")]);
}

#[test]
fn a_core_is_known_by_its_cpuid_and_its_name() {
    for (cpuid, core) in [
        (0x410c_c200, Some(CortexM::V6)),
        (0x410f_c241, Some(CortexM::V7)),
        (0x411f_d210, Some(CortexM::V8)),
        (0, None),
    ] {
        assert_eq!(CortexM::of_cpuid(cpuid), core);
    }
    for core in ALL {
        assert_eq!(core.to_string().parse::<CortexM>().unwrap(), core);
    }
    assert_eq!("V7m".parse::<CortexM>().unwrap(), CortexM::V7);
    assert!("armv9".parse::<CortexM>().is_err());
}

#[test]
fn the_description_of_the_vendor_wins() {
    let vendor = Device::parse_str(
        "<device><name>D</name><resetValue>0</resetValue><peripherals>\
         <peripheral><name>Scb</name><baseAddress>0xE000ED00</baseAddress><registers><register><name>ID</name>\
         <addressOffset>0</addressOffset></register></registers></peripheral>\
         <peripheral><name>STK</name><baseAddress>0xE000E010</baseAddress><registers><register><name>LOAD</name>\
         <addressOffset>4</addressOffset></register></registers></peripheral></peripherals></device>",
    );
    let device = vendor.unwrap().with_core(CortexM::V7);
    assert!(device.peripheral("SCB").is_err());
    let names: Vec<_> =
        device.peripheral("SysTick").unwrap().registers().iter().map(crate::svd::Register::name).collect();
    assert_eq!(names, ["CSR", "CVR", "CALIB"]);
    assert_eq!(device.peripheral("SysTick").unwrap().register("CVR").unwrap().address(), 0xe000_e018);
    assert_eq!(device.register_at(0xe000_e014).unwrap().path(), "STK.LOAD");
    assert_eq!(device.register_at(0xe000_e018).unwrap().path(), "SysTick.CVR");
    assert_eq!((device.name(), device.peripherals()[0].name()), ("D", "Scb"));
}
