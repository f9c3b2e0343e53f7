# SPDX-License-Identifier: GPL-2.0-only
"""``python -m tests.record_reach RUN BASE``: make the reach map that comes with the harness for a base.

``RUN``: directory of ``dmabuf-harness coverage --base BASE``, done with the tests of now. Writes
``kernel-configs/reach/X.Y.json.xz``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.pipeline.bundled_reach import MAPS, bundle
from harness.reach import dump_bundled, functions_only, load_reach, merged
from harness.source import obtain, parse_base


def main(run: str, base: str) -> None:
    maps = [load_reach(path.read_text()) for path in sorted(Path(run).glob("coverage/reach-*.json"))]
    reach = functions_only(merged(maps))
    tree = obtain(parse_base(base), lambda text: None)
    place = MAPS / f"{'.'.join(tree.version.split('.')[:2])}.json.xz"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(dump_bundled(bundle(reach, tree)))
    sys.stdout.write(f"{place}: {len(reach.tests)} tests, {len(reach.files)} files\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
