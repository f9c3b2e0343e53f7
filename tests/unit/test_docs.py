# SPDX-License-Identifier: GPL-2.0-only
"""What exists is documented, and what is documented exists."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

import pytest

from harness.cli.main import parser
from harness.paths import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text()


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def options() -> Iterator[tuple[str, str]]:
    for name, command in {"": parser(), **commands()}.items():
        for action in command._actions:
            for option in action.option_strings:
                if option not in ("-h", "--help"):
                    yield name, option


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"dmabuf-harness {command}" in README


@pytest.mark.parametrize(("command", "option"), list(options()))
def test_every_option_is_in_the_readme(command: str, option: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", README), f"{command} {option}"


def test_every_option_in_the_readme_exists() -> None:
    known = {option for _, option in options()} | {"--stdout"}  # git's, in an example
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert used <= known, used - known


def test_every_link_leads_somewhere() -> None:
    for page in [PROJECT_ROOT / "README.md", *(PROJECT_ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_that_messages_and_pages_name_exists() -> None:
    sources = [*(PROJECT_ROOT / "harness").rglob("*.py"), *PROJECT_ROOT.glob("*.md"), *PROJECT_ROOT.glob("docs/*.md")]
    for source in sources:
        for command, word in re.findall(r"dmabuf-harness ([a-z][a-z-]*) ?([a-z]*)", source.read_text()):
            assert command in commands(), f"{source.name}: {command}"
            if command == "list" and word:
                parser().parse_args([command, word])
