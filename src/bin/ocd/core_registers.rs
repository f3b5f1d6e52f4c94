//! The core registers that `ocd` knows by name.

/// The general registers of a Cortex-M, of one without priorities to mask (Armv6-M), and of a
/// RISC-V hart.
#[rustfmt::skip]
pub(crate) const GENERAL: [&[&str]; 3] = [
    &[
        "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr", "pc", "xPSR",
        "msp", "psp", "primask", "basepri", "faultmask", "control",
    ],
    &[
        "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr", "pc", "xPSR",
        "msp", "psp", "primask", "control",
    ],
    &[
        "ra", "sp", "gp", "tp", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "fp", "s1", "s2", "s3", "s4", "s5", "s6",
        "s7", "s8", "s9", "s10", "s11", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "pc",
    ],
];

/// Whether it is a core register of a Cortex-M or a RISC-V hart.
pub(crate) fn is_core_register(name: &str) -> bool {
    GENERAL.into_iter().flatten().any(|known| known.eq_ignore_ascii_case(name))
}
