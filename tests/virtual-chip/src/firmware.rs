//! The programs for the chips. The program in a new chip's flash increments a counter in RAM for
//! ever.
//!
//! Its source is `firmware/counter.s`, beside the binary.
//! [`VirtualChip::load_firmware`](crate::VirtualChip::load_firmware) loads [`rtt`] and
//! [`semihosting`], [`VirtualChip::load_elf`](crate::VirtualChip::load_elf) the programs of
//! [`newlib`].
//!
//! ```
//! use virtual_chip::{VirtualChip, firmware};
//!
//! let chip = VirtualChip::start()?;
//! while chip.read_u32(firmware::COUNTER_ADDRESS)? == 0 {} // it counts
//! chip.load_firmware(firmware::rtt::IMAGE);
//! chip.load_elf(firmware::newlib::HELLO);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod rp2040;

use crate::flash_controller::FLASH_BASE;

/// The binary, which begins with the vector table.
pub const IMAGE: &[u8] = include_bytes!("../firmware/counter.bin");

/// Where the image starts: the first address of flash.
pub const START: u32 = FLASH_BASE;
/// The word in RAM that counts.
pub const COUNTER_ADDRESS: u32 = 0x2000_2000;
/// The initial stack pointer.
pub const INITIAL_SP: u32 = 0x2000_5000;
/// The first instruction after reset, which loads the counter's address into R0.
pub const MAIN: u32 = 0x0800_0040;
/// The start of the endless loop: `adds r1, #1`. R1 is the counter.
pub const LOOP: u32 = 0x0800_0044;
/// `str r1, [r0]`, which makes the counter visible.
pub const STORE: u32 = 0x0800_0046;
/// `bl work`, a 32-bit instruction.
pub const CALL: u32 = 0x0800_0048;
/// The function that the loop calls in each round: `push {r4, lr}`.
pub const WORK: u32 = 0x0800_004e;
/// The handler of every fault: a branch to itself.
pub const STOP: u32 = 0x0800_0054;

/// SEGGER RTT: echoes down-channel 0 to up-channel 0, and floods up-channel 2 on request; its
/// source is `firmware/rtt.s`.
///
/// The up-channels are 0 `Terminal` (512 bytes), 1 not in use, 2 `Flood of bytes` (2048 bytes). The
/// down-channels are 0 `Terminal` (64 bytes), 1 `} odd {name\` (16 bytes, never read). The program
/// also counts at [`COUNTER_ADDRESS`].
pub mod rtt {
    /// The binary, which begins with the vector table.
    pub const IMAGE: &[u8] = include_bytes!("../firmware/rtt.bin");
    /// Where the control block is in RAM.
    pub const CONTROL_BLOCK: u32 = 0x2000_2400;
    /// The word in RAM with the number of bytes to flood; 0 after a reset.
    pub const FLOOD_REQUEST: u32 = 0x2000_2010;
    /// The word in RAM with the number of bytes of the flood written so far.
    pub const FLOOD_WRITTEN: u32 = 0x2000_2014;
    /// The start of the endless loop, which comes after the greeting.
    pub const LOOP: u32 = 0x0800_0072;
    /// The handler of every fault: a branch to itself.
    pub const STOP: u32 = 0x0800_00ec;
    /// The line that the program sends on up-channel 0 when it starts.
    pub const GREETING: &str = "rtt echo ready\n";

    /// Returns the byte of the flood with this number.
    ///
    /// ```
    /// use virtual_chip::firmware::rtt;
    ///
    /// let flood: Vec<u8> = (0..3).map(rtt::flood_byte).collect();
    /// assert_eq!(flood, [0, 1, 2]);
    /// ```
    pub fn flood_byte(number: u32) -> u8 {
        (number ^ number >> 8 ^ number >> 16) as u8
    }
}

