#!/bin/sh
# Builds the C programs of this directory into ELF files with symbols and without debug information.
#
# The ELF files in the repository were made with Debian 12's gcc-arm-none-eabi (12.2.rel1) and
# libnewlib-arm-none-eabi (3.3.0):
#   apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi
set -eu
cd "$(dirname "$0")"

# Usage: build PROGRAM [OPTION...]
build() {
    program=$1
    shift
    arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -Os -Wall -Wextra -ffunction-sections -fdata-sections \
        "$@" --specs=rdimon.specs -nostartfiles -T stm32f103.ld -Wl,--gc-sections -Wl,-z,max-page-size=4 \
        startup.c "$program.c" -o "$program.elf"
    arm-none-eabi-objcopy --strip-debug "$program.elf"
    chmod -x "$program.elf"
}

build hello
build exit7
build assert
build abort
# scanf of the full library is too large; this one uses newlib-nano.
build echo --specs=nano.specs
