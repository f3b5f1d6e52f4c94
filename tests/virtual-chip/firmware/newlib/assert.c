/* Fails an assertion. */

#include <assert.h>
#include <stdio.h>

static int answer(void)
{
    return 41;
}

int main(void)
{
    printf("about to check\n");
    assert(answer() == 42);
    printf("not reached\n");
    return 0;
}
