#!/bin/sh
# Builds the boot ROM and the program of the RP2040.
#
# The files in the repository were made with Debian 12's binutils-arm-none-eabi (2.40).
set -eu
cd "$(dirname "$0")"
objects=$(mktemp -d)
trap 'rm -r "$objects"' EXIT

# Usage: build PROGRAM ADDRESS
build() {
    arm-none-eabi-as -mcpu=cortex-m0plus "$1.s" -o "$objects/$1.o"
    arm-none-eabi-ld -N -Ttext="$2" -e "$2" -z max-page-size=4 "$objects/$1.o" -o "$1.elf"
    chmod -x "$1.elf"
}

build bootrom 0
arm-none-eabi-objcopy -O binary bootrom.elf bootrom.bin
rm bootrom.elf
chmod -x bootrom.bin
build cores 0x10000100
