# SPDX-License-Identifier: GPL-2.0-only
"""What the C compiler says of constants and structs, to hold the bindings in harness/guest/uapi.py against."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from harness.guest.uapi import Layout


def c_program(prologue: str, names: Collection[str], structs: Mapping[str, Layout]) -> str:
    """A program that prints a JSON object: each constant that is defined, and of each struct its size and its fields'.

    ``prologue``: includes, and whatever else defines them.
    """
    lines = [prologue, "int main(void) {", 'puts("{");']
    for name in names:
        lines += [f"#ifdef {name}", f'printf("\\"{name}\\": %llu,\\n", (unsigned long long)({name}));', "#endif"]
    for name, layout in structs.items():
        lines.append(f'printf("\\"{name}\\": [%zu", sizeof({name}));')
        for field in layout.offsets:
            lines.append(f'printf(", %zu, %zu", offsetof({name}, {field}), sizeof((({name} *)0)->{field}));')
        lines.append('puts("],");')
    return "\n".join([*lines, 'puts("\\"end\\": 0 }");', "return 0; }"])


def compiled(source: str, folder: Path, options: Sequence[str]) -> dict[str, object]:
    """What the program ``source`` prints; ``options`` are the compiler's."""
    program = folder / "uapi"
    (folder / "uapi.c").write_text(source)
    command = ["gcc", *options, "-o", str(program), str(folder / "uapi.c")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    answer: dict[str, object] = json.loads(subprocess.run([program], capture_output=True, text=True, check=True).stdout)
    answer.pop("end")
    return answer


def bindings(names: Mapping[str, int], structs: Mapping[str, Layout]) -> dict[str, object]:
    """The same of our side."""
    return {**names, **{name: [layout.size, *_fields(layout)] for name, layout in structs.items()}}


def _fields(layout: Layout) -> Iterator[int]:
    for field, offset in layout.offsets.items():
        yield from (offset, layout.sizes[field])
