# SPDX-License-Identifier: GPL-2.0-only
"""Which tests a patch concerns, by the reach map of its base: those that run a function that it touches.

It is careful: whatever the map cannot know (layouts, options, data, macros, what no test runs) concerns all tests, and
is told. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.model import PlannedTest
from harness.reach.changed_lines import FileChange
from harness.reach.code_lines import code_lines, goes_on
from harness.reach.reach_map import FunctionSpan, ProfiledFile, ReachMap

_SILENT = re.compile(r"Documentation/.*|.*\.(?:rst|txt|md)|MAINTAINERS|CREDITS|\.mailmap")  # nothing of it is compiled
_ATTRIBUTE = re.compile(
    r"\b__\w|\[\["
)  # a constructor runs, what has a section of its own is found, though nobody calls it
_MAX_NAMED = 4


@dataclass(frozen=True)
class AffectedTests:
    """``tests``: those that run a touched function. ``functions``: the touched ones, with their files' paths.

    ``why_all``: why all tests are concerned, one reason each; empty if ``tests`` are all that are.
    """

    tests: frozenset[PlannedTest] = frozenset()
    functions: tuple[tuple[str, str], ...] = ()
    why_all: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why these, or why all, in one line."""
        names = list(self.why_all or dict.fromkeys(name for _, name in self.functions))
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        told = ("; " if self.why_all else ", ").join(names[:_MAX_NAMED]) + more
        return f"the reach map cannot tell: {told}" if self.why_all else f"the patch touches {told}"


def affected_tests(changes: Sequence[FileChange], touched: Collection[str], reach: ReachMap) -> AffectedTests:
    """What of ``reach``, the map of the base, runs what ``changes`` change: a diff in which a renamed file is a new one
    and one that is gone. It is best one with whole files as context: where it is not, a change of a comment that is in
    no function concerns all tests. ``touched``: all paths that the patch touches, also those of which a diff shows no
    lines."""
    shown = {path for change in changes for path in (change.old, change.path)}
    reasons = [
        f"no lines of {path} are shown" for path in sorted(touched) if path not in shown and not _is_silent(path)
    ]
    functions: dict[tuple[str, str], FunctionSpan] = {}
    for change in changes:
        if _is_silent(change.path or change.old):
            continue
        if why := _unknowable(change, reach):
            reasons.append(why)
            continue
        spans, outside = _touched(change, reach.files[change.old])
        reasons += [f"{change.old}:{line} is in no function that is compiled" for line in outside[:1]]
        functions.update({(change.old, span.name): span for span in spans})
    return _by_functions(functions, reasons, reach)


def _by_functions(functions: dict[tuple[str, str], FunctionSpan], reasons: list[str], reach: ReachMap) -> AffectedTests:
    found: set[PlannedTest] = set()
    for (path, name), span in functions.items():
        tests = list(_running(reach, path, span))
        found.update(tests)
        reasons += [] if tests else [f"no test runs {name}"]
    if not functions and not reasons:
        reasons = ["nothing that runs is changed"]
    return AffectedTests(frozenset(found), tuple(functions), tuple(dict.fromkeys(reasons)))


def _is_silent(path: str) -> bool:
    return _SILENT.fullmatch(path) is not None


def _unknowable(change: FileChange, reach: ReachMap) -> str:
    """Why the map says nothing of this file; empty if it does."""
    path = change.path or change.old
    if not (change.old and change.path):
        return f"{path} {'is removed' if change.old else 'is new'}"
    if change.old != change.path:
        return f"{change.old} has another name"
    if path.endswith(".h"):
        return f"{path} is a header: who includes it is not counted"
    if not path.endswith(".c"):
        return f"{path} is no C file"
    return "" if path in reach.files else f"nothing in {path} is counted"


