use serde::Serialize;
use serde_json::{Value, json};

use crate::crash::{ExceptionNumber, FaultStatus, TrapCause};
use crate::events::{Event, TargetEvent};
use crate::run_until::{OutputSource, Verdict};
use crate::*;

fn form(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn verdicts_are_tagged_with_their_kind() {
    for (verdict, expected) in [
        (Verdict::Halt(HaltReason::DebugRequest), json!({"kind": "halt", "reason": "debug_request"})),
        (
            Verdict::Crash { exception: ExceptionNumber(3), fault_pc: Some(0x2000_0000) },
            json!({"kind": "crash", "exception": {"number": 3, "name": "HardFault"}, "fault_pc": 0x2000_0000}),
        ),
        (Verdict::Lockup, json!({"kind": "lockup"})),
        (Verdict::Breakpoint { address: 0x0800_0100 }, json!({"kind": "breakpoint", "address": 0x0800_0100})),
        (Verdict::Exit { status: -1, reason: 0x20026 }, json!({"kind": "exit", "status": -1, "reason": 0x20026})),
        (Verdict::Line("PASS".to_owned()), json!({"kind": "line", "text": "PASS"})),
        (Verdict::Deadline, json!({"kind": "deadline"})),
    ] {
        assert_eq!(form(verdict), expected);
    }
    assert_eq!(form(OutputSource::Output), json!({"kind": "output"}));
    assert_eq!(form(OutputSource::Error), json!({"kind": "error"}));
    assert_eq!(form(OutputSource::Rtt(3)), json!({"kind": "rtt", "channel": 3}));
}

#[test]
fn events_are_tagged_and_named_as_openocd_names_them() {
    for (event, expected) in [
        (Event::Target(TargetEvent::ResetDeassertPost), json!({"kind": "target", "event": "reset-deassert-post"})),
        (
            Event::Target(TargetEvent::SemihostingUserCommand(0x100)),
            json!({"kind": "target", "event": "semihosting-user-cmd-0x100"}),
        ),
        (Event::State(TargetState::DebugRunning), json!({"kind": "state", "state": "debug_running"})),
        (Event::Reset(ResetMode::Init), json!({"kind": "reset", "mode": "init"})),
        (Event::Trace(vec![0x01, 0xab]), json!({"kind": "trace", "data": "01ab"})),
        (Event::Lost { count: 2 }, json!({"kind": "lost", "count": 2})),
        (Event::Other("type x".to_owned()), json!({"kind": "other", "text": "type x"})),
    ] {
        assert_eq!(form(event), expected);
    }
}

#[test]
fn width_of_a_register_decides_between_number_and_text() {
    let register = |value: RegisterValue| form(registers::Register { name: "x".to_owned(), value, dirty: true });
    assert_eq!(register(u64::MAX.into()), json!({"name": "x", "bits": 64, "value": u64::MAX, "dirty": true}));
    let hex = "0x00000000000000000000000000000005";
    assert_eq!(register(5_u128.into()), json!({"name": "x", "bits": 128, "value": hex, "dirty": true}));
    assert_eq!(form(Bits::from_u64(5, 9).unwrap()), json!({"length": 9, "value": "0x0005"}));
}

#[test]
fn breakpoint_has_its_kind_and_what_the_kind_needs() {
    let breakpoint = |kind| Breakpoint {
        address: 16,
        length: 2,
        kind,
        comparator: Some(1),
        original_instruction: None,
        in_effect: Some(true),
    };
    let mut expected = json!({
        "address": 16, "length": 2, "kind": "hardware", "comparator": 1, "original_instruction": null,
        "in_effect": true,
    });
    assert_eq!(form(breakpoint(BreakpointKind::Hardware)), expected);
    expected["kind"] = json!("context");
    expected["asid"] = json!(7);
    assert_eq!(form(breakpoint(BreakpointKind::Context { asid: 7 })), expected);
}

#[test]
fn fault_status_names_each_fault_with_its_address() {
    let status = FaultStatus { cfsr: Some(0x8200), bfar: Some(0x6000_0000), ..FaultStatus::default() };
    assert_eq!(
        form(status),
        json!({
            "cfsr": 0x8200, "hfsr": null, "dfsr": null, "afsr": null,
            "mmfar": null, "bfar": 0x6000_0000, "sfsr": null, "sfar": null,
            "faults": [{
                "fault": "precise_data",
                "register": "cfsr",
                "bit": 9,
                "mnemonic": "PRECISERR",
                "text": "a data access failed on the bus",
                "address": 0x6000_0000,
            }],
        })
    );
    assert_eq!(form(ExceptionNumber(3)), json!({"number": 3, "name": "HardFault"}));
    let cause = json!({"kind": "exception", "code": 5, "name": "load access fault"});
    assert_eq!(form(TrapCause::Exception(5)), cause);
}

#[test]
fn choices_are_read_back_by_their_names() {
    let modes: Vec<ResetMode> = serde_json::from_str(r#"["run", "halt", "init"]"#).unwrap();
    assert_eq!(modes, [ResetMode::Run, ResetMode::Halt, ResetMode::Init]);
    let catches: Vec<VectorCatch> = serde_json::from_value(form(VectorCatch::FAULTS)).unwrap();
    assert_eq!(catches, VectorCatch::FAULTS);
    for format in [ImageFormat::Elf, ImageFormat::IntelHex, ImageFormat::SRecord, ImageFormat::Uf2, ImageFormat::Bin] {
        assert_eq!(serde_json::from_value::<ImageFormat>(form(format)).unwrap(), format);
    }
    assert!(serde_json::from_str::<ResetMode>("\"reset\"").is_err());
}

/// A type that lacks `Serialize` fails to compile.
#[test]
fn all_results_can_be_serialized() {
    fn can<T: Serialize>() {}
    let _ = [
        can::<Error>,
        can::<Failure>,
        can::<ProcessReport>,
        can::<StartFailure>,
        can::<Version>,
        can::<Execution>,
        can::<TargetInfo>,
        can::<TargetStatus>,
        can::<RegisterDump>,
        can::<RegisterValue>,
        can::<FlashBank>,
        can::<FlashInfo>,
        can::<WriteReport>,
        can::<ProgramReport>,
        can::<Mismatch>,
        can::<Breakpoint>,
        can::<Watchpoint>,
        can::<Event>,
        can::<Sample>,
        can::<Progress>,
        can::<RttChannels>,
        can::<RttMode>,
        can::<RunOutcome>,
        can::<SemihostingExit>,
        can::<Tap>,
        can::<TapState>,
        can::<Bits>,
        can::<SvfMismatch>,
        can::<SvfReport>,
        can::<AdapterDriver>,
        can::<AccessPort>,
        can::<DapInfo>,
        can::<Symbol>,
        can::<CrashReport>,
    ];
    #[cfg(feature = "svd")]
    let _ = [can::<svd::Device>, can::<svd::DecodedField<'_>>, can::<svd::PeripheralReading>, can::<svd::ResetDiff>];
    #[cfg(feature = "svd")]
    let _ = [can::<svd::Snapshot>, can::<svd::SnapshotDiff>, can::<svd::FieldChange<'_>>];
    #[cfg(feature = "debuginfo")]
    let _ = [can::<CodeLocation>, can::<crash::Backtrace>];
}
