# SPDX-License-Identifier: GPL-2.0-only
"""Options of a tree: each of run's has a place, the command line wins, and what is wrong is one line with its place."""

from __future__ import annotations

import argparse
import os
import re
import tomllib
from pathlib import Path

import pytest

from harness.cli.init import EXAMPLES, skeleton
from harness.cli.main import main, parser
from harness.cli.option_origins import complete, run_options, whole_command
from harness.cli.project_file import find_project, is_list
from harness.errors import UserError
from harness.paths import PROJECT_FILE, cache_root
from harness.pipeline import RunRequest, SourceRequest, check
from harness.toml_tables import key_lines
from tests.support.mail_shapes import known_patches


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git tree, in which the user is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "linux"
    (top / ".git").mkdir(parents=True)
    monkeypatch.chdir(top)
    return top


def write(text: str, place: Path | None = None) -> None:
    ((place or Path.cwd()) / PROJECT_FILE).write_text(text)


def arguments(*given: str) -> argparse.Namespace:
    """What a command gets to see."""
    found = parser(given[0]).parse_args(given)
    complete(found, given, lambda: parser(given[0]))
    return found


def example(action: argparse.Action) -> str:
    """A value that the option takes, as TOML."""
    if action.nargs == 0:
        return "true"
    choices = [choice for choice in action.choices or () if choice != action.default]
    number = callable(action.type) and action.type is not Path
    one = f'"{choices[-1]}"' if choices else "7" if number else '"html=x"' if action.dest == "report" else '"x"'
    return f"[{one}]" if is_list(action) else one


# --- every option has a place -------------------------------------------------------------------


@pytest.mark.parametrize("key", run_options())
def test_each_long_option_of_run_is_a_key(key: str) -> None:
    action = run_options()[key]
    write(f"# mine\n{key} = {example(action)}\n")
    found = arguments("run")
    assert found.origins.keys[key] == f"{PROJECT_FILE}:2"
    default = parser("run").parse_args(["run"])
    assert getattr(found, action.dest) != getattr(default, action.dest)


@pytest.mark.parametrize("key", run_options())
def test_what_the_file_says_is_what_could_have_been_typed(key: str) -> None:
    """The command in reports does the same without the file."""
    write(f"{key} = {example(run_options()[key])}\n")
    words = arguments("run").origins.words
    assert words[-1] == "--no-project"
    typed, read = arguments("run", *words), arguments("run")
    del typed.origins, read.origins, typed.no_project, read.no_project
    assert typed == read


@pytest.mark.parametrize("command", ["run", "show", "coverage", "bench"])
def test_commands_that_have_the_options_of_run_take_them(command: str) -> None:
    write('base = "debian:6.1"\nvariant = "on"\n')
    assert (arguments(command).base, arguments(command).variant) == ("debian:6.1", "on")


def test_commands_with_some_of_them_take_those_that_mean_the_same() -> None:
    write('base = "debian:6.1"\nvariant = "off"\njobs = 7\nseed = 9\nout = "x"\n')
    mutants, faults = arguments("mutants"), arguments("faults")
    assert (mutants.base, mutants.jobs, mutants.variant, mutants.seed) == ("debian:6.1", 7, "on", 1)
    assert (faults.base, faults.jobs, faults.out) == ("debian:6.1", 7, None)


# --- who wins -----------------------------------------------------------------------------------


def test_the_command_line_wins_and_a_list_is_not_added_to() -> None:
    write('variant = "on"\nsuite = ["checks"]\nonly = ["vgem"]\nquiet = true\n')
    found = arguments("run", "--variant", "off", "--suite", "walks", "--verbose")
    assert (found.variant, found.suite, found.only) == ("off", ["walks"], ["vgem"])
    assert found.loudness.value == "verbose"
    origins = found.origins.keys
    assert (origins["variant"], origins["only"], origins["base"]) == ("command line", f"{PROJECT_FILE}:3", "default")


def test_a_flag_of_the_file_can_be_taken_back() -> None:
    write("quick = true\n")
    assert arguments("run").quick is True
    for command in ("run", "show"):
        found = arguments(command, "--no-quick")
        assert found.quick is False and "--quick" not in found.origins.words


def test_a_value_that_is_typed_wins_also_if_it_is_the_default() -> None:
    write('variant = "on"\nrepeat = 7\n')
    found = arguments("run", "--variant", "all", "--repeat", "3")
    assert (found.variant, found.repeat) == ("all", 3)


