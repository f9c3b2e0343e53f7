# SPDX-License-Identifier: GPL-2.0-only
"""For mkdocs: what a page links to outside of docs/ is no page, and is named by its path.

That it exists is what ``tests/unit/test_docs.py`` looks at.
"""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./([^)]*)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    return _OUTSIDE.sub(r"\1 (`\2`)", markdown)
