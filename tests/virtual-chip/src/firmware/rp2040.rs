//! The program of a [`Model::Rp2040`](crate::Model::Rp2040), and the boot ROM that starts it; their
//! sources are in `firmware/rp2040`.
//!
//! Each core counts in RAM. It also does once what the word at one of [`REQUEST_ADDRESSES`] asks
//! for: 1 reads a word at an unaligned address, 2 executes an undefined instruction, 3 writes where
//! nothing is, 4 branches to code of the Arm state, 5 prints [`OUTPUT`] by semihosting, 6 exits by
//! semihosting with the word at one of [`STATUS_ADDRESSES`], 7 calls SVC. Core 0 has built an RTT
//! control block: each core sends its greeting on the up-channel with its number.

/// The program: an ELF file with symbols, for
/// [`VirtualCore::try_load_elf`](crate::VirtualCore::try_load_elf).
pub const CORES: &[u8] = include_bytes!("../../firmware/rp2040/cores.elf");
/// The boot ROM: core 0 starts the program, core 1 waits until core 0 launches it.
///
/// It has no functions that a program or OpenOCD's flash driver could call.
pub(crate) const BOOT_ROM: &[u8] = include_bytes!("../../firmware/rp2040/bootrom.bin");

/// The vector table of the program.
pub const START: u32 = 0x1000_0100;
/// The first instruction after a reset, which is in the boot ROM.
pub const RESET: u32 = 0x0000_0040;
/// The words in RAM that count, by the number of the core.
pub const COUNTER_ADDRESSES: [u32; 2] = [0x2000_2000, 0x2000_2010];
/// The words in RAM for requests, by the number of the core.
pub const REQUEST_ADDRESSES: [u32; 2] = [0x2000_2004, 0x2000_2014];
/// The words in RAM with the exit status, by the number of the core.
pub const STATUS_ADDRESSES: [u32; 2] = [0x2000_200c, 0x2000_201c];
/// Where the RTT control block is in RAM.
pub const CONTROL_BLOCK: u32 = 0x2000_2400;
/// What the cores send by RTT.
pub const GREETINGS: [&str; 2] = ["core 0 counts\n", "core 1 counts\n"];
/// What a core prints by semihosting.
pub const OUTPUT: &str = "hello from a core\n";
/// The start of the endless loop of both cores: `adds r1, #1`. R1 is the counter.
pub const LOOP: u32 = 0x1000_0172;
/// `str r1, [r4]`, which makes the counter visible.
pub const STORE: u32 = 0x1000_0174;
/// `bl work`, a 32-bit instruction.
pub const CALL: u32 = 0x1000_0176;
/// The function that the loop calls in each round.
pub const WORK: u32 = 0x1000_018a;
/// The instruction that reads at an unaligned address.
pub const UNALIGNED: u32 = 0x1000_01aa;
/// The undefined instruction.
pub const UNDEFINED: u32 = 0x1000_01ae;
/// The instruction that writes where nothing is.
pub const NOTHING_THERE: u32 = 0x1000_01b4;
/// The handler of HardFault: a branch to itself.
pub const HARD_FAULT: u32 = 0x1000_0214;
