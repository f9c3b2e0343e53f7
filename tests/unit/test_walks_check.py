# SPDX-License-Identifier: GPL-2.0-only
"""The checks of the suite "walks", on a stand-in for the kernel: what they say, and how a finding is printed."""

from __future__ import annotations

import ast
import builtins
import importlib
import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from harness.guest import kernel, memory, probe, registry, runner, uapi
from harness.guest.checks import all_checks
from harness.guest.walks import drawing, kernel_world, walk_scripts, walking
from harness.guest.walks.choice import single_walk
from harness.guest.walks.steps import Mismatch, Seen, Step
from harness.guest.walks.walk_model import Features
from harness.guest.walks.walking import Walked
from tests.support.fence_kernel import FenceKernel

all_checks()  # so that all are registered in their order, whichever test is first
checks = importlib.import_module("harness.guest.checks.walks")


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A right kernel that can do everything, around which nothing happens."""
    able = Features()
    able.kinds = ("udmabuf", "heap", "vgem", "probe")
    monkeypatch.setattr(registry, "_UNLISTED", {})
    monkeypatch.setattr(checks, "features", lambda: able)
    monkeypatch.setattr(checks, "KernelWorld", FenceKernel)
    monkeypatch.setattr(checks._Surroundings, "trouble", lambda self: "")
    yield
    registry.take_measurements()


def broken(monkeypatch: pytest.MonkeyPatch, bug: str) -> registry.CheckFailed:
    monkeypatch.setattr(checks, "KernelWorld", lambda: FenceKernel(bug))
    with pytest.raises(registry.CheckFailed) as failed:
        checks.buffers()
    return failed.value


def test_a_right_kernel_passes_and_the_seed_is_told() -> None:
    checks.fences()
    (measurement,) = registry.take_measurements()
    assert measurement.startswith("seed 1: 80 of 240 walks through fences, ")


def test_a_finding_names_the_walk_the_step_and_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = broken(monkeypatch, "an earlier fence replaces a later one")
    name, _, rest = str(failed).partition(" differs at ")
    number = name.removeprefix("walks.seed-1.walk-")
    assert number.isdigit() and "expected" in rest and "did not come again" not in rest
    assert failed.details[:3] == [
        "@check",
        f"def seed_1_walk_{number}() -> None:",
        f'    """Found by {name}."""',
    ]
    assert len(failed.details) <= 16
    checks.register_walk(name)
    with pytest.raises(registry.CheckFailed) as alone:
        registry.registered()[name]()
    assert str(alone.value) == str(failed)
    monkeypatch.setattr(checks, "KernelWorld", FenceKernel)
    registry.registered()[name]()


def test_details_stand_below_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = broken(monkeypatch, "poll for reading waits for readers")
    with redirect_stdout(out := io.StringIO()):
        runner.run(["walks.buffers"])
    lines = out.getvalue().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("# failed: "))
    assert lines[at].startswith(f"# failed: {failed} (walks.py:")
    assert lines[at + 1 : at + 1 + len(failed.details)] == [f"# {line}" for line in failed.details]


def test_what_does_not_come_again_is_told_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = iter([FenceKernel("a closed timeline tells no error"), *(FenceKernel() for _ in range(9))])
    monkeypatch.setattr(checks, "KernelWorld", lambda: next(worlds))
    with pytest.raises(registry.CheckFailed, match="it did not come again"):
        checks.fences()


def test_what_a_walk_leaves_behind_is_laid_at_its_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if asking for a deadline leaked: the walks that do so say it alone, too."""
    taken: list[list[Step]] = []
    plain = walking.take

    def take(steps: list[Step], worlds: walking.Worlds, able: Features) -> Walked:
        walked = plain(steps, worlds, able)
        taken.append(walked.steps)
        return walked

    def trouble(_around: object) -> str:
        leaked = any(step.call == "get-deadline" for walk in taken for step in walk)
        taken.clear()
        return "leaked 1 timeline" if leaked else ""

    monkeypatch.setattr(walking, "take", take)
    monkeypatch.setattr(checks._Surroundings, "trouble", trouble)
    with pytest.raises(registry.CheckFailed) as failed:
        checks.fences()
    assert "left behind: leaked 1 timeline, expected nothing" in str(failed.value)
    assert "deadline" in "\n".join(failed.value.details)
    assert len(failed.value.details) <= 12


