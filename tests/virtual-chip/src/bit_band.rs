//! The bit-band alias: a word for each bit of the first megabyte of RAM and of peripherals.
//!
//! ARM DDI 0337, 4.2 (bit-banding of the Cortex-M3).

/// The aliases, and the regions whose bits they are.
const ALIASES: [(u32, u32); 2] = [(0x2200_0000, 0x2000_0000), (0x4200_0000, 0x4000_0000)];
const ALIAS_SIZE: u32 = 0x0200_0000;

/// A bit of a word in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bit {
    /// The address of the word.
    pub(crate) word: u32,
    number: u32,
}

impl Bit {
    /// The bit for which an address in an alias is.
    pub(crate) fn at(address: u32) -> Option<Self> {
        let (alias, region) = ALIASES.into_iter().find(|(alias, _)| address.wrapping_sub(*alias) < ALIAS_SIZE)?;
        let index = (address - alias) / 4;
        Some(Self { word: region + index / 32 * 4, number: index % 32 })
    }

    /// What a read of the alias gives.
    pub(crate) fn of(self, word: u32) -> u32 {
        word >> self.number & 1
    }

    /// The word after a write to the alias, of which only bit 0 counts.
    pub(crate) fn set(self, word: u32, value: u32) -> u32 {
        word & !(1 << self.number) | (value & 1) << self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_an_alias_is_a_bit() {
        let bit = |address: u32| Bit::at(address).map(|bit| (bit.word, bit.number));
        assert_eq!(bit(0x2200_0000), Some((0x2000_0000, 0)));
        // The example of DDI 0337: bit 7 of the byte at 0x200fffff.
        assert_eq!(bit(0x23ff_fffc), Some((0x200f_fffc, 31)));
        assert_eq!(bit(0x2200_001c), Some((0x2000_0000, 7)));
        assert_eq!(bit(0x4200_0000 + 32 * 0x1_080c + 4 * 13), Some((0x4001_080c, 13)));
        for address in [0x21ff_fffc, 0x2400_0000, 0x41ff_ffff, 0x4400_0000, 0] {
            assert_eq!(bit(address), None, "{address:#x}");
        }
    }

    #[test]
    fn writes_change_one_bit() {
        let bit = Bit::at(0x2200_0014).unwrap();
        assert_eq!((bit.set(0xffff_ffff, 2), bit.set(0, 3)), (0xffff_ffdf, 0x20));
        assert_eq!((bit.of(0x20), bit.of(!0x20)), (1, 0));
    }
}
