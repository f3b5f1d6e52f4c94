use super::*;
use crate::riscv::{RAM_BASE, new_ram};

fn halted() -> (DebugModule, [Hart; 1]) {
    let (mut module, mut harts) = (DebugModule::new(), [Hart::new(0, new_ram())]);
    module.write(DMCONTROL, DMACTIVE, &mut harts);
    module.write(DMCONTROL, HALTREQ | DMACTIVE, &mut harts);
    (module, harts)
}

fn command_error(module: &mut DebugModule, hart: &mut [Hart]) -> u32 {
    module.read(ABSTRACTCS, hart) >> 8 & 7
}

#[test]
fn halting_and_resuming_show_in_dmstatus() {
    let (mut module, mut harts) = halted();
    assert_eq!(module.read(DMSTATUS, &mut harts) >> 8 & 0xf, 0b0011);
    module.write(DMCONTROL, RESUMEREQ | DMACTIVE, &mut harts);
    let status = module.read(DMSTATUS, &mut harts);
    assert_eq!((status >> 8 & 0xf, status >> 16 & 3), (0b1100, 3));
}

#[test]
fn a_hart_halts_at_reset_when_that_was_asked_for() {
    let (mut module, mut harts) = halted();
    module.write(DMCONTROL, RESUMEREQ | DMACTIVE, &mut harts);
    module.write(DMCONTROL, NDMRESET | SETRESETHALTREQ | DMACTIVE, &mut harts);
    assert_eq!(module.read(DMSTATUS, &mut harts) >> 12 & 3, 3, "unavailable in reset");
    module.write(DMCONTROL, DMACTIVE, &mut harts);
    assert_eq!(harts[0].halt_cause(), Some(Cause::ResetRequest));
    assert_eq!(module.read(DMSTATUS, &mut harts) >> 18 & 3, 3, "havereset");
    module.write(DMCONTROL, ACKHAVERESET | CLRRESETHALTREQ | DMACTIVE, &mut harts);
    assert_eq!(module.read(DMSTATUS, &mut harts) >> 18 & 3, 0);
    module.write(DMCONTROL, NDMRESET | DMACTIVE, &mut harts);
    module.write(DMCONTROL, DMACTIVE, &mut harts);
    assert_eq!(harts[0].halt_cause(), None);
}

#[test]
fn a_hart_that_is_not_there_is_nonexistent() {
    let (mut module, mut harts) = halted();
    module.write(DMCONTROL, 1 << 16 | DMACTIVE, &mut harts);
    assert_eq!(module.read(DMSTATUS, &mut harts) >> 14 & 3, 3);
    module.write(COMMAND, 2 << 20 | 1 << 17 | 0x1008, &mut harts);
    assert_ne!(command_error(&mut module, &mut harts), 0);
}

#[test]
fn each_hart_is_halted_for_itself_and_reset_reaches_all() {
    let ram = new_ram();
    let (mut module, mut harts) = (DebugModule::new(), [Hart::new(0, ram.clone()), Hart::new(1, ram)]);
    module.write(DMCONTROL, DMACTIVE, &mut harts);
    module.write(DMCONTROL, 1 << 16 | HALTREQ | DMACTIVE, &mut harts);
    assert_eq!(harts.each_ref().map(Hart::is_halted), [false, true]);
    assert_eq!(module.read(HALTSUM0, &mut harts), 0b10);
    module.write(DATA0, 0, &mut harts);
    module.write(COMMAND, 2 << 20 | 1 << 17 | 0xf14, &mut harts);
    assert_eq!(module.read(DATA0, &mut harts), 1, "mhartid");
    harts[1].write_memory(RAM_BASE, Width::Word, 7).unwrap();
    assert_eq!(harts[0].read_memory(RAM_BASE, Width::Word), Some(7));
    module.write(DMCONTROL, NDMRESET | DMACTIVE, &mut harts);
    module.write(DMCONTROL, DMACTIVE, &mut harts);
    assert_eq!(harts.each_ref().map(|hart| hart.reset_count), [1, 1]);
}

#[test]
fn a_module_without_system_bus_says_so() {
    let (mut module, mut harts) = halted();
    module.has_system_bus = false;
    module.write(SBCS, 2 << 17 | SBREADONADDR, &mut harts);
    module.write(SBADDRESS0, RAM_BASE, &mut harts);
    assert_eq!([SBCS, SBADDRESS0, SBDATA0].map(|register| module.read(register, &mut harts)), [0; 3]);
    module.write(DMCONTROL, 0, &mut harts);
    assert!(!module.has_system_bus, "switching the module off changes nothing about it");
}

#[test]
fn registers_are_32_bits_wide_and_need_a_halted_hart() {
    let (mut module, mut harts) = halted();
    module.write(DATA0, 0x1234_5678, &mut harts);
    module.write(COMMAND, 2 << 20 | 1 << 17 | 1 << 16 | 0x1008, &mut harts);
    module.write(DATA0, 0, &mut harts);
    module.write(COMMAND, 2 << 20 | 1 << 17 | 0x1008, &mut harts);
    assert_eq!(module.read(DATA0, &mut harts), 0x1234_5678);
    module.write(COMMAND, 3 << 20 | 1 << 17 | 0x1008, &mut harts);
    assert_eq!(command_error(&mut module, &mut harts), 2);
    module.write(ABSTRACTCS, 7 << 8, &mut harts);
    module.write(DMCONTROL, RESUMEREQ | DMACTIVE, &mut harts);
    module.write(COMMAND, 2 << 20 | 1 << 17 | 0x1008, &mut harts);
    assert_eq!(command_error(&mut module, &mut harts), 4);
}

#[test]
fn the_program_buffer_runs_and_reports_exceptions() {
    let (mut module, mut harts) = halted();
    // sw s0, 4(s1); then the implicit ebreak
    harts[0].write_register(0x1008, 77);
    harts[0].write_register(0x1009, RAM_BASE + 0x100);
    module.write(PROGBUF0, 0x0084_a223, &mut harts);
    module.write(PROGBUF0 + 1, 0x0010_0073, &mut harts);
    module.write(COMMAND, 1 << 18, &mut harts);
    assert_eq!(command_error(&mut module, &mut harts), 0);
    assert_eq!(harts[0].read_memory(RAM_BASE + 0x104, Width::Word), Some(77));
    harts[0].write_register(0x1009, 0);
    module.write(COMMAND, 1 << 18, &mut harts);
    assert_eq!(command_error(&mut module, &mut harts), 3);
}

#[test]
fn the_system_bus_counts_up_and_its_errors_stick() {
    let (mut module, mut harts) = halted();
    module.write(SBCS, 2 << 17 | SBAUTOINCREMENT, &mut harts);
    module.write(SBADDRESS0, RAM_BASE + 0x200, &mut harts);
    module.write(SBDATA0, 1, &mut harts);
    module.write(SBDATA0, 2, &mut harts);
    module.write(SBCS, 2 << 17 | SBAUTOINCREMENT | SBREADONADDR | SBREADONDATA, &mut harts);
    module.write(SBADDRESS0, RAM_BASE + 0x200, &mut harts);
    assert_eq!([module.read(SBDATA0, &mut harts), module.read(SBDATA0, &mut harts)], [1, 2]);
    module.write(SBADDRESS0, 0x100, &mut harts);
    assert_eq!(module.read(SBCS, &mut harts) >> 12 & 7, 2);
    module.write(SBCS, 2 << 17 | SBERROR, &mut harts);
    assert_eq!(module.read(SBCS, &mut harts) >> 12 & 7, 0);
}
