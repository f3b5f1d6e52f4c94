//! Results of a real OpenOCD in the form that `guide/json.md` documents (feature `serde`).
//!
//! Not a part of the suite: next to `serde_json`, Rust cannot infer the type of some comparisons there.

#![cfg(feature = "serde")]
#![allow(unreachable_pub, dead_code, reason = "the board is shared with the suite")]

#[path = "../suite/board.rs"]
mod board;

use openocd::{BreakpointKind, Image, ResetMode, RunUntil, VectorCatch, Version, WatchpointAccess};
use serde::Serialize;
use serde_json::{Value, json};
use virtual_chip::firmware;

use crate::board::{Board, PATIENCE};

#[track_caller]
fn form(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The names of an object's fields, by the alphabet.
#[track_caller]
fn fields(form: &Value) -> String {
    form.as_object().unwrap_or_else(|| panic!("{form}")).keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn state_of_a_target() {
    let board = Board::start();
    board.session.target().reset(ResetMode::Halt).unwrap();
    let start = firmware::MAIN;
    let status = board.session.target().status().unwrap();
    assert_eq!(
        serde_json::to_string(&status).unwrap(),
        format!(r#"{{"name":"stm32f1x.cpu","state":"halted","pc":{start},"halt_reason":"debug_request"}}"#)
    );
    let targets = board.session.targets().unwrap();
    let info = json!([{
        "name": "stm32f1x.cpu", "kind": "cortex_m", "little_endian": true, "tap": "stm32f1x.cpu",
        "state": "halted", "examined": true,
    }]);
    assert_eq!(form(targets), info);
}

#[test]
fn registers_and_refusals() {
    let board = Board::halted();
    let registers = board.session.registers();
    registers.write("r3", 0xcafe_f00d_u32).unwrap();
    let dump = form(registers.read_all().unwrap());
    let expected = json!({"name": "r3", "bits": 32, "value": 0xcafe_f00d_u32, "dirty": true});
    assert!(dump["registers"].as_array().unwrap().contains(&expected), "{dump}");
    assert!(dump["unreadable"].is_array());

    let error = board.session.memory().read_u32(0x6000_0000).unwrap_err();
    let refused = form(&error);
    assert_eq!(refused["id"], "target.memory_read");
    assert_eq!(refused["message"], error.to_string());
    assert_eq!((refused["command"].as_str(), refused["log"].as_str()), (error.command(), error.log()));
    assert_eq!(refused["code"], json!(error.code().unwrap()));
    assert_eq!(refused["causes"], json!([]));

    let execution = form(board.session.execute("expr {6 * 7}").unwrap());
    assert_eq!(execution, json!({"command": "expr {6 * 7}", "code": 0, "result": "42", "log": ""}));
    let version: Version = board.session.version();
    assert_eq!(form(&version), json!({"text": version.as_str(), "number": [0, 12, 0]}));
}

#[test]
fn flash_and_what_was_written() {
    let board = Board::halted();
    let flash = board.session.flash();
    let bank = json!({
        "number": 0, "name": "stm32f1x.flash", "driver": "stm32f1x", "base": 0x0800_0000, "size": 0x2_0000,
        "bus_width": 0, "chip_width": 0, "target": "stm32f1x.cpu",
    });
    let info = form(flash.info(0).unwrap());
    assert_eq!(info["bank"], bank);
    let sector = &info["sectors"][1];
    assert_eq!((&sector["index"], &sector["offset"], &sector["size"]), (&json!(1), &json!(1024), &json!(1024)));
    assert_eq!(fields(&info), "bank protection_blocks sectors");

    let image = Image::bin(0x0800_4000, vec![0x5a_u8; 1024]).unwrap();
    let report = flash.write_image(&image).unwrap();
    assert_eq!(form(report), json!({"skipped": 0, "erased": report.erased, "written": 1024, "kept": 0}));
    let mismatch = flash.verify_at(0x0800_4000, &[0x5a, 0x5b]).unwrap();
    assert_eq!(form(mismatch), json!({"address": 0x0800_4001, "expected": 0x5b, "found": 0x5a}));
}

#[test]
fn breakpoints_and_watchpoints() {
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    breakpoints.add(firmware::WORK.into(), BreakpointKind::Hardware).unwrap();
    breakpoints.add_watchpoint(0x2000_0010, 4, WatchpointAccess::Write).unwrap();
    let listed = form(breakpoints.list().unwrap());
    assert_eq!(listed[0]["address"], json!(firmware::WORK));
    assert_eq!((&listed[0]["kind"], &listed[0]["length"]), (&json!("hardware"), &json!(2)));
    let watched = json!([{"address": 0x2000_0010, "length": 4, "access": "write", "value": null}]);
    assert_eq!(form(breakpoints.list_watchpoints().unwrap()), watched);
}

#[test]
fn run_with_its_verdict_and_lines() {
    let board = Board::start();
    board.chip.load_firmware(firmware::semihosting::IMAGE);
    board.session.target().reset(ResetMode::Halt).unwrap();
    let outcome = board.session.target().run_until(RunUntil::new().semihosting(), PATIENCE).unwrap();
    let run = form(&outcome);
    assert_eq!(
        fields(&run),
        "dropped elapsed_seconds lines missing_channels output refused_calls rtt_bytes status verdict"
    );
    assert_eq!(run["verdict"]["kind"], "exit", "{run}");
    assert_eq!(run["output"], outcome.output_text());
    assert_eq!(run["elapsed_seconds"], json!(outcome.elapsed.as_secs_f64()));
    let line = &run["lines"][0];
    assert_eq!((&line["source"], &line["text"]), (&json!({"kind": "output"}), &json!(outcome.lines[0].text)));
    assert!(line["at_seconds"].as_f64().unwrap() > 0.0, "{line}");
}

#[test]
fn crash_with_its_faults() {
    let board = Board::halted();
    let memory = board.session.memory();
    memory.write_u16_slice(0x2000_0100, &[0xde00]).unwrap(); // udf #0
    board.session.registers().write("sp", 0x2000_4000_u32).unwrap();
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    board.session.command("resume 0x20000100").unwrap();
    board.session.target().wait_halt(PATIENCE).unwrap();
    let report = form(board.session.target().crash_report().unwrap());
    assert_eq!(fields(&report), "core registers status unreadable");
    let core = &report["core"];
    assert_eq!((&core["kind"], &core["exception"]), (&json!("cortex_m"), &json!({"number": 3, "name": "HardFault"})));
    assert_eq!(core["fault_status"]["faults"][0]["fault"], "undefined_instruction");
    assert_eq!((&core["stacked"]["kind"], &core["stacked"]["pc"]), (&json!("found"), &json!(0x2000_0100)));
    assert!(core.get("is_lazy").is_none(), "not public");
}

#[cfg(feature = "debuginfo")]
#[test]
fn backtrace_with_its_source_lines() {
    let elf = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/crash/crash.elf");
    let (board, image) = (Board::start(), Image::open(elf).unwrap());
    board.session.target().set_vector_catch(&VectorCatch::FAULTS).unwrap();
    board.chip.load_elf(&std::fs::read(elf).unwrap());
    board.session.target().wait_halt(PATIENCE).unwrap();
    let backtrace = board.session.target().backtrace(&image).unwrap();
    let written = form(&backtrace);
    assert_eq!(written["end"], json!({"kind": "outermost"}));
    let (frame, location) = (&written["frames"][1], &written["frames"][1]["locations"][0]);
    assert_eq!(fields(frame), "is_guess is_interrupted locations pc sp");
    assert_eq!(location["function"], json!(backtrace.frames[1].locations[0].function));
    assert_eq!(location["is_inlined"], true);
    assert_eq!(form(image.symbol("outer").unwrap())["kind"], "function");
}

#[cfg(feature = "svd")]
#[test]
fn registers_by_their_names() {
    let board = Board::halted();
    let svd = board.session.svd();
    svd.load_str(include_str!("../virtual-chip/svd/virtual-stm32f103.svd")).unwrap();
    let register = form(svd.read_register("RCC", "CR").unwrap());
    assert_eq!(fields(&register), "address fields name peripheral size value");
    assert_eq!((&register["peripheral"], &register["address"]), (&json!("RCC"), &json!(0x4002_1000)));
    let value = register["value"].as_u64().unwrap();
    let on = &register["fields"][0];
    assert_eq!(fields(on), "bit_offset bit_width name value value_name");
    let (offset, width) = (on["bit_offset"].as_u64().unwrap(), on["bit_width"].as_u64().unwrap());
    assert_eq!(on["value"], json!(value >> offset & ((1 << width) - 1)));

    let device = svd.device().unwrap();
    let described = form(device.peripheral("RCC").unwrap());
    assert_eq!((&described["name"], &described["base_address"]), (&json!("RCC"), &json!(0x4002_1000)));
    assert_eq!(described["registers"][0]["peripheral"], "RCC");
    let diff = form(svd.diff("RCC").unwrap());
    assert_eq!(fields(&diff), "changed unread without_reset_value");

    let before = svd.snapshot(&["RCC"]).unwrap();
    assert_eq!(fields(&form(&before)), "device registers");
    assert_eq!(fields(&form(&before.registers[0])), "address bits path unread value");
    svd.write_field("RCC", "CFGR", "PLLMUL", "Mul9").unwrap();
    let diff = form(before.diff(&svd.snapshot(&["RCC"]).unwrap()));
    assert_eq!(fields(&diff), "changed compared only_after only_before unread unread_once");
    let field = json!({
        "name": "PLLMUL", "bit_offset": 18, "bit_width": 4,
        "before": 0, "before_name": "Mul2", "after": 7, "after_name": "Mul9",
    });
    assert_eq!(diff["changed"][0]["path"], "RCC.CFGR");
    assert_eq!(diff["changed"][0]["fields"], json!([field]));
}

#[test]
fn chain_and_debug_port() {
    let board = Board::jtag();
    let taps = form(board.session.jtag().scan_chain().unwrap());
    assert_eq!(
        taps[0],
        json!({
            "position": 0, "name": "stm32f1x.cpu", "enabled": true, "idcode": 0x3ba0_0477,
            "expected_ids": taps[0]["expected_ids"], "ignore_version": false,
            "ir_length": 4, "ir_capture": 1, "ir_mask": 15,
        })
    );
    let dap = form(board.session.dap().info().unwrap());
    assert_eq!(fields(&dap), "access_ports dpidr name target_id");
    assert_eq!(
        dap["access_ports"][0]["port"]["id"]["designer"],
        json!({"continuation": 4, "code": 0x3b, "name": "ARM"})
    );
    assert_eq!(dap["access_ports"][0]["port"]["id"]["class"], "memory");
    assert_eq!(dap["access_ports"][0]["root"]["class"], "rom_table");
}

#[test]
fn events_come_with_their_kind() {
    let board = Board::start();
    let events = board.session.events().unwrap();
    board.session.target().halt().unwrap();
    let event = events.wait_for(openocd::Event::is_halt, PATIENCE).unwrap();
    assert_eq!(form(event), json!({"kind": "target", "event": "halted"}));
}
