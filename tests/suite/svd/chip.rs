//! The virtual chip's own registers by name: flags that reads and writes clear, and what the
//! debugger does on the bus for it.

use openocd::svd::{Device, Peripheral, UnreadReason};
use openocd::{Error, TargetError};
use virtual_chip::{BusAccess, VirtualChip};

use super::{CHIP, board};

const USART1: u32 = 0x4001_3800;
const TIM2: u32 = 0x4000_0000;
const RCC: u32 = 0x4002_1000;

fn reads(of: &[(u32, u32)]) -> Vec<BusAccess> {
    of.iter().map(|&(address, bits)| BusAccess { address, bits, is_write: false }).collect()
}

#[test]
fn the_description_and_the_chip_agree_on_reset_values() {
    let chip = VirtualChip::start().unwrap();
    let device = Device::parse_str(CHIP).unwrap();
    let mut compared = 0;
    for register in device.peripherals().iter().flat_map(Peripheral::registers) {
        let mut bytes = vec![0; (register.size() / 8) as usize];
        let address = u32::try_from(register.address()).unwrap();
        chip.read_memory(address, &mut bytes).unwrap_or_else(|error| panic!("{}: {error}", register.path()));
        if register.access().can_read() {
            bytes.resize(8, 0);
            let value = u64::from_le_bytes(bytes.try_into().unwrap());
            let expected = register.reset_value().unwrap();
            assert_eq!((value ^ expected) & register.reset_mask(), 0, "{}: {value:#x}", register.path());
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn each_address_is_read_once_and_as_wide_as_its_register() {
    let board = board();
    let svd = board.session.svd();
    for address in [USART1, TIM2] {
        board.chip.watch_accesses(address..address + 0x400);
        svd.read_peripheral(if address == USART1 { "USART1" } else { "TIM2" }).unwrap();
        let offsets: &[u32] = if address == USART1 {
            &[0, 8, 0xc, 0x10, 0x14, 0x18]
        } else {
            // Without EGR, which is write-only, and CCR1 to CCR4; two views each of CCMR1 and
            // CCMR2.
            &[0, 4, 8, 0xc, 0x10, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x2c]
        };
        let expected: Vec<_> = offsets.iter().map(|offset| (address + offset, 32)).collect();
        assert_eq!(board.chip.take_accesses(), reads(&expected));
    }

    board.chip.watch_accesses(0x1fff_f7e0..0x1fff_f800);
    svd.read_peripheral("UID").unwrap();
    // The 64-bit part is two transfers of this core's 32-bit bus.
    let expected = [(0x1fff_f7e0, 16), (0x1fff_f7e8, 32), (0x1fff_f7ec, 32), (0x1fff_f7f0, 32)];
    assert_eq!(board.chip.take_accesses(), reads(&expected));
}

#[test]
fn a_byte_register_among_wider_ones_is_read_as_a_byte() {
    let board = super::ram(
        "<register><name>A</name><addressOffset>0</addressOffset><size>8</size></register>\
         <register><name>B</name><addressOffset>1</addressOffset><size>8</size></register>\
         <register><name>C</name><addressOffset>2</addressOffset><size>16</size></register>\
         <register><name>D</name><addressOffset>4</addressOffset></register>",
    );
    board.chip.watch_accesses(0x2000_0100..0x2000_0200);
    board.session.svd().read_peripheral("M").unwrap();
    let expected = [(0x2000_0100, 8), (0x2000_0101, 8), (0x2000_0102, 16), (0x2000_0104, 32)];
    assert_eq!(board.chip.take_accesses(), reads(&expected));
    board.session.svd().write_register("M", "B", 7).unwrap();
    assert_eq!(board.chip.take_accesses(), [BusAccess { address: 0x2000_0101, bits: 8, is_write: true }]);
}

#[test]
fn a_received_frame_is_still_there_after_its_port_was_read() {
    let board = board();
    let svd = board.session.svd();
    svd.write_fields("USART1", "CR1", &[("UE", 1.into()), ("RE", 1.into()), ("TE", 1.into())]).unwrap();
    board.chip.send_to_usart1(0x41);
    let port = svd.read_peripheral("USART1").unwrap();
    assert_eq!(port.register("SR").unwrap().field("RXNE").unwrap().value, 1);
    assert!(matches!(port.unread[0].reason, UnreadReason::Skipped(_)), "{}", port.unread[0]);
    assert_eq!(svd.read_field("USART1", "SR", "RXNE").unwrap(), 1);

    assert_eq!(svd.read_register("USART1", "DR").unwrap().value, 0x41, "asked for by name");
    assert_eq!(svd.read_field("USART1", "SR", "RXNE").unwrap(), 0);
    board.chip.send_to_usart1(0x42);
    let port = svd.unguarded().read_peripheral("USART1").unwrap();
    assert_eq!(port.register("DR").unwrap().value, 0x42);
    assert_eq!(board.chip.read_u32(USART1), Ok(0xc0), "and the frame is taken");

    svd.write_register("USART1", "DR", 0x43).unwrap();
    assert_eq!(board.chip.sent_by_usart1(), [0x43]);
}

#[test]
fn a_register_that_a_read_changes_is_read_once_even_if_a_neighbor_fails() {
    let board = board();
    let svd = board.session.svd();
    svd.write_fields("USART1", "CR1", &[("UE", 1.into()), ("RE", 1.into())]).unwrap();
    board.chip.send_to_usart1(0x41);
    board.chip.faults().bus_fault_at(USART1 + 0x10..USART1 + 0x14);
    board.chip.watch_accesses(USART1 + 4..USART1 + 8);
    let port = svd.unguarded().read_peripheral("USART1").unwrap();
    assert_eq!(board.chip.take_accesses(), reads(&[(USART1 + 4, 32)]));
    assert_eq!(port.register("DR").unwrap().value, 0x41);
    let unread: Vec<_> = port.unread.iter().map(|unread| unread.register.name()).collect();
    assert_eq!(unread, ["CR2"]);
}

#[test]
fn a_flag_that_a_zero_clears_leaves_its_neighbours() {
    let board = board();
    let svd = board.session.svd();
    svd.write_fields("USART1", "CR1", &[("UE", 1.into()), ("RE", 1.into())]).unwrap();
    svd.write_field("USART1", "CR2", "LINEN", 1).unwrap();
    board.chip.send_break_to_usart1();
    let set = |flags: &[&str]| {
        let status = svd.read_register("USART1", "SR").unwrap();
        let is_set = |name: &&str| status.field(name).unwrap().value == 1;
        flags.iter().filter(|name| is_set(name)).copied().collect::<Vec<_>>().join(" ")
    };
    let all = ["LBD", "TC", "RXNE", "FE"];
    assert_eq!(set(&all), "LBD TC RXNE FE");
    svd.write_field("USART1", "SR", "TC", 0).unwrap();
    assert_eq!(set(&all), "LBD RXNE FE");
    svd.write_field("USART1", "SR", "LBD", 0).unwrap();
    assert_eq!(set(&all), "RXNE FE", "RXNE is cleared neither by this nor by reading SR");
}

#[test]
fn a_timer_is_set_up_and_read_by_name_while_it_counts() {
    let board = board();
    let svd = board.session.svd();
    svd.write_register("TIM2", "PSC", 999).unwrap();
    svd.write_register("TIM2", "ARR", 3).unwrap();
    // UG is write-only, and a 0 does nothing to the other events: nothing is read.
    board.chip.watch_accesses(TIM2..TIM2 + 0x400);
    svd.write_field("TIM2", "EGR", "UG", 1).unwrap();
    assert_eq!(board.chip.take_accesses(), [BusAccess { address: TIM2 + 0x14, bits: 32, is_write: true }]);
    assert_eq!(svd.read_field("TIM2", "SR", "UIF").unwrap(), 1);
    svd.write_field("TIM2", "SR", "UIF", 0).unwrap();
    assert_eq!(svd.read_register("TIM2", "SR").unwrap().value, 0);

    svd.write_fields("TIM2", "EGR", &[("CC1G", 1.into()), ("TG", 1.into())]).unwrap();
    svd.write_field("TIM2", "SR", "TIF", 0).unwrap();
    let status = svd.read_register("TIM2", "SR").unwrap();
    assert_eq!((status.field("TIF").unwrap().value, status.field("CC1IF").unwrap().value), (0, 1), "{status}");

    svd.write_field("TIM2", "CR1", "CEN", 1).unwrap();
    // The chip's clock runs with each bit that OpenOCD shifts: it comes around, however long that
    // takes.
    while svd.read_field("TIM2", "SR", "UIF").unwrap() == 0 {}
    assert!(svd.read_field("TIM2", "CNT", "CNT").unwrap() <= 3);
}

#[test]
fn a_timer_stands_still_with_the_core_where_dbgmcu_says_so() {
    let board = board();
    let svd = board.session.svd();
    svd.write_field("DBGMCU", "CR", "DBG_TIM2_STOP", 1).unwrap();
    svd.write_field("TIM2", "CR1", "CEN", 1).unwrap();
    board.session.target().halt().unwrap();
    let count = || svd.read_register("TIM2", "CNT").unwrap().value;
    assert_eq!(count(), count());
    svd.write_field("DBGMCU", "CR", "DBG_TIM2_STOP", 0).unwrap();
    let before = count();
    while count() == before {}
}

#[test]
fn clock_flags_are_cleared_by_their_own_bits() {
    let board = board();
    let svd = board.session.svd();
    svd.write_fields("RCC", "CIR", &[("LSIRDYIE", 1.into()), ("HSERDYIE", 1.into())]).unwrap();
    svd.write_field("RCC", "CSR", "LSION", 1).unwrap();
    svd.write_field("RCC", "CR", "HSEON", "On").unwrap();
    let flags = || {
        let cir = svd.read_register("RCC", "CIR").unwrap();
        (cir.field("LSIRDYF").unwrap().value, cir.field("HSERDYF").unwrap().value, cir.field("HSERDYIE").unwrap().value)
    };
    assert_eq!(flags(), (1, 1, 1));
    svd.write_field("RCC", "CIR", "LSIRDYC", 1).unwrap();
    assert_eq!(flags(), (0, 1, 1));
    svd.write_field("RCC", "CIR", "HSERDYIE", 0).unwrap();
    assert_eq!(flags(), (0, 1, 0), "the enable bit goes, the flag stays");
}

#[test]
fn reset_flags_and_the_backup_domain_behave_by_name() {
    let board = board();
    let svd = board.session.svd();
    svd.write_field("RCC", "BDCR", "LSEON", "On").unwrap();
    assert_eq!(svd.read_field("RCC", "BDCR", "LSERDY").unwrap(), 0, "the domain is closed: the write is lost");
    svd.write_field("PWR", "CR", "DBP", 1).unwrap();
    svd.write_field("RCC", "BDCR", "LSEON", "On").unwrap();
    assert_eq!(svd.read_field("RCC", "BDCR", "LSERDY").unwrap(), 1);

    assert_eq!(svd.read_field("RCC", "CSR", "PORRSTF").unwrap(), 1);
    svd.write_field("RCC", "CSR", "RMVF", 1).unwrap();
    assert_eq!(board.chip.read_u32(RCC + 0x24).unwrap() >> 24, 0);
    board.chip.reset();
    assert_eq!(svd.read_field("RCC", "CSR", "PINRSTF").unwrap(), 1);
    assert_eq!(svd.read_field("RCC", "CSR", "PORRSTF").unwrap(), 0);
    assert_eq!(svd.read_field("RCC", "BDCR", "LSEON").unwrap(), 1, "a reset leaves the backup domain alone");
}

#[test]
fn a_port_s_configuration_is_locked_by_name() {
    let board = board();
    let svd = board.session.svd();
    for key in [1, 0, 1] {
        svd.write_fields_over_reset("GPIOB", "LCKR", &[("LCKK", key.into()), ("LCK3", 1.into())]).unwrap();
    }
    svd.read_register("GPIOB", "LCKR").unwrap();
    assert_eq!(svd.read_field("GPIOB", "LCKR", "LCKK").unwrap(), 1);
    svd.write_fields("GPIOB", "CRL", &[("MODE3", "Output50".into()), ("MODE4", "Output50".into())]).unwrap();
    let crl = svd.read_register("GPIOB", "CRL").unwrap();
    assert_eq!((crl.field("MODE3").unwrap().value, crl.field("MODE4").unwrap().value), (0, 3), "{crl}");
}

#[test]
fn a_dma_channel_moves_memory_and_its_flags_are_cleared_one_by_one() {
    let board = board();
    let svd = board.session.svd();
    board.chip.write_memory(0x2000_1000, b"registers by name").unwrap();
    svd.write_register("DMA1", "CH3_PAR", 0x2000_1000).unwrap();
    svd.write_register("DMA1", "CH3_MAR", 0x2000_1100).unwrap();
    svd.write_register("DMA1", "CH3_NDTR", 17).unwrap();
    svd.write_fields(
        "DMA1",
        "CH3_CR",
        &[("MEM2MEM", 1.into()), ("PINC", 1.into()), ("MINC", 1.into()), ("PSIZE", "Bits8".into()), ("EN", 1.into())],
    )
    .unwrap();
    let mut moved = [0; 17];
    board.chip.read_memory(0x2000_1100, &mut moved).unwrap();
    assert_eq!(&moved, b"registers by name");
    svd.write_field("DMA1", "IFCR", "CTCIF3", 1).unwrap();
    let status = svd.read_register("DMA1", "ISR").unwrap();
    assert_eq!((status.field("TCIF3").unwrap().value, status.field("HTIF3").unwrap().value), (0, 1), "{status}");
}

#[test]
fn a_watchpoint_that_matched_says_so_until_it_is_read() {
    let board = board();
    board.session.target().halt().unwrap();
    let svd = board.session.svd();
    let counter = virtual_chip::firmware::COUNTER_ADDRESS;
    svd.write_register("DWT", "COMPARATOR2_COMP", counter.into()).unwrap();
    svd.write_field("DWT", "COMPARATOR2_MASK", "MASK", 2).unwrap();
    // Reading the register would clear MATCHED, so that a part of it cannot be written alone.
    let error = svd.write_field("DWT", "COMPARATOR2_FUNCTION", "FUNCTION", "Write").unwrap_err();
    assert!(error.to_string().contains("reading the register changes the chip's state"), "{error}");
    svd.write_fields_over_reset("DWT", "COMPARATOR2_FUNCTION", &[("FUNCTION", "Write".into())]).unwrap();
    board.session.target().resume().unwrap();
    board.session.target().wait_halt(std::time::Duration::from_secs(60)).unwrap();

    let unit = svd.read_peripheral("DWT").unwrap();
    assert!(unit.register("COMPARATOR2_FUNCTION").is_err(), "{unit}");
    assert_eq!(unit.register("COMPARATOR2_COMP").unwrap().value, counter.into());
    let unit = svd.unguarded().read_peripheral("DWT").unwrap();
    assert_eq!(unit.register("COMPARATOR2_FUNCTION").unwrap().field("MATCHED").unwrap().value, 1, "{unit}");
    let again = svd.read_register("DWT", "COMPARATOR2_FUNCTION").unwrap();
    assert_eq!(
        (again.field("MATCHED").unwrap().value, again.field("FUNCTION").unwrap().value_name()),
        (0, Some("Write"))
    );
}

#[test]
fn registers_in_nested_clusters_are_read_on_the_chip() {
    let board = board();
    let svd = board.session.svd();
    svd.write_register("CAN1", "MAILBOX_TX[1]_DLR", 0x1234_5678).unwrap();
    assert_eq!(board.chip.read_u32(0x4000_6598), Ok(0x1234_5678));
    svd.write_register("CAN1", "FILTER[13]_FR2", 0x55aa).unwrap();
    assert_eq!(board.chip.read_u32(0x4000_66ac), Ok(0x55aa));
    let error = svd.write_register("CAN1", "MAILBOX_RX[1]_DLR", 1).unwrap_err();
    assert_eq!(error.to_string(), "CAN1.MAILBOX_RX[1]_DLR is read-only");
}

#[test]
fn a_write_that_fails_after_its_read_says_so() {
    let board = board();
    let svd = board.session.svd();
    board.chip.faults().bus_fault_on_write_at(0x4001_080c..0x4001_0810);
    board.chip.watch_accesses(0x4001_080c..0x4001_0810);
    let error = svd.write_field("GPIOA", "ODR", "ODR3", 1).unwrap_err();
    let Error::Target(TargetError::MemoryWrite { address: 0x4001_080c, failure, .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(failure.command(), "write_memory 0x4001080c 32");
    assert_ne!(failure.code(), 0);
    let writes: Vec<_> = board.chip.take_accesses().iter().map(|access| access.is_write).collect();
    assert_eq!(writes[..2], [false, true], "{writes:?}");
    board.chip.faults().clear();
    assert_eq!(svd.read_register("GPIOA", "ODR").unwrap().value, 0);
    svd.write_field("GPIOA", "ODR", "ODR3", 1).unwrap();
    assert_eq!(svd.read_register("GPIOA", "ODR").unwrap().value, 8);
}

#[test]
fn a_field_takes_one_read_and_one_write_of_its_register_s_width() {
    let board = board();
    let svd = board.session.svd();
    let at = |address, bits, is_write| BusAccess { address, bits, is_write };
    board.chip.watch_accesses(0x4000_0000..0x4003_0000);
    svd.write_field("GPIOA", "ODR", "ODR3", 1).unwrap();
    assert_eq!(board.chip.take_accesses(), [at(0x4001_080c, 32, false), at(0x4001_080c, 32, true)]);
    // All other bits are cleared by a 0, which writes nothing back: there is nothing to read.
    svd.write_field("TIM2", "SR", "CC2IF", 0).unwrap();
    assert_eq!(board.chip.take_accesses(), [at(TIM2 + 0x10, 32, true)]);
    assert_eq!(svd.read_field("GPIOA", "ODR", "ODR3").unwrap(), 1);
    assert_eq!(board.chip.take_accesses(), [at(0x4001_080c, 32, false)]);
}

#[test]
fn a_peripheral_is_read_while_the_core_runs() {
    let board = board();
    board.session.target().halt().unwrap();
    board.session.target().resume().unwrap();
    let clocks = board.session.svd().read_peripheral("RCC").unwrap();
    assert!(clocks.unread.is_empty(), "{clocks}");
    assert_eq!(board.chip.state(), virtual_chip::CoreState::Running);
    let count = || board.chip.read_u32(virtual_chip::firmware::COUNTER_ADDRESS).unwrap();
    let before = count();
    while count() == before {}
}
