# SPDX-License-Identifier: GPL-2.0-only
"""How often, and with which filter, the module with the kernel's own selftests is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SELFTESTS = "dmabuf_selftests"
KUNIT = "dmabuf_kunit"

# Each of 4096 fences, signalled from the end of the chain, makes the waiter walk the whole chain again: 70 s under TCG
# with lockdep (6.12), where all the other tests together take 8 s; without lock validation it is no faster.
SLOW = {
    SELFTESTS: frozenset({"dma_fence_chain/wait_backward"}),
    KUNIT: frozenset({"dma-buf-fence-chain/test_wait_backward"}),
}
# KUnit's filter is one pattern of "suite.test": these three together are all tests but that one. A test that a later
# tree names so that none of them fits is planned, and comes out as missing.
_KUNIT_QUICK = ("*.test_[!w]*", "*.test_wait", "*.test_wait_[!b]*")
_PARAMETER = 900  # characters; the kernel takes module parameters of up to 1024


@dataclass(frozen=True)
class Load:
    """One ``modprobe``. ``setup``: shell lines before it. ``wanted``: names of the tests to report, empty for all."""

    modprobe: str
    setup: tuple[str, ...] = ()
    wanted: frozenset[str] = frozenset()

    def reports(self, name: str) -> bool:
        """True if a result called ``name`` (or "name#2", "name/parameter") is of this load."""
        base = name.partition("#")[0]
        return not self.wanted or base in self.wanted or base.rpartition("/")[0] in self.wanted


def selftest_loads(only: frozenset[str], without: frozenset[str]) -> tuple[Load, ...]:
    """Loads of ``dmabuf_selftests`` that run the tests ``only`` (empty: all but ``without``)."""
    names = sorted(only - {SELFTESTS})
    if not names:
        return (Load(_filtered(f"!{name}" for name in sorted(without))),)
    return tuple(Load(_filtered(chunk), wanted=frozenset(chunk)) for chunk in _chunks(names))


def kunit_loads(only: frozenset[str], without: frozenset[str]) -> tuple[Load, ...]:
    """Loads of ``dmabuf_kunit``, like ``selftest_loads``. Each test in ``only`` is a load of its own."""
    names = sorted(only - {KUNIT})
    if names:
        return tuple(_kunit_load(name.replace("/", "."), frozenset({name})) for name in names)
    return tuple(_kunit_load(pattern) for pattern in (_KUNIT_QUICK if without else ("*",)))


def _kunit_load(pattern: str, wanted: frozenset[str] = frozenset()) -> Load:
    """KUnit runs nothing unless it is enabled, by its config or when it is loaded."""
    # Without a newline: a string parameter keeps it (kernel/params.c, param_set_charp), and then nothing matches.
    setup = ("modprobe kunit enable=1", f"printf %s '{pattern}' > /sys/module/kunit/parameters/filter_glob")
    return Load(f"modprobe {KUNIT}", setup, wanted)


def _filtered(tests: Iterable[str]) -> str:
    """selftest.c: a comma-separated list of "caller/name", each to be run or, after "!", not to be run."""
    pattern = ",".join(tests)
    return f"modprobe {SELFTESTS} st_filter='{pattern}'" if pattern else f"modprobe {SELFTESTS}"


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    """Lists short enough for a module parameter."""
    chunk: list[str] = []
    for name in names:
        if chunk and len(",".join([*chunk, name])) > _PARAMETER:
            yield chunk
            chunk = []
        chunk.append(name)
    if chunk:
        yield chunk
