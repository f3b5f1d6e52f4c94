//! The handle of a test: a virtual RISC-V hart and the socket that it is served on.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::board::{Model, Transport};
use crate::elf::{self, LoadError};
use crate::firmware;
use crate::riscv::{Cause, Hart, RAM_BASE, RAM_SIZE, RiscvChip};
use crate::server::{Server, SharedChip, lock};
use crate::virtual_chip::{CoreState, Unmapped};

/// A RISC-V hart: RV32I, with 16 KiB of RAM at 0x80000000 and a program in it.
///
/// [`VirtualHart::start`] makes a chip with one hart that runs [`firmware::hart`]. A
/// [`VirtualBoard`](crate::VirtualBoard) makes [`Model::RiscvPair`], two harts that share their
/// RAM. The debug module has version 0.13, a program buffer, system bus access and two triggers for
/// each hart. Triggers on execution fire before the instruction, also at the PC where the hart is
/// resumed, and so does EBREAK.
pub struct VirtualHart {
    chip: Arc<Mutex<RiscvChip>>,
    index: usize,
    server: Arc<Server>,
    target: String,
}

impl VirtualHart {
    /// The addresses of the RAM. A hart starts at the first one.
    pub const RAM: Range<u32> = RAM_BASE..RAM_BASE + RAM_SIZE;

    /// Starts a chip with one hart on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no socket can be bound or no thread started.
    pub fn start() -> io::Result<Self> {
        let chip = RiscvChip::with_firmware(1, firmware::hart::IMAGE);
        let server = Server::start(vec![Arc::clone(&chip) as SharedChip], vec![Model::RiscvHart])?;
        Ok(Self::on_board(chip, 0, Arc::new(server), "hart0.cpu".to_string()))
    }

    pub(crate) fn on_board(chip: Arc<Mutex<RiscvChip>>, index: usize, server: Arc<Server>, target: String) -> Self {
        Self { chip, index, server, target }
    }

    /// Returns the port to which OpenOCD's `remote_bitbang` driver connects.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns the arguments that make OpenOCD use the chip. They hold neither `init` nor the ports
    /// on which OpenOCD itself listens.
    pub fn openocd_args(&self) -> Vec<String> {
        self.server.openocd_args(Transport::Jtag)
    }

    /// Returns [`VirtualHart::openocd_args`] as one string, quoted as in a shell.
    pub fn openocd_config(&self) -> String {
        self.server.openocd_config(Transport::Jtag)
    }

    /// Returns OpenOCD's name of the hart.
    pub fn target_name(&self) -> &str {
        &self.target
    }

    /// Reads RAM directly.
    ///
    /// # Errors
    /// When a part of it is not RAM.
    pub fn read_memory(&self, address: u32, buffer: &mut [u8]) -> Result<(), Unmapped> {
        self.lock().ram.read_bytes(address, buffer).ok_or(Unmapped { address })
    }

    /// Writes RAM directly.
    ///
    /// # Errors
    /// When a part of it is not RAM; then nothing has been written.
    pub fn write_memory(&self, address: u32, bytes: &[u8]) -> Result<(), Unmapped> {
        self.lock().ram.write_bytes(address, bytes).ok_or(Unmapped { address })
    }

    /// Clears the RAM, puts the segments of an ELF file into it, and presses the reset button.
    ///
    /// All harts of the chip are reset. They start at the first address of the RAM, whatever the
    /// entry point of the file is.
    ///
    /// # Errors
    /// When the file is no ELF file for a 32-bit RISC-V, or a segment is outside of the RAM. Then
    /// the chip stays as it is.
    ///
    /// ```
    /// use virtual_chip::{LoadError, VirtualHart, firmware::newlib};
    ///
    /// let hart = VirtualHart::start()?;
    /// let error = hart.try_load_elf(newlib::HELLO).unwrap_err(); // a program for an Arm
    /// assert!(matches!(error, LoadError::WrongMachine { machine: 40, .. }));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_load_elf(&self, file: &[u8]) -> Result<(), LoadError> {
        let segments = elf::segments(file, elf::MACHINE_RISCV, &Self::RAM)?;
        {
            let chip = self.lock();
            let cleared = chip.ram.write_bytes(RAM_BASE, &[0; RAM_SIZE as usize]);
            debug_assert!(cleared.is_some());
            for segment in segments {
                let loaded = chip.ram.write_bytes(segment.address, segment.bytes);
                debug_assert!(loaded.is_some());
            }
        }
        self.reset();
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

