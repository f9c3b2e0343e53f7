# SPDX-License-Identifier: GPL-2.0-only
"""The kernel cache: complete entries or none, the least recently used make room."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from harness.build import cache
from harness.model import CompilerMessage, Kernel

FACTS = {"release": "6.12.1", "compiler": "gcc", "warnings": (), "notes": (), "probe_failure": ""}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dmabuf-harness" / "kernels"


def add(key: str, **facts: object) -> Kernel:
    with cache.part(key) as part:
        (part / "image").write_text("image")
        (part / "config").write_text("CONFIG_NET=y\n")
        return cache.publish(key, part, {**FACTS, **facts})


def test_what_is_published_is_found_whole() -> None:
    warning = CompilerMessage("a.c", 3, "warning", "unused", added=True)
    kernel = add("one", warnings=(warning,), notes=("no selftests",))
    assert cache.find("one") == kernel
    assert (kernel.warnings, kernel.notes, kernel.kselftests) == ((warning,), ("no selftests",), None)


def test_a_part_is_not_found_and_gone_at_the_end(root: Path) -> None:
    with cache.part("one") as part:
        assert cache.find("one") is None
        assert cache.newest() is None
    assert not part.exists()


def test_parts_of_killed_runs_are_removed(root: Path) -> None:
    left = root / ".one.1a2b3c4d.part"
    left.mkdir(parents=True)
    with cache.part("two"):
        assert not left.exists()


def test_a_part_that_is_being_made_is_left_alone_whatever_the_pid_of_its_maker(root: Path) -> None:
    """Two containers with one cache: in each the harness has the same pid, and neither sees the other's in /proc."""
    with cache.part("one") as mine, cache.part("two"), cache.part("one") as another:
        assert mine.exists() and mine != another


def test_who_finished_first_wins() -> None:
    first, second = add("one", release="first"), add("one", release="second")
    assert first.release == second.release == "first"


def test_a_damaged_entry_is_replaced(root: Path) -> None:
    add("one", release="first")
    (root / "one" / "kernel.json").write_text("{}")
    assert cache.find("one") is None
    assert add("one", release="second").release == "second"


def test_the_least_recently_used_make_room(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_KEEP", 2)
    for age, key in enumerate(["c", "b"]):
        add(key)
        os.utime(root / key, (1000 - age, 1000 - age))
    assert cache.find("b") is not None  # used again: now the newest
    add("d")
    assert {path.name for path in root.iterdir()} == {".lock", "b", "d"}


def test_what_another_run_may_still_boot_does_not_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bisection, or planted faults, make more kernels in an hour than are kept."""
    monkeypatch.setattr(cache, "_KEEP", 1)
    for key in ("mine", "b", "c"):
        add(key)
    assert cache.find("mine") is not None


def test_a_kernel_whose_removal_was_killed_is_not_taken_for_whole(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In which order files go is chance: its modules may, while its image is still there."""

    def killed(path: Path, **_: object) -> None:
        if path.name == "b" or ".b." in path.name:
            raise KeyboardInterrupt

    monkeypatch.setattr(cache, "_KEEP", 1)
    add("b")
    os.utime(root / "b", (1000, 1000))
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            add("c")
    assert cache.find("b") is None
    add("d")
    assert not list(root.glob("*b*"))


@pytest.mark.parametrize("key", ["/etc", "../../../etc", "..", "a/b", "a\nb", "a\0b"])
def test_what_is_no_key_is_no_kernel_wherever_it_lies(key: str) -> None:
    """Keys come from results.json, too, which anybody may have written."""
    add("one")
    assert cache.find(key) is None
