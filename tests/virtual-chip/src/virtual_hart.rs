//! The handle of a test: a virtual RISC-V hart and the socket that it is served on.

mod halt_cause;
mod memory;

pub use halt_cause::HartHaltCause;

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::board::{Model, Transport};
use crate::firmware;
use crate::riscv::{Cause, Hart, RAM_BASE, RAM_SIZE, RiscvChip};
use crate::server::{Server, SharedChip, lock};
use crate::virtual_chip::CoreState;

/// A RISC-V hart: RV32I, with 16 KiB of RAM at 0x80000000 and a program in it.
///
/// [`VirtualHart::start`] makes a chip with one hart that runs [`firmware::hart`]. A
/// [`VirtualBoard`](crate::VirtualBoard) makes [`Model::RiscvPair`], two harts that share their
/// RAM. The debug module has version 0.13, a program buffer, system bus access and two triggers for
/// each hart. Triggers on execution fire before the instruction, also at the PC where the hart is
/// resumed, and so does EBREAK.
///
/// ```
/// use virtual_chip::VirtualHart;
///
/// let hart = VirtualHart::start()?;
/// hart.halt();
/// assert!(VirtualHart::RAM.contains(&hart.pc()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct VirtualHart {
    chip: Arc<Mutex<RiscvChip>>,
    index: usize,
    server: Arc<Server>,
    target: String,
}

impl VirtualHart {
    /// The addresses of the RAM. A hart starts at the first one.
    ///
    /// ```
    /// assert_eq!(virtual_chip::VirtualHart::RAM, 0x8000_0000..0x8000_4000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const RAM: Range<u32> = RAM_BASE..RAM_BASE + RAM_SIZE;

    /// Starts a chip with one hart on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no socket can be bound or no thread started.
    ///
    /// ```
    /// let hart = virtual_chip::VirtualHart::start()?;
    /// assert_eq!(hart.target_name(), "hart0.cpu");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start() -> io::Result<Self> {
        let chip = RiscvChip::with_firmware(1, firmware::hart::IMAGE);
        let server = Server::start(vec![Arc::clone(&chip) as SharedChip], vec![Model::RiscvHart])?;
        Ok(Self::on_board(chip, 0, Arc::new(server), "hart0.cpu".to_string()))
    }

    pub(crate) fn on_board(chip: Arc<Mutex<RiscvChip>>, index: usize, server: Arc<Server>, target: String) -> Self {
        Self { chip, index, server, target }
    }

    /// Returns the port to which OpenOCD's `remote_bitbang` driver connects.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// assert_ne!(hart.port(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns the arguments that make OpenOCD use the chip. They hold neither `init` nor the ports
    /// on which OpenOCD itself listens.
    ///
    /// ```no_run
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// use std::process::Command;
    ///
    /// let openocd = Command::new("openocd").args(hart.openocd_args()).args(["-c", "init"]).spawn()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_args(&self) -> Vec<String> {
        self.server.openocd_args(Transport::Jtag)
    }

    /// Returns [`VirtualHart::openocd_args`] as one string, quoted as in a shell.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// println!("openocd {} -c init", hart.openocd_config());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_config(&self) -> String {
        self.server.openocd_config(Transport::Jtag)
    }

    /// Returns OpenOCD's name of the hart.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// assert_eq!(hart.target_name(), "hart0.cpu");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn target_name(&self) -> &str {
        &self.target
    }

    /// Reads the general register `x0` to `x31`, in any state of the hart.
    ///
    /// # Panics
    /// When there is no such register.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// assert_eq!(hart.x(0), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn x(&self, number: u8) -> u32 {
        self.register(abstract_number(number))
    }

    /// Writes the general register `x0` to `x31`; `x0` ignores it.
    ///
    /// # Panics
    /// When there is no such register.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.halt();
    /// hart.set_x(10, 7);
    /// assert_eq!(hart.x(10), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_x(&self, number: u8, value: u32) {
        self.set_register(abstract_number(number), value);
    }

    /// Reads the program counter.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.halt();
    /// println!("halted at {:#010x}", hart.pc());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pc(&self) -> u32 {
        self.register(DPC)
    }

    /// Writes the program counter.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.halt();
    /// hart.set_pc(0x8000_0008);
    /// assert_eq!(hart.pc(), 0x8000_0008);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_pc(&self, address: u32) {
        self.set_register(DPC, address);
    }

    /// Returns the state of the hart.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// use virtual_chip::CoreState;
    ///
    /// assert_eq!(hart.state(), CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// use virtual_chip::HartHaltCause;
    ///
    /// hart.halt();
    /// assert_eq!(hart.halt_cause(), Some(HartHaltCause::Request));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.halt();
    /// assert_eq!(hart.state(), virtual_chip::CoreState::Halted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn halt(&self) {
        self.with_hart(|hart| {
            if !hart.is_halted() {
                hart.halt(Cause::Request);
            }
        });
    }

    /// Resumes the hart.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.halt();
    /// hart.run();
    /// assert_eq!(hart.state(), virtual_chip::CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self) {
        self.with_hart(Hart::run);
        self.server.stir();
    }

    /// Presses the reset button, which resets all harts of the chip.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.reset();
    /// assert_eq!(hart.state(), virtual_chip::CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self) {
        {
            let mut chip = self.lock();
            chip.set_reset(true);
            chip.set_reset(false);
        }
        self.server.stir();
    }

    /// Returns how often the hart has been reset since the chip was started.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// let before = hart.reset_count();
    /// hart.reset();
    /// assert_eq!(hart.reset_count(), before + 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset_count(&self) -> u32 {
        self.with_hart(|hart| hart.reset_count)
    }

    /// Gives the chip's debug module system bus access, or takes it away; a new chip has it.
    ///
    /// Without it, memory of a running hart cannot be accessed. OpenOCD asks for it once, when it
    /// examines the target.
    ///
    /// ```
    /// # let hart = virtual_chip::VirtualHart::start()?;
    /// hart.set_system_bus_access(false);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
