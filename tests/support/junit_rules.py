# SPDX-License-Identifier: GPL-2.0-only
"""What Jenkins' xunit plugin accepts as JUnit: the rules of its junit-10.xsd, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


@dataclass(frozen=True)
class Rule:
    """What an element may hold. ``text``: something else than white space, too."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    text: bool = False
    times: frozenset[str] = field(default=frozenset())


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OUTCOME = Rule(optional=_names("type message"), text=True)
RULES = {
    "testsuites": Rule(
        optional=_names("name time tests failures errors"), children=_names("testsuite"), times=_names("time")
    ),
    "testsuite": Rule(
        required=_names("name tests failures errors"),
        optional=_names("group time skipped timestamp hostname id package file log url"),
        children=_names("testsuite properties testcase system-out system-err"),
        times=_names("time"),
    ),
    "properties": Rule(children=_names("property")),
    "property": Rule(required=_names("name value")),
    "testcase": Rule(
        required=_names("name"),
        optional=_names("time classname group"),
        children=_names("skipped error failure system-out system-err"),
    ),
    "failure": _OUTCOME,
    "error": _OUTCOME,
    "skipped": _OUTCOME,
    "system-out": Rule(text=True),
    "system-err": Rule(text=True),
}


def violations(root: ElementTree.Element) -> Iterator[str]:
    """Everything in the document that the schema does not allow, in words."""
    if root.tag not in ("testsuites", "testsuite"):
        yield f"root is {root.tag}"
    for element in root.iter():
        rule = RULES.get(element.tag)
        if rule is None:
            yield f"unknown element {element.tag}"
            continue
        attributes = set(element.attrib)
        yield from (f"{element.tag} has no {name}" for name in rule.required - attributes)
        yield from (f"{element.tag} may not have {name}" for name in attributes - rule.required - rule.optional)
        yield from (f"{element.tag} may not hold {child.tag}" for child in element if child.tag not in rule.children)
        if not rule.text and (element.text or "").strip():
            yield f"{element.tag} may not hold text"
        for name in rule.times & attributes:
            if not _TIME.fullmatch(element.attrib[name]):
                yield f"{element.tag} has the time {element.attrib[name]}"
