//! The handle of a test: a virtual STM32F103 and the socket that it is served on.

mod boundary_pins;
mod register;
mod state;

pub use boundary_pins::BoundaryPins;
pub use register::Register;
pub use state::{CoreState, HaltReason, Unmapped};

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::access_log::BusAccess;
use crate::board::{Model, Transport};
use crate::bus::{RAM_BASE, RAM_SIZE, Size};
use crate::debug::{DFSR_BKPT, DFSR_DWTTRAP, DFSR_VCATCH};
use crate::elf::{self, LoadError, Segment};
use crate::faults::Faults;
use crate::flash_controller::{FLASH_BASE, FLASH_SIZE, OPTION_BASE, OPTION_SIZE};
use crate::server::{Server, SharedChip, lock};
use crate::stm32f103::Stm32f103;

/// A virtual STM32F103 with [`firmware`](crate::firmware) in its flash, running, and served in
/// OpenOCD's `remote_bitbang` protocol.
///
/// The chip ends when the value is dropped. One OpenOCD at a time may connect. The next one finds
/// the chip as the last one left it.
pub struct VirtualChip {
    chip: Arc<Mutex<Stm32f103>>,
    server: Arc<Server>,
    target: String,
}

impl VirtualChip {
    /// The addresses of the flash. The first 128 KiB of the address space are the same memory.
    pub const FLASH: Range<u32> = FLASH_BASE..FLASH_BASE + FLASH_SIZE;
    /// The addresses of the RAM.
    pub const RAM: Range<u32> = RAM_BASE..RAM_BASE + RAM_SIZE;

    /// Starts a chip on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no socket can be bound or no thread started.
    pub fn start() -> io::Result<Self> {
        let chip = Stm32f103::with_firmware();
        let server = Server::start(vec![Arc::clone(&chip) as SharedChip], vec![Model::Stm32f103])?;
        Ok(Self::on_board(chip, Arc::new(server), "stm32f1x.cpu".to_string()))
    }

    pub(crate) fn on_board(chip: Arc<Mutex<Stm32f103>>, server: Arc<Server>, target: String) -> Self {
        Self { chip, server, target }
    }

    /// Returns the port to which OpenOCD's `remote_bitbang` driver connects.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns the arguments that make OpenOCD use this chip over JTAG: adapter, transport and
    /// `target/stm32f1x.cfg`.
    ///
    /// They hold neither `init` nor the ports on which OpenOCD itself listens.
    pub fn openocd_args(&self) -> Vec<String> {
        self.openocd_args_over(Transport::Jtag)
    }

    /// Returns [`VirtualChip::openocd_args`] as one string, quoted as in a shell.
    pub fn openocd_config(&self) -> String {
        self.openocd_config_over(Transport::Jtag)
    }

    /// Returns [`VirtualChip::openocd_args`] for a transport.
    pub fn openocd_args_over(&self, transport: Transport) -> Vec<String> {
        self.server.openocd_args(transport)
    }

    /// Returns [`VirtualChip::openocd_config`] for a transport.
    pub fn openocd_config_over(&self, transport: Transport) -> String {
        self.server.openocd_config(transport)
    }

    /// Returns OpenOCD's name of the core.
    pub fn target_name(&self) -> &str {
        &self.target
    }

    /// Reads the chip's memory directly, past every protection.
    ///
    /// Reading a peripheral's register changes nothing, also where a read by the debugger would
    /// clear a flag.
    ///
    /// # Errors
    /// When nothing is at one of the addresses.
    pub fn read_memory(&self, address: u32, buffer: &mut [u8]) -> Result<(), Unmapped> {
        let mut chip = self.lock();
        for (index, byte) in buffer.iter_mut().enumerate() {
            let address = address.wrapping_add(index as u32);
            let value = chip.system.bus.peek(address, Size::Byte).map_err(|_| Unmapped { address })?;
            *byte = value as u8;
        }
        Ok(())
    }

