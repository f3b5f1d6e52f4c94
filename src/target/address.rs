//! The rule for addresses: aligned to the access, and within what the target can have.

use super::{Target, unexpected};
use crate::error::{Error, Result, TargetError};

impl Target<'_> {
    /// Refuses a misaligned address, and a range that the target cannot have: OpenOCD would drop the upper half of such an address and go
    /// elsewhere.
    pub(crate) fn check_range(&self, address: u64, width: u64, count: usize, physical: bool) -> Result<()> {
        if address % width != 0 {
            return Err(TargetError::Misaligned { address, width }.into());
        }
        let length = (count as u64).saturating_mul(width);
        let outside = |bits| TargetError::OutOfAddressSpace { address, length, bits };
        let Some(beyond_first) = length.checked_sub(1) else { return Ok(()) };
        let last = address.checked_add(beyond_first).ok_or_else(|| outside(64))?;
        if last > u64::from(u32::MAX) {
            let bits = self.address_bits(physical)?;
            if bits < 64 && last >> bits != 0 {
                return Err(outside(bits).into());
            }
        }
        Ok(())
    }

    fn address_bits(&self, physical: bool) -> Result<u32> {
        let script = format!("_openocd_rs_1_address_bits {}", u8::from(physical));
        let request = self.request(script).shown("reg");
        self.session().run(&request, |reply| {
            let answer = reply.success(&request).map_err(|failure| Error::refused(failure, Error::from_failure))?;
            let bits = std::str::from_utf8(answer).ok().and_then(|text| text.trim().parse().ok());
            bits.ok_or_else(|| unexpected(&request, "the width of an address", reply))
        })?
    }
}
