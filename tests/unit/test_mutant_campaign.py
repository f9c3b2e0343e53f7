# SPDX-License-Identifier: GPL-2.0-only
"""Which tests are of use, which mutants are without effect, and which do not compile beside the others."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from harness.build.lone_object import LoneObject
from harness.errors import InfrastructureError
from harness.model import BuildFailure, CompilerMessage, Kernel
from harness.mutants.mutant_campaign import ObjectComparison, expected_to_fail, in_turn
from harness.mutants.mutation import Edit, EditKind, Mutation
from harness.mutants.planting import Planted, guilty
from harness.trials.fates import Fate, TrialOutcome
from harness.verdict import Expectation
from tests.support.scripted_guest import scripted_kernel

SOURCE = b"one\ntwo\nthree\nfour\n"


def expectation(kind: str, match: str, suite: str = "checks", bases: tuple[str, ...] = ("6.12",)) -> Expectation:
    return Expectation(kind, re.compile(match), "why", "https://example.org", date(2030, 1, 1), "x", suite, bases)  # type: ignore[arg-type]


def test_tests_that_are_expected_to_fail_are_of_no_use() -> None:
    known = [
        expectation("fail", "vgem.a"),
        expectation("flaky", "heap.*"),
        expectation("skip", "udmabuf.skips"),
        expectation("splat", "udmabuf.splats"),
        expectation("fail", "udmabuf.other-base", bases=("6.1",)),
        expectation("fail", "sync/other-suite", suite="sync"),
    ]
    names = ["vgem.a", "vgem.ab", "heap.b", "udmabuf.skips", "udmabuf.splats", "udmabuf.other-base", "sync/other-suite"]
    assert expected_to_fail(names, known, "6.12.117", "move-notify-on") == {"vgem.a", "heap.b"}


def mutation(line: int, last: int, path: str = "a.c") -> Mutation:
    return Mutation(path, "f", line, last, "call-dropped", (Edit(4 * line, 4 * line + 1, b"X", EditKind.STATEMENT),))


def test_what_was_cut_off_is_a_sample_still() -> None:
    outcomes = {
        1: TrialOutcome(1, Fate.NOT_REACHED),
        2: TrialOutcome(2, Fate.SURVIVED, tried=3),
        4: TrialOutcome(4, Fate.NOT_REACHED),
    }
    assert in_turn(outcomes, cut_off=True).keys() == {1, 2}
    assert in_turn(outcomes, cut_off=False).keys() == {1, 2, 4}


def failure(*places: tuple[str, int]) -> BuildFailure:
    messages = tuple(CompilerMessage(path, line, "error", "no") for path, line in places)
    return BuildFailure("kernel", messages, Path("log"), "")


def test_who_has_a_part_in_a_line_that_does_not_compile_is_left_out() -> None:
    numbered = {1: mutation(10, 10), 2: mutation(11, 14), 3: mutation(12, 12), 4: mutation(12, 12, "b.c")}
    assert guilty(failure(("a.c", 12)), numbered) == [2, 3]
    assert guilty(failure(("a.c", 10), ("b.c", 12)), numbered) == [1, 4]
    assert guilty(failure(), numbered) == []


class Compiler(LoneObject):
    """Compiles by leaving out spaces; what holds ``!`` does not compile."""

    def compiled(self, source: bytes) -> bytes | None:
        return None if b"!" in source else source.replace(b" ", b"")


def planted(source: bytes, tmp_path: Path) -> Planted:
    kernel: Kernel = scripted_kernel(tmp_path)
    return Planted(kernel, {}, (), 1, {"a.c": source}, {"a.c": Compiler((), b"", 1)})


def edited(text: bytes) -> Mutation:
    return Mutation("a.c", "f", 1, 1, "call-dropped", (Edit(0, 3, text, EditKind.STATEMENT),))


def test_the_same_object_is_an_equivalent_mutant(tmp_path: Path) -> None:
    comparison = ObjectComparison(planted(SOURCE, tmp_path))
    assert comparison.is_equal(edited(b"o n e"))
    assert not comparison.is_equal(edited(b"two"))
    assert not comparison.is_equal(edited(b"!"))


def test_comparing_goes_on_until_that_is_enough(tmp_path: Path) -> None:
    comparison = ObjectComparison(planted(SOURCE, tmp_path))
    equal, other, late = edited(b"o n e"), edited(b"two"), edited(b"on e")
    enough = threading.Event()

    def until() -> Iterator[Mutation]:
        yield equal
        yield other
        enough.set()
        yield late

    comparison.go_through(until(), enough)
    assert [comparison.known(one) for one in (equal, other, late)] == [True, False, False]
    assert comparison.is_equal(late)


def test_an_original_that_does_not_compile_compares_with_nothing(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="does not compile alone"):
        ObjectComparison(planted(b"!!!\n", tmp_path)).is_equal(edited(b"!"))
