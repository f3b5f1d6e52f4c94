/* Three nested calls, of which the last reads from an address where nothing is, in a function that is inlined. `where` is how
   deep the program came. */

#include <stdint.h>

#define NOTHING_THERE ((volatile uint32_t *)0x60000000)

extern uint32_t stack_end;
volatile uint32_t where;
volatile uint32_t values[4] = {0x11111111, 0x22222222, 0x33333333, 0x44444444};

__attribute__((always_inline)) static inline uint32_t touch(volatile uint32_t *address)
{
    return *address;
}

__attribute__((noinline)) static uint32_t inner(uint32_t depth)
{
    where = depth;
    return touch(NOTHING_THERE) + depth;
}

__attribute__((noinline)) static uint32_t middle(uint32_t depth)
{
    return inner(depth + 1) + values[depth];
}

__attribute__((noinline)) static uint32_t outer(uint32_t depth)
{
    return middle(depth + 1) + values[depth];
}

void hard_fault(void)
{
    for (;;) {
    }
}

void reset(void)
{
    /* There is no start-up code: the variables are set here. */
    for (uint32_t i = 0; i < 4; i++) {
        values[i] = 0x11111111u * (i + 1);
    }
    values[3] = outer(1);
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    &stack_end, reset, hard_fault, hard_fault, hard_fault, hard_fault, hard_fault,
};
