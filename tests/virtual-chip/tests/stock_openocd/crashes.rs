//! Faults of the firmware: lockup, vector catch and the fault status registers.

use virtual_chip::{CoreState, HaltReason, Register, VirtualChip, firmware};

use crate::openocd::{run, wait_until};

const CODE: u32 = 0x2000_1000;
const CFSR: u32 = 0xe000_ed28;
const HFSR: u32 = 0xe000_ed2c;
const FORCED: u32 = 1 << 30;
/// `udf #0` as bytes.
const UDF: [u8; 2] = [0x00, 0xde];

/// A chip whose HardFault handler faults.
fn chip_with_a_faulting_handler() -> VirtualChip {
    let chip = VirtualChip::start().unwrap();
    chip.write_memory(firmware::STOP, &UDF).unwrap();
    chip
}

#[test]
fn a_fault_in_the_hard_fault_handler_locks_the_core_up_until_it_is_halted() {
    let chip = chip_with_a_faulting_handler();
    chip.halt();
    chip.set_register(Register::Pc, 0x6000_0000);
    chip.run();
    wait_until(|| chip.state() == CoreState::LockedUp);
    assert_eq!((chip.register(Register::Pc), chip.register(Register::Xpsr) & 0x1ff), (0xffff_fffe, 3));
    chip.halt();
    chip.run();
    assert_eq!(chip.state(), CoreState::LockedUp, "with the PC unchanged it locks up again");
    chip.halt();
    chip.set_register(Register::Pc, firmware::LOOP);
    chip.run();
    assert_eq!(chip.state(), CoreState::Running);
}

#[test]
fn openocd_clears_a_lockup_and_halts_with_a_debug_request() {
    let chip = chip_with_a_faulting_handler();
    let run = run(
        &chip,
        &[
            "reset halt",
            "poll off",
            "reg pc 0x60000000",
            // The newer OpenOCD answers the poll that finds the lockup with an error, once.
            "catch resume",
            "sleep 20",
            "catch {wait_halt 1000}",
            "echo dhcsr=[read_memory 0xe000edf0 32 1]",
            "echo after=[catch {wait_halt 1000}]",
            "echo pc=[lindex [reg pc] 2]",
            "echo cfsr=[read_memory 0xe000ed28 32 1]",
        ],
    );
    assert!(run.success, "{run}");
    run.assert_says("clearing lockup after double fault");
    run.assert_says("halted due to debug-request, current mode: Handler HardFault");
    assert_eq!((run.value("after"), run.number("pc"), run.number("cfsr")), ("0", 0xffff_fffe, 0x0001_0100), "{run}");
    assert_eq!(run.number("dhcsr") & 1 << 19, 0, "S_LOCKUP clears in debug state:\n{run}");
    assert_eq!((chip.state(), chip.halt_reason()), (CoreState::Halted, Some(HaltReason::Request)));
}

#[test]
fn a_reset_ends_a_lockup() {
    let chip = chip_with_a_faulting_handler();
    chip.halt();
    chip.set_register(Register::Pc, 0x6000_0000);
    chip.run();
    wait_until(|| chip.state() == CoreState::LockedUp);
    let reset = run(&chip, &["catch {reset halt}", "catch poll", "reset run"]);
    assert!(reset.success, "{reset}");
    assert_eq!(chip.state(), CoreState::Running, "{reset}");
}

#[test]
fn each_kind_of_fault_is_caught_and_tells_its_cause() {
    struct Case {
        caught_by: &'static str,
        code: &'static [u16],
        setup: &'static str,
        cfsr: u32,
    }
    let case = |caught_by, code, setup, cfsr| Case { caught_by, code, setup, cfsr };
    let cases = [
        case("bus_err", &[0x6808][..], "reg r1 0x60000004", 0x8200), // ldr r0, [r1]
        case("bus_err", &[0x4708], "reg r1 0x60000001", 0x0100),     // bx r1
        case("mm_err", &[0x4708], "reg r1 0x40000001", 0x0001),      // bx r1
        case("state_err", &[0xde00], "", 0x0001_0000),               // udf #0
        case("state_err", &[0x4708], "reg r1 0x20001000", 0x0002_0000), // bx r1
        case("nocp_err", &[0xee01, 0x0f10], "", 0x0008_0000),        // mcr p15, #0, r0, c1, c0, #0
        case("chk_err", &[0xe9d1, 0x0200], "reg r1 0x20001001", 0x0100_0000), // ldrd r0, r2, [r1]
        case("chk_err", &[0xfbb1, 0xf0f2], "mww 0xe000ed14 0x10; reg r2 0", 0x0200_0000), // udiv r0, r1, r2
        case("int_err", &[0xdf01], "reg msp 0x60000100", 0x1000),    // svc #1
    ];
    let chip = VirtualChip::start().unwrap();
    for Case { caught_by, code, setup, cfsr } in cases {
        let bytes: Vec<u8> = code.iter().flat_map(|half| half.to_le_bytes()).collect();
        chip.write_memory(CODE, &bytes).unwrap();
        let catch = format!("cortex_m vector_catch {caught_by}");
        let caught =
            run(&chip, &["reset halt", &catch, setup, "reg pc 0x20001000", "resume", "wait_halt 60000", "echo done"]);
        assert!(caught.success, "{caught_by}: {caught}");
        assert_eq!(chip.halt_reason(), Some(HaltReason::VectorCatch), "{caught_by}: {caught}");
        assert_eq!(chip.register(Register::Pc), firmware::STOP, "{caught_by}: {caught}");
        assert_eq!(
            [CFSR, HFSR].map(|register| chip.read_u32(register).unwrap()),
            [cfsr, FORCED],
            "{caught_by} {setup}"
        );
        if cfsr & 0x8000 != 0 {
            assert_eq!(chip.read_u32(0xe000_ed38), Ok(0x6000_0004), "BFAR");
        }
    }
}
