//! The state of a crashed target: decoded registers, the stored state, and a report for people.
//!
//! [`Target::crash_report`] reads it all. The types here are the parts of the report.

#[cfg(feature = "debuginfo")]
mod backtrace;
mod cortex_m;
mod display;
mod exception;
mod fault;
mod frame;
mod memory_map;
mod riscv;
mod survey;

#[cfg(feature = "debuginfo")]
pub use backtrace::{Backtrace, BacktraceEnd, Frame};
pub use cortex_m::CortexMState;
pub use exception::{ExcReturn, ExceptionNumber};
pub use fault::{Fault, FaultRegister, FaultStatus};
pub use frame::{FpuState, FrameSource, StackedFrame, StackedState};
pub use riscv::{PrivilegeLevel, RiscvState, Trap, TrapCause};

use crate::command::Script;
use crate::error::{Failure, Result, TargetError};
use crate::registers::RegisterDump;
use crate::target::kind::CoreKind;
use crate::target::{Target, TargetStatus};
use crate::wire::number::flag;
use crate::wire::{number, tcl};
use memory_map::PERIPHERALS;
pub(crate) use survey::Survey;

/// The state of a crashed target, from [`Target::crash_report`].
///
/// Its `Display` is several lines for people, and [`summary`](Self::summary) one line. The fields
/// are data for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CrashReport {
    /// The target's name, where it is halted, and why.
    pub status: TargetStatus,
    /// The core's registers as they are now. Registers that the core lacks are left out.
    pub registers: RegisterDump,
    /// What they mean, by architecture.
    pub core: CoreState,
    /// Addresses of registers in memory that could not be read, and OpenOCD's reasons.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::error::form::unreadable_addresses"))]
    pub unreadable: Vec<(u64, Failure)>,
}

/// What the registers mean, by architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CoreState {
    /// A Cortex-M.
    CortexM(Box<CortexMState>),
    /// A RISC-V hart.
    Riscv(Box<RiscvState>),
}

impl CrashReport {
    /// Describes the crash in one line, such as "HardFault: a data access failed on the bus, to
    /// address 0x60000000, at 0x20000102".
    ///
    /// If the core reports several causes, all are named: some may be of earlier faults, and
    /// nothing tells which belongs to the address.
    pub fn summary(&self) -> String {
        match &self.core {
            CoreState::CortexM(state) => display::summary(state),
            CoreState::Riscv(state) => match state.machine_trap {
                Some(trap) => format!("last trap: {trap}"),
                None => "the cause of the last trap cannot be read".to_owned(),
            },
        }
    }

    /// Returns the address of the crash: the stored program counter of a Cortex-M, `mepc` of a
    /// RISC-V hart.
    ///
    /// If the core reports the fault at once, this is the instruction that caused it. `None` for a
    /// Cortex-M that stored no registers.
    ///
    /// Of a Cortex-M that is [locked up](CortexMState::is_locked_up) this is the address of the
    /// **first** fault. The fault in its handler stores nothing, so its address is not known.
    /// `None` if something other than a fault, such as an NMI, called the handler that failed.
    pub fn fault_pc(&self) -> Option<u64> {
        match &self.core {
            CoreState::CortexM(state) => state.fault_pc().map(u64::from),
            CoreState::Riscv(state) => state.machine_trap?.pc,
        }
    }

    /// Returns the part that is about a Cortex-M.
    pub fn cortex_m(&self) -> Option<&CortexMState> {
        if let CoreState::CortexM(state) = &self.core { Some(state) } else { None }
    }

    /// Returns the part that is about a RISC-V hart.
    pub fn riscv(&self) -> Option<&RiscvState> {
        if let CoreState::Riscv(state) = &self.core { Some(state) } else { None }
    }
}

