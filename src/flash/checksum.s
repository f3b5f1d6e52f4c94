@ Calculates the CRC-32 of units of flash, one after the other. It runs in the RAM of any Cortex-M.
@
@ The polynomial is 0xedb88320 (reflected), the initial value 0xffffffff, and nothing is inverted at
@ the end. Each unit is a number of words. Whoever runs this writes the three parameters, starts at
@ offset 0, and finds the results behind the table when the core halts at `end`.
@
@ Rebuild with
@   arm-none-eabi-as checksum.s -o checksum.o
@   arm-none-eabi-objcopy -O binary checksum.o checksum.bin

        .syntax unified
        .cpu    cortex-m0
        .thumb

        ldr     r0, address
        ldr     r7, count
        adr     r4, table
        adr     r6, results
unit:
        ldr     r1, words
        movs    r3, #0
        mvns    r3, r3
word:
        ldm     r0!, {r2}
        eors    r3, r2
        .rept   8                       @ four bits each
        lsls    r2, r3, #28
        lsrs    r2, r2, #26
        ldr     r2, [r4, r2]
        lsrs    r3, r3, #4
        eors    r3, r2
        .endr
        subs    r1, #1
        bne     word
        stm     r6!, {r3}
        subs    r7, #1
        bne     unit
end:
        bkpt    #0

        .align  2
address:
        .word   0
words:
        .word   0
count:
        .word   0
table:
        .word   0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac
        .word   0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c
        .word   0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c
        .word   0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
results:
