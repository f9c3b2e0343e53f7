# SPDX-License-Identifier: GPL-2.0-only
"""JUnit XML as a document: what junit-xml leaves to be mended is mended here, for all who write such a file.

junit-xml 1.9 (``junit_xml/__init__.py``) gives suites an attribute that the schema of Jenkins' xunit plugin
(junit-10.xsd) does not know, writes times like 1e-09, and drops a time of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from junit_xml import TestCase, TestSuite

from harness.report.text import one_line

_NO_TIME = 1e-9  # instead of 0, which would be dropped; it is written as 0.000
_TOTALS = ("tests", "failures", "errors")


def junit_case(name: str, classname: str, seconds: float) -> TestCase:
    """A case that passes until something is added to it; ``name`` is made safe, ``seconds`` of 0 stay in the file."""
    return TestCase(one_line(name), classname, max(seconds, _NO_TIME))


def document(suites: Sequence[TestSuite]) -> str:
    """``suites`` as a whole XML document that keeps to the schema, declared as UTF-8.

    Texts in them must be ``visible`` or on ``one_line``: XML cannot hold every character.
    """
    root = ElementTree.Element("testsuites")
    root.extend(suite.build_xml_doc() for suite in suites)
    for name in _TOTALS:
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", str(sum(float(suite.get("time", "0")) for suite in root)))
    _make_valid(root)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _make_valid(root: ElementTree.Element) -> None:
    for element in root.iter():
        element.attrib.pop("disabled", None)
        if "time" in element.attrib:
            element.attrib["time"] = f"{float(element.attrib['time']):.3f}"
