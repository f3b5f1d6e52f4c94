//! Arithmetic and shifts with their flags.
//!
//! ARM DDI 0403, A2.2.1 (AddWithCarry), A7.4.2 (shifts) and A5.3.2 (modified immediates).

/// The sum and the carry and overflow flags.
pub(super) fn add_with_carry(a: u32, b: u32, carry: bool) -> (u32, bool, bool) {
    let (partial, first) = a.overflowing_add(b);
    let (sum, second) = partial.overflowing_add(carry.into());
    let overflow = ((a ^ sum) & (b ^ sum)) >> 31 != 0;
    (sum, first || second, overflow)
}

/// The four kinds of shift, by their two-bit encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    Lsl,
    Lsr,
    Asr,
    Ror,
}

impl Shift {
    pub(super) fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Lsl,
            1 => Self::Lsr,
            2 => Self::Asr,
            _ => Self::Ror,
        }
    }

    /// Shifts by any amount, as the register-controlled shifts do. Gives the value and the carry.
    pub(super) fn apply(self, value: u32, amount: u32, carry: bool) -> (u32, bool) {
        if amount == 0 {
            return (value, carry);
        }
        match (self, amount) {
            (Self::Lsl, 1..=31) => (value << amount, value >> (32 - amount) & 1 != 0),
            (Self::Lsl, 32) => (0, value & 1 != 0),
            (Self::Lsr, 1..=31) => (value >> amount, value >> (amount - 1) & 1 != 0),
            (Self::Lsr, 32) => (0, value >> 31 != 0),
            (Self::Lsl | Self::Lsr, _) => (0, false),
            (Self::Asr, 1..=31) => ((value as i32 >> amount) as u32, value >> (amount - 1) & 1 != 0),
            (Self::Asr, _) => ((value as i32 >> 31) as u32, value >> 31 != 0),
            (Self::Ror, _) => {
                let rotated = value.rotate_right(amount % 32);
                (rotated, rotated >> 31 != 0)
            }
        }
    }

    /// Shifts by a 5-bit immediate, where 0 means 32 (LSR, ASR) or one bit through the carry (RRX).
    pub(super) fn apply_immediate(self, value: u32, amount: u32, carry: bool) -> (u32, bool) {
        match (self, amount) {
            (Self::Lsr | Self::Asr, 0) => self.apply(value, 32, carry),
            (Self::Ror, 0) => (value >> 1 | u32::from(carry) << 31, value & 1 != 0),
            _ => self.apply(value, amount, carry),
        }
    }
}

/// ThumbExpandImm_C: the 12-bit code of a 32-bit constant, and the carry.
pub(super) fn expand_immediate(code: u32, carry: bool) -> (u32, bool) {
    let byte = code & 0xff;
    match code >> 8 & 0xf {
        0 => (byte, carry),
        1 => (byte << 16 | byte, carry),
        2 => (byte << 24 | byte << 8, carry),
        3 => (byte << 24 | byte << 16 | byte << 8 | byte, carry),
        _ => {
            let value = (code & 0x7f | 0x80).rotate_right(code >> 7 & 0x1f);
            (value, value >> 31 != 0)
        }
    }
}

/// Sign extension of the low `bits` of a value.
pub(super) fn sign_extend(value: u32, bits: u32) -> u32 {
    ((value << (32 - bits)) as i32 >> (32 - bits)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carry_and_overflow() {
        assert_eq!(add_with_carry(0x7fff_ffff, 1, false), (0x8000_0000, false, true));
        assert_eq!(add_with_carry(0xffff_ffff, 0, true), (0, true, false));
        assert_eq!(add_with_carry(5, !3, true), (2, true, false), "5 - 3 borrows nothing");
        assert_eq!(add_with_carry(3, !5, true), (0xffff_fffe, false, false));
        assert_eq!(add_with_carry(0x8000_0000, !1, true), (0x7fff_ffff, true, true));
    }

    #[test]
    fn shifts_by_the_edges() {
        assert_eq!(Shift::Lsl.apply(1, 32, false), (0, true));
        assert_eq!(Shift::Lsl.apply(1, 33, true), (0, false));
        assert_eq!(Shift::Lsr.apply_immediate(0x8000_0000, 0, false), (0, true));
        assert_eq!(Shift::Asr.apply(0x8000_0000, 200, false), (0xffff_ffff, true));
        assert_eq!(Shift::Ror.apply_immediate(2, 0, true), (0x8000_0001, false));
        assert_eq!(Shift::Ror.apply(0x8000_0001, 32, false), (0x8000_0001, true));
    }

    #[test]
    fn immediates_of_every_form() {
        assert_eq!(expand_immediate(0x0ab, true), (0xab, true));
        assert_eq!(expand_immediate(0x1ab, false), (0x00ab_00ab, false));
        assert_eq!(expand_immediate(0x2ab, false), (0xab00_ab00, false));
        assert_eq!(expand_immediate(0x3ab, false), (0xabab_abab, false));
        assert_eq!(expand_immediate(0x42b, false), (0xab00_0000, true));
    }
}
