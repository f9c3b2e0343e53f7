# SPDX-License-Identifier: GPL-2.0-only
"""What a walk is made of: steps, and what was seen of each.

Objects have names that a step gives them: "t1" a timeline, "s1" a sync_file, "b1" a dma-buf, "h1" a GEM handle, "v1" a
fence of vgem, "a1" an attachment. So a step means the same in a walk from which others were taken out.
"""

from __future__ import annotations

from errno import errorcode

TYPE_CHECKING = False
if TYPE_CHECKING:
    Operand = str | int

READ, WRITE, BOTH = 1, 2, 3  # DMA_BUF_SYNC_READ, ..._WRITE, ..._RW (include/uapi/linux/dma-buf.h)

BEYOND = 16
"""Steps of a timeline after which all its fences have signalled: none is made so far ahead."""

MAKERS = {
    "timeline": "t",
    "fence": "s",
    "merge": "s",
    "export": "s",
    "buffer": "b",
    "open-handle": "h",
    "attach-fence": "v",
    "attach": "a",
}
"""Steps that make an object, and the first letter of its name."""

OBSERVERS = ("status", "list", "poll", "get-deadline", "poll-buffer", "sync", "sync-end", "ask-name")
"""Steps that only look. (What they look at may change for it: a sync_file that is polled hears of its parts.)"""


class Step:
    """One call. ``operands``: names of objects, and numbers; ``makes``: the name of what it makes, or empty."""

    def __init__(self, call: str, *operands: Operand, makes: str = "") -> None:
        self.call = call
        self.operands = operands
        self.makes = makes

    def __str__(self) -> str:
        words = " ".join([self.call, *map(str, self.operands)])
        return f"{self.makes} = {words}" if self.makes else words

    def needs(self) -> list[str]:
        """Names of the objects that must be there."""
        return [operand for operand in self.operands if isinstance(operand, str) and operand[-1:].isdigit()]


class FenceInfo:
    """A fence as FILE_INFO lists it. ``stamp``: ns of CLOCK_MONOTONIC."""

    def __init__(self, driver: str, timeline: str, status: int, stamp: int) -> None:
        self.driver = driver
        self.timeline = timeline
        self.status = status
        self.stamp = stamp

    def __str__(self) -> str:
        return f"{self.timeline}:{self.status}"


class Info:
    """The answer of FILE_INFO. ``parts``: None where it was asked for its status alone (num_fences = 0)."""

    def __init__(self, name: str, status: int, count: int, parts: list[FenceInfo] | None = None) -> None:
        self.name = name
        self.status = status
        self.count = count
        self.parts = parts


class Seen:
    """What a step brought about. ``error``: errno, 0 if there was none. ``answer``: of the calls that give one.

    ``before``, ``after``: ns of CLOCK_MONOTONIC around it, the clock of fences' timestamps.
    """

    def __init__(self, error: int = 0, answer: Info | int | str | None = None, before: int = 0, after: int = 0) -> None:
        self.error = error
        self.answer = answer
        self.before = before
        self.after = after


class Mismatch:
    """Where a kernel and the model differ. ``aspect``: of the answer, in a word or two; the rest in words."""

    def __init__(self, aspect: str, got: object, want: object) -> None:
        self.aspect = aspect
        self.got = got
        self.want = want

    def __str__(self) -> str:
        return f"{self.aspect}: {self.got}, expected {self.want}"


def error_name(code: int) -> str:
    """ "EBUSY" for 16, "success" for 0."""
    return errorcode.get(code, str(code)) if code else "success"


def listed(steps: list[Step]) -> str:
    """A walk in one line."""
    return "; ".join(map(str, steps))
