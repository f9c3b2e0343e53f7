# SPDX-License-Identifier: GPL-2.0-only
"""git on our own repositories in the cache: without the user's configuration, hooks and filters."""

from __future__ import annotations

from pathlib import Path

from harness import process
from harness.gitcmd import run_git
from harness.machine_failures import failed
from harness.process import Completed

# Set in each repository as well, so that whoever else works on it (applying patches) gets the same behaviour.
# bigFileThreshold is not among them: it would turn every diff into a binary one.
CONFIG = """\
[core]
\tautocrlf = false
\tfsmonitor = false
\thooksPath = /dev/null
\texcludesFile = /dev/null
\tattributesFile = /dev/null
\tlooseCompression = 1
\tlogAllRefUpdates = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[commit]
\tgpgSign = false
[user]
\tname = dmabuf-harness
\temail = dmabuf-harness@localhost
"""


def attempt(tree: Path, *args: str | Path, env: dict[str, str] | None = None, stdin: bytes | None = None) -> Completed:
    """Run git in the work tree ``tree``; a failure is a value."""
    return run_git(tree, *args, env={**process.GIT_IDENTITY, **(env or {})}, stdin=stdin)


def git(tree: Path, *args: str | Path, env: dict[str, str] | None = None, stdin: bytes | None = None) -> str:
    """As ``attempt`` for what must succeed; returns stdout without the final newline."""
    done = attempt(tree, *args, env=env, stdin=stdin)
    if not done.ok:
        raise failed(done, f"git {args[0]}", tree)
    return done.stdout.rstrip("\n")


def drop_stale_locks(tree: Path) -> None:
    """Remove git's lock files, which a killed git leaves and every later one stumbles over.

    Only for who holds our own lock on ``tree``, so that no git is at work there.
    """
    folder = tree / ".git"
    for lock in (*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")):
        lock.unlink()


def create(tree: Path) -> None:
    """Make ``tree`` an empty repository of ours; it may be one already, or half of one. Its lock must be held."""
    tree.mkdir(parents=True, exist_ok=True)
    drop_stale_locks(tree)
    git(tree, "init", "--quiet", "--initial-branch=base", "--template=")
    config = tree / ".git" / "config"
    text = config.read_text()
    if CONFIG not in text:
        config.write_text(text + CONFIG)
