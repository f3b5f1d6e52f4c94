@ Initialised data: it lives in RAM and is stored in flash, as start-up code finds it. The linker gives its segment two addresses.

        .syntax unified
        .section .data, "aw", %progbits
greeting:
        .ascii  "initialised data"
