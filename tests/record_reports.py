# SPDX-License-Identifier: GPL-2.0-only
"""``python -m tests.record_reports``: write anew what is told of the recorded runs, for a change that is about it.

The runs themselves stay as they were stored. A new one: put its ``results.json`` into a folder of its own first.
"""

from __future__ import annotations

import sys

from tests.support.recorded import DATA, names, told


def main() -> None:
    for name in names():
        for file, text in told(name).items():
            path = DATA / name / file
            if not path.is_file() or path.read_text() != text:
                path.write_text(text)
                sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
