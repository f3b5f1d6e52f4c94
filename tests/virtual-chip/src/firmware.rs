//! The program in a new chip's flash: it increments a counter in RAM for ever.
//!
//! Its source is `firmware/counter.s`, beside the binary made of it.

use crate::flash_controller::FLASH_BASE;

/// The binary, which starts with the vector table at the start of flash.
pub const IMAGE: &[u8] = include_bytes!("../firmware/counter.bin");

/// Where the image starts: the first address of flash.
pub const START: u32 = FLASH_BASE;
/// The word in RAM that counts.
pub const COUNTER_ADDRESS: u32 = 0x2000_2000;
/// The initial stack pointer.
pub const INITIAL_SP: u32 = 0x2000_5000;
/// The first instruction after reset: loads the counter's address into R0.
pub const MAIN: u32 = 0x0800_0040;
/// The start of the endless loop: `adds r1, #1`. R1 is the counter.
pub const LOOP: u32 = 0x0800_0044;
/// `str r1, [r0]`, which makes the counter visible.
pub const STORE: u32 = 0x0800_0046;
/// `bl work`, a 32-bit instruction.
pub const CALL: u32 = 0x0800_0048;
/// A function that the loop calls each time around: `push {r4, lr}`.
pub const WORK: u32 = 0x0800_004e;
/// Where every fault ends: a branch to itself.
pub const STOP: u32 = 0x0800_0054;

/// The same for a [`VirtualHart`](crate::VirtualHart), whose program is in RAM; its source is `firmware/hart.s`.
pub mod hart {
    use crate::riscv::RAM_BASE;

    /// The binary, which starts at the start of RAM.
    pub const IMAGE: &[u8] = include_bytes!("../firmware/hart.bin");

    /// Where the image starts, and the first instruction after reset.
    pub const START: u32 = RAM_BASE;
    /// The word in RAM that counts.
    pub const COUNTER_ADDRESS: u32 = 0x8000_2000;
    /// The start of the endless loop: `addi t1, t1, 1`. T1 (x6) is the counter.
    pub const LOOP: u32 = 0x8000_0008;
    /// `sw t1, 0(t0)`, which makes the counter visible.
    pub const STORE: u32 = 0x8000_000c;
}
