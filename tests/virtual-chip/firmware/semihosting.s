@ ARM semihosting: prints to the debug channel and to a console it opens, then exits as the host has asked for.
@
@ Rebuild with
@   llvm-mc -triple=thumbv7m-none-eabi -filetype=obj semihosting.s -o semihosting.o
@   llvm-objcopy -O binary semihosting.o semihosting.bin

        .syntax unified
        .thumb
        .section .text

        .equ    FLASH, 0x08000000
        .equ    STATE, 0x20002010
        .equ    MODE, 0                 @ 0: SYS_EXIT_EXTENDED, 1: SYS_EXIT, 2: SYS_EXIT with a reason, 3: like 0 after an input
        .equ    STATUS, 4               @ the exit status, or the reason
        .equ    NOT_WRITTEN, 8          @ what SYS_WRITE answered
        .equ    CHARACTER, 12           @ what SYS_READC answered
        .equ    CLOCK, 16               @ what SYS_CLOCK answered
        .equ    ARGUMENTS, 32           @ the block of a call

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
        ldr     r4, state_address
        movs    r0, #0x04               @ SYS_WRITE0
        adr     r1, hello
        bkpt    0xab
        movs    r0, #0x03               @ SYS_WRITEC
        adr     r1, letter
        bkpt    0xab

        movs    r0, #0x01               @ SYS_OPEN
        adr     r1, open_arguments
        bkpt    0xab
        str     r0, [r4, #ARGUMENTS]
        adr     r1, write_arguments
        ldrd    r2, r3, [r1]
        strd    r2, r3, [r4, #ARGUMENTS + 4]
        movs    r0, #0x05               @ SYS_WRITE
        add     r1, r4, #ARGUMENTS
        bkpt    0xab
        str     r0, [r4, #NOT_WRITTEN]

        movs    r0, #0x10               @ SYS_CLOCK
        movs    r1, #0
        bkpt    0xab
        str     r0, [r4, #CLOCK]

        ldr     r5, [r4, #MODE]
        cmp     r5, #3
        bne     exit
        movs    r0, #0x07               @ SYS_READC
        movs    r1, #0
        bkpt    0xab
        str     r0, [r4, #CHARACTER]

exit:
        ldr     r1, [r4, #STATUS]
        cmp     r5, #2
        beq     plain_exit
        ldr     r2, application_exit
        cmp     r5, #1
        beq     plain_reason
        strd    r2, r1, [r4, #ARGUMENTS]
        movs    r0, #0x20               @ SYS_EXIT_EXTENDED
        add     r1, r4, #ARGUMENTS
        bkpt    0xab
        b       stop
plain_reason:
        mov     r1, r2
plain_exit:
        movs    r0, #0x18               @ SYS_EXIT
        bkpt    0xab

stop:   b       stop

        .balign 4
state_address:
        .word   STATE
application_exit:
        .word   0x20026                 @ ADP_Stopped_ApplicationExit
open_arguments:
        .word   FLASH + console - vectors, 4, 3 @ name, mode "w", length of the name
write_arguments:
        .word   FLASH + line - vectors, line_end - line
hello:
        .asciz  "hello from the chip\n"
        .balign 4
letter:
        .ascii  "*\n"
        .balign 4
console:
        .asciz  ":tt"
line:
        .ascii  " and this by a console\n"
line_end:
        .balign 4
