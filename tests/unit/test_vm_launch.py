# SPDX-License-Identifier: GPL-2.0-only
"""Which accelerator a kernel comes up under, what is concluded from it, and what is left of the other boots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from harness.causes import Blame
from harness.errors import InfrastructureError
from harness.interfaces import JobLimits
from harness.model import BootOutcome, BootReport, Kernel
from harness.vm import accel, attempts, launch, race
from harness.vm.command import MachineSpec
from harness.vm.guest import NoStart
from harness.vm.launch import LARGE_MEMORY, SMALL_MEMORY, Launcher
from tests.support.scripted_guest import scripted_kernel

STEP = 1.0  # seconds of a scripted boot between two looks


@dataclass(frozen=True)
class Boot:
    """How a scripted boot goes: it ends after ``seconds``, never if None. ``trouble``: why QEMU does not start."""

    seconds: float | None = 2.0
    outcome: BootOutcome = BootOutcome.UP
    ended: str = ""
    trouble: str = ""
    blame: Blame = Blame.KERNEL


UP = Boot()
CRAWLS = Boot(None)
LATE = Boot(30.0, BootOutcome.HANG, "no login within 30 s; hangs in start_kernel")
HANGS = Boot(240.0, BootOutcome.HANG, "no login within 240 s; hangs in dma_buf_init")
PANICS = Boot(3.0, BootOutcome.PANIC, "panic: Kernel panic - not syncing: oh")
SILENT = Boot(trouble="the kernel printed nothing in 10 s")
QUITS = Boot(trouble="the kernel printed nothing in 0 s")
ABORTS = Boot(1.0, BootOutcome.EXITED, "QEMU was killed or failed (QEMU exit status 134)", blame=Blame.ACCELERATOR)
KILLED = Boot(1.0, BootOutcome.EXITED, "QEMU was killed or failed (QEMU exit status 137)", blame=Blame.MACHINE)


@dataclass
class World:
    """Boots in order by kernel and accelerator, the last one again and again. ``guests``: all that were made."""

    boots: dict[tuple[str, str], list[Boot]]
    guests: list[ScriptedBoot] = field(default_factory=list)

    def next(self, key: str, name: str) -> Boot:
        left = self.boots[key, name]
        return left.pop(0) if len(left) > 1 else left[0]


class ScriptedBoot:
    """Stands in for ``VmGuest``: time passes with each look at it."""

    world: World

    def __init__(self, kernel: Kernel, spec: MachineSpec, directory: Path, _version: str) -> None:
        self.accel = spec.accel
        self.memory = spec.memory
        self.directory = directory
        self.boot = self.world.next(kernel.key, spec.accel)
        self.blame = self.boot.blame
        self.seconds = 0.0
        self.ended = False
        self.world.guests.append(self)

    def start(self) -> None:
        self.directory.mkdir(parents=True)
        (self.directory / "console.log").write_text(self.accel)

    def poll_boot(self) -> BootReport | None:
        assert not self.ended
        self.seconds += STEP
        if self.boot.trouble:
            raise NoStart(self.boot.trouble, ended=self.boot is not SILENT)
        if self.boot.seconds is None or self.seconds < self.boot.seconds:
            return None
        return BootReport(self.boot.outcome, self.accel, self.seconds, self.log, "7.2", ended=self.boot.ended)

    @property
    def log(self) -> str:
        return f"boots/{self.directory.name}/console.log"

    def move_to(self, directory: Path) -> None:
        self.directory.rename(directory)
        self.directory = directory

    def shutdown(self) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(accel, "KVM_DEVICE", device)
    monkeypatch.setattr(accel, "qemu_version", lambda: "7.2")
    monkeypatch.setattr(attempts, "TICK", 0.0)
    monkeypatch.setattr(race, "TICK", 0.0)
    monkeypatch.setattr(launch, "VmGuest", ScriptedBoot)
    ScriptedBoot.world = World({})
    yield ScriptedBoot.world
    assert all(guest.ended for guest in ScriptedBoot.world.guests), "a guest was left behind"


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return scripted_kernel(tmp_path)


class Launched:
    """One boot of ``kernel`` by ``launcher``; ``said``: what it told meanwhile."""

    def __init__(self, world: World, tmp_path: Path, asked: str = "auto", **boots: list[Boot]) -> None:
        world.boots.update({("key", name): list(ways) for name, ways in boots.items()})
        self.said: list[str] = []
        self.others: dict[str, Kernel] = {}
        self.launcher = Launcher(asked, self.said.append, find_kernel=self.others.get)
        self._directory = tmp_path / "boots" / "on-1"

    def boot(self, kernel: Kernel) -> BootReport:
        guest, report = self.launcher.boot(kernel, self._directory)
        chosen = cast(ScriptedBoot, guest)
        assert chosen.directory == self._directory and not (chosen.ended and report.outcome is BootOutcome.UP)
        assert report.console == "boots/on-1/console.log"
        assert (self._directory / "console.log").read_text() == report.accel == chosen.accel
        chosen.shutdown()
        return report

    @property
    def settled(self) -> tuple[str, bool]:
        return self.launcher.accelerator.name, self.launcher.accelerator.proved


# --- the first boot ---------------------------------------------------------------------------


def test_a_kvm_that_is_fast_is_not_compared(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, kvm=[UP])
    assert seen.boot(kernel).outcome is BootOutcome.UP
    assert seen.settled == ("kvm", True) and len(world.guests) == 1
    assert seen.said == ["guests run under KVM (a guest came up in 2.0 s)"]
    assert accel.choose("auto", "7.2").kernel == kernel.key


@pytest.mark.parametrize(
    ("kvm", "told"),
    [
        (CRAWLS, "KVM crawls here: no login after "),
        (replace(LATE, seconds=5.0), "KVM crawls here: no login after 5.0 s; "),
        (SILENT, "KVM fails here: the kernel printed nothing in 10 s; "),
        (ABORTS, "KVM fails here: QEMU was killed or failed (QEMU exit status 134); "),
    ],
)
def test_a_kvm_that_runs_no_guest_is_no_result(
    world: World, tmp_path: Path, kernel: Kernel, kvm: Boot, told: str
) -> None:
    seen = Launched(world, tmp_path, kvm=[kvm], tcg=[Boot(6.0)])
    report = seen.boot(kernel)
    assert (report.outcome, report.accel, report.ended) == (BootOutcome.UP, "tcg", "")
    assert seen.settled == ("tcg", True)
    (said,) = seen.said
    assert said.startswith(f"guests run under TCG ({told}") and "under TCG the same kernel came up in 6.0 s" in said
    assert "hang" not in said
    assert (tmp_path / "boots" / "on-1-under-kvm" / "console.log").read_text() == "kvm"
    assert accel.choose("auto", "7.2").name == "tcg", "remembered"


@pytest.mark.parametrize(("kvm", "tcg", "faster"), [(20.0, 12.0, "tcg"), (8.0, 12.0, "kvm"), (6.0, 5.0, "tcg")])
def test_of_two_that_work_the_faster_is_taken(
    world: World, tmp_path: Path, kernel: Kernel, kvm: float, tcg: float, faster: str
) -> None:
    """Each by its own time from QEMU's start, though KVM had a head start."""
    seen = Launched(world, tmp_path, kvm=[Boot(kvm)], tcg=[Boot(tcg)])
    assert seen.boot(kernel).accel == faster
    assert seen.settled == (faster, True)


