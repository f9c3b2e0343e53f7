# SPDX-License-Identifier: GPL-2.0-only
"""Which groups of checks belong to the suite ``contract``: by its own settings."""

from __future__ import annotations

import tomllib

from harness.paths import PROJECT_ROOT

_SETTINGS = PROJECT_ROOT / "kselftest-wrappers" / "contract" / "suite.toml"
CONTRACT_GROUPS: frozenset[str] = frozenset(tomllib.loads(_SETTINGS.read_text())["groups"])
