//! The debug access port of the virtual chip: one AHB-AP with a ROM table of six entries.

mod memory_afterwards;

use openocd::{AccessPortClass, ComponentClass, DapError, Error, OpenOcdProcess, Refused, Session};
use virtual_chip::{Model, Transport, VirtualBoard, VirtualHart};

use crate::board::{Board, INSTALL, PATIENCE, interpreter, transport};
use crate::jtag::jtag_board;

// Registers of a MEM-AP.
const TAR: u32 = 0x04;
const DRW: u32 = 0x0c;

#[track_caller]
fn dap_error<T: std::fmt::Debug>(result: openocd::Result<T>) -> DapError {
    match result {
        Err(Error::Dap(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dap_is_found_by_its_name_and_by_its_target() {
    let board = Board::start();
    let session = &board.session;
    assert_eq!(session.dap().names().unwrap(), ["stm32f1x.dap"]);
    for dap in [session.dap(), session.dap_named("stm32f1x.dap").unwrap(), session.target().dap()] {
        assert_eq!(dap.info().unwrap().name, "stm32f1x.dap");
        assert_eq!(dap.read_ap(0, 0xfc).unwrap(), 0x1477_0011);
    }
    for name in ["x.dap", "", "exit", "stm32f1x.dap info", "[exit]"] {
        let error = dap_error(session.dap_named(name));
        assert!(matches!(&error, DapError::UnknownDap { known, .. } if known == &["stm32f1x.dap"]), "{error:?}");
    }
}

#[test]
fn registers_of_the_debug_port() {
    let board = jtag_board();
    let dap = board.session.dap();
    assert_eq!(dap.read_dp(4).unwrap() & 0xf000_0000, 0xf000_0000);
    let _pause = board.session.pause_polling().unwrap();
    // IDR and CSW are in different banks of the access port, which OpenOCD selects.
    assert_eq!(dap.read_ap(0, 0xfc).unwrap(), 0x1477_0011);
    assert_eq!(dap.read_dp(8).unwrap(), 0xf0);
    dap.read_ap(0, 0).unwrap();
    assert_eq!(dap.read_dp(8).unwrap(), 0);
    for address in [1, 2, 3, 0x101, 0x100, 0x1000, u32::MAX] {
        for error in [dap_error(dap.read_dp(address)), dap_error(dap.write_dp(address, 0))] {
            assert!(matches!(error, DapError::InvalidArgument { .. }), "{error:?}");
            let text = error.to_string();
            assert!(
                text.contains("expected a multiple of 4 below") && text.ends_with(&format!("{address:#x}")),
                "{text}"
            );
        }
    }
}

#[test]
fn writes_to_the_debug_port_take_effect() {
    let board = Board::start();
    let dap = board.session.dap();
    let _pause = board.session.pause_polling().unwrap();
    // The requests for power of CTRL/STAT are acknowledged in the bit above each: without that of
    // the system domain, and with it.
    for (requests, domains) in [(0x1000_0001, 0x3), (0x5000_0001, 0xf)] {
        dap.write_dp(4, requests).unwrap();
        assert_eq!(dap.read_dp(4).unwrap() >> 28, domains);
    }
    // ABORT with nothing to do.
    dap.write_dp(0, 0).unwrap();
    assert_eq!(dap.read_dp(4).unwrap() >> 28, 0xf);
    board.session.memory().read_u32(0x2000_0000).unwrap();
}

/// ABORT is what clears the errors of a write, whoever made it, and does not fail for them.
#[test]
fn abort_clears_what_others_have_left() {
    let board = Board::start();
    if transport() == Transport::Jtag {
        return;
    }
    let (session, dap) = (&board.session, board.session.dap());
    board.chip.faults().bus_fault_on_write_at(0x2000_0300..0x2000_0304);
    let _pause = session.pause_polling().unwrap();
    dap.write_ap(0, 0x00, 0x2300_0012).unwrap();
    for (abort, status) in [(0x0, 0x20), (0x8, 0x20), (0x1e, 0)] {
        dap.write_ap(0, TAR, 0x2000_0300).unwrap();
        session.raw("stm32f1x.dap apreg 0 0xc 1").unwrap();
        dap.write_dp(0, abort).unwrap();
        assert_eq!(dap.read_dp(4).unwrap() & 0xa0, status, "{abort:#x}");
        dap.write_dp(0, 0x1e).unwrap();
    }
    // A write that arrives garbled is dropped.
    board.chip.faults().garble_write();
    dap.write_ap(0, TAR, 0x2000_0400).unwrap();
    assert!(matches!(dap_error(dap.write_ap(0, DRW, 1)), DapError::Refused { .. }));
    assert_eq!((session.memory().read_u32(0x2000_0400).unwrap(), dap.read_dp(4).unwrap() & 0xa0), (0, 0));
}

#[test]
fn registers_of_an_access_port_move_memory() {
    let board = Board::start();
    let dap = board.session.dap();
    board.chip.write_u32(0x2000_0100, 0x1234_5678).unwrap();
    let pause = board.session.pause_polling().unwrap();
    dap.write_ap(0, 0x00, 0x2300_0012).unwrap();
    dap.write_ap(0, TAR, 0x2000_0100).unwrap();
    assert_eq!(dap.read_ap(0, TAR).unwrap(), 0x2000_0100);
    assert_eq!(dap.read_ap(0, DRW).unwrap(), 0x1234_5678);
    dap.write_ap(0, TAR, 0x2000_0200).unwrap();
    dap.write_ap(0, DRW, 0xcafe_f00d).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0200), Ok(0xcafe_f00d));
    pause.resume().unwrap();
    // OpenOCD's own accesses go on as if nothing had been.
    assert_eq!(board.session.memory().read_u32(0x2000_0100).unwrap(), 0x1234_5678);
}

/// Over SWD an access port takes a write and says only with the next transfer that it failed.
#[test]
fn a_write_that_ends_in_a_fault_is_the_call_that_fails() {
    let board = Board::start();
    let dap = board.session.dap();
    board.chip.write_u32(0x2000_0000, 0x1234_5678).unwrap();
    board.chip.faults().bus_fault_on_write_at(0x2000_0300..0x2000_0304);
    let _pause = board.session.pause_polling().unwrap();
    dap.write_ap(0, 0x00, 0x2300_0012).unwrap();
    for _ in 0..2 {
        dap.write_ap(0, TAR, 0x2000_0300).unwrap();
        let error = dap_error(dap.write_ap(0, DRW, 1));
        let DapError::Refused(Refused { failure, .. }) = &error else { panic!("{error:?}") };
        assert!(failure.command().starts_with("dap apreg 0x0 0xc"), "{error}");
        assert_eq!(board.session.memory().read_u32(0x2000_0000).unwrap(), 0x1234_5678);
    }
    dap.write_ap(0, TAR, 0x2000_0400).unwrap();
    dap.write_ap(0, DRW, 0xcafe_f00d).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0400), Ok(0xcafe_f00d));
}

