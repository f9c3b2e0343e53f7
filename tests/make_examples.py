# SPDX-License-Identifier: GPL-2.0-only
"""``python -m tests.make_examples``: write docs/examples anew, pages and JUnit of the runs in tests/data/recorded.

These runs are put together by hand: short, with something of each kind. Logs that the pages link to are not there.
"""

from __future__ import annotations

import sys

from harness.paths import PROJECT_ROOT
from harness.report import FORMATS
from tests.support.recorded import loaded

PLACE = PROJECT_ROOT / "docs" / "examples"
EXAMPLES = {
    "green": ("green", "nothing is wrong with the patch"),
    "new-failure": ("new-failure", "tests that fail only with the patch, also when they are repeated"),
    "hang": ("hang", "a guest that hangs, and the function in which it does"),
    "splat": ("panic", "reports of the kernel, with their decoded stacks, and the panic that follows"),
    "flaky": ("flaky", "what did not come again when it was repeated"),
    "build-failure": ("build-failure", "a patch with which the kernel does not build"),
}
"""Name -> (recorded run, what it shows)."""

SUFFIXES = {"html": "html", "junit": "xml"}
"""Format -> suffix of its file."""


def examples() -> dict[str, str]:
    """File name -> what is to stand in it."""
    files = {"README.md": _list()}
    for name, (run, _) in EXAMPLES.items():
        report = loaded(run)
        shown = PLACE / name  # the directory of the run, which is not there
        for kind, suffix in SUFFIXES.items():
            files[f"{name}.{suffix}"] = FORMATS[kind].render(report, shown, PLACE).rstrip("\n") + "\n"
    return {name: text.replace(str(PLACE), "/runs") for name, text in files.items()}


def _list() -> str:
    rows = [
        f"| [{name}.html]({name}.html) | [{name}.xml]({name}.xml) | {what} |" for name, (_, what) in EXAMPLES.items()
    ]
    head = [
        "# Examples",
        "",
        "What a run writes, as a page and as JUnit XML. The runs are put together by hand for the project's own tests,",
        "so links to their logs lead nowhere. `python -m tests.make_examples` makes these files.",
        "",
        "| page | JUnit | what it shows |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def main() -> None:
    PLACE.mkdir(exist_ok=True)
    for name, text in examples().items():
        if not (PLACE / name).is_file() or (PLACE / name).read_text(encoding="utf-8") != text:
            (PLACE / name).write_text(text, encoding="utf-8")
            sys.stdout.write(f"{PLACE / name}\n")


if __name__ == "__main__":
    main()
