//! XSVF files (Xilinx XAPP503, and the instructions that others have added): whether OpenOCD plays
//! them as they are meant.

use crate::types::TapState;

/// What makes a file unusable, with the byte where the instruction begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) problem: &'static str,
}

const CUT: &str = "is cut off by the end of the file";
const NO_END: &str = "is missing: the file ends without XCOMPLETE";
const BEYOND_END: &str = "comes after XCOMPLETE, where OpenOCD would go on";

const XCOMPLETE: u8 = 0x00;
const XSTATE: u8 = 0x12;
const XCOMMENT: u8 = 0x16;

/// How many states OpenOCD takes in one path (`XSTATE_MAX_PATH` in `src/xsvf/xsvf.c`).
const LONGEST_PATH: usize = 12;

/// Walks through all instructions up to `XCOMPLETE`. `tap`: how many bits the instruction register of
/// the TAP has, if the file is for one TAP and not for the whole chain.
///
/// OpenOCD takes the end of the file for success wherever it comes, and compares with what its
/// buffers happened to hold where operands are missing; it reads a comment without an end for ever;
/// and it exits at a state that there is none of.
pub(crate) fn check(file: &[u8], tap: Option<u32>) -> Result<(), Fault> {
    let mut walk =
        Walk { file, tap, at: 0, size: 0, mask: None, has_tdo: false, path: Vec::with_capacity(LONGEST_PATH) };
    loop {
        let offset = walk.at;
        let fault = |problem| Fault { offset, problem };
        let opcode = walk.byte().map_err(|_| fault(NO_END))?;
        walk.instruction(opcode).map_err(fault)?;
        if opcode == XCOMPLETE {
            break;
        }
    }
    // More of the same are padding.
    match file[walk.at..].iter().position(|byte| *byte != XCOMPLETE) {
        Some(more) => Err(Fault { offset: walk.at + more, problem: BEYOND_END }),
        None => Ok(()),
    }
}

/// How far the walk has come, and what the instructions so far have set.
struct Walk<'a> {
    file: &'a [u8],
    tap: Option<u32>,
    at: usize,
    /// Bits of a data register.
    size: u32,
    /// Whether the mask that was given for this size has bits to compare.
    mask: Option<bool>,
    /// A value to compare with was given for this size.
    has_tdo: bool,
    /// The path through unstable states that has begun.
    path: Vec<TapState>,
}

