# The program in the RAM of a virtual RISC-V hart: a counter that is incremented for ever.
#
# Rebuild with
#   llvm-mc -triple=riscv32-unknown-elf -filetype=obj hart.s -o hart.o
#   llvm-objcopy -O binary hart.o hart.bin

        .text
start:                                  # 0x80000000
        lui     t0, 0x80002
        li      t1, 0
loop:                                   # 0x80000008
        addi    t1, t1, 1
        sw      t1, 0(t0)
        j       loop
