#![allow(clippy::single_range_in_vec_init, reason = "a range is what a core file holds")]

use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};

use super::*;
use crate::registers::Register;
use crate::types::RegisterValue;

fn dump(names: &[&str], value: fn(u32) -> RegisterValue) -> RegisterDump {
    let register =
        |(number, name): (u32, &&str)| Register { name: (*name).to_owned(), value: value(number), dirty: false };
    RegisterDump { registers: (0..).zip(names).map(register).collect(), unreadable: Vec::new() }
}

/// The contents of `NT_PRSTATUS`, and where the ranges lie in the file and in memory.
fn read<H: FileHeader<Endian = object::Endianness>>(file: &[u8]) -> (Vec<u8>, Vec<(u64, u64, u64)>) {
    let header = H::parse(file).unwrap();
    let endian = header.endian().unwrap();
    let mut loads = Vec::new();
    let mut status = Vec::new();
    for segment in header.program_headers(endian, file).unwrap() {
        if let Some(mut notes) = segment.notes(endian, file).unwrap() {
            let note = notes.next().unwrap().unwrap();
            assert_eq!((note.name(), note.n_type(endian).0), (&b"CORE"[..], NT_PRSTATUS));
            status = note.desc().to_vec();
            let note = notes.next().unwrap().unwrap();
            assert_eq!((note.name(), note.n_type(endian).0), (&b"GDB"[..], NT_GDB_TDESC));
            assert!(notes.next().unwrap().is_none());
        } else {
            loads.push((
                segment.p_offset(endian).into(),
                segment.p_vaddr(endian).into(),
                segment.p_filesz(endian).into(),
            ));
        }
    }
    (status, loads)
}

#[test]
fn file_of_a_cortex_m_has_the_layout_of_linux() {
    let names: Vec<_> = CORTEX_M[..16].iter().chain(&["xpsr"]).copied().collect();
    let core = Core::new(true, true, &dump(&names, |number| (0x1000 + number).into())).unwrap();
    let head = core.head(&[0x2000_0000..0x2000_0010, 0x1000_0000..0x1000_0004]).unwrap();
    let (status, loads) = read::<FileHeader32<object::Endianness>>(&head);
    assert_eq!(status.len(), 148);
    let registers: Vec<_> =
        status[72..140].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    assert_eq!(registers, (0x1000..0x1011).collect::<Vec<_>>());
    let end = head.len() as u64;
    assert_eq!(loads, [(end, 0x2000_0000, 16), (end + 16, 0x1000_0000, 4)]);
}

#[test]
fn file_of_a_64_bit_hart_has_64_bit_numbers() {
    let core =
        Core::new(false, true, &dump(&RISCV, |number| (0xffff_ffff_0000_0000 + u64::from(number)).into())).unwrap();
    let head = core.head(&[0x8000_0000..0x8000_0010]).unwrap();
    let (status, loads) = read::<FileHeader64<object::Endianness>>(&head);
    assert_eq!(status.len(), 376);
    assert_eq!(status[112..120], 0xffff_ffff_0000_0000_u64.to_le_bytes());
    assert_eq!(loads, [(head.len() as u64, 0x8000_0000, 16)]);
}

#[test]
fn file_of_a_32_bit_hart_has_32_registers() {
    let core = Core::new(false, true, &dump(&RISCV, Into::into)).unwrap();
    assert_eq!(read::<FileHeader32<object::Endianness>>(&core.head(&[]).unwrap()).0.len(), 204);
}

#[test]
fn file_of_a_big_endian_target_is_big_endian() {
    let core = Core::new(true, false, &dump(&CORTEX_M, |_| 0x0102_0304_u32.into())).unwrap();
    let (status, _) = read::<FileHeader32<object::Endianness>>(&core.head(&[]).unwrap());
    assert_eq!(status[72..76], [1, 2, 3, 4]);
}

#[test]
fn more_than_a_32_bit_file_can_hold_is_refused() {
    let core = Core::new(true, true, &dump(&CORTEX_M, |_| 0_u32.into())).unwrap();
    assert!(core.head(&[0..0xffff_ffff]).is_none());
    assert!(core.head(&[0x1_0000_0000..0x1_0000_0004]).is_none());
}

#[test]
fn register_that_is_missing_is_an_error() {
    let error = Core::new(true, true, &dump(&CORTEX_M[..16], |_| 0_u32.into())).unwrap_err();
    assert!(error.to_string().contains("xPSR or xpsr"), "{error}");
}
