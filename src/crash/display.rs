//! The report for people.

use std::fmt;

use super::cortex_m::CortexMState;
use super::fault::{Fault, FaultRegister};
use super::frame::{FrameSource, StackedFrame, StackedState};
use super::memory_map::device_region;
use super::{CoreState, CrashReport};
use crate::error::text;

/// Registers in a line.
const COLUMNS: usize = 4;

/// Several lines: what happened and where first, then the registers that say so, then the others.
impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", text::name(&self.status.name), self.summary())?;
        self.status.pc.map_or(Ok(()), |pc| write!(f, "\n  halted at {pc:#010x}"))?;
        self.status.halt_reason.map_or(Ok(()), |reason| write!(f, " ({reason})"))?;
        writeln!(f)?;
        match &self.core {
            CoreState::CortexM(state) => write!(f, "{state}")?,
            CoreState::Riscv(state) => write!(f, "{state}")?,
        }
        writeln!(f, "registers:")?;
        for row in self.registers.registers.chunks(COLUMNS) {
            let shown: Vec<_> = row
                .iter()
                .map(|register| format!("{:<9} {:<10}", text::name(&register.name), register.value.to_string()))
                .collect();
            writeln!(f, "  {}", shown.join("  ").trim_end())?;
        }
        for (name, failure) in &self.registers.unreadable {
            writeln!(f, "  {} cannot be read: {failure}", text::name(name))?;
        }
        for (address, failure) in &self.unreadable {
            writeln!(f, "  the register at {address:#010x} cannot be read: {failure}")?;
        }
        Ok(())
    }
}

/// One line. An address stands beside a cause only if the two are known to belong together.
pub(super) fn summary(state: &CortexMState) -> String {
    let causes: Vec<_> = state.causes().into_iter().map(|fault| with_place(state, fault)).collect();
    let (is_single, causes) = (causes.len() <= 1, causes.join("; "));
    if !state.is_fault() {
        let earlier = if causes.is_empty() { "" } else { "; earlier: " };
        let now = if causes.is_empty() { "" } else { " now" };
        return format!("no fault{now}; {}{earlier}{causes}", place(state));
    }
    let what = if state.is_locked_up { "locked up".to_owned() } else { state.exception.to_string() };
    let what = if state.is_stack_overflow() { format!("{what}: stack overflow") } else { what };
    let line = if causes.is_empty() { what.clone() } else { format!("{what}: {causes}") };
    match state.fault_pc() {
        None => line,
        Some(pc) if state.is_locked_up => {
            format!("{line}; the first fault was at {pc:#010x}, the address of the last is not known")
        }
        Some(pc) if is_single => format!("{line}, at {pc:#010x}"),
        Some(pc) => format!("{what}, at {pc:#010x}, by one or more of: {causes}"),
    }
}

fn place(state: &CortexMState) -> String {
    if state.exception.is_thread() {
        "in thread mode".to_owned()
    } else {
        format!("in the handler of {}", state.exception)
    }
}

fn with_place(state: &CortexMState, fault: Fault) -> String {
    match state.fault_status.address_of(fault) {
        Some(address) => format!("{fault}, to address {address:#010x}"),
        None => fault.to_string(),
    }
}

/// The part of a report that is about the core.
impl fmt::Display for CortexMState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(exc_return) = self.exc_return {
            writeln!(f, "  EXC_RETURN {exc_return}")?;
        }
        if let Some(pending) = self.pending_exception() {
            writeln!(f, "  {pending} is pending")?;
        }
        fault_lines(self, f)?;
        match &self.stacked {
            StackedState::None => Ok(()),
            StackedState::Found(frame) => frame_lines(frame, f),
            StackedState::Unreadable { address } => {
                writeln!(f, "stored state: the stack pointer is wrong; memory at {address:#010x} cannot be read")
            }
            StackedState::NotMemory { address } => {
                let region = device_region(*address).unwrap_or("device");
                writeln!(
                    f,
                    "stored state: the stack pointer is wrong; {address:#010x} is in the {region} region, where nothing was read"
                )
            }
            StackedState::NotFound { address } => {
                writeln!(f, "stored state: none found on the stack from {address:#010x} on")
            }
        }
    }
}

fn fault_lines(state: &CortexMState, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let status = &state.fault_status;
    let faults = status.faults();
    writeln!(f, "fault status:")?;
    for register in [FaultRegister::Cfsr, FaultRegister::Hfsr, FaultRegister::Dfsr, FaultRegister::Sfsr] {
        let Some(value) = status.register(register) else { continue };
        writeln!(f, "  {register:<5} {value:#010x}")?;
        for fault in faults.iter().filter(|fault| fault.register() == register) {
            writeln!(f, "    {:<12} {}", fault.mnemonic(), with_place(state, *fault))?;
        }
    }
    let addresses = [
        ("MMFAR", status.memory_fault_address()),
        ("BFAR", status.bus_fault_address()),
        ("SFAR", status.secure_fault_address()),
    ];
    let others = [("AFSR", status.afsr), ("ICSR", state.icsr), ("SHCSR", state.shcsr)];
    for (name, value) in addresses.into_iter().chain(others) {
        value.map_or(Ok(()), |value| writeln!(f, "  {name:<5} {value:#010x}"))?;
    }
    Ok(())
}

fn frame_lines(frame: &StackedFrame, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let guess = if frame.source == FrameSource::Search { ", which is a guess" } else { "" };
    let mode = frame.exception();
    writeln!(f, "stored state at {:#010x}{guess}, from {mode}:", frame.address)?;
    writeln!(
        f,
        "  pc   {:#010x}  lr   {:#010x}  sp   {:#010x}  xpsr {:#010x}",
        frame.pc, frame.lr, frame.sp, frame.xpsr
    )?;
    writeln!(
        f,
        "  r0   {:#010x}  r1   {:#010x}  r2   {:#010x}  r3   {:#010x}  r12  {:#010x}",
        frame.r0, frame.r1, frame.r2, frame.r3, frame.r12
    )?;
    let Some(fpu) = frame.fpu else { return Ok(()) };
    if fpu.is_pending {
        return writeln!(f, "  the FPU's registers are not stored yet");
    }
    for (row, values) in fpu.s.chunks(COLUMNS).enumerate() {
        let values =
            values.iter().enumerate().map(|(column, value)| format!("s{:<3} {value:#010x}", row * COLUMNS + column));
        writeln!(f, "  {}", values.collect::<Vec<_>>().join("  "))?;
    }
    writeln!(f, "  fpscr {:#010x}", fpu.fpscr)
}
