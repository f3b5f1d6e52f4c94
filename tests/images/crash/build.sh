#!/bin/sh
# Builds the program that crashes, with debug information. The file in the repository was made with Debian 12's
# gcc-arm-none-eabi (12.2.rel1).
set -eu
cd "$(dirname "$0")"
arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -Og -gdwarf-4 -fdebug-prefix-map="$PWD"=. -Wall -Wextra -ffreestanding -nostdlib \
    -Wl,--nmagic -Wl,--build-id=none -T crash.ld crash.c -o crash.elf
chmod -x crash.elf
