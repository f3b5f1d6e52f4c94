/* Prints integers, text and a floating-point number, then returns from main. */

#include <stdio.h>

int main(void)
{
    printf("hello from newlib\n");
    printf("%d %u %08lx %s %c\n", -42, 42u, 0xc0ffeeUL, "text", 'c');
    printf("%.3f %lld\n", 3.14159, 123456789012345LL);
    fprintf(stderr, "to stderr\n");
    return 0;
}
