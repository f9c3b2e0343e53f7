# SPDX-License-Identifier: GPL-2.0-only
"""``python -m tests.make_examples``: write docs/examples anew, from the runs that tests.record_examples did.

That is quick and takes no kernel: a page that looks otherwise now needs no run.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

from harness.paths import PROJECT_ROOT
from harness.report import FORMATS, load
from tests.record_examples import EXAMPLE_RUNS, KEPT, ExampleRun

PLACE = PROJECT_ROOT / "docs" / "examples"
SUFFIXES = {"html": "html", "junit": "xml"}
"""Format -> suffix of its file."""

PATCHES = {
    "llseek-v1.patch": "the patch of the tutorial",
    "llseek-v2.patch": "its second version",
    "hang.patch": "one that waits for what never comes",
    "typo.patch": "one that does not compile",
}
"""Name -> what it is. They are written by hand."""


def examples() -> dict[str, str]:
    """File name -> what is to stand in it."""
    files = {"README.md": _list()}
    for name in EXAMPLE_RUNS:
        with tempfile.TemporaryDirectory(prefix="examples-") as place:
            with tarfile.open(KEPT / f"{name}.tar.xz") as kept:
                kept.extractall(place)
            for kind, suffix in SUFFIXES.items():
                text = FORMATS[kind].render(load(Path(place)), Path(place), Path(place)).rstrip("\n") + "\n"
                files[f"{name}.{suffix}"] = text.replace(place, f"/runs/{name}")
    return files


def _list() -> str:
    runs = [f"| [{name}.html]({name}.html) | [{name}.xml]({name}.xml) | {run.shows} |" for name, run in _runs()]
    patches = [f"- [{name}]({name}): {what}" for name, what in PATCHES.items()]
    typed = [f"    dmabuf-harness run {run.typed}" for _, run in _runs()]
    head = [
        "# Examples",
        "",
        "What a run writes, as a page and as JUnit XML: real runs, done by `python -m tests.record_examples`, and made",
        "pages of by `python -m tests.make_examples`. Their directories are not kept: links to logs lead nowhere.",
        "",
        "| page | JUnit | what it shows |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *runs, "", "As they were typed:", "", *typed, "", "Patches:", "", *patches]) + "\n"


def _runs() -> list[tuple[str, ExampleRun]]:
    return list(EXAMPLE_RUNS.items())


def main() -> None:
    for name, text in examples().items():
        if not (PLACE / name).is_file() or (PLACE / name).read_text(encoding="utf-8") != text:
            (PLACE / name).write_text(text, encoding="utf-8")
            sys.stdout.write(f"{PLACE / name}\n")


if __name__ == "__main__":
    main()
