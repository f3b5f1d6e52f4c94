//! What happens to the targets when a session is closed.

/// What [`Session::close_with`](crate::Session::close_with) does to every examined target before it
/// closes the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnClose {
    /// Nothing: a halted target stays halted, and a running target runs.
    #[default]
    AsIs,
    /// Halts the targets that run ([`Target::halt`](crate::Target::halt)).
    Halt,
    /// Resumes the targets that are halted ([`Target::resume`](crate::Target::resume)). Breakpoints
    /// stay in the target, and halt it, unless the session ends the OpenOCD that it started: newer
    /// OpenOCD removes them at its end, whatever is chosen here.
    Resume,
    /// Leaves the targets as a shipped board should be left
    /// ([`Target::leave`](crate::Target::leave)). If the session started the OpenOCD, the debug
    /// port also loses its power.
    Leave,
}
