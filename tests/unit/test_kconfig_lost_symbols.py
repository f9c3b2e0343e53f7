# SPDX-License-Identifier: GPL-2.0-only
"""Why an option is lost: expressions, Kconfig files, and the sentence that comes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.kconfig import lost_symbols, tree
from harness.kconfig.expression import unmet
from harness.model import SymbolRequest

CONFIG = {"NET": "y", "I2C": "m", "USB": "n", "NR_CPUS": "8", "NAME": '"x"'}


@pytest.mark.parametrize(
    ("expression", "blamed"),
    [
        ("NET", []),
        ("I2C", []),
        ("USB", ["USB"]),
        ("ABSENT", ["ABSENT"]),
        ("!USB", []),
        ("!NET", ["!NET"]),
        ("NET && USB && ABSENT", ["USB", "ABSENT"]),
        ("(NET && USB) && I2C", ["USB"]),
        ("USB || NET", []),
        ("USB || ABSENT", ["USB || ABSENT"]),
        ("NET && (USB || !I2C)", []),
        ("NET && (USB || !NET)", ["USB || !NET"]),
        ("(USB) || (NET)", []),
        ("NET=y", []),
        ("I2C=y", ["I2C = y"]),
        ("I2C!=n", []),
        ("NR_CPUS >= 4 && NR_CPUS < 8", ["NR_CPUS < 8"]),
        ('NAME = "x"', []),
        ('NAME != "x"', ['NAME != "x"']),
        ("$(cc-option,-mfoo) && USB", ["USB"]),
        ("$(success,test $(x) = 1)", []),
        ("", []),
    ],
)
def test_the_part_that_does_not_hold_is_named(expression: str, blamed: list[str]) -> None:
    assert unmet(expression, CONFIG) == blamed


KCONFIG_FILES = Path(__file__).parent.parent / "data" / "kconfig"


@pytest.fixture(scope="module")
def known() -> tree.KconfigTree:
    return tree.read(KCONFIG_FILES)


def why(known: tree.KconfigTree, symbol: str, value: str, **config: str) -> str:
    return lost_symbols.why(SymbolRequest(symbol, value, "", "", required=False), known, {"BUS": "y", **config})


def test_help_is_no_definition_and_sourced_files_are_followed(known: tree.KconfigTree) -> None:
    assert "NOT_A_SYMBOL" not in known.definitions
    assert {"PLAIN", "GATED", "CPU"} <= set(known.definitions)
    assert known.definitions["PLAIN"][0].depends == ["BUS"]


@pytest.mark.parametrize(
    ("symbol", "config", "reason"),
    [
        ("NOWHERE", {}, "not in this tree"),
        ("PLAIN", {"BUS": "n"}, "depends on BUS (n)"),
        ("LONG", {"FIRST": "y"}, "depends on SECOND (n)"),
        ("GATED", {}, "depends on GATE (n)"),
        ("HIDDEN", {}, "cannot be set by hand: other options select it"),
        ("ASKED_IF", {}, "can only be set with EXPERT (n)"),
        ("ONE", {"TWO": "y"}, "another member of its choice was taken"),
        ("TWICE", {}, "depends on FIRST (n)"),
    ],
)
def test_why_an_option_is_off(known: tree.KconfigTree, symbol: str, config: dict[str, str], reason: str) -> None:
    assert why(known, symbol, "y", **config) == reason


@pytest.mark.parametrize(
    ("symbol", "config", "reason"),
    [
        ("HIDDEN", {"CHOOSER": "y", "FEATURE": "y"}, "selected by CHOOSER"),
        ("HIDDEN", {"CHOOSER": "y"}, "on by default and cannot be turned off by hand"),
        ("ASKED_IF", {}, "on by default, can only be turned off with EXPERT (n)"),
        ("CPU", {}, "on by default and cannot be turned off by hand"),
    ],
)
def test_why_an_option_is_on(known: tree.KconfigTree, symbol: str, config: dict[str, str], reason: str) -> None:
    assert why(known, symbol, "n", **config) == reason


def test_only_what_differs_is_a_problem_and_absence_may_be_fine(tmp_path: Path) -> None:
    (tmp_path / "Kconfig").write_text('config A\n\tbool "a"\n\tdepends on B\n')
    text = "CONFIG_FINE=y\n# CONFIG_A is not set\nCONFIG_N=8\n"
    wanted = [
        SymbolRequest("FINE", "y", "", "", required=True),
        SymbolRequest("N", "8", "", "", required=True),
        SymbolRequest("OFF", "n", "", "", required=True),
        SymbolRequest("A", "y", "", "", required=True, if_present=True),
        SymbolRequest("GONE", "y", "", "", required=False, if_present=True),
        SymbolRequest("LOST", "m", "", "", required=False),
    ]
    found = lost_symbols.problems(wanted, text, tmp_path)
    assert [(p.request.symbol, p.got, p.why, p.fatal) for p in found] == [
        ("A", "n", "depends on B (n)", True),
        ("LOST", "n", "not in this tree", False),
    ]
