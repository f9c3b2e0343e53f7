# SPDX-License-Identifier: GPL-2.0-only
"""Host side: the guest's code as one archive of compiled modules, to be copied into the guest's memory.

Under software emulation the import of one module costs about 0.25 s from the 9p root of a busy machine and 0.02 s
from an archive in the guest's tmpfs. The archive holds sources too, for a guest whose Python is another version.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import shlex
import zipfile
from functools import cache
from pathlib import Path

_GUEST = Path(__file__).resolve().parent
_ROOT = _GUEST.parent.parent
_HOST_ONLY = frozenset({"bundle.py"})
# How the kernel begins its reports; its package has more, which is for the host: here it is an empty one.
_KINDS = _ROOT / "harness" / "splat" / "kinds.py"
# Not ``python archive.zip``: that imports runpy first, half a second of modules that nothing else needs.
_START = (
    "import sys; sys.path.insert(0, {path!r}); from harness.guest.{module} import main; sys.exit(main(sys.argv[1:]))"
)


def _sources() -> dict[str, bytes]:
    """Path in the archive -> what is there."""
    ours = (path for path in _GUEST.rglob("*.py") if path.name not in _HOST_ONLY)
    files = sorted([_ROOT / "harness" / "__init__.py", *ours, _KINDS])
    return {str(path.relative_to(_ROOT)): path.read_bytes() for path in files} | {"harness/splat/__init__.py": b""}


def _compiled(source: bytes, name: str) -> bytes:
    """A .pyc that is taken without a look at its source (PEP 552, unchecked hash): there is no mtime to compare."""
    code = compile(source, name, "exec", dont_inherit=True)
    header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
    return header + marshal.dumps(code)


@cache
def contents() -> bytes:
    """The archive (about 0.5 MB). Same sources, same bytes; an edit during a run changes nothing in it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as bundle:
        for name, source in _sources().items():
            bundle.writestr(zipfile.ZipInfo(f"{name}c"), _compiled(source, name))
            bundle.writestr(zipfile.ZipInfo(name), source)
    return archive.getvalue()


def command(archive: str, *arguments: str, module: str = "runner") -> str:
    """Shell command that runs the checks in the guest, where the archive is at path ``archive``.

    ``module``: of harness.guest, whose ``main`` gets ``arguments``.
    """
    start = ["/usr/bin/python3", "-I", "-S", "-c", _START.format(path=archive, module=module), *arguments]
    return shlex.join(start)
