# SPDX-License-Identifier: GPL-2.0-only
"""ci/setup on project directories of our own: what it says, what it would install, when it does nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness.cli.main import parser
from harness.paths import PROJECT_ROOT

TOOLS = (
    *("awk", "bash", "cat", "cut", "dirname", "env", "find", "flock", "grep", "head", "id", "ls", "mv", "paste"),
    *("readlink", "rm", "sha256sum", "tail", "xargs", "python3"),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "ci").mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "ci/setup", root / "ci/setup")
    (root / "ci/packages.txt").write_text("# comment\n\nbash bash needed a shell\n")
    (root / "requirements.lock").write_text("")
    (root / "pyproject.toml").write_text("")
    return root


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory for PATH that has only what the script itself uses: no apt-get, so not Debian."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(str(shutil.which(name, path="/usr/bin:/bin")))
    return folder


def fake(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


def run(project: Path, path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    # The script itself adds the sbin directories.
    argv = ["/bin/bash", str(project / "ci/setup"), *args]
    return subprocess.run(argv, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


def make_ready(project: Path) -> Path:
    """An environment such as ``make_venv`` leaves it."""
    venv = project / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "lib/python3.11/site-packages/paramiko").mkdir(parents=True)
    fake(venv / "bin", "python", "echo 3.11")
    stamp = '. <(sed "/^main /d" ci/setup); root=$PWD venv=$PWD/.venv; { inputs; contents; } >.venv/setup.stamp'
    subprocess.run(["bash", "-c", stamp], cwd=project, check=True)
    return venv


def test_says_what_is_missing_and_changes_nothing(project: Path, programs: Path) -> None:
    (project / "ci/packages.txt").write_text("frob-utils frobnicate needed frobs\nlibx /no/such/x* needed x\n")
    done = run(project, programs, "--check")
    assert done.returncode == 1
    assert "missing packages: frob-utils libx" in done.stdout
    assert not (project / ".venv").exists()


def test_ready_machine_is_left_alone(project: Path, programs: Path) -> None:
    make_ready(project)
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
    assert run(project, programs).returncode == 0
    assert run(project, programs, "--check").stdout == "setup: ready\n"
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_change_of_what_it_is_made_from_calls_for_a_new_environment(project: Path, programs: Path, name: str) -> None:
    make_ready(project)
    (project / name).write_text("# changed\n")
    assert run(project, programs, "--check").returncode == 1


@pytest.mark.parametrize("lost", ["lib/python3.11/site-packages/paramiko", "bin/python", "setup.stamp"])
def test_damaged_environment_is_noticed(project: Path, programs: Path, lost: str) -> None:
    venv = make_ready(project)
    (venv / lost).rename(project / "lost")
    done = run(project, programs, "--check")
    assert (done.returncode, "has to be made" in done.stdout) == (1, True)


def test_what_the_user_adds_does_no_harm(project: Path, programs: Path) -> None:
    venv = make_ready(project)
    (venv / "lib/python3.11/site-packages/ipython").mkdir()
    assert run(project, programs, "--check").returncode == 0


def test_other_distributions_get_a_list(project: Path, programs: Path) -> None:
    (project / "ci/packages.txt").write_text("frob-utils frobnicate needed frobs the kernel\n")
    done = run(project, programs)
    assert done.returncode == 2
    assert re.search(r"frobnicate +needed +frobs the kernel \(in Debian: frob-utils\)", done.stdout)


def test_other_distributions_go_on_without_what_is_optional(project: Path, programs: Path) -> None:
    make_ready(project)
    (project / "ci/packages.txt").write_text("frob-utils frobnicate optional frobs\n")
    done = run(project, programs)
    assert (done.returncode, "frobnicate" in done.stdout) == (0, True)


def test_installs_just_what_is_missing(project: Path, programs: Path, tmp_path: Path) -> None:
    if "debian" not in Path("/etc/os-release").read_text():
        pytest.skip("needs Debian")
    make_ready(project)
    (project / "ci/packages.txt").write_text(
        "bash bash needed a shell\nfrob-utils frobnicate needed frobs\nopenssh-server frobd needed sshd\n"
    )
    fake(programs, "sudo", '"$@"')
    fake(
        programs,
        "apt-get",
        f'echo "$@" >>{tmp_path}/apt; [[ $* != *install* ]] || for p in frobnicate frobd; do '
        f"echo '#!/bin/bash' >{programs}/$p; {shutil.which('chmod')} +x {programs}/$p; done",
    )
    done = run(project, programs)
    assert done.returncode == 0, done.stderr
    assert "installing the Debian packages: frob-utils openssh-server" in done.stdout
    assert "systemctl disable --now ssh" in done.stdout
    lines = (tmp_path / "apt").read_text().splitlines()
    assert [line.split()[-1] for line in lines] == ["update", "openssh-server"]
    assert "bash" not in lines[1]


def test_failing_installation_is_said(project: Path, programs: Path) -> None:
    if "debian" not in Path("/etc/os-release").read_text():
        pytest.skip("needs Debian")
    (project / "ci/packages.txt").write_text("frob-utils frobnicate needed frobs\n")
    fake(programs, "sudo", '"$@"')
    fake(programs, "apt-get", "[[ $* == *update* ]] || { echo 'E: no such package' >&2; exit 100; }")
    done = run(project, programs)
    assert done.returncode == 3
    assert "E: no such package" in done.stderr
    assert "apt-get install failed" in done.stderr


def test_unknown_option(project: Path, programs: Path) -> None:
    done = run(project, programs, "--chek")
    assert (done.returncode, "usage" in done.stderr) == (2, True)


def test_lock_holds_every_dependency_by_version_and_hash_and_names_no_host() -> None:
    text = (PROJECT_ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", text))
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    wanted += project["build-system"]["requires"]
    assert {re.split("[<>=~! ]", name)[0] for name in wanted} <= set(locked)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(locked)
    assert "://" not in text


@pytest.mark.parametrize("name", ["ci/github/dmabuf-harness.yml", "ci/gitlab/dmabuf-harness.yml", "ci/Containerfile"])
def test_ci_files_name_what_exists(name: str) -> None:
    text = (PROJECT_ROOT / name).read_text()
    assert "\t" not in text
    for path in re.findall(r"dmabuf-harness/(ci/\w+)", text):
        assert (PROJECT_ROOT / path).is_file()
    command = re.findall(r"dmabuf-harness run (.*)", text)[0]
    (run,) = (one for one in parser().commands() if one.prog.endswith(" run"))
    assert set(re.findall(r"--?[a-z]+\b", command)) <= set(re.findall(r"--?[a-z]+", run.format_help()))


@pytest.mark.network
def test_environment_is_made_from_the_lock(tmp_path: Path) -> None:
    """The real thing, in a copy of the project's skeleton, where an earlier attempt was cut off."""
    root = tmp_path / "project"
    for name in ("ci/setup", "ci/packages.txt", "requirements.lock", "pyproject.toml", "harness/__init__.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_ROOT / name, root / name)
    (root / ".venv/bin").mkdir(parents=True)
    fake(root / ".venv/bin", "python", "exit 1")

    def setup(*args: str) -> int:
        return subprocess.run([root / "ci/setup", *args], stdout=subprocess.DEVNULL, check=False).returncode

    assert (setup("--check"), setup(), setup("--check")) == (1, 0, 0)
    assert (root / ".venv/bin/dmabuf-harness").is_file()
