mod interrupts;
mod vector_catch;

use super::*;
use crate::scs::Exception;
use crate::system::System;

const CODE: u32 = 0x2000_0000;
const DATA: u32 = 0x2000_0100;
const STACK: u32 = 0x2000_4000;
/// Where [`machine`] puts the vector table and the handlers that stay where they are.
const VECTORS: u32 = 0x2000_1000;
const HANDLERS: u32 = 0x2000_1100;

/// A core about to execute `code`, with R0-R3 as given and a handler for every exception.
fn machine(code: &[u16], registers: [u32; 4]) -> System {
    let mut system = System::of_stm32f103();
    let mut write = |address: u32, size: Size, value: u32| system.bus.write(address, size, value).unwrap();
    for (index, half) in code.iter().enumerate() {
        write(CODE + 2 * index as u32, Size::Half, (*half).into());
    }
    for number in 0..16 {
        let handler = HANDLERS + 4 * number;
        write(VECTORS + 4 * number, Size::Word, handler | 1);
        // b .
        write(handler, Size::Half, 0xe7fe);
    }
    write(0xe000_ed08, Size::Word, VECTORS);
    for (number, value) in registers.into_iter().enumerate() {
        system.set_register(number as u8, value);
    }
    system.set_register(SP as u8, STACK);
    system.set_register(LR as u8, 0xffff_ffff);
    system.set_register(PC as u8, CODE);
    system.set_register(16, 1 << 24);
    system.bus.debug = crate::debug::DebugRegisters::new(&crate::cpu::CORTEX_M3);
    system
}

/// The core after the instructions that `code` holds.
#[track_caller]
fn after(code: &[u16], registers: [u32; 4]) -> Core {
    let mut system = machine(code, registers);
    let end = CODE + 2 * code.len() as u32;
    while system.core.pc() != end {
        assert_eq!(system.core.execute(&mut system.bus), Ok(()), "at {:#010x}", system.core.pc());
    }
    system.core
}

#[track_caller]
fn gives(code: &[u16], registers: [u32; 4], expected: u32) {
    assert_eq!(after(code, registers).debug_register(0), expected, "{code:#06x?}");
}

#[test]
fn sixteen_bit_arithmetic() {
    gives(&[0x1cc8], [0, 5, 0, 0], 8); // adds r0, r1, #3
    gives(&[0x1a88], [0, 5, 7, 0], 0xffff_fffe); // subs r0, r1, r2
    gives(&[0x0808], [9, 0x8000_0000, 0, 0], 0); // lsrs r0, r1, #32
    gives(&[0x4248], [0, 1, 0, 0], 0xffff_ffff); // rsbs r0, r1, #0
    gives(&[0x4348], [7, 6, 0, 0], 42); // muls r0, r1, r0
    gives(&[0xb2c8], [0, 0x1ff, 0, 0], 0xff); // uxtb r0, r1
    gives(&[0xba08], [0, 0x1122_3344, 0, 0], 0x4433_2211); // rev r0, r1
}

#[test]
fn flags_follow_a_subtraction() {
    let core = after(&[0x1a88], [0, 5, 7, 0]);
    assert_eq!((core.n, core.z, core.c, core.v), (true, false, false, false));
    let core = after(&[0x1a88], [0, 7, 7, 0]);
    assert_eq!((core.n, core.z, core.c, core.v), (false, true, true, false));
    let core = after(&[0x0808], [9, 0x8000_0000, 0, 0]);
    assert_eq!((core.z, core.c), (true, true), "the bit shifted out is the carry");
}

#[test]
fn thirty_two_bit_constants_and_fields() {
    gives(&[0xf241, 0x2034, 0xf6ca, 0x30cd], [0; 4], 0xabcd_1234); // movw r0, #0x1234; movt r0, #0xabcd
    gives(&[0xf3c1, 0x1007], [0, 0x0000_0ab0, 0, 0], 0xab); // ubfx r0, r1, #4, #8
    gives(&[0xf361, 0x200b], [0xffff_ffff, 0x5, 0, 0], 0xffff_f5ff); // bfi r0, r1, #8, #4
    gives(&[0xf20f, 0x0004], [0; 4], CODE + 8); // adr.w r0, #4
    gives(&[0xea61, 0x1002], [0, 1, 0x0fff_ffff, 0], 0xf | 1); // orn r0, r1, r2, lsl #4
    gives(&[0xfa0f, 0xf091], [0, 0x0080_0000, 0, 0], 0xffff_8000); // sxth.w r0, r1, ror #8
}

