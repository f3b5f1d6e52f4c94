//! What a crash report says beside its registers.

use serde::Serialize;

use super::serialize_as;
use crate::crash::{ExcReturn, ExceptionNumber, Fault, FaultRegister, FaultStatus, TrapCause};

#[derive(Serialize)]
struct ExceptionForm {
    number: u16,
    name: String,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum TrapCauseForm {
    Interrupt { code: u64, name: String },
    Exception { code: u64, name: String },
}

#[derive(Serialize)]
struct FaultForm {
    fault: Fault,
    register: FaultRegister,
    bit: u32,
    mnemonic: &'static str,
    text: String,
    address: Option<u32>,
}

#[derive(Serialize)]
struct FaultStatusForm {
    cfsr: Option<u32>,
    hfsr: Option<u32>,
    dfsr: Option<u32>,
    afsr: Option<u32>,
    mmfar: Option<u32>,
    bfar: Option<u32>,
    sfsr: Option<u32>,
    sfar: Option<u32>,
    faults: Vec<FaultForm>,
}

impl FaultStatusForm {
    fn of(status: &FaultStatus) -> Self {
        let FaultStatus { cfsr, hfsr, dfsr, afsr, mmfar, bfar, sfsr, sfar } = *status;
        let faults = status.faults().into_iter().map(|fault| FaultForm {
            fault,
            register: fault.register(),
            bit: fault.bit(),
            mnemonic: fault.mnemonic(),
            text: fault.to_string(),
            address: status.address_of(fault),
        });
        FaultStatusForm { cfsr, hfsr, dfsr, afsr, mmfar, bfar, sfsr, sfar, faults: faults.collect() }
    }
}

serialize_as! {
    ExceptionNumber => |exception| ExceptionForm { number: exception.0, name: exception.to_string() };
    ExcReturn => |value| value.value();
    FaultStatus => |status| FaultStatusForm::of(status);
    TrapCause => |cause| match *cause {
        TrapCause::Interrupt(code) => TrapCauseForm::Interrupt { code, name: cause.to_string() },
        TrapCause::Exception(code) => TrapCauseForm::Exception { code, name: cause.to_string() },
    };
}
