//! The peripherals of the core, which no file need describe.

use openocd::svd::Device;
use openocd::{Error, OpenOcdProcess, Session, SvdError};
use virtual_chip::VirtualHart;

use super::board;
use crate::board::{Board, PATIENCE};

#[test]
fn the_core_is_known_without_a_file() {
    let board = Board::halted();
    let svd = board.session.svd();
    let device = svd.add_core_peripherals().unwrap();
    assert_eq!(device.name(), "Armv7-M");
    let cpuid = svd.read_register("SCB", "CPUID").unwrap();
    assert_eq!((cpuid.value, cpuid.field("PARTNO").unwrap().value_name()), (0x411f_c231, Some("Cortex_M3")));
    svd.write_field("DCB", "DEMCR", "VC_HARDERR", 1).unwrap();
    assert_eq!(board.session.memory().read_u32(0xe000_edfc).unwrap() >> 10 & 1, 1);
    // What OpenOCD needs of DHCSR, a snapshot does not take away.
    let snapshot = svd.snapshot(&["DCB", "SysTick"]).unwrap();
    assert!(snapshot.register("DCB.DHCSR").unwrap().value.is_none());
    assert!(snapshot.register("SysTick.CSR").unwrap().value.is_none());
    assert!(snapshot.register("SysTick.RVR").unwrap().value.is_some());
}

#[test]
fn the_core_is_added_to_the_file_of_the_vendor() {
    let board = board();
    let svd = board.session.svd();
    let of_file: Vec<_> = svd.list_peripherals().unwrap();
    let device = svd.add_core_peripherals().unwrap();
    assert_eq!(device.name(), "VirtualSTM32F103");
    let now = svd.list_peripherals().unwrap();
    assert!(now.starts_with(&of_file) && now.contains(&"MPU".to_owned()), "{now:?}");
    // Once more changes nothing.
    assert_eq!(svd.add_core_peripherals().unwrap().to_string(), device.to_string());
    assert!(Device::load("tests/virtual-chip/svd/virtual-stm32f103.svd").unwrap().peripheral("MPU").is_err());
}

#[test]
fn a_target_that_is_no_cortex_m_has_no_such_core() {
    let hart = VirtualHart::start().unwrap();
    let openocd = OpenOcdProcess::builder().config(hart.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    let error = session.svd().add_core_peripherals().unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::UnknownCore { .. })), "{error:?}");
    assert_eq!(error.to_string(), "expected a Cortex-M whose peripherals are known, got a target of type riscv");
    assert!(!session.svd().loaded());
}