@pytest.mark.parametrize("typed", [["-p", "a.patch"], ["--worktree"], ["--no-patch"], ["--revert", "HEAD"]])
def test_what_is_typed_of_patches_leaves_out_what_the_file_says_of_them(typed: list[str]) -> None:
    write('patch = ["b.patch"]\npick = "1"\nrevert = ["c"]\nup-to = 2\nvariant = "on"\n')
    found, bare = arguments("run", *typed), arguments("run", "--no-project", *typed)
    names = ("patch", "pick", "revert", "up_to", "worktree", "no_patch")
    assert [getattr(found, name) for name in names] == [getattr(bare, name) for name in names]
    assert (found.variant, bare.variant) == ("on", "all")


def test_false_says_nothing_and_counts_as_said() -> None:
    write("strict = false\n")
    found = arguments("run")
    assert found.strict is False and found.origins.keys["strict"] == f"{PROJECT_FILE}:1"


def test_the_whole_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["dmabuf-harness", "run", "-j", "3"])
    write('variant = "on"\nsuite = ["checks", "walks"]\nfixup = ["no-such"]\nstrict = true\n')
    rest = ["--fixup", "no-such", "--variant", "on", "--suite", "checks", "walks", "--strict", "--no-project"]
    assert whole_command(arguments("run", "-j", "3")) == ("dmabuf-harness", "run", "-j", "3", *rest)


# --- where it is looked for ---------------------------------------------------------------------


def test_it_counts_below_its_directory_up_to_the_top_of_the_tree(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write('variant = "on"\n')
    below = tree / "drivers/dma-buf"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert arguments("run").origins.keys["variant"] == f"../../{PROJECT_FILE}:1"
    write('variant = "off"\n', below)
    assert arguments("run").variant == "off"


def test_beyond_the_top_of_the_tree_it_does_not_count(tree: Path) -> None:
    write('variant = "on"\n', tree.parent)
    assert arguments("run").variant == "all"


def test_outside_of_a_tree_only_the_directory_itself_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    write('variant = "on"\n', tmp_path / "a")
    monkeypatch.chdir(inner)
    assert find_project(Path.cwd()) is None
    monkeypatch.chdir(inner.parent)
    assert arguments("run").variant == "on"


def test_a_patched_tree_of_the_cache_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    patched = cache_root() / "trees/debian-6.12/linux"
    (patched / ".git").mkdir(parents=True)
    write('pytest = ["evil.py"]\n', patched)
    monkeypatch.chdir(patched)
    assert find_project(Path.cwd()) is None


def test_a_file_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write('pytest = ["evil.py"]\n')
    os.chown(PROJECT_FILE, 4711, -1) if os.geteuid() == 0 else pytest.skip("only root can give a file away")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UserError, match="belongs to somebody else"):
        find_project(Path.cwd())


def test_a_patch_must_not_change_it(tmp_path: Path) -> None:
    diff = f"--- /dev/null\n+++ b/{PROJECT_FILE}\n@@ -0,0 +1 @@\n+pytest = ['evil.py']\n"
    patch = tmp_path / "own.patch"
    patch.write_text(diff)
    asked = SourceRequest(base="debian:6.12", patches=(patch,), project=PROJECT_FILE)
    with pytest.raises(UserError, match="changes this file, which the options come from"):
        check(RunRequest(("dmabuf-harness",), asked), tmp_path / "run")


def test_the_request_names_the_file_as_a_patch_would(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tree / "drivers"
    below.mkdir()
    write("", below)
    monkeypatch.chdir(below)
    assert arguments("run").origins.project == f"drivers/{PROJECT_FILE}"
    assert arguments("run", "--no-project").origins.project == ""


# --- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "dest", "value"),
    [
        ('pytest = ["t.py"]', "pytest", ["{}/t.py"]),
        ('pytest = ["/abs/t.py"]', "pytest", ["/abs/t.py"]),
        ('out = "results"', "out", "{}/results"),
        ('expectations = ["e.toml"]', "expectations", ["{}/e.toml"]),
        ('report = ["html=r.html"]', "report", ["html={}/r.html"]),
        ('base = "dir:../other"', "base", "dir:{}/../other"),
        ('base = "git:here@v6.12"', "base", "git:{}/here@v6.12"),
        ('base = "git:@v6.12"', "base", "git:@v6.12"),
        ('base = "debian:6.12"', "base", "debian:6.12"),
        ('patch = ["there.patch", "main..topic", "lore:1@b"]', "patch", ["{}/there.patch", "main..topic", "lore:1@b"]),
        ('revert = ["there.patch", "abc123"]', "revert", ["{}/there.patch", "abc123"]),
        ('fixup = ["before-dynamic-5.10"]', "fixup", ["before-dynamic-5.10"]),
    ],
)
def test_paths_are_relative_to_the_file(
    line: str, dest: str, value: str | list[str], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"{line}\n")
    (tree / "there.patch").touch()
    (tree / "sub").mkdir()
    monkeypatch.chdir(tree / "sub")
    found = getattr(arguments("run"), dest)
    shown = [str(one) for one in found] if isinstance(found, list) else str(found)
    assert shown == ([one.format(tree) for one in value] if isinstance(value, list) else value.format(tree))


