//! The handle of a test: a core of a virtual RP2040.

mod memory;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::rp2040::{FLASH_BASE, FLASH_SIZE, RAM_BASE, RAM_SIZE, Rp2040, Rp2040Core};
use crate::server::{Server, lock};
use crate::virtual_chip::{CoreState, HaltReason, Register};

/// One of the two Cortex-M0+ cores of an RP2040, which share 264 KiB of RAM and a program in 2 MiB
/// of flash.
///
/// A [`VirtualBoard`](crate::VirtualBoard) makes both cores of a
/// [`Model::Rp2040`](crate::Model::Rp2040); they run
/// [`firmware::rp2040`](crate::firmware::rp2040). Each core has a debug port of its own, with 4
/// breakpoint and 2 watchpoint comparators, and both ports share one serial wire. Of the rest of
/// the chip there are the number of the core and the FIFOs in the SIO. An access to anything else
/// is a bus fault.
///
/// ```
/// use virtual_chip::{Model, VirtualBoard};
///
/// let board = VirtualBoard::start(&[Model::Rp2040])?;
/// let [core0, core1] = board.cores() else { panic!("an RP2040 has two cores") };
/// core1.write_u32(0x2000_1000, 7)?;
/// assert_eq!(core0.read_u32(0x2000_1000)?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct VirtualCore {
    chip: Arc<Mutex<Rp2040>>,
    index: usize,
    server: Arc<Server>,
    target: String,
}

impl VirtualCore {
    /// The addresses of the flash, which the cores can only read.
    ///
    /// ```
    /// assert_eq!(virtual_chip::VirtualCore::FLASH, 0x1000_0000..0x1020_0000);
    /// ```
    pub const FLASH: Range<u32> = FLASH_BASE..FLASH_BASE + FLASH_SIZE;
    /// The addresses of the RAM.
    ///
    /// ```
    /// assert_eq!(virtual_chip::VirtualCore::RAM, 0x2000_0000..0x2004_2000);
    /// ```
    pub const RAM: Range<u32> = RAM_BASE..RAM_BASE + RAM_SIZE;

    pub(crate) fn on_board(chip: Arc<Mutex<Rp2040>>, index: usize, server: Arc<Server>, target: String) -> Self {
        Self { chip, index, server, target }
    }

    /// Returns OpenOCD's name of the core.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// assert_eq!(board.cores()[1].target_name(), "rp2040.core1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn target_name(&self) -> &str {
        &self.target
    }

    /// Reads a register of the core, in any state of the core. BASEPRI and FAULTMASK, which the core
    /// lacks, are 0.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// # let core = &board.cores()[0];
    /// use virtual_chip::Register;
    ///
    /// core.halt();
    /// println!("halted at {:#010x}", core.register(Register::Pc));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn register(&self, register: Register) -> u32 {
        self.with_core(|core| register.read(&core.system))
    }

    /// Writes a register of the core, in any state of the core.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// # let core = &board.cores()[0];
    /// use virtual_chip::Register;
    ///
    /// core.halt();
    /// core.set_register(Register::R(0), 7);
    /// assert_eq!(core.register(Register::R(0)), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_register(&self, register: Register, value: u32) {
        self.with_core(|core| register.write(&mut core.system, value));
    }

    /// Returns the state of the core.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// use virtual_chip::CoreState;
    ///
    /// assert_eq!(board.cores()[0].state(), CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn state(&self) -> CoreState {
        self.with_core(|core| core.system.state())
    }

    /// Returns why the core halted; `None` while it is not halted.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// # let core = &board.cores()[0];
    /// use virtual_chip::HaltReason;
    ///
    /// core.halt();
    /// assert_eq!(core.halt_reason(), Some(HaltReason::Request));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn halt_reason(&self) -> Option<HaltReason> {
        self.with_core(|core| core.system.halt_reason())
    }

    /// Halts the core, as a debugger would.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// use virtual_chip::CoreState;
    ///
    /// board.cores()[0].halt();
    /// assert_eq!(board.cores()[0].state(), CoreState::Halted);
    /// assert_ne!(board.cores()[1].state(), CoreState::Halted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn halt(&self) {
        self.with_core(|core| core.system.halt());
    }

    /// Makes the core ignore requests to halt, or obey them again.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// board.cores()[1].refuse_halt(true);
    /// board.cores()[1].halt();
    /// assert_eq!(board.cores()[1].halt_reason(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse_halt(&self, refuse: bool) {
        self.with_core(|core| core.system.bus.debug.refuses_halt = refuse);
    }

    /// Resumes the core.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// # let core = &board.cores()[0];
    /// core.halt();
    /// core.run();
    /// assert_eq!(core.state(), virtual_chip::CoreState::Running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self) {
        self.with_core(|core| core.system.resume());
        self.server.stir();
    }

    /// Pulls the RUN pin low and releases it, which resets both cores.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// board.cores()[0].reset();
    /// assert_eq!(board.cores()[1].reset_count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self) {
        self.lock().press_reset();
        self.server.stir();
    }

    /// Returns how often the core has been reset since the chip was started.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// # let core = &board.cores()[0];
    /// let before = core.reset_count();
    /// core.reset();
    /// assert_eq!(core.reset_count(), before + 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset_count(&self) -> u32 {
        self.with_core(|core| core.system.reset_count)
    }

    fn with_core<T>(&self, action: impl FnOnce(&mut Rp2040Core) -> T) -> T {
        action(&mut self.lock().cores[self.index])
    }

    fn lock(&self) -> MutexGuard<'_, Rp2040> {
        lock(&self.chip)
    }
}

impl fmt::Debug for VirtualCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualCore")
            .field("target_name", &self.target)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
