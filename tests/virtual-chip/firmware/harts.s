# The program of two RISC-V harts that share their RAM: each hart increments a counter of its own for ever.
#
# Rebuild with
#   llvm-mc -triple=riscv32-unknown-elf -filetype=obj harts.s -o harts.o
#   llvm-objcopy -O binary harts.o harts.bin

        .text
start:                                  # 0x80000000
        csrr    t2, mhartid
        slli    t2, t2, 2
        lui     t0, 0x80002
        add     t0, t0, t2
        li      t1, 0
loop:                                   # 0x80000014
        addi    t1, t1, 1
        sw      t1, 0(t0)
        j       loop
