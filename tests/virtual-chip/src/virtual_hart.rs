//! The handle of a test: a virtual RISC-V hart and the socket that it is served on.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::board::{Model, Transport};
use crate::riscv::{Cause, RAM_BASE, RiscvChip};
use crate::server::{Server, SharedChip, lock};
use crate::virtual_chip::{CoreState, Unmapped};

/// A virtual chip with one RV32I hart, 16 KiB of RAM at 0x80000000 with [`firmware::hart`](crate::firmware::hart) in it,
/// and a debug module of version 0.13 with program buffer, system bus access and two triggers.
pub struct VirtualHart {
    chip: Arc<Mutex<RiscvChip>>,
    server: Arc<Server>,
    target: String,
}

impl VirtualHart {
    /// Starts a chip on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no socket can be bound or no thread started.
    pub fn start() -> io::Result<Self> {
        let chip = RiscvChip::with_firmware();
        let server = Server::start(vec![Arc::clone(&chip) as SharedChip], vec![Model::RiscvHart])?;
        Ok(Self::on_board(chip, Arc::new(server), "hart0.cpu".to_string()))
    }

    pub(crate) fn on_board(chip: Arc<Mutex<RiscvChip>>, server: Arc<Server>, target: String) -> Self {
        Self { chip, server, target }
    }

    /// The port to which OpenOCD's `remote_bitbang` driver is to connect.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Arguments that make OpenOCD use this chip. They hold neither `init` nor the ports on which OpenOCD itself listens.
    pub fn openocd_args(&self) -> Vec<String> {
        self.server.openocd_args(Transport::Jtag)
    }

    /// [`VirtualHart::openocd_args`] as one string, quoted as in a shell.
    pub fn openocd_config(&self) -> String {
        self.server.openocd_config(Transport::Jtag)
    }

    /// What OpenOCD calls the hart.
    pub fn target_name(&self) -> &str {
        &self.target
    }

    /// Reads RAM directly.
    ///
    /// # Errors
    /// When a part of it is not RAM.
    pub fn read_memory(&self, address: u32, buffer: &mut [u8]) -> Result<(), Unmapped> {
        let chip = self.lock();
        buffer.copy_from_slice(slice(&chip.hart.ram, address, buffer.len())?);
        Ok(())
    }

    /// Writes RAM directly.
    ///
    /// # Errors
    /// When a part of it is not RAM; then nothing has been written.
    pub fn write_memory(&self, address: u32, bytes: &[u8]) -> Result<(), Unmapped> {
        let mut chip = self.lock();
        slice(&chip.hart.ram, address, bytes.len())?;
        let start = (address - RAM_BASE) as usize;
        chip.hart.ram[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    /// Reads a word of RAM.
    ///
    /// # Errors
    /// When it is not RAM.
    pub fn read_u32(&self, address: u32) -> Result<u32, Unmapped> {
        let mut bytes = [0; 4];
        self.read_memory(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Writes a word of RAM.
    ///
    /// # Errors
    /// When it is not RAM.
    pub fn write_u32(&self, address: u32, value: u32) -> Result<(), Unmapped> {
        self.write_memory(address, &value.to_le_bytes())
    }

    /// The general register `x0` to `x31`, whatever the hart does.
    ///
    /// # Panics
    /// When there is no such register.
    pub fn x(&self, number: u8) -> u32 {
        self.register(abstract_number(number))
    }

    /// Writes the general register `x0` to `x31`.
    ///
    /// # Panics
    /// When there is no such register.
    pub fn set_x(&self, number: u8, value: u32) {
        self.set_register(abstract_number(number), value);
    }

    /// The program counter.
    pub fn pc(&self) -> u32 {
        self.register(DPC)
    }

    /// Writes the program counter.
    pub fn set_pc(&self, address: u32) {
        self.set_register(DPC, address);
    }

    /// What the hart does.
    pub fn state(&self) -> CoreState {
        let chip = self.lock();
        if chip.hart.is_held_in_reset() {
            CoreState::Reset
        } else if chip.hart.is_halted() {
            CoreState::Halted
        } else if chip.hart.is_idle() {
            CoreState::Sleeping
        } else {
            CoreState::Running
        }
    }

    /// Why the hart halted; none while it does not stand.
    pub fn halt_cause(&self) -> Option<HartHaltCause> {
        self.lock().hart.halt_cause().map(|cause| match cause {
            Cause::Ebreak => HartHaltCause::Ebreak,
            Cause::Trigger => HartHaltCause::Trigger,
            Cause::Request => HartHaltCause::Request,
            Cause::Step => HartHaltCause::Step,
            Cause::ResetRequest => HartHaltCause::ResetRequest,
        })
    }

    /// Halts the hart, as a debugger would.
    pub fn halt(&self) {
        let mut chip = self.lock();
        if !chip.hart.is_halted() {
            chip.hart.halt(Cause::Request);
        }
    }

    /// Lets the hart run.
    pub fn run(&self) {
        self.lock().hart.run();
        self.server.stir();
    }

    /// Presses the reset button.
    pub fn reset(&self) {
        let mut chip = self.lock();
        chip.hart.set_reset(true);
        chip.hart.set_reset(false);
        drop(chip);
        self.server.stir();
    }

    /// How often the hart has been reset since the chip was started.
    pub fn reset_count(&self) -> u32 {
        self.lock().hart.reset_count
    }

    fn register(&self, number: u16) -> u32 {
        self.lock().hart.read_register(number).unwrap_or(0)
    }

    fn set_register(&self, number: u16, value: u32) {
        self.lock().hart.write_register(number, value);
    }

    fn lock(&self) -> MutexGuard<'_, RiscvChip> {
        lock(&self.chip)
    }
}

const DPC: u16 = 0x7b1;

fn abstract_number(number: u8) -> u16 {
    assert!(number < 32, "there is no register x{number}: there are x0 to x31");
    0x1000 + u16::from(number)
}

fn slice(ram: &[u8], address: u32, length: usize) -> Result<&[u8], Unmapped> {
    let start = address.checked_sub(RAM_BASE).map(|start| start as usize);
    start.and_then(|start| ram.get(start..start.checked_add(length)?)).ok_or(Unmapped { address })
}

impl fmt::Debug for VirtualHart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualHart").field("port", &self.port()).field("state", &self.state()).finish_non_exhaustive()
    }
}

/// Why a [`VirtualHart`] halted, as DCSR says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HartHaltCause {
    /// An EBREAK instruction.
    Ebreak,
    /// A trigger: a hardware breakpoint or a watchpoint.
    Trigger,
    /// The debugger asked for it.
    Request,
    /// A single step ended.
    Step,
    /// The debugger asked for it right after reset.
    ResetRequest,
}
