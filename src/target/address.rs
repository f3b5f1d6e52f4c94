//! The rule for addresses: aligned to the access, and inside the target's address space.

use super::Target;
use crate::command::Script;
use crate::error::{Result, TargetError};
use crate::wire::tcl;

impl Target<'_> {
    /// Refuses a misaligned address, and a range that the target cannot have: OpenOCD would drop
    /// the upper half of such an address and access another one.
    pub(crate) fn check_range(&self, address: u64, width: u64, count: u64, physical: bool) -> Result<()> {
        if address % width != 0 {
            return Err(TargetError::Misaligned { address, width }.into());
        }
        let length = count.saturating_mul(width);
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
        let request = self.request(Script::call("address_bits").flag(physical)).shown("reg");
        let request = request.to("find the width of an address").expecting("a number of bits");
        self.session.ask::<TargetError, _>(&request, |answer| tcl::text(answer)?.trim().parse().ok())
    }
}
