# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness show``: what run would test, as a user sees it; no source is fetched, nothing built or left."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from harness.cli.main import parser
from harness.paths import PROJECT_ROOT
from tests.support.mail_shapes import header, known_patches, quoted
from tests.support.real import harness_command

PATCH = known_patches()[0]


def show(where: Path, *arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "XDG_CACHE_HOME": str(where / "cache"), "TMPDIR": str(where)}
    argv = harness_command("show", *arguments)
    return subprocess.run(argv, cwd=where, env=env, input=stdin, capture_output=True, check=False)


def reply() -> bytes:
    return header("Re: [PATCH] " + PATCH.title) + b"\n" + quoted(PATCH.body)


def test_a_reply_is_told_as_what_run_would_test(tmp_path: Path) -> None:
    done = show(tmp_path, "-p", "-", "--variant", "on", "--suite", "checks", "static", stdin=reply())
    assert done.returncode == 0, done.stderr
    told = dict(line.split(maxsplit=1) for line in done.stdout.decode().splitlines() if line[:1].strip())
    assert told["base"] == "debian:6.12"
    assert told["patch"].startswith(PATCH.title)
    assert "patch-id" in told and told["variants"] == "move-notify-on" and told["suites"] == "checks, static"


def test_what_is_left_out_and_what_is_done_for_each_patch_is_told(tmp_path: Path) -> None:
    done = show(tmp_path, "-p", "-", "--each", "--quick", "--only", "vgem", "udmabuf.size-has-a-limit", stdin=reply())
    assert done.returncode == 0, done.stderr
    told = dict(line.split(maxsplit=1) for line in done.stdout.decode().splitlines() if line[:1].strip())
    assert told["only"] == "udmabuf.size-has-a-limit vgem"
    assert told["quick"].startswith("only the tests that reach the change")
    assert told["each"] == "built and tested after each patch"


def test_every_option_of_run_is_one_of_show() -> None:
    (commands,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    run, shown = (set(commands.choices[name]._option_string_actions) for name in ("run", "show"))
    assert run < shown


def test_the_diff_alone_is_byte_for_byte_what_is_applied(tmp_path: Path) -> None:
    done = show(tmp_path, "-p", "-", "--diff", stdin=reply())
    assert (done.returncode, done.stdout) == (0, PATCH.diff), done.stderr
    assert not [path.name for path in tmp_path.iterdir() if path.name != "cache"]
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    done = show(tmp_path, "-p", "nowhere.patch")
    assert done.returncode == 2 and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and b"nowhere.patch" in done.stderr
