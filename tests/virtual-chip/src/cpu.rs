//! What differs between the Cortex-M cores: identification, numbers of comparators and lines, and
//! what Armv6-M lacks.
//!
//! ARM DDI 0337 (Cortex-M3), DDI 0484 (Cortex-M0+), DDI 0419 (ARMv6-M).

/// The properties of a core, by which the blocks around it adapt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// Armv6-M: 16-bit instructions and a few others, no fault but HardFault, aligned accesses.
    pub(crate) is_v6m: bool,
    pub(crate) cpuid: u32,
    /// ID_PFR0 to ID_ISAR4, which Armv6-M lacks.
    pub(crate) features: [u32; 13],
    /// The interrupt lines that the chip connects; at most 48.
    pub(crate) interrupt_lines: u32,
    /// The implemented bits of a priority.
    pub(crate) priority_mask: u8,
    /// The value of SYST_CALIB.
    pub(crate) systick_calibration: u32,
    /// The bits of VTOR that can be written.
    pub(crate) vtor_mask: u32,
    /// The bits of DEMCR that can be written.
    pub(crate) demcr_mask: u32,
    /// The comparators of the breakpoint unit: for instructions and for literals.
    pub(crate) breakpoints: usize,
    pub(crate) literals: usize,
    /// The comparators of the watchpoint unit.
    pub(crate) watchpoints: usize,
    /// The watchpoint unit has a cycle counter and matches values.
    pub(crate) has_full_dwt: bool,
    /// The RAM and the peripherals have an alias with a word for each bit.
    pub(crate) has_bit_band: bool,
    /// The identification of the access port.
    pub(crate) ap_idr: u32,
    /// The access port can move several bytes with one transfer of the debug port.
    pub(crate) packed_transfers: bool,
}

/// The Cortex-M3 r1p1 of an STM32F103 (RM0008, table 63; PM0056, 4.3).
pub(crate) const CORTEX_M3: Cpu = Cpu {
    is_v6m: false,
    cpuid: 0x411f_c231,
    // DDI 0337, table 8-2.
    features: [
        0x0000_0030,
        0x0000_0200,
        0x0010_0000,
        0,
        0x0000_0030,
        0,
        0,
        0,
        0x0114_1110,
        0x0211_1000,
        0x2111_2231,
        0x0111_1110,
        0x0131_0102,
    ],
    interrupt_lines: 43,
    priority_mask: 0xf0,
    // 8 MHz / 8 gives 1 ms in 9000 cycles at the 72 MHz that ST calibrated for.
    systick_calibration: 9000,
    vtor_mask: 0x3fff_ff80,
    demcr_mask: 0x010f_07f1,
    breakpoints: 6,
    literals: 2,
    watchpoints: 4,
    has_full_dwt: true,
    has_bit_band: true,
    ap_idr: 0x1477_0011,
    packed_transfers: true,
};

/// The Cortex-M0+ r0p1 of an RP2040 (its datasheet, 2.4).
pub(crate) const CORTEX_M0_PLUS: Cpu = Cpu {
    is_v6m: true,
    cpuid: 0x410c_c601,
    features: [0; 13],
    interrupt_lines: 26,
    priority_mask: 0xc0,
    systick_calibration: 0,
    vtor_mask: 0xffff_ff00,
    // DWTENA, VC_HARDERR and VC_CORERESET.
    demcr_mask: 0x0100_0401,
    breakpoints: 4,
    literals: 0,
    watchpoints: 2,
    has_full_dwt: false,
    has_bit_band: false,
    ap_idr: 0x0477_0031,
    packed_transfers: false,
};
