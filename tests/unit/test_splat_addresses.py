# SPDX-License-Identifier: GPL-2.0-only
"""From the words of nm and addr2line to places; what is not known for sure stays open."""

from __future__ import annotations

import pytest

from harness.splat.addresses import SourceLocation, Symbol, address_of, read_places, read_symbols
from harness.splat.stack import RawFrame

NM = """

Symbols from vmlinux.debug:

Name                  Value           Class        Type         Size             Line  Section

__per_cpu_start     |0000000000000000|   B  |            NOTYPE|                |     |.data..percpu
twice               |ffffffff81000000|   t  |              FUNC|0000000000000020|     |.text
__pfx_twice         |ffffffff81000000|   t  |              FUNC|0000000000000000|     |.text
one                 |ffffffff81000030|   T  |              FUNC|0000000000000018|     |.text
early               |ffffffff81000040|   t  |              FUNC|0000000000000008|     |.init.text
twice               |ffffffff81000050|   t  |              FUNC|0000000000000040|     |.text
data                |ffffffff81000060|   d  |            OBJECT|0000000000000010|     |.data
last                |ffffffff810000a0|   t  |              FUNC|0000000000000010|     |.text
"""


def symbols(*names: str) -> dict[str, list[Symbol]]:
    return read_symbols(NM, set(names))


def test_a_symbol_reaches_to_the_next_one_in_its_section() -> None:
    """As kallsyms has it: the ELF size leaves out what aligns the next function."""
    assert symbols("one", "twice", "early", "last", "data") == {
        "twice": [Symbol(".text", 0xFFFFFFFF81000000, 0x30), Symbol(".text", 0xFFFFFFFF81000050, 0x50)],
        "one": [Symbol(".text", 0xFFFFFFFF81000030, 0x20)],
        "early": [Symbol(".init.text", 0xFFFFFFFF81000040, 0)],
        "last": [Symbol(".text", 0xFFFFFFFF810000A0, 0)],
    }


def test_any_text_of_nm_is_taken() -> None:
    assert read_symbols("a|b\nnm: no symbols\n||||||\n", {"a"}) == {}


@pytest.mark.parametrize(
    ("frame", "address"),
    [
        (RawFrame("one", 0x8, 0x20), 0xFFFFFFFF81000037),  # the call before what it returns to
        (RawFrame("one", 0x8, 0x20, exact=True), 0xFFFFFFFF81000038),
        (RawFrame("one", 0, 0x20), 0xFFFFFFFF81000030),
        (RawFrame("one", 0x8, 0x18), 0xFFFFFFFF81000037),  # another size, but no other function of the name
        (RawFrame("one", 0x200, 0x300), None),
        (RawFrame("twice", 0x8, 0x50), 0xFFFFFFFF81000057),  # the size tells which
        (RawFrame("twice", 0x8, 0x44), None),
        (RawFrame("unknown", 0x8, 0x44), None),
    ],
)
def test_addresses(frame: RawFrame, address: int | None) -> None:
    where = address_of(frame, symbols("one", "twice").get(frame.function, ()))
    assert where == ((".text", address) if address is not None else None)


def test_places_with_what_inlines_them() -> None:
    text = (
        "0xffffffff813f1c00\nkmalloc_noprof\n/src/include/linux/slab.h:894 (discriminator 3)\n"
        "dma_buf_dynamic_attach\n/src/drivers/dma-buf/dma-buf.c:916\n"
        "0x0000000000000010\n??\n??:0\n0x0000000000000020\nf\n/src/a.c:?\n"
    )
    assert read_places(text) == {
        0xFFFFFFFF813F1C00: (
            SourceLocation("kmalloc_noprof", "/src/include/linux/slab.h", 894),
            SourceLocation("dma_buf_dynamic_attach", "/src/drivers/dma-buf/dma-buf.c", 916),
        )
    }


@pytest.mark.parametrize("text", ["", "\n\n", "f\n", "0x10", "0x10\nf", "0x10\nf\n:5\n"])
def test_any_text_of_addr2line_is_taken(text: str) -> None:
    assert read_places(text) == {}
