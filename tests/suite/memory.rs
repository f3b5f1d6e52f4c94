//! Memory in both directions: the chip says what it holds, and holds what was written.

mod progress;
mod ram_test;
mod running_hart;
mod slow_adapter;
mod streams;

use std::io;
use std::thread;

use openocd::{Error, TargetError};
use virtual_chip::{BusAccess, Transport};

use crate::board::{Board, transport};

const RAM: u64 = 0x2000_0000;
const RAM_SIZE: usize = 20 * 1024;

/// Bytes without a pattern that a wrong offset could hide behind (xorshift).
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..length).map(|_| next()).collect()
}

impl Board {
    fn ram(&self, offset: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.chip.read_memory(RAM as u32 + offset as u32, &mut bytes).unwrap();
        bytes
    }

    fn fill_ram(&self, seed: u32) -> Vec<u8> {
        let bytes = noise(seed, RAM_SIZE);
        self.chip.write_memory(RAM as u32, &bytes).unwrap();
        bytes
    }
}

#[test]
fn every_width_reads_what_the_chip_holds() {
    let board = Board::halted();
    board.chip.write_memory(RAM as u32, &[1, 2, 3, 4, 5, 6, 7, 0xf8]).unwrap();
    let memory = board.session.memory();
    assert_eq!(memory.read_u8(RAM + 1).unwrap(), 2);
    assert_eq!(memory.read_u16(RAM + 2).unwrap(), 0x0403);
    assert_eq!(memory.read_u32(RAM + 4).unwrap(), 0xf807_0605);
    assert_eq!(memory.read_u64(RAM).unwrap(), 0xf807_0605_0403_0201);
    assert_eq!(memory.read_u8_vec(RAM, 3).unwrap(), [1, 2, 3]);
    assert_eq!(memory.read_u16_vec(RAM, 2).unwrap(), [0x0201, 0x0403]);
    assert_eq!(memory.read_u32_vec(RAM, 2).unwrap(), [0x0403_0201, 0xf807_0605]);
    let mut into = [0_u64; 1];
    memory.read_u64_into(RAM, &mut into).unwrap();
    assert_eq!(into, [0xf807_0605_0403_0201]);
}

#[test]
fn bytes_use_word_accesses_where_aligned() {
    let board = Board::halted();
    let memory = board.session.memory();
    let address = RAM as u32 + 0x101;
    let accesses = |is_write| {
        let edge = |offset| BusAccess { address: address + offset, bits: 8, is_write };
        let word = |n: u32| BusAccess { address: address + 3 + 4 * n, bits: 32, is_write };
        [edge(0), edge(1), edge(2)].into_iter().chain((0..10).map(word)).chain([edge(43)]).collect::<Vec<_>>()
    };
    board.chip.watch_accesses(RAM as u32..RAM as u32 + RAM_SIZE as u32);
    let bytes = memory.read_bytes(address.into(), 44).unwrap();
    assert_eq!(board.chip.take_accesses(), accesses(false));
    memory.write_bytes(address.into(), &bytes).unwrap();
    assert_eq!(board.chip.take_accesses(), accesses(true));
}

