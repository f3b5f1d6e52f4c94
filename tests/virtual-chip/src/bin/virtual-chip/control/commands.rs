//! The commands of the control socket. The README documents them.

use std::path::Path;

use virtual_chip::{
    BOUNDARY_LENGTH, CoreState, HaltReason, HartHaltCause, VirtualBoard, VirtualChip, VirtualCore, VirtualHart,
};

use super::{Reply, faults, registers};
use crate::name::{Core, names};
use crate::number::{bytes, hex, number};

/// The most bytes that one `read` returns: the size of the flash.
const MAX_READ_BYTES: u32 = 128 * 1024;

const HELP: &str = "requests are [CORE] COMMAND [ARGUMENT]...; commands: targets | help | shutdown | state | \
     halt-reason | halt | run | reset | resets | read ADDRESS LENGTH | write ADDRESS HEX | read32 ADDRESS | \
     write32 ADDRESS VALUE | register NAME [VALUE] | load FILE; for a core of an rp2040 also: fault refuse-halt on|off; for an stm32f103 also: connected | transport | \
     pin CELL [0|1] | driven CELL | port A..E LEVELS | usart1 send FRAME... | usart1 sent | fault NAME [ARGUMENT]...; \
     faults: clear | power-off | power-on | bus ADDRESS LENGTH | bus-write ADDRESS LENGTH | refuse-halt on|off | \
     wait REQUESTS | garble-write | silence on|off | disconnect | unerasable-page PAGE | stuck-bits OFFSET BITS | \
     power-fails-after HALFWORDS | read-protect on|off";

/// Does what one line asks for.
pub(crate) fn perform(board: &VirtualBoard, line: &str) -> Reply {
    let words: Vec<&str> = line.split_whitespace().collect();
    match &words[..] {
        [] => Reply::Failed("the request is empty; try `help`".to_string()),
        ["targets"] => Reply::Done(names(&Core::all(board))),
        ["help"] => Reply::Done(HELP.to_string()),
        ["shutdown"] => Reply::ShutDown,
        [first, rest @ ..] => {
            let outcome = match (Core::find(board, first), Core::find(board, "")) {
                (Ok(core), _) => on_core(core, rest, line),
                (Err(_), Ok(only)) => on_core(only, &words, line),
                (Err(error), Err(_)) => Err(error),
            };
            outcome.map_or_else(Reply::Failed, Reply::Done)
        }
    }
}

type Outcome = Result<String, String>;

/// Does what `words` ask for. What has a value returns it, the rest returns an empty text.
fn on_core(core: Core<'_>, words: &[&str], line: &str) -> Outcome {
    match words {
        ["read", address, length] => return read(core, number(address)?, number(length)?),
        ["read32", address] => {
            let mut word = [0; 4];
            core.read_memory(number(address)?, &mut word).map_err(|error| error.to_string())?;
            return Ok(format!("{:#010x}", u32::from_le_bytes(word)));
        }
        ["register", name] => return Ok(format!("{:#010x}", registers::read(core, name)?)),
        ["write", address, digits] => write(core, number(address)?, &bytes(digits)?)?,
        ["write32", address, value] => write(core, number(address)?, &number::<u32>(value)?.to_le_bytes())?,
        ["register", name, value] => registers::write(core, name, number(value)?)?,
        // A path may hold spaces.
        ["load", _, ..] => {
            let path = line.split_once("load").map_or("", |(_, path)| path.trim());
            core.load_file(Path::new(path))?;
        }
        _ => match core {
            Core::Chip(chip) => return on_chip(chip, words),
            Core::Hart(hart) => return on_hart(hart, words),
            Core::M0Plus(core) => return on_m0_plus(core, words),
        },
    }
    Ok(String::new())
}

fn on_hart(hart: &VirtualHart, words: &[&str]) -> Outcome {
    match words {
        ["state"] => return Ok(state(hart.state()).to_string()),
        ["halt-reason"] => return Ok(hart.halt_cause().map_or("none", hart_halt_cause).to_string()),
        ["resets"] => return Ok(hart.reset_count().to_string()),
        ["halt"] => hart.halt(),
        ["run"] => hart.run(),
        ["reset"] => hart.reset(),
        _ => return Err(unknown(words, "a RISC-V hart")),
    }
    Ok(String::new())
}

fn on_m0_plus(core: &VirtualCore, words: &[&str]) -> Outcome {
    match words {
        ["state"] => return Ok(state(core.state()).to_string()),
        ["halt-reason"] => return Ok(core.halt_reason().map_or("none", halt_reason).to_string()),
        ["resets"] => return Ok(core.reset_count().to_string()),
        ["halt"] => core.halt(),
        ["run"] => core.run(),
        ["reset"] => core.reset(),
        ["fault", "refuse-halt", switch @ ("on" | "off")] => core.refuse_halt(*switch == "on"),
        _ => return Err(unknown(words, "a core of an rp2040")),
    }
    Ok(String::new())
}

