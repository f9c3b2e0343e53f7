# SPDX-License-Identifier: GPL-2.0-only
"""Fragments and variants: what is read, what is refused, and that our own files are in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.architecture import ARCHITECTURE
from harness.errors import UserError
from harness.kconfig import load_fragments, load_variants, select


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    directory = tmp_path / "kernel-configs"
    (directory / "features").mkdir(parents=True)
    (directory / "base.config").write_text("# Needed.\nCONFIG_NET=y\n")
    (directory / ARCHITECTURE.config).write_text("")
    return directory


def write(configs: Path, name: str, text: str) -> None:
    (configs / "features" / f"{name}.config").write_text(text)


def test_a_reason_is_the_comment_above_up_to_a_blank_line(configs: Path) -> None:
    write(
        configs, "a", "# The file.\n\n# First\n# reason.\nCONFIG_A=y\nCONFIG_B=m\n# Second.\nCONFIG_C=8\n\nCONFIG_D=n\n"
    )
    reasons = {request.symbol: request.reason for request in load_fragments(["a"], configs)}
    assert reasons == {"NET": "Needed.", "A": "First reason.", "B": "First reason.", "C": "Second.", "D": ""}


def test_values_and_origins(configs: Path) -> None:
    write(configs, "a", '# CONFIG_A is not set\nCONFIG_B="tsc=reliable"\nCONFIG_C=0x10\n')
    found = {request.symbol: (request.value, request.origin) for request in load_fragments(["a"], configs)}
    assert found["A"] == ("n", "kernel-configs/features/a.config:1")
    assert found["B"] == ('"tsc=reliable"', "kernel-configs/features/a.config:2")
    assert found["C"] == ("0x10", "kernel-configs/features/a.config:3")


def test_the_base_is_required_and_features_are_not_unless_said(configs: Path) -> None:
    write(
        configs,
        "a",
        "CONFIG_A=y\n\n# required: all depends on it.\nCONFIG_B=y\n\n# where it exists: 7.0.\nCONFIG_C=m\n",
    )
    found = {request.symbol: request for request in load_fragments(["a"], configs)}
    assert [found[name].required for name in ("NET", "A", "B", "C")] == [True, False, True, False]
    assert found["C"].if_present and not found["A"].if_present
    assert found["B"].reason == "all depends on it."


def test_two_fragments_that_contradict_each_other_are_both_named(configs: Path) -> None:
    write(configs, "a", "CONFIG_A=y\n")
    write(configs, "b", "\nCONFIG_A=m\n")
    with pytest.raises(UserError) as raised:
        load_fragments(None, configs)
    assert "features/a.config:1" in str(raised.value) and "features/b.config:2" in str(raised.value)


def test_two_fragments_may_ask_for_the_same(configs: Path) -> None:
    write(configs, "a", "CONFIG_NET=y\n")
    write(configs, "b", "# required: b.\nCONFIG_A=y\n")
    write(configs, "c", "CONFIG_A=y\n")
    found = load_fragments(["a", "c", "b"], configs)
    assert [(request.symbol, request.required) for request in found] == [("NET", True), ("A", True)]


@pytest.mark.parametrize("line", ["CONFIG_A", "CONFIG_A=yes", "A=y", "CONFIG_A=y # why", 'CONFIG_A="half'])
def test_a_line_that_is_no_option_is_refused_with_its_place(configs: Path, line: str) -> None:
    write(configs, "a", f"\n{line}\n")
    with pytest.raises(UserError, match=r"kernel-configs/features/a\.config:2"):
        load_fragments(["a"], configs)


def test_an_unknown_feature_lists_the_known_ones(configs: Path) -> None:
    write(configs, "lockdep", "")
    with pytest.raises(UserError, match=r"nonsense: .*lockdep"):
        load_fragments(["nonsense"], configs)


def test_our_fragments_agree_and_every_base_option_is_required_or_says_why_not() -> None:
    requests = load_fragments()
    assert {"SMP", "UDMABUF", "PROVE_LOCKING", "DMABUF_SELFTESTS"} <= {request.symbol for request in requests}
    always = tuple(f"kernel-configs/{name}" for name in ("base.config", ARCHITECTURE.config))
    assert all(r.required or r.reason for r in requests if r.origin.startswith(always))


def test_our_variants_differ_in_move_notify() -> None:
    variants = load_variants()
    assert {name: v.options["DMABUF_MOVE_NOTIFY"] for name, v in variants.items()} == {
        "move-notify-on": "y",
        "move-notify-off": "n",
    }


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("all", ["move-notify-on", "move-notify-off"]),
        ("on", ["move-notify-on"]),
        ("off", ["move-notify-off"]),
        ("move-notify-off", ["move-notify-off"]),
    ],
)
def test_select(spec: str, names: list[str]) -> None:
    assert [variant.name for variant in select(spec, load_variants())] == names


@pytest.mark.parametrize("spec", ["", "n", "notify", "ON"])
def test_an_unknown_variant_is_refused(spec: str) -> None:
    with pytest.raises(UserError, match="no such variant"):
        select(spec, load_variants())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", r": holds no \[\[variant\]\]"),
        ("[[variant]]\nname = 'x'\n", ", entry 1: title is missing"),
        ("[[variant]]\nname = 'x'\ntitle = 't'\noptions = { A = 1 }\n", ", entry 1: options.A is no text: 1"),
        ("variant = 3", ": holds something else than"),
        ("not toml =", ": not TOML"),
    ],
)
def test_variants_that_cannot_be_used_are_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "variants.toml").write_text(text)
    with pytest.raises(UserError, match=rf"variants\.toml{what}"):
        load_variants(tmp_path / "variants.toml")