/// The fault is looked for on the DAP that was written through, whatever target is current.
#[test]
fn a_fault_on_the_dap_of_another_target() {
    let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).unwrap();
    let openocd = OpenOcdProcess::builder().config(board.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    board.chips()[1].faults().bus_fault_on_write_at(0x2000_0300..0x2000_0304);
    let dap = session.dap_named("chip1.dap").unwrap();
    let _pause = session.pause_polling().unwrap();
    dap.write_ap(0, 0x00, 0x2300_0012).unwrap();
    dap.write_ap(0, TAR, 0x2000_0300).unwrap();
    assert_eq!(session.command("target current").unwrap(), "chip0.cpu");
    assert!(matches!(dap_error(dap.write_ap(0, DRW, 1)), DapError::Refused { .. }));
    for name in ["chip0.cpu", "chip1.cpu"] {
        session.target_named(name).unwrap().memory().read_u32(0x2000_0000).unwrap();
    }
}

#[test]
fn access_ports_are_those_of_the_chip() {
    let board = Board::start();
    let ports = board.session.dap().list_aps().unwrap();
    let [port] = &ports[..] else { panic!("{ports:?}") };
    assert_eq!((port.number, port.id.value), (0, 0x1477_0011));
    assert_eq!((port.id.class, port.id.type_name(), port.id.revision), (AccessPortClass::Memory, Some("AHB3"), 1));
    assert_eq!(port.id.designer.name(), Some("ARM"));
    assert_eq!(board.session.dap().read_ap(1, 0xfc).unwrap(), 0, "ADIv5 reads zero where there is no access port");
}