fn on_chip(chip: &VirtualChip, words: &[&str]) -> Outcome {
    match words {
        ["state"] => return Ok(state(chip.state()).to_string()),
        ["halt-reason"] => return Ok(chip.halt_reason().map_or("none", halt_reason).to_string()),
        ["resets"] => return Ok(chip.reset_count().to_string()),
        ["connected"] => return Ok(if chip.is_connected() { "yes" } else { "no" }.to_string()),
        ["transport"] => return Ok(format!("{:?}", chip.transport()).to_lowercase()),
        ["pin", cell] => return Ok(level(chip.boundary().level(self::cell(cell)?)).to_string()),
        ["driven", cell] => return Ok(chip.boundary().driven(self::cell(cell)?).map_or("none", level).to_string()),
        ["usart1", "sent"] => {
            let frames = chip.sent_by_usart1();
            return Ok(frames.iter().map(|frame| format!("{frame:#04x}")).collect::<Vec<_>>().join(" "));
        }
        ["halt"] => chip.halt(),
        ["run"] => chip.run(),
        ["reset"] => chip.reset(),
        ["pin", cell, level @ ("0" | "1")] => chip.boundary().set_level(self::cell(cell)?, *level == "1"),
        ["port", port, levels] => match port.as_bytes() {
            [letter @ b'A'..=b'E'] => chip.set_port_inputs(char::from(*letter), number(levels)?),
            _ => return Err(format!("there is no GPIO port {port:?}: there are A to E")),
        },
        ["usart1", "send", frames @ ..] if !frames.is_empty() => {
            let frames = frames.iter().map(|frame| self::frame(frame)).collect::<Result<Vec<_>, _>>()?;
            for frame in frames {
                chip.send_to_usart1(frame);
            }
        }
        ["fault", fault @ ..] => faults::perform(chip, fault)?,
        _ => return Err(unknown(words, "an stm32f103")),
    }
    Ok(String::new())
}

fn write(core: Core<'_>, address: u32, bytes: &[u8]) -> Result<(), String> {
    core.write_memory(address, bytes).map_err(|error| error.to_string())
}

fn read(core: Core<'_>, address: u32, length: u32) -> Outcome {
    if length > MAX_READ_BYTES {
        return Err(format!("a read of {length} bytes exceeds {MAX_READ_BYTES} bytes"));
    }
    let mut bytes = vec![0; length as usize];
    core.read_memory(address, &mut bytes).map_err(|error| error.to_string())?;
    Ok(hex(&bytes))
}

fn unknown(words: &[&str], whose: &str) -> String {
    match words {
        [] => format!("a command for {whose} is missing; try `help`"),
        _ => format!("{whose} knows no `{}`; try `help`", words.join(" ")),
    }
}

fn cell(text: &str) -> Result<usize, String> {
    let cell = number(text)?;
    if cell < BOUNDARY_LENGTH {
        Ok(cell)
    } else {
        Err(format!("there is no boundary cell {cell}: there are {BOUNDARY_LENGTH}"))
    }
}

/// Reads a frame of eight or nine bits.
fn frame(text: &str) -> Result<u16, String> {
    let frame = number(text)?;
    if frame < 0x200 { Ok(frame) } else { Err(format!("the frame {frame:#x} exceeds nine bits")) }
}

fn level(high: bool) -> &'static str {
    if high { "1" } else { "0" }
}

fn state(state: CoreState) -> &'static str {
    match state {
        CoreState::Running => "running",
        CoreState::Sleeping => "sleeping",
        CoreState::Halted => "halted",
        CoreState::LockedUp => "locked-up",
        CoreState::Reset => "reset",
        CoreState::Off => "off",
        _ => "unknown",
    }
}

fn halt_reason(reason: HaltReason) -> &'static str {
    match reason {
        HaltReason::Request => "request",
        HaltReason::Breakpoint => "breakpoint",
        HaltReason::Watchpoint => "watchpoint",
        HaltReason::VectorCatch => "vector-catch",
        _ => "unknown",
    }
}

fn hart_halt_cause(cause: HartHaltCause) -> &'static str {
    match cause {
        HartHaltCause::Ebreak => "ebreak",
        HartHaltCause::Trigger => "trigger",
        HartHaltCause::Request => "request",
        HartHaltCause::Step => "step",
        HartHaltCause::ResetRequest => "reset-request",
        _ => "unknown",
    }
}
