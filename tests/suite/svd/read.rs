//! Registers read by name on the virtual chip.

use std::sync::Arc;
use std::time::Duration;

use openocd::svd::{Device, SkipReason, UnreadReason};
use openocd::{Error, SampleValue, SvdError, TargetError, Variable};

use super::{board, ram};
use crate::board::Board;

#[test]
fn a_register_is_read_and_decoded_while_the_target_runs() {
    let board = board();
    board.session.target().halt().unwrap();
    board.session.target().resume().unwrap();
    let cr = board.session.svd().read_register("RCC", "CR").unwrap();
    assert_eq!(cr.value, 0x83);
    assert_eq!(cr.field("HSIRDY").unwrap().value_name(), Some("Ready"));
    assert_eq!(cr.field("HSITRIM").unwrap().value, 16);
    assert_eq!(board.session.svd().read_field("DBGMCU", "IDCODE", "DEV_ID").unwrap(), 0x410);
}

#[test]
fn every_read_asks_the_target() {
    let board = board();
    let idr = || board.session.svd().read_register("GPIOA", "IDR").unwrap().value;
    board.chip.set_port_inputs('A', 0x8001);
    assert_eq!(idr(), 0x8001);
    board.chip.set_port_inputs('A', 0x0002);
    assert_eq!(idr(), 0x0002);
}

#[test]
fn a_peripheral_is_read_without_registers_that_must_not_be_read() {
    let board = board();
    board.chip.set_port_inputs('A', 0x1234);
    // Were one of these read with its neighbours, all would fail.
    board.chip.faults().bus_fault_at(0x4001_0810..0x4001_0818);
    let port = board.session.svd().read_peripheral("GPIOA").unwrap();
    let names: Vec<_> = port.registers.iter().map(|decoded| decoded.register.name()).collect();
    assert_eq!(names, ["CRL", "CRH", "IDR", "ODR", "LCKR"]);
    assert_eq!(port.register("IDR").unwrap().value, 0x1234);
    for name in ["BSRR", "BRR"] {
        let unread = port.unread.iter().find(|unread| unread.register.name() == name).unwrap();
        assert!(matches!(unread.reason, UnreadReason::Skipped(SkipReason::WriteOnly)), "{unread}");
        let error = port.register(name).unwrap_err();
        assert_eq!(error.to_string(), format!("GPIOA.{name} is not read: it is write-only"));
    }
    assert!(port.to_string().ends_with("GPIOA.BRR @ 0x40010814 not read: it is write-only"), "{port}");
}

#[test]
fn gaps_between_registers_are_not_read() {
    let board = ram("<register><name>A</name><addressOffset>0</addressOffset></register>\
         <register><name>B</name><addressOffset>8</addressOffset></register>");
    board.chip.faults().bus_fault_at(0x2000_0104..0x2000_0108);
    let reading = board.session.svd().read_peripheral("M").unwrap();
    assert!(reading.unread.is_empty(), "{reading}");
}

#[test]
fn a_register_that_a_read_changes_is_skipped_unless_named() {
    let registers = "<register><name>A</name><addressOffset>0</addressOffset></register>\
         <register><name>DATA</name><addressOffset>4</addressOffset><readAction>modifyExternal</readAction></register>\
         <register><name>VIEW</name><addressOffset>4</addressOffset></register>";
    let board = ram(registers);
    board.chip.write_u32(0x2000_0104, 0x55).unwrap();
    let reading = board.session.svd().read_peripheral("M").unwrap();
    assert_eq!(reading.registers.len(), 1);
    for unread in &reading.unread {
        let expected = "reading changes the chip's state (readAction modifyExternal of M.DATA)";
        assert_eq!(unread.reason.to_string(), expected);
    }
    let all = board.session.svd().unguarded().read_peripheral("M").unwrap();
    assert_eq!(all.register("DATA").unwrap().value, 0x55);
    assert_eq!(board.session.svd().read_register("M", "DATA").unwrap().value, 0x55, "asked for by name");
}

#[test]
fn a_register_that_fails_does_not_hide_the_others() {
    let board = board();
    board.chip.faults().bus_fault_at(0x4001_0808..0x4001_080c);
    let port = board.session.svd().read_peripheral("GPIOA").unwrap();
    let names: Vec<_> = port.registers.iter().map(|decoded| decoded.register.name()).collect();
    assert_eq!(names, ["CRL", "CRH", "ODR", "LCKR"]);
    let failed = port.unread.iter().find(|unread| unread.register.name() == "IDR").unwrap();
    let UnreadReason::Failed(failure) = &failed.reason else { panic!("{failed}") };
    assert_eq!(failure.command(), "mdw 0x40010808 1");
    assert_ne!(failure.code(), 0);
    assert!(!failure.message().is_empty());
    let error = port.register("IDR").unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryRead { address: 0x4001_0808, .. })), "{error}");

    let error = board.session.svd().read_register("GPIOA", "IDR").unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryRead { address: 0x4001_0808, .. })), "{error}");
}

