//! Vector catch: each event halts the core at its handler, and no other event does.

use super::*;
use crate::debug::DFSR_VCATCH;

const DEMCR: u32 = 0xe000_edfc;
const HARD_FAULT: u32 = 1 << 10;
const ALL: u32 = 0x7f1;

/// A core whose debugger catches these events.
fn catching(events: u32, code: &[u16], registers: [u32; 4]) -> System {
    let mut system = machine(code, registers);
    system.bus.debug.enable();
    system.bus.write(DEMCR, Size::Word, events).unwrap();
    system
}

/// The bit of an event in DEMCR, code that brings the event about, and R0 to R3 for it.
const EVENTS: [(u32, &[u16], [u32; 4]); 5] = [
    (4, &[0x4708], [0, 0x4000_0001, 0, 0]), // bx r1: nothing may be executed there
    (5, &[0xee00, 0x0010], [0; 4]),         // mcr p0, #0, r0, c0, c0, #0
    (6, &[0xe9d1, 0x0200], [0, DATA + 1, 0, 0]), // ldrd r0, r2, [r1]
    (7, &[0xde00], [0; 4]),                 // udf #0
    (8, &[0x6808], [0, 0x5000_0000, 0, 0]), // ldr r0, [r1]
];

#[track_caller]
fn assert_caught(system: &System, name: &str) {
    assert!(system.bus.debug.is_halted(), "{name}");
    assert_eq!(system.bus.debug.reason(), DFSR_VCATCH, "{name}");
    assert_eq!((system.core.pc(), system.core.exception), (HANDLERS + 4 * 3, 3), "{name}: nothing of the handler ran");
}

#[test]
fn each_fault_is_caught_by_its_own_bit() {
    for (bit, code, registers) in EVENTS {
        let mut system = catching(1 << bit, code, registers);
        system.elapse(4);
        assert_caught(&system, &format!("bit {bit}"));
        let mut system = catching(ALL & !(1 << bit) & !HARD_FAULT, code, registers);
        system.elapse(4);
        assert!(!system.bus.debug.is_halted(), "bit {bit} is clear");
        let mut system = catching(HARD_FAULT, code, registers);
        system.elapse(4);
        assert_caught(&system, "a HardFault by escalation");
    }
}

#[test]
fn a_fault_of_an_exception_entry_is_caught() {
    for events in [1 << 9, HARD_FAULT] {
        let mut system = catching(events, &[0xdf01], [0; 4]); // svc #1
        system.set_register(SP as u8, 0x6000_0100);
        system.elapse(1);
        assert_caught(&system, &format!("{events:#x}"));
    }
    let mut system = catching(ALL & !(1 << 9) & !HARD_FAULT, &[0xdf01], [0; 4]);
    system.set_register(SP as u8, 0x6000_0100);
    system.elapse(1);
    assert!(!system.bus.debug.is_halted());
}

#[test]
fn a_reset_is_caught_before_the_first_instruction() {
    let mut system = catching(1, &[], [0; 4]);
    system.press_reset();
    assert!(system.bus.debug.is_halted());
    assert_eq!(system.bus.debug.reason(), DFSR_VCATCH);
    system.bus.write(DEMCR, Size::Word, ALL & !1).unwrap();
    system.press_reset();
    assert!(!system.bus.debug.is_halted());
}

#[test]
fn nothing_is_caught_without_halting_debug() {
    let mut system = machine(&[0xde00], [0; 4]); // udf #0
    system.bus.write(DEMCR, Size::Word, ALL).unwrap();
    system.elapse(4);
    assert!(!system.bus.debug.is_halted());
    assert_eq!(system.core.exception, 3);
}
