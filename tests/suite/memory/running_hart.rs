//! Memory of a running hart that OpenOCD reaches only while the hart is halted.

use std::time::Duration;

use openocd::{Error, OpenOcdProcess, Session, TargetError};
use virtual_chip::VirtualHart;

use crate::board::{INSTALL, PATIENCE};

const RAM: u64 = 0x8000_0000;

#[track_caller]
fn assert_not_halted<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::NotHalted { .. })), "{error:?}");
}

#[test]
fn every_access_is_not_halted() {
    let hart = VirtualHart::start().unwrap();
    let openocd = OpenOcdProcess::builder().config(hart.openocd_config()).ready_timeout(PATIENCE);
    let session =
        Session::builder().timeout(PATIENCE).start(openocd).unwrap_or_else(|error| panic!("{INSTALL}\n{error}"));
    session.target().halt().unwrap();
    session.command("riscv set_mem_access progbuf").unwrap();
    let memory = session.memory();
    memory.write_u32(RAM + 0x100, 0x1234).unwrap();
    session.command("resume").unwrap();
    assert_not_halted(memory.read_u8(RAM + 0x100));
    assert_not_halted(memory.read_u16(RAM + 0x100));
    assert_not_halted(memory.read_u32(RAM + 0x100));
    assert_not_halted(memory.read_u64(RAM + 0x100));
    assert_not_halted(memory.read_u32_vec(RAM + 0x100, 100));
    assert_not_halted(memory.read_bytes(RAM + 0x101, 9));
    assert_not_halted(memory.write_u8(RAM + 0x100, 1));
    assert_not_halted(memory.write_u32_slice(RAM + 0x100, &[1; 100]));
    assert_not_halted(memory.write_u64(RAM + 0x100, 1));
    assert_not_halted(memory.write_bytes(RAM + 0x101, &[1; 9]));
    assert_not_halted(memory.search(RAM..RAM + 100, b"x"));
    assert_not_halted(memory.sample(&[RAM + 0x100, RAM], Duration::from_millis(1)).unwrap().next().unwrap());
    let mut batch = session.batch();
    let read = batch.memory().read_u32(RAM + 0x100);
    let bytes = batch.memory().read_bytes(RAM + 0x101, 9);
    let written = batch.memory().write_u32(RAM + 0x100, 5);
    batch.run().unwrap();
    assert_not_halted(read.result());
    assert_not_halted(bytes.result());
    assert_not_halted(written.result());
    session.target().halt().unwrap();
    assert_eq!(memory.read_u32(RAM + 0x100).unwrap(), 0x1234, "nothing was written");
    // Halted, it is the memory that fails.
    let error = memory.read_u32(0x1000_0000).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryRead { .. })), "{error:?}");
}