#[test]
fn saturation_sets_q() {
    let core = after(&[0xf301, 0x0007], [0, 1000, 0, 0]); // ssat r0, #8, r1
    assert_eq!((core.debug_register(0), core.q), (127, true));
    let core = after(&[0xf301, 0x0007], [0, -5_i32 as u32, 0, 0]);
    assert_eq!((core.debug_register(0), core.q), (-5_i32 as u32, false));
}

#[test]
fn products_and_quotients() {
    gives(&[0xfbb1, 0xf0f2], [0, 100, 7, 0], 14); // udiv r0, r1, r2
    gives(&[0xfb91, 0xf0f2], [0, -100_i32 as u32, 7, 0], -14_i32 as u32); // sdiv r0, r1, r2
    gives(&[0xfb91, 0xf0f2], [0, 0x8000_0000, -1_i32 as u32, 0], 0x8000_0000);
    gives(&[0xfbb1, 0xf0f2], [5, 100, 0, 0], 0);
    gives(&[0xfb01, 0x0012], [100, 6, 7, 0], 58); // mls r0, r1, r2, r0
    let core = after(&[0xfb81, 0x0302], [0, -2_i32 as u32, 3, 0]); // smull r0, r3, r1, r2
    assert_eq!((core.debug_register(0), core.debug_register(3)), (-6_i32 as u32, u32::MAX));
    gives(&[0xfab1, 0xf081], [0, 0x0001_0000, 0, 0], 15); // clz r0, r1
    gives(&[0xfa91, 0xf0a1], [0, 1, 0, 0], 0x8000_0000); // rbit r0, r1
}

#[test]
fn an_if_then_block_executes_one_of_two() {
    let choose = [0x2900, 0xbf0c, 0x2001, 0x2002]; // cmp r1, #0; ite eq; moveq r0, #1; movne r0, #2
    gives(&choose, [0; 4], 1);
    gives(&choose, [0, 9, 0, 0], 2);
    let core = after(&choose, [0, 9, 0, 0]);
    assert_eq!((core.it, core.z), (0, false), "moves in a block leave the flags alone");
}

#[test]
fn branches_go_where_they_say() {
    let target = |code: &[u16], registers: [u32; 4]| {
        let mut system = machine(code, registers);
        system.core.execute(&mut system.bus).unwrap();
        (system.core.pc().wrapping_sub(CODE) as i32, system.core.debug_register(LR as u8))
    };
    assert_eq!(target(&[0xf000, 0xfffe], [0; 4]), (0x1000, CODE + 5), "bl .+0x1000");
    assert_eq!(target(&[0xf7ff, 0xbf7e], [0; 4]).0, -0x100, "b.w .-0x100");
    assert_eq!(target(&[0xf040, 0x807e], [0; 4]).0, 0x100, "bne.w .+0x100");
    assert_eq!(target(&[0xb111], [0; 4]).0, 8, "cbz r1, .+8");
    assert_eq!(target(&[0xb111], [0, 1, 0, 0]).0, 2, "cbz r1, .+8");
    assert_eq!(target(&[0xe8df, 0xf001, 0x0302], [0, 1, 0, 0]).0, 4 + 2 * 3, "tbb [pc, r1]");
}

