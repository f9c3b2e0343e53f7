# SPDX-License-Identifier: GPL-2.0-only
"""Guests of a real kernel that go on from one that was saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.guest import bundle
from harness.model import BootOutcome, Kernel
from harness.suites.checks import ARCHIVE, ship
from harness.vm.accel import qemu_version
from harness.vm.command import MachineSpec
from harness.vm.guest import VmGuest
from harness.vm.saved_guest import SavedGuest

pytestmark = pytest.mark.vm

SECONDS = 600.0


def said(guest: VmGuest, command: str) -> str:
    done = guest.run(command, timeout=SECONDS)
    assert done.ok, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def saved(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SavedGuest, Path]]:
    directory = tmp_path_factory.mktemp("saved")

    def prepare(guest: VmGuest, boot: Path) -> None:
        ship(guest, boot / "checks.zip")
        said(guest, "echo prepared > /tmp/state; cat /proc/mounts > /tmp/mounts")

    with SavedGuest(kernel, MachineSpec("tcg"), qemu_version(), prepare) as source:
        yield source, directory


def test_each_goes_on_from_where_the_first_was_saved(saved: tuple[SavedGuest, Path]) -> None:
    source, directory = saved
    for name in ("a", "b"):
        guest, report = source.boot(directory / name)
        with guest:
            assert report.outcome is BootOutcome.UP, report
            assert said(guest, "cat /tmp/state") == "prepared\n", "what another one writes is not there"
            said(guest, f"echo {name} >> /tmp/state")
            assert " 9p " not in said(guest, "cat /tmp/mounts")
            guest.mark("start of a test")
            guest.console.poll()
            assert "dmabuf-harness: start of a test" in guest.evidence()


def test_checks_run_there_as_in_a_booted_one(saved: tuple[SavedGuest, Path]) -> None:
    source, directory = saved
    guest, _ = source.boot(directory / "checks")
    with guest:
        names = ("udmabuf", "sw-sync", "contract.row-01-dynamic-importer-maps-with-a-pin-only-if-it-must")
        done = guest.run(bundle.command(ARCHIVE, "--factor", "8", *names), timeout=SECONDS)
    assert done.status == 0, done.stdout + done.stderr
    assert "ok 20 " in done.stdout and "not ok" not in done.stdout


def test_nothing_of_it_stays(saved: tuple[SavedGuest, Path]) -> None:
    source, directory = saved
    guest, _ = source.boot(directory / "last")
    guest.shutdown()
    place = source._place
    assert place is not None and (place / "state").is_file() and place.stat().st_mode & 0o077 == 0
    source.__exit__(None, None, None)
    assert not place.exists()
    assert not any(directory.rglob("*key*")) and not any(directory.rglob("root.tar"))
