# SPDX-License-Identifier: GPL-2.0-only
"""The bundled series are whole, and a description of one that cannot be used is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import DEFAULT_SERIES, bundled_series, load_series


def test_bundled_series_is_whole() -> None:
    assert DEFAULT_SERIES in bundled_series()
    for name, directory in bundled_series().items():
        patches = load_series(Path(name))
        assert patches == load_series(directory)
        assert {Path(patch.origin).name for patch in patches} == {path.name for path in directory.glob("*.patch")}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("patches = 3", "patches is no list: 3"),
        ("patches = ['../x']", "'patches' is not a list of file names"),
        ("", "'patches' is not a list of file names"),
        ("patches = ['x']\nrelased = 'v5.7'", "unknown key 'relased'; possible: title, patches, "),
        ("=", "not TOML"),
    ],
)
def test_series_description_that_cannot_be_used(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "series.toml").write_text(text)
    with pytest.raises(UserError, match=what):
        load_series(tmp_path)


def test_unknown_series_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=f"no such series; known are: .*{DEFAULT_SERIES}"):
        load_series(Path("unheard-of"))
