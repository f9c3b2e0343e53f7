# SPDX-License-Identifier: GPL-2.0-only
"""A reach map as text: what is reached of each file and function, by which test, and by whom a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.model import PlannedTest
from harness.reach.reach_json import ranges
from harness.reach.reach_map import ReachMap

_NAME = 44  # columns of the names of files
_MANY = 12  # tests that are not known of for one and the same reason: no more of them are named


def reach_table(reach: ReachMap, functions: bool = True) -> str:
    """Lines, branches and functions reached of each file; with ``functions`` those that no test enters."""
    rows = [f"{'':{_NAME}}  {'lines':>15}  {'branches':>15}  {'functions':>13}"]
    totals = [0] * 6
    for path in sorted(reach.files):
        counts = counted(reach, path)
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        rows.append(_row(path, counts))
    rows.append(_row("all", totals))
    rows += _not_known(reach)
    if functions:
        rows += _never_entered(reach)
    return "\n".join(rows) + "\n"


def reach_markdown(reach: ReachMap) -> str:
    """The same table in Markdown, as docs/eyesight.md has it."""
    rows: list[tuple[str, Sequence[int]]] = [(f"`{path}`", counted(reach, path)) for path in sorted(reach.files)]
    rows.append(("**all**", [sum(column) for column in zip(*(counts for _, counts in rows), strict=True)]))
    head = ["| file | lines | branches | functions |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {name} | {' | '.join(_shares(counts))} |" for name, counts in rows)]) + "\n"


def _shares(counts: Sequence[int]) -> Iterator[str]:
    for ran, whole in zip(counts[::2], counts[1::2], strict=True):
        yield f"{ran} of {whole} ({100 * ran // whole} %)" if whole else "-"


def counted(reach: ReachMap, path: str) -> tuple[int, int, int, int, int, int]:
    """Lines, branches and functions of ``path``: of each how many are reached, and how many can be."""
    file, part = reach.files[path], reach.reached(path)
    names = {span.name for span in file.functions}
    return (
        *(len(part.lines & file.lines), len(file.lines)),
        *(len(part.branches & file.ways_out), len(file.ways_out)),
        *(len(part.functions & names), len(names)),
    )


def _row(name: str, counts: Sequence[int]) -> str:
    cells = zip(counts[::2], counts[1::2], (15, 15, 13), strict=True)
    shown = name if len(name) <= _NAME else f"...{name[3 - _NAME :]}"
    return f"{shown:{_NAME}}" + "".join(f"  {_share(ran, all_):>{width}}" for ran, all_, width in cells)


def _share(ran: int, whole: int) -> str:
    return f"{ran}/{whole} {100 * ran // whole:3} %" if whole else "-"


def _not_known(reach: ReachMap) -> Iterator[str]:
    """The tests one by one, but for a reason that many share: of a measuring that was cut off."""
    shared = Counter(reach.lost.values())
    yield from (
        f"{test.suite} {test.name}: not known: {why}" for test, why in reach.lost.items() if shared[why] <= _MANY
    )
    yield from (f"{count} tests: not known: {why}" for why, count in shared.items() if count > _MANY)


def _never_entered(reach: ReachMap) -> Iterator[str]:
    for path in sorted(reach.files):
        spans = reach.unreached_functions(path)
        if spans:
            yield ""
            yield f"{path}: no test enters"
            yield from (f"    {span.first:5}  {span.name}" for span in spans)


def test_text(reach: ReachMap, test: PlannedTest) -> str:
    """What ``test`` reaches: functions and lines, file by file."""
    rows = [f"{test.suite} {test.name}"]
    for path, part in sorted(reach.tests[test].items()):
        rows.append(f"{path}: {len(part.lines)} lines, {len(part.functions)} functions")
        for span in reach.files[path].functions:
            inside = [line for line in part.lines if span.first <= line <= span.last]
            if span.name in part.functions or inside:
                rows.append(f"    {span.name}: {ranges(inside)}")
    return "\n".join(rows) + "\n"


def line_text(reach: ReachMap, path: str, line: int) -> str:
    """Which tests reach a line; if it has no counter, what that means."""
    file = reach.files[path]
    function = file.function_at(line)
    place = f"{path}:{line}{f' in {function.name}' if function is not None else ''}"
    if line not in file.lines:
        return f"{place}: no counter: no code of its own, or left out by the config\n"
    tests = reach.tests_reaching(path, line)
    ways = file.branches.get(line, 0)
    taken = sum(number == line for number, _ in reach.reached(path).branches)
    more = f", {taken} of {ways} ways out of it" if ways else ""
    head = f"{place}: reached by {len(tests)} of {len(reach.tests)} tests{more}"
    return "\n".join([head, *(f"    {test.suite} {test.name}" for test in tests)]) + "\n"
