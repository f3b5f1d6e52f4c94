@ SEGGER RTT: a control block in RAM, a loop that echoes down-channel 0 to up-channel 0, and a flood on up-channel 2.
@
@ The flood writes as many bytes as the host asks for and waits while its ring is full, so none is lost. Byte number n is the
@ exclusive or of the three low bytes of n.
@
@ Rebuild with
@   llvm-mc -triple=thumbv7m-none-eabi -filetype=obj rtt.s -o rtt.o
@   llvm-objcopy -O binary rtt.o rtt.bin

        .syntax unified
        .thumb
        .section .text

        .equ    FLASH, 0x08000000
        .equ    STATE, 0x20002010       @ bytes of flood asked for, bytes of flood written
        .equ    BLOCK, 0x20002400       @ the control block: 24 bytes, then 24 a channel
        .equ    BLOCK_SIZE, 144
        .equ    WRITTEN, 12             @ of a channel: where the next byte is written
        .equ    READ, 16                @ of a channel: where the next byte is read

vectors:
        .word   0x20005000              @ initial stack pointer: the end of RAM
        .word   FLASH + main - vectors + 1
        .word   FLASH + stop - vectors + 1      @ NMI
        .word   FLASH + stop - vectors + 1      @ HardFault
        .word   FLASH + stop - vectors + 1      @ MemManage
        .word   FLASH + stop - vectors + 1      @ BusFault
        .word   FLASH + stop - vectors + 1      @ UsageFault
        .space  0x40 - 7 * 4            @ the rest of the system exceptions

main:                                   @ 0x08000040
        ldr     r4, block_address
        ldr     r5, state_address
        movs    r0, #0
        str     r0, [r4]                @ no control block until it is complete
        str     r0, [r5]
        str     r0, [r5, #4]
        adr     r1, template
        movs    r2, #4
copy:   ldr     r3, [r1, r2]
        str     r3, [r4, r2]
        adds    r2, #4
        cmp     r2, #BLOCK_SIZE
        bne     copy
        ldr     r0, [r4, #24 + 4]       @ the greeting into the ring of up-channel 0
        adr     r1, greeting
        movs    r2, #0
greet:  ldrb    r3, [r1, r2]
        cbz     r3, greeted
        strb    r3, [r0, r2]
        adds    r2, #1
        b       greet
greeted:
        str     r2, [r4, #24 + WRITTEN]
        adr     r1, template
        ldr     r3, [r1]
        str     r3, [r4]

loop:
        ldr     r0, counter_address
        ldr     r1, [r0]
        adds    r1, #1
        str     r1, [r0]

        add     r6, r4, #96             @ down-channel 0
        ldr     r0, [r6, #WRITTEN]
        ldr     r1, [r6, #READ]
        cmp     r0, r1
        beq     flood
        add     r7, r4, #24             @ up-channel 0
        ldr     r2, [r7, #WRITTEN]
        bl      after                   @ r3: where the ring stands after one more byte
        ldr     r0, [r7, #READ]
        cmp     r3, r0
        beq     flood                   @ full: the byte stays where it is
        ldr     r0, [r6, #4]
        ldrb    r0, [r0, r1]
        ldr     r8, [r7, #4]
        strb    r0, [r8, r2]
        str     r3, [r7, #WRITTEN]
        adds    r1, #1
        ldr     r0, [r6, #8]
        cmp     r1, r0
        it      eq
        moveq   r1, #0
        str     r1, [r6, #READ]

flood:
        ldr     r0, [r5]
        ldr     r1, [r5, #4]
        cmp     r0, r1
        beq     loop
        add     r7, r4, #72             @ up-channel 2
        ldr     r2, [r7, #WRITTEN]
        bl      after
        ldr     r0, [r7, #READ]
        cmp     r3, r0
        beq     loop
        eor     r0, r1, r1, lsr #8
        eor     r0, r0, r1, lsr #16
        ldr     r8, [r7, #4]
        strb    r0, [r8, r2]
        str     r3, [r7, #WRITTEN]
        adds    r1, #1
        str     r1, [r5, #4]
        b       flood

after:
        adds    r3, r2, #1
        ldr     r0, [r7, #8]
        cmp     r3, r0
        it      eq
        moveq   r3, #0
        bx      lr

stop:   b       stop

        .balign 4
counter_address:
        .word   0x20002000
state_address:
        .word   STATE
block_address:
        .word   BLOCK

template:
        .ascii  "SEGGER RTT\0\0\0\0\0\0"
        .word   3, 2                    @ up-channels, down-channels
@               name, ring, size of the ring, written, read, flags (2: the firmware waits while it is full)
        .word   FLASH + terminal - vectors, 0x20002600, 512, 0, 0, 2
        .word   0, 0, 0, 0, 0, 0        @ not in use
        .word   FLASH + flood_name - vectors, 0x20002800, 2048, 0, 0, 2
        .word   FLASH + terminal - vectors, 0x20002500, 64, 0, 0, 2
        .word   FLASH + odd_name - vectors, 0x20002540, 16, 0, 0, 0

terminal:
        .asciz  "Terminal"
flood_name:
        .asciz  "Flood of bytes"
odd_name:
        .asciz  "} odd {name\\"
        .balign 4
greeting:
        .asciz  "rtt echo ready\n"
        .balign 4