#[test]
fn memory_may_be_unaligned_for_single_loads_only() {
    let load = |code: &[u16], address: u32| {
        let mut system = machine(code, [0, address, 0, 0]);
        system.bus.write(DATA, Size::Word, 0x4433_2211).unwrap();
        system.bus.write(DATA + 4, Size::Word, 0x8877_6655).unwrap();
        system.core.execute(&mut system.bus).map(|()| system.core.debug_register(0))
    };
    assert_eq!(load(&[0x6808], DATA + 1), Ok(0x5544_3322), "ldr r0, [r1]");
    assert_eq!(load(&[0xe9d1, 0x0200], DATA), Ok(0x4433_2211), "ldrd r0, r2, [r1]");
    assert_eq!(load(&[0xe9d1, 0x0200], DATA + 1), Err(Trap::Unaligned));
    assert_eq!(load(&[0x6808], 0x5000_0000), Err(Trap::DataBus(0x5000_0000)));
}

#[test]
fn an_exclusive_store_needs_its_load() {
    let store = [0xe841, 0x0200]; // strex r2, r0, [r1]
    assert_eq!(after(&store, [5, DATA, 9, 0]).debug_register(2), 1);
    let pair = [0xe851, 0x0f00, 0xe841, 0x0200]; // ldrex r0, [r1]; strex r2, r0, [r1]
    assert_eq!(after(&pair, [5, DATA, 9, 0]).debug_register(2), 0);
}

#[test]
fn what_is_not_there_traps() {
    let trap = |code: &[u16]| {
        let mut system = machine(code, [0; 4]);
        system.core.execute(&mut system.bus).unwrap_err()
    };
    assert_eq!(trap(&[0xde00]), Trap::Undefined, "udf #0");
    assert_eq!(trap(&[0xf981, 0x0000]), Trap::Undefined, "a signed store");
    assert_eq!(trap(&[0xee01, 0x0f10]), Trap::NoCoprocessor, "mcr p15, #0, r0, c1, c0, #0");
    assert_eq!(trap(&[0xbe00]), Trap::Breakpoint, "bkpt #0");
    assert_eq!(trap(&[0xdf01]), Trap::SupervisorCall, "svc #1");
}

#[test]
fn a_supervisor_call_stacks_its_frame_and_returns() {
    let mut system = machine(&[0xdf01, 0xbf00], [1, 2, 3, 4]); // svc #1; nop
    // bx lr
    system.bus.write(HANDLERS + 4 * 11, Size::Half, 0x4770).unwrap();
    system.elapse(1);
    assert_eq!(system.core.pc(), HANDLERS + 4 * 11);
    assert_eq!(system.core.exception, 11);
    assert_eq!(system.register(LR as u8), 0xffff_fff9);
    assert_eq!(system.register(SP as u8), STACK - 0x20);
    assert_eq!(system.bus.read(STACK - 0x20 + 24, Size::Word), Ok(CODE + 2), "the return address");
    system.elapse(1);
    assert_eq!((system.core.pc(), system.core.exception), (CODE + 2, 0));
    assert_eq!(system.register(SP as u8), STACK);
}

#[test]
fn systick_wakes_a_sleeping_core() {
    let mut system = machine(&[0xbf30], [0; 4]); // wfi
    system.bus.write(0xe000_e014, Size::Word, 100).unwrap();
    system.bus.write(0xe000_e010, Size::Word, 3).unwrap();
    system.elapse(50);
    assert!(system.core.sleeping);
    system.elapse(100);
    assert_eq!(system.core.exception, Exception::SYS_TICK.number());
}

#[test]
fn faults_escalate_and_then_lock_up() {
    let mut system = machine(&[0xde00], [0; 4]); // udf #0
    system.elapse(1);
    assert_eq!(system.core.exception, Exception::HARD_FAULT.number());
    assert_eq!(system.bus.read(0xe000_ed28, Size::Word), Ok(1 << 16), "CFSR.UNDEFINSTR");
    assert_eq!(system.bus.read(0xe000_ed2c, Size::Word), Ok(1 << 30), "HFSR.FORCED");
    system.bus.write(HANDLERS + 4 * 3, Size::Half, 0xde00).unwrap();
    system.set_register(PC as u8, HANDLERS + 4 * 3);
    system.elapse(1);
    assert!(system.bus.debug.is_locked_up());
    assert_eq!(system.core.pc(), 0xffff_fffe);
    assert!(system.is_idle());
}

