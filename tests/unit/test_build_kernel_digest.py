# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that nobody who boots them can tell apart, and kernels that only look so: with the real compiler."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.build import kernel_digest
from harness.model import Kernel
from tests.support.sample_reports import kernel

VDSO = "int in_user_space(void) { return 1; }\n"
IMAGE = '__asm__(".pushsection .rodata\\n.incbin \\"vdso.so\\"\\n.popsection");\nint main(void) { return 0; }\n'
MODULE = "int in_a_module(void) { return 2; }\n"


def compiled(place: Path, name: str, text: str, *options: str) -> Path:
    (place / f"{name}.c").write_text(text)
    made = place / name
    always = ["-g", "-O1", "-fPIC", "-Wl,--build-id"]
    subprocess.run(["gcc", *always, *options, f"{place}/{name}.c", "-o", made], cwd=place, check=True)
    return made


def stripped(program: Path) -> Path:
    """As kbuild puts vDSOs into the image, and the harness the image into its cache: the build id stays."""
    subprocess.run(["strip", "-s", program], check=True)
    return program


def built(place: Path, *, vdso: str = VDSO, image: str = IMAGE, module: str = MODULE, config: str = "") -> Kernel:
    """A kernel of three files, compiled at ``place``: an image with a vDSO in it, a module and a selftest."""
    place.mkdir()
    stripped(compiled(place, "vdso.so", vdso, "-shared", "-nostdlib"))
    made = stripped(compiled(place, "image", image))
    for name in ("lib/modules/6.12.1/probe.ko", "kselftests/sync/sync_test"):
        (place / name).parent.mkdir(parents=True)
        compiled(place, "object", module, "-shared", "-nostdlib").rename(place / name)
    (place / "config").write_text(f"CONFIG_DMA_SHARED_BUFFER=y\n{config}")
    return kernel(image=made, config=place / "config", modules=place, kselftests=place / "kselftests")


@pytest.fixture
def first(tmp_path: Path) -> Kernel:
    return built(tmp_path / "objects")


def test_the_place_of_the_build_makes_no_other_kernel(first: Kernel, tmp_path: Path) -> None:
    """The same content is found again, whatever tree it was built in."""
    other = built(tmp_path / "another-tree-with-a-longer-name")
    assert first.image.read_bytes() != other.image.read_bytes(), "nothing to see: no build id has changed"
    assert kernel_digest(first) == kernel_digest(other)


def test_a_comment_makes_no_other_kernel(first: Kernel, tmp_path: Path) -> None:
    below = "\n/* the lines below have other numbers */\n\n"
    other = built(tmp_path / "other", vdso=below + VDSO, image=below + IMAGE, module=below + MODULE)
    assert kernel_digest(first) == kernel_digest(other)


@pytest.mark.parametrize(
    "changed",
    [
        {"vdso": VDSO.replace("1", "3")},
        {"image": IMAGE.replace("0", "3")},
        {"module": MODULE.replace("2", "3")},
        {"config": "CONFIG_DMABUF_MOVE_NOTIFY=y\n"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_one_other_number_makes_another_kernel(first: Kernel, tmp_path: Path, changed: dict[str, str]) -> None:
    assert kernel_digest(first) != kernel_digest(built(tmp_path / "other", **changed))