    /// Writes RAM, flash or option bytes directly, without erasing and past every protection.
    ///
    /// Peripherals are written in whole words.
    ///
    /// # Errors
    /// When nothing is at one of the addresses; the bytes below that address have been written.
    pub fn write_memory(&self, address: u32, bytes: &[u8]) -> Result<(), Unmapped> {
        let mut chip = self.lock();
        let bus = &mut chip.system.bus;
        let mut rest = bytes;
        let mut address = address;
        while let [first, tail @ ..] = rest {
            let within = |base: u32, size: u32| address.checked_sub(base).filter(|offset| *offset < size);
            let cell = if let Some(offset) = within(RAM_BASE, RAM_SIZE) {
                bus.ram.get_mut(offset as usize)
            } else if let Some(offset) = within(FLASH_BASE, FLASH_SIZE).or_else(|| within(0, FLASH_SIZE)) {
                bus.flash.memory_mut().get_mut(offset as usize)
            } else if let Some(offset) = within(OPTION_BASE, OPTION_SIZE) {
                bus.flash.options_mut().get_mut(offset as usize)
            } else {
                None
            };
            let taken = match (cell, rest) {
                (Some(cell), _) => {
                    *cell = *first;
                    1
                }
                (None, [a, b, c, d, ..]) if address % 4 == 0 => {
                    bus.write(address, Size::Word, u32::from_le_bytes([*a, *b, *c, *d]))
                        .map_err(|_| Unmapped { address })?;
                    4
                }
                (None, _) => return Err(Unmapped { address }),
            };
            rest = if taken == 1 { tail } else { &rest[taken..] };
            address = address.wrapping_add(taken as u32);
        }
        Ok(())
    }

