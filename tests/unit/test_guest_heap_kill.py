# SPDX-License-Identifier: GPL-2.0-only
"""The check that kills a process while the heap allocates: what it makes of each way in which that can end."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from errno import EINVAL, ENOMEM
from typing import Any, cast

import pytest

from harness.guest import memory, registry
from harness.guest.checks import heap


class ScriptedHeap:
    """Gives, in the process that allocates, what ``allocate`` gives."""

    def __init__(self, allocate: Callable[[], AbstractContextManager[Any]]) -> None:
        self._allocate = allocate

    def __enter__(self) -> ScriptedHeap:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def allocate(self, length: int) -> AbstractContextManager[Any]:
        assert length == 192 << 20
        return self._allocate()


def _never_ends() -> AbstractContextManager[Any]:
    reads, _ = os.pipe()
    os.read(reads, 1)
    raise AssertionError("read from an empty pipe")


def _fails(code: int) -> AbstractContextManager[Any]:
    raise OSError(code, os.strerror(code))


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs the check on a machine with ``available`` bytes, of which less is left each time that it looks."""

    def run(allocate: Callable[[], AbstractContextManager[Any]], available: int = 1 << 30, each: int = 8 << 20) -> None:
        left = itertools.count(available, -each)
        monkeypatch.setattr(heap, "memory", lambda _field: next(left))
        monkeypatch.setattr(memory, "memory", lambda _field: 0)
        monkeypatch.setattr(heap, "Heap", lambda: cast("Any", ScriptedHeap(allocate)))
        registry.take_measurements()
        heap.allocation_ends_with_its_process()

    return run


def test_a_process_that_is_killed_in_the_call_has_ended_with_it(play: Callable[..., None]) -> None:
    play(_never_ends)
    assert registry.take_measurements() == ["process 1 was killed while it allocated"]


def test_nothing_is_proven_if_each_had_its_buffer_before(play: Callable[..., None]) -> None:
    with pytest.raises(registry.CheckSkipped, match="none of 5 processes was killed before it had its 192 MiB"):
        play(nullcontext, each=0)


@pytest.mark.parametrize(("available", "code"), [(500 << 20, EINVAL), (1 << 30, ENOMEM)])
def test_want_of_memory_is_no_failure(play: Callable[..., None], available: int, code: int) -> None:
    with pytest.raises(registry.CheckSkipped, match="192 MiB"):
        play(lambda: _fails(code), available, each=0)


def test_another_error_of_the_heap_is_a_failure(play: Callable[..., None]) -> None:
    with pytest.raises(registry.CheckFailed, match="errno of the allocation is '22', expected 'made'"):
        play(lambda: _fails(EINVAL), each=0)


def test_a_process_that_ends_by_itself_without_a_word_is_a_failure(play: Callable[..., None]) -> None:
    with pytest.raises(registry.CheckFailed, match="end of the process that was killed is 3, expected -9"):
        play(lambda: os._exit(3), each=0)
