//! A TAP to declare.

use crate::error::{InvalidArgument, JtagError};

/// A TAP to declare, for [`Jtag::new_tap`](crate::Jtag::new_tap).
///
/// ```
/// use openocd::NewTap;
///
/// let tap = NewTap::new("chip", "cpu", 4).expected_id(0x3ba0_0477).ir_capture(0x1, 0xf);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a description does nothing until `Jtag::new_tap`"]
pub struct NewTap {
    chip: String,
    tap: String,
    ir_length: u32,
    expected_ids: Vec<u32>,
    ignore_version: bool,
    ir_capture: Option<(u32, u32)>,
    disabled: bool,
}

impl NewTap {
    /// Describes a TAP called `chip.tap`, with an instruction register of `ir_length` bits.
    pub fn new(chip: impl Into<String>, tap: impl Into<String>, ir_length: u32) -> Self {
        NewTap {
            chip: chip.into(),
            tap: tap.into(),
            ir_length,
            expected_ids: Vec::new(),
            ignore_version: false,
            ir_capture: None,
            disabled: false,
        }
    }

    /// Adds an identification code that the TAP may have. By default it may have any.
    pub fn expected_id(mut self, id: u32) -> Self {
        self.expected_ids.push(id);
        self
    }

    /// Does not compare the top four bits of the identification code. They are compared by default.
    pub fn ignore_version(mut self) -> Self {
        self.ignore_version = true;
        self
    }

    /// Sets what the instruction register captures, and which bits of it are compared. By default
    /// the two lowest bits are 01, as IEEE 1149.1 has it.
    pub fn ir_capture(mut self, value: u32, mask: u32) -> Self {
        self.ir_capture = Some((value, mask));
        self
    }

    /// Declares a TAP that is not part of the chain after a reset, because a router in the chip
    /// puts it in. By default it is part of the chain.
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// `chip.tap`
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.chip, self.tap)
    }

    /// The words of `jtag newtap`.
    pub(super) fn words(&self) -> Result<Vec<String>, JtagError> {
        let invalid = |argument, expected, given: String| Err(InvalidArgument::new(argument, expected, given).into());
        for (argument, name) in [("name of a chip", &self.chip), ("name of a TAP", &self.tap)] {
            // OpenOCD's own table could not be read with anything else, and takes numbers for
            // positions in the chain.
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            if name.is_empty() || !name.chars().all(is_plain) {
                return invalid(argument, "letters, digits, `_` and `-`", format!("{name:?}"));
            }
        }
        if !(2..=64).contains(&self.ir_length) {
            // IEEE 1149.1 wants two, and OpenOCD scans instructions of up to 64.
            return invalid("length of the instruction register", "2 to 64 bits", format!("{} bits", self.ir_length));
        }
        let mut words = vec![self.chip.clone(), self.tap.clone(), "-irlen".to_owned(), self.ir_length.to_string()];
        if let Some((value, mask)) = self.ir_capture {
            for (argument, option, number) in
                [("capture value", "-ircapture", value), ("capture mask", "-irmask", mask)]
            {
                if self.ir_length < 32 && number >> self.ir_length != 0 {
                    return invalid(argument, "no longer than the instruction register", format!("{number:#x}"));
                }
                words.extend([option.to_owned(), format!("{number:#x}")]);
            }
        }
        if self.ignore_version {
            words.push("-ignore-version".to_owned());
        }
        if self.disabled {
            words.push("-disable".to_owned());
        }
        for id in &self.expected_ids {
            words.extend(["-expected-id".to_owned(), format!("{id:#010x}")]);
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_the_order_that_openocd_needs() {
        let tap = NewTap::new("chip", "cpu", 4).expected_id(0x3ba0_0477).expected_id(0x4ba0_0477).ir_capture(1, 0xf);
        assert_eq!(
            tap.ignore_version().disabled().words().unwrap().join(" "),
            "chip cpu -irlen 4 -ircapture 0x1 -irmask 0xf -ignore-version -disable -expected-id 0x3ba00477 -expected-id 0x4ba00477"
        );
    }

    #[test]
    fn invalid_taps_are_refused() {
        for tap in [
            NewTap::new("", "cpu", 4),
            NewTap::new("chip", "c pu", 4),
            NewTap::new("chip", "[exit]", 4),
            NewTap::new("a.b", "cpu", 4),
            NewTap::new("chip", "cpu", 0),
            NewTap::new("chip", "cpu", 1),
            NewTap::new("chip", "cpu", 65),
            NewTap::new("chip", "cpu", 4).ir_capture(0x11, 0xf),
            NewTap::new("chip", "cpu", 4).ir_capture(1, 0x10),
        ] {
            assert!(matches!(tap.words(), Err(JtagError::InvalidArgument { .. })), "{tap:?}");
        }
        assert!(NewTap::new("chip", "cpu", 32).ir_capture(u32::MAX, u32::MAX).words().is_ok());
    }
}
