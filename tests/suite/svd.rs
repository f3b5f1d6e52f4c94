//! Peripherals and registers by name: each construct of CMSIS-SVD in a description of a few lines,
//! with the addresses and fields that it must give; then the virtual chip, which has a description
//! of its own.

mod chip;
mod constraints;
mod core;
mod corrections;
mod derived;
mod hostile;
mod layout;
mod leniency;
mod load;
mod properties;
mod read;
mod refused;
mod snapshot;

mod write;
mod xml;

use openocd::svd::{Device, Register};

use crate::board::Board;

const CHIP: &str = include_str!("../virtual-chip/svd/virtual-stm32f103.svd");

/// A board whose session knows the chip.
fn board() -> Board {
    let board = Board::start();
    board.session.svd().load_str(CHIP).expect("the chip's own description");
    board
}

/// A board whose session knows the peripheral M at 0x20000100, in RAM, with these registers.
fn ram(registers: &str) -> Board {
    let board = Board::halted();
    let svd = format!(
        "<device><name>D</name><resetValue>0</resetValue><peripherals><peripheral><name>M</name><baseAddress>0x20000100</baseAddress>\
         <registers>{registers}</registers></peripheral></peripherals></device>"
    );
    board.session.svd().load_str(&svd).unwrap();
    board
}

/// A device of these peripherals, with defaults of 32 bits, read-write, 0 after reset.
fn device(peripherals: &str) -> Device {
    let svd = format!(
        "<?xml version='1.0'?><device><name>D</name><size>32</size><access>read-write</access><resetValue>0</resetValue>\
         <peripherals>{peripherals}</peripherals></device>"
    );
    Device::parse_str(&svd).unwrap()
}

/// A device with the peripheral P at 0x1000 that has these registers.
fn registers(registers: &str) -> Device {
    device(&format!(
        "<peripheral><name>P</name><baseAddress>0x1000</baseAddress><registers>{registers}</registers></peripheral>"
    ))
}

/// A device with the register P.R at 0x1000 that has these fields.
fn fields(fields: &str) -> Device {
    registers(&format!("<register><name>R</name><addressOffset>0</addressOffset><fields>{fields}</fields></register>"))
}

fn register<'d>(device: &'d Device, peripheral: &str, register: &str) -> &'d Register {
    device.peripheral(peripheral).and_then(|found| found.register(register)).unwrap()
}

/// `NAME@ADDRESS` of every register of a peripheral.
fn addresses(device: &Device, peripheral: &str) -> String {
    let registers = device.peripheral(peripheral).unwrap().registers();
    let each: Vec<_> =
        registers.iter().map(|register| format!("{}@{:x}", register.name(), register.address())).collect();
    each.join(" ")
}

/// `NAME[OFFSET+WIDTH]` of every field of a register.
fn layout(register: &Register) -> String {
    let each =
        register.fields().iter().map(|field| format!("{}[{}+{}]", field.name(), field.bit_offset(), field.bit_width()));
    each.collect::<Vec<_>>().join(" ")
}

const A: &str = "<register><name>A</name><addressOffset>4</addressOffset></register>";