impl Target<'_> {
    /// Returns whether a Cortex-M is locked up or handles a fault: HardFault, MemManage, BusFault,
    /// UsageFault or SecureFault. The target may run, and goes on.
    ///
    /// Firmware that runs in the endless loop of a fault's handler is crashed, and its state is
    /// [`Running`](crate::TargetState::Running). A fault that the firmware handles at once is no
    /// crash. False for all other kinds of core.
    ///
    /// # Errors
    /// [`TargetError::Poll`] if the core cannot be asked, for example because it has no power.
    ///
    /// Source: xPSR, and `ICSR.VECTACTIVE` of a core that runs (ARM DDI 0403, B3.2.4).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert!(!session.target().is_crashed()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_crashed(&self) -> Result<bool> {
        let request = self.request(Script::call("is_crashed")).shown("read_memory 0xe000ed04 32 1");
        let request = request.to("ask whether the target is crashed").expecting("1 or 0");
        self.session().ask_or(&request, TargetError::Poll, flag)
    }

    /// Reads and decodes the state of a crashed target.
    ///
    /// From a Cortex-M it reads the core's registers, the fault status registers, and the registers
    /// that the core stored when it entered the exception. From a RISC-V hart it reads the general
    /// registers and the CSRs of the last traps. The report lists what could not be read, such as
    /// the stack at a wrong stack pointer. A stack pointer that leads to peripherals is not
    /// followed.
    ///
    /// The target must be halted, best at the start of a fault's handler: see
    /// [`set_vector_catch`](Self::set_vector_catch). Reading changes nothing on the target: no
    /// fault status bit is cleared and no memory is written. It takes two to four round trips.
    ///
    /// The fault status bits stay until the firmware clears them or a reset does.
    /// [`CortexMState::is_fault`] reports whether the core is handling a fault now.
    ///
    /// # Errors
    /// [`TargetError::NotHalted`], [`TargetError::Resumed`] if another client let the target run
    /// meanwhile, and [`TargetError::Unsupported`] for targets that are neither a Cortex-M nor a
    /// RISC-V hart.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    /// use openocd::VectorCatch;
    /// use openocd::crash::Fault;
    ///
    /// let target = session.target();
    /// target.set_vector_catch(&VectorCatch::FAULTS)?;
    /// # target.halt()?;
    /// # session.memory().write_u16(0x2000_0000, 0xde00)?; // udf
    /// # target.resume_at(0x2000_0000)?;
    /// target.wait_halt(Duration::from_secs(5))?;
    /// let report = target.crash_report()?;
    /// println!("{report}");
    /// assert_eq!(report.fault_pc(), Some(0x2000_0000));
    /// assert!(report.cortex_m().unwrap().faults().contains(&Fault::UndefinedInstruction));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn crash_report(&self) -> Result<CrashReport> {
        let mut survey =
            Survey::of(self, &cortex_m::REGISTERS, &riscv::REGISTERS, &cortex_m::BASE, &cortex_m::MAINLINE)?;
        cortex_m::rename_xpsr(&mut survey.registers);
        let halt = survey.must_be_halted("crash_report")?;
        let core = match survey.kind {
            CoreKind::CortexM => {
                let mut state = CortexMState::of(&survey.registers, |address| survey.word(address));
                state.stacked = self.stacked(&state, &survey.registers)?;
                if let StackedState::Unreadable { address } = state.stacked {
                    state.is_stack_below_memory = self.is_below_memory(address)?;
                }
                // The stack was read after the registers.
                if state.stacked != StackedState::None {
                    halt.check(self)?;
                }
                CoreState::CortexM(Box::new(state))
            }
            CoreKind::RiscV => CoreState::Riscv(Box::new(RiscvState::of(&survey.registers))),
            CoreKind::Other => return Err(survey.unsupported("crash report")),
        };
        let Survey { status, registers, unreadable, .. } = survey;
        Ok(CrashReport { status, registers, core, unreadable })
    }

    /// Reads the state that the core stored when it entered the exception.
    fn stacked(&self, state: &CortexMState, registers: &RegisterDump) -> Result<StackedState> {
        if state.exception.is_thread() {
            return Ok(StackedState::None);
        }
        let value = |name: &str| u32::try_from(registers.get(name)?.value.to_u64()?).ok();
        // A core with the security extension has two of each stack pointer.
        let pointer = |exc_return: ExcReturn| {
            let name = if exc_return.uses_psp() { "psp" } else { "msp" };
            let state = if exc_return.value() & 1 << 6 == 0 { "ns" } else { "s" };
            value(&format!("{name}_{state}")).or_else(|| value(name))
        };
        let at_psp = |exc_return, source| {
            let Some(psp) = pointer(exc_return) else { return Ok(StackedState::None) };
            let words = self.stack(psp, frame::LONGEST)?;
            Ok(frame::at_pointer(frame::Stack { address: psp, words: &words }, exc_return, state.is_lazy, source))
        };
        if let Some(exc_return) = state.exc_return.filter(|exc_return| exc_return.uses_psp()) {
            return at_psp(exc_return, FrameSource::StackPointer);
        }
        let Some(sp) = state.exc_return.map_or_else(|| value("sp"), pointer) else { return Ok(StackedState::None) };
        let words = self.stack(sp, frame::SEARCHED_WORDS)?;
        let found = frame::search(frame::Stack { address: sp, words: &words }, state.exc_return, state.is_lazy);
        match (found, frame::saved_for_psp(&words)) {
            (StackedState::NotFound { .. }, Some(exc_return)) => at_psp(exc_return, FrameSource::Search),
            (found, _) => Ok(found),
        }
    }

    /// Returns whether memory begins a little above an address that cannot be read, as above a
    /// stack that has grown out of RAM.
    fn is_below_memory(&self, address: u32) -> Result<bool> {
        for step in 1..=4 {
            let next = (address & !0x3ff).saturating_add(0x400 * step);
            // Reading a peripheral could change it.
            if next < PERIPHERALS && !self.stack(next, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads words of a stack, up to the first that cannot be read. Where there are devices,
    /// nothing is read: that could change them.
    fn stack(&self, address: u32, count: u32) -> Result<Vec<u32>> {
        let count = count.min(memory_map::words_of_memory(address));
        if count == 0 {
            return Ok(Vec::new());
        }
        let request = self.request(Script::call("crash_stack").hex(address).number(count));
        let request = request.shown(format!("read_memory {address:#x} 32 {count}"));
        self.session().ask::<TargetError, _>(&request.to("read the stack").expecting("words"), |reply| {
            tcl::all_strings(reply)?.iter().map(|word| number::hex32(word)).collect()
        })
    }
}