impl<'a> Walk<'a> {
    fn instruction(&mut self, opcode: u8) -> Result<(), &'static str> {
        // OpenOCD drops the instruction that follows such a path.
        if !self.path.is_empty() && !matches!(opcode, XSTATE | XCOMMENT) {
            return Err("comes in the middle of a path of XSTATE, which does not end in a stable state");
        }
        match opcode {
            XCOMPLETE => {}
            // XTDOMASK
            0x01 => {
                let mask = self.bits(self.size)?;
                self.mask = Some(mask.iter().any(|byte| *byte != 0));
            }
            // XSIR, XSIR2
            0x02 => {
                let length = self.byte()?;
                self.instruction_scan(length.into())?;
            }
            0x15 => {
                let length = u16::from_be_bytes(self.array()?);
                self.instruction_scan(length.into())?;
            }
            // XSDR
            0x03 => {
                self.scan(self.size)?;
                self.check_comparison()?;
            }
            // XSDRTDO, LSDR
            0x09 | 0x1b => {
                self.scan(self.size)?;
                self.scan(self.size)?;
                self.has_tdo = true;
                self.check_comparison()?;
            }
            // XRUNTEST, LCOUNT
            0x04 | 0x19 => drop(self.number()?),
            // XREPEAT
            0x07 => drop(self.byte()?),
            // XSDRSIZE: OpenOCD gets new buffers, with anything in them.
            0x08 => {
                self.size = self.number()?;
                (self.mask, self.has_tdo) = (None, false);
            }
            0x0a..=0x11 => {
                return Err("is one that OpenOCD does not support (XSETSDRMASKS, XSDRINC, XSDRB, XSDRC, XSDRE \
                     and their kin); SVF takes its place");
            }
            XSTATE => self.step()?,
            // XENDIR, XENDDR
            0x13 | 0x14 => self.choice(1)?,
            XCOMMENT => {
                let length = memchr::memchr(0, &self.file[self.at..]).ok_or(CUT)?;
                self.at += length + 1;
            }
            // XWAIT
            0x17 => {
                self.stable_state()?;
                self.stable_state()?;
                self.number()?;
            }
            // XWAITSTATE
            0x18 => {
                self.stable_state()?;
                self.stable_state()?;
                self.number()?;
                self.number()?;
            }
            // LDELAY
            0x1a => {
                self.stable_state()?;
                self.number()?;
                self.number()?;
            }
            // XTRST
            0x1c => self.choice(3)?,
            _ => return Err("is none of XSVF"),
        }
        Ok(())
    }

    /// The bits that are shifted out, or compared.
    fn scan(&mut self, length: u32) -> Result<(), &'static str> {
        if length == 0 {
            return Err("scans no bits");
        }
        self.bits(length).map(drop)
    }

    fn instruction_scan(&mut self, length: u32) -> Result<(), &'static str> {
        if self.tap.is_some_and(|bits| bits != length) {
            return Err("is an instruction of another width than the TAP takes");
        }
        self.scan(length)
    }

    /// OpenOCD compares after each scan of data, with what its buffers hold.
    fn check_comparison(&self) -> Result<(), &'static str> {
        match (self.mask, self.has_tdo) {
            (None, _) => Err("compares, but no XTDOMASK came after the last XSDRSIZE"),
            (Some(true), false) => Err("compares, but no XSDRTDO came after the last XSDRSIZE"),
            _ => Ok(()),
        }
    }

    /// XSTATE: OpenOCD collects the states until one is stable.
    fn step(&mut self) -> Result<(), &'static str> {
        let state = self.state()?;
        let follows = |from: TapState| from.next(false) == state || from.next(true) == state;
        match self.path.last() {
            None if is_stable(state) => {}
            // A path begins where OpenOCD was left by another instruction.
            None if !TapState::ALL.into_iter().any(|from| is_stable(from) && follows(from)) => {
                return Err("begins a path with a state that no stable one leads to");
            }
            Some(last) if !follows(*last) => return Err("makes a step that is no transition of IEEE 1149.1"),
            Some(_) if self.path.len() == LONGEST_PATH => return Err("makes a path longer than OpenOCD takes"),
            // OpenOCD drops the path and goes there by five clocks with TMS high.
            Some(_) if state == TapState::TestLogicReset && !self.is_all_high() => {
                return Err("makes a path to RESET that OpenOCD does not walk");
            }
            Some(_) if is_stable(state) => self.path.clear(),
            _ => self.path.push(state),
        }
        Ok(())
    }

    /// Whether the path is walked by TMS high alone, which leads from any state to RESET.
    fn is_all_high(&self) -> bool {
        let begins = |first| TapState::ALL.into_iter().any(|from| is_stable(from) && from.next(true) == first);
        self.path.first().copied().is_none_or(begins) && self.path.windows(2).all(|pair| pair[0].next(true) == pair[1])
    }

    fn state(&mut self) -> Result<TapState, &'static str> {
        let number = self.byte()?;
        TapState::ALL.get(usize::from(number)).copied().ok_or("names a state that there is none of")
    }

    fn stable_state(&mut self) -> Result<(), &'static str> {
        if is_stable(self.state()?) { Ok(()) } else { Err("waits or ends in a state that is not stable") }
    }

    fn choice(&mut self, most: u8) -> Result<(), &'static str> {
        if self.byte()? <= most { Ok(()) } else { Err("has an operand that means nothing") }
    }

    /// A length, a count of clocks or a time. OpenOCD takes one with the highest bit for negative.
    fn number(&mut self) -> Result<u32, &'static str> {
        let number = u32::from_be_bytes(self.array()?);
        if i32::try_from(number).is_ok() { Ok(number) } else { Err("has a number beyond 2147483647") }
    }

    fn bits(&mut self, bits: u32) -> Result<&'a [u8], &'static str> {
        self.take(usize::try_from(bits.div_ceil(8)).map_err(|_| CUT)?)
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        self.take(N)?.try_into().map_err(|_| CUT)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let rest = &self.file[self.at..];
        let operand = rest.get(..length).ok_or(CUT)?;
        self.at += length;
        Ok(operand)
    }
}

