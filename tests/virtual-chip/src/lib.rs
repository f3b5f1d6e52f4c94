//! A virtual STM32F103, a virtual RP2040 and virtual RISC-V harts, which a real OpenOCD debugs like
//! silicon.
//!
//! ```no_run
//! use std::process::Command;
//! use virtual_chip::VirtualChip;
//!
//! let chip = VirtualChip::start()?;
//! chip.write_u32(0x2000_0000, 0x1234_5678)?;
//! let status = Command::new("openocd")
//!     .args(chip.openocd_args())
//!     .args(["-c", "init; halt; mww 0x20000004 [read_memory 0x20000000 32 1]; shutdown"])
//!     .status()?;
//! assert!(status.success());
//! assert_eq!(chip.read_u32(0x2000_0004)?, 0x1234_5678);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A test sets the chip up through [`VirtualChip`] and reads it through the tool under test and
//! OpenOCD, or the other way round. [`VirtualChip::faults`] breaks things on demand. [`firmware`]
//! describes the programs for the chips. [`VirtualHart`] is a RISC-V hart. [`VirtualBoard`] puts
//! several chips on one JTAG chain, also two harts that share their RAM. It also makes an RP2040:
//! each [`VirtualCore`] is one of its two Cortex-M0+. For tests that are not in
//! Rust, the program `virtual-chip` serves the chips; the README documents its control socket.
//!
//! # What OpenOCD finds
//!
//! The chip is served on a socket in OpenOCD's `remote_bitbang` protocol, pin by pin. A stock
//! OpenOCD with its stock `target/stm32f1x.cfg` finds two TAPs or a serial wire port, a debug port
//! and an AHB access port. Behind the access port are a Cortex-M3 with breakpoint and watchpoint
//! units, 20 KiB of RAM, and 128 KiB of flash with its controller. The core executes Thumb code, so
//! OpenOCD's own flash loader and CRC routine run on it, and C programs with newlib. Firmware and
//! debugger can make interrupts pending; no peripheral raises one.
//!
//! Its RCC, GPIO ports, USART1, TIM2, DMA1, CAN1, PWR and DBGMCU have the reset values of the
//! reference manual. Reads and writes clear flags as the manual says. [`SVD`] describes them.
//!
//! An RP2040 has no JTAG, and OpenOCD uses its stock `target/rp2040.cfg`. The README says what of
//! the chip is not modelled.
//!
//! OpenOCD 0.12.0 or newer is needed; over SWD, one that is newer than 0.12.0.
//!
//! # Threads and ports
//!
//! A chip has two threads and one port on 127.0.0.1. Both end when its last handle is dropped, so
//! tests can run in parallel, each with a chip of its own. One OpenOCD at a time may connect. An
//! idle chip (halted, or asleep) needs no processor time; a chip whose core executes needs some.
//!
//! # Why a core of its own
//!
//! The core is part of this crate. `armagnac` 0.3 panics on several debug registers and
//! instructions (`todo!`), and decodes into `Rc`, which no two threads can share. `armv4t_emu`
//! knows neither Thumb-2 nor the exceptions of a Cortex-M.

// Nearly every cast here cuts a field out of a word on purpose. The registers are named as in the
// manuals, and a block of registers is a struct of flags.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::doc_markdown,
    clippy::precedence,
    clippy::struct_excessive_bools
)]

mod access_log;
mod ahb_ap;
mod bit_band;
mod board;
mod boundary_scan;
mod bus;
mod chain;
mod core;
mod cpu;
mod cpu_tap;
mod debug;
mod debug_port;
mod dwt;
mod elf;
mod faults;
pub mod firmware;
mod flash_controller;
mod fpb;
mod nvic;
mod peripherals;
mod pins;
mod riscv;
mod rom_table;
mod rp2040;
mod scs;
mod serial_wire;
mod server;
mod shared_memory;
mod stm32f103;
mod sw_dp;
mod swj;
mod system;
mod tap;
mod virtual_chip;
mod virtual_core;
mod virtual_hart;

/// A CMSIS-SVD description of the STM32F103's peripherals that a [`VirtualChip`] has.
///
/// ```
/// assert!(virtual_chip::SVD.contains("<name>USART1</name>"));
/// ```
pub const SVD: &str = include_str!("../svd/virtual-stm32f103.svd");

pub use access_log::BusAccess;
pub use board::{Model, Transport, VirtualBoard};
pub use boundary_scan::BOUNDARY_LENGTH;
pub use elf::LoadError;
pub use faults::Faults;
pub use virtual_chip::{BoundaryPins, CoreState, HaltReason, Register, Unmapped, VirtualChip};
pub use virtual_core::VirtualCore;
pub use virtual_hart::{HartHaltCause, VirtualHart};

/// Compiles the programs in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
