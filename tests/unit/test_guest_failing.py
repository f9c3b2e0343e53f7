# SPDX-License-Identifier: GPL-2.0-only
"""Letting each allocation of a call fail once, on a kernel that is played: what is found, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from errno import EINVAL, ENOMEM
from pathlib import Path

import pytest

from harness.guest import failing, registry
from harness.guest.failing import Failing, each_allocation
from harness.guest.oracle import open_files
from harness.guest.registry import CheckFailed, CheckSkipped


class PlayedKernel:
    """Takes the place of ``Failing``: a call makes so many allocations and ends with the error that ``fails`` gives."""

    def __init__(self, fails: Callable[[int], int] = lambda _number: ENOMEM, slabs: int = 3, pages: int = 1) -> None:
        self._fails = fails
        self._allocations = {"slab": slabs, "page": pages}
        self.rounds: list[tuple[str, int]] = []
        self._kind = ""

    def __call__(self, kind: str) -> PlayedKernel:
        self._kind = kind
        return self

    def __enter__(self) -> PlayedKernel:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def once(self, number: int, call: Callable[[], object]) -> tuple[object, OSError | None, bool]:
        self.rounds.append((self._kind, number))
        failed = number <= self._allocations[self._kind]
        code = self._fails(number) if failed else 0
        return (None, OSError(code, ""), failed) if code else (call(), None, failed)


@pytest.fixture(autouse=True)
def measurements() -> Iterator[None]:
    registry.take_measurements()
    yield
    registry.take_measurements()


def played(monkeypatch: pytest.MonkeyPatch, kernel: PlayedKernel) -> list[object]:
    """Runs ``each_allocation`` on it; what was undone."""
    monkeypatch.setattr(failing, "Failing", kernel)
    undone: list[object] = []
    each_allocation(lambda: "made", undone.append, (ENOMEM,))
    return undone


def test_each_allocation_fails_once_and_the_last_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = PlayedKernel()
    assert played(monkeypatch, kernel) == ["made"] * 6
    slabs, pages = [1, 2, 3, 4, 3, 2, 4, 5], [1, 2, 1, 2, 3]
    assert kernel.rounds == [("slab", number) for number in slabs] + [("page", number) for number in pages]
    assert registry.take_measurements() == ["3 slab and 1 page allocations failed in turn: 7 errors"]


def test_an_allocation_that_was_not_needed_at_first_fails_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with nodes that idr_preload() keeps: the fourth call makes an allocation less than those after it."""

    class Preloaded(PlayedKernel):
        def once(self, number: int, call: Callable[[], object]) -> tuple[object, OSError | None, bool]:
            self._allocations["slab"] = 3 if len(self.rounds) == 3 else 4
            return super().once(number, call)

    kernel = Preloaded(pages=0)
    played(monkeypatch, kernel)
    assert ("slab", 4) in kernel.rounds[4:]
    assert registry.take_measurements() == ["4 slab and 0 page allocations failed in turn: 8 errors"]


def test_a_call_may_do_without_an_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = PlayedKernel(lambda number: 0 if number == 2 else ENOMEM)
    assert played(monkeypatch, kernel) == ["made"] * 8


def test_another_error_is_found_with_its_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckFailed, match=r"^EINVAL when slab allocation 2 fails$"):
        played(monkeypatch, PlayedKernel(lambda number: EINVAL if number == 2 else ENOMEM))


def test_an_error_without_a_failure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Spoilt(PlayedKernel):
        def once(self, number: int, call: Callable[[], object]) -> tuple[object, OSError | None, bool]:
            result, error, failed = super().once(number, call)
            return result, error or OSError(ENOMEM, ""), failed

    with pytest.raises(CheckFailed, match=r"^ENOMEM although no allocation failed$"):
        played(monkeypatch, Spoilt())


def test_what_is_left_behind_is_found_with_its_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = PlayedKernel()
    monkeypatch.setattr(failing, "Failing", kernel)

    def look() -> None:
        registry.expect(kernel.rounds[-1] != ("slab", 3), "leaked 1 dma-buf")

    with pytest.raises(CheckFailed, match=r"^leaked 1 dma-buf when slab allocation 3 fails$"):
        each_allocation(lambda: None, lambda _made: None, (ENOMEM,), look)


def test_failures_without_any_error_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckFailed, match=r"^no error at all when 3 slab and 1 page allocations failed in turn$"):
        played(monkeypatch, PlayedKernel(lambda _number: 0))


def test_an_endless_call_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckFailed, match=r"^still failing after 400 calls$"):
        played(monkeypatch, PlayedKernel(slabs=10**6))


# --- the settings -----------------------------------------------------------------------------


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[Path, str]:
    """Files as the kernel has them, with what is in them."""
    monkeypatch.setattr(failing, "SETTINGS", str(tmp_path))
    monkeypatch.setattr(failing, "FAIL_NTH", str(tmp_path / "fail-nth"))
    monkeypatch.setattr(failing, "POSITION_FILE", str(tmp_path / "position"))
    (tmp_path / "fail-nth").write_text("0")
    values = {
        "failslab": {"ignore-gfp-wait": "Y", "cache-filter": "N", "verbose": "2", "times": "1"},
        "fail_page_alloc": {
            "ignore-gfp-wait": "Y",
            "ignore-gfp-highmem": "Y",
            "min-order": "1",
            "verbose": "2",
            "times": "1",
        },
    }
    before = {}
    for folder, files in values.items():
        (tmp_path / folder).mkdir()
        for name, value in files.items():
            (tmp_path / folder / name).write_text(value)
            before[tmp_path / folder / name] = value
    return before


@pytest.mark.parametrize("kind", ["slab", "page"])
def test_settings_are_as_before(kind: str, settings: dict[Path, str]) -> None:
    with Failing(kind):
        assert {path: path.read_text() for path in settings} != settings
    assert {path: path.read_text() for path in settings} == settings


def test_a_guest_without_the_place_for_the_position_is_skipped(
    settings: dict[Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(failing, "POSITION_FILE", str(tmp_path / "absent" / "position"))
    before = open_files()
    with pytest.raises(CheckSkipped, match="its directory is not there"), Failing("slab"):
        pass
    assert open_files() == before
    assert {path: path.read_text() for path in settings} == settings


def test_a_kernel_without_fault_injection_is_skipped(settings: dict[Path, str], tmp_path: Path) -> None:
    next(iter(settings)).unlink()
    with pytest.raises(CheckSkipped, match="CONFIG_FAULT_INJECTION_DEBUG_FS"), Failing("slab"):
        pass
    (tmp_path / "fail-nth").unlink()
    with pytest.raises(CheckSkipped, match=r"needs root and CONFIG_FAULT_INJECTION$"), Failing("slab"):
        pass
