# SPDX-License-Identifier: GPL-2.0-only
"""Configuring for real, on a kernel tree in miniature: what is explained, and what is asked again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness import kconfig
from harness.model import BuildFailure, ResolvedConfig, SymbolRequest
from harness.paths import cache_dir
from tests.support.fake_linux import DMA_BUF, ON, PCI, Linux


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    return Linux(tmp_path / "linux")


def test_lost_options_are_explained(linux: Linux) -> None:
    wanted = [
        SymbolRequest("UDMABUF", "y", "features/udmabuf.config:1", "", required=False),
        SymbolRequest("SW_SYNC", "y", "features/sw_sync.config:1", "", required=False),
        SymbolRequest("KUNIT", "m", "features/selftests.config:1", "", required=False, if_present=True),
    ]
    resolved = kconfig.resolve(linux.applied(), wanted, ON)
    assert isinstance(resolved, ResolvedConfig)
    assert {problem.request.symbol: problem.why for problem in resolved.problems} == {
        "UDMABUF": "depends on MEMFD_CREATE (n)",
        "SW_SYNC": "not in this tree",
        "DMABUF_MOVE_NOTIFY": "depends on PCI (n)",
    }


def test_a_config_is_worked_out_once(linux: Linux) -> None:
    first = linux.config()
    applied = linux.applied()
    shutil.rmtree(linux.path)
    again = kconfig.resolve(applied, [PCI], ON)
    assert again == first


@pytest.fixture
def no_kconfig(linux: Linux) -> None:
    """Worked out once; from now on Kconfig cannot be run, so that what needs it anew fails."""
    linux.config()
    shutil.rmtree(cache_dir("configs", "programs"))
    linux.path.with_name("cache").joinpath("dmabuf-harness/configs/programs").touch()


@pytest.mark.usefixtures("no_kconfig")
def test_a_patch_to_a_source_needs_no_new_config(linux: Linux) -> None:
    before = linux.config()
    linux.edit(DMA_BUF, "return 0;", "return 7;")
    assert linux.config() == before


@pytest.mark.parametrize(
    ("name", "added"),
    [
        ("Kconfig", "config NEW\n\tbool\n"),
        ("Makefile", "# anything\n"),
        ("scripts/conf.sh", "# anything\n"),
        ("scripts/basic/program.c", "int program;\n"),
        ("drivers/dma-buf/options.of-any-name", "config NEW\n\tbool\n"),
    ],
)
@pytest.mark.usefixtures("no_kconfig")
def test_a_patch_to_what_kconfig_reads_needs_a_new_one(linux: Linux, name: str, added: str) -> None:
    (linux.path / name).parent.mkdir(parents=True, exist_ok=True)
    with (linux.path / name).open("a") as file:
        file.write(added)
    with pytest.raises(OSError, match="programs"):
        linux.config()


@pytest.mark.parametrize(
    "line", ['source "drivers/dma-buf/dma-buf.c"', "default $(shell,cat drivers/dma-buf/dma-buf.c)"]
)
def test_a_kconfig_that_reads_a_source_is_asked_each_time(linux: Linux, line: str) -> None:
    """It is the text of a C file then which decides, and nothing of it is in the key."""
    (linux.path / "drivers/dma-buf/Kconfig").open("a").write(f"# {line}\n{line}\n")
    linux.config()
    assert not list(cache_dir("configs").glob("*.json"))


def test_a_patch_that_breaks_kconfig_is_a_result(linux: Linux) -> None:
    linux.edit("Kconfig", "config PCI", "nonsense\nconfig PCI")
    failure = kconfig.resolve(linux.applied(), [PCI], ON)
    assert isinstance(failure, BuildFailure)
    [error] = failure.messages
    assert (failure.stage, error.path, error.line, error.added) == ("config", "Kconfig", 4, True)
    assert "nonsense" in error.text
