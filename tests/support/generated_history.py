# SPDX-License-Identifier: GPL-2.0-only
"""A history of our own on the real 6.12 source: a known culprit among all that misleads a bisect.

Equal each time it is made, commit ids included, so that kernels of earlier runs are found again.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from harness.series import Tree

CORE = "drivers/dma-buf/dma-buf.c"
CODE = (CORE, "drivers/dma-buf/dma-resv.c", "drivers/dma-buf/udmabuf.c", "drivers/dma-buf/sync_file.c", "lib/kobject.c")
UNUSED = ("drivers/gpu/drm/tiny/bochs.c", "drivers/net/ethernet/intel/e1000/e1000_main.c", "sound/core/pcm.c")
DOCUMENT, DEFCONFIG = "Documentation/driver-api/dma-buf.rst", "arch/x86/configs/x86_64_defconfig"

TEST = "dmabuf.seeking-tells-the-size"
SEEK = "\t\tbase = dmabuf->size;\n"
WRONG = "\t\tbase = dmabuf->size - 1;\n"
SOMETIMES = "\t\tbase = dmabuf->size - (get_random_u32() & 1);\n"
WARNS = "\t\tbase = WARN_ON(whence == SEEK_END) ? dmabuf->size : 0;\n"
INIT = "static int __init dma_buf_init(void)\n{\n"
PANIC = INIT + '\tpanic("planted: no way");\n'
CALL = "\tret = dma_buf_init_sysfs_statistics();\n"
BROKEN = "\tret = this_does_not_compile();\n"

CULPRIT, HIDDEN, FLAKY, PRINTED = (
    "dma-buf: seek to the last byte",
    "dma-buf: seek to the last byte, among what does not compile",
    "dma-buf: seek to the last byte or so",
    "dma-buf: warn when somebody asks for the size",
)


@dataclass
class Generated:
    """``path``: a bare repository with a branch for each set-up. ``base``: where all of them begin."""

    path: Path
    base: str
    commits: dict[str, str] = field(default_factory=dict)  # subject -> id
    branches: dict[str, str] = field(default_factory=dict)

    def subject(self, commit: str) -> str:
        return next(subject for subject, known in self.commits.items() if known == commit)


def generate(path: Path, tree: Tree) -> Generated:
    """The history on ``tree`` (a base of the harness, whose objects are borrowed) in a bare repository at ``path``."""
    subprocess.run(["git", "init", "-q", "--bare", "--initial-branch=trunk", path], check=True)
    (path / "objects/info/alternates").write_text(f"{tree.path / '.git/objects'}\n")
    writer = _Writer(tree)
    _trunk(writer)
    _hidden(writer)
    _flaky(writer)
    _printed(writer)
    marks = path / "marks"
    subprocess.run(
        ["git", "-C", path, "fast-import", "--quiet", "--force", f"--export-marks={marks}"],
        check=True,
        input=b"".join(writer.stream),
    )
    ids = dict(line.split() for line in marks.read_text().splitlines())
    commits = {subject: ids[mark] for subject, mark in writer.marks.items()}
    return Generated(path, tree.commit, commits, {name: ids[mark] for name, mark in writer.branches.items()})


def _trunk(writer: _Writer) -> None:
    """The culprit, and on the way to it: another splat, a kernel that panics at boot, two that do not compile."""
    writer.branch("trunk", "")
    writer.mixed(8)
    writer.edit("dma-buf: warn at each seek", SEEK, WARNS)
    writer.mixed(2)
    writer.edit("dma-buf: warn at no seek", WARNS, SEEK)
    writer.mixed(3)
    writer.edit("dma-buf: panic at boot", INIT, PANIC)
    writer.mixed(1)
    writer.edit("dma-buf: do not panic at boot", PANIC, INIT)
    writer.mixed(3)
    writer.edit("dma-buf: do not compile", CALL, BROKEN)
    writer.mixed(1)
    writer.edit("dma-buf: compile again", BROKEN, CALL)
    writer.mixed(2)
    writer.keep("before")
    writer.edit(CULPRIT, SEEK, WRONG)
    writer.mixed(4)
    writer.edit("dma-buf: do not compile, either", CALL, BROKEN)
    writer.edit("dma-buf: compile after all", BROKEN, CALL)
    writer.mixed(9)


def _hidden(writer: _Writer) -> None:
    writer.branch("hidden", "before")
    writer.edit("dma-buf: break the build before", CALL, BROKEN)
    writer.edit(HIDDEN, SEEK, WRONG)
    writer.edit("dma-buf: mend the build behind", BROKEN, CALL)
    writer.mixed(3)


def _flaky(writer: _Writer) -> None:
    writer.branch("flaky", "before")
    writer.mixed(2)
    writer.edit(FLAKY, SEEK, SOMETIMES)
    writer.mixed(3)


def _printed(writer: _Writer) -> None:
    writer.branch("printed", "before")
    writer.mixed(2)
    writer.edit(PRINTED, SEEK, WARNS)
    writer.mixed(3)


class _Writer:
    """A stream for git fast-import."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._number = 0
        self._texts: dict[str, str] = {}
        self._kept: dict[str, tuple[str, dict[str, str]]] = {"": (tree.commit, {})}
        self._branch = self._parent = ""
        self.stream: list[bytes] = []
        self.marks: dict[str, str] = {}
        self.branches: dict[str, str] = {}

    def branch(self, name: str, start: str) -> None:
        self._branch = name
        self._parent, texts = self._kept[start]
        self._texts = dict(texts)

    def keep(self, name: str) -> None:
        """Other branches may begin here."""
        self._kept[name] = (self._parent, dict(self._texts))

    def mixed(self, count: int) -> None:
        """Commits that do no harm: code, comments, what is not built, a document, a default configuration."""
        for _ in range(count):
            number = self._number
            kind = number % 5
            file = CODE[number % len(CODE)] if kind < 2 else (CORE, UNUSED[number % 3], DOCUMENT)[kind - 2]
            if number % 10 == 9:
                file = DEFCONFIG
            line = f"int dmabuf_harness_step_{number} = {number + 1};" if kind < 2 else f"/* step {number} */"
            line = f"# CONFIG_STEP_{number} is not set" if file == DEFCONFIG else line
            self._commit(f"{file}: step {number}", file, self._text(file) + line + "\n")

    def edit(self, subject: str, old: str, new: str, file: str = CORE) -> None:
        text = self._text(file)
        assert text.count(old) == 1, (subject, old)
        self._commit(subject, file, text.replace(old, new))

    def _text(self, file: str) -> str:
        if file not in self._texts:
            show = ["git", "-C", str(self._tree.path), "show", f"{self._tree.commit}:{file}"]
            done = subprocess.run(show, capture_output=True, check=False)
            self._texts[file] = done.stdout.decode() if done.returncode == 0 else ""
        return self._texts[file]

    def _commit(self, subject: str, file: str, text: str) -> None:
        self._texts[file] = text
        self._number += 1
        mark = f":{self._number}"
        when = f"{1_700_000_000 + 60 * self._number} +0000"
        head = f"commit refs/heads/{self._branch}\nmark {mark}\n"
        who = f"author Ann Author <ann@example.org> {when}\ncommitter Ann Author <ann@example.org> {when}\n"
        data = text.encode()
        self.stream.append(f"{head}{who}data {len(subject.encode())}\n{subject}\nfrom {self._parent}\n".encode())
        self.stream.append(f"M 100644 inline {file}\ndata {len(data)}\n".encode() + data + b"\n")
        self._parent = self.branches[self._branch] = mark
        self.marks[subject] = mark
