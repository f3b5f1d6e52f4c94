@ The program that a virtual chip starts with: a counter in RAM that is incremented for ever.
@
@ Rebuild with
@   llvm-mc -triple=thumbv7m-none-eabi -filetype=obj counter.s -o counter.o
@   llvm-objcopy -O binary counter.o counter.bin

        .syntax unified
        .thumb
        .section .text

vectors:
        .word   0x20005000              @ initial stack pointer: the end of RAM
        .word   0x08000041              @ reset: main
        .word   0x08000055              @ NMI: stop
        .word   0x08000055              @ HardFault: stop
        .word   0x08000055              @ MemManage: stop
        .word   0x08000055              @ BusFault: stop
        .word   0x08000055              @ UsageFault: stop
        .space  0x40 - 7 * 4            @ the rest of the system exceptions

main:                                   @ 0x08000040
        ldr     r0, counter_address
        movs    r1, #0
loop:                                   @ 0x08000044
        adds    r1, #1
        str     r1, [r0]
        bl      work
        b       loop

work:                                   @ 0x0800004e
        push    {r4, lr}
        lsls    r4, r1, #1
        pop     {r4, pc}

stop:                                   @ 0x08000054
        b       stop
        nop

counter_address:                        @ 0x08000058
        .word   0x20002000
