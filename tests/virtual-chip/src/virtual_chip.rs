//! The handle of a test: a virtual STM32F103 and the socket that it is served on.

mod boundary_pins;
mod memory;
mod register;
mod state;
mod surroundings;

pub use boundary_pins::BoundaryPins;
pub use register::Register;
pub use state::{CoreState, HaltReason, Unmapped};

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::board::{Model, Transport};
use crate::faults::Faults;
use crate::flash_controller::{FLASH_BASE, FLASH_SIZE};
use crate::server::{Server, SharedChip, lock};
use crate::stm32f103::Stm32f103;
use crate::stm32f103::{RAM_BASE, RAM_SIZE};

/// A virtual STM32F103 with [`firmware`](crate::firmware) in its flash, running, and served in
/// OpenOCD's `remote_bitbang` protocol.
///
/// The chip ends when the value is dropped. One OpenOCD at a time may connect. The next one finds
/// the chip as the last one left it.
///
/// ```
/// use virtual_chip::{CoreState, VirtualChip, firmware};
///
/// let chip = VirtualChip::start()?;
/// assert_eq!(chip.state(), CoreState::Running);
/// assert_eq!(chip.read_u32(VirtualChip::FLASH.start)?, firmware::INITIAL_SP);
/// // openocd <chip.openocd_args()> -c init
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct VirtualChip {
    chip: Arc<Mutex<Stm32f103>>,
    server: Arc<Server>,
    target: String,
}

impl VirtualChip {
    /// The addresses of the flash. The first 128 KiB of the address space are the same memory.
    ///
    /// ```
    /// use virtual_chip::VirtualChip;
    ///
    /// assert_eq!(VirtualChip::FLASH, 0x0800_0000..0x0802_0000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const FLASH: Range<u32> = FLASH_BASE..FLASH_BASE + FLASH_SIZE;
    /// The addresses of the RAM.
    ///
    /// ```
    /// use virtual_chip::VirtualChip;
    ///
    /// assert_eq!(VirtualChip::RAM, 0x2000_0000..0x2000_5000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const RAM: Range<u32> = RAM_BASE..RAM_BASE + RAM_SIZE;

