# SPDX-License-Identifier: GPL-2.0-only
"""What a subject says of the place of a patch in its series."""

from __future__ import annotations

import pytest

from harness.intake.patch_message import SeriesPosition, is_reply, position, title


@pytest.mark.parametrize(
    ("prefix", "number", "total", "version"),
    [
        ("[PATCH 1/2]", 1, 2, 1),
        ("[PATCH v3 02/12]", 2, 12, 3),
        ("[PATCHv3 2/12]", 2, 12, 3),
        ("[PATCH V2]", 0, 0, 2),
        ("[RFCv2 PATCH 1/2]", 1, 2, 2),
        ("[RFC PATCH-v2,1/2]", 1, 2, 2),
        ("Re: [RESENDv4][PATCH 0/2]", 0, 2, 4),
        ("[PATCH1/2]", 1, 2, 1),
        ("[PATCH 5.10/5.15 1/2]", 1, 2, 1),
        ("[PATCH 6.1/6.6 2/2]", 2, 2, 1),
        ("[PATCH 5.10/5.15]", 0, 0, 1),
        ("[PATCH 6.1/6.6/6.12 v2 2/2]", 2, 2, 2),
        ("[PATCH 1/2 stable-6.1/6.6]", 1, 2, 1),
        ("[PATCH ipv6 1/2]", 1, 2, 1),
        ("[PATCH ipv6 v2 1/2]", 1, 2, 2),
        ("[PATCH riscv64]", 0, 0, 1),
        ("[PATCH v6.1 1/2]", 1, 2, 1),
        ("[PATCH v6.1 v2 1/2]", 1, 2, 2),
        ("[PATCH v2 v6.12.y 1/2]", 1, 2, 2),
        ("[PATCH v2.1 1/2]", 1, 2, 2),
    ],
)
def test_place(prefix: str, number: int, total: int, version: int) -> None:
    assert position(f"{prefix} dma-buf: v9 of 3/4") == SeriesPosition(number, total, version)
    assert title(f"{prefix} dma-buf: v9 of 3/4") == "dma-buf: v9 of 3/4"


ANSWERS = ["Re:", "RE:", "AW:", "Antw:", "SV:", "VS:", "Odp:", "RES:", "Re[2]:", "答复:", "回复\uff1a", "답장:"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_in_other_languages(answer: str) -> None:
    for subject in (f"{answer} [PATCH v2 1/2] heap: count", f"[list] {answer} [PATCH v2 1/2] heap: count"):
        assert is_reply(subject)
        assert (position(subject), title(subject)) == (SeriesPosition(1, 2, 2), "heap: count")


@pytest.mark.parametrize("name", ["res: count", "tr: count", "sv: count", "enc: count", "vs: count", "rif: count"])
def test_names_of_subsystems_are_no_answers(name: str) -> None:
    assert not is_reply(f"[PATCH] {name}") and not is_reply(name)
    assert title(f"[PATCH] {name}") == name