#[test]
fn every_width_writes_what_the_chip_then_holds() {
    let board = Board::halted();
    let memory = board.session.memory();
    memory.write_u8(RAM, 0x11).unwrap();
    memory.write_u16(RAM + 2, 0x3322).unwrap();
    memory.write_u32(RAM + 4, 0x7766_5544).unwrap();
    memory.write_u64(RAM + 8, 0xffee_ddcc_bbaa_9988).unwrap();
    assert_eq!(board.ram(0, 1), [0x11]);
    assert_eq!(board.ram(2, 14), [0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
    memory.write_u8_slice(RAM, &[1, 2, 3]).unwrap();
    memory.write_u16_slice(RAM + 4, &[0x0605, 0x0807]).unwrap();
    memory.write_u32_slice(RAM + 8, &[u32::MAX, 0]).unwrap();
    memory.write_u64_slice(RAM + 16, &[u64::MAX, 1]).unwrap();
    assert_eq!(board.ram(0, 3), [1, 2, 3]);
    assert_eq!(board.ram(4, 12), [5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    assert_eq!(board.ram(16, 16), [[0xff; 8], [1, 0, 0, 0, 0, 0, 0, 0]].concat());
}

#[test]
fn bytes_of_any_address_and_length_arrive_exactly() {
    let board = Board::halted();
    let held = board.fill_ram(7);
    let memory = board.session.memory();
    for (offset, length) in [
        (0, 1),
        (1, 1),
        (1, 2),
        (3, 2),
        (3, 5),
        (2, 17),
        (5, 1023),
        (0, 16384),
        (1, 16384),
        (3, RAM_SIZE - 3),
        (0, RAM_SIZE),
    ] {
        assert_eq!(
            memory.read_bytes(RAM + offset as u64, length as u64).unwrap(),
            held[offset..offset + length],
            "{offset} {length}"
        );
        let new = noise(offset as u32 * 31 + length as u32, length);
        let around = board.ram(0, RAM_SIZE);
        memory.write_bytes(RAM + offset as u64, &new).unwrap();
        let mut expected = around;
        expected[offset..offset + length].copy_from_slice(&new);
        assert_eq!(board.ram(0, RAM_SIZE), expected, "{offset} {length}");
        board.chip.write_memory(RAM as u32, &held).unwrap();
    }
}

#[test]
fn reads_beyond_openocds_limit_are_split() {
    let board = Board::halted();
    // OpenOCD refuses more than 65536 elements; the flash has 131072 bytes.
    let mut flash = vec![0; 128 * 1024];
    board.chip.read_memory(0x0800_0000, &mut flash).unwrap();
    assert_eq!(board.session.memory().read_u8_vec(0x0800_0000, flash.len()).unwrap(), flash);
    assert_eq!(board.session.memory().read_bytes(0x0800_0000, flash.len() as u64).unwrap(), flash);
}

#[test]
fn nothing_is_sent_for_no_elements() {
    let board = Board::halted();
    let memory = board.session.memory();
    assert!(memory.read_bytes(0xffff_0000, 0).unwrap().is_empty());
    assert!(memory.read_u32_vec(0xffff_0000, 0).unwrap().is_empty());
    memory.write_bytes(0xffff_0000, &[]).unwrap();
    memory.write_u64_slice(0xffff_0000, &[]).unwrap();
    memory.dump_to(0xffff_0000, 0, io::sink()).unwrap();
    assert!(memory.search(0xffff_0000..0xffff_0000, b"x").unwrap().is_empty());
}

#[test]
fn a_running_target_can_be_read_and_written() {
    let board = Board::halted();
    board.session.target().resume().unwrap();
    board.session.memory().write_u32(RAM, 0x600d_600d).unwrap();
    assert_eq!(board.session.memory().read_u32(RAM).unwrap(), 0x600d_600d);
}

#[test]
fn unmapped_memory_is_an_error_with_the_address() {
    let board = Board::halted();
    let memory = board.session.memory();
    for address in [0x6000_0000, RAM + RAM_SIZE as u64] {
        let error = memory.read_u32(address).unwrap_err();
        assert!(
            matches!(error, Error::Target(TargetError::MemoryRead { address: at, .. }) if at == address),
            "{error:?}"
        );
        let error = memory.write_u32(address, 1).unwrap_err();
        assert!(
            matches!(error, Error::Target(TargetError::MemoryWrite { address: at, .. }) if at == address),
            "{error:?}"
        );
        assert!(error.to_string().contains(&format!("{address:#010x}")), "{error}");
        assert!(error.command().unwrap().starts_with("write_memory"), "{error:?}");
        assert!(
            memory.read_u8(address).is_err() && memory.read_u16(address).is_err() && memory.read_u64(address).is_err()
        );
        assert!(
            memory.write_u8(address, 0).is_err()
                && memory.write_u16(address, 0).is_err()
                && memory.write_u64(address, 0).is_err()
        );
        assert!(memory.read_bytes(address, 3).is_err() && memory.write_bytes(address, &[0; 3]).is_err());
    }
}

#[test]
fn a_fault_in_the_middle_is_an_error_with_its_address() {
    let board = Board::halted();
    board.fill_ram(3);
    board.chip.faults().bus_fault_at(0x2000_2a04..0x2000_2a08);
    let memory = board.session.memory();
    let error = memory.read_bytes(RAM, RAM_SIZE as u64).unwrap_err();
    let Error::Target(TargetError::MemoryRead { address, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(*address, 0x2000_2a04, "{error}");
    let error = memory.write_bytes(RAM, &vec![0x5a; RAM_SIZE]).unwrap_err();
    let Error::Target(TargetError::MemoryWrite { address, written_to, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(*address, 0x2000_2a04, "{error}");
    // What the error says is written is written.
    let written = *written_to - RAM;
    board.chip.faults().clear();
    assert_eq!(board.session.memory().read_bytes(RAM, written).unwrap(), vec![0x5a; written as usize]);
}

#[test]
fn misaligned_addresses_are_refused_before_anything_is_sent() {
    let board = Board::halted();
    let memory = board.session.memory();
    let errors = [
        (memory.read_u16(RAM + 1).map(drop), 2),
        (memory.read_u32(RAM + 2).map(drop), 4),
        (memory.read_u64(RAM + 4).map(drop), 8),
        (memory.write_u16(RAM + 3, 0), 2),
        (memory.write_u32_slice(RAM + 1, &[0]), 4),
        (memory.write_u64(RAM + 1, 0), 8),
    ];
    for (result, expected) in errors {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Target(TargetError::Misaligned { width, .. }) if width == expected),
            "{error:?}"
        );
    }
}

#[test]
fn addresses_beyond_the_target_are_refused_and_not_cut() {
    let board = Board::halted();
    board.chip.write_u32(RAM as u32, 0x1111_1111).unwrap();
    // OpenOCD would drop the upper half and go to 0x20000000.
    for memory in [board.session.memory(), board.session.memory().physical()] {
        for result in [
            memory.read_u32(0x1_2000_0000).map(drop),
            memory.write_u32(0x1_2000_0000, 0),
            memory.read_bytes(0xffff_fffc, 8).map(drop),
            memory.write_bytes(0xffff_ffff, &[0; 2]),
        ] {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Target(TargetError::OutOfAddressSpace { bits: 32, .. })), "{error:?}");
        }
        for result in [
            memory.read_u8_vec(u64::MAX, 2).map(drop),
            memory.write_u64(u64::MAX - 7, 1),
            memory.read_u8(u64::MAX).map(drop),
        ] {
            assert!(matches!(result, Err(Error::Target(TargetError::OutOfAddressSpace { .. }))), "{result:?}");
        }
    }
    assert_eq!(board.chip.read_u32(RAM as u32).unwrap(), 0x1111_1111);
    for length in [3 << 30, u64::MAX] {
        let error = board.session.memory().read_bytes(0xffff_0000, length).unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::OutOfAddressSpace { .. })), "{error:?}");
    }
}

#[test]
fn a_big_endian_target_gives_bytes_in_the_order_of_addresses() {
    // OpenOCD takes the target for big-endian; the bytes of the chip stay where they are.
    let board = Board::halted();
    board.session.command("stm32f1x.cpu configure -endian big").unwrap();
    let memory = board.session.memory();
    board.chip.write_memory(RAM as u32, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).unwrap();
    assert_eq!(memory.read_u16(RAM).unwrap(), 0x0102);
    assert_eq!(memory.read_u32(RAM).unwrap(), 0x0102_0304);
    assert_eq!(memory.read_u64(RAM).unwrap(), 0x0102_0304_0506_0708);
    assert_eq!(memory.read_bytes(RAM + 1, 9).unwrap(), [2, 3, 4, 5, 6, 7, 8, 9, 10]);
    memory.write_bytes(RAM + 1, &[21, 22, 23, 24, 25, 26, 27, 28]).unwrap();
    assert_eq!(board.ram(0, 10), [1, 21, 22, 23, 24, 25, 26, 27, 28, 10]);
    memory.write_u64(RAM, 0x0102_0304_0506_0708).unwrap();
    assert_eq!(board.ram(0, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn physical_addresses_can_be_read_and_written() {
    let board = Board::halted();
    let memory = board.session.memory().physical();
    memory.write_u32(RAM, 0x0bad_cafe).unwrap();
    memory.write_bytes(RAM + 5, &[1, 2, 3, 4, 5, 6, 7]).unwrap();
    memory.write_u64(RAM + 16, 77).unwrap();
    assert_eq!((memory.read_u32(RAM).unwrap(), memory.read_u64(RAM + 16).unwrap()), (0x0bad_cafe, 77));
    assert_eq!(memory.read_bytes(RAM + 5, 7).unwrap(), board.ram(5, 7));
}

#[test]
fn a_write_that_is_lost_on_the_wire_is_an_error() {
    let board = Board::halted();
    board.chip.faults().garble_write();
    let result = board.session.memory().write_u32(RAM, 0x600d_600d);
    if transport() == Transport::Jtag {
        // Data have no parity there.
        result.unwrap();
    } else {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Target(TargetError::MemoryWrite { address: RAM, .. })), "{error:?}");
        assert!(error.to_string().contains("CTRL/STAT is 0xf00000"), "{error}");
        assert_ne!(board.chip.read_u32(RAM as u32), Ok(0x600d_600d));
        board.session.memory().write_u32(RAM, 0x600d_600d).unwrap();
    }
    assert_eq!(board.chip.read_u32(RAM as u32), Ok(0x600d_600d));
}

#[test]
fn threads_share_the_memory_of_one_session() {
    let board = Board::halted();
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let memory = board.session.memory();
            scope.spawn(move || {
                let at = RAM + thread * 1024;
                for round in 0..2 {
                    let bytes = noise((thread * 100 + round) as u32, 999);
                    memory.write_bytes(at + 1, &bytes).unwrap();
                    assert_eq!(memory.read_bytes(at + 1, 999).unwrap(), bytes);
                }
            });
        }
    });
}