#[test]
fn the_rom_table_comes_as_data() {
    let board = jtag_board();
    let info = board.session.dap().info().unwrap();
    // A JTAG debug port of version 0 has neither register.
    assert_eq!((info.dpidr, info.target_id), (None, None));
    let [port] = &info.access_ports[..] else { panic!("{info:?}") };
    assert_eq!((port.port.number, port.base), (0, Some(0xe00f_f003)));
    let root = port.root.as_ref().unwrap();
    assert_eq!((root.address, root.class), (Some(0xe00f_f000), Some(ComponentClass::RomTable)));
    assert_eq!((root.designer().unwrap().name(), root.part()), (Some("STMicroelectronics"), Some(0x410)));
    let entries: Vec<_> = port.entries.iter().map(|entry| (entry.offset, entry.value)).collect();
    assert_eq!(
        entries,
        [(0, 0xfff0_f003), (4, 0xfff0_2003), (8, 0xfff0_3003), (12, 0xfff0_1003), (16, 0xfff4_1003), (20, 0xfff4_2002)]
    );
    let found: Vec<_> = port
        .entries
        .iter()
        .filter_map(|entry| entry.component.as_ref())
        .map(|component| (component.address.unwrap(), component.part().unwrap(), component.class.unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            (0xe000_e000, 0x000, ComponentClass::GenericIp),
            (0xe000_1000, 0x002, ComponentClass::GenericIp),
            (0xe000_2000, 0x003, ComponentClass::GenericIp),
            (0xe000_0000, 0x001, ComponentClass::GenericIp),
            (0xe004_0000, 0x923, ComponentClass::CoreSight),
        ]
    );
    assert!(port.entries[5].component.is_none(), "it says that it is not present");
    let tpiu = port.entries[4].component.as_ref().unwrap();
    assert_eq!((tpiu.device_type, tpiu.designer().unwrap().name()), (Some(0x11), Some("ARM")));
}

#[test]
fn a_component_that_does_not_answer_hides_no_other() {
    let board = Board::start();
    board.chip.faults().bus_fault_at(0xe000_1000..0xe000_2000);
    let info = board.session.dap().info().unwrap();
    let entries = &info.access_ports[0].entries;
    let dwt = entries[1].component.as_ref().unwrap();
    assert_eq!((dwt.address, dwt.peripheral_id), (Some(0xe000_1000), None), "{dwt:?}");
    let fpb = entries[2].component.as_ref().unwrap();
    assert_eq!((entries.len(), fpb.part()), (6, Some(3)));
    assert!(!info.access_ports[0].is_complete);
}

#[test]
fn a_rom_table_that_cannot_be_read_to_its_end_says_so() {
    let board = Board::start();
    let [port] = &board.session.dap().info().unwrap().access_ports[..] else { panic!("one access port") };
    assert_eq!((port.entries.len(), port.is_complete), (6, true));
    board.chip.faults().bus_fault_at(0xe00f_f008..0xe00f_f00c);
    let [port] = &board.session.dap().info().unwrap().access_ports[..] else { panic!("one access port") };
    assert_eq!((port.entries.len(), port.is_complete), (2, false), "{port:?}");
    board.chip.faults().bus_fault_at(0xe00f_f000..0xe010_0000);
    let [port] = &board.session.dap().info().unwrap().access_ports[..] else { panic!("one access port") };
    assert_eq!((port.entries.len(), port.is_complete), (0, false), "{port:?}");
}

#[test]
fn a_debug_port_without_identification_says_so() {
    let board = jtag_board();
    for error in [dap_error(board.session.dap().dpidr()), dap_error(board.session.dap().target_id())] {
        assert!(matches!(&error, DapError::NoDebugPortId { dap, value: 0 } if dap == "stm32f1x.dap"), "{error:?}");
    }
}

