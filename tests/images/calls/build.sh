#!/bin/sh
# Builds the program of many calls, with debug information. The file in the repository was made with Debian 12's
# gcc-arm-none-eabi (12.2.rel1).
set -eu
cd "$(dirname "$0")"
arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -O2 -gdwarf-4 -fdebug-prefix-map="$PWD"=. -Wall -Wextra -Wno-infinite-recursion \
    -ffreestanding -nostdlib -fno-ipa-sra -fno-ipa-cp -fno-inline -Wl,--nmagic -Wl,--build-id=none -T calls.ld \
    calls.c calls.s -o calls.elf
chmod -x calls.elf