def test_a_walk_that_ends_a_check_or_the_guest_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never ends runs into the check's time limit; the last mark in the kernel log names it, too."""
    marked: list[str] = []

    class Stuck(FenceKernel):
        def take(self, step: Step) -> Seen:
            if step.call == "merge":
                raise registry.TimedOut
            return super().take(step)

    monkeypatch.setattr(checks.marks, "mark", marked.append)
    monkeypatch.setattr(checks, "KernelWorld", Stuck)
    with pytest.raises(registry.TimedOut):
        checks.fences()
    name = marked[-1].removeprefix("takes ")
    assert single_walk(name) is not None
    assert registry.take_measurements() == [f"in {name}"]


def test_what_is_left_behind_is_told_also_if_it_cannot_be_made_short_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at what stays waits for it to go: the limit may end the shortening, not hide what was found."""
    looks = iter(["leaked 1 timeline"] * 4)

    def trouble(_around: object) -> str:
        try:
            return next(looks)
        except StopIteration:
            raise registry.TimedOut from None

    monkeypatch.setattr(checks._Surroundings, "trouble", trouble)
    with pytest.raises(registry.CheckFailed, match=r"^walks\.seed-1\.walk-0: left behind: leaked 1 timeline") as failed:
        checks.fences()
    assert failed.value.details[:2] == ["@check", "def seed_1_walk_0() -> None:"]


def test_what_is_left_behind_is_told_also_if_there_is_no_time_to_find_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter(["leaked 1 timeline"])

    def trouble(_around: object) -> str:
        if found := next(told, ""):
            return found
        raise registry.TimedOut

    monkeypatch.setattr(checks._Surroundings, "trouble", trouble)
    with pytest.raises(registry.CheckFailed, match="walks 0 to 57 together: leaked 1 timeline"):
        checks.fences()


@pytest.mark.parametrize(
    ("feature", "test"),
    [
        ("imports", "import-and-export-are-walked"),
        ("deadlines", "deadlines-are-walked"),
        ("keeps_time", "times-of-merges-are-walked"),
        ("handles", "devices-are-walked"),
        ("attaches", "devices-are-walked"),
    ],
)
def test_what_the_walks_do_without_is_a_loss(feature: str, test: str, monkeypatch: pytest.MonkeyPatch) -> None:
    able = checks.features()
    registry.registered()[f"walks.{test}"]()
    setattr(able, feature, False)
    with pytest.raises(registry.CheckSkipped) as skipped:
        registry.registered()[f"walks.{test}"]()
    assert not skipped.value.not_applicable


def test_a_buffer_that_is_lacking_is_a_loss() -> None:
    checks.features().kinds = ("udmabuf", "vgem", "probe")
    with pytest.raises(registry.CheckSkipped, match="heap"):
        checks.devices_are_walked()


def test_walks_that_took_too_long_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs then may be a fence that vgem ended by itself."""
    monkeypatch.setattr(checks, "KernelWorld", lambda: FenceKernel("a test skips the writer beside readers"))
    monkeypatch.setattr(walking, "DEVICE_LIMIT", -1)
    checks.devices()
    (measurement,) = registry.take_measurements()
    assert measurement.endswith(" walks took too long to say anything")


def test_no_walk_at_all_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_WALKS", "2")
    checks.buffers()
    with pytest.raises(registry.CheckSkipped, match="none of 2 walks"):
        checks.devices()


def test_the_process_has_its_name_back_after_a_walk() -> None:
    """The kernel takes what is written there as it is: a line's end would become a part of it."""
    comm = Path(kernel_world.COMM)
    before = comm.read_bytes()
    for _ in range(2):
        with kernel_world.KernelWorld() as world:
            comm.write_bytes(b"t1")
            assert world is not None
        assert comm.read_bytes() == before


