//! Registers that share what the core has: stack pointers, CONTROL, and what is in one word with it.

use openocd::{Error, TargetError, VectorCatch};
use virtual_chip::Register;

use crate::board::{Board, PATIENCE};

const CODE: u32 = 0x2000_1000;

/// A halted chip that executes `b .`.
fn idle() -> Board {
    let board = Board::halted();
    board.session.memory().write_u16(CODE.into(), 0xe7fe).unwrap();
    board.session.registers().write("pc", CODE).unwrap();
    board
}

/// What the core must have.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stacks {
    msp: u32,
    psp: u32,
    control: u32,
}

impl Stacks {
    fn in_use(&mut self) -> &mut u32 {
        if self.control & 2 == 0 { &mut self.msp } else { &mut self.psp }
    }

    fn write(&mut self, name: &str, value: u32) {
        match name {
            "sp" => *self.in_use() = value,
            "msp" => self.msp = value,
            "psp" => self.psp = value,
            _ => self.control = value,
        }
    }

    fn names(mut self) -> [(&'static str, u32); 4] {
        [("sp", *self.in_use()), ("msp", self.msp), ("psp", self.psp), ("control", self.control)]
    }
}

fn assert_reads(board: &Board, expected: Stacks, case: &str) {
    let registers = board.session.registers();
    for (name, value) in expected.names() {
        assert_eq!(registers.read_u64(name).unwrap(), value.into(), "{name} after {case}");
        assert_eq!(registers.forced().read_u64(name).unwrap(), value.into(), "{name}, forced, after {case}");
    }
}

/// Steps, and compares with what the core has.
fn assert_reached(board: &Board, expected: Stacks, case: &str) {
    board.session.target().step().unwrap();
    let register = |register| board.chip.register(register);
    let held =
        Stacks { msp: register(Register::Msp), psp: register(Register::Psp), control: register(Register::Control) };
    assert_eq!(held, expected, "after {case}");
    assert_reads(board, expected, &format!("{case} and a step"));
}

#[test]
fn later_write_of_a_stack_pointer_or_control_is_never_lost() {
    let board = idle();
    let registers = board.session.registers();
    let mut value = 0x2000_2000;
    let mut expected = Stacks { msp: board.chip.register(Register::Msp), psp: 0, control: 0 };
    assert_reads(&board, expected, "the halt");
    let writes = ["sp", "msp", "psp", "control 0", "control 2"];
    for (first, second, third) in (0..125).map(|case| (case / 25, case / 5 % 5, case % 5)) {
        let case = [first, second, third].map(|write| writes[write]);
        for write in case {
            value += 4;
            let (name, given) = match write.split_once(' ') {
                Some((name, given)) => (name, given.parse().unwrap()),
                None => (write, value),
            };
            registers.write(name, given).unwrap();
            expected.write(name, given);
            assert_reads(&board, expected, &format!("{write} of {case:?}"));
        }
        assert_reached(&board, expected, &format!("{case:?}"));
    }
}

#[test]
fn later_write_in_a_batch_is_never_lost() {
    let board = idle();
    let mut batch = board.session.batch();
    let written =
        [("sp", 0x2000_3800), ("control", 2), ("sp", 0x2000_2800), ("psp", 0x2000_2c00), ("msp", 0x2000_3400)]
            .map(|(name, value)| batch.registers().write(name, value));
    batch.run().unwrap();
    for written in written {
        written.result().unwrap();
    }
    assert_reached(&board, Stacks { msp: 0x2000_3400, psp: 0x2000_2c00, control: 2 }, "the batch");
}

/// As GDB leaves it.
#[test]
fn stack_pointer_that_was_written_by_hand_is_that_of_its_time() {
    let board = idle();
    board.session.command("reg sp 0x20003100").unwrap();
    board.session.registers().write("control", 2).unwrap();
    let expected = Stacks { msp: 0x2000_3100, psp: board.chip.register(Register::Psp), control: 2 };
    assert_reads(&board, expected, "control");
    assert_reached(&board, expected, "control");
}

#[test]
fn registers_that_are_in_one_word_with_control_all_reach_the_core() {
    let board = idle();
    let registers = board.session.registers();
    let written = [("primask", 1), ("basepri", 0x20), ("faultmask", 1), ("control", 2)];
    for (name, value) in written {
        registers.write(name, value).unwrap();
        // Reads of the others from the target lose none.
        for (name, _) in written {
            registers.forced().read(name).unwrap();
        }
    }
    board.session.target().step().unwrap();
    let held = [Register::Primask, Register::Basepri, Register::Faultmask, Register::Control];
    assert_eq!(held.map(|register| board.chip.register(register)), written.map(|(_, value)| value));
}

#[test]
fn stack_pointer_follows_a_change_of_the_mode() {
    let board = Board::start();
    board.chip.halt();
    board.chip.set_register(Register::Control, 2);
    board.chip.set_register(Register::Msp, 0x2000_3000);
    board.chip.set_register(Register::Psp, 0x2000_2000);
    board.chip.set_register(Register::Xpsr, 0x0100_0003);
    board.session.target().halt().unwrap();
    board.session.memory().write_u16(CODE.into(), 0xe7fe).unwrap();
    let registers = board.session.registers();
    registers.write("pc", CODE).unwrap();
    assert_eq!(registers.sp().unwrap(), 0x2000_3000, "handler mode has the main stack");
    registers.write("sp", 0x2000_3100).unwrap();
    assert_eq!(registers.read_u64("msp").unwrap(), 0x2000_3100);
    registers.write("xpsr", 0x0100_0000).unwrap();
    let expected = Stacks { msp: 0x2000_3100, psp: 0x2000_2000, control: 2 };
    assert_reads(&board, expected, "a change of the mode");
    assert_reached(&board, expected, "a change of the mode");
}

#[test]
fn stack_is_not_chosen_in_handler_mode() {
    let board = Board::halted();
    let (target, registers) = (board.session.target(), board.session.registers());
    board.session.memory().write_u16(CODE.into(), 0xde00).unwrap(); // udf
    target.set_vector_catch(&VectorCatch::FAULTS).unwrap();
    registers.write("psp", 0x2000_2000).unwrap();
    registers.write("control", 2).unwrap();
    target.resume_at(CODE.into()).unwrap();
    target.wait_halt(PATIENCE).unwrap();
    let main = board.chip.register(Register::Msp);
    assert_eq!((registers.sp().unwrap(), registers.read_u64("control").unwrap()), (main.into(), 0));
    let refused = || {
        let error = registers.write("control", 2).unwrap_err();
        assert!(matches!(&error, Error::Target(TargetError::Register { name, .. }) if name == "control"), "{error:?}");
        assert!(error.to_string().contains("handler mode"), "{error}");
        assert_eq!(registers.read_u64("control").unwrap(), 0);
    };
    refused();
    registers.write("control", 1).unwrap();
    registers.write("control", 0).unwrap();
    // OpenOCD writes xPSR later than CONTROL, so the core still is in handler mode then.
    registers.write("xpsr", 0x0100_0000).unwrap();
    refused();
}

#[test]
fn register_of_the_current_security_state_is_written_under_both_names() {
    // No virtual chip has the Security Extension, so OpenOCD's commands stand aside.
    let board = Board::halted();
    let names = "xpsr sp msp psp control msp_s psp_s control_s primask primask_s msp_ns psp_ns control_ns";
    let other = format!(
        "set held {{}}; set secure 1; foreach name {{{names}}} {{ dict set held $name 0 }}
        rename read_memory openocd_read_memory
        proc read_memory {{address width count}} {{ return [expr {{$address == 0xe000ee08 ? $::secure << 16 : 0}}] }}
        rename reg openocd_reg
        proc reg {{{{name {{}}}} {{value {{}}}}}} {{
            global held
            if {{$value ne {{}}}} {{ dict set held $name $value }}
            if {{$name ne {{}}}} {{ return [format {{%s (/32): 0x%08x}} $name [dict get $held $name]] }}
            set lines {{}}
            foreach name [dict keys $held] {{ lappend lines [format {{(%d) %s (/32): 0x%08x}} 1 $name [dict get $held $name]] }}
            return [join $lines \n]
        }}"
    );
    board.session.command(&other).unwrap();
    let registers = board.session.registers();
    let holds = |expected: &[(&str, u64)]| {
        for &(name, value) in expected {
            assert_eq!(registers.read_u64(name).unwrap(), value, "{name}");
        }
    };
    registers.write("sp", 0x10).unwrap();
    holds(&[("sp", 0x10), ("msp", 0x10), ("msp_s", 0x10), ("msp_ns", 0)]);
    registers.write("psp_s", 0x20).unwrap();
    registers.write("msp_ns", 0x30).unwrap();
    holds(&[("psp", 0x20), ("psp_s", 0x20), ("psp_ns", 0), ("msp_ns", 0x30), ("sp", 0x10), ("msp", 0x10)]);
    registers.write("control_s", 2).unwrap();
    registers.write("primask", 1).unwrap();
    holds(&[("control", 2), ("control_ns", 0), ("sp", 0x20), ("msp", 0x10), ("primask_s", 1)]);
    board.session.command("set secure 0; reg control 0").unwrap();
    registers.write("msp_ns", 0x40).unwrap();
    registers.write("psp_s", 0x50).unwrap();
    holds(&[("sp", 0x40), ("msp", 0x40), ("msp_s", 0x10), ("psp", 0x20), ("psp_s", 0x50)]);
}
