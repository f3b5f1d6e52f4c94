//! What is around the chip: the levels at its pins, the other end of USART1, its bus transfers.

use std::ops::Range;

use super::{BoundaryPins, VirtualChip};
use crate::access_log::BusAccess;

impl VirtualChip {
    /// Sets the input levels at the 16 pins of a GPIO port; `port` is `'A'` to `'E'`.
    ///
    /// # Panics
    /// When there is no such port.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.set_port_inputs('A', 0x1234);
    /// assert_eq!(chip.read_u32(0x4001_0808)?, 0x1234); // GPIOA_IDR
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_port_inputs(&self, port: char, levels: u16) {
        let index = (port as usize).wrapping_sub('A' as usize);
        let set = self.lock().system.bus.memory.peripherals.set_inputs(index, levels);
        assert!(set, "no GPIO port {port:?}: there are A to E");
    }

    /// Sends a frame to the RX pin of USART1; the receiver takes it if it is enabled (RM0008,
    /// 27.3.3).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.write_u32(0x4001_380c, 0x2004)?; // USART1_CR1: enables the receiver
    /// chip.send_to_usart1(0x41);
    /// assert_eq!(chip.read_u32(0x4001_3804)?, 0x41); // USART1_DR
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_to_usart1(&self, frame: u16) {
        self.lock().system.bus.memory.peripherals.usart.receive(frame);
    }

    /// Holds the RX pin of USART1 low for longer than a frame: a LIN break.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.write_u32(0x4001_380c, 0x2004)?; // USART1_CR1: enables the receiver
    /// chip.send_break_to_usart1();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_break_to_usart1(&self) {
        self.lock().system.bus.memory.peripherals.usart.receive_break();
    }

    /// Returns the frames that USART1 has sent since the last call.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.write_u32(0x4001_380c, 0x2008)?; // USART1_CR1: enables the transmitter
    /// chip.write_u32(0x4001_3804, 0x55)?; // USART1_DR
    /// assert_eq!(chip.sent_by_usart1(), [0x55]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sent_by_usart1(&self) -> Vec<u16> {
        std::mem::take(&mut self.lock().system.bus.memory.peripherals.usart.sent)
    }

    /// Chooses whether the access port can move several bytes with one transfer of the debug port.
    ///
    /// The access port of a Cortex-M3 can, that of a Cortex-M0 cannot. OpenOCD asks once, when it
    /// connects.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.set_packed_transfers(false); // as a Cortex-M0
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_packed_transfers(&self, packed: bool) {
        self.lock().system.packed_transfers = packed;
    }

    /// Starts to record the debugger's bus transfers to these addresses.
    ///
    /// [`take_accesses`](Self::take_accesses) returns them.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.watch_accesses(0x4001_3800..0x4001_3c00); // USART1
    /// // ... let the tool under test run ...
    /// assert!(chip.take_accesses().iter().all(|access| !access.is_write));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watch_accesses(&self, addresses: Range<u32>) {
        self.lock().system.access_log.watch(addresses);
    }

    /// Returns the transfers recorded since the last call, in their order.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.watch_accesses(virtual_chip::VirtualChip::RAM);
    /// assert_eq!(chip.take_accesses(), []);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_accesses(&self) -> Vec<BusAccess> {
        self.lock().system.access_log.take()
    }

    /// Returns the chip's pins as the boundary scan TAP sees them.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// chip.boundary().set_level(7, true);
    /// assert!(chip.boundary().level(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn boundary(&self) -> BoundaryPins<'_> {
        BoundaryPins { chip: self }
    }
}