def test_a_slower_kvm_is_told_with_both_times(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, kvm=[Boot(6.0)], tcg=[Boot(5.0)])
    seen.boot(kernel)
    told = "KVM is slower than TCG here: a guest came up in 6.0 s; under TCG the same kernel came up in 5.0 s"
    assert seen.said == [f"guests run under TCG ({told})"]


def test_a_kvm_that_quits_once_is_started_once_more(world: World, tmp_path: Path, kernel: Kernel) -> None:
    assert Launched(world, tmp_path, kvm=[QUITS, UP], tcg=[Boot(9.0)]).boot(kernel).accel == "kvm"


def test_a_panic_under_an_unknown_kvm_is_settled_by_another_kernel(
    world: World, tmp_path: Path, kernel: Kernel
) -> None:
    """A kernel that panics under KVM alone is red once KVM is known to run others."""
    seen = Launched(world, tmp_path, kvm=[PANICS], tcg=[UP])
    report = seen.boot(kernel)
    assert (report.accel, report.outcome, seen.settled) == ("tcg", BootOutcome.UP, ("kvm", False))
    assert "it is not settled whether KVM works here: KVM fails here: panic: " in seen.said[0]
    assert not seen.launcher.distrusts(kernel.key, [report]), "nothing is known yet"
    world.boots["base", "kvm"] = [UP]
    seen.others["base"] = base = Kernel(**{**vars(kernel), "key": "base"})
    guest, _ = seen.launcher.boot(base, tmp_path / "boots" / "base-1")
    guest.shutdown()
    assert seen.settled == ("kvm", True) and seen.launcher.distrusts(kernel.key, [report])
    (tmp_path / "boots" / "on-1").rename(tmp_path / "boots" / "on-0")
    again = seen.boot(kernel)
    assert (again.accel, again.outcome) == ("kvm", BootOutcome.PANIC)
    assert again.ended.endswith("oh; under KVM alone: under TCG it comes up")
    assert not seen.launcher.distrusts(kernel.key, [again])


