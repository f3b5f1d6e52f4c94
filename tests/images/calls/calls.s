@ Functions in assembler. One of them does not say how to unwind it.

    .syntax unified
    .thumb
    .text

@ void stop(void): stays. The compiler does not know that.
    .global stop
    .type stop, %function
    .thumb_func
stop:
    .cfi_startproc
    b stop
    .cfi_endproc
    .size stop, . - stop

@ uint32_t by_hand(uint32_t depth): calls itself until depth is 0, with a frame of its own kind.
    .global by_hand
    .type by_hand, %function
    .thumb_func
by_hand:
    .cfi_startproc
    push {r4, r6, lr}
    .cfi_def_cfa_offset 12
    .cfi_offset r4, -12
    .cfi_offset r6, -8
    .cfi_offset lr, -4
    mov r6, sp
    .cfi_def_cfa_register r6
    sub sp, sp, #20
    movs r4, r0
    beq 1f
    subs r0, r0, #1
    bl by_hand
    adds r0, r0, r4
    b 2f
1:  bl stop
2:  mov sp, r6
    .cfi_def_cfa_register sp
    pop {r4, r6, pc}
    .cfi_endproc
    .size by_hand, . - by_hand

@ void without_information(void)
    .global without_information
    .type without_information, %function
    .thumb_func
without_information:
    push {r4, lr}
    bl stop
    pop {r4, pc}
    .size without_information, . - without_information