    /// Reads the general register `x0` to `x31`, in any state of the hart.
    ///
    /// # Panics
    /// When there is no such register.
    pub fn x(&self, number: u8) -> u32 {
        self.register(abstract_number(number))
    }

    /// Writes the general register `x0` to `x31`; `x0` ignores it.
    ///
    /// # Panics
    /// When there is no such register.
    pub fn set_x(&self, number: u8, value: u32) {
        self.set_register(abstract_number(number), value);
    }

    /// Reads the program counter.
    pub fn pc(&self) -> u32 {
        self.register(DPC)
    }

    /// Writes the program counter.
    pub fn set_pc(&self, address: u32) {
        self.set_register(DPC, address);
    }

    /// Returns the state of the hart.
    pub fn state(&self) -> CoreState {
        self.with_hart(|hart| {
            if hart.is_held_in_reset() {
                CoreState::Reset
            } else if hart.is_halted() {
                CoreState::Halted
            } else if hart.is_idle() {
                CoreState::Sleeping
            } else {
                CoreState::Running
            }
        })
    }

    /// Returns why the hart halted; `None` while it is not halted.
    pub fn halt_cause(&self) -> Option<HartHaltCause> {
        self.with_hart(|hart| hart.halt_cause()).map(|cause| match cause {
            Cause::Ebreak => HartHaltCause::Ebreak,
            Cause::Trigger => HartHaltCause::Trigger,
            Cause::Request => HartHaltCause::Request,
            Cause::Step => HartHaltCause::Step,
            Cause::ResetRequest => HartHaltCause::ResetRequest,
        })
    }

    /// Halts the hart, as a debugger would.
    pub fn halt(&self) {
        self.with_hart(|hart| {
            if !hart.is_halted() {
                hart.halt(Cause::Request);
            }
        });
    }

    /// Resumes the hart.
    pub fn run(&self) {
        self.with_hart(Hart::run);
        self.server.stir();
    }

    /// Presses the reset button, which resets all harts of the chip.
    pub fn reset(&self) {
        {
            let mut chip = self.lock();
            chip.set_reset(true);
            chip.set_reset(false);
        }
        self.server.stir();
    }

    /// Returns how often the hart has been reset since the chip was started.
    pub fn reset_count(&self) -> u32 {
        self.with_hart(|hart| hart.reset_count)
    }

    /// Gives the chip's debug module system bus access, or takes it away; a new chip has it.
    ///
    /// Without it, memory of a running hart cannot be accessed. OpenOCD asks for it once, when it
    /// examines the target.
    pub fn set_system_bus_access(&self, present: bool) {
        self.lock().module.has_system_bus = present;
    }

    fn register(&self, number: u16) -> u32 {
        self.with_hart(|hart| hart.read_register(number)).unwrap_or(0)
    }

    fn set_register(&self, number: u16, value: u32) {
        self.with_hart(|hart| hart.write_register(number, value));
    }

    fn with_hart<T>(&self, action: impl FnOnce(&mut Hart) -> T) -> T {
        action(&mut self.lock().harts[self.index])
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

impl fmt::Debug for VirtualHart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualHart").field("port", &self.port()).field("state", &self.state()).finish_non_exhaustive()
    }
}

/// Why a [`VirtualHart`] halted, as DCSR says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HartHaltCause {
    /// An EBREAK instruction.
    Ebreak,
    /// A trigger: a hardware breakpoint or a watchpoint.
    Trigger,
    /// A request of the debugger.
    Request,
    /// The end of a single step.
    Step,
    /// A request of the debugger to halt right after reset.
    ResetRequest,
}
