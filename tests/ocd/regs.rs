//! Core registers.

use virtual_chip::Register;

use crate::bench::Bench;

#[test]
fn registers_of_a_halted_target_are_shown_by_name() {
    let bench = Bench::new();
    bench.chip.halt();
    bench.chip.set_register(Register::R(3), 0x1234_5678);
    let ran = bench.ocd(&["regs", "r3", "pc"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "r3  0x12345678", "{ran:?}");
    assert!(lines[1].starts_with("pc  0x0800"), "{ran:?}");
    let result = bench.ocd(&["regs", "r3", "--json"]).expect(0).result();
    assert_eq!(result["registers"][0]["value"], 0x1234_5678);
    assert_eq!(result["registers"][0]["bits"], 32);
}

#[test]
fn the_general_registers_or_all_are_shown_without_names() {
    let bench = Bench::new();
    bench.chip.halt();
    let general = bench.ocd(&["regs", "--json"]).expect(0).result();
    let general = general["registers"].as_array().unwrap();
    let all = bench.ocd(&["regs", "--all", "--json"]).expect(0).result();
    assert_eq!(general.len(), 23);
    let names: Vec<&str> = general.iter().map(|register| register["name"].as_str().unwrap()).collect();
    assert!(names.ends_with(&["primask", "basepri", "faultmask", "control"]), "{names:?}");
    assert!(all["registers"].as_array().unwrap().len() >= general.len(), "{all}");
    assert!(all["unreadable"].is_array(), "{all}");
}

#[test]
fn registers_of_a_running_target_and_unknown_ones_are_refused() {
    let bench = Bench::new();
    let ran = bench.ocd(&["regs"]).expect(73);
    assert!(ran.stderr.contains("help: halt the target first"), "{ran:?}");
    bench.chip.halt();
    let error = bench.ocd(&["regs", "r77", "--json"]).expect(64).error();
    assert_eq!(error["id"], "target.unknown_register");
}

#[test]
fn a_written_register_is_held_and_reaches_the_core_when_it_resumes() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    let ran = bench.ocd_on(&session, &["regs", "--write", "r7=0xcafe", "--write", "r6=-"]).expect(64);
    assert!(ran.stderr.contains("\"-\" is no address"), "{ran:?}");
    let ran = bench.ocd_on(&session, &["regs", "--write", "r7=0xcafe"]).expect(0);
    assert_eq!(ran.stdout, "r7  0x0000cafe  (written when the target resumes)\n");
    bench.ocd_on(&session, &["step"]).expect(0);
    assert_eq!(bench.chip.register(Register::R(7)), 0xcafe);
}

#[test]
fn only_what_was_written_is_marked_as_written() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    // OpenOCD computes a checksum on the target, with registers of its own, and puts them back later.
    let image =
        openocd::Image::from_segments([openocd::Segment { address: 0x0800_0000, data: vec![0; 4096] }]).unwrap();
    session.flash().verify_image_at(&image).unwrap();
    assert!(session.target().registers().read("r1").unwrap().dirty);
    let ran = bench.ocd_on(&session, &["regs", "r1", "pc", "--write", "r7=0xcafe"]).expect(0);
    let marked: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("(written when")).collect();
    assert_eq!(marked, ["r7  0x0000cafe  (written when the target resumes)"], "{ran:#?}");
}

#[test]
fn no_register_is_written_if_another_one_is_wrong() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    session.target().registers().write("r1", 5_u32).unwrap();
    let write = ["regs", "--write", "r1=7"];
    for (more, problem) in [
        (&["--write", "nope=2"][..], "stm32f1x.cpu has no register \"nope\""),
        (&["nope"], "stm32f1x.cpu has no register \"nope\""),
        (&["--write", "r2=0x1_ffff_ffff"], "0x00000001ffffffff does not fit into the 32 bits of register \"r2\""),
        (&["--write", "primask=2"], "0x0000000000000002 does not fit into the 1 bits of register \"primask\""),
    ] {
        let ran = bench.ocd_on(&session, &[&write, more].concat()).expect(64);
        assert_eq!(ran.stderr.lines().next().unwrap(), format!("error: {problem}"), "{ran:#?}");
        let held = session.target().registers().read("r1").unwrap();
        assert_eq!(held.value.to_u64(), Some(5), "{more:?}");
    }
}

#[test]
fn a_second_register_to_write_without_an_option_of_its_own_is_told_how() {
    let bench = Bench::new();
    bench.chip.halt();
    let ran = bench.ocd(&["regs", "--write", "r1=7", "r2=9"]).expect(64);
    assert!(ran.stderr.contains("help: --write is for one register: ocd regs --write r1=7 --write r2=9"), "{ran:?}");
    let ran = bench.ocd(&["regs", "r2=9"]).expect(64);
    assert!(ran.stderr.contains("help: to write a register: ocd regs --write r2=9"), "{ran:?}");
    let help = bench.ocd_alone(&["regs", "--help"]).expect(0).stdout;
    assert!(help.contains("Repeat --write for each register"), "{help}");
}

#[test]
fn a_register_is_written_before_the_commands_openocd_ends() {
    let bench = Bench::new();
    bench.chip.halt();
    bench.chip.set_register(Register::R(7), 1);
    bench.ocd(&["regs", "--write", "r7=2", "-w", "pc=0x08000044"]).expect(0);
    assert_eq!(bench.chip.register(Register::R(7)), 2);
    assert_eq!(bench.chip.register(Register::Pc), 0x0800_0044);
    bench.ocd(&["regs", "--write", "r7=3", "--on-exit", "resume"]).expect(0);
    assert_eq!(bench.chip.register(Register::R(7)), 3);
}

#[test]
fn what_is_in_the_program_counter_is_named() {
    let bench = Bench::new();
    bench.chip.halt();
    let elf = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/crash/crash.elf");
    bench.chip.load_elf(&std::fs::read(elf).unwrap());
    bench.chip.halt();
    let image = openocd::Image::open(elf).unwrap();
    let function = image.symbol("inner").unwrap();
    bench.chip.set_register(Register::Pc, u32::try_from(function.address).unwrap() + 2);
    let ran = bench.ocd(&["regs", "pc", "--elf", elf]).expect(0);
    assert!(ran.stdout.ends_with("  inner+0x2\n"), "{ran:?}");
}

#[test]
fn the_general_registers_of_a_risc_v_hart_have_their_own_names() {
    let bench = Bench::new();
    let hart = virtual_chip::VirtualHart::start().unwrap();
    hart.halt();
    hart.set_x(10, 0xcafe);
    let config = hart.openocd_config();
    let registers = bench.ocd_alone(&["regs", "--json", "--config", &config]).expect(0).result();
    let registers = registers["registers"].as_array().unwrap().clone();
    let a0 = registers.iter().find(|register| register["name"] == "a0").unwrap();
    assert_eq!(a0["value"], 0xcafe);
    assert_eq!(registers.len(), 32);
}

#[test]
fn written_stack_pointer_is_shown_as_the_core_takes_it() {
    let bench = Bench::new();
    let session = bench.session();
    session.target().halt().unwrap();
    for name in ["sp", "msp", "psp"] {
        let ran = bench.ocd_on(&session, &["regs", "--write", &format!("{name}=0x20004003")]).expect(0);
        assert!(ran.stdout.contains("0x20004000") && !ran.stdout.contains("0x20004003"), "{name}: {ran:?}");
    }
    // The instruction may use the other one.
    bench.ocd_on(&session, &["step"]).expect(0);
    assert_eq!(bench.chip.register(Register::Psp), 0x2000_4000);
}