    /// Starts a chip on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no socket can be bound or no thread started.
    ///
    /// ```
    /// let chip = virtual_chip::VirtualChip::start()?;
    /// assert!(!chip.is_connected());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start() -> io::Result<Self> {
        let chip = Stm32f103::with_firmware();
        let server = Server::start(vec![Arc::clone(&chip) as SharedChip], vec![Model::Stm32f103])?;
        Ok(Self::on_board(chip, Arc::new(server), "stm32f1x.cpu".to_string()))
    }

    pub(crate) fn on_board(chip: Arc<Mutex<Stm32f103>>, server: Arc<Server>, target: String) -> Self {
        Self { chip, server, target }
    }

    /// Returns the port to which OpenOCD's `remote_bitbang` driver connects.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// assert!(chip.openocd_config().contains(&format!("remote_bitbang port {}", chip.port())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns the arguments that make OpenOCD use this chip over JTAG: adapter, transport and
    /// `target/stm32f1x.cfg`.
    ///
    /// They hold neither `init` nor the ports on which OpenOCD itself listens.
    ///
    /// ```no_run
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use std::process::Command;
    ///
    /// let openocd = Command::new("openocd").args(chip.openocd_args()).args(["-c", "init"]).spawn()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_args(&self) -> Vec<String> {
        self.openocd_args_over(Transport::Jtag)
    }

    /// Returns [`VirtualChip::openocd_args`] as one string, quoted as in a shell.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// println!("openocd {} -c init", chip.openocd_config());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_config(&self) -> String {
        self.openocd_config_over(Transport::Jtag)
    }

    /// Returns [`VirtualChip::openocd_args`] for a transport.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::Transport;
    ///
    /// assert!(chip.openocd_args_over(Transport::Swd).contains(&"transport select swd".to_string()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_args_over(&self, transport: Transport) -> Vec<String> {
        self.server.openocd_args(transport)
    }

    /// Returns [`VirtualChip::openocd_config`] for a transport.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::Transport;
    ///
    /// println!("openocd {} -c init", chip.openocd_config_over(Transport::Swd));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_config_over(&self, transport: Transport) -> String {
        self.server.openocd_config(transport)
    }

    /// Returns OpenOCD's name of the core.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// assert_eq!(chip.target_name(), "stm32f1x.cpu");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn target_name(&self) -> &str {
        &self.target
    }

    /// Reads a register of the core, in any state of the core.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::Register;
    ///
    /// chip.halt();
    /// println!("halted at {:#010x}", chip.register(Register::Pc));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn register(&self, register: Register) -> u32 {
        register.read(&self.lock().system)
    }

    /// Writes a register of the core, in any state of the core.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::Register;
    ///
    /// chip.halt();
    /// chip.set_register(Register::R(0), 7);
    /// assert_eq!(chip.register(Register::R(0)), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_register(&self, register: Register, value: u32) {
        register.write(&mut self.lock().system, value);
    }

    /// Returns the state of the core.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::CoreState;
    ///
    /// assert_eq!(chip.state(), CoreState::Running);
    /// chip.faults().power_off();
    /// assert_eq!(chip.state(), CoreState::Off);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn state(&self) -> CoreState {
        self.lock().system.state()
    }

    /// Returns why the core halted; `None` while it is not halted.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::HaltReason;
    ///
    /// assert_eq!(chip.halt_reason(), None);
    /// chip.halt();
    /// assert_eq!(chip.halt_reason(), Some(HaltReason::Request));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn halt_reason(&self) -> Option<HaltReason> {
        self.lock().system.halt_reason()
    }

    /// Halts the core, as a debugger would.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::CoreState;
    ///
    /// chip.halt();
    /// assert_eq!(chip.state(), CoreState::Halted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn halt(&self) {
        self.lock().system.halt();
    }

    /// Resumes the core.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::CoreState;
    ///
    /// chip.halt();
    /// chip.run();
    /// assert_eq!(chip.state(), CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self) {
        self.lock().system.resume();
        self.server.stir();
    }

    /// Presses the reset button.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.write_u32(0x4001_0c00, 0)?; // a register of GPIO port B
    /// chip.reset();
    /// assert_eq!(chip.read_u32(0x4001_0c00)?, 0x4444_4444); // its reset value
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self) {
        self.lock().system.press_reset();
        self.server.stir();
    }

    /// Returns how often the core has been reset since the chip was started.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// let before = chip.reset_count();
    /// chip.reset();
    /// assert_eq!(chip.reset_count(), before + 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset_count(&self) -> u32 {
        self.lock().system.reset_count
    }

    /// Returns the transport that the chip listens to: JTAG, until a probe selects SWD.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// use virtual_chip::Transport;
    ///
    /// assert_eq!(chip.transport(), Transport::Jtag);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn transport(&self) -> Transport {
        if self.lock().swj.is_serial_wire() { Transport::Swd } else { Transport::Jtag }
    }

    /// Whether the debugger asks for power for the debug domain (CDBGPWRUPREQ in the debug port).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// assert!(!chip.is_debug_powered()); // no debugger was there
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_debug_powered(&self) -> bool {
        self.lock().port.requests_power()
    }

    /// Whether an OpenOCD is connected.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// assert!(!chip.is_connected());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_connected(&self) -> bool {
        self.server.is_connected()
    }

    /// Returns the faults that a test can put into the chip or its connection.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.faults().refuse_halt(true);
    /// chip.faults().clear();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn faults(&self) -> Faults<'_> {
        Faults::new(self)
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Stm32f103> {
        lock(&self.chip)
    }
}

impl fmt::Debug for VirtualChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualChip").field("port", &self.port()).field("state", &self.state()).finish_non_exhaustive()
    }
}
