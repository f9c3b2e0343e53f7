# SPDX-License-Identifier: GPL-2.0-only
"""``dir:PATH``: a plain tree as it stands, copied into a work tree of our own through git's index.

The index remembers each file's time stamp and size, so the next run reads only what changed, and the checkout
writes only what differs. The user's directory is only read.
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import UserError
from harness.locks import exclusive
from harness.series import Tree
from harness.source import worktree
from harness.source.download import Notify
from harness.source.git import create, git
from harness.source.gittree import home
from harness.source.spec import BaseSpec

# What a build inside the tree leaves (see `make mrproper` and the kernel's .gitignore; the file itself will not do,
# since Debian's ignores everything but its packaging). A build elsewhere refuses a tree that holds these.
_BUILT = (
    *("**/*.o", "**/*.o.d", "**/*.a", "**/*.ko", "**/*.mod", "**/*.mod.c", "**/*.so", "**/*.so.dbg", "**/*.dwo"),
    *("**/.*.cmd", "**/.*.d", "**/*.order", "**/.tmp_*", "**/*.symversions", "**/*.gcno", "**/*.dtb"),
    *("**/*.lex.c", "**/*.tab.[ch]", "**/*.asn1.[ch]"),
    *(".config*", ".version", ".vmlinux*", "vmlinux*", "System.map", "Module.symvers", "modules.builtin*", ".missing*"),
    *("include/config/**", "include/generated/**", "arch/*/include/generated/**", "arch/*/boot/*Image"),
    *("usr/include/**/*.h", "tags", "TAGS", "cscope*", ".tmp_*/**", "certs/signing_key.*", "certs/x509.genkey"),
)
_EXCLUDED = tuple(f":(exclude,glob){pattern}" for pattern in _BUILT)


def obtain(spec: BaseSpec, notify: Notify) -> Tree:
    """Take the directory's present content. Raises ``InfrastructureError`` if a file of it cannot be read."""
    path = home(spec) / "linux"
    with exclusive(worktree.lock_path(path), lambda other: notify(f"waiting for {other}, which uses this base")):
        create(path)
        notify("reading the directory")
        view = {
            "GIT_DIR": str(path / ".git"),
            "GIT_WORK_TREE": str(spec.path),
            "GIT_INDEX_FILE": str(path / ".git" / "user.index"),
        }
        git(spec.path, *worktree.ONE_PACK, "add", "--all", "--force", "--", ".", *_EXCLUDED, env=view)
        _drop_programs(spec, view)
        commit = git(path, "commit-tree", "-m", "base", git(spec.path, "write-tree", env=view))
        tree = Tree(spec.text, path, commit, worktree.kernel_version((spec.path / "Makefile").read_text()))
        worktree.reset(tree)
    return tree


def _drop_programs(spec: BaseSpec, view: dict[str, str]) -> None:
    """Take compiled programs (scripts/basic/fixdep, tools/objtool/objtool, ...) out of the index: no source is one.

    make would find them through VPATH, take them for up to date, and then miss them in the object tree.
    """
    listed = (entry.partition("\t") for entry in git(spec.path, "ls-files", "-s", "-z", env=view).split("\0")[:-1])
    modes = {name: facts[:6] for facts, _, name in listed}
    if inner := [name for name, mode in modes.items() if mode == "160000"]:
        hint = f"use git:{spec.path}@REF, or remove its .git"
        raise UserError(f"{inner[0]} is a git repository of its own", where=spec.text, hint=hint)
    programs = [name for name, mode in modes.items() if mode == "100755" and _is_elf(spec.path / name)]
    names = "\0".join(programs).encode("utf-8", "surrogateescape")
    git(spec.path, "update-index", "--force-remove", "-z", "--stdin", env=view, stdin=names)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(4) == b"\x7fELF"
