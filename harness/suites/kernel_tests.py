# SPDX-License-Identifier: GPL-2.0-only
"""Which tests the kernel's own dma-buf selftests hold: read from the source of the tree under test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_DIRECTORY = Path("drivers/dma-buf")

# drivers/dma-buf/selftests.h, up to 6.x: selftest(dma_fence, dma_fence)
_SELFTEST = re.compile(r"^selftest\((\w+),\s*(\w+)\)", re.MULTILINE)
_SUBTEST = re.compile(r"\bSUBTEST\((\w+)\)")
# drivers/dma-buf/st-*.c, 7.x
_CASES = re.compile(r"struct kunit_case (\w+)\[\] = \{(.*?)^\};", re.DOTALL | re.MULTILINE)
_CASE = re.compile(r"\bKUNIT_CASE\w*\((\w+)")
_SUITE = re.compile(r"struct kunit_suite \w+ = \{(.*?)^\};", re.DOTALL | re.MULTILINE)
_SUITE_NAME = re.compile(r'\.name = "([^"]+)"')
_SUITE_CASES = re.compile(r"\.test_cases = (\w+)")


def module_tests(tree: Path) -> tuple[str, ...]:
    """Tests of ``dmabuf_selftests``, in the order in which they run: "sanitycheck", "dma_fence/test_wait", ..."""
    listing = tree / _DIRECTORY / "selftests.h"
    if not listing.is_file():
        return ()
    sources = _sources(tree)
    names: list[str] = []
    for name, function in _SELFTEST.findall(listing.read_text(errors="replace")):
        subtests = _subtests(sources, function)
        names += [f"{name}/{subtest}" for subtest in subtests] or [name]
    return tuple(names)


def kunit_tests(tree: Path) -> tuple[str, ...]:
    """Tests of ``dmabuf_kunit``: "dma-buf-fence/test_wait", ..."""
    return tuple(name for source in _sources(tree) for name in _kunit_in(source))


def _sources(tree: Path) -> list[str]:
    return [file.read_text(errors="replace") for file in sorted((tree / _DIRECTORY).glob("st-*.c"))]


def _subtests(sources: list[str], function: str) -> list[str]:
    """The SUBTEST()s in the body of ``int function(void)``."""
    head = re.compile(rf"^int {function}\(void\)\n\{{(.*?)^\}}", re.DOTALL | re.MULTILINE)
    for source in sources:
        if body := head.search(source):
            return _SUBTEST.findall(body.group(1))
    return []


def _kunit_in(source: str) -> Iterator[str]:
    cases = {array: _CASE.findall(body) for array, body in _CASES.findall(source)}
    for body in _SUITE.findall(source):
        name, array = _SUITE_NAME.search(body), _SUITE_CASES.search(body)
        if name and array:
            yield from (f"{name.group(1)}/{case}" for case in cases.get(array.group(1), []))
