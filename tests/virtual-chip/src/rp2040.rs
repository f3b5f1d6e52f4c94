//! A third kind of chip: the RP2040, two Cortex-M0+ cores that share their memory. Each has a debug
//! port of its own, and the ports share a serial wire (multi-drop).
//!
//! RP2040 datasheet, 2.1 (address map), 2.3.1 (SIO), 2.3.4 (debug), 2.4 (Cortex-M0+).

mod memory;
mod sio;

pub(crate) use memory::{FLASH_BASE, FLASH_SIZE, RAM_BASE, RAM_SIZE};

use std::sync::{Arc, Mutex};

use crate::ahb_ap::AhbAp;
use crate::chain::JtagChip;
use crate::cpu::CORTEX_M0_PLUS;
use crate::debug_port::DebugPort;
use crate::elf::{self, Segment};
use crate::firmware;
use crate::shared_memory::SharedMemory;
use crate::sw_dp::Identity;
use crate::swj::{Start, Swj};
use crate::system::System;
use memory::Rp2040Memory;
use sio::Sio;

/// The number of cores.
pub(crate) const CORES: usize = 2;
/// What the debug port of the first core identifies itself with; the four highest bits of TARGETID
/// are the number of the core (2.3.4).
const DPIDR: u32 = 0x0bc1_2477;
const TARGETID: u32 = 0x0100_2927;
/// How many clocks one core runs before the other one does.
const TURN: u32 = 8;

/// A core, and how the debugger gets to it.
#[derive(Debug)]
pub(crate) struct Rp2040Core {
    swj: Swj,
    port: DebugPort,
    ap: AhbAp,
    pub(crate) system: System<Rp2040Memory>,
}

/// The chip.
#[derive(Debug)]
pub(crate) struct Rp2040 {
    pub(crate) cores: [Rp2040Core; CORES],
    pub(crate) ram: SharedMemory,
    pub(crate) flash: SharedMemory,
    sio: Arc<Mutex<Sio>>,
}

impl Rp2040 {
    /// Creates a chip that has just been powered on, with a program in its flash.
    pub(crate) fn with_firmware() -> Arc<Mutex<Self>> {
        let memory = FLASH_BASE..FLASH_BASE + FLASH_SIZE;
        let segments = elf::segments(firmware::rp2040::CORES, elf::MACHINE_ARM, &memory);
        let mut chip = Self::new();
        chip.load(&segments.expect("a program of ours fits into the flash"));
        Arc::new(Mutex::new(chip))
    }

    /// Creates a chip with erased flash.
    fn new() -> Self {
        let ram = SharedMemory::new(RAM_BASE, RAM_SIZE, 0);
        let flash = SharedMemory::new(FLASH_BASE, FLASH_SIZE, 0xff);
        let sio = Arc::new(Mutex::new(Sio::default()));
        let cores = std::array::from_fn(|number| {
            let memory = Rp2040Memory::new(number, ram.clone(), flash.clone(), Arc::clone(&sio));
            let identity = Identity { idr: DPIDR, target: Some(TARGETID | (number as u32) << 28) };
            Rp2040Core {
                swj: Swj::new(Start::Dormant, identity),
                port: DebugPort::default(),
                ap: AhbAp::default(),
                system: System::new(&CORTEX_M0_PLUS, memory),
            }
        });
        Self { cores, ram, flash, sio }
    }

    /// Erases the flash, puts segments into it and clears the RAM. The cores do not notice.
    pub(crate) fn load(&mut self, segments: &[Segment<'_>]) {
        self.ram.fill(0);
        self.flash.fill(0xff);
        for segment in segments {
            let loaded = self.flash.write_bytes(segment.address, segment.bytes);
            debug_assert!(loaded.is_some());
        }
    }

    /// Resets both cores, as the RUN pin does.
    pub(crate) fn press_reset(&mut self) {
        self.set_system_reset(true);
        self.set_system_reset(false);
    }

    /// Tells each core of the events that the other one sent with SEV (2.3.3).
    fn exchange_events(&mut self) {
        let sent = self.cores.each_mut().map(|core| core.system.core.take_sent_event());
        for (number, core) in self.cores.iter_mut().enumerate() {
            if sent[1 - number] {
                core.system.core.receive_event();
            }
        }
    }
}

/// The chip has no JTAG.
impl JtagChip for Rp2040 {
    fn test_logic_reset(&mut self) {}
    fn capture_ir(&mut self) {}
    fn update_ir(&mut self) {}
    fn capture_dr(&mut self) {}
    fn update_dr(&mut self) {}

    fn shift(&mut self, _tdi: bool) -> bool {
        true
    }

    fn tdo(&self) -> bool {
        true
    }

    fn set_system_reset(&mut self, asserted: bool) {
        if asserted {
            sio::lock(&self.sio).reset();
        }
        for core in &mut self.cores {
            core.system.set_system_reset(asserted);
        }
    }

    fn elapse(&mut self, clocks: u32) {
        let mut left = clocks;
        while left > 0 && !self.is_idle() {
            let turn = left.min(TURN);
            for core in &mut self.cores {
                core.system.elapse(turn);
            }
            self.exchange_events();
            left -= turn;
        }
        for core in &mut self.cores {
            core.system.elapse(left);
        }
    }

    fn is_idle(&self) -> bool {
        self.cores.iter().all(|core| core.system.is_idle())
    }

    fn serial_wire_clock(&mut self, swdio: bool) {
        for Rp2040Core { swj, port, ap, system } in &mut self.cores {
            swj.clock(swdio, port, ap, system);
        }
        // The debugger may have stepped over SEV.
        self.exchange_events();
    }

    fn uses_serial_wire(&self) -> bool {
        true
    }

    /// Only the selected port drives the line.
    fn swdio(&self) -> Option<(u64, u32)> {
        self.cores.iter().find_map(|core| core.swj.to_drive())
    }
}

#[cfg(test)]
mod tests;