def test_trouble_that_no_walk_brings_alone_is_told_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter(["kernel report: BUG: KASAN: oh"])
    monkeypatch.setattr(checks._Surroundings, "trouble", lambda self: next(told, ""))
    with pytest.raises(registry.CheckFailed, match="walks 0 to 57 together: kernel report: BUG: KASAN: oh"):
        checks.fences()


# --- the printed check ------------------------------------------------------------------------


def walked(difference: Mismatch, *steps: Step, errors: dict[int, int] | None = None) -> Walked:
    found = Walked()
    found.steps, found.difference = list(steps), difference
    found.errors = [(errors or {}).get(at, 0) for at in range(len(steps))]
    return found


def test_a_walk_as_a_check() -> None:
    found = walked(
        Mismatch("ready events", 5, 0),
        Step("timeline", makes="t1"),
        Step("fence", "t1", 2, makes="s1"),
        Step("buffer", "heap", makes="b1"),
        Step("import", "b1", "s1", 2),
        Step("open-handle", "b1", makes="h1"),
        Step("attach-fence", "h1", 2, makes="v1"),
        Step("export", "b1", 1, makes="s2"),
        Step("advance", "t1", 1),
        Step("poll-buffer", "b1", 5),
        errors={5: 16},
    )
    assert walk_scripts.as_check(found, "busy", "walks.seed-1.walk-2") == [
        "@check",
        "def busy() -> None:",
        '    """Found by walks.seed-1.walk-2."""',
        "    with (",
        "        Heap() as heap,",
        "        vgem() as node,",
        "        Timeline() as t1,",
        "        t1.fence(2) as s1,",
        "        heap.allocate(PAGE) as b1,",
        "    ):",
        "        b1.import_sync_file(WRITE, s1.fileno())",
        "        h1 = node.import_fd(b1.fileno())",
        "        with expect_errno(EBUSY):",
        "            node.attach_fence(h1, VGEM_FENCE_WRITE)",
        "        with b1.export_sync_file(READ) as s2:",
        "            t1.advance(1)",
        '            expect_equal("ready events", b1.poll(READABLE | WRITABLE), 0)',
    ]


def test_one_value_is_asked_for_as_such() -> None:
    error = walked(Mismatch("status", 1, -2), Step("status", "s1"))
    assert walk_scripts.as_check(error, "one", "x")[-1] == '    expect_equal("status", s1.status(), -2)'
    name = walked(Mismatch("name", "a", "b"), Step("list", "s1"))
    assert walk_scripts.as_check(name, "one", "x")[-1] == '    expect_equal("name", s1.name(), "b")'
    several = walked(Mismatch("fences", 4, "1 to 3"), Step("status", "s1"))
    assert walk_scripts.as_check(several, "one", "x")[-1].endswith("# fences: 4, expected 1 to 3")


def test_an_error_that_should_have_come_and_one_that_should_not() -> None:
    steps = (Step("buffer", "udmabuf", makes="b1"), Step("sync", "b1", 1))
    wanted = walk_scripts.as_check(walked(Mismatch("result", "success", "EINTR"), *steps), "one", "x")
    assert wanted[-2:] == ["        with expect_errno(EINTR):", "            interrupted_sync(b1, READ)"]
    unwanted = walk_scripts.as_check(walked(Mismatch("result", "EINTR", "success"), *steps), "one", "x")
    assert unwanted[-1] == "        interrupted_sync(b1, READ)"


def test_every_step_is_python_of_names_that_there_are() -> None:
    able = Features()
    able.kinds = ("udmabuf", "heap", "vgem", "probe")
    there = {*dir(kernel), *dir(probe), *dir(uapi), *dir(registry), *dir(kernel_world), *dir(memory), *dir(builtins)}
    there |= {"check", "READ", "WRITE", "BOTH", "EBUSY", "EINTR", "EINVAL", "ENOENT"}
    for number in range(60):
        taken = walking.take(drawing.Draw(1, number, able).walk(), FenceKernel, able)
        taken.difference = Mismatch("status", 1, 0)
        tree = ast.parse("\n".join(walk_scripts.as_check(taken, "walk", "x")))
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        assert {node.id for node in names} <= there | own
