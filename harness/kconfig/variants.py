# SPDX-License-Identifier: GPL-2.0-only
"""Reading ``kernel-configs/variants.toml``: the configurations that each patch is tested with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.errors import UserError
from harness.model import Variant
from harness.paths import KERNEL_CONFIGS
from harness.toml_tables import read_toml

_HINT = "see the entries of kernel-configs/variants.toml"


def load_variants(path: Path = KERNEL_CONFIGS / "variants.toml") -> dict[str, Variant]:
    """Variants by name, in the file's order. Raises ``UserError`` if the file cannot be used."""
    table = read_toml(path, _HINT)
    variants = [entry.decode(Variant) for entry in table.entries("variant")]
    if not variants:
        raise table.refuse("holds no [[variant]]")
    return {variant.name: variant for variant in variants}


def variants_of(symbols: Sequence[str], variants: dict[str, Variant]) -> dict[str, Variant]:
    """On and off of each of ``symbols`` ("FOO" or "CONFIG_FOO"), by name; one that ``variants`` has keeps its name.

    Raises ``UserError`` for what cannot be a symbol.
    """
    found: dict[str, Variant] = {}
    for given in symbols:
        symbol = given.removeprefix("CONFIG_")
        if not re.fullmatch(r"\w+", symbol, re.ASCII):
            raise UserError("not the name of a Kconfig symbol", where=repr(given), hint="write it as in Kconfig")
        for word, value in (("on", "y"), ("off", "n")):
            known = next((one for one in variants.values() if one.options == {symbol: value}), None)
            variant = known or _of(symbol, word, value)
            found[variant.name] = variant
    return found


def _of(symbol: str, word: str, value: str) -> Variant:
    name = symbol.lower().replace("_", "-")
    return Variant(f"{name}-{word}", f"CONFIG_{symbol}={value}", {symbol: value})


def select(spec: str, variants: dict[str, Variant]) -> tuple[Variant, ...]:
    """What ``--variant`` means: "all", a whole name, or its last word ("on" for "move-notify-on").

    Raises ``UserError`` if nothing is called that.
    """
    if spec == "all":
        return tuple(variants.values())
    chosen = tuple(v for v in variants.values() if spec and (v.name == spec or v.name.endswith(f"-{spec}")))
    if not chosen:
        known = ", ".join(["all", *variants])
        raise UserError("no such variant", where=spec or "--variant", hint=f"choose from {known}")
    return chosen
