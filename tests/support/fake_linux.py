# SPDX-License-Identifier: GPL-2.0-only
"""A kernel tree in miniature (tests/data/fakelinux) that is configured and built for real, with git, make and gcc."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from harness import build, kconfig
from harness.intake.diff_parser import parse_diff
from harness.model import BuildFailure, Kernel, ResolvedConfig, SymbolRequest, Variant
from harness.series import Applied, Patch, Tree

FAKELINUX = Path(__file__).parent.parent / "data" / "fakelinux"
DMA_BUF = "drivers/dma-buf/dma-buf.c"
COLLECTIONS = ("drivers/dma-buf", "dmabuf-heaps", "sync")
ON = Variant("move-notify-on", "on", {"DMABUF_MOVE_NOTIFY": "y"})
OFF = Variant("move-notify-off", "off", {"DMABUF_MOVE_NOTIFY": "n"})
PCI = SymbolRequest("PCI", "y", "base.config:1", "devices", required=True)


class Linux:
    """The tree under git, with a patch that is whatever differs from its first commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copytree(FAKELINUX, path)
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "base")
        self.commit = self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", self.path, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.path / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def applied(self) -> Applied:
        self.git("add", "-A")
        diff = parse_diff(self._diff(), "test")
        patch = Patch("test", "test", "", diff)
        tree = Tree("dir:fake", self.path, self.commit, "6.12.1")
        return Applied(tree, (patch,) if diff.files else (), self.git("write-tree"), added=diff.added)

    def _diff(self) -> bytes:
        return subprocess.run(["git", "-C", self.path, "diff", self.commit], check=True, capture_output=True).stdout

    def config(self, variant: Variant = ON) -> ResolvedConfig:
        resolved = kconfig.resolve(self.applied(), [PCI], variant)
        assert isinstance(resolved, ResolvedConfig)
        return resolved

    def build(self, variant: Variant = ON) -> Kernel | BuildFailure:
        return build.build(build.BuildRequest(self.applied(), self.config(variant), 2, COLLECTIONS), lambda _text: None)

    def kernel(self, variant: Variant = ON) -> Kernel:
        built = self.build(variant)
        assert isinstance(built, Kernel), built
        return built

    def failure(self) -> BuildFailure:
        built = self.build()
        assert isinstance(built, BuildFailure)
        return built


def compiled(kernel: Kernel | BuildFailure) -> list[str]:
    return [line.split()[1] for line in kernel.log.read_text().splitlines() if line.startswith("  CC ")]
