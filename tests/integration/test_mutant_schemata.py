# SPDX-License-Identifier: GPL-2.0-only
"""All mutants in one program: chosen at run time, each does what it does when it is compiled alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.mutants.mutation import Mutation, mutated
from harness.mutants.operators import mutants_of
from harness.mutants.schemata import HEADER, with_mutants

# Between the lines of a test that calls them: what the kernel's code is made of.
SOURCE = b"""\
static int sum(const int *values, int count)
{
	int i, total = 0;

	for (i = 0; i < count; i++) {
		if (values[i] == 3 || values[i] > 100)
			continue;
		total += values[i] * 2;
		if (total > 40)
			break;
	}
	return total;
}

static int checked(struct thing *thing, int first, int second)
{
	int ret = 0;

	/* A comment with a ; in it. */
	lock(thing);
	thing->count++;
	if (first && !second)
		ret = -EINVAL;
	else if (first > second)
		goto out;

	set(thing, first, second);
	thing->flags = A |
			B;
out:
	unlock(thing);
	return ret;
}

static int chosen(int kind)
{
	switch (kind) {
	case 1:
		kind = 10;
		break;
	case 2:
		kind = kind ? 20 - 1 : 30;
		break;
	default:
		return -ENOMEM;
	}
	return kind;
}

static int walked(struct thing *things)
{
	int seen = 0;

	for_each_thing(one, things) {
		if (one->count == 2)
			continue;
		seen += one->count;
	}
	return seen;
}
"""

ABOVE = """\
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define EINVAL 22
#define ENOMEM 12
#define EIO 5
#define A 1
#define B 2
#define DMABUF_MUTANT(number) (active == (number))
#define for_each_thing(one, things) for (struct thing *one = (things); one < (things) + 3; one++)
struct thing { int count, flags, held; };
static int active;
static void lock(struct thing *thing) { printf("lock %d\\n", thing->held++); }
static void unlock(struct thing *thing) { printf("unlock %d\\n", --thing->held); }
static void set(struct thing *thing, int first, int second) { printf("set %d %d %d\\n", thing->held, first, second); }
"""

BELOW = """
int main(int argc, char **argv)
{
	const int values[] = { 1, 2, 3, 4, 200, 5, 6, 7, 8 };
	struct thing thing = { 0 }, things[] = { { 1 }, { 2 }, { 3 } };

	alarm(5);
	active = argc > 1 ? atoi(argv[1]) : 0;
	for (int i = 0; i < 10; i++)
		printf("%d\\n", sum(values, i));
	for (int i = 0; i < 9; i++) {
		printf("%d ", checked(&thing, i % 3, i / 3));
		printf("%d %d %d\\n", thing.count, thing.flags, thing.held);
	}
	for (int i = 0; i < 4; i++)
		printf("%d\\n", chosen(i));
	printf("%d\\n", walked(things));
	return 0;
}
"""


def program(directory: Path, name: str, source: bytes) -> Path:
    text = directory / f"{name}.c"
    text.write_bytes(ABOVE.encode() + source + BELOW.encode())
    made = directory / name
    subprocess.run(["gcc", "-w", "-O0", "-o", made, text], check=True)
    return made


def output(made: Path, number: int = 0) -> tuple[int, bytes]:
    done = subprocess.run([made, str(number)], capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_each_mutant_does_in_the_schemata_what_it_does_alone(tmp_path: Path) -> None:
    numbered = dict(enumerate(mutants_of("x.c", SOURCE), 1))
    assert len(numbered) > 60
    together = program(tmp_path, "together", with_mutants(SOURCE, numbered).removeprefix(HEADER))
    original = output(program(tmp_path, "original", SOURCE))
    assert output(together) == original
    noticed = set()
    for number, mutation in numbered.items():
        alone = output(program(tmp_path, "alone", mutated(SOURCE, mutation.edits)))
        assert output(together, number) == alone, mutation.name
        noticed |= {mutation.operator} if alone != original else set()
    # Were all of them without effect, nothing would have been shown.
    assert noticed >= {one.operator for one in numbered.values()} - {"error-replaced"}, noticed


def test_lines_of_the_schemata_are_those_of_the_source() -> None:
    numbered = dict(enumerate(mutants_of("x.c", SOURCE), 1))
    lines = with_mutants(SOURCE, numbered).removeprefix(HEADER).splitlines()
    assert len(lines) == len(SOURCE.splitlines())
    for number, mutation in numbered.items():
        place = next(line for line, text in enumerate(lines, 1) if b"DMABUF_MUTANT(%d)" % number in text)
        assert mutation.line <= place <= mutation.last_line


def test_without_mutants_nothing_but_the_header_is_new() -> None:
    nobody: dict[int, Mutation] = {}
    assert with_mutants(SOURCE, nobody) == HEADER + SOURCE