def test_what_comes_up_under_neither_is_the_kernels(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, kvm=[LATE], tcg=[HANGS])
    report = seen.boot(kernel)
    assert (report.outcome, report.accel) == (BootOutcome.HANG, "tcg")
    assert report.ended == (
        "no login within 240 s; hangs in dma_buf_init; under KVM: no login within 30 s; hangs in start_kernel"
    )
    assert seen.settled == ("kvm", False), "nothing is known of KVM"
    assert not accel.choose("auto", "7.2").proved


def test_a_qemu_that_somebody_killed_says_nothing_of_kvm(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, kvm=[KILLED], tcg=[UP])
    assert seen.boot(kernel).accel == "tcg"
    assert not accel.choose("auto", "7.2").proved


def test_a_qemu_that_does_not_start_is_started_once_more(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, kvm=[LATE], tcg=[QUITS, UP])
    assert seen.boot(kernel).accel == "tcg"


def test_a_qemu_that_never_starts_is_the_machines(world: World, tmp_path: Path, kernel: Kernel) -> None:
    with pytest.raises(InfrastructureError, match="QEMU does not start, twice: the kernel printed nothing"):
        Launched(world, tmp_path, "tcg", tcg=[SILENT]).boot(kernel)
    assert all(guest.ended for guest in world.guests)


# --- a KVM that worked before -----------------------------------------------------------------


def proved(tmp_path: Path, by: str) -> Kernel:
    """KVM was proved by a kernel with the key ``by``."""
    accel.remember(True, "a guest came up in 2.0 s", "7.2", by)
    (tmp_path / "other").mkdir()
    return scripted_kernel(tmp_path / "other")


def test_a_kvm_that_fails_later_is_given_up(world: World, tmp_path: Path, kernel: Kernel) -> None:
    """The kernel that it ran before does not come up any more, either."""
    other = proved(tmp_path, "other")
    world.boots["other", "kvm"] = [LATE]
    seen = Launched(world, tmp_path, kvm=[LATE], tcg=[UP])
    seen.others["other"] = Kernel(**{**vars(other), "key": "other"})
    assert seen.boot(kernel).accel == "tcg"
    assert seen.settled == ("tcg", True)
    under_kvm = BootReport(BootOutcome.UP, "kvm", 2.0, "boots/on-2/console.log", "7.2")
    assert seen.launcher.distrusts(kernel.key, [under_kvm])


def test_a_kernel_that_alone_fails_under_kvm_is_red(world: World, tmp_path: Path, kernel: Kernel) -> None:
    other = proved(tmp_path, "other")
    world.boots["other", "kvm"] = [UP]
    seen = Launched(world, tmp_path, kvm=[PANICS], tcg=[UP])
    seen.others["other"] = Kernel(**{**vars(other), "key": "other"})
    report = seen.boot(kernel)
    assert (report.outcome, report.accel) == (BootOutcome.PANIC, "kvm")
    assert report.ended.endswith("oh; under KVM alone: under TCG it comes up")
    assert seen.settled == ("kvm", True)


@pytest.mark.parametrize("boots", [[LATE], [ABORTS], [LATE, SILENT]])
def test_what_no_kernel_says_is_kvms_though_it_runs_another(
    world: World, tmp_path: Path, kernel: Kernel, boots: list[Boot]
) -> None:
    other = proved(tmp_path, "other")
    world.boots["other", "kvm"] = [UP]
    seen = Launched(world, tmp_path, kvm=boots, tcg=[UP])
    seen.others["other"] = Kernel(**{**vars(other), "key": "other"})
    assert (seen.boot(kernel).accel, seen.settled) == ("tcg", ("tcg", True))
    assert sorted(path.name for path in (tmp_path / "boots").iterdir() if "control" in path.name) == []


def test_a_kernel_that_panics_where_it_ran_before_is_red(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, kvm=[UP, PANICS], tcg=[UP])
    assert seen.boot(kernel).outcome is BootOutcome.UP
    (tmp_path / "boots" / "on-1").rename(tmp_path / "boots" / "on-0")
    assert seen.boot(kernel).outcome is BootOutcome.PANIC


@pytest.mark.parametrize(("tcg", "taken"), [(6.0, "tcg"), (40.0, "kvm")])
def test_a_kvm_that_became_slow_is_compared_again(
    world: World, tmp_path: Path, kernel: Kernel, tcg: float, taken: str
) -> None:
    accel.remember(True, "a guest came up in 2.0 s", "7.2", "other", 2.0)
    seen = Launched(world, tmp_path, kvm=[Boot(29.0)], tcg=[Boot(tcg)])
    assert (seen.boot(kernel).accel, seen.settled) == (taken, (taken, True))


