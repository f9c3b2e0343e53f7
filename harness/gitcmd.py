# SPDX-License-Identifier: GPL-2.0-only
"""git, as it runs in every tree but the one that the user works in (harness/source/user_tree.py).

No configuration of the user or the machine decides what it does, it asks nobody anything, and it does not matter who
owns the tree (safe.directory, git-config(1)): a cache is often another user's, in containers above all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError
from harness.process import Completed

_ISOLATED = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def run_git(
    tree: Path, *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: bytes | None = None
) -> Completed:
    """Run git in ``tree``; a failure is a value. ``env``: more for its environment."""
    environment = process.clean_environment({**_ISOLATED, **(env or {})})
    return process.run(["git", "-c", "safe.directory=*", "-C", tree, *arguments], env=environment, stdin=stdin)


def check_git(
    tree: Path, *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: bytes | None = None
) -> str:
    """As ``run_git`` for what must succeed: its standard output. Raises ``InfrastructureError``."""
    done = run_git(tree, *arguments, env=env, stdin=stdin)
    if not done.ok:
        command = next((str(word) for word in arguments if not str(word).startswith("-")), "")
        said = (done.stderr.strip() or "no output").splitlines()[-1]
        raise InfrastructureError(f"git {command} failed: {said}", where=str(tree))
    return done.stdout


def write_files(tree: Path, commit: str, names: Iterable[str], directory: Path) -> None:
    """Write the files ``names`` as ``commit`` has them to their places below ``directory``; those that it has not
    are left out. Raises ``InfrastructureError`` if the commit cannot be read."""
    check_git(tree, "cat-file", "-e", f"{commit}^{{tree}}")
    for name in names:
        shown = run_git(tree, "show", f"{commit}:{name}")
        if shown.ok:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(shown.stdout.encode("utf-8", "surrogateescape"))
