# SPDX-License-Identifier: GPL-2.0-only
"""What the contract's checks expect of each API, and that a callback too many, too few or without the lock is seen."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from harness.guest import probe as bindings
from harness.guest import uapi
from harness.guest.checks import contract
from harness.guest.checks.contract import CACHING, DEAF, DYNAMIC, STATIC, D, Expected, S, calls
from harness.guest.probe import Probe, ProbeEvent
from harness.guest.registry import CheckFailed, CheckSkipped

FIRST, NOTIFY, INVALIDATE = uapi.DMABUF_PROBE_V15, uapi.DMABUF_PROBE_NOTIFY, uapi.DMABUF_PROBE_INVALIDATE
ON, LOCKED = uapi.DMABUF_PROBE_HAS_MOVE_NOTIFY, uapi.DMABUF_PROBE_HAS_LOCKED_MAPS


@dataclass
class FakeProbe:
    """As much of a probe as the expectations need."""

    generation: int = NOTIFY
    features: int = ON | LOCKED
    log: list[ProbeEvent] = field(default_factory=list)

    def last_event(self) -> int:
        return len(self.log)

    def events(self, after: int = 0) -> list[ProbeEvent]:
        return self.log[after:]


@dataclass
class FakeBuffer:
    probe: FakeProbe
    handle: int = 7

    def called(self, call: str, *, error: int = 0, locked: bool = True, buffer: int = 7) -> None:
        data = uapi.dmabuf_probe_event.pack(
            sequence=len(self.probe.log) + 1,
            call=bindings.CALLS.index(call),
            buffer=buffer,
            result=-error,
            locked=int(locked),
        )
        self.probe.log.append(ProbeEvent(bytes(data)))


def expected(generation: int, features: int = 0) -> Expected:
    return Expected(cast(Probe, FakeProbe(generation, features)))


# --- the table --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generation", "features", "pair", "attach", "map_", "unmap", "detach"),
    [
        (FIRST, 0, (D, DYNAMIC), "attach", "pin map", "unmap unpin", "detach"),
        (FIRST, ON, (D, DYNAMIC), "attach", "map", "unmap", "detach"),
        (FIRST, 0, (DEAF, DYNAMIC), "attach", "pin map", "unmap unpin", "detach"),
        (FIRST, ON, (DEAF, DYNAMIC), "attach", "pin map", "unmap unpin", "detach"),
        (FIRST, ON, (S, DYNAMIC), "attach pin map", "", "", "unmap unpin detach"),
        (FIRST, ON, (D, STATIC), "attach map", "", "", "unmap detach"),
        (NOTIFY, 0, (D, DYNAMIC), "attach", "pin map", "unmap unpin", "detach"),
        (NOTIFY, ON, (D, DYNAMIC), "attach", "map", "unmap", "detach"),
        (NOTIFY, 0, (S, DYNAMIC), "attach pin map", "", "", "unmap unpin detach"),
        (NOTIFY, ON, (S, DYNAMIC), "attach pin map", "", "", "unmap unpin detach"),
        (NOTIFY, ON, (S, STATIC), "attach", "map", "unmap", "detach"),
        (NOTIFY, ON, (S, CACHING), "attach", "map", "", "unmap detach"),
        (NOTIFY, ON, (D, CACHING), "attach map", "", "", "unmap detach"),
        (INVALIDATE, ON, (D, DYNAMIC), "attach", "map", "unmap", "detach"),
        (INVALIDATE, ON, (DEAF, DYNAMIC), "attach", "map", "unmap", "detach"),
        (INVALIDATE, ON, (S, DYNAMIC), "attach", "pin map", "unmap unpin", "detach"),
        (INVALIDATE, ON, (D, STATIC), "attach", "map", "unmap", "detach"),
        (INVALIDATE, ON, (S, STATIC), "attach", "map", "unmap", "detach"),
    ],
)
def test_what_the_exporter_sees_of_an_import(
    generation: int, features: int, pair: tuple[int, int], attach: str, map_: str, unmap: str, detach: str
) -> None:
    promised = expected(generation, features)
    acts: list[Callable[[int, int], list[str]]] = [promised.attach, promised.map, promised.unmap, promised.detach]
    assert [" ".join(act(*pair)) for act in acts] == [attach, map_, unmap, detach]
    assert pair in promised.pairs()


def test_importers_without_callback_are_refused_by_one_api_only() -> None:
    assert [expected(generation).accepts(DEAF) for generation in (FIRST, NOTIFY, INVALIDATE)] == [True, False, True]
    assert all(importer != DEAF for importer, _ in expected(NOTIFY).pairs())


def test_an_api_that_keeps_no_mapping_has_no_exporter_that_asks_for_it() -> None:
    assert all(exporter != CACHING for _, exporter in expected(INVALIDATE).pairs())


def test_who_holds_the_lock() -> None:
    old, new = expected(NOTIFY, ON), expected(NOTIFY, ON | LOCKED)
    assert {call: new.locked(call, STATIC) for call in bindings.CALLS} == {
        **dict.fromkeys(("attach", "detach", "release"), False),
        **dict.fromkeys(("pin", "unpin", "map", "unmap", "notify"), True),
    }
    assert old.locked("map", STATIC) is old.locked("unmap", CACHING) is None
    assert old.locked("map", DYNAMIC) is old.locked("pin", STATIC) is True


# --- calls ------------------------------------------------------------------------------------


def watch(*wanted: str, exporter: int = DYNAMIC, features: int = ON | LOCKED, **event: Any) -> None:
    """A pin was called before; in the block there are a pin and a map, the latter with what ``event`` says."""
    buffer = FakeBuffer(FakeProbe(features=features))
    buffer.called("pin")
    with calls(cast(Any, buffer), exporter, *wanted):
        buffer.called("pin")
        buffer.called("map", **event)


def test_the_calls_that_were_promised_are_right() -> None:
    watch("pin", "map")
    watch("pin", "map:ENOSPC", error=errno.ENOSPC)
    watch("pin", buffer=8)
    watch("pin", "map", exporter=STATIC, features=ON, locked=False)


@pytest.mark.parametrize(
    "wanted", [(), ("pin",), ("map",), ("map", "pin"), ("pin", "map", "unmap"), ("pin", "map:EIO")]
)
def test_other_calls_are_not(wanted: tuple[str, ...]) -> None:
    with pytest.raises(CheckFailed, match="what was called is 'pin map'"):
        watch(*wanted)


def test_nor_is_one_that_fails_unforeseen() -> None:
    with pytest.raises(CheckFailed, match="map:ENOSPC"):
        watch("pin", "map", error=errno.ENOSPC)


@pytest.mark.parametrize("exporter", [STATIC, DYNAMIC])
def test_a_call_without_its_lock_is_seen(exporter: int) -> None:
    with pytest.raises(CheckFailed, match="the reservation lock was not held in map"):
        watch("pin", "map", exporter=exporter, locked=False)


def test_a_lock_that_the_exporter_needs_for_itself_is_seen() -> None:
    buffer = FakeBuffer(FakeProbe())
    with (
        pytest.raises(CheckFailed, match="the reservation lock was held in release"),
        calls(cast(Any, buffer), DYNAMIC, "release"),
    ):
        buffer.called("release")


def test_a_failure_in_the_block_is_told_as_it_is() -> None:
    with pytest.raises(OSError), calls(cast(Any, FakeBuffer(FakeProbe())), DYNAMIC, "pin"):
        raise OSError(errno.EIO, "EIO")


# --- the module -------------------------------------------------------------------------------


def test_the_module_is_loaded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log, modprobe = tmp_path / "log", tmp_path / "modprobe"
    modprobe.write_text(f'#!/bin/sh\necho "$MODPROBE_OPTIONS $1" >> {log}\n')
    modprobe.chmod(0o755)
    monkeypatch.setenv("MODPROBE_OPTIONS", "-d /somewhere")
    monkeypatch.setattr(bindings, "MODPROBE", str(modprobe))
    monkeypatch.setattr(bindings, "NODE", str(tmp_path / "absent"))
    monkeypatch.setattr(bindings, "_tried_to_load", [])
    for _ in range(2):
        with pytest.raises(CheckSkipped, match="needs root and the module dmabuf_probe"):
            Probe()
    assert log.read_text() == "-d /somewhere dmabuf_probe\n"


def test_kernels_without_pin_are_skipped_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old API is a gap in what was tested, not a promise that does not exist."""

    def old(_self: Probe, _request: int, argument: bytearray) -> int:
        argument[:] = uapi.dmabuf_probe_info.pack(abi=1, generation=uapi.DMABUF_PROBE_PRE)
        return 0

    monkeypatch.setattr(bindings, "NODE", "/dev/null")
    monkeypatch.setattr(Probe, "ioctl", old)
    with pytest.raises(CheckSkipped, match="neither pin nor notification"):
        Probe()


def test_a_check_of_callbacks_that_are_refused_does_not_apply() -> None:
    with pytest.raises(CheckSkipped, match="does not apply"):
        contract.needs_importers_without_callback(cast(Any, FakeProbe(NOTIFY)))
    contract.needs_importers_without_callback(cast(Any, FakeProbe(INVALIDATE)))
