//! One step from a function to its caller, by the call frame information of the image (DWARF 5,
//! 6.4).

use gimli::{
    BaseAddresses, CfaRule, DebugFrame, EhFrame, Register, RegisterRule, SectionId, UnwindContext, UnwindSection,
};

use super::{LR, PC, SP};
use crate::error::Result;
use crate::image::DebugInfo;

/// R0 to R15; `None` for a value that was not kept. The numbers are also those of DWARF (AADWARF32,
/// 4.1).
pub(super) type Registers = [Option<u32>; 16];
type Reader = gimli::EndianArcSlice<gimli::RunTimeEndian>;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The registers are those of the caller.
    Caller,
    /// The image says nothing about this address.
    NoInformation,
    /// The stack cannot be read there.
    Unreadable(u32),
    /// A register that is needed was not kept.
    Lost,
    /// The image says that there is no caller.
    Outermost,
}

/// The call frame information of an image.
pub(super) struct Unwinder {
    debug_frame: DebugFrame<Reader>,
    eh_frame: EhFrame<Reader>,
    bases: BaseAddresses,
}

impl Unwinder {
    pub(super) fn new(info: &DebugInfo) -> Self {
        let mut debug_frame = DebugFrame::from(info.section(SectionId::DebugFrame));
        debug_frame.set_address_size(info.address_size());
        let mut eh_frame = EhFrame::from(info.section(SectionId::EhFrame));
        eh_frame.set_address_size(info.address_size());
        let mut bases = BaseAddresses::default();
        if let Some(address) = info.eh_frame_address() {
            bases = bases.set_eh_frame(address);
        }
        Unwinder { debug_frame, eh_frame, bases }
    }

    /// Turns the registers of a function into those of its caller. `is_exact` says that the program
    /// counter is at an instruction that has not been executed, and not behind a call.
    pub(super) fn step(
        &self,
        registers: &mut Registers,
        is_exact: bool,
        read: impl FnMut(u32) -> Result<Option<u32>>,
    ) -> Result<Step> {
        let Some(pc) = registers[PC] else { return Ok(Step::Lost) };
        let pc = if is_exact { pc } else { pc.wrapping_sub(1) };
        let mut context = UnwindContext::new();
        let bases = &self.bases;
        let row = self.debug_frame.unwind_info_for_address(bases, &mut context, pc.into(), DebugFrame::cie_from_offset);
        if let Ok(row) = row {
            return caller(row, registers, read);
        }
        let mut context = UnwindContext::new();
        match self.eh_frame.unwind_info_for_address(bases, &mut context, pc.into(), EhFrame::cie_from_offset) {
            Ok(row) => caller(row, registers, read),
            Err(_) => Ok(Step::NoInformation),
        }
    }
}

fn caller(
    row: &gimli::UnwindTableRow<usize>,
    registers: &mut Registers,
    mut read: impl FnMut(u32) -> Result<Option<u32>>,
) -> Result<Step> {
    let CfaRule::RegisterAndOffset { register, offset } = row.cfa() else { return Ok(Step::NoInformation) };
    let Some(base) = registers.get(usize::from(register.0)).copied().flatten() else { return Ok(Step::Lost) };
    let at = |offset: i64| base_plus(base, offset);
    let cfa = at(*offset);
    let mut callers = *registers;
    for number in 0..15_u16 {
        let index = usize::from(number);
        callers[index] = match row.register(Register(number)) {
            RegisterRule::SameValue => registers[index],
            // The calling convention: R4 to R11 are kept, SP is where the frame began.
            RegisterRule::Undefined => match index {
                4..=11 | LR => registers[index],
                SP => Some(cfa),
                _ => None,
            },
            RegisterRule::Offset(offset) => {
                let address = base_plus(cfa, offset);
                match read(address)? {
                    Some(value) => Some(value),
                    None => return Ok(Step::Unreadable(address)),
                }
            }
            RegisterRule::ValOffset(offset) => Some(base_plus(cfa, offset)),
            RegisterRule::Register(from) => registers.get(usize::from(from.0)).copied().flatten(),
            _ => None,
        };
    }
    // The return address is in LR, and nothing is known of the caller's own.
    callers[PC] = callers[LR].take();
    *registers = callers;
    if registers[PC] == Some(0) { Ok(Step::Outermost) } else { Ok(Step::Caller) }
}

