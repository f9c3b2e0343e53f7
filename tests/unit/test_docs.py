# SPDX-License-Identifier: GPL-2.0-only
"""What exists is documented, and what is documented exists."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

import pytest

from harness.cli.commands_page import render
from harness.cli.main import parser
from harness.paths import PROJECT_ROOT
from harness.source.debian import HOMES
from harness.source.spec import POSSIBLE
from harness.suites.suite_registry import KSELFTEST, STATIC
from tests.doc_sessions import BLOCK
from tests.doc_sessions import commands as typed_in

README = "\n".join((PROJECT_ROOT / name).read_text() for name in ("README.md", "docs/reference.md"))
COMMANDS = (PROJECT_ROOT / "docs/commands.md").read_text()
MAX_LINES = 120  # of README.md: two screens


def commands() -> dict[str, argparse.ArgumentParser]:
    return {name: command for group in parser().groups for name, command in group.parsers.items()}


def options() -> Iterator[tuple[str, str]]:
    for name, command in {"": parser(), **commands()}.items():
        for action in command._actions:
            for option in action.option_strings:
                if option not in ("-h", "--help"):
                    yield name, option


def test_the_readme_is_short() -> None:
    assert len((PROJECT_ROOT / "README.md").read_text().splitlines()) <= MAX_LINES


def test_the_page_of_commands_is_made_from_the_parser() -> None:
    assert render(parser()) == COMMANDS, "run python -m harness.cli.commands_page > docs/commands.md"


@pytest.mark.parametrize(("command", "option"), list(options()))
def test_every_option_is_in_the_section_of_its_command(command: str, option: str) -> None:
    section = COMMANDS.partition(f"\n### dmabuf-harness {command}")[2].partition("\n##")[0] if command else README
    assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", section), f"{command} {option}"


def test_every_option_in_the_readme_exists() -> None:
    known = {option for _, option in options()} | {"--stdout"}  # git's, in an example
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert used <= known, used - known


def test_every_link_leads_somewhere() -> None:
    """A page or a file, and a heading in it if the link has one."""
    for page in [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").glob("*.md")]:
        for target, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
            other = page.parent / target if target else page
            assert other.exists(), f"{page.name}: {target}"
            assert not heading or heading in headings(other.read_text()), f"{page.name}: {target}#{heading}"


def headings(text: str) -> set[str]:
    """What a link may name after "#": the words of a heading with dashes, as the sites that show Markdown make it."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_readme_says_which_suites_there_are() -> None:
    assert [name for name in (KSELFTEST, STATIC) if f"`{name}`" not in README] == []
    assert "dmabuf-harness list suites" in README


@pytest.mark.parametrize("version", HOMES)
def test_every_debian_base_is_told_where_users_look(version: str) -> None:
    assert f"`debian:{version}`" in README
    assert re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", POSSIBLE)
    assert f"debian:{version}" in (PROJECT_ROOT / "ci/github/dmabuf-harness.yml").read_text()


def test_every_command_that_messages_and_pages_name_exists() -> None:
    sources = [*(PROJECT_ROOT / "harness").rglob("*.py"), *PROJECT_ROOT.glob("*.md"), *PROJECT_ROOT.glob("docs/*.md")]
    for source in sources:
        typed = BLOCK.sub(lambda block: "\n".join(typed_in(block[1])), source.read_text())  # and not what came
        for command, word in re.findall(r"dmabuf-harness ([a-z][a-z-]*) ?([a-z]*)", typed):
            assert command in commands(), f"{source.name}: {command}"
            if command == "list" and word:
                parser().parse_args([command, word])


def test_what_the_readme_shows_of_a_run_came_in_the_tutorial() -> None:
    """tests/doc_sessions.py wrote it there."""
    shown = (PROJECT_ROOT / "README.md").read_text().partition("    $ dmabuf-harness report")[2].partition("\n\n")[0]
    typed = "$ dmabuf-harness report" + shown.replace("\n    ", "\n")
    assert typed.count("\n") > 5
    assert f"\n{typed}\n" in (PROJECT_ROOT / "docs/first-patch.md").read_text()
