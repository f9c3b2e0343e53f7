# SPDX-License-Identifier: GPL-2.0-only
"""Bad input on the command line: one line, exit 2 or 3, nothing left behind, nothing fetched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.real import Run, run_harness

FAKELINUX = Path(__file__).parent.parent / "data" / "fakelinux"
MAIL = "From: A <a@b.example>\nSubject: [PATCH] x\n\nno diff at all\n"
LONG = "n" * 5000
ELSEWHERE = "--- a/src/main.rs\n+++ b/src/main.rs\n@@ -1 +1 @@\n-a\n+b\n"
ESCAPE = "--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n"


def attempt(tmp_path: Path, *arguments: str | Path, **env: str) -> Run:
    return run_harness(tmp_path / "run", *arguments, env={"XDG_CACHE_HOME": str(tmp_path / "cache"), **env})


def assert_refused(run: Run, code: int, *words: str) -> None:
    said = run.stderr.strip()
    assert run.returncode == code, run.stdout + said
    assert len(said.splitlines()) == 1 and said.startswith("dmabuf-harness: "), said
    for word in words:
        assert word in said
    assert not run.directory.exists()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no such file"),
        (b"", "empty"),
        (b"\x7fELF\x02\x01" + os.urandom(4000), "binary"),
        (MAIL.encode(), "no diff"),
        (ESCAPE.encode(), "etc/passwd"),
    ],
    ids=["missing", "empty", "garbage", "mail-without-diff", "escape"],
)
def test_what_is_no_patch(tmp_path: Path, content: bytes | None, word: str) -> None:
    patch = tmp_path / "my.patch"
    if content is not None:
        patch.write_bytes(content)
    run = attempt(tmp_path, "-p", patch)
    assert_refused(run, 2, "my.patch")
    assert word in run.stderr.lower()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--base", "debian:sid"], ["debian:sid", "X.Y"]),
        (["--base", "dir:/nonexistent"], ["no such directory"]),
        (["--base", "6.12"], ["debian:X.Y"]),
        (["--suite", "chekcs"], ["chekcs", "did you mean checks"]),
        (["--only", "udmabuf.size-has-no-limit"], ["did you mean udmabuf.size-has-a-limit"]),
        (["--only", "udmabuf.*qq*", "contract"], ["udmabuf.*qq*: no test of the suites"]),
        (["--suite", "sync", "--only", "udmabuf"], ["udmabuf: no test of the suites asked for"]),
        (["--variant", "maybe"], ["maybe", "move-notify-on"]),
        (["--pytest", "nowhere.py"], ["nowhere.py"]),
        (["--junit", "/nonexistent/x.xml"], ["/nonexistent/x.xml"]),
        (["-p", "x.patch", "--no-patch"], ["--no-patch"]),
        (["-p", "-"], ["standard input"]),
        (["-p", "v1..main"], ["no git tree", "--base git:PATH"]),
        (["--worktree"], ["no git tree"]),
        (["--revert", "HEAD"], ["no git tree"]),
        (["--worktree", "--no-patch"], ["--worktree and --no-patch"]),
        (["--each", "--up-to", "9"], ["--up-to 9", "there are only"]),
        (["--base", "kernel.org:6.12-rc1"], ["X.Y.Z", "git:PATH@TAG"]),
        (["-p", "HEAD"], ["HEAD: cannot be read", "range A..B of commits"]),
        (["-p", LONG], ["cannot be read: File name too long"]),
        (["-p", f"{LONG}..{LONG}"], ["no git tree"]),
        (["-p", "x.patch", "--pick", "9" * 5000], ["x.patch: cannot be read"]),
        (["--revert", LONG], ["no git tree"]),
        (["--fixup", LONG], ["cannot be read: File name too long"]),
        (["--base", f"dir:/{LONG}"], ["no such directory"]),
        (["--base", f"git:/{LONG}@x"], ["no such directory"]),
        (["--pytest", LONG], ["no such file"]),
        (["--memory", "64"], ["--memory", "from 512 to"]),
        (["--junit", f"/{LONG}/x.xml"], ["cannot be written: File name too long"]),
        (["--report", "pdf=x.pdf"], ["there is no format 'pdf'"]),
        (["--each", "--report", "html=x.html"], ["not of a series"]),
    ],
)
def test_names_that_stand_for_nothing(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    assert_refused(attempt(tmp_path, *arguments), 2, *words)


def test_a_run_directory_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("mine")
    run = attempt(tmp_path)
    assert run.returncode == 2 and "not empty" in run.stderr
    assert (tmp_path / "run" / "precious").read_text() == "mine"


def test_without_network_it_is_said(tmp_path: Path) -> None:
    run = attempt(tmp_path, "--base", "debian:6.12", DMABUF_HARNESS_MIRROR="http://127.0.0.1:9")
    assert run.returncode == 3, run.stderr
    assert "Traceback" not in run.stderr + run.stdout
    assert "127.0.0.1" in run.stderr + run.stdout


def test_without_qemu_run_fails_early_and_says_how_to_mend_it(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for directory in ("/usr/sbin", "/usr/bin"):
        for program in Path(directory).iterdir():
            link = programs / program.name
            if not program.name.startswith("qemu-system") and not link.is_symlink():
                link.symlink_to(program)
    run = attempt(tmp_path, PATH=str(programs))
    assert_refused(run, 3, "qemu-system-x86_64", "ci/setup")


def test_without_a_mirror_of_kernel_org_it_is_said_what_to_set(tmp_path: Path) -> None:
    run = attempt(tmp_path, "--base", "kernel.org:6.12.1", DMABUF_HARNESS_KERNEL_ORG="")
    assert_refused(run, 2, "kernel.org:6.12.1", "set DMABUF_HARNESS_KERNEL_ORG")


def test_a_series_that_does_not_apply_is_not_begun(tmp_path: Path) -> None:
    patch = tmp_path / "my.patch"
    patch.write_text(ELSEWHERE)
    assert_refused(attempt(tmp_path, "-p", patch, "--each", "--base", f"dir:{FAKELINUX}"), 2, "my.patch")


def test_a_patch_for_another_project(tmp_path: Path) -> None:
    patch = tmp_path / "my.patch"
    patch.write_text(ELSEWHERE)
    run = attempt(tmp_path, "-p", patch, "--base", f"dir:{FAKELINUX}")
    assert_refused(run, 2, "my.patch", "another project")


def test_control_characters_of_a_patch_stay_off_the_terminal(tmp_path: Path) -> None:
    mail = tmp_path / "my.patch"
    mail.write_bytes(b"--- a/\x1b[2J/../../x\n+++ b/\x1b[2J/../../x\n@@ -1 +1 @@\n-a\n+b\n")
    run = attempt(tmp_path, "-p", mail)
    assert_refused(run, 2, "outside the kernel tree")
    assert "\x1b" not in run.stderr
    odd = tmp_path / "\x1b]0;title\x07.patch"
    run = attempt(tmp_path, "-p", odd)
    assert_refused(run, 2, r"\x1b]0;title\x07.patch: cannot be read")


@pytest.mark.parametrize("name", ["my cache", "c:ache"])
def test_a_cache_in_which_no_kernel_can_be_built(tmp_path: Path, name: str) -> None:
    """The kernel's Makefile refuses it; that would look like a patch that does not build."""
    base = f"dir:{FAKELINUX}"
    run = attempt(tmp_path, "--no-patch", "--base", base, "--suite", "checks", XDG_CACHE_HOME=str(tmp_path / name))
    assert_refused(run, 2, name, "spaces or colons", "XDG_CACHE_HOME")