#[test]
fn every_width_is_read_with_its_own_accesses() {
    let board = ram("<register><name>BYTE</name><addressOffset>0</addressOffset><size>8</size></register>\
         <register><name>HALF</name><addressOffset>2</addressOffset><size>16</size></register>\
         <register><name>WORD</name><addressOffset>4</addressOffset></register>\
         <register><name>LONG</name><addressOffset>8</addressOffset><size>64</size></register>\
         <register><name>ODD</name><addressOffset>16</addressOffset><size>24</size></register>\
         <register><name>ASKEW</name><addressOffset>0x16</addressOffset></register>\
         <register><name>WIDE</name><addressOffset>0x20</addressOffset><size>128</size></register>");
    for (address, value) in
        [(0x100, 0x3322_ff11), (0x104, 0x7766_5544), (0x108, 0xbbaa_9988), (0x10c, 0xffee_ddcc), (0x110, 0x9999_9999)]
    {
        board.chip.write_u32(0x2000_0000 + address, value).unwrap();
    }
    let svd = board.session.svd();
    let expected =
        [("BYTE", 0x11), ("HALF", 0x3322), ("WORD", 0x7766_5544), ("LONG", 0xffee_ddcc_bbaa_9988), ("ODD", 0x99_9999)];
    let reading = svd.read_peripheral("M").unwrap();
    for (name, value) in expected {
        assert_eq!(reading.register(name).unwrap().value, value, "{name}");
        assert_eq!(svd.read_register("M", name).unwrap().value, value, "{name}");
    }
    let reasons: Vec<_> = reading.unread.iter().map(|unread| unread.reason.to_string()).collect();
    assert_eq!(
        reasons,
        ["its address 0x20000116 is not aligned for 32 bits", "it has 128 bits, more than can be read at once"]
    );
    let error = svd.read_register("M", "WIDE").unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::UnsupportedSize { bits: 128, .. })), "{error}");
    let error = svd.read_register("M", "ASKEW").unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::Misaligned { .. })), "{error}");
}

#[test]
fn views_of_one_address_have_one_value() {
    let board = board();
    let reading = board.session.svd().read_peripheral("UID").unwrap();
    let whole = reading.register("U_ID64").unwrap().value;
    for (index, byte) in whole.to_le_bytes().into_iter().enumerate() {
        assert_eq!(reading.register(&format!("U_ID_BYTE[{index}]")).unwrap().value, byte.into());
    }
    assert_eq!(reading.register("F_SIZE").unwrap().value, 128);
}

#[test]
fn write_only_registers_and_fields_are_not_read() {
    let board = board();
    let svd = board.session.svd();
    let error = svd.read_register("GPIOA", "BSRR").unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::NotReadable { reason: SkipReason::WriteOnly, .. })), "{error}");
    let error = svd.read_field("RCC", "CIR", "HSERDYC").unwrap_err();
    assert_eq!(error.to_string(), "RCC.CIR.HSERDYC is not read: it is write-only");
    assert_eq!(svd.unguarded().read_register("GPIOA", "BSRR").unwrap().value, 0);
}

#[test]
fn a_peripheral_compared_with_its_reset_values() {
    let board = board();
    let svd = board.session.svd();
    assert_eq!(svd.diff("RCC").unwrap().to_string(), "");
    board.session.memory().write_u32(0x4002_1000, 0x0100_0083).unwrap();
    let diff = svd.diff("RCC").unwrap();
    assert_eq!(diff.to_string(), "RCC.CR = 0x03000083, 0x00000083 after reset: PLLRDY 0x0 -> 0x1, PLLON 0x0 -> 0x1");
    assert_eq!(diff.changed[0].changed_bits, 0x0300_0000);
    // What stands at the pins has no reset value.
    board.chip.set_port_inputs('A', 0xffff);
    assert!(svd.diff("GPIOA").unwrap().changed.is_empty());
}

#[test]
fn a_named_target_and_other_threads_share_the_description() {
    let board = board();
    let target = board.session.target_named("stm32f1x.cpu").unwrap();
    assert_eq!(target.svd().read_register("RCC", "CR").unwrap().value, 0x83);
    let device = target.svd().device().unwrap();
    assert!(Arc::ptr_eq(&device, &board.session.svd().device().unwrap()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(board.session.svd().read_peripheral("RCC").unwrap().registers.len(), 10));
        }
    });
}

