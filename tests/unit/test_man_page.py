# SPDX-License-Identifier: GPL-2.0-only
"""The man page says what the parser says, in roff that its readers take without a complaint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.cli.grouped_parser import GroupedParser
from harness.cli.main import parser
from harness.cli.man_page import render
from harness.paths import PROJECT_ROOT
from tests.support.makefile import recipe

PAGE = render(parser())
READERS = {
    "groff": ["groff", "-man", "-ww", "-Tutf8"],
    "man": ["man", "--warnings", "-l"],
    "mandoc": ["mandoc", "-T", "lint", "-W", "warning"],
}


def section(name: str) -> str:
    """The page from the heading of a command on to the next heading."""
    return re.split(r"^\.S[SH] ", PAGE.partition(f'.SS "{name}"\n')[2], maxsplit=1, flags=re.MULTILINE)[0]


def small(**option: object) -> GroupedParser:
    """A command line with the command ``run`` and one option ``-x`` of it."""
    top = GroupedParser(prog="tool", description="A tool.")
    run = top.add_command_group("commands", {"run": "do it"}).add_parser("run")
    run.add_argument("-x", **option)  # type: ignore[arg-type]
    return top


@pytest.mark.parametrize(
    ("name", "option"),
    [
        (name, option)
        for group in parser().groups
        for name, command in group.parsers.items()
        for action in command._actions
        for option in action.option_strings
        if action.dest != "help"
    ],
)
def test_every_option_stands_in_the_section_of_its_command(name: str, option: str) -> None:
    escaped = option.replace("-", "\\-")
    assert f"\\fB{escaped}\\fR" in section(name.replace("-", "\\-"))


def test_nothing_stands_without_a_help() -> None:
    for command in parser().commands():
        assert command.description
        assert all(action.help for action in command._actions), command.prog


def test_every_variable_that_the_docs_name_is_in_the_page_and_read() -> None:
    variable = re.compile(r"\b(?:DMABUF_HARNESS_[A-Z_]+|XDG_CACHE_HOME)\b")
    docs = [PROJECT_ROOT / "README.md", *(PROJECT_ROOT / "docs").glob("*.md")]
    code = [path for path in (PROJECT_ROOT / "harness").rglob("*.py") if path.stem != "man_page"]
    told, read = ({name for path in paths for name in variable.findall(path.read_text())} for paths in (docs, code))
    assert set(variable.findall(PAGE)) == told <= read


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_of_man_pages_has_no_complaint(reader: str, tmp_path: Path) -> None:
    if shutil.which(reader) is None:
        pytest.skip(f"{reader} is not installed")
    page = tmp_path / "dmabuf-harness.1"
    page.write_text(PAGE)
    done = subprocess.run([*READERS[reader], page], capture_output=True, text=True, check=False)
    said = done.stdout if reader == "mandoc" else done.stderr
    assert (done.returncode, said) == (0, "")


def test_what_looks_like_roff_is_printed_as_it_is(tmp_path: Path) -> None:
    """A help that begins with a request, quotes, a backslash and a dash."""
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    page = render(small(metavar="X", help='.so far\n\'tis "C:\\e" -x'))
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-c"], input=page, capture_output=True, text=True, check=True
    )
    plain = re.sub(".\b", "", done.stdout)
    assert '.so far \'tis "C:\\e" -x' in plain
    assert done.stderr == ""


def test_an_option_of_the_program_itself_is_told() -> None:
    top = small(metavar="X", help="an x")
    top.add_argument("--version", action="version", version="1")
    assert ".SH OPTIONS\n.TP\n\\fB\\-\\-version\\fR\n" in render(top)
    assert ".SH OPTIONS" not in render(small(metavar="X", help="an x"))


def test_defaults_and_values_are_filled_in() -> None:
    page = render(small(nargs="+", default=3, metavar="N", help="at most %(default)s%%"))
    assert ".TP\n\\fB\\-x\\fR \\fIN [N ...]\\fR\nat most 3%\n" in page


def test_make_writes_the_page(tmp_path: Path) -> None:
    """The recipe of ``make man``, in an empty directory and without its set-up."""
    if not (PROJECT_ROOT / ".venv").exists():
        pytest.skip("needs .venv: make setup")
    (tmp_path / ".venv").symlink_to(PROJECT_ROOT / ".venv")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    subprocess.run(["sh", "-ec", "\n".join(recipe("man"))], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "build/dmabuf-harness.1").read_text() == PAGE