/// What OpenOCD takes for a place to stay in an XSVF file (`svf_tap_state_is_stable`).
fn is_stable(state: TapState) -> bool {
    matches!(state, TapState::TestLogicReset | TapState::RunTestIdle | TapState::PauseDr | TapState::PauseIr)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every instruction that OpenOCD knows.
    const ALL: &[&[u8]] = &[
        &[0x07, 0],
        &[0x12, 0],
        &[0x12, 1],
        &[0x16, b'h', b'i', 0],
        &[0x04, 0, 0, 0, 9],
        &[0x02, 5, 0x1f],
        &[0x15, 0, 9, 1, 0xff],
        &[0x08, 0, 0, 0, 12],
        &[0x01, 0x0f, 0xff],
        &[0x09, 0, 1, 0, 2],
        &[0x03, 0, 1],
        &[0x13, 1],
        &[0x14, 0],
        &[0x17, 1, 6, 0, 0, 0, 1],
        &[0x18, 1, 13, 0, 0, 0, 1, 0, 0, 0, 2],
        &[0x19, 0, 0, 0, 25],
        &[0x1a, 1, 0, 0, 0, 1, 0, 0, 0, 2],
        &[0x1b, 0, 1, 0, 2],
        &[0x1c, 3],
        // DRPAUSE, DREXIT2, DRUPDATE, IDLE
        &[0x12, 6],
        &[0x12, 7],
        &[0x16, 0],
        &[0x12, 8],
        &[0x12, 1],
        &[0x00],
    ];

    fn refused(file: &[u8]) -> (usize, &'static str) {
        let Fault { offset, problem } = check(file, None).unwrap_err();
        (offset, problem)
    }

    #[test]
    fn an_instruction_for_a_tap_has_the_width_of_its_register() {
        let file = [0x02, 5, 0x01, 0x15, 0, 5, 0x01, 0x00];
        assert_eq!(check(&file, None), Ok(()));
        assert_eq!(check(&file, Some(5)), Ok(()));
        assert_eq!(check(&file, Some(4)).unwrap_err().offset, 0);
    }

    #[test]
    fn all_instructions_pass() {
        let mut file = ALL.concat();
        assert_eq!(check(&file, None), Ok(()));
        file.extend([0; 5]);
        assert_eq!(check(&file, None), Ok(()), "padding");
        file.push(0x07);
        assert_eq!(refused(&file), (file.len() - 1, BEYOND_END));
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_where_the_cut_instruction_begins() {
        let file = ALL.concat();
        for length in 0..file.len() {
            let mut begin = 0;
            for instruction in ALL {
                if begin + instruction.len() > length {
                    break;
                }
                begin += instruction.len();
            }
            let problem = if begin == length { NO_END } else { CUT };
            assert_eq!(refused(&file[..length]), (begin, problem), "{length} bytes");
        }
    }

    #[test]
    fn instructions_that_openocd_has_not_or_that_mean_nothing() {
        for (file, problem) in [
            (&[0x05][..], "none of XSVF"),
            (&[0x1d], "none of XSVF"),
            (&[0x0b, 0, 0], "does not support"),
            (&[0x12, 16], "state that there is none of"),
            (&[0x13, 2], "means nothing"),
            (&[0x1c, 4], "means nothing"),
            (&[0x17, 4, 1, 0, 0, 0, 0], "not stable"),
            (&[0x04, 0x80, 0, 0, 0], "beyond 2147483647"),
            (&[0x02, 0], "no bits"),
            (&[0x03], "no bits"),
        ] {
            let (offset, told) = refused(file);
            assert!(offset == 0 && told.contains(problem), "{file:x?}: {offset} {told}");
        }
    }

    #[test]
    fn path_to_reset_is_walked_by_tms_high_alone() {
        let path = |states: &[u8]| states.iter().flat_map(|state| [0x12, *state]).chain([0]).collect::<Vec<_>>();
        // DRSELECT, IRSELECT, RESET
        assert_eq!(check(&path(&[1, 2, 9, 0]), None), Ok(()));
        // DRSELECT, DRCAPTURE, DREXIT1, DRUPDATE, DRSELECT, IRSELECT, RESET
        let (offset, problem) = refused(&path(&[1, 2, 3, 5, 8, 2, 9, 0]));
        assert!(offset == 14 && problem.contains("path to RESET"), "{offset} {problem}");
    }

    #[test]
    fn a_length_beyond_the_file_is_an_error() {
        let file = [0x08, 0x7f, 0xff, 0xff, 0xff, 0x01, 0xff];
        assert_eq!(refused(&file), (5, CUT));
    }

    #[test]
    fn a_comparison_needs_what_it_compares_with() {
        let size = [0x08, 0, 0, 0, 8];
        let file = |rest: &[u8]| [&size[..], rest].concat();
        assert!(refused(&file(&[0x09, 1, 2])).1.contains("XTDOMASK"));
        assert!(refused(&file(&[0x01, 1, 0x03, 2])).1.contains("XSDRTDO"));
        assert!(refused(&file(&[0x01, 1, 0x09, 1, 2, 0x08, 0, 0, 0, 8, 0x03, 1])).1.contains("XTDOMASK"));
        assert_eq!(check(&file(&[0x01, 0, 0x03, 2, 0]), None), Ok(()), "nothing is compared");
        assert_eq!(check(&file(&[0x01, 1, 0x09, 1, 2, 0x03, 2, 0]), None), Ok(()), "with the value of before");
    }

    #[test]
    fn paths_are_whole() {
        assert_eq!(refused(&[0x12, 2, 0x00]).0, 2, "OpenOCD would drop what follows");
        assert!(refused(&[0x12, 4]).1.contains("no stable one leads to"));
        assert!(refused(&[0x12, 2, 0x12, 4]).1.contains("no transition"));
        // DRSELECT, DRCAPTURE, DRSHIFT, DRSHIFT, ...
        let mut long = vec![0x12, 2, 0x12, 3];
        long.extend([0x12, 4].repeat(12));
        assert_eq!(refused(&long), (24, "makes a path longer than OpenOCD takes"));
    }
}
