//! A second kind of chip: RISC-V harts that share RAM, behind a debug module and a JTAG transport.
//!
//! RISC-V External Debug Support 0.13.2 (the debug module, its transport, triggers) and the RISC-V
//! instruction set manual, volumes I (RV32I) and II (machine mode).

mod debug_module;
mod execute;
mod hart;
mod triggers;

pub(crate) use hart::{Cause, Hart};

use std::sync::{Arc, Mutex};

use crate::chain::JtagChip;
use crate::shared_memory::SharedMemory;
use crate::tap::{ShiftRegister, Tap, TapDescription};
use debug_module::DebugModule;

/// Where the RAM starts; the harts start there too.
pub(crate) const RAM_BASE: u32 = 0x8000_0000;
/// 16 KiB.
pub(crate) const RAM_SIZE: u32 = 0x4000;

/// The identification code of the TAP.
pub(crate) const IDCODE: u32 = 0x1000_1913;

const IDCODE_INSTRUCTION: u64 = 0x01;
const DTMCS: u64 = 0x10;
const DMI: u64 = 0x11;
/// Version 0.13, 7 bits of address, no idle cycles needed (6.1.4).
const DTMCS_VALUE: u64 = 7 << 4 | 1;
const DMI_LENGTH: usize = 41;
const OP_READ: u64 = 1;
const OP_WRITE: u64 = 2;

/// The chip: the TAP of the debug transport module (6.1), the debug module and the harts.
#[derive(Debug)]
pub(crate) struct RiscvChip {
    tap: Tap,
    pub(crate) module: DebugModule,
    /// The harts by their numbers, which DMCONTROL.hartsel selects.
    pub(crate) harts: Vec<Hart>,
    pub(crate) ram: SharedMemory,
    /// The address and data of the last request, for the next scan.
    response: u64,
}

impl RiscvChip {
    /// Creates a chip that has just been powered on, with a program in its RAM as a boot loader
    /// would have left it.
    pub(crate) fn with_firmware(harts: u32, image: &[u8]) -> Arc<Mutex<Self>> {
        let ram = new_ram();
        ram.write_bytes(RAM_BASE, image).expect("an image of ours fits into the RAM");
        let description = TapDescription {
            ir_length: 5,
            ir_capture: 0b00001,
            idcode: IDCODE,
            idcode_instruction: IDCODE_INSTRUCTION,
        };
        let harts = (0..harts).map(|id| Hart::new(id, ram.clone())).collect();
        let chip = Self { tap: Tap::new(description), module: DebugModule::new(), harts, ram, response: 0 };
        Arc::new(Mutex::new(chip))
    }

    /// Holds all harts in reset, or lets them go.
    pub(crate) fn set_reset(&mut self, asserted: bool) {
        for hart in &mut self.harts {
            hart.set_reset(asserted);
        }
    }
}

/// Creates RAM that holds zeros, for all harts of a chip.
fn new_ram() -> SharedMemory {
    SharedMemory::new(RAM_BASE, RAM_SIZE, 0)
}

impl JtagChip for RiscvChip {
    fn test_logic_reset(&mut self) {
        self.tap.reset();
    }

    fn capture_ir(&mut self) {
        self.tap.capture_ir();
    }

    fn update_ir(&mut self) {
        self.tap.update_ir();
    }

    fn capture_dr(&mut self) {
        let selected = match self.tap.instruction() {
            DTMCS => Some(ShiftRegister::new(32, DTMCS_VALUE)),
            DMI => Some(ShiftRegister::new(DMI_LENGTH, self.response << 2)),
            _ => None,
        };
        self.tap.capture_dr(selected);
    }

    fn update_dr(&mut self) {
        if self.tap.instruction() != DMI {
            return;
        }
        let request = self.tap.shifted().value();
        let address = (request >> 34 & 0x7f) as u8;
        let data = (request >> 2) as u32;
        let result = match request & 3 {
            OP_READ => self.module.read(address, &mut self.harts),
            OP_WRITE => {
                self.module.write(address, data, &mut self.harts);
                data
            }
            _ => return,
        };
        self.response = u64::from(address) << 32 | u64::from(result);
    }

    fn shift(&mut self, tdi: bool) -> bool {
        self.tap.shift(tdi)
    }

    fn tdo(&self) -> bool {
        self.tap.tdo()
    }

    fn set_system_reset(&mut self, asserted: bool) {
        self.set_reset(asserted);
    }

    fn elapse(&mut self, clocks: u32) {
        for _ in 0..clocks {
            if self.is_idle() {
                return;
            }
            for hart in self.harts.iter_mut().filter(|hart| !hart.is_idle()) {
                hart.step();
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.harts.iter().all(Hart::is_idle)
    }
}
