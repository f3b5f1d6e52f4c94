/* Calls of every kind that a backtrace meets. A debugger stores the number of one in `scenario` before the program runs, which
   then ends in `stop` or in a fault. */

#include <stdint.h>

#define NOTHING_THERE ((volatile uint32_t *)0x60000000)
#define NVIC_ISER0 (*(volatile uint32_t *)0xe000e100)
#define NVIC_STIR (*(volatile uint32_t *)0xe000ef00)

extern uint32_t stack_end, process_stack_end;
extern uint32_t by_hand(uint32_t depth);
extern void without_information(void);
extern void stop(void);
volatile uint32_t scenario, sink, zero;

/* One frame for each level, of the size that frames have. */
__attribute__((noinline)) static uint32_t recurse(uint32_t depth)
{
    volatile uint32_t level[12];
    level[depth % 12] = depth;
    if (depth == 0)
        stop();
    return recurse(depth - 1) + level[depth % 12];
}

/* `middle_of_three` has no frame when `last_of_three` runs. */
__attribute__((noinline)) static void last_of_three(uint32_t value)
{
    sink = value;
    stop();
    sink = 0;
}

__attribute__((noinline)) static void middle_of_three(uint32_t value)
{
    sink += 1;
    last_of_three(value + 1);
}

__attribute__((noinline)) static uint32_t first_of_three(uint32_t value)
{
    middle_of_three(value * 2);
    return sink + 1;
}

/* Its frame has a size that only the program knows. */
__attribute__((noinline)) static uint32_t with_an_array(uint32_t length)
{
    volatile uint32_t array[length];
    for (uint32_t i = 0; i < length; i++)
        array[i] = i;
    stop();
    return array[length - 1];
}

__attribute__((noinline)) static uint32_t fault(volatile uint32_t *address)
{
    return *address + 1;
}

/* The call is the last instruction: the return address belongs to what follows. */
__attribute__((noinline, noreturn)) static void never_returns(void)
{
    sink = 1;
    stop();
    __builtin_unreachable();
}

__attribute__((noinline)) uint32_t ends_in_a_call(uint32_t value)
{
    if (value)
        never_returns();
    return sink;
}

__attribute__((noinline)) uint32_t overflow(uint32_t depth)
{
    volatile uint32_t level[32];
    level[depth % 32] = depth;
    return overflow(depth + 1) + level[depth % 32];
}

__attribute__((noinline)) static uint32_t trigger(uint32_t line)
{
    NVIC_ISER0 = 1u << line;
    NVIC_STIR = line;
    __asm__ volatile("dsb\n isb");
    return sink + line;
}

/* Goes over to the stack of a process. */
__attribute__((noinline)) static uint32_t as_a_process(uint32_t (*function)(volatile uint32_t *))
{
    __asm__ volatile("msr psp, %0\n movs r3, #2\n msr control, r3\n isb" ::"r"(&process_stack_end) : "r3", "memory");
    return function(NOTHING_THERE) + sink;
}

void interrupt(void)
{
    if (scenario == 4)
        sink = fault(NOTHING_THERE);
    else
        sink = recurse(2);
}

/* The bottom of a process: it cannot return, as the caller's frame is on the other stack. */
__attribute__((noinline)) static uint32_t process(volatile uint32_t *address)
{
    sink = fault(address);
    return sink + 1;
}

void hard_fault(void)
{
    for (;;) {
    }
}

void reset(void)
{
    /* There is no start-up code; a debugger sets `scenario` after the reset. */
    sink = 0;
    zero = 0;
    switch (scenario) {
    case 0: sink = recurse(18); break;
    case 1: sink = first_of_three(3); break;
    case 2: sink = with_an_array(5 + zero); break;
    case 3: sink = ends_in_a_call(1); break;
    case 4: sink = trigger(3); break;
    case 5: sink = trigger(5); break;
    case 6: sink = as_a_process(process); break;
    case 7: sink = overflow(0); break;
    case 8: sink = by_hand(4); break;
    case 9: without_information(); break;
    }
    stop();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    &stack_end, reset,     hard_fault, hard_fault, hard_fault, hard_fault, hard_fault, 0,
    0,          0,         0,          hard_fault, hard_fault, 0,          hard_fault, hard_fault,
    interrupt,  interrupt, interrupt,  interrupt,  interrupt,  interrupt,  interrupt,  interrupt,
};
