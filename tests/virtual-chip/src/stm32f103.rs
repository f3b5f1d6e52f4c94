//! The chip: two TAPs in a row, TDI - boundary scan - CPU - TDO (RM0008, 31.5), and a serial wire
//! port, around one system.

mod memory;

pub(crate) use memory::{RAM_BASE, RAM_SIZE, Stm32Memory};

use std::sync::{Arc, Mutex};

use crate::ahb_ap::AhbAp;
use crate::boundary_scan::BoundaryScan;
use crate::chain::JtagChip;
use crate::cpu::CORTEX_M3;
use crate::cpu_tap::CpuTap;
use crate::debug_port::DebugPort;
use crate::firmware;
use crate::sw_dp;
use crate::swj::{Start, Swj};
use crate::system::System;

/// A medium-density STM32F103.
#[derive(Debug)]
pub(crate) struct Stm32f103 {
    pub(crate) boundary: BoundaryScan,
    cpu: CpuTap,
    pub(crate) swj: Swj,
    /// The core and the bus, which JTAG and SWD both reach.
    pub(crate) port: DebugPort,
    ap: AhbAp,
    pub(crate) system: System,
}

impl Stm32f103 {
    /// Creates a chip that has just been powered on, with a program in its flash.
    pub(crate) fn with_firmware() -> Arc<Mutex<Self>> {
        let mut system = System::new(&CORTEX_M3, Stm32Memory::new());
        system.bus.memory.flash.memory_mut()[..firmware::IMAGE.len()].copy_from_slice(firmware::IMAGE);
        system.core.reset(&mut system.bus);
        let chip = Self {
            boundary: BoundaryScan::new(),
            cpu: CpuTap::new(),
            swj: Swj::new(Start::Jtag, sw_dp::STM32F103),
            port: DebugPort::default(),
            ap: AhbAp::default(),
            system,
        };
        Arc::new(Mutex::new(chip))
    }

    /// Powers the chip on, which also resets the debug port and both TAPs.
    pub(crate) fn power_on(&mut self) {
        if !self.system.is_powered() {
            self.boundary = BoundaryScan::new();
            self.cpu = CpuTap::new();
            self.swj = Swj::new(Start::Jtag, sw_dp::STM32F103);
            self.port = DebugPort::default();
            self.ap = AhbAp::default();
            self.system.power_on();
        }
    }
}

impl JtagChip for Stm32f103 {
    fn test_logic_reset(&mut self) {
        self.boundary.tap.reset();
        self.cpu.tap.reset();
    }

    fn capture_ir(&mut self) {
        self.boundary.tap.capture_ir();
        self.cpu.tap.capture_ir();
    }

    fn update_ir(&mut self) {
        self.boundary.tap.update_ir();
        self.cpu.tap.update_ir();
    }

    fn capture_dr(&mut self) {
        self.boundary.capture_dr();
        self.cpu.capture_dr();
    }

    fn update_dr(&mut self) {
        self.boundary.update_dr();
        if self.system.is_powered() {
            self.cpu.update_dr(&mut self.port, &mut self.ap, &mut self.system);
        }
    }

    fn shift(&mut self, tdi: bool) -> bool {
        let between = self.boundary.tap.shift(tdi);
        self.cpu.tap.shift(between) || !self.system.is_powered()
    }

    fn tdo(&self) -> bool {
        // A chip without supply leaves TDO to the probe's pull-up.
        self.cpu.tap.tdo() || !self.system.is_powered()
    }

    fn set_system_reset(&mut self, asserted: bool) {
        self.system.set_system_reset(asserted);
    }

    fn elapse(&mut self, clocks: u32) {
        self.system.elapse(clocks);
    }

    fn is_idle(&self) -> bool {
        self.system.is_idle()
    }

    fn serial_wire_clock(&mut self, swdio: bool) {
        if self.system.is_powered() {
            self.swj.clock(swdio, &mut self.port, &mut self.ap, &mut self.system);
        }
    }

    fn uses_serial_wire(&self) -> bool {
        self.swj.is_serial_wire()
    }

    fn swdio(&self) -> Option<(u64, u32)> {
        if self.system.is_powered() { self.swj.to_drive() } else { None }
    }
}
