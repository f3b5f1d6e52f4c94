//! How errors are serialized: `guide/json.md` documents the form.

use std::error::Error as _;

use serde::{Serialize, Serializer};

use super::{Error, Failure, ProcessReport, TargetError};

#[derive(Serialize)]
struct ErrorForm<'a> {
    id: &'a str,
    message: String,
    causes: Vec<Cause<'a>>,
    #[serde(flatten)]
    refusal: Option<Refusal<'a>>,
}

#[derive(Serialize)]
struct Cause<'a> {
    id: Option<&'a str>,
    message: String,
}

/// What OpenOCD reported, where it did.
#[derive(Serialize)]
struct Refusal<'a> {
    command: &'a str,
    code: i32,
    log: &'a str,
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let refusal = self.failure().map(|failure| Refusal {
            command: failure.command(),
            code: failure.code(),
            log: failure.log(),
        });
        let mut causes = Vec::new();
        add_causes(self, &mut causes);
        ErrorForm { id: self.id(), message: self.to_string(), causes, refusal }.serialize(serializer)
    }
}

/// Adds what caused an error, the nearest first. A call of many steps that stopped half way has an
/// error of this crate as its cause.
fn add_causes<'a>(error: &'a Error, causes: &mut Vec<Cause<'a>>) {
    let cause = match error {
        Error::Flash(flash) => flash.cause(),
        Error::Target(TargetError::NotRestored { cause, .. }) => Some(&**cause),
        _ => None,
    };
    if let Some(cause) = cause {
        causes.push(Cause { id: Some(cause.id()), message: cause.to_string() });
        return add_causes(cause, causes);
    }
    let mut source = error.source();
    while let Some(error) = source {
        causes.push(Cause { id: None, message: error.to_string() });
        source = error.source();
    }
}

#[derive(Serialize)]
struct FailureForm<'a> {
    command: &'a str,
    code: i32,
    message: &'a str,
    log: &'a str,
}

impl<'a> From<&'a Failure> for FailureForm<'a> {
    fn from(failure: &'a Failure) -> Self {
        FailureForm { command: failure.command(), code: failure.code(), message: failure.message(), log: failure.log() }
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FailureForm::from(self).serialize(serializer)
    }
}

#[derive(Serialize)]
struct ReportForm<'a> {
    command_line: &'a str,
    exit_status: Option<String>,
    exit_code: Option<i32>,
    log_tail: &'a [String],
}

impl Serialize for ProcessReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = ReportForm {
            command_line: &self.command_line,
            exit_status: self.exit_status.map(|status| status.to_string()),
            exit_code: self.exit_status.and_then(|status| status.code()),
            log_tail: &self.log_tail,
        };
        form.serialize(serializer)
    }
}

/// Serializes registers that could not be read: `[{"name": "r0", "failure": {…}}]`.
pub(crate) fn unreadable_registers<S: Serializer>(
    registers: &[(String, Failure)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Unreadable<'a> {
        name: &'a str,
        failure: &'a Failure,
    }
    serializer.collect_seq(registers.iter().map(|(name, failure)| Unreadable { name, failure }))
}

/// Serializes addresses that could not be read: `[{"address": 3758157032, "failure": {…}}]`.
pub(crate) fn unreadable_addresses<S: Serializer>(
    addresses: &[(u64, Failure)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Unreadable<'a> {
        address: u64,
        failure: &'a Failure,
    }
    serializer.collect_seq(addresses.iter().map(|(address, failure)| Unreadable { address: *address, failure }))
}

#[cfg(test)]
mod tests {
    use std::io;

    use serde_json::json;

    use super::*;
    use crate::error::{ConnectionError, FlashError, ImageError, TargetError};
    use crate::types::TargetState;

    fn form(error: impl Into<Error>) -> serde_json::Value {
        serde_json::to_value(error.into()).unwrap()
    }

    #[test]
    fn refusal_has_command_code_and_log() {
        let failure = Failure::new("step", -304, String::new(), "Error: not halted\n".to_owned());
        let message = "cannot step: OpenOCD refused `step` (code -304): Error: not halted";
        assert_eq!(
            form(TargetError::Step(Box::new(failure))),
            json!({
                "id": "target.step",
                "message": message,
                "causes": [],
                "command": "step",
                "code": -304,
                "log": "Error: not halted\n",
            })
        );
    }

    #[test]
    fn error_without_a_refusal_has_no_command() {
        let error = TargetError::WrongState { operation: "step", target: "t".to_owned(), state: TargetState::Running };
        let message = "OpenOCD reported `step` as done, but target t is running";
        assert_eq!(form(error), json!({"id": "target.wrong_state", "message": message, "causes": []}));
    }

    #[test]
    fn causes_of_the_operating_system_have_no_id() {
        let source = io::Error::other("the disk is gone");
        let error = ImageError::Read { path: "fw.elf".into(), source };
        assert_eq!(form(error)["causes"], json!([{"id": null, "message": "the disk is gone"}]));
    }

    #[test]
    fn flash_error_names_the_whole_chain() {
        let source = io::Error::other("the cable is out");
        let cause = ConnectionError::Io { peer: ([127, 0, 0, 1], 6666).into(), doing: "sending", source };
        let error = FlashError::Write {
            address: 0x0800_0400,
            written: 1024,
            total: 4096,
            unknown_to: 0x0800_1000,
            cause: Box::new(cause.into()),
        };
        let form = form(error);
        assert_eq!(form["id"], "flash.write");
        assert_eq!(
            form["causes"],
            json!([
                {
                    "id": "connection.io",
                    "message": "the connection to OpenOCD at 127.0.0.1:6666 failed while sending: the cable is out",
                },
                {"id": null, "message": "the cable is out"},
            ])
        );
        assert!(form.get("code").is_none());
    }

    #[test]
    fn unreadable_places_are_named() {
        let failure = Failure::new("reg fpscr", -4, "no FPU".to_owned(), String::new());
        let failure_form = json!({"command": "reg fpscr", "code": -4, "message": "no FPU", "log": ""});
        let registers = unreadable_registers(&[("fpscr".to_owned(), failure.clone())], serde_json::value::Serializer);
        assert_eq!(registers.unwrap(), json!([{"name": "fpscr", "failure": failure_form}]));
        let addresses = unreadable_addresses(&[(0xe000_ed28, failure)], serde_json::value::Serializer);
        assert_eq!(addresses.unwrap(), json!([{"address": 0xe000_ed28_u32, "failure": failure_form}]));
    }
}