def _running(reach: ReachMap, path: str, span: FunctionSpan) -> Iterator[PlannedTest]:
    """By name, and by line: of what the compiler made copies of, the name may be another."""
    for test, parts in reach.tests.items():
        part = parts.get(path)
        if part is not None and (span.name in part.functions or any(span.first <= n <= span.last for n in part.lines)):
            yield test


# --- lines -> functions ---------------------------------------------------------------------------


def _touched(change: FileChange, file: ProfiledFile) -> tuple[list[FunctionSpan], list[int]]:
    """Functions that are touched, and lines of which none is known to hold them: of the old file, or of the new."""
    spans: list[FunctionSpan] = []
    outside: list[int] = []
    fresh = _new_functions(change, file)
    old, new = code_lines(change.old_text), code_lines(change.text)
    for line in change.deleted:
        _sort_out(file.function_at(line), line, change.old_text, old, spans, outside)
    for line in change.added:
        span = _around_gap(change, change.follows[line], file)
        if line not in fresh or goes_on(change.text.get(line - 1, "")):
            _sort_out(span, line, change.text, new, spans, outside)
    for line, before in change.kept.items():  # where a comment begins or ends now, it is another line to the compiler
        if old[before].strip() != new[line].strip():
            _sort_out(file.function_at(before), before, change.old_text, old, spans, outside)
            _sort_out(file.function_at(before), line, change.text, new, spans, outside)
    return list(dict.fromkeys(spans)), sorted(outside)


def _sort_out(
    span: FunctionSpan | None,
    line: int,
    shown: Mapping[int, str],
    code: Mapping[int, str],
    spans: list[FunctionSpan],
    outside: list[int],
) -> None:
    """A function on one line may be a macro that makes it, with data; a directive may concern what follows, and what
    goes on with the line before is a part of a macro. ``shown``, ``code``: the lines, with and without comments."""
    text = code[line]
    if goes_on(shown.get(line - 1, "")):
        outside.append(line)
        return
    if not shown[line].strip() or (span is None and not text.strip()):
        return
    if span is None or (span.first == span.last and "{" not in text) or text.lstrip().startswith("#"):
        outside.append(line)
    else:
        spans.append(span)


def _around_gap(change: FileChange, before: int, file: ProfiledFile) -> FunctionSpan | None:
    """The function into which a line goes that comes after the old line ``before``. Lines that go themselves count as
    a part of the gap: what takes the place of a function's last line belongs to it."""
    while True:
        span = file.function_at(before)
        if span is not None and before < span.last:
            return span
        if before not in change.deleted:
            return None
        before -= 1


def _new_functions(change: FileChange, file: ProfiledFile) -> frozenset[int]:
    """Lines outside of all functions that only add static ones: who calls them is touched himself."""
    found: set[int] = set()
    for block in _blocks(change):
        text = "\n".join(change.added[line] for line in block)
        if _around_gap(change, change.follows[block[0]], file) is None and _is_static_functions(text):
            found.update(block)
    return frozenset(found)


def _blocks(change: FileChange) -> Iterator[list[int]]:
    """Runs of added lines with nothing of the old file between them."""
    block: list[int] = []
    for line in sorted(change.added):
        if block and line != block[-1] + 1:
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _is_static_functions(text: str) -> bool:
    """Without directives, which would hold for what follows, too, and without attributes."""
    if re.search(r"^\s*#", text, re.MULTILINE):
        return False
    import tree_sitter_c  # noqa: PLC0415 - only who looks at C pays for it
    from tree_sitter import Language, Parser  # noqa: PLC0415

    root = Parser(Language(tree_sitter_c.language())).parse(text.encode("utf-8", "replace")).root_node
    own = [node for node in root.children if node.type != "comment"]
    return (
        bool(own)
        and not root.has_error
        and all(
            node.type == "function_definition"
            and (node.text or b"").startswith(b"static ")
            and not _ATTRIBUTE.search((node.text or b"").partition(b"{")[0].decode("utf-8", "replace"))
            for node in own
        )
    )
