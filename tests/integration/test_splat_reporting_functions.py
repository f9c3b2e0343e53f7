# SPDX-License-Identifier: GPL-2.0-only
"""No function of the kernel's own checkers is taken for the place of a fault, in any base: by the sources.

The sources are read from the trees in the cache, from their commit, and never fetched.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.paths import cache_root
from harness.splat.fingerprint import only_reports
from tests.support.reporting_functions import reporting_files, reporting_functions

BASES = ("5.10", "6.1", "6.12", "7.3")
FOLDERS = ("arch/x86", "kernel", "lib", "mm")


def _git(tree: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(tree), *arguments], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def _sources(base: str) -> dict[str, str]:
    tree = cache_root() / "trees" / f"debian-{base}" / "linux"
    if not (tree / ".git").is_dir():
        pytest.skip(f"the source of debian:{base} is not in the cache; a run on that base brings it")
    paths = _git(tree, "ls-tree", "-r", "--name-only", "HEAD", *FOLDERS).split()
    return {path: _git(tree, "show", f"HEAD:{path}") for path in reporting_files(paths)}


@pytest.mark.parametrize("base", BASES)
def test_every_function_of_a_checker_is_known(base: str) -> None:
    sources = _sources(base)
    assert len(sources) > 50 and "mm/slub.c" in sources and "kernel/dma/debug.c" in sources
    found = reporting_functions(sources)
    assert sum(map(len, found.values())) > 500
    unknown = {path: sorted(name for name in names if not only_reports(name)) for path, names in found.items()}
    assert {path: names for path, names in unknown.items() if names} == {}, (
        "name them in harness/splat/reporting_names.py; the rules of fingerprints change with that"
    )


# --- how the sources are read -------------------------------------------------------------------

PRINTS = """
/* a comment with pr_err("x") { */
static void
complains(struct thing *t, int (*f)(int))
{
	if (t->bad)
		pr_err("bad: %s() {\\n", t->name);
}

static int __must_check asks(struct thing *t)
	__must_hold(&t->lock)
{
	complains(t, NULL);
	return 0;
}

static void quiet(struct thing *t)
{
	t->text = "WARN()"; // WARN(1)
}

static int __init boots(void)
{
	return WARN_ON(1);
}

static ssize_t thing_show(struct thing *t)
{
	complains(t, NULL);
	return 0;
}
"""
CALLS = """
void outside(void)
{
	asks(&thing);
}

void elsewhere(void)
{
	quiet(&thing);
}
"""


def test_who_prints_and_who_calls_that_is_found_across_files() -> None:
    assert reporting_functions({"a.c": PRINTS, "b.c": CALLS}) == {"a.c": {"complains", "asks"}, "b.c": {"outside"}}


def test_a_function_that_nobody_knows_would_be_noticed() -> None:
    (names,) = reporting_functions({"kernel/dma/debug.c": PRINTS}).values()
    assert not any(map(only_reports, names))


def test_the_files_are_those_of_the_checkers_and_no_tests() -> None:
    paths = [
        "mm/kasan/report.c",
        "mm/kasan/kasan_test.c",
        "mm/memory.c",
        "kernel/rcu/rcutorture.c",
        "kernel/rcu/tree_stall.h",
    ]
    assert list(reporting_files(paths)) == ["mm/kasan/report.c", "kernel/rcu/tree_stall.h"]
