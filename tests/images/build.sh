#!/bin/sh
# Builds the ELF files and what GNU objcopy loads of each, as S-records. Needs binutils for Arm and RISC-V, and
# llvm-objcopy.
set -e
cd "$(dirname "$0")"
arm=arm-none-eabi riscv=riscv64-unknown-elf

$arm-as firmware.s -o arm.o
$arm-as -mbig-endian firmware.s -o armeb.o
$riscv-as firmware.s -o riscv64.o

$arm-ld -z max-page-size=4 -T at_zero.ld arm.o -o at_zero.elf
# The first segment of these begins below 0x08004000 and holds the headers of the file.
$arm-ld -z max-page-size=4 -T rom.ld arm.o -o headers_in_segment.elf
$arm-ld -z max-page-size=4 -EB -T rom.ld armeb.o -o big_endian.elf
$riscv-ld -z max-page-size=4 -T rom.ld riscv64.o -o riscv64.elf
# No sections: the segments decide.
llvm-objcopy --strip-sections at_zero.elf no_sections.elf

for elf in at_zero big_endian headers_in_segment; do $arm-objcopy -O srec --srec-forceS3 $elf.elf $elf.srec; done
$riscv-objcopy -O srec --srec-forceS3 riscv64.elf riscv64.srec
rm -f ./*.o