#[test]
fn a_chip_without_power_is_an_error_everywhere() {
    let board = Board::start();
    board.chip.faults().power_off();
    let dap = board.session.dap();
    let results = [
        dap.read_dp(4).map(drop),
        dap.write_dp(4, 0x5000_0000),
        dap.read_ap(0, 0xfc).map(drop),
        dap.write_ap(0, 4, 0),
        dap.dpidr().map(drop),
        dap.list_aps().map(drop),
        dap.info().map(drop),
    ];
    for (call, result) in results.into_iter().enumerate() {
        let error = dap_error(result);
        let DapError::Refused(Refused { failure, .. }) = &error else { panic!("call {call}: {error:?}") };
        assert_ne!(failure.code(), 0);
    }
    assert_eq!(dap.names().unwrap(), ["stm32f1x.dap"]);
}

#[test]
fn access_ports_that_openocd_cannot_address_are_refused() {
    let board = Board::start();
    let dap = board.session.dap();
    // This is an ADIv5: the numbers of ADIv6 reach OpenOCD, which refuses them.
    for port in [256, 0x8000_0000, 0xffff_ffff_ffff_f000] {
        let error = dap_error(dap.read_ap(port, 0));
        let DapError::Refused(Refused { failure, .. }) = &error else { panic!("{error:?}") };
        assert_eq!((failure.code(), failure.message()), (-603, "Invalid AP number"));
    }
    assert!(matches!(dap_error(dap.read_ap(0, 0xffc)), DapError::Refused { .. }), "ADIv6 has that register");
    for address in [1, 0x1000, u32::MAX] {
        assert!(matches!(dap_error(dap.read_ap(0, address)), DapError::InvalidArgument { .. }));
        assert!(matches!(dap_error(dap.write_ap(0, address, 0)), DapError::InvalidArgument { .. }));
    }
}

#[test]
fn without_a_dap_there_is_none() {
    let session = interpreter();
    assert!(session.dap().names().unwrap().is_empty());
    assert!(matches!(dap_error(session.dap().read_dp(0)), DapError::NoDap { target: None }));
    assert!(matches!(dap_error(session.dap().list_aps()), DapError::NoDap { .. }));
    assert_eq!(dap_error(session.dap_named("x.dap")).to_string(), "no DAP is named \"x.dap\"; there are none");

    let hart = VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let error = dap_error(session.target().dap().read_dp(0));
    assert!(matches!(&error, DapError::NoDap { target: Some(target) } if target == "hart0.cpu"), "{error:?}");
}

#[test]
fn each_of_two_daps_is_had_by_name_and_by_target() {
    let board = VirtualBoard::start(&[Model::Stm32f103, Model::Stm32f103]).unwrap();
    let openocd = OpenOcdProcess::builder().config(board.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    assert_eq!(session.dap().names().unwrap(), ["chip1.dap", "chip0.dap"]);
    for name in ["chip0", "chip1"] {
        let (dap, target) = (format!("{name}.dap"), format!("{name}.cpu"));
        assert_eq!(session.dap_named(&dap).unwrap().info().unwrap().name, dap);
        assert_eq!(session.target_named(&target).unwrap().dap().info().unwrap().name, dap);
    }
    assert_eq!(session.dap().info().unwrap().name, "chip1.dap", "the first of the configuration");
    // The one at TDO without power: nothing comes out of the chain.
    board.chips()[1].faults().power_off();
    for error in [dap_error(session.dap().read_dp(4)), dap_error(session.dap_named("chip0.dap").unwrap().read_dp(4))] {
        assert!(matches!(error, DapError::Refused { .. }), "{error:?}");
    }
}

#[test]
fn the_debug_port_names_itself_over_swd_only() {
    let board = Board::start();
    let dap = board.session.dap();
    if transport() == Transport::Jtag {
        assert!(matches!(dap_error(dap.dpidr()), DapError::NoDebugPortId { .. }));
        return;
    }
    let id = dap.dpidr().unwrap();
    assert_eq!((id.value, id.version, id.designer.name()), (0x1ba0_1477, 1, Some("ARM")));
    // TARGETID came with version 2.
    assert!(matches!(dap_error(dap.target_id()), DapError::NoTargetId { version: 1, .. }));
}
