//! What is read of a target for a crash report or a core dump, in one round trip.

use crate::command::Script;
use crate::error::{Error, Failure, Result, TargetError};
use crate::registers::{Register, RegisterDump};
use crate::target::kind::CoreKind;
use crate::target::{HaltMark, Target, TargetStatus, register_line, status};
use crate::wire::number::flag;
use crate::wire::{number, tcl};

/// The target's state, its registers, and words of its memory.
#[derive(Debug)]
pub(crate) struct Survey {
    type_name: String,
    pub(crate) kind: CoreKind,
    pub(crate) is_little_endian: bool,
    pub(crate) status: TargetStatus,
    pub(crate) registers: RegisterDump,
    words: Vec<(u32, u32)>,
    /// The words that could not be read.
    pub(super) unreadable: Vec<(u64, Failure)>,
    /// The mark on the target's halt.
    mark: String,
}

impl Survey {
    /// Reads the registers of these names, by the kind of the target, and of a Cortex-M the words
    /// at these addresses; those in `mainline` only if the core is no ARMv6-M and no Armv8-M
    /// Baseline. The first one of `base` is CPUID.
    pub(crate) fn of(
        target: &Target<'_>,
        cortex_m: &[&str],
        riscv: &[&str],
        base: &[u32],
        mainline: &[u32],
    ) -> Result<Self> {
        let script = Script::call("crash_survey").list(cortex_m).list(riscv);
        let script = script.hex_list(base.iter().copied()).hex_list(mainline.iter().copied());
        let request = target.request(script).shown("reg").to("read the registers").expecting("registers and words");
        target.session().run(&request, |reply| {
            let log = String::from_utf8_lossy(&reply.log);
            reply.value::<TargetError, _>(&request, |result| read(result, &log))
        })?
    }

    /// The value of a word that was read.
    pub(super) fn word(&self, address: u32) -> Option<u32> {
        self.words.iter().find(|(at, _)| *at == address).map(|(_, value)| *value)
    }

    /// What tells at the end of the call whether the target was halted all the time.
    pub(crate) fn must_be_halted(&self, operation: &'static str) -> Result<HaltMark> {
        HaltMark::of(operation, &self.status, &self.mark)
    }

    /// The error for a target that is neither a Cortex-M nor a RISC-V hart.
    pub(crate) fn unsupported(&self, what: &'static str) -> Error {
        TargetError::Unsupported { what, target: self.status.name.clone(), kind: self.type_name.clone() }.into()
    }
}

fn read(reply: &[u8], log: &str) -> Option<Survey> {
    let [type_name, endianness, status_list, readings, words, mark] = tcl::elements(reply).take_array()?;
    let type_name = tcl::text(&type_name)?.to_owned();
    let (mut registers, mut failed) = (Vec::new(), Vec::new());
    for reading in tcl::all_strings(&readings)?.chunks(4) {
        let [name, dirty, code, text] = reading else { return None };
        // The words of OpenOCD for a register that does not exist, which 0.12.0 gives with code 0.
        if text.contains("not found in current target") {
            continue;
        }
        match register_line::line(text).and_then(|line| line.value.filter(|_| line.name == name)) {
            Some(value) => registers.push(Register { name: name.clone(), value, dirty: flag(dirty)? }),
            None if code == "0" => return None,
            None => failed.push((name.clone(), failure(format!("reg {name}"), code, text, log)?)),
        }
    }
    let (mut values, mut unreadable) = (Vec::new(), Vec::new());
    for word in tcl::all_strings(&words)?.chunks(3) {
        let [address, code, text] = word else { return None };
        let address = number::hex32(address)?;
        if code == "0" {
            values.push((address, number::hex32(text)?));
        } else {
            unreadable.push((address.into(), failure(format!("read_memory {address:#x} 32 1"), code, text, log)?));
        }
    }
    Some(Survey {
        kind: CoreKind::of(&type_name),
        type_name,
        is_little_endian: match &*endianness {
            b"little" => true,
            b"big" => false,
            _ => return None,
        },
        status: status(&status_list)?,
        registers: RegisterDump { registers, unreadable: failed },
        words: values,
        unreadable,
        mark: tcl::text(&mark)?.to_owned(),
    })
}

fn failure(command: String, code: &str, text: &str, log: &str) -> Option<Failure> {
    Some(Failure::new(command, code.parse().ok()?, text.trim().to_owned(), log.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both generations reply, cut.
    const HALTED: &str = "stm32f1x.cpu halted breakpoint {pc (/32): 0x08000054\n} {}";

    #[test]
    fn registers_and_words_are_read() {
        let reply = format!(
            "cortex_m little {{{HALTED}}} {{r0 1 0 {{r0 (/32): 0x60000000}} msp_s 0 0 {{register msp_s not found in current target}} \
             sp 0 -4 {{}}}} {{0xe000ed00 0 0x411fc231 0xe000ed28 -107 {{}}}} dirty"
        );
        let survey = read(reply.as_bytes(), "JTAG-DP STICKY ERROR\n").unwrap();
        assert_eq!((survey.kind, survey.is_little_endian), (CoreKind::CortexM, true));
        assert_eq!(survey.registers.registers.len(), 1);
        assert!(survey.registers.get("r0").unwrap().dirty);
        let (name, failure) = &survey.registers.unreadable[0];
        assert_eq!((name.as_str(), failure.code(), failure.log()), ("sp", -4, "JTAG-DP STICKY ERROR\n"));
        assert_eq!((survey.word(0xe000_ed00), survey.word(0xe000_ed28)), (Some(0x411f_c231), None));
        assert_eq!(survey.unreadable[0].0, 0xe000_ed28);
    }

    #[test]
    fn malformed_replies_are_refused() {
        for reply in [
            "",
            "cortex_m little {a halted {} {} {}} {} {}",
            "cortex_m little {a halted {} {} {}} {r0 0 0} {} {}",
            "cortex_m little {a halted {} {} {}} {r0 0 x {}} {} {}",
            "cortex_m little {a halted {} {} {}} {r0 0 0 {r0 (/32): 0x6000000}} {} {}",
            "cortex_m little {a halted {} {} {}} {r0 0 0 {r1 (/32): 0x60000000}} {} {}",
            "cortex_m lit {a halted {} {} {}} {} {} {}",
            "cortex_m little {a halted {} {} {}} {} {0xe000ed00 0 z} {}",
            "cortex_m little {a halted {} {} {}} {} {0xe000ed00 0} {}",
            "cortex_m little {a halted} {} {} {}",
        ] {
            assert!(read(reply.as_bytes(), "").is_none(), "{reply}");
        }
    }
}
