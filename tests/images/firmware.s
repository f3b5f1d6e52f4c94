/* A program for the readers of images. It is never run. */
        .section .vectors, "a"
        .word   0x20005000
        .word   main

        .text
        .global main
        .type   main, %function
main:   .word   1, 2, 3, 4
        .size   main, . - main

        .data
        .global counter
        .type   counter, %object
counter:
        .word   5
        .size   counter, 4

        .bss
        .global buffer
        .type   buffer, %object
buffer: .space  64
        .size   buffer, 64
