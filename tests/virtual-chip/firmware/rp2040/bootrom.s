@ The boot ROM of the virtual RP2040: core 0 starts the program in the flash, core 1 waits until core 0 launches it.
@
@ It takes the place of the chip's own ROM, of which it has nothing but these two things: no functions, no table of them,
@ no boot over USB. It does not need the second stage in the first 256 bytes of the flash either, which it skips.

        .syntax unified
        .cpu    cortex-m0plus
        .thumb
        .section .text

        .equ    FIFO_ST, 0x50           @ of the SIO: bit 0 says that a word has arrived
        .equ    FIFO_WR, 0x54
        .equ    FIFO_RD, 0x58

vectors:
        .word   0x20041f00              @ initial stack pointer
        .word   boot + 1
        .word   stop + 1                @ NMI
        .word   stop + 1                @ HardFault
        .space  0x40 - 4 * 4            @ none of the rest is used; the magic number at 0x10 of a real ROM is missing

        .thumb_func
boot:                                   @ 0x40
        ldr     r4, sio
        ldr     r0, [r4]                @ CPUID: 0 or 1
        cmp     r0, #0
        bne     wait_for_launch
        ldr     r0, program
        ldr     r1, [r0]
        adds    r2, r1, #1
        beq     stop                    @ the flash is erased
        ldr     r2, [r0, #4]
        ldr     r3, vtor
        str     r0, [r3]
        msr     msp, r1
        bx      r2

@ Six words come: 0, 0, 1, the vector table, the stack pointer, the entry. Each is sent back.
wait_for_launch:
        movs    r5, #0                  @ the number of words so far
wait:   ldr     r1, [r4, #FIFO_ST]
        lsrs    r1, r1, #1
        bcs     take
        wfe
        b       wait
take:   ldr     r0, [r4, #FIFO_RD]
        str     r0, [r4, #FIFO_WR]
        sev
        cmp     r5, #2
        bhi     argument
        beq     one
        cmp     r0, #0
        bne     wait_for_launch
        b       next
one:    cmp     r0, #0
        beq     wait                    @ core 0 sends any number of zeros
        cmp     r0, #1
        bne     wait_for_launch
        b       next
argument:
        cmp     r5, #4
        bhi     launch
        beq     stack
        mov     r6, r0
        b       next
stack:  mov     r7, r0
next:   adds    r5, r5, #1
        b       wait
launch: ldr     r1, vtor
        str     r6, [r1]
        msr     msp, r7
        bx      r0

stop:   b       stop

        .balign 4
sio:
        .word   0xd0000000
program:
        .word   0x10000100
vtor:
        .word   0xe000ed08
