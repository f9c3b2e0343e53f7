# SPDX-License-Identifier: GPL-2.0-only
"""Which findings make a run red."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.paths import WRAPPERS
from harness.static import load_red
from harness.static.settings import KINDS


def test_what_breaks_builds_is_red_and_every_kind_is_explained() -> None:
    assert load_red() == {"compile", "warnings"}
    text = (WRAPPERS / "static" / "static.toml").read_text()
    assert all(f"#   {kind} " in text for kind in KINDS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('red = ["compiler"]', "unknown kind 'compiler'"),
        ("red = true", "red is no list: True"),
        ('green = ["compile"]', "unknown key 'green'; possible: red"),
        ("red = [", "not TOML"),
        ("", "red is missing"),
    ],
)
def test_a_mistake_in_it_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "static.toml").write_text(text)
    with pytest.raises(UserError) as caught:
        load_red(tmp_path)
    assert said in str(caught.value) and "static/static.toml" in str(caught.value)
