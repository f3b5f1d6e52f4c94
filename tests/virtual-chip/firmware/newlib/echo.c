/* Reads a line with fgets and two numbers with scanf, prints what it understood, and exits with their sum. */

#include <stdio.h>
#include <string.h>

int main(void)
{
    char line[64];
    int first, second;

    printf("name? \n");
    if (fgets(line, sizeof line, stdin) == NULL) {
        printf("no line\n");
        return 101;
    }
    line[strcspn(line, "\r\n")] = '\0';
    printf("hello, %s\n", line);
    printf("numbers? \n");
    if (scanf("%d %d", &first, &second) != 2) {
        printf("no numbers\n");
        return 102;
    }
    printf("%d + %d = %d\n", first, second, first + second);
    return first + second;
}