/// An address and a distance, modulo the address space.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the sum wraps around as addresses do")]
fn base_plus(base: u32, offset: i64) -> u32 {
    base.wrapping_add(offset as u32)
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "addresses are 64 bits in the crate and 32 in the chip")]
mod tests {
    use super::*;
    use crate::image::Image;

    const CRASH: &[u8] = include_bytes!("../../../tests/images/crash/crash.elf");
    /// Its functions in assembler are in `.eh_frame`, with relative addresses.
    const CALLS: &[u8] = include_bytes!("../../../tests/images/calls/calls.elf");

    fn registers() -> Registers {
        let mut registers = [Some(0); 16];
        registers[SP] = Some(0x2000_4000);
        registers[LR] = Some(0x0800_0041);
        registers
    }

    /// The step from `name`, `offset` bytes after its begin.
    fn step_from(image: &Image, name: &str, offset: u32, stack: Option<u32>) -> (Step, Registers) {
        let mut registers = registers();
        registers[PC] = Some(image.symbol(name).unwrap().address as u32 + offset);
        let step = Unwinder::new(image.debug_info()).step(&mut registers, true, |_| Ok(stack)).unwrap();
        (step, registers)
    }

    #[test]
    fn caller_of_a_function_that_stored_nothing_is_in_lr() {
        let (step, registers) = step_from(&Image::parse(CRASH).unwrap(), "hard_fault", 0, None);
        assert_eq!((step, registers[PC], registers[SP]), (Step::Caller, Some(0x0800_0041), Some(0x2000_4000)));
        assert_eq!(registers[LR], None);
    }

    #[test]
    fn caller_of_a_function_that_stored_lr_is_on_the_stack() {
        let image = Image::parse(CRASH).unwrap();
        // push {r4, lr}
        let (step, registers) = step_from(&image, "middle", 2, Some(0x0800_0051));
        assert_eq!((step, registers[PC], registers[SP]), (Step::Caller, Some(0x0800_0051), Some(0x2000_4008)));
        let (step, _) = step_from(&image, "middle", 2, None);
        assert!(matches!(step, Step::Unreadable(0x2000_4000 | 0x2000_4004)), "{step:?}");
    }

    #[test]
    fn addresses_of_eh_frame_are_relative_to_its_place_in_memory() {
        // push {r4, r6, lr}
        let (step, registers) = step_from(&Image::parse(CALLS).unwrap(), "by_hand", 2, Some(0x0800_0051));
        assert_eq!((step, registers[PC], registers[SP]), (Step::Caller, Some(0x0800_0051), Some(0x2000_400c)));
    }

    #[test]
    fn damaged_debug_information_is_no_panic() {
        let mut random = 0x2545_f491_u32;
        let mut next = |limit: usize| {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            random as usize % limit
        };
        for _ in 0..2000 {
            let mut file = CRASH.to_vec();
            for _ in 0..=next(8) {
                // Behind the code; the section headers, which come last, too.
                let at = 0x100 + next(file.len() - 0x100);
                file[at] = next(256) as u8;
            }
            let Ok(image) = Image::parse(&file) else { continue };
            let unwinder = Unwinder::new(image.debug_info());
            for pc in (0x0800_0000..0x0800_0090).step_by(6) {
                let _ = image.location(pc.into());
                let mut registers = registers();
                registers[PC] = Some(pc);
                let _ = unwinder.step(&mut registers, true, |address| Ok(Some(address)));
            }
        }
    }
}