#[test]
fn an_enabled_fault_has_its_own_handler() {
    let mut system = machine(&[0x6808], [0, 0x5000_0000, 0, 0]); // ldr r0, [r1]
    system.bus.write(0xe000_ed24, Size::Word, 1 << 17).unwrap();
    system.elapse(1);
    assert_eq!(system.core.exception, Exception::BUS_FAULT.number());
    assert_eq!(system.bus.read(0xe000_ed38, Size::Word), Ok(0x5000_0000), "BFAR");
}

#[test]
fn a_stack_that_cannot_be_written_turns_the_exception_into_a_fault() {
    let mut system = machine(&[0xdf01], [0; 4]); // svc #1
    system.set_register(SP as u8, 0x6000_0100);
    system.elapse(1);
    assert_eq!(system.core.exception, Exception::HARD_FAULT.number());
    assert_eq!((system.register(SP as u8), system.register(LR as u8)), (0x6000_00e0, 0xffff_fff9), "one frame");
    assert_eq!(system.bus.read(0xe000_ed28, Size::Word), Ok(1 << 12), "CFSR.STKERR");
    assert_eq!(system.bus.read(0xe000_ed2c, Size::Word), Ok(1 << 30), "HFSR.FORCED");
    assert_eq!(system.bus.read(0xe000_ed04, Size::Word), Ok(11 << 12 | 1 << 11 | 3), "ICSR: the call is pending");
}

#[test]
fn a_vector_that_cannot_be_read_is_a_hard_fault_and_then_a_lockup() {
    let mut system = machine(&[0xdf01], [0; 4]); // svc #1
    system.bus.failing.push(VECTORS + 4 * 11..VECTORS + 4 * 12);
    system.elapse(1);
    assert_eq!(system.core.pc(), HANDLERS + 4 * 3);
    assert_eq!(system.register(SP as u8), STACK - 0x20, "one frame");
    assert_eq!(system.bus.read(0xe000_ed2c, Size::Word), Ok(1 << 1), "HFSR.VECTTBL");
    let mut system = machine(&[0xde00], [0; 4]); // udf #0
    system.bus.failing.push(VECTORS + 4 * 3..VECTORS + 4 * 4);
    system.elapse(1);
    assert!(system.bus.debug.is_locked_up());
    assert_eq!((system.core.pc(), system.core.exception), (0xffff_fffe, 3));
}

#[test]
fn the_fault_address_registers_are_one() {
    let mut system = machine(&[0x6808], [0, 0x5000_0000, 0, 0]); // ldr r0, [r1]
    system.elapse(1);
    assert_eq!(system.bus.read(0xe000_ed28, Size::Word), Ok(1 << 15 | 1 << 9), "CFSR: BFARVALID, PRECISERR");
    for register in [0xe000_ed34, 0xe000_ed38] {
        assert_eq!(system.bus.read(register, Size::Word), Ok(0x5000_0000));
    }
}

#[test]
fn the_two_stacks_are_kept_apart() {
    let mut system = machine(&[], [0; 4]);
    system.set_register(18, 0x2000_3000);
    system.set_register(20, 2 << 24);
    assert_eq!(system.register(SP as u8), 0x2000_3000, "SPSEL chooses the process stack");
    system.set_register(SP as u8, 0x2000_2ff0);
    assert_eq!((system.register(17), system.register(18)), (STACK, 0x2000_2ff0));
}

#[test]
fn the_stack_changes_with_the_mode_that_the_debugger_writes() {
    let mut system = machine(&[], [0; 4]);
    system.set_register(18, 0x2000_3000);
    system.set_register(20, 2 << 24);
    for (xpsr, sp) in [(0x0100_0003, STACK), (0x0100_0000, 0x2000_3000)] {
        system.set_register(16, xpsr);
        assert_eq!(system.register(SP as u8), sp, "{xpsr:#x}");
        assert_eq!((system.register(17), system.register(18)), (STACK, 0x2000_3000));
    }
}
