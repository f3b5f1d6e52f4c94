//! Files, names and texts.

use openocd::svd::{Device, Register};
use openocd::{Error, SvdError};

use super::{CHIP, board};
use crate::board::Board;

#[test]
fn the_chip_s_own_description_has_no_slips() {
    let device = Device::parse_str(CHIP).unwrap();
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
    let at = |peripheral: &str, register: &str| {
        device.peripheral(peripheral).and_then(|found| found.register(register)).map(Register::address).unwrap()
    };
    assert_eq!(at("GPIOA", "ODR"), 0x4001_080c);
    assert_eq!(at("GPIOE", "CRH"), 0x4001_1804);
    assert_eq!(at("DMA1", "CH7_MAR"), 0x4002_008c);
    assert_eq!(at("CAN1", "MAILBOX_RX[1]_DHR"), 0x4000_65cc);
    assert_eq!(at("CAN1", "FILTER[13]_FR2"), 0x4000_66ac);
    assert_eq!(at("TIM2", "CCR4"), 0x4000_0040);
    assert_eq!(at("UID", "U_ID_BYTE[7]"), 0x1fff_f7ef);
    let crh = device.peripheral("GPIOB").unwrap().register("CRH").unwrap();
    let mode = crh.decode(0x4444_4434).unwrap();
    assert_eq!(mode.field("MODE9").unwrap().value_name(), Some("Output50"));
    assert_eq!(mode.field("CNF9").unwrap().value_name(), Some("AnalogOrPushPull"));
}

#[test]
fn nothing_works_before_a_description_is_loaded() {
    let board = Board::start();
    let svd = board.session.svd();
    assert!(!svd.loaded());
    let errors = [
        svd.list_peripherals().unwrap_err(),
        svd.list_registers("RCC").unwrap_err(),
        svd.read_register("RCC", "CR").unwrap_err(),
        svd.read_peripheral("RCC").unwrap_err(),
        svd.write_register("RCC", "CR", 0).unwrap_err(),
        svd.decode("RCC", "CR", 0).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Svd(SvdError::NotLoaded)), "{error}");
        assert_eq!(error.to_string(), "no SVD file is loaded; call `svd().load(path)` first");
    }
}

#[test]
fn a_file_that_cannot_be_loaded_changes_nothing() {
    let board = board();
    let missing = std::env::temp_dir().join("no such file.svd");
    let error = board.session.svd().load(&missing).unwrap_err();
    assert!(matches!(&error, Error::Svd(SvdError::NotFound { path }) if *path == missing), "{error}");
    assert!(error.to_string().contains("no such file.svd"), "{error}");

    let error = board.session.svd().load(std::env::temp_dir()).unwrap_err();
    assert!(matches!(&error, Error::Svd(SvdError::Unreadable { .. })), "{error}");

    let path = std::env::temp_dir().join(format!("openocd-bad-{}.svd", std::process::id()));
    std::fs::write(&path, "<device>\n <name>D</device>").unwrap();
    let error = board.session.svd().load(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(error.to_string().starts_with(&format!("{}:2:9: ", path.display())), "{error}");
    assert_eq!(board.session.svd().device().unwrap().name(), "VirtualSTM32F103", "what was loaded before stays");
}

#[test]
fn files_in_other_encodings_are_read() {
    let text = "<device><name>D</name><description>\u{b5}C</description><peripherals/></device>";
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let marked = format!("\u{feff}{text}").into_bytes();
    for (kind, bytes) in [("latin", latin), ("wide", wide), ("marked", marked)] {
        let path = std::env::temp_dir().join(format!("openocd-{kind}-{}.svd", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let device = Device::load(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(device.unwrap().description(), "\u{b5}C", "{kind}");
    }
}

#[test]
fn an_unknown_name_comes_with_similar_ones() {
    let board = board();
    let svd = board.session.svd();
    let error = svd.read_register("GPIOa", "ODR").unwrap_err();
    assert!(matches!(&error, Error::Svd(SvdError::UnknownPeripheral { near, .. }) if near[0] == "GPIOA"), "{error}");
    assert!(error.to_string().starts_with("VirtualSTM32F103 has no peripheral \"GPIOa\"; near: GPIOA"), "{error}");
    let error = svd.read_register("GPIOA", "OTR").unwrap_err();
    assert!(matches!(&error, Error::Svd(SvdError::UnknownRegister { near, .. }) if near[0] == "ODR"), "{error}");
    let error = svd.read_field("RCC", "CR", "HSEON2").unwrap_err();
    assert!(matches!(&error, Error::Svd(SvdError::UnknownField { near, .. }) if near[0] == "HSEON"), "{error}");
    let error = svd.write_field("RCC", "CFGR", "PLLMUL", "mul9").unwrap_err();
    assert!(matches!(&error, Error::Svd(SvdError::UnknownValue { near, .. }) if near[0] == "Mul9"), "{error}");

    let device = svd.device().unwrap();
    let register = device.peripheral_ignoring_case("gpioa").and_then(|port| port.register_ignoring_case("odr"));
    assert_eq!(register.and_then(|odr| odr.field_ignoring_case("Odr3")).unwrap().name(), "ODR3");
    assert!(device.peripheral_ignoring_case("nothing").is_err());
}

#[test]
fn lists_are_in_the_order_of_the_file() {
    let board = board();
    let svd = board.session.svd();
    assert_eq!(svd.list_peripherals().unwrap()[..4], ["RCC", "GPIOA", "GPIOB", "GPIOC"]);
    assert_eq!(svd.list_registers("GPIOA").unwrap(), ["CRL", "CRH", "IDR", "ODR", "BSRR", "BRR", "LCKR"]);
    assert_eq!(svd.reset_value("RCC", "CR").unwrap(), Some(0x83));
}

#[test]
fn a_decoded_register_prints_as_a_table() {
    let board = board();
    let decoded = board.session.svd().decode("FLASH", "SR", 0x21).unwrap();
    assert_eq!(
        decoded.to_string(),
        "FLASH.SR @ 0x4002200c = 0x00000021  Status register\n\
         \x20 [5]  EOP       0x1  End of operation\n\
         \x20 [4]  WRPRTERR  0x0  Write protection error\n\
         \x20 [2]  PGERR     0x0  Programming error\n\
         \x20 [0]  BSY       0x1  Busy"
    );
    let decoded = board.session.svd().decode("DMA1", "CH1_CR", 0x3a81).unwrap();
    assert_eq!(
        decoded.to_string().lines().skip(1).take(4).collect::<Vec<_>>(),
        [
            "     [14]  MEM2MEM  0x0            Memory to memory",
            "  [13:12]  PL       0x3  VeryHigh  Priority",
            "  [11:10]  MSIZE    0x2  Bits32    Memory size",
            "    [9:8]  PSIZE    0x2  Bits32    Peripheral size",
        ]
    );
    let error = board.session.svd().decode("UID", "F_SIZE", 0x1_0000).unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::ValueTooWide { bits: 16, .. })), "{error}");
}

#[test]
fn a_description_prints_as_a_table() {
    let board = board();
    let text = board.session.svd().describe("USART1", "DR").unwrap().to_string();
    assert_eq!(
        text,
        "USART1.DR at 0x40013804, 32 bits, read-write, 0x00000000 after reset, readAction modifyExternal: Data register\n\
         \x20 [8:0]  DR  read-write  Data received, or to send"
    );
}