#[test]
fn an_address_that_the_target_cannot_have_is_refused() {
    let board = Board::halted();
    let svd = "<device><name>D</name><peripherals><peripheral><name>M</name><baseAddress>0x120000100</baseAddress><registers>\
               <register><name>A</name><addressOffset>0</addressOffset></register></registers></peripheral></peripherals></device>";
    board.session.svd().load_str(svd).unwrap();
    let outside =
        |error: Error| assert!(matches!(error, Error::Target(TargetError::OutOfAddressSpace { .. })), "{error}");
    outside(board.session.svd().read_peripheral("M").unwrap_err());
    outside(board.session.svd().read_register("M", "A").unwrap_err());
}

#[test]
fn a_target_that_must_be_halted_for_a_read_is_no_error_but_a_reason() {
    let hart = virtual_chip::VirtualHart::start().unwrap();
    let session = openocd::Session::start(hart.openocd_config()).unwrap();
    let svd = "<device><name>D</name><peripherals><peripheral><name>M</name><baseAddress>0x80002000</baseAddress><registers>\
               <register><name>A</name><addressOffset>0</addressOffset></register>\
               <register><name>B</name><addressOffset>4</addressOffset></register></registers></peripheral></peripherals></device>";
    session.svd().load_str(svd).unwrap();
    // Only by a program on the hart, which must stand for it.
    session.command("riscv set_mem_access progbuf").unwrap();
    let reading = session.svd().read_peripheral("M").unwrap();
    assert!(reading.registers.is_empty(), "{reading}");
    for unread in &reading.unread {
        let UnreadReason::Failed(failure) = &unread.reason else { panic!("{unread}") };
        // Master does not get as far as the access itself.
        let told = ["target not halted", "Failed to read priv register"];
        assert!(told.iter().any(|text| failure.log().contains(text)), "{failure}");
    }
    // 0.12.0 loses OpenOCD's number on the way and is told by its words; since then it is the
    // general number.
    let error = reading.register("B").unwrap_err();
    assert!(
        matches!(
            error,
            Error::Target(TargetError::NotHalted { .. } | TargetError::MemoryRead { address: 0x8000_2004, .. })
        ),
        "{error}"
    );
    session.target().halt().unwrap();
    assert_eq!(session.svd().read_peripheral("M").unwrap().registers.len(), 2);
}

#[test]
fn registers_are_sampled_unless_a_read_changes_something() {
    let board = board();
    let device = board.session.svd().device().unwrap();
    let register = |peripheral, name| device.peripheral(peripheral).unwrap().register(name).unwrap();
    let variable = Variable::try_from(register("GPIOA", "CRL")).unwrap();
    assert_eq!(variable.to_string(), "GPIOA.CRL: u32 at 0x40010800");
    let mut samples = board.session.memory().sample(&[variable], Duration::from_millis(1)).unwrap();
    assert_eq!(samples.next().unwrap().unwrap().values, [SampleValue::Unsigned(0x4444_4444)]);
    for (peripheral, name) in [("USART1", "DR"), ("GPIOA", "BSRR")] {
        let error = Variable::try_from(register(peripheral, name)).unwrap_err();
        assert!(matches!(error, Error::Svd(SvdError::NotReadable { .. })), "{error:?}");
    }
}

#[test]
fn registers_whose_access_reads_others_are_not_sampled() {
    let register = |name: &str, offset: u32, size: u32, more: &str| {
        format!(
            "<register><name>{name}</name><addressOffset>{offset}</addressOffset><size>{size}</size>{more}</register>"
        )
    };
    let clears = "<readAction>clear</readAction>";
    let registers = [
        register("R24", 0, 24, ""),
        register("S12", 4, 12, ""),
        register("SR", 8, 32, ""),
        register("DR", 8, 32, clears),
        register("W", 12, 32, ""),
        register("N8", 15, 8, clears),
        register("R32", 16, 32, ""),
        register("R64", 24, 64, ""),
    ];
    let (name, base) = ("<name>P</name>", "<baseAddress>0x20004000</baseAddress>");
    let registers = registers.concat();
    let device = Device::parse_str(&format!(
        "<device><name>D</name><peripherals><peripheral>{name}{base}<registers>{registers}</registers></peripheral></peripherals></device>"
    ));
    let device = device.unwrap();
    let variable = |name: &str| Variable::try_from(device.peripheral("P").unwrap().register(name).unwrap());
    for name in ["R24", "S12"] {
        let error = variable(name).unwrap_err();
        assert!(matches!(error, Error::Svd(SvdError::NotSampled { .. })), "{name}: {error:?}");
    }
    for (name, other) in [("SR", "P.DR"), ("DR", "P.DR"), ("W", "P.N8"), ("N8", "P.N8")] {
        let error = variable(name).unwrap_err();
        assert!(matches!(error, Error::Svd(SvdError::NotReadable { .. })), "{name}: {error:?}");
        assert!(error.to_string().contains(other), "{name}: {error}");
    }
    assert_eq!(variable("R32").unwrap().to_string(), "P.R32: u32 at 0x20004010");
    assert_eq!(variable("R64").unwrap().to_string(), "P.R64: u64 at 0x20004018");
}
