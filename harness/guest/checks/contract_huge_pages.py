# SPDX-License-Identifier: GPL-2.0-only
"""Row 23 of the contract for a buffer of huge pages: an importer gets the right small pages out of them."""

from __future__ import annotations

from harness.guest.checks.contract import D, S, check
from harness.guest.kernel import PAGE, Udmabuf
from harness.guest.memory import HugePages, buffer_of_huge_pages
from harness.guest.probe import Probe
from harness.guest.registry import expect_equal


@check
def row_23_importers_of_huge_pages_see_the_right_ones() -> None:
    """Four pages around the border of two huge ones (``get_sg_table`` in udmabuf.c), both ways.

    The CPU looks at them through the memfd alone: 6.1 cannot have such a buffer mapped for it.
    """
    with Probe() as probe, Udmabuf() as device, HugePages(2) as pages, pages.memfd(2) as memfd:
        start, size = pages.size - 2 * PAGE, 4 * PAGE
        with buffer_of_huge_pages(device, memfd, size, start) as buffer, memfd.map(2 * pages.size) as view:
            for kind in (S, D):
                ours = b"".join(bytes([0x50 + kind, page]) * (PAGE // 2) for page in range(4))
                view[start : start + size] = ours
                with probe.attach(buffer.fileno(), kind) as importer, importer.map() as mapping:
                    expect_equal("mapping", mapping.read(size), ours)
                    mapping.write(ours[::-1])
                expect_equal("memfd", view[start : start + size], ours[::-1])
