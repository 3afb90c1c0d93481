/* What `calsync --version` is compared with: a program that prints a line. */
#include <stdio.h>

int main(void)
{
	return puts("calsync") < 0;
}
