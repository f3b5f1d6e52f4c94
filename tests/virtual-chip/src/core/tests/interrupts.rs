//! Interrupts made pending by software, sleep, the stack of a process, and the bit-band alias.

use super::*;

const STIR: u32 = 0xe000_ef00;
const ISER: u32 = 0xe000_e100;
const ISPR: u32 = 0xe000_e200;
const ICPR: u32 = 0xe000_e280;
const IABR: u32 = 0xe000_e300;
const IPR: u32 = 0xe000_e400;
const ICSR: u32 = 0xe000_ed04;
const DHCSR: u32 = 0xe000_edf0;
const WFI: u16 = 0xbf30;
const BX_LR: u16 = 0x4770;

/// A core with a handler for the first 8 interrupts, enabled at priority 0x80.
fn machine_with_interrupts(code: &[u16]) -> System {
    let mut system = machine(code, [0; 4]);
    for line in 0..8 {
        let handler = handler_of(line);
        system.bus.write(VECTORS + 4 * (16 + line), Size::Word, handler | 1).unwrap();
        system.bus.write(handler, Size::Half, 0xe7fe).unwrap(); // b .
    }
    write(&mut system, ISER, 0xff);
    write(&mut system, IPR, 0x8080_8080);
    write(&mut system, IPR + 4, 0x8080_8080);
    system
}

fn handler_of(line: u32) -> u32 {
    HANDLERS + 4 * (16 + line)
}

fn write(system: &mut System, address: u32, value: u32) {
    system.debug_write(address, Size::Word, value).unwrap();
}

fn read(system: &mut System, address: u32) -> u32 {
    system.debug_read(address, Size::Word).unwrap()
}

const NOPS: [u16; 8] = [0xbf00; 8];

#[test]
fn pending_bits_and_triggers_enter_the_handler() {
    for (address, value) in [(ISPR, 1 << 5), (STIR, 5)] {
        let mut system = machine_with_interrupts(&NOPS);
        write(&mut system, address, value);
        assert_eq!(read(&mut system, ICSR), 1 << 22 | 21 << 12, "pending");
        system.elapse(1);
        assert_eq!((system.core.pc(), system.core.exception), (handler_of(5), 21));
        assert_eq!((read(&mut system, ISPR), read(&mut system, IABR)), (0, 1 << 5));
        assert_eq!(read(&mut system, ICSR), 1 << 11 | 0x15);
        system.bus.write(handler_of(5), Size::Half, BX_LR.into()).unwrap();
        write(&mut system, DHCSR, 0);
        system.elapse(1);
        assert_eq!((system.core.pc(), system.core.exception, read(&mut system, IABR)), (CODE, 0, 0));
    }
}

#[test]
fn firmware_triggers_an_interrupt_itself() {
    let mut system = machine_with_interrupts(&[0x6008, 0xbf00]); // str r0, [r1]; nop
    system.set_register(0, 3);
    system.set_register(1, STIR);
    system.elapse(2);
    assert_eq!(system.core.exception, 19);
    assert_eq!(system.bus.read(system.register(SP as u8) + 24, Size::Word), Ok(CODE + 2));
}

#[test]
fn disabled_and_masked_interrupts_stay_pending() {
    let mut system = machine_with_interrupts(&NOPS);
    write(&mut system, 0xe000_e180, 1 << 2);
    write(&mut system, STIR, 2);
    system.elapse(1);
    assert_eq!((system.core.exception, read(&mut system, ISPR)), (0, 1 << 2), "disabled");
    system.set_register(20, 0x80 << 8);
    write(&mut system, STIR, 3);
    system.elapse(1);
    assert_eq!(system.core.exception, 0, "BASEPRI");
    write(&mut system, ICPR, 1 << 3);
    system.set_register(20, 0);
    system.elapse(1);
    assert_eq!((system.core.exception, read(&mut system, ISPR)), (0, 1 << 2), "no longer pending");
    write(&mut system, ISER, 1 << 2);
    system.elapse(1);
    assert_eq!(system.core.exception, 18);
}

#[test]
fn a_more_urgent_interrupt_preempts() {
    let mut system = machine_with_interrupts(&NOPS);
    write(&mut system, IPR, 0x4080_8080);
    write(&mut system, STIR, 1);
    system.elapse(1);
    for line in [0, 2] {
        write(&mut system, STIR, line);
    }
    system.elapse(1);
    assert_eq!(system.core.exception, 17, "equal priorities wait");
    write(&mut system, STIR, 3);
    system.elapse(1);
    assert_eq!((system.core.exception, read(&mut system, IABR)), (19, 1 << 3 | 1 << 1));
    assert_eq!(system.register(LR as u8), 0xffff_fff1, "back to a handler");
    // The lowest number goes first.
    assert_eq!(read(&mut system, ICSR) >> 12 & 0x1ff, 16);
}

#[test]
fn a_subpriority_does_not_preempt() {
    let mut system = machine_with_interrupts(&NOPS);
    write(&mut system, IPR, 0x7060_5040);
    // PRIGROUP 6: bit 7 alone preempts.
    write(&mut system, 0xe000_ed0c, 0x05fa_0600);
    write(&mut system, STIR, 3);
    system.elapse(1);
    write(&mut system, STIR, 1);
    write(&mut system, STIR, 0);
    system.elapse(1);
    assert_eq!((system.core.exception, read(&mut system, ICSR) >> 12 & 0x1ff), (19, 16));
}

