// SPDX-License-Identifier: GPL-2.0-only
/* Shapes of kernel code whose lines a compiler likes to join or drop. Flags: build/coverage_kernel.py. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct buffer {
	int size;
	void *memory;
};

static int pin(struct buffer *buffer, int a)
{
	int err = 0;
	int n = 4;

	if (!buffer || !buffer->memory)
		return -EINVAL;
	if (a == 99)
		return -EPERM;
	if (a == 98) {
		err = -ENOMEM;
		goto out;
	}
	if (a == 97)
		err = -EBUSY;
	for (int i = 0; i < a; i++) {
		if (i == 1)
			continue;
		n++;
	}
	switch (a) {
	case 1:
		n = 5;
		break;
	case 2:
		n = 7;
		break;
	default:
		n = 9;
	}
	return err ? err : n;

out:
	buffer->size = 0;
	return err;
}

static void release(struct buffer *buffer)
{
	if (!buffer->memory)
		return;
	free(buffer->memory);
}

int never_called(int a)
{
	return a + 1;
}

int main(int count, char **words)
{
	struct buffer buffer = { .memory = malloc(3) };

	printf("%d\n", pin(&buffer, count > 1 ? atoi(words[1]) : 0));
	release(&buffer);
	return 0;
}
