# SPDX-License-Identifier: GPL-2.0-only
"""What the cache holds is told, and what goes goes whole: never what a living process uses, however it says so."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.build import cache
from harness.cache_cleaning import clean, remove_entry, user_of
from harness.cache_inventory import KINDS, CacheEntry, inventory, unknown
from harness.cache_users import no_new_users, note_use
from harness.cli.main import main
from harness.locks import exclusive, on_behalf_of
from harness.paths import PROJECT_ROOT, cache_root

DAY = 86400.0
USES = """
import sys
from pathlib import Path
from harness.cache_users import note_use
from harness.locks import on_behalf_of
with on_behalf_of(Path(sys.argv[2])):
    note_use(Path(sys.argv[1]))
print("noted", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_root()


def put(root: Path, name: str, *, days: float = 0.0, size: int = 100_000) -> Path:
    """A file of the cache that was last used so many days ago."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    when = time.time() - days * DAY
    for touched in (path, *(parent for parent in path.parents if parent.is_relative_to(root))):
        os.utime(touched, (when, when))
    return path


def fill(root: Path) -> None:
    """One entry of each kind, each older than the one before, in directories of their own."""
    files = (
        *("trees/debian-6.12/objects/current/x.o", "trees/debian-6.1/linux/Makefile", "kernels/aa/image"),
        *("kernels/bb/gcov/x.gcno", "bases/k/findings.json", "bisect/k.json", "reach/base-k.json", "configs/k.json"),
        "ccache/0/1/kept",
        *("static/d/objects/x.o", "downloads/linux.deb", "kvm.json", "bench/dmabuf-harness/runs/r", "objects/old/x.o"),
        "kernels/.cc.1a2b3c4d.part/image",
    )
    for days, file in enumerate(files):
        put(root, file, days=days)


def named(root: Path) -> dict[str, CacheEntry]:
    return {entry.name: entry for entry in inventory(root)}


@contextmanager
def user(entry: Path, directory: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses ``entry`` for the run in ``directory``, until it is killed."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    argv, pipe = [sys.executable, "-c", USES, str(entry), directory], subprocess.PIPE
    with subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "noted\n"
        try:
            yield process
        finally:
            process.kill()


# --- what there is ----------------------------------------------------------------------------------


def test_every_kind_is_found(root: Path) -> None:
    fill(root)
    assert [entry.kind for entry in inventory(root)] == [kind.title for kind in KINDS]
    assert unknown(root) == []


def test_every_place_that_the_code_has_in_the_cache_is_known(root: Path) -> None:
    """A new one would fill the disk unseen."""
    texts = [path.read_text() for path in (PROJECT_ROOT / "harness").rglob("*.py")]
    places = {name for text in texts for name in re.findall(r'cache_(?:dir\(|root\(\) / )"([\w.]+)"', text)}
    assert {"trees", "kernels", "bases", "reach"} <= places
    for place in places:
        (root / place).mkdir()
    (root / "somebody's").mkdir()
    assert unknown(root) == ["somebody's"]


def test_size_is_what_is_free_afterwards(root: Path, tmp_path: Path) -> None:
    """Objects that are linked from a user's repository cost nothing; a file with two names in the entry counts once."""
    path = put(root, "trees/git-x/linux/pack", size=1 << 20)
    alone = named(root)["trees/git-x"].size
    (root / "trees/git-x/borrowed").mkdir()
    os.link(path, root / "trees/git-x/linux/again")
    assert alone <= named(root)["trees/git-x"].size < alone + (1 << 20)
    os.link(path, tmp_path / "elsewhere")
    assert named(root)["trees/git-x"].size < 1 << 20


def test_a_tree_is_as_old_as_its_lock(root: Path) -> None:
    put(root, "trees/debian-6.12/linux/Makefile", days=9)
    put(root, "trees/debian-6.12/worktree.lock", days=2)
    assert time.time() - named(root)["trees/debian-6.12"].used == pytest.approx(2 * DAY, abs=DAY / 2)


# --- what goes --------------------------------------------------------------------------------------


def test_what_is_old_goes_and_what_nothing_reads(root: Path) -> None:
    fill(root)
    every = named(root)
    done = clean(every.values(), time.time() - 6.5 * DAY, None, remove_entry)
    young = [name for name, entry in every.items() if time.time() - entry.used < 6.5 * DAY]
    assert len(young) == 7
    assert set(named(root)) == set(young)
    assert {entry.name for entry in done.removed} == set(every) - set(young)
    assert done.spared == [] and done.freed == sum(entry.size for entry in done.removed)


def test_the_least_recently_used_go_until_the_rest_fits(root: Path) -> None:
    for days in range(6):
        put(root, f"kernels/{days}/image", days=days)
    every = named(root)
    half = sum(entry.size for entry in every.values()) // 2
    clean(every.values(), None, half, remove_entry)
    assert set(named(root)) == {"kernels/0", "kernels/1", "kernels/2"}


def test_objects_go_before_the_source_that_they_are_made_from(root: Path) -> None:
    put(root, "trees/debian-6.12/linux/Makefile")
    put(root, "trees/debian-6.12/objects/current/x.o")
    put(root, "trees/debian-6.12/worktree.lock", days=3)
    every = named(root)
    clean(every.values(), None, every["trees/debian-6.12"].size, remove_entry)
    assert set(named(root)) == {"trees/debian-6.12"}


def test_the_lock_of_a_tree_stays(root: Path) -> None:
    """Who waits for it would hold one that nobody else can see."""
    put(root, "trees/debian-6.12/linux/Makefile")
    lock = put(root, "trees/debian-6.12/worktree.lock")
    assert remove_entry(named(root)["trees/debian-6.12"]) == ""
    assert lock.exists() and not (root / "trees/debian-6.12/linux").exists()


@pytest.mark.parametrize("name", ["kernels/aa", "trees/debian-6.1", "static/d", "bases/k"])
def test_a_removal_that_was_killed_leaves_nothing_that_a_run_takes_for_whole(
    root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root)

    def killed(_path: Path, **_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", killed)
        remove_entry(named(root)[name])
    left = [entry for entry in inventory(root) if name.partition("/")[0] in entry.name and ".removed" in entry.name]
    assert name not in named(root) and len(left) == 1
    assert not [path for path in (root / name).rglob("*") if path.is_file() and ".removed" not in str(path)]
    clean(inventory(root), time.time() - 1e6 * DAY, None, remove_entry)
    assert not left[0].parts[0].exists()


# --- what is in use ---------------------------------------------------------------------------------


def test_what_a_living_process_uses_stays_until_it_is_dead(root: Path) -> None:
    fill(root)
    with user(root / "kernels/aa", "/runs/of\nmine") as process:
        entry = named(root)["kernels/aa"]
        assert remove_entry(entry) == f"process {process.pid}, in /runs/of\nmine"
        assert entry.parts[0].exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert user_of(entry) == ""
    assert remove_entry(entry) == "" and not entry.parts[0].exists()
    with no_new_users() as users:
        assert users == {}
    assert [path.name for path in (root / "users").iterdir()] == [".lock"]


def test_a_source_in_use_keeps_its_objects(root: Path) -> None:
    fill(root)
    put(root, "trees/debian-6.12/linux/Makefile")
    with user(root / "trees/debian-6.12", ""):
        done = clean(inventory(root), None, 0, remove_entry)
    assert {entry.name for entry, _ in done.spared} == {"trees/debian-6.12", "trees/debian-6.12/objects"}
    assert set(named(root)) == {"trees/debian-6.12", "trees/debian-6.12/objects"}


@pytest.mark.parametrize(
    ("lock", "name"),
    [
        ("trees/debian-6.12/worktree.lock", "trees/debian-6.12/objects"),
        ("trees/debian-6.12/worktree.lock", "objects"),
        ("downloads/debian-6.1.lock", "trees/debian-6.1"),
        ("downloads/debian-6.1.lock", "downloads/linux.deb"),
        ("kernels/.lock", "kernels/bb"),
    ],
)
def test_a_lock_that_is_held_guards_its_entry(root: Path, lock: str, name: str) -> None:
    fill(root)
    with on_behalf_of(Path("/runs/r")), exclusive(root / lock):
        assert remove_entry(named(root)[name]) == f"another run (process {os.getpid()}, in /runs/r)"
    assert remove_entry(named(root)[name]) == ""


def test_a_kernel_that_is_being_put_together_stays(root: Path) -> None:
    with cache.part("one") as part:
        (name,) = named(root)
        assert f"process {os.getpid()}" in remove_entry(named(root)[name])
        assert part.exists()


def test_a_kernel_that_was_found_is_in_use(root: Path) -> None:
    facts = {"release": "6.12.1", "compiler": "gcc", "warnings": (), "notes": (), "probe_failure": ""}
    with cache.part("one") as part:
        for file in ("image", "config"):
            (part / file).write_text("x")
        cache.publish("one", part, facts)
    with on_behalf_of(Path("/runs/r")):
        assert cache.find("one") is not None
    assert user_of(named(root)["kernels/one"]) == f"process {os.getpid()}, in /runs/r"


def test_uses_are_noted_once(root: Path) -> None:
    for _ in range(3):
        note_use(root / "kernels/aa")
    (file,) = (path for path in (root / "users").iterdir() if path.name != ".lock")
    assert len(file.read_text().splitlines()) == 2


def test_half_a_line_on_a_full_disk_hides_no_use(root: Path) -> None:
    """A limit of the size of files is as good as a full disk: so much is written, and no more."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    note_use(root / "kernels/aa")
    (file,) = (path for path in (root / "users").iterdir() if path.name != ".lock")
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 5, limits[1]))
    try:
        with pytest.raises(OSError):
            note_use(root / "kernels/bb")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    note_use(root / "kernels/cc")
    with no_new_users() as users:
        assert set(users) == {"kernels/aa", "kernels/cc"}


def test_what_is_behind_a_link_in_place_of_a_tree_is_not_ours(root: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    for name in ("linux", "borrowed", "objects"):
        put(theirs, f"{name}/file", days=99)
    (root / "trees").mkdir()
    (root / "trees/mine").symlink_to(theirs)
    assert main(["clean", "--max", "0"]) == 0
    assert len([*theirs.rglob("file")]) == 3


def test_the_trees_that_a_cache_of_bench_borrows_are_not_its_own(root: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    for name in ("debian/linux", "debian/objects", "debian/x.part"):
        put(theirs, f"{name}/file", days=99)
    (root / "trees").symlink_to(theirs)
    assert not [entry for entry in inventory(root) if entry.name.startswith("trees")]
    assert main(["clean", "--max", "0"]) == 0
    assert len([*theirs.rglob("file")]) == 3


def test_a_kernel_that_is_begun_is_not_taken_for_a_leftover(root: Path) -> None:
    """Its directory is there a moment before it is held; the lock of all kernels is held then."""
    put(root, "kernels/.cc.1a2b3c4d.part/image")
    with exclusive(root / "kernels/.lock"):
        (half,) = inventory(root)
        assert "another run" in remove_entry(half)
    assert remove_entry(half) == ""


# --- the command ------------------------------------------------------------------------------------


def test_without_options_nothing_is_removed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(root)
    before = set(named(root))
    with user(root / "kernels/aa", "/runs/r") as process:
        assert main(["clean"]) == 0
    said = capsys.readouterr().out
    assert all(kind.title in said for kind in KINDS)
    assert f"in use: process {process.pid}, in /runs/r" in said
    assert set(named(root)) == before


def test_a_name_in_the_cache_is_shown_and_not_obeyed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(root)
    (root / "of\x1b[31m\nanother").mkdir()
    (root / "bases/of\x1b[31m\nanother").mkdir()
    for command in (["clean"], ["clean", "--max", "0", "--dry-run"]):
        assert main(command) == 0
        said = capsys.readouterr().out
        assert "\x1b" not in said
        assert not any(line.startswith("another") for line in said.splitlines())


def test_a_dry_run_says_what_would_go_and_removes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(root)
    before = set(named(root))
    assert main(["clean", "--max", "0", "--dry-run"]) == 0
    assert "would go: 1 finished kernels (kernels/aa)" in capsys.readouterr().out
    assert set(named(root)) == before


def test_what_was_freed_and_what_stays_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(root)
    with exclusive(root / "bases/.lock"):
        assert main(["clean", "--keep", "0"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "removed: 1 coverage kernels (kernels/bb), 0.1 MB" in said
    assert f"kept: bases/k, 0.1 MB: another run (process {os.getpid()})" in said
    assert re.fullmatch(rf"1\.\d MB freed, 0\.1 MB left in {root}", said[-1])


@pytest.mark.parametrize(
    "option", [["--max", "lots"], ["--max", "-1G"], ["--keep", "-1"], ["--keep", "ages"], ["--max", "9" * 400]]
)
def test_what_is_no_size_and_no_number_of_days_is_refused(option: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["clean", *option])
    assert refused.value.code == 2
