# SPDX-License-Identifier: GPL-2.0-only
"""The patch itself, checked on the host: what it touches is compiled, and the tree's own scripts look at it.

Stands above the stages, whose kbuild and Kconfig it uses, and below the pipeline, which holds the work tree for it.
"""

from harness.static.checker import SUITE, PatchCheck
from harness.static.settings import load_red

__all__ = ["SUITE", "PatchCheck", "load_red"]
