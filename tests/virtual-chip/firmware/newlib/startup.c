/* Starts a C program with newlib on an STM32F103, and gives it its console by semihosting. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint32_t _data_source[], _data_start[], _data_end[], _bss_start[], _bss_end[], _stack_top[];

void initialise_monitor_handles(void);
void __libc_init_array(void);
int main(void);

/* newlib calls these around the constructors of C++, which no program here has. */
void _init(void) {}
void _fini(void) {}

void Reset_Handler(void)
{
    memcpy(_data_start, _data_source, (size_t)((char *)_data_end - (char *)_data_start));
    memset(_bss_start, 0, (size_t)((char *)_bss_end - (char *)_bss_start));
    initialise_monitor_handles();
    __libc_init_array();
    exit(main());
}

/* Every fault ends here. */
void Fault_Handler(void)
{
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    _stack_top,
    (const void *)Reset_Handler,
    (const void *)Fault_Handler, /* NMI */
    (const void *)Fault_Handler, /* HardFault */
    (const void *)Fault_Handler, /* MemManage */
    (const void *)Fault_Handler, /* BusFault */
    (const void *)Fault_Handler, /* UsageFault */
};