    /// Puts a binary image into the flash, clears the RAM and presses the reset button.
    ///
    /// The image begins with the vector table, as the programs of [`firmware`](crate::firmware) do.
    /// The rest of the flash stays as it is. The program runs at once, unless the debugger catches
    /// resets.
    ///
    /// # Panics
    /// When the image is longer than the flash.
    ///
    /// ```
    /// use virtual_chip::{VirtualChip, firmware::rtt};
    ///
    /// let chip = VirtualChip::start()?;
    /// chip.load_firmware(rtt::IMAGE);
    /// assert_eq!(chip.read_u32(VirtualChip::FLASH.start)?.to_le_bytes(), rtt::IMAGE[..4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_firmware(&self, image: &[u8]) {
        let size = FLASH_SIZE as usize;
        assert!(image.len() <= size, "an image of {} bytes exceeds the flash of {size} bytes", image.len());
        self.load(&[Segment { address: FLASH_BASE, bytes: image }]);
    }

    /// Does the same as [`try_load_elf`](Self::try_load_elf), for a file that is known to fit.
    ///
    /// # Panics
    /// When [`try_load_elf`](Self::try_load_elf) would return an error.
    ///
    /// ```
    /// use virtual_chip::{VirtualChip, firmware::newlib};
    ///
    /// let chip = VirtualChip::start()?;
    /// chip.load_elf(newlib::HELLO);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn load_elf(&self, file: &[u8]) {
        if let Err(error) = self.try_load_elf(file) {
            panic!("{error}");
        }
    }

    /// Puts the segments of an ELF file into the flash, clears the RAM and presses the reset
    /// button.
    ///
    /// A segment is loaded to its physical address. The rest of the flash stays as it is. The
    /// programs of [`firmware::newlib`](crate::firmware::newlib) are such files.
    ///
    /// # Errors
    /// When the file is no ELF file for a 32-bit Arm, or a segment is outside of the flash. Then
    /// the chip stays as it is.
    ///
    /// ```
    /// use virtual_chip::{LoadError, VirtualChip};
    ///
    /// let chip = VirtualChip::start()?;
    /// assert_eq!(chip.try_load_elf(b"no ELF file").unwrap_err().to_string(),
    ///     "not a complete 32-bit little-endian ELF file");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_load_elf(&self, file: &[u8]) -> Result<(), LoadError> {
        self.load(&elf::segments(file, elf::MACHINE_ARM, &Self::FLASH)?);
        Ok(())
    }

    /// Loads segments, which are inside the flash.
    fn load(&self, segments: &[Segment<'_>]) {
        {
            let mut chip = self.lock();
            chip.system.bus.ram.fill(0);
            let flash = chip.system.bus.flash.memory_mut();
            for segment in segments {
                let start = (segment.address - FLASH_BASE) as usize;
                flash[start..start + segment.bytes.len()].copy_from_slice(segment.bytes);
            }
            chip.system.press_reset();
        }
        self.server.stir();
    }

    /// Reads the word at an aligned address; see [`read_memory`](Self::read_memory).
    ///
    /// # Errors
    /// When nothing is there.
    pub fn read_u32(&self, address: u32) -> Result<u32, Unmapped> {
        self.lock().system.bus.peek(address & !3, Size::Word).map_err(|_| Unmapped { address })
    }

    /// Writes the word at an address.
    ///
    /// # Errors
    /// When nothing is there.
    pub fn write_u32(&self, address: u32, value: u32) -> Result<(), Unmapped> {
        self.write_memory(address, &value.to_le_bytes())
    }

    /// Reads a register of the core, in any state of the core.
    pub fn register(&self, register: Register) -> u32 {
        let (number, shift, mask) = register.place();
        self.lock().system.register(number) >> shift & mask
    }

    /// Writes a register of the core, in any state of the core.
    pub fn set_register(&self, register: Register, value: u32) {
        let (number, shift, mask) = register.place();
        let mut chip = self.lock();
        let rest = chip.system.register(number) & !(mask << shift);
        chip.system.set_register(number, rest | (value & mask) << shift);
    }

    /// Returns the state of the core.
    pub fn state(&self) -> CoreState {
        let chip = self.lock();
        let debug = &chip.system.bus.debug;
        if !chip.system.is_powered() {
            CoreState::Off
        } else if chip.system.is_held_in_reset() {
            CoreState::Reset
        } else if debug.is_halted() {
            CoreState::Halted
        } else if debug.is_locked_up() {
            CoreState::LockedUp
        } else if chip.system.core.sleeping {
            CoreState::Sleeping
        } else {
            CoreState::Running
        }
    }

    /// Returns why the core halted; `None` while it is not halted.
    pub fn halt_reason(&self) -> Option<HaltReason> {
        let chip = self.lock();
        let debug = &chip.system.bus.debug;
        debug.is_halted().then(|| match debug.reason() {
            DFSR_BKPT => HaltReason::Breakpoint,
            DFSR_DWTTRAP => HaltReason::Watchpoint,
            DFSR_VCATCH => HaltReason::VectorCatch,
            _ => HaltReason::Request,
        })
    }

    /// Halts the core, as a debugger would.
    pub fn halt(&self) {
        self.lock().system.halt();
    }

    /// Resumes the core.
    pub fn run(&self) {
        self.lock().system.resume();
        self.server.stir();
    }

    /// Presses the reset button.
    pub fn reset(&self) {
        self.lock().system.press_reset();
        self.server.stir();
    }

    /// Returns how often the core has been reset since the chip was started.
    pub fn reset_count(&self) -> u32 {
        self.lock().system.reset_count
    }

    /// Sets the input levels at the 16 pins of a GPIO port; `port` is `'A'` to `'E'`.
    ///
    /// # Panics
    /// When there is no such port.
    pub fn set_port_inputs(&self, port: char, levels: u16) {
        let index = (port as usize).wrapping_sub('A' as usize);
        let set = self.lock().system.bus.peripherals.set_inputs(index, levels);
        assert!(set, "no GPIO port {port:?}: there are A to E");
    }

    /// Sends a frame to the RX pin of USART1; the receiver takes it if it is enabled (RM0008,
    /// 27.3.3).
    pub fn send_to_usart1(&self, frame: u16) {
        self.lock().system.bus.peripherals.usart.receive(frame);
    }

    /// Holds the RX pin of USART1 low for longer than a frame: a LIN break.
    pub fn send_break_to_usart1(&self) {
        self.lock().system.bus.peripherals.usart.receive_break();
    }

    /// Returns the frames that USART1 has sent since the last call.
    pub fn sent_by_usart1(&self) -> Vec<u16> {
        std::mem::take(&mut self.lock().system.bus.peripherals.usart.sent)
    }

    /// Chooses whether the access port can move several bytes with one transfer of the debug port.
    ///
    /// The access port of a Cortex-M3 can, that of a Cortex-M0 cannot. OpenOCD asks once, when it
    /// connects.
    pub fn set_packed_transfers(&self, packed: bool) {
        self.lock().system.packed_transfers = packed;
    }

    /// Starts to record the debugger's bus transfers to these addresses.
    ///
    /// [`take_accesses`](Self::take_accesses) returns them.
    pub fn watch_accesses(&self, addresses: Range<u32>) {
        self.lock().system.access_log.watch(addresses);
    }

    /// Returns the transfers recorded since the last call, in their order.
    pub fn take_accesses(&self) -> Vec<BusAccess> {
        self.lock().system.access_log.take()
    }

    /// Returns the chip's pins as the boundary scan TAP sees them.
    pub fn boundary(&self) -> BoundaryPins<'_> {
        BoundaryPins { chip: self }
    }

    /// Returns the transport that the chip listens to: JTAG, until a probe selects SWD.
    pub fn transport(&self) -> Transport {
        if self.lock().swj.is_serial_wire() { Transport::Swd } else { Transport::Jtag }
    }

    /// Whether the debugger asks for power for the debug domain (CDBGPWRUPREQ in the debug port).
    pub fn is_debug_powered(&self) -> bool {
        self.lock().port.requests_power()
    }

    /// Whether an OpenOCD is connected.
    pub fn is_connected(&self) -> bool {
        self.server.is_connected()
    }

    /// Returns the faults that a test can put into the chip or its connection.
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
