# SPDX-License-Identifier: GPL-2.0-only
"""Pages with commands: typed by a script, which writes down what came."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from harness.cli.main import parser
from harness.paths import PROJECT_ROOT
from tests.doc_sessions import BLOCK, commands, main, masked, retold

PAGE = """# A page

```console
$ echo one; echo two >&2
old
$ pwd; ls docs/index.md
$ (exit 3)
$ echo $?
```

Text.

```console
$ touch here
$ exit 7
$ echo never typed
```

```console
$ ls here; cat
```
"""
PAGES = [path for path in (PROJECT_ROOT / "docs").glob("*.md") if BLOCK.search(path.read_text())]


def test_what_commands_print_stands_below_them(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(PROJECT_ROOT / "docs")
    first, second, third = (block[1] for block in BLOCK.finditer(retold(PAGE, tmp_path)))
    assert first == (
        "$ echo one; echo two >&2\none\ntwo\n$ pwd; ls docs/index.md\n~/dmabuf-harness\ndocs/index.md\n"
        "$ (exit 3)\n$ echo $?\n3\n"
    )
    assert second == "$ touch here\n$ exit 7\n"
    assert third == "$ ls here; cat\nhere\n"  # one session: the file is there, and nobody types


def test_a_page_is_rewritten_or_only_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo 12.5 s\n3 s\n$ echo new\n```\n")
    assert main([str(page), "--check"]) == 1
    assert "+new" in capsys.readouterr().out
    assert main([str(page)]) == 0
    assert page.read_text() == "```console\n$ echo 12.5 s\n12.5 s\n$ echo new\nnew\n```\n"
    assert main([str(page), "--check"]) == 0


def test_numbers_and_times_may_differ_and_words_may_not() -> None:
    assert masked("[  12.5s] 31 tests: 1 min 4 s") == masked("[ 3.5s] 7 tests: 59.9 s")
    assert masked("3 passed") != masked("3 failed")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_the_harness_in_the_docs_can_be_parsed(page: Path) -> None:
    blocks = [block[1] for block in BLOCK.finditer(page.read_text())]
    typed = [command for block in blocks for command in commands(block)]
    assert typed
    for command in typed:
        words = shlex.split(command.partition(" | ")[0])
        if words[0] == "dmabuf-harness":
            parser().parse_args(words[1 : words.index("--") if "--" in words else None])
