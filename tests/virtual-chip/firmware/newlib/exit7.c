/* Prints a line without a newline at its end, and exits with status 7. */

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    printf("leaving with 7");
    exit(7);
}
