#!/bin/sh
# Builds the program that crashes, with debug information. The file in the repository was made with Debian 12's
# gcc-arm-none-eabi (12.2.rel1).
set -eu
cd "$(dirname "$0")"
arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -Og -gdwarf-4 -fdebug-prefix-map="$PWD"=. -Wall -Wextra -ffreestanding -nostdlib \
    -Wl,--nmagic -Wl,--build-id=none -T crash.ld crash.c -o crash.elf
chmod -x crash.elf
# The same with compressed debug information, by llvm-objcopy 14, the last one with zlib-gnu. It was made without zstd; the
# rust-objcopy of Rust 1.95 has that.
for form in zlib zlib-gnu; do
    llvm-objcopy --compress-debug-sections=$form crash.elf crash-$form.elf
done
"$(rustc --print sysroot)"/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-objcopy --compress-debug-sections=zstd crash.elf crash-zstd.elf
chmod -x ./*.elf