def test_a_boot_that_fails_once_under_kvm_is_tried_again(world: World, tmp_path: Path, kernel: Kernel) -> None:
    """The second time that happens KVM is given up."""
    other = proved(tmp_path, "other")
    world.boots["other", "kvm"] = [UP]
    seen = Launched(world, tmp_path, kvm=[LATE, UP, LATE, UP], tcg=[UP])
    seen.others["other"] = Kernel(**{**vars(other), "key": "other"})
    assert seen.boot(kernel).accel == "kvm"
    assert "did when tried again" in seen.said[-1] and "hang" not in seen.said[-1]
    (tmp_path / "boots" / "on-1").rename(tmp_path / "boots" / "on-0")
    assert seen.boot(kernel).accel == "tcg"
    assert seen.settled == ("tcg", True)


# --- a KVM that was demanded ------------------------------------------------------------------


def test_a_kvm_that_was_demanded_and_works(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, "kvm", kvm=[Boot(20.0)])
    assert seen.boot(kernel).accel == "kvm" and len(world.guests) == 1
    assert not accel.choose("auto", "7.2").proved, "nobody asked which is the faster"


@pytest.mark.parametrize("kvm", [LATE, SILENT, ABORTS])
def test_a_kvm_that_was_demanded_and_does_not_is_the_machines(
    world: World, tmp_path: Path, kernel: Kernel, kvm: Boot
) -> None:
    with pytest.raises(InfrastructureError, match=r"^KVM cannot be relied on here: .*; try --accel tcg$"):
        Launched(world, tmp_path, "kvm", kvm=[kvm], tcg=[UP]).boot(kernel)
    assert all(guest.ended for guest in world.guests)


def test_a_kernel_that_panics_under_the_kvm_that_was_demanded(world: World, tmp_path: Path, kernel: Kernel) -> None:
    """Whoever demands KVM vouches for it: the kernel's own word is the kernel's."""
    report = Launched(world, tmp_path, "kvm", kvm=[PANICS], tcg=[UP]).boot(kernel)
    assert (report.outcome, report.accel) == (BootOutcome.PANIC, "kvm")


def test_a_kernel_that_hangs_under_the_kvm_that_was_demanded_too(world: World, tmp_path: Path, kernel: Kernel) -> None:
    report = Launched(world, tmp_path, "kvm", kvm=[LATE], tcg=[HANGS]).boot(kernel)
    assert report.outcome is BootOutcome.HANG and "under KVM: no login within 30 s" in report.ended


# --- guests that KVM loses --------------------------------------------------------------------


def test_kvm_may_lose_one_guest(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, kvm=[UP])
    report = seen.boot(kernel)
    seen.launcher.accuse("KVM failed: KVM internal error. Suberror: 1")
    assert seen.settled == ("kvm", True) and not seen.launcher.distrusts(kernel.key, [report])
    seen.launcher.accuse("KVM failed: KVM internal error. Suberror: 1")
    assert seen.settled == ("tcg", True) and seen.launcher.distrusts(kernel.key, [report])
    assert seen.said[-1] == "guests run under TCG (KVM lost 2 guests here: KVM failed: KVM internal error. Suberror: 1)"


def test_a_kvm_that_was_demanded_and_loses_guests_ends_the_run(world: World, tmp_path: Path, kernel: Kernel) -> None:
    seen = Launched(world, tmp_path, "kvm", kvm=[UP])
    seen.boot(kernel)
    seen.launcher.accuse("no answer for 10 s")
    with pytest.raises(InfrastructureError, match="try --accel tcg"):
        seen.launcher.accuse("no answer for 10 s")


# --- memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thorough", "asked", "memory"),
    [(False, None, SMALL_MEMORY), (True, None, LARGE_MEMORY), (False, 1536, 1536), (True, 1536, 1536)],
)
def test_memory_is_what_was_asked_for_or_what_the_tests_need(
    world: World,
    kernel: Kernel,
    thorough: bool,
    asked: int | None,
    memory: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(launch, "_available_memory", lambda: 64 << 30)
    world.boots["key", "tcg"] = [UP]
    launcher = Launcher("tcg", lambda _text: None)
    guest, _ = launcher.boot(kernel, tmp_path / "boots" / "on-1", JobLimits(memory=asked, thorough=thorough))
    guest.shutdown()
    assert world.guests[0].memory == memory
