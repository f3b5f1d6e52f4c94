//! Why a hart halted.

/// Why a [`VirtualHart`](crate::VirtualHart) halted, as DCSR says.
///
/// ```
/// # let hart = virtual_chip::VirtualHart::start()?;
/// use virtual_chip::HartHaltCause;
///
/// hart.halt();
/// assert_ne!(hart.halt_cause(), Some(HartHaltCause::Ebreak));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HartHaltCause {
    /// An EBREAK instruction.
    Ebreak,
    /// A trigger: a hardware breakpoint or a watchpoint.
    Trigger,
    /// A request of the debugger.
    Request,
    /// The end of a single step.
    Step,
    /// A request of the debugger to halt right after reset.
    ResetRequest,
}
