//! An access to a debug access port failed.

use crate::error::text::{self, list_names, name};
use crate::error::{Failure, InvalidArgument, Refused, UnexpectedReply};

/// A debug access port (DAP) refused, or lacks what was asked for.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DapError {
    /// OpenOCD's configuration has no DAP, or the target has none.
    #[error("there is no DAP{}", target.as_ref().map(|target| format!(" for {}", name(target))).unwrap_or_default())]
    NoDap {
        /// The target whose DAP was asked for, if that was asked for.
        target: Option<String>,
    },
    /// No DAP has this name.
    #[error("no DAP is named \"{}\"; there {}", text::name(name), list_names(known, "none"))]
    UnknownDap {
        /// The requested name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The debug port has no identification register: a JTAG debug port of version 0, whose TAP has
    /// an IDCODE instead.
    #[error("the debug port of {} has no DPIDR (it reads as {value:#010x}); see the IDCODE of its TAP", name(dap))]
    NoDebugPortId {
        /// The DAP's name.
        dap: String,
        /// What was read instead.
        value: u32,
    },
    /// The debug port is older than the register asked for.
    #[error("the debug port of {} has version {version}, and TARGETID came with version 2", name(dap))]
    NoTargetId {
        /// The DAP's name.
        dap: String,
        /// The version of the debug port.
        version: u8,
    },
    /// An argument is invalid. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
    /// OpenOCD's reply could not be understood.
    #[error(transparent)]
    UnexpectedReply(#[from] UnexpectedReply),
    /// OpenOCD refused.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl DapError {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            DapError::NoDap { .. } => "dap.no_dap",
            DapError::UnknownDap { .. } => "dap.unknown_dap",
            DapError::NoDebugPortId { .. } => "dap.no_debug_port_id",
            DapError::NoTargetId { .. } => "dap.no_target_id",
            DapError::InvalidArgument(_) => "dap.invalid_argument",
            DapError::UnexpectedReply(_) => "dap.unexpected_reply",
            DapError::Refused(_) => "dap.refused",
        }
    }

    /// What OpenOCD reported, if it refused a command.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            DapError::Refused(refused) => Some(&refused.failure),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_the_dap_and_the_remedy() {
        assert_eq!(DapError::NoDap { target: None }.to_string(), "there is no DAP");
        assert_eq!(DapError::NoDap { target: Some("h.cpu".to_owned()) }.to_string(), "there is no DAP for h.cpu");
        let error = DapError::NoTargetId { dap: "a.dap".to_owned(), version: 1 };
        assert_eq!(error.to_string(), "the debug port of a.dap has version 1, and TARGETID came with version 2");
        let error = DapError::NoDebugPortId { dap: "a.dap".to_owned(), value: 0 };
        assert_eq!(
            error.to_string(),
            "the debug port of a.dap has no DPIDR (it reads as 0x00000000); see the IDCODE of its TAP"
        );
    }
}
