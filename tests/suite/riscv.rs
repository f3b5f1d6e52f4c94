//! The debug module interface of the virtual hart, and what a hart cannot read.

use openocd::{
    BreakpointError, Error, HaltReason, JtagError, OpenOcdProcess, RttError, Session, TargetError, Variable,
    WatchpointAccess,
};
use virtual_chip::{Model, VirtualBoard, VirtualHart};

use crate::board::{Board, INSTALL, PATIENCE, interpreter};

const DATA0: u32 = 0x04;
const DMSTATUS: u32 = 0x11;

#[test]
fn words_of_the_debug_module_are_read_and_written() {
    let hart = VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let riscv = session.riscv();
    // Version 0.13, authenticated; allhalted and anyhalted follow the hart.
    let status = riscv.dmi_read(DMSTATUS).unwrap();
    assert_eq!(status & 0xff & 0x8f, 0x82, "{status:#x}");
    assert_eq!(status >> 8 & 3, 0, "the hart runs");
    session.target().halt().unwrap();
    assert_eq!(riscv.dmi_read(DMSTATUS).unwrap() >> 8 & 3, 3);
    let pause = session.pause_polling().unwrap();
    for value in [0x1234_5678, 0, u32::MAX] {
        riscv.dmi_write(DATA0, value).unwrap();
        assert_eq!(riscv.dmi_read(DATA0).unwrap(), value);
    }
    pause.resume().unwrap();
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_zero() {
    // 16 KiB from 0x8000_0000.
    let (zeros, end) = (0x8000_3000, 0x8000_4000);
    let hart = VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    session.target().halt().unwrap();
    let memory = session.memory();
    memory.write_bytes(zeros, &[0; 400]).unwrap();
    assert_eq!(memory.read_u32_vec(zeros, 100).unwrap(), [0; 100]);
    assert_eq!(memory.read_u64_vec(zeros, 2).unwrap(), [0; 2]);
    assert_eq!(memory.read_bytes(zeros + 1, 7).unwrap(), [0; 7]);
    memory.write_bytes(end - 400, &[0; 400]).unwrap();
    let mut batch = session.batch();
    let batched = batch.memory().read_u32_vec(end, 2);
    batch.run().unwrap();
    let sampled = |variable| memory.sample(&[variable], PATIENCE).unwrap().next().unwrap().map(drop);
    let refused = [
        ("begins there", memory.read_u32_vec(end, 2).map(drop)),
        ("bytes", memory.read_bytes(end + 1, 7).map(drop)),
        ("halves", memory.read_u16_vec(end, 3).map(drop)),
        ("64 bits", memory.read_u64(end).map(drop)),
        ("several of 64 bits", memory.read_u64_vec(end - 8, 2).map(drop)),
        ("goes beyond it", memory.read_u32_vec(end - 8, 4).map(drop)),
        ("long", memory.read_u32_vec(end - 396, 100).map(drop)),
        ("in a batch", batched.result().map(drop)),
        ("in a sample", sampled(Variable::u64(end))),
    ];
    for (case, result) in refused {
        let Err(Error::Target(TargetError::MemoryRead { address, .. })) = &result else { panic!("{case}: {result:?}") };
        assert!((end - 396..=end + 1).contains(address), "{case}: {address:#x}");
    }
}

#[test]
fn control_block_of_rtt_that_a_hart_cannot_read_is_an_error() {
    let board = VirtualBoard::start(&[Model::RiscvHart, Model::Stm32f103]).unwrap();
    let openocd = OpenOcdProcess::builder().config(board.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    let targets = session.targets().unwrap();
    let hart = targets.iter().find(|target| target.kind == "riscv").unwrap();
    let target = session.target_named(&hart.name).unwrap();
    target.halt().unwrap();
    let rtt = target.rtt();
    // 16 KiB from 0x8000_0000.
    rtt.setup(0x8000_3000, 0x2000, "SEGGER RTT").unwrap();
    let error = rtt.start().unwrap_err();
    assert!(matches!(error, Error::Rtt(RttError::Refused { .. })), "{error:?}");
    // A block of two channels, the second beyond the memory. The first has no ring.
    let mut words = [0_u32; 12];
    words[..5].copy_from_slice(&[0x4747_4553, 0x5220_5245, 0x5454, 0, 2]);
    target.memory().write_u32_slice(0x8000_3fd0, &words).unwrap();
    rtt.setup(0x8000_3f00, 0x100, "SEGGER RTT").unwrap();
    let error = rtt.start().unwrap_err();
    assert!(matches!(error, Error::Rtt(RttError::NoControlBlock { .. })), "{error:?}");
    assert!(error.to_string().contains("the ring of up-channel 1 is not readable"), "{error}");
}

#[test]
fn an_address_that_the_interface_cannot_have_is_refused() {
    let hart = VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let riscv = session.riscv();
    assert!(riscv.dmi_read(0x7f).is_ok());
    // OpenOCD would access dmstatus and dmcontrol: the interface has seven bits.
    for address in [0x80, 0x80 | DMSTATUS, 0x90, u32::MAX] {
        for result in [riscv.dmi_read(address).map(drop), riscv.dmi_write(address, 0)] {
            let Err(Error::Jtag(JtagError::ValueTooWide { bits: 7, .. })) = result else {
                panic!("{address:#x}: {result:?}")
            };
        }
    }
    session.target().halt().unwrap();
}

#[test]
fn a_target_without_a_debug_module_is_refused() {
    let board = Board::start();
    let error = |result: openocd::Result<()>| match result {
        Err(Error::Jtag(error)) => error,
        other => panic!("{other:?}"),
    };
    for refused in [
        error(board.session.riscv().dmi_read(DMSTATUS).map(drop)),
        // On 0.12.0 this would be a call through a wild pointer.
        error(board.session.riscv().dmi_write(DATA0, 0)),
    ] {
        let JtagError::NotRiscv { target, kind } = &refused else { panic!("{refused:?}") };
        assert_eq!((&**target, &**kind), ("stm32f1x.cpu", "cortex_m"));
    }
    assert!(matches!(error(interpreter().riscv().dmi_write(DATA0, 0)), JtagError::NotRiscv { .. }));
}

#[test]
fn the_hart_of_a_mixed_chain_is_reached_by_name() {
    let board = VirtualBoard::start(&[Model::RiscvHart, Model::Stm32f103]).unwrap();
    let openocd = OpenOcdProcess::builder().config(board.openocd_config()).ready_timeout(PATIENCE);
    let session = Session::builder().timeout(PATIENCE).start(openocd).unwrap();
    for target in session.targets().unwrap() {
        let read = session.target_named(&target.name).unwrap().riscv().dmi_read(DMSTATUS);
        assert_eq!(read.is_ok(), target.kind == "riscv", "{target:?}: {read:?}");
    }
}

#[test]
fn a_running_hart_without_a_system_bus_is_not_halted_in_every_call() {
    let hart = VirtualHart::start().unwrap();
    hart.set_system_bus_access(false);
    let session = Session::start(hart.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let (target, memory) = (session.target(), session.memory());
    let address = 0x8000_1000;
    for round in 0..2 {
        for (call, result) in [
            memory.read_u8(address).map(drop),
            memory.read_u32_vec(address, 2).map(drop),
            memory.read_bytes(address, 100).map(drop),
            memory.write_u8(address, 1),
            memory.write_bytes(address, &[1; 100]),
            session.registers().pc().map(drop),
            target.step().map(drop),
            session.command("reg pc").map(drop),
            session.command(&format!("mdw {address:#x}")).map(drop),
            session.command(&format!("read_memory {address:#x} 32 1")).map(drop),
        ]
        .into_iter()
        .enumerate()
        {
            let is_not_halted = matches!(result, Err(Error::Target(TargetError::NotHalted { .. })));
            assert!(is_not_halted, "round {round}, call {call}: {result:?}");
        }
        // The second round is that of a hart that OpenOCD has halted before.
        target.halt().unwrap();
        memory.write_u8(address, 1).unwrap();
        let unmapped = memory.read_u32(0x1000_0000).unwrap_err();
        assert!(matches!(unmapped, Error::Target(TargetError::MemoryRead { .. })), "{unmapped:?}");
        target.resume().unwrap();
    }
}

/// The triggers of the virtual hart compare single addresses.
#[test]
fn a_watchpoint_that_would_watch_its_first_address_only_is_refused() {
    let hart = VirtualHart::start().unwrap();
    let session = Session::start(hart.openocd_config()).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    let target = session.target();
    target.halt().unwrap();
    // `lui a0, 0x80001`, `sw zero, 0x100(a0)`, `j .`
    let code = 0x8000_0200;
    for (place, word) in (code..).step_by(4).zip([0x8000_1537, 0x1005_2023, 0x0000_006f]) {
        session.memory().write_u32(place, word).unwrap();
    }
    let breakpoints = session.breakpoints();
    for level in ["2", "-2"] {
        session.command(&format!("debug_level {level}")).unwrap();
        for (address, length) in [(0x8000_10fc, 8), (0x8000_1100, 4)] {
            let refused = breakpoints.add_watchpoint(address, length, WatchpointAccess::Write);
            let is_refused = matches!(refused, Err(Error::Breakpoint(BreakpointError::Unsupported { .. })));
            assert!(is_refused, "{refused:?}");
        }
    }
    assert_eq!(breakpoints.list_watchpoints().unwrap().len(), 0);
    breakpoints.add_watchpoint(0x8000_1100, 1, WatchpointAccess::Write).unwrap();
    target.resume_at(code).unwrap();
    let status = target.wait_halt(PATIENCE).unwrap();
    // 0.12.0 knows no reason of a hart.
    assert!(matches!(status.halt_reason, Some(HaltReason::Watchpoint | HaltReason::Unknown)), "{status:?}");
    assert!(status.pc < Some(code + 12), "{status}");
}