# --- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\nvarient = 'on'\n", f"{PROJECT_FILE}:2: unknown key 'varient'; did you mean variant? possible: accel"),
        ("no_base = true\n", "unknown key 'no_base'; did you mean no-base?"),
        ("[run]\nbase = 'x'\n", "unknown key 'run'"),
        ("suite = 'checks'\n", "suite cannot be 'checks'; write suite = [\"NAME\", ...]"),
        ("suite = [3]\n", 'suite cannot be 3; write suite = ["NAME", ...]'),
        ("variant = ['on']\n", "variant cannot be ['on']; write variant = \"NAME\""),
        ("variant = ''\n", "variant cannot be ''"),
        ("strict = 'yes'\n", "strict cannot be 'yes'; write strict = true or false"),
        ("memory = '1024'\n", "memory cannot be '1024'; write memory = NUMBER"),
        ("jobs = true\n", "jobs cannot be True; write jobs = NUMBER"),
        ("jobs = 0\n", "jobs 0 must be at least 1; write jobs = NUMBER"),
        ("accel = 'xen'\n", 'accel cannot be \'xen\'; write accel = "auto" or "kvm" or "tcg"'),
        ("each = true\neach = true\n", "not TOML"),
        ("\x00", "not TOML"),
        (r'patch = ["a\u0000b"]', "patch cannot be 'a\\x00b'"),
        (r'report = ["markdown=\u0000"]', "report cannot be 'markdown=\\x00'"),
        (f"only = {'[' * 9000}", "lists or tables are nested too deeply"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(text)
    assert main(["show", "--no-patch"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"dmabuf-harness: {PROJECT_FILE}:") and says in said


def test_a_pipe_of_that_name_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(PROJECT_FILE)
    assert main(["show", "--no-patch"]) == 2
    assert f"{PROJECT_FILE}: no plain file" in capsys.readouterr().err


def test_a_wrong_file_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    write("nonsense = 1\n")
    assert main(["show", "--no-patch", "--no-project", "--suite", "checks"]) == 0
    assert "default:" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a = 1\n\n# a = 2\nb = [\n  1,\n]\nc = 3\n", {"a": 1, "b": 4, "c": 7}),
        ('a = """\nb = 1\n"""\nb = 2\n', {"a": 1, "b": 4}),
        ("\n# only words\n", {}),
    ],
)
def test_lines_are_told(text: str, lines: dict[str, int]) -> None:
    assert key_lines(text) == lines


# --- show and init ------------------------------------------------------------------------------


def test_show_tells_where_each_value_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    patch = tmp_path / "a.patch"
    patch.write_bytes(known_patches()[0].body)
    write('base = "debian:6.12"\nsuite = ["checks"]\n')
    assert main(["show", "-p", str(patch), "--variant", "on"]) == 0
    said = re.sub(r"\n +", " ", capsys.readouterr().out)
    assert re.search(rf"option +base = debian:6\.12 +\({PROJECT_FILE}:1\)", said)
    assert "variant = on" in said and "(command line)" in said
    assert re.search(r"default .*repeat = 3", said) and re.search(r"not set .*\bstrict\b", said)
    shown = set(re.findall(r"[a-z-]{3,}", said))
    assert shown >= set(run_options())


def test_init_writes_what_can_be_read_and_says_nothing_yet(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tree / "drivers"
    below.mkdir()
    monkeypatch.chdir(below)
    assert main(["init"]) == 0
    assert tomllib.loads((tree / PROJECT_FILE).read_text()) == {}
    assert arguments("run").origins.words == ["--no-project"]


def test_init_names_every_option_and_its_examples_are_right() -> None:
    text = skeleton()
    assert all(re.search(rf"(?<![\w-]){re.escape(key)} = ", re.sub(r"\n# +", " ", text)) for key in run_options())
    write("".join(f"{key} = {value}\n" for key, value in EXAMPLES.items()))
    found = arguments("run")
    assert all(found.origins.keys[key].startswith(PROJECT_FILE) for key in EXAMPLES)
    for key, value in EXAMPLES.items():
        assert f"\n# {key} = {value}\n" in text


def test_init_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write("mine = 1\n")
    assert main(["init"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert Path(PROJECT_FILE).read_text() == "mine = 1\n"
    assert main(["init", "nowhere"]) == 2