/// Arm semihosting: prints, asks for the clock and exits; its source is `firmware/semihosting.s`.
pub mod semihosting {
    /// The binary, which begins with the vector table.
    pub const IMAGE: &[u8] = include_bytes!("../firmware/semihosting.bin");
    /// The output: a string, a character, and a write to a console that the program opened.
    pub const OUTPUT: &str = "hello from the chip\n* and this by a console\n";
    /// The word in RAM that chooses the exit.
    ///
    /// 0: SYS_EXIT_EXTENDED with the status. 1: SYS_EXIT. 2: SYS_EXIT with the status as the
    /// reason. 3: like 0, after the program has read a character.
    pub const MODE: u32 = 0x2000_2010;
    /// The word in RAM with the exit status.
    pub const STATUS: u32 = 0x2000_2014;
    /// The word in RAM for the result of the write to the console: the number of bytes not written.
    pub const NOT_WRITTEN: u32 = 0x2000_2018;
    /// The word in RAM for the character read.
    pub const CHARACTER: u32 = 0x2000_201c;
    /// The word in RAM for the result of SYS_CLOCK.
    pub const CLOCK: u32 = 0x2000_2020;
}

/// C programs with newlib, which use Arm semihosting for console and exit; their sources are in
/// `firmware/newlib`.
///
/// Each constant is an ELF file with symbols, for
/// [`VirtualChip::load_elf`](crate::VirtualChip::load_elf) or for OpenOCD's `program`. newlib first
/// opens `:semihosting-features`, to learn whether the host knows SYS_EXIT_EXTENDED. OpenOCD opens
/// the file of that name in its current directory. Where there is none, newlib exits with SYS_EXIT,
/// which has no status.
pub mod newlib {
    /// Prints [`HELLO_OUTPUT`] and [`HELLO_ERRORS`], and returns 0 from `main`.
    pub const HELLO: &[u8] = include_bytes!("../firmware/newlib/hello.elf");
    /// The standard output of [`HELLO`].
    pub const HELLO_OUTPUT: &str = "hello from newlib\n-42 42 00c0ffee text c\n3.142 123456789012345\n";
    /// The standard error of [`HELLO`].
    pub const HELLO_ERRORS: &str = "to stderr\n";

    /// Prints [`EXIT7_OUTPUT`], without a newline at its end, and calls `exit(7)`.
    pub const EXIT7: &[u8] = include_bytes!("../firmware/newlib/exit7.elf");
    /// The standard output of [`EXIT7`].
    pub const EXIT7_OUTPUT: &str = "leaving with 7";

    /// Asks for a name with `fgets` and for two numbers with `scanf`, and exits with their sum.
    ///
    /// For the input `Ada\n3 4\n` it prints `name? \nhello, Ada\nnumbers? \n3 + 4 = 7\n`. Without a
    /// line it exits with 101, without numbers with 102.
    pub const ECHO: &[u8] = include_bytes!("../firmware/newlib/echo.elf");

    /// Fails an assertion: prints [`ASSERT_OUTPUT`], then a line with [`ASSERT_MESSAGE`] to
    /// standard error, and aborts.
    pub const ASSERT: &[u8] = include_bytes!("../firmware/newlib/assert.elf");
    /// The standard output of [`ASSERT`].
    pub const ASSERT_OUTPUT: &str = "about to check\n";
    /// The beginning of the standard error of [`ASSERT`].
    pub const ASSERT_MESSAGE: &str = "assertion \"answer() == 42\" failed";

    /// Prints [`ABORT_OUTPUT`] and calls `abort`.
    pub const ABORT: &[u8] = include_bytes!("../firmware/newlib/abort.elf");
    /// The standard output of [`ABORT`].
    pub const ABORT_OUTPUT: &str = "about to abort\n";
}

/// The counter for a [`VirtualHart`](crate::VirtualHart), whose program is in RAM; its source is
/// `firmware/hart.s`.
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

/// The program of the harts of a [`Model::RiscvPair`](crate::Model::RiscvPair); its source is
/// `firmware/harts.s`.
pub mod harts {
    use crate::riscv::RAM_BASE;

    /// The binary, which starts at the start of RAM.
    pub const IMAGE: &[u8] = include_bytes!("../firmware/harts.bin");

    /// Where the image starts, and the first instruction after reset.
    pub const START: u32 = RAM_BASE;
    /// The words in RAM that count, by the number of the hart.
    pub const COUNTER_ADDRESSES: [u32; 2] = [0x8000_2000, 0x8000_2004];
    /// The start of the endless loop: `addi t1, t1, 1`. T1 (x6) of each hart is its counter.
    pub const LOOP: u32 = 0x8000_0014;
    /// `sw t1, 0(t0)`, which makes the counter visible.
    pub const STORE: u32 = 0x8000_0018;
}