#[test]
fn the_frame_of_a_process_is_on_its_stack() {
    const PROCESS: u32 = 0x2000_3000;
    let mut system = machine(&[0xdf01, 0xbf00], [1, 2, 3, 4]); // svc #1; nop
    system.bus.write(HANDLERS + 4 * 11, Size::Half, BX_LR.into()).unwrap();
    system.set_register(18, PROCESS);
    system.set_register(20, 3 << 24);
    system.elapse(1);
    assert_eq!((system.register(SP as u8), system.register(18)), (STACK, PROCESS - 0x20));
    assert_eq!(system.register(LR as u8), 0xffff_fffd);
    assert_eq!(system.register(20) >> 24, 1, "a handler has the main stack");
    assert_eq!(system.bus.read(PROCESS - 0x20 + 24, Size::Word), Ok(CODE + 2));
    system.elapse(1);
    assert_eq!((system.core.pc(), system.register(SP as u8), system.register(17)), (CODE + 2, PROCESS, STACK));
    assert_eq!(system.register(20) >> 24, 3);
}

#[test]
fn a_halt_ends_the_sleep() {
    for event in [WFI, 0xbf20] {
        for by_register in [true, false] {
            let mut system = machine(&[event, 0x3001, 0xe7fe], [0; 4]); // wfi or wfe; adds r0, #1; b .
            system.elapse(10);
            assert!(system.core.sleeping && system.is_idle());
            if by_register {
                write(&mut system, DHCSR, 0xa05f_0003);
            } else {
                system.halt();
            }
            assert_eq!((system.core.pc(), system.register(0)), (CODE + 2, 0), "halted behind the instruction");
            if by_register {
                write(&mut system, DHCSR, 0xa05f_0001);
            } else {
                system.resume();
            }
            system.elapse(10);
            assert_eq!(system.register(0), 1, "{event:#x} {by_register}");
        }
    }
}

#[test]
fn only_what_could_interrupt_ends_the_sleep() {
    let sleeps = |registers_20: u32| {
        let mut system = machine_with_interrupts(&[WFI, 0xbf00, 0xe7fe]);
        system.set_register(20, registers_20);
        system.elapse(5);
        assert!(system.core.sleeping);
        write(&mut system, STIR, 1);
        system.elapse(5);
        (system.core.sleeping, system.core.exception)
    };
    assert_eq!(sleeps(0), (false, 17));
    assert_eq!(sleeps(1), (false, 0), "PRIMASK: it wakes, and goes on");
    assert_eq!(sleeps(0x80 << 8), (true, 0), "BASEPRI");
}

#[test]
fn an_if_then_block_goes_on_behind_a_supervisor_call() {
    // cmp r1, #0; ite eq; svceq #1; movne r0, #2; nop
    let mut system = machine(&[0x2900, 0xbf0c, 0xdf01, 0x2002, 0xbf00], [7, 0, 0, 0]);
    system.bus.write(HANDLERS + 4 * 11, Size::Half, BX_LR.into()).unwrap();
    system.elapse(3);
    assert_eq!(system.core.exception, 11);
    let status = system.bus.read(STACK - 0x20 + 28, Size::Word).unwrap();
    assert_eq!((status >> 25 & 3, status >> 10 & 0x3f), (0, 0b00_0110), "movne is next");
    system.elapse(3);
    assert_eq!((system.register(0), system.core.it, system.core.pc()), (7, 0, CODE + 10));
    // The last of a block leaves no block behind.
    let mut system = machine(&[0x2900, 0xbf08, 0xdf01, 0x2002], [7, 0, 0, 0]); // it eq; svceq #1; movs r0, #2
    system.bus.write(HANDLERS + 4 * 11, Size::Half, BX_LR.into()).unwrap();
    system.elapse(5);
    assert_eq!((system.register(0), system.core.z), (2, false));
}

#[test]
fn the_bit_band_alias_reaches_single_bits() {
    const ALIAS: u32 = 0x2200_0000 + 32 * (DATA - 0x2000_0000);
    let mut system = machine(&[0x6008, 0x680a], [1, ALIAS + 4 * 9, 0, 0]); // str r0, [r1]; ldr r2, [r1]
    system.bus.write(DATA, Size::Word, 0x8000_0001).unwrap();
    system.elapse(2);
    assert_eq!((system.bus.read(DATA, Size::Word), system.register(2)), (Ok(0x8000_0201), 1));
    assert_eq!((read(&mut system, ALIAS), read(&mut system, ALIAS + 4)), (1, 0));
    write(&mut system, ALIAS, 0xffff_fffe);
    assert_eq!(system.bus.read(DATA, Size::Word), Ok(0x8000_0200));
    // GPIO A is off until its clock is on, bit 2 of RCC_APB2ENR.
    let (rcc_enable, odr) = (0x4002_1018, 0x4001_080c);
    let peripheral = |address: u32, bit: u32| 0x4200_0000 + 32 * (address - 0x4000_0000) + 4 * bit;
    write(&mut system, peripheral(rcc_enable, 2), 1);
    write(&mut system, peripheral(odr, 5), 1);
    assert_eq!((read(&mut system, rcc_enable), read(&mut system, odr)), (1 << 2, 1 << 5));
    // What has no bits has no alias.
    assert!(system.debug_read(0x2200_0000 + 32 * 0x5000, Size::Word).is_err());
}
