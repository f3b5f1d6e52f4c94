@ The program that a virtual RP2040 starts with: each core counts in RAM, and does on request what a test needs.
@
@ Core 0 builds an RTT control block and launches core 1. Each core has four words in RAM: its counter, the request, the
@ result of a semihosting call, and the exit status.

        .syntax unified
        .cpu    cortex-m0plus
        .thumb
        .section .text

        .equ    FIFO_ST, 0x50           @ of the SIO: bit 0 says that a word has arrived, bit 1 that there is room
        .equ    FIFO_WR, 0x54
        .equ    FIFO_RD, 0x58
        .equ    REQUEST, 4              @ of a core's words
        .equ    RESULT, 8
        .equ    STATUS, 12
        .equ    BLOCK_SIZE, 24 + 3 * 24 + 32
        .equ    WRITTEN, 12             @ of an RTT channel

        .global vectors
vectors:                                @ 0x10000100
        .word   0x20040000              @ initial stack pointer of core 0
        .word   main + 1
        .word   stop + 1                @ NMI
        .word   hard_fault + 1
        .space  7 * 4
        .word   stop + 1                @ SVCall
        .space  2 * 4
        .word   stop + 1                @ PendSV
        .word   stop + 1                @ SysTick

        .global main
        .type   main, %function
main:                                   @ 0x10000140
        ldr     r4, block
        movs    r0, #0
        str     r0, [r4]                @ no control block until it is complete
        adr     r1, template
        movs    r2, #4
copy:   ldr     r3, [r1, r2]
        str     r3, [r4, r2]
        adds    r2, #4
        cmp     r2, #BLOCK_SIZE
        bne     copy
        ldr     r3, [r1]
        str     r3, [r4]
        bl      launch
        ldr     r5, block
        adds    r5, #24                 @ RTT channel 0
        ldr     r4, words
        b       count
        .size   main, . - main

        .global main1
        .type   main1, %function
main1:
        ldr     r5, block
        adds    r5, #48                 @ RTT channel 1
        ldr     r4, words
        adds    r4, #16
        .size   main1, . - main1

        .global count
        .type   count, %function
count:  movs    r0, #14                 @ the length of the greeting
        str     r0, [r5, #WRITTEN]
        movs    r1, #0
        .global loop
loop:   adds    r1, #1
        .global store
store:  str     r1, [r4]
        .global call
call:   bl      work
        ldr     r0, [r4, #REQUEST]
        cmp     r0, #0
        beq     loop
        movs    r2, #0
        str     r2, [r4, #REQUEST]
        bl      perform
        b       loop
        .size   count, . - count

        .global work
        .type   work, %function
work:   push    {r6, lr}
        lsls    r6, r1, #1
        pop     {r6, pc}
        .size   work, . - work

@ What R0 asks for; R1 and R4 stay as they are.
        .global perform
        .type   perform, %function
perform:
        push    {r1, lr}
        cmp     r0, #2
        blo     unaligned
        beq     undefined
        cmp     r0, #4
        blo     nothing_there
        beq     arm_state
        cmp     r0, #6
        blo     print
        beq     exit
        svc     #7
performed:
        pop     {r1, pc}

        .global unaligned
unaligned:                              @ 1
        adds    r2, r4, #1
        ldr     r2, [r2]
        b       performed
        .global undefined
undefined:                              @ 2
        udf     #0
        b       performed
        .global nothing_there
nothing_there:                          @ 3
        ldr     r2, nowhere
        str     r0, [r2]
        b       performed
        .global arm_state
arm_state:                              @ 4
        ldr     r2, nowhere
        bx      r2
print:                                  @ 5: SYS_WRITE0
        movs    r0, #0x04
        adr     r1, hello
        bkpt    0xab
        str     r0, [r4, #RESULT]
        b       performed
exit:                                   @ 6: SYS_EXIT_EXTENDED
        ldr     r0, application_exit
        ldr     r1, [r4, #STATUS]
        sub     sp, #8
        str     r0, [sp]
        str     r1, [sp, #4]
        movs    r0, #0x20
        mov     r1, sp
        bkpt    0xab
        add     sp, #8
        b       performed
        .size   perform, . - perform

@ Sends the six words and waits for the echo of each.
        .type   launch, %function
launch: ldr     r4, sio
        adr     r5, sequence
again:  movs    r6, #0
next:   ldr     r0, [r5, r6]
        cmp     r0, #0
        bne     room
drain:  ldr     r1, [r4, #FIFO_ST]
        lsrs    r1, r1, #1
        bcc     drained
        ldr     r1, [r4, #FIFO_RD]
        b       drain
drained:
        sev
room:   ldr     r1, [r4, #FIFO_ST]
        lsrs    r1, r1, #2
        bcc     room
        str     r0, [r4, #FIFO_WR]
        sev
echo:   ldr     r1, [r4, #FIFO_ST]
        lsrs    r1, r1, #1
        bcs     arrived
        wfe
        b       echo
arrived:
        ldr     r1, [r4, #FIFO_RD]
        cmp     r0, r1
        bne     again
        adds    r6, #4
        cmp     r6, #24
        bne     next
        bx      lr
        .size   launch, . - launch

        .global hard_fault
        .type   hard_fault, %function
hard_fault:
        b       hard_fault
        .size   hard_fault, . - hard_fault
        .global stop
        .type   stop, %function
stop:   b       stop
        .size   stop, . - stop

        .balign 4
sio:
        .word   0xd0000000
words:
        .word   0x20002000
block:
        .word   0x20002400
nowhere:
        .word   0x30000000
application_exit:
        .word   0x20026                 @ ADP_Stopped_ApplicationExit
sequence:
        .word   0, 0, 1, vectors, 0x20041000, main1 + 1
hello:
        .asciz  "hello from a core\n"
        .balign 4
template:
        .ascii  "SEGGER RTT\0\0\0\0\0\0"
        .word   2, 1                    @ up-channels, down-channels
@               name, ring, size of the ring, written, read, flags
        .word   name, 0x20002460, 16, 0, 0, 0
        .word   name, 0x20002470, 16, 0, 0, 0
        .word   name, 0x20002480, 16, 0, 0, 0
        .ascii  "core 0 counts\n\0\0"
        .ascii  "core 1 counts\n\0\0"
name:
        .asciz  "Terminal"
        .balign 4
