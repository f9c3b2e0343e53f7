# SPDX-License-Identifier: GPL-2.0-only
"""Who the user is, as git would sign for them."""

from __future__ import annotations

from pathlib import Path

from harness import process


def user_identity(place: Path) -> str:
    """ "Name <user@host>" from the user's git configuration in ``place``; empty if it has not both."""
    name, address = (_configured(place, key) for key in ("user.name", "user.email"))
    return f"{name} <{address}>" if name and address else ""


def _configured(place: Path, key: str) -> str:
    return process.run(["git", "-C", place, "config", "--get", key], env=process.clean_environment()).stdout.strip()
