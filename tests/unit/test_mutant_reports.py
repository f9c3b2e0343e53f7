# SPDX-License-Identifier: GPL-2.0-only
"""Which mutants are drawn, and how what became of them is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.mutants.choosing import MutantChoice, PatchedFile, candidates, drawn
from harness.mutants.judged_mutant import Verdict
from harness.mutants.mutant_formats import as_json, markdown, page, summary
from harness.mutants.mutant_report import MutantReport
from harness.mutants.mutation import Mutation
from harness.mutants.operators import mutants_of
from harness.trials.fates import Control, Fate, How

PATH = "drivers/dma-buf/x.c"
SOURCE = b"""\
int f(int a, int b)
{
	g(a);
	if (a < b)
		h("<script>&", a,
			b);
	return -EINVAL;
}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (PATH, "drivers/dma-buf/y.c", "drivers/gpu/z.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(SOURCE)
    return tmp_path


GONE = "drivers/dma-buf/gone.c"  # of another patch, in a list of before such were left out
COMPILED = {PATH, GONE, "drivers/gpu/z.c", "include/linux/dma-buf.h"}


def test_files_are_those_that_the_kernel_is_made_of(tree: Path) -> None:
    found = candidates(tree, MutantChoice(("drivers/dma-buf/*.c",)), {}, COMPILED)
    assert {one.path for one in found} == {PATH}


def test_only_what_is_named(tree: Path) -> None:
    found = candidates(tree, MutantChoice((PATH,), ("drivers/dma-buf/x.c:4 *", "*: call-dropped")), {}, COMPILED)
    assert {one.line for one in found} == {3, 4, 5}
    with pytest.raises(UserError, match="no mutant has such a name"):
        candidates(tree, MutantChoice((PATH,), ("x.c:4 *",)), {}, COMPILED)


def test_of_a_patch_it_is_the_lines_that_it_adds(tree: Path) -> None:
    found = candidates(
        tree, MutantChoice(), {PATH: PatchedFile(frozenset({3})), "x.rst": PatchedFile(frozenset({3}))}, COMPILED
    )
    assert {(one.path, one.line, one.operator) for one in found} == {(PATH, 3, "call-dropped")}


def test_what_a_patch_deletes_is_put_back(tree: Path) -> None:
    before = SOURCE.replace(b"\tg(a);\n", b"\tg(a);\n\tg(b);\n")
    found = candidates(tree, MutantChoice(), {PATH: PatchedFile(frozenset(), before)}, COMPILED)
    assert [(one.line, one.operator) for one in found] == [(4, "deletion-undone")]


@pytest.mark.parametrize(
    ("choice", "patched", "words"),
    [
        (MutantChoice(("drivers/net/*.c",)), {}, "no C file of the test kernel has such a name"),
        (MutantChoice(), {PATH: PatchedFile(frozenset({2}))}, "no line of code"),
        (MutantChoice(), {PATH: PatchedFile(frozenset(), SOURCE)}, "no line of code"),
        (MutantChoice(), {"drivers/dma-buf/y.c": PatchedFile(frozenset({3}))}, "no line of code"),
    ],
)
def test_nothing_to_try_is_told(tree: Path, choice: MutantChoice, patched: dict[str, PatchedFile], words: str) -> None:
    with pytest.raises(UserError, match=words):
        candidates(tree, choice, patched, COMPILED)


def test_the_same_seed_draws_the_same_and_a_larger_sample_goes_on() -> None:
    found = mutants_of(PATH, SOURCE)
    first, again, other = (drawn(found, MutantChoice((PATH,), (), 5, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert list(first) == [1, 2, 3, 4, 5]
    assert len(set(first.values())) == 5
    assert list(drawn(found, MutantChoice((PATH,), sample=1000)).values()) == list(found)


def report(**changes: object) -> MutantReport:
    found = mutants_of(PATH, SOURCE)
    by_operator: dict[str, Mutation] = {one.operator: one for one in found}
    verdicts = (
        Verdict(1, Fate.SURVIVED, reaching=9, tried=9, seconds=4.0, mutation=by_operator["call-dropped"]),
        Verdict(
            *(2, Fate.KILLED, "udmabuf.a", How.LEAK, "leaked <b>", 9, 1, 2.0), mutation=by_operator["condition-negated"]
        ),
        Verdict(3, Fate.NOT_REACHED, mutation=by_operator["error-replaced"]),
        Verdict(4, Fate.EQUIVALENT, mutation=by_operator["relational-operator"]),
    )
    given: dict[str, object] = {
        "base": "debian:6.12",
        "version": "6.12.117",
        "variant": "move-notify-on",
        "machine": {"QEMU": "7.2"},
        "patches": ("a <patch>",),
        "files": (),
        "possible": len(found),
        "asked": 5,
        "seed": 1,
        "control": Control({"udmabuf.a": 0.1}),
        "verdicts": verdicts,
        "sources": {PATH: SOURCE},
        "cut_off": "the time was up",
    }
    return MutantReport(**{**given, **changes})  # type: ignore[arg-type]


def test_equivalents_are_not_counted_and_those_not_reached_are() -> None:
    assert report().score == 1 / 3
    assert report().counts[Fate.EQUIVALENT] == 1
    assert report().not_tried == 1
    assert report(verdicts=()).score is None
    assert report().median_seconds == 3.0


def test_a_survivor_is_a_diff_of_what_somebody_would_have_written() -> None:
    survivor = report().survivors[0]
    body = report().diff(survivor).splitlines()[3:]
    changed = [text for text in body if text.startswith(("+", "-"))]
    assert changed == ['-\t\th("<script>&", a,', "-\t\t\tb);", "+\t\t;"]


CODE = b"""\
void f(int ret)
{
	mutex_lock(a);
	/* why */
	g(a,
		b);
	if (ret)
		goto err;
	for (;;) {
		h();
	}
	mutex_unlock(a);
err:
	dma_fence_put(a);
}
"""


@pytest.mark.parametrize(
    ("operator", "changed"),
    [
        ("call-dropped", ["-\tg(a,", "-\t\tb);"]),
        ("goto-dropped", ["-\t\tgoto err;", "+\t\t;"]),
        ("put-dropped", ["-\tdma_fence_put(a);"]),
        ("loop-once", ["+\t\tbreak;"]),
        ("unlock-early", ["+\tmutex_unlock(a);", "-\tmutex_unlock(a);"]),
        ("condition-true", ["-\tif (ret)", "+\tif (1)"]),
    ],
)
def test_a_diff_is_what_somebody_would_have_typed(operator: str, changed: list[str]) -> None:
    mutation = next(one for one in mutants_of(PATH, CODE) if one.operator == operator)
    told = report(sources={PATH: CODE}).diff(Verdict(1, Fate.SURVIVED, mutation=mutation))
    assert [text for text in told.splitlines()[2:] if text.startswith(("+", "-"))] == changed
    assert "\n+\n" not in told


def test_the_terminal_has_counts_survivors_and_the_control() -> None:
    text = summary(report())
    assert "5 of " in text and "(seed 1): 1 killed, 1 survived, 1 not reached, 1 equivalent" in text
    assert "33% were" in text
    assert "1 were not tried: the time was up" in text
    assert f"--- a/{PATH}" in text
    assert "control: without a mutant 1 tests pass" in text
    red = summary(report(control=Control({"udmabuf.a": 0.1}, red=("udmabuf.b: no",))))
    assert "NOT CLEAN" in red and "udmabuf.b: no" in red


def test_every_verdict_has_its_line() -> None:
    lines = [verdict.summary for verdict in report().verdicts]
    assert lines[0] == ("survived 9 tests, 4 s")
    assert lines[1] == ("killed by udmabuf.a (leak), 2 s: leaked <b>")
    assert lines[2] == "not reached"


def test_json_has_all_of_it() -> None:
    stored = json.loads(json.dumps(as_json(report())))
    assert stored["counts"] == {"killed": 1, "survived": 1, "not reached": 1, "equivalent": 1, "not decidable": 0}
    killed = stored["mutants"][1]
    assert (killed["fate"], killed["test"], killed["how"]) == ("killed", "udmabuf.a", "leak")
    assert killed["file"] == PATH and killed["edits"] and killed["diff"].startswith("---")


def test_markdown_and_page_show_survivors_and_escape() -> None:
    assert "```diff\n--- a/" in markdown(report())
    assert "| call-dropped | 0 | 1 | 0 | 0 | 0 |" in markdown(report())
    made = page(report())
    assert "<script>" not in made and "a &lt;patch&gt;" in made and "leaked &lt;b&gt;" in made
    assert "<del>" in made and ":root" in made
