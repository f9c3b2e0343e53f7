# SPDX-License-Identifier: GPL-2.0-only
"""Symbols that a tree has not, or only with the patch: what is said of them, and variants of any symbol."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.events import EventStream
from harness.intake import added_symbols, read_patches, removed_symbols
from harness.kconfig import load_history, load_variants, select, variants_of
from harness.kconfig.history import History
from harness.kconfig.lost_symbols import unknown
from harness.model import ResolvedConfig, Variant
from harness.pipeline import check
from harness.pipeline.kernel_set import KernelSet
from harness.pipeline.symbol_notes import symbol_notes
from tests.support.run_requests import run_request

KCONFIG = """
config THERE
\tbool "there"
config HIDDEN
\tbool "hidden"
\tdepends on NOTHING
"""
ADDS = """--- a/drivers/dma-buf/Kconfig
+++ b/drivers/dma-buf/Kconfig
@@ -1,2 +1,5 @@
 config THERE
 \tbool "there"
+config NEW
+\tbool "new"
+menuconfig MORE
@@ -9,2 +12,2 @@
-config OLD
+config MOVED
 \tbool "x"
@@ -20,2 +23,1 @@
-config MOVED
 \tbool "y"
"""


def patch(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "my.patch"
    file.write_text(text)
    return file


# --- why a tree lacks a symbol ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("5.6.4", "it came with 5.7 (bb42df4662a4)"),
        ("5.7.0-rc1", ""),
        ("5.10.262", ""),
        ("6.19.3", ""),
        ("7.3.4", 'removed in 7.0 by "dma-buf: Always build with DMABUF_MOVE_NOTIFY"'),
    ],
)
def test_history_of_the_option(version: str, why: str) -> None:
    told = load_history()["DMABUF_MOVE_NOTIFY"].why_absent(version)
    assert told.partition(": since")[0] == why
    assert told.endswith("always on") is version.startswith("7")


def test_history_without_details_says_what_is_known() -> None:
    assert History("5.12").why_absent("5.10.1") == "it came with 5.12"
    assert History("5.4", gone="7.0").why_absent("7.1") == "removed in 7.0"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("=", "not TOML"),
        ('[[symbol]]\nname = "X"\n', "entry 1: came is missing"),
        ('[[symbol]]\ncame = "5.5"\n', "entry 1: name is missing"),
        ('[[symbol]]\nname = "X"\ncame = "5.5"\nwent = "6"\n', "entry 1: unknown key 'went'"),
    ],
)
def test_history_that_cannot_be_used(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "symbols.toml").write_text(text)
    with pytest.raises(UserError, match=rf"symbols\.toml.*{what}"):
        load_history(tmp_path / "symbols.toml")


def test_a_hidden_symbol_is_known_an_absent_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "Kconfig").write_text(KCONFIG)
    text = "# CONFIG_THERE is not set\n"
    assert unknown(["THERE", "HIDDEN", "ABSENT"], text, tmp_path) == ("ABSENT",)


# --- variants of a symbol -----------------------------------------------------------------------


def test_variants_of_a_symbol_are_on_and_off() -> None:
    found = variants_of(["CONFIG_DMABUF_DEBUG"], load_variants())
    assert {name: dict(one.options) for name, one in found.items()} == {
        "dmabuf-debug-on": {"DMABUF_DEBUG": "y"},
        "dmabuf-debug-off": {"DMABUF_DEBUG": "n"},
    }
    assert [one.name for one in select("off", found)] == ["dmabuf-debug-off"]


def test_variants_that_are_known_keep_their_names() -> None:
    assert variants_of(["DMABUF_MOVE_NOTIFY"], load_variants()) == load_variants()


def test_variants_of_several_symbols() -> None:
    found = variants_of(["DMABUF_MOVE_NOTIFY", "FOO"], load_variants())
    assert list(found) == [*load_variants(), "foo-on", "foo-off"]


@pytest.mark.parametrize("name", ["", "FOO=y", "CONFIG_", "FOO BAR", "ÄH"])
def test_what_is_no_symbol_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="not the name of a Kconfig symbol"):
        variants_of([name], {})


# --- what the patch adds ------------------------------------------------------------------------


def test_symbols_of_a_patch(tmp_path: Path) -> None:
    patches = read_patches([patch(tmp_path, ADDS)])
    assert added_symbols(patches) == ("NEW", "MORE")
    assert removed_symbols(patches) == ("OLD",)


def test_symbols_are_only_looked_for_in_kconfig_files(tmp_path: Path) -> None:
    patches = read_patches([patch(tmp_path, ADDS.replace("dma-buf/Kconfig", "dma-buf/README"))])
    assert added_symbols(patches) == removed_symbols(patches) == ()


# --- what is said -------------------------------------------------------------------------------


def side(tmp_path: Path, lacks: tuple[str, ...] = (), of: tuple[str, ...] = (), text: str = ADDS) -> KernelSet:
    job = check(run_request(patches=(patch(tmp_path, text),), variant_of=of), tmp_path)
    made = KernelSet(job, EventStream())
    for run in made.runs:
        absent = tuple(symbol for symbol in run.variant.options if symbol in lacks)
        run.config = ResolvedConfig(run.variant, "", "", (), absent)
    return made


def test_nothing_is_said_of_a_symbol_that_both_sides_have(tmp_path: Path) -> None:
    assert symbol_notes(side(tmp_path, of=("NEW", "MORE")), side(tmp_path), "6.12.1") == ()


def test_symbol_that_comes_with_the_patch(tmp_path: Path) -> None:
    asked = ("NEW", "MORE")
    base = side(tmp_path, ("NEW",), asked)
    [note] = symbol_notes(side(tmp_path, (), asked), base, "5.6.4")
    assert note.startswith("CONFIG_NEW comes with the patch: the base is one kernel")


def test_symbol_that_goes_with_the_patch(tmp_path: Path) -> None:
    asked = ("OLD", "NEW", "MORE")
    [note] = symbol_notes(side(tmp_path, ("OLD",), asked), side(tmp_path, (), asked), "6.12.1")
    assert note == "CONFIG_OLD goes with the patch: with it, on and off are one kernel"


def test_symbol_that_neither_side_has_is_explained(tmp_path: Path) -> None:
    both = [side(tmp_path, ("DMABUF_MOVE_NOTIFY",), text=ADDS.replace("config NEW", "# none")) for _ in range(2)]
    note, hint = symbol_notes(both[0], both[1], "7.3.4")
    assert note.startswith("CONFIG_DMABUF_MOVE_NOTIFY is not in this tree (removed in 7.0")
    assert note.endswith("always on): on and off are one kernel")
    assert hint == "the patch adds CONFIG_MORE: --variant-of MORE tests it on and off"


def test_variant_needs_no_history(tmp_path: Path) -> None:
    [note, *_] = symbol_notes(side(tmp_path, ("FOO",), of=("FOO",)), None, "6.12.1")
    assert note == "CONFIG_FOO is not in this tree: on and off are one kernel"


def test_job_has_the_variants_that_were_asked_for(tmp_path: Path) -> None:
    assert [run.variant for run in side(tmp_path, of=("FOO",)).runs] == [
        Variant("foo-on", "CONFIG_FOO=y", {"FOO": "y"}),
        Variant("foo-off", "CONFIG_FOO=n", {"FOO": "n"}),
    ]
