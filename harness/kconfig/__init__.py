# SPDX-License-Identifier: GPL-2.0-only
"""Kernel configuration: fragments in, a ``.config`` out, and the truth about what did not survive.

``load_fragments`` and ``load_variants`` read ``kernel-configs/``; ``resolve`` has Kconfig work out the rest and
then checks every requested symbol, since Kconfig drops what it cannot satisfy without a word.
"""

from harness.kconfig.fragments import load_fragments, parse_fragment
from harness.kconfig.history import History, load_history
from harness.kconfig.resolve import resolve
from harness.kconfig.variants import load_variants, select, variants_of

__all__ = [
    "History",
    "load_fragments",
    "load_history",
    "load_variants",
    "parse_fragment",
    "resolve",
    "select",
    "variants_of",
]
